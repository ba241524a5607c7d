//! Pages: opening and leaving them, the cursor, and the effect of Enter on the cell under it.

use std::collections::BTreeSet;

use crate::core::types::{
    Ablation, AblationValue, Direction, LatentIdx, Pair, PositionKind, Role, StudyKind,
};
use crate::explorer::app::action::Cell;
use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::page::{At, Left, Page};
use crate::explorer::app::results::edit_session;
use crate::explorer::app::studies::{Wish, sets, sweep_values};
use crate::explorer::app::{App, Tone};
use crate::explorer::session::edit::SessionEdit;
use crate::explorer::worker::protocol::Request;

/// The item under the cursor of the sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SweepAt<'a> {
    /// A cell of the grid.
    Cell(AblationValue, Role, LatentIdx),
    /// A pair below the grid.
    Pair(&'a Pair),
}

impl App {
    /// Returns the cursor of the open page, clamped to its rows and columns.
    #[must_use]
    pub fn cursor(&self) -> At {
        let page = self.chrome.page;
        let at = self.run.cursors.get(&page).copied();
        let at = at.unwrap_or(page.start());
        let (rows, columns) = self.shape();
        At {
            row: at.row.min(rows.saturating_sub(1)),
            column: at.column.min(columns.saturating_sub(1)),
        }
    }

    /// Returns the numbers of rows and columns of the open page.
    pub(super) fn shape(&self) -> (usize, usize) {
        match self.chrome.page {
            // The data set has its own cursor, which outlives the run.
            Page::Run | Page::Data => (0, 0),
            Page::Sweep => self.run.sweep().map_or((0, 0), |sweep| {
                let rows = 2 * sweep_values(sweep).len() + sweep.pairs.len();
                (rows, sweep.n_latents)
            }),
            Page::Lattice => self.run.lattice().map_or((0, 0), |l| (sets(l).len(), 1)),
            Page::Influence => self
                .run
                .influence()
                .map_or((0, 0), |found| (found.n_latents, found.n_latents + 2)),
            Page::Exits => (self.run.session.early_exit.len(), 1),
            Page::Evidence => (self.run.evidence_rows().len(), 1),
            // How many rows there are depends on the width of the screen.
            Page::Compare => (usize::MAX, 1),
            Page::Layers => self.run.layers().map_or((0, 0), |lens| {
                (lens.rows.len() + lens.inputs.len(), lens.columns.len())
            }),
        }
    }

    /// Returns the item under the cursor of the sweep.
    #[must_use]
    pub fn sweep_at(&self) -> Option<SweepAt<'_>> {
        let sweep = self.run.sweep()?;
        let At { row, column } = self.cursor();
        let values = sweep_values(sweep);
        let grid = 2 * values.len();
        if let Some(beyond) = row.checked_sub(grid) {
            return sweep.pairs.get(beyond).map(SweepAt::Pair);
        }
        let role = if row % 2 == 0 {
            Role::Necessary
        } else {
            Role::Sufficient
        };
        let value = values.get(row / 2)?;
        Some(SweepAt::Cell(*value, role, LatentIdx(column + 1)))
    }
}

/// Opens a page, or returns to the run if it is already open.
pub(super) fn open(app: &mut App, page: Page) {
    app.chrome.page = if app.chrome.page == page {
        Page::Run
    } else {
        page
    };
    app.chrome.zoomed = false;
    if app.chrome.page == Page::Evidence {
        from_timeline(app);
    }
    if app.chrome.page == Page::Data {
        on_dataset::entered(app);
    }
    // Opening a page overrides an earlier cancellation.
    retry(app);
}

/// Does what can be done on a page besides moving its cursor.
pub(super) fn perform(app: &mut App, action: Cell) -> Vec<Effect> {
    match action {
        Cell::Enter => return enter(app),
        Cell::Leave => return back(app),
        Cell::SwitchLeft => {
            app.run.left = match app.run.left {
                Left::Clean => Left::Previous,
                Left::Previous => Left::Clean,
            }
        }
        Cell::FollowToken => follow_next(app),
    }
    Vec::new()
}

/// Allows the study of the open page to be requested again.
pub(super) fn retry(app: &mut App) {
    if let Some(wish) = app.wish() {
        app.run.studies.retry(&wish);
    }
}

/// Handles Escape on a page: stops the current study, or else returns to the run.
fn back(app: &mut App) -> Vec<Effect> {
    let is_computing = app
        .wish()
        .is_some_and(|wish| app.run.studies.asked() == Some(&wish));
    if !is_computing {
        app.chrome.page = Page::Run;
        return Vec::new();
    }
    app.say(Tone::Info, "stopped, r resumes");
    app.run.live.stop();
    app.run.studies.stop();
    vec![Effect::Send(Request::Cancel)]
}

/// Moves the evidence cursor to the step carried by the latent under the timeline's cursor.
fn from_timeline(app: &mut App) {
    let step = app
        .run
        .latent_under_cursor()
        .and_then(|latent| app.run.step_at(latent));
    if let Some((number, _)) = step {
        let at = At {
            row: number - 1,
            column: 0,
        };
        app.run.cursors.insert(Page::Evidence, at);
    }
}

