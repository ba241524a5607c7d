//! How early the answer is settled (docs/methods.md M4.2).

use crate::core::answers;
use crate::core::types::{EarlyExit, Mode};
use crate::lab::rows::row::EarlyStopping;

/// Returns the first and stable match of the forced answers; `None` for a run without an exit to match and for one without
/// an answer, which the published code leaves out.
pub(super) fn matches(
    mode: Mode,
    answer: Option<&str>,
    exits: &[EarlyExit],
) -> Option<EarlyStopping> {
    answer?;
    // For written steps k counts tokens; the row counts steps.
    let place = |k: usize| exits.iter().position(|exit| exit.k == k);
    let stable_match = answers::stable_match(exits, mode).and_then(place)?;
    Some(EarlyStopping {
        of: exits.len() - 1,
        first_match: answers::first_match(exits, mode, answer).and_then(place),
        stable_match,
        exits: exits.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::answers::tests::exits;

    fn found(mode: Mode, answer: &str, values: &[&str]) -> Option<(Option<usize>, usize)> {
        let found = matches(mode, Some(answer), &exits(values))?;
        assert_eq!(found.of + 1, values.len());
        Some((found.first_match, found.stable_match))
    }

    #[test]
    fn first_and_stable_match_are_as_published() {
        let latent = |answer, values: &[&str]| found(Mode::Latent, answer, values);
        assert_eq!(latent("7", &["7", "7", "7"]), Some((Some(0), 0)));
        assert_eq!(latent("7", &["7", "5", "7"]), Some((Some(0), 2)));
        assert_eq!(latent("7", &["1", "7", "7"]), Some((Some(1), 1)));
        // The stable match ignores the free answer.
        assert_eq!(latent("9", &["1", "2", "2"]), Some((None, 1)));
        assert_eq!(latent("1,200", &["", "1200", "1 200"]), Some((Some(1), 1)));
        // In written mode k = 0 does not count.
        let written = |answer, values: &[&str]| found(Mode::Written, answer, values);
        assert_eq!(written("7", &["7", "1", "7"]), Some((Some(2), 2)));
        assert_eq!(written("7", &["7", "7", "7"]), Some((Some(1), 1)));
        assert_eq!(written("7", &["7"]), None);
        assert_eq!(matches(Mode::Latent, None, &exits(&["7"])), None);
        assert_eq!(latent("7", &[]), None);
    }
}
