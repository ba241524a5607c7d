//! When an action of the data-set view can be performed.

use crate::explorer::app::action::{Action, Context, Section};
use crate::explorer::app::dataset::Work;
use crate::explorer::app::{App, Page};

/// Checks whether an action can be performed while the view is open, or a data-set action at all.
///
/// # Errors
/// The reason why not, in a few words.
pub(in crate::explorer::app) fn enabled(app: &App, action: Action) -> Result<(), &'static str> {
    let spec = action.spec();
    let need = |holds: bool, reason: &'static str| if holds { Ok(()) } else { Err(reason) };
    if app.page != Page::Data {
        return need(spec.context != Context::Data, "only in the data set");
    }
    let is_of_a_problem =
        matches!(
            spec.section,
            Section::Step | Section::Ablate | Section::Problem | Section::View
        ) || matches!(action, Action::WriteNote | Action::PickTag | Action::Export);
    if spec.context == Context::Main && is_of_a_problem && action != Action::PickModel {
        return Err("only with a problem open, enter opens one");
    }
    let dataset = &app.dataset;
    match action {
        Action::OpenRow => {
            need(dataset.item().is_some(), "there is no problem here")?;
            need(app.info().is_some(), "the model is not ready")
        }
        Action::FilterRows
        | Action::SortNext
        | Action::SortPrevious
        | Action::ReverseSort
        | Action::OnlyFigures => need(dataset.run.is_some(), "no run is open"),
        Action::OpenRun | Action::StartRun => need(
            dataset.work == Work::None,
            "a run is under way here, p pauses it",
        ),
        Action::PauseRun => match (&dataset.run, dataset.work) {
            (_, Work::Pausing) => Err("it is finishing its current work"),
            (_, Work::Running) => Ok(()),
            (None, Work::None) => Err("no run is open"),
            (Some(run), Work::None) => need(!run.is_whole(), "the run is complete"),
        },
        _ => Ok(()),
    }
}
