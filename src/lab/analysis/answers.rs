//! Extracts the answer from generated tokens.

use crate::engine::model::{Branch, Cancel, Model, ModelError};

/// Returns the ids of the answer's value: those after the delimiter in `generated`, or, without a delimiter, up to `most` tokens
/// decoded greedily after a forced one; empty if the model stops at once.
///
/// # Errors
/// When the model fails or is cancelled.
pub fn value_ids(
    model: &Model,
    generated: &[u32],
    forced: &Branch,
    most: usize,
    cancel: &Cancel,
) -> Result<Vec<u32>, ModelError> {
    if let Some(ids) =
        after_delimiter(&model.markers().delimiter, generated).filter(|ids| !ids.is_empty())
    {
        return Ok(ids.to_vec());
    }
    let mut generated = model.generate(forced, most, &mut |_| (), cancel)?;
    Ok(generated.remove(0).ids)
}

/// The ids after the last occurrence of the delimiter.
fn after_delimiter<'a>(delimiter: &[u32], ids: &'a [u32]) -> Option<&'a [u32]> {
    let at = ids
        .windows(delimiter.len())
        .rposition(|window| window == delimiter)?;
    Some(&ids[at + delimiter.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_delimiter_counts() {
        assert_eq!(after_delimiter(&[7], &[7, 1, 7, 2, 3]), Some(&[2, 3][..]));
        assert_eq!(after_delimiter(&[7, 8], &[7, 1]), None);
    }
}
