//! Comparison of answers (docs/methods.md M3.6), and early stopping measures over forced answers (docs/methods.md M4.2).

use crate::core::types::{EarlyExit, Mode};

/// Returns whether an answer equals the gold one: lower-cased, without commas and white space (docs/methods.md M3.6). As published,
/// strings are compared: `18.0` is not `18`, and a full stop counts.
#[must_use]
pub fn is_correct(value: Option<&str>, gold: &str) -> bool {
    value.is_some_and(|value| same(value, gold))
}

/// Returns whether two answers are equal by docs/methods.md M3.6.
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

/// Returns the smallest k whose forced answer equals the clean one (docs/methods.md M4.2); `None` if there is no such k or no clean
/// answer. In written mode, k counts tokens, and k = 0 (no steps) is excluded.
#[must_use]
pub fn first_match(exits: &[EarlyExit], mode: Mode, clean: Option<&str>) -> Option<usize> {
    let clean = clean.filter(|value| !value.is_empty())?;
    exits
        .iter()
        .filter(|exit| mode != Mode::Written || exit.k > 0)
        .find(|exit| same(exit.value.as_deref().unwrap_or_default(), clean))
        .map(|exit| exit.k)
}

/// Returns the smallest k from which on every forced answer equals the last one, regardless of the clean answer (docs/methods.md M4.2).
/// In written mode, answers are compared verbatim and k = 0 is excluded.
#[must_use]
pub fn stable_match(exits: &[EarlyExit], mode: Mode) -> Option<usize> {
    let last = exits.last()?.value.as_deref().unwrap_or_default();
    exits
        .iter()
        .rev()
        .filter(|exit| mode != Mode::Written || exit.k > 0)
        .take_while(|exit| {
            let value = exit.value.as_deref().unwrap_or_default();
            if mode == Mode::Written {
                value == last
            } else {
                same(value, last)
            }
        })
        .last()
        .map(|exit| exit.k)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Builds forced answers after 0, 1, ... latents; an empty text means no answer.
    pub(crate) fn exits(values: &[&str]) -> Vec<EarlyExit> {
        let exit = |(k, value): (usize, &&str)| EarlyExit {
            k,
            value: (!value.is_empty()).then(|| (*value).to_owned()),
            logprob: None,
            clean_logprob: None,
        };
        values.iter().enumerate().map(exit).collect()
    }

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
    fn matches_are_those_of_the_paper() {
        // The test vectors of docs/methods.md M12, and the quirks of section 4.
        for (values, clean, first, stable) in [
            (
                &["5", "7", "7", "8", "7", "7", "7"][..],
                Some("7"),
                Some(1),
                Some(4),
            ),
            (
                &["5", "7", "7", "8", "7", "7", "9"],
                Some("7"),
                Some(1),
                Some(6),
            ),
            (&["1", "2", "2"], Some("9"), None, Some(1)),
            (&["", "", ""], Some("9"), None, Some(0)),
            (&["1,200", "1200"], Some("1200"), Some(0), Some(0)),
            (&["1", "2"], None, None, Some(1)),
            (&["1", ""], Some(""), None, Some(1)),
            (&[], Some("7"), None, None),
        ] {
            let exits = exits(values);
            assert_eq!(
                first_match(&exits, Mode::Latent, clean),
                first,
                "{values:?}"
            );
            assert_eq!(stable_match(&exits, Mode::Latent), stable, "{values:?}");
        }
        let written = exits(&["7", "7", "7.", "7."]);
        assert_eq!(first_match(&written, Mode::Written, Some("7")), Some(1));
        assert_eq!(stable_match(&written, Mode::Written), Some(2));
    }
}
