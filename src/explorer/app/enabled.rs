//! When an action can be performed, and why not.

use crate::explorer::app::action::{Ablate, Action, Cell, Keep, Open, Problem, Program, Step};
use crate::explorer::app::opening::neighbour;
use crate::explorer::app::{App, ModelState, Page, dataset, on_ablate};

/// Checks whether an action can be performed now.
///
/// # Errors
/// The reason why not, in a few words.
pub fn enabled(app: &App, action: Action) -> Result<(), &'static str> {
    let need = |holds: bool, reason: &'static str| if holds { Ok(()) } else { Err(reason) };
    if app.chrome.page != Page::Run && is_of_the_run(action) {
        return Err("only with the run on screen, esc goes back");
    }
    dataset::enabled::enabled(app, action)?;
    let session = &app.run.session;
    let neighbour_is_there = |next: bool, last: &'static str, last_of_table: &'static str| {
        let is_listed = app.dataset.open.is_none();
        need(
            neighbour(app, next).is_some(),
            if is_listed { last } else { last_of_table },
        )
    };
    match action {
        Action::Step(Step::Jump)
        | Action::Ablate(Ablate::ToggleAll)
        | Action::Open(Open::Sweep | Open::Lattice | Open::Influence) => {
            need(app.run.live.n_latents() > 0, "there are no latents yet")
        }
        Action::Step(_) => need(!app.run.live.positions.is_empty(), "nothing has run yet"),
        Action::Ablate(Ablate::Toggle) => need(
            app.run.latent_under_cursor().is_some(),
            "the cursor is not on a latent",
        ),
        Action::Ablate(Ablate::Layers) => need(
            on_ablate::has_layers(&app.run.ablation),
            "layers need the site kv or the value kv-block",
        ),
        Action::Ablate(Ablate::MatchSteps) => on_ablate::can_match(app),
        Action::Open(Open::Exits | Open::Compare | Open::Layers) => {
            need(session.run.is_some(), "nothing has run yet")
        }
        Action::Open(Open::Evidence) => need(session.verdict.is_some(), "there is no verdict yet"),
        Action::Cell(Cell::Enter) => need(
            app.chrome.page != Page::Compare,
            "there is nothing to go to",
        ),
        Action::Cell(Cell::SwitchLeft) => {
            need(app.chrome.page == Page::Compare, "only in the comparison")?;
            need(app.run.other.is_some(), "no other run was open before")
        }
        Action::Cell(Cell::FollowToken) => need(
            app.chrome.page == Page::Layers,
            "only on the page of layers",
        ),
        Action::Problem(Problem::Pick) => {
            need(!app.library.problems.is_empty(), "no problems are loaded")
        }
        Action::Problem(Problem::Next) => neighbour_is_there(
            true,
            "this is the last problem",
            "this is the last problem of the table",
        ),
        Action::Problem(Problem::Previous) => neighbour_is_there(
            false,
            "this is the first problem",
            "this is the first problem of the table",
        ),
        Action::Problem(Problem::Edit) => need(session.problem.is_some(), "no problem is open"),
        Action::Problem(Problem::New) => need(app.model.info().is_some(), "the model is not ready"),
        Action::Problem(Problem::Model) => {
            need(!app.model.choices.is_empty(), "there is no other model")
        }
        Action::Problem(Problem::Rerun) => need(
            session.problem.is_some() || app.model.state == ModelState::Failed,
            "no problem is open",
        ),
        Action::Keep(Keep::Note | Keep::Tag | Keep::Export) => need(
            session.problem.is_some() || session.run.is_some(),
            "no problem is open",
        ),
        Action::Keep(Keep::Undo) => need(app.run.kept.history.can_undo(), "nothing to undo"),
        Action::Keep(Keep::Redo) => need(app.run.kept.history.can_redo(), "nothing to redo"),
        Action::Program(Program::Cancel) => need(app.can_cancel(), "nothing is under way"),
        _ => Ok(()),
    }
}

/// Returns whether an action acts on the panes of the run, which other pages hide.
fn is_of_the_run(action: Action) -> bool {
    matches!(
        action,
        Action::Step(_)
            | Action::Ablate(Ablate::Toggle | Ablate::ToggleAll)
            | Action::Focus(_)
            | Action::Scroll(_)
    )
}
