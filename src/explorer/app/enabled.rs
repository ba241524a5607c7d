//! When an action can be performed, and why not.

use crate::explorer::app::action::Action;
use crate::explorer::app::opening::neighbour;
use crate::explorer::app::{App, Model, Page, dataset, on_manner};

/// Checks whether an action can be performed now.
///
/// # Errors
/// The reason why not, in a few words.
pub fn enabled(app: &App, action: Action) -> Result<(), &'static str> {
    let need = |holds: bool, reason: &'static str| if holds { Ok(()) } else { Err(reason) };
    if app.page != Page::Run && is_of_the_run(action) {
        return Err("only with the run on screen, esc goes back");
    }
    dataset::enabled::enabled(app, action)?;
    match action {
        Action::StepLeft | Action::StepRight | Action::FirstToken | Action::LastToken => {
            need(!app.live.positions.is_empty(), "nothing has run yet")
        }
        Action::ToggleLatent => need(
            app.latent_under_cursor().is_some(),
            "the cursor is not on a latent",
        ),
        Action::JumpLatent
        | Action::ToggleAll
        | Action::OpenSweep
        | Action::OpenLattice
        | Action::OpenInfluence => need(app.live.n_latents() > 0, "there are no latents yet"),
        Action::PickLayers => need(
            on_manner::has_layers(&app.ablation),
            "layers need the site kv or the value kv-block",
        ),
        Action::MatchSteps => on_manner::can_match(app),
        Action::OpenExits | Action::OpenCompare | Action::OpenLayers => {
            need(app.session.run.is_some(), "nothing has run yet")
        }
        Action::OpenEvidence => need(app.session.verdict.is_some(), "there is no verdict yet"),
        Action::EnterCell => need(app.page != Page::Compare, "there is nothing to go to"),
        Action::SwitchLeft => {
            need(app.page == Page::Compare, "only in the comparison")?;
            need(app.other.is_some(), "no other run was open before")
        }
        Action::FollowToken => need(app.page == Page::Layers, "only on the page of layers"),
        Action::OpenProblems => need(!app.library.problems.is_empty(), "no problems are loaded"),
        Action::NextProblem => need(
            neighbour(app, Action::NextProblem).is_some(),
            if app.in_table.is_some() {
                "this is the last problem of the table"
            } else {
                "this is the last problem"
            },
        ),
        Action::PreviousProblem => need(
            neighbour(app, Action::PreviousProblem).is_some(),
            if app.in_table.is_some() {
                "this is the first problem of the table"
            } else {
                "this is the first problem"
            },
        ),
        Action::EditQuestion => need(app.session.problem.is_some(), "no problem is open"),
        Action::NewQuestion => need(app.info().is_some(), "the model is not ready"),
        Action::PickModel => need(!app.models.is_empty(), "there is no other model"),
        Action::Rerun => need(
            app.session.problem.is_some() || app.model == Model::Failed,
            "no problem is open",
        ),
        Action::WriteNote | Action::PickTag | Action::Export => need(
            app.session.problem.is_some() || app.session.run.is_some(),
            "no problem is open",
        ),
        Action::Undo => need(app.history.can_undo(), "nothing to undo"),
        Action::Redo => need(app.history.can_redo(), "nothing to redo"),
        Action::Cancel => need(app.can_cancel(), "nothing is under way"),
        _ => Ok(()),
    }
}

/// Returns whether an action acts on the panes of the run, which other pages hide.
fn is_of_the_run(action: Action) -> bool {
    matches!(
        action,
        Action::StepLeft
            | Action::StepRight
            | Action::FirstToken
            | Action::LastToken
            | Action::JumpLatent
            | Action::ToggleLatent
            | Action::ToggleAll
            | Action::NextPane
            | Action::PreviousPane
            | Action::ZoomPane
            | Action::ScrollUp
            | Action::ScrollDown
            | Action::PageUp
            | Action::PageDown
            | Action::ScrollTop
            | Action::ScrollBottom
    )
}
