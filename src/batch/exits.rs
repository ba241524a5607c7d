//! How early the answer stands (methods.md 4).

use super::problem::Subject;
use crate::analysis::answers::same;
use crate::rows::row::EarlyStopping;
use crate::trace::{EarlyExit, Mode};

/// First and stable match of the forced answers; none for a run that has nothing to stop early, and for one without an
/// answer, which the published code leaves out.
pub(super) fn matches(subject: &Subject<'_>, exits: &[EarlyExit]) -> Option<EarlyStopping> {
    let answer = subject.clean.run.answer.value.as_deref()?;
    // Written steps are counted from the first on: no step at all is not considered.
    let from = usize::from(subject.clean.mode == Mode::Written);
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
