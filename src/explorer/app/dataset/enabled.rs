//! When an action of the data-set view can be performed.

use crate::explorer::app::action::{self, Action, Keep, Table};
use crate::explorer::app::dataset::RunActivity;
use crate::explorer::app::{App, Page};

/// Checks whether an action can be performed while the view is open, or a data-set action at all.
///
/// # Errors
/// The reason why not, in a few words.
pub(in crate::explorer::app) fn enabled(app: &App, action: Action) -> Result<(), &'static str> {
    let need = |holds: bool, reason: &'static str| if holds { Ok(()) } else { Err(reason) };
    if app.chrome.page != Page::Data {
        return need(!matches!(action, Action::Table(_)), "only in the data set");
    }
    let is_of_a_problem = match action {
        Action::Step(_) | Action::Ablate(_) | Action::Focus(_) | Action::Scroll(_) => true,
        Action::Problem(action) => action != action::Problem::Model,
        Action::Keep(action) => matches!(action, Keep::Note | Keep::Tag | Keep::Export),
        _ => false,
    };
    if is_of_a_problem {
        return Err("only with a problem open, enter opens one");
    }
    let Action::Table(action) = action else {
        return Ok(());
    };
    let dataset = &app.dataset;
    match action {
        Table::OpenRow => {
            need(dataset.item().is_some(), "there is no problem here")?;
            need(app.model.info().is_some(), "the model is not ready")
        }
        Table::Filter
        | Table::SortNext
        | Table::SortPrevious
        | Table::Reverse
        | Table::OnlyFigures => need(dataset.run.is_some(), "no run is open"),
        Table::OpenRun | Table::StartRun => need(
            dataset.work == RunActivity::None,
            "a run is under way here, p pauses it",
        ),
        Table::PauseRun => match (&dataset.run, dataset.work) {
            (_, RunActivity::Pausing) => Err("it is finishing its current work"),
            (_, RunActivity::Running) => Ok(()),
            (None, RunActivity::None) => Err("no run is open"),
            (Some(run), RunActivity::None) => need(!run.is_whole(), "the run is complete"),
        },
    }
}
