//! How early the answer stands (methods.md 4).

use crate::analysis::answers::same;
use crate::rows::row::EarlyStopping;
use crate::trace::{EarlyExit, Mode};

/// First and stable match of the forced answers; none for a run that has nothing to stop early, and for one without an
/// answer, which the published code leaves out.
pub(super) fn matches(
    mode: Mode,
    answer: Option<&str>,
    exits: &[EarlyExit],
) -> Option<EarlyStopping> {
    let answer = answer?;
    // Written steps are counted from the first on: no step at all is not considered.
    let from = usize::from(mode == Mode::Written);
    let considered = exits.get(from..).filter(|exits| !exits.is_empty())?;
    let text = |exit: &EarlyExit| exit.value.clone().unwrap_or_default();
    let last = text(considered.last()?);
    let first = considered.iter().position(|exit| same(&text(exit), answer));
    let kept = considered
        .iter()
        .rev()
        .take_while(|exit| same(&text(exit), &last));
    Some(EarlyStopping {
        of: exits.len() - 1,
        first_match: first.map(|at| at + from),
        stable_match: exits.len() - kept.count(),
        exits: exits.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exits(values: &[&str]) -> Vec<EarlyExit> {
        let exit = |(k, value): (usize, &&str)| EarlyExit {
            k,
            value: (!value.is_empty()).then(|| (*value).to_owned()),
            logprob: None,
            clean_logprob: None,
        };
        values.iter().enumerate().map(exit).collect()
    }

    fn found(mode: Mode, answer: &str, values: &[&str]) -> Option<(Option<usize>, usize)> {
        let found = matches(mode, Some(answer), &exits(values))?;
        assert_eq!(found.of + 1, values.len());
        Some((found.first_match, found.stable_match))
    }

    #[test]
    fn first_and_stable_match_are_those_of_methods_4() {
        let latent = |answer, values: &[&str]| found(Mode::Latent, answer, values);
        assert_eq!(latent("7", &["7", "7", "7"]), Some((Some(0), 0)));
        assert_eq!(latent("7", &["7", "5", "7"]), Some((Some(0), 2)));
        assert_eq!(latent("7", &["1", "7", "7"]), Some((Some(1), 1)));
        // The stable match looks at the last forced answer alone.
        assert_eq!(latent("9", &["1", "2", "2"]), Some((None, 1)));
        assert_eq!(latent("1,200", &["", "1200", "1 200"]), Some((Some(1), 1)));
        // Written steps are considered from the first on.
        let written = |answer, values: &[&str]| found(Mode::Written, answer, values);
        assert_eq!(written("7", &["7", "1", "7"]), Some((Some(2), 2)));
        assert_eq!(written("7", &["7", "7", "7"]), Some((Some(1), 1)));
        assert_eq!(written("7", &["7"]), None);
        assert_eq!(matches(Mode::Latent, None, &exits(&["7"])), None);
        assert_eq!(latent("7", &[]), None);
    }
}
