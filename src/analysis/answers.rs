//! Reading and comparing answers (methods.md 1.7).

use crate::model::{Branch, Cancel, Model, ModelError};

/// Whether an answer equals the gold one: equal lower-cased strings without commas and spaces (methods.md 1.7).
/// The published comparison is of strings: `18.0` is not `18`, and a full stop counts.
#[must_use]
pub fn is_correct(value: Option<&str>, gold: &str) -> bool {
    value.is_some_and(|value| same(value, gold))
}

/// The equality of methods.md 1.7.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    let normal = |s: &str| {
        s.chars()
            .filter(|c| *c != ',' && !c.is_whitespace())
            .collect::<String>()
            .to_lowercase()
    };
    normal(a) == normal(b)
}

/// Ids of an answer's value: what follows the delimiter in `generated`, or, where it wrote no delimiter, what greedy
/// decoding gives after a forced one, up to `most` tokens: none if the model ends there.
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

/// What follows the last occurrence of the delimiter.
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
    fn answers_compare_as_published() {
        for (value, gold, equal) in [
            ("1,200", "1200", true),
            ("Tom is a bompus .", "Tom is a bompus.", true),
            ("TRUE", "True", true),
            ("18.0", "18", false),
            ("Tom is a bompus", "Tom is a bompus.", false),
        ] {
            assert_eq!(
                is_correct(Some(value), gold),
                equal,
                "{value} against {gold}"
            );
        }
        assert!(!is_correct(None, "4"));
    }

    #[test]
    fn the_last_delimiter_counts() {
        assert_eq!(after_delimiter(&[7], &[7, 1, 7, 2, 3]), Some(&[2, 3][..]));
        assert_eq!(after_delimiter(&[7, 8], &[7, 1]), None);
    }
}