/// Handles Enter: opens the run with the item under the cursor.
fn enter(app: &mut App) -> Vec<Effect> {
    match wanted(app) {
        Ok(Goal::Off(after)) => {
            app.chrome.page = Page::Run;
            SessionEdit::set_ablation(&app.run.ablation, after)
                .map_or_else(Vec::new, |edit| edit_session(app, edit))
        }
        Ok(Goal::Go(index)) => {
            app.chrome.page = Page::Run;
            app.run.live.move_to(index);
            Vec::new()
        }
        Err(reason) => {
            app.say(Tone::Warning, reason);
            Vec::new()
        }
    }
}

/// The target of Enter.
enum Goal {
    /// The run with these latents off.
    Off(Ablation),
    /// A position of the run.
    Go(usize),
}

fn wanted(app: &App) -> Result<Goal, String> {
    let nothing = || "there is nothing under the cursor yet".to_owned();
    let at = app.cursor();
    match app.chrome.page {
        Page::Sweep => from_sweep(app).map(Goal::Off),
        Page::Lattice => {
            let lattice = app.run.lattice().ok_or_else(nothing)?;
            let off = sets(lattice).into_iter().nth(at.row).ok_or_else(nothing)?;
            Ok(Goal::Off(lattice.manner.with_off(off)))
        }
        Page::Influence => {
            let influence = app.run.influence().ok_or_else(nothing)?;
            let off = BTreeSet::from([LatentIdx(at.row + 1)]);
            Ok(Goal::Off(Ablation {
                propagation: app.run.ablation.propagation,
                ..influence.manner.with_off(off)
            }))
        }
        Page::Exits => {
            let exit = app.run.session.early_exit.get(at.row).ok_or_else(nothing)?;
            let index = match exit.k {
                0 => app
                    .run
                    .live
                    .positions
                    .iter()
                    .position(|position| position.kind == PositionKind::Start),
                k => app.run.live.index_of(LatentIdx(k)),
            };
            index
                .map(Goal::Go)
                .ok_or_else(|| "the run has no such latent".to_owned())
        }
        Page::Layers => {
            let lens = app.run.layers().ok_or_else(nothing)?;
            let column = lens.columns.get(at.column).ok_or_else(nothing)?;
            let latent = column.parse().ok().map(LatentIdx);
            // The columns are the start marker, the latents and the answer, in the order of the run.
            latent
                .filter(|latent| latent.0 == at.column)
                .and_then(|latent| app.run.live.index_of(latent))
                .map(Goal::Go)
                .ok_or_else(|| "this column is not a latent".to_owned())
        }
        Page::Evidence => app
            .evidence_latent()
            .and_then(|latent| app.run.live.index_of(latent))
            .map(Goal::Go)
            .ok_or_else(|| "this row is not about one latent".to_owned()),
        Page::Run | Page::Compare | Page::Data => Err("there is nothing to go to".to_owned()),
    }
}

/// Returns the ablation of the cell under the cursor of the sweep.
fn from_sweep(app: &App) -> Result<Ablation, String> {
    let nothing = || "there is nothing under the cursor yet".to_owned();
    let sweep = app.run.sweep().ok_or_else(nothing)?;
    // Site, propagation and the other settings are those of the sweep.
    let base = Ablation {
        donor: app.run.ablation.donor,
        ..sweep.manner.clone()
    };
    match app.sweep_at().ok_or_else(nothing)? {
        SweepAt::Pair(pair) => Ok(Ablation {
            value: pair.value,
            direction: Direction::Noising,
            ..base.with_off(pair.cell.off.clone())
        }),
        SweepAt::Cell(value, role, latent) => {
            let known = sweep.cell(latent, role, value).ok_or_else(nothing)?;
            if let Some(reason) = &known.refused {
                return Err(reason.clone());
            }
            let all = (1..=sweep.n_latents).map(LatentIdx);
            let off = all
                .filter(|one| (*one == latent) == (role == Role::Necessary))
                .collect();
            Ok(Ablation {
                value,
                direction: match role {
                    Role::Necessary => Direction::Noising,
                    Role::Sufficient => Direction::Denoising,
                },
                donor: base.donor.filter(|_| value == AblationValue::Donor),
                ..base.with_off(off)
            })
        }
    }
}

/// Follows the next token through the layers.
fn follow_next(app: &mut App) {
    let ids = app.run.followable();
    let present = app.run.follow.or(app.run.layers().map(|lens| lens.token));
    let at = ids.iter().position(|id| Some(*id) == present);
    let next = at.map_or(0, |at| (at + 1) % ids.len().max(1));
    app.run.follow = ids.get(next).copied().or(app.run.follow);
    let wish = Wish::new(StudyKind::Layers, &app.run.ablation, app.run.follow);
    app.run.studies.retry(&wish);
}
