//! Pages: opening and leaving them, the cursor, and the effect of Enter on the cell under it.

use std::collections::BTreeSet;

use crate::core::types::{
    Ablation, AblationValue, Direction, Influence, LatentIdx, Lattice, LayerLens, Pair,
    PositionKind, Role, Study, StudyKind, Sweep,
};
use crate::explorer::app::action::Action;
use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::page::{At, Left, Page};
use crate::explorer::app::results::edit_session;
use crate::explorer::app::studies::{Wish, sets, sweep_values};
use crate::explorer::app::{App, Tone};
use crate::explorer::session::edit::Edit;
use crate::explorer::worker::protocol::Request;

/// The item under the cursor of the sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SweepAt<'a> {
    /// A cell of the grid.
    Cell(AblationValue, Role, LatentIdx),
    /// A pair below the grid.
    Pair(&'a Pair),
}

/// Returns the page that an action opens.
pub(super) fn page_of(action: Action) -> Option<Page> {
    Some(match action {
        Action::OpenSweep => Page::Sweep,
        Action::OpenLattice => Page::Lattice,
        Action::OpenInfluence => Page::Influence,
        Action::OpenExits => Page::Exits,
        Action::OpenCompare => Page::Compare,
        Action::OpenLayers => Page::Layers,
        Action::OpenEvidence => Page::Evidence,
        Action::OpenData => Page::Data,
        _ => return None,
    })
}

impl App {
    /// Returns the current sweep.
    #[must_use]
    pub fn sweep(&self) -> Option<&Sweep> {
        match &self.studies.held(StudyKind::Sweep)?.study {
            Study::Sweep(sweep) => Some(sweep),
            _ => None,
        }
    }

    /// Returns the current lattice.
    #[must_use]
    pub fn lattice(&self) -> Option<&Lattice> {
        match &self.studies.held(StudyKind::Lattice)?.study {
            Study::Lattice(lattice) => Some(lattice),
            _ => None,
        }
    }

    /// Returns the current influences.
    #[must_use]
    pub fn influence(&self) -> Option<&Influence> {
        match &self.studies.held(StudyKind::Influence)?.study {
            Study::Influence(influence) => Some(influence),
            _ => None,
        }
    }

    /// Returns the current layer lens.
    #[must_use]
    pub fn layers(&self) -> Option<&LayerLens> {
        match &self.studies.held(StudyKind::Layers)?.study {
            Study::Layers(lens) => Some(lens),
            _ => None,
        }
    }

    /// Returns the cursor of the open page, clamped to its rows and columns.
    #[must_use]
    pub fn cursor(&self) -> At {
        let at = self.at[self.page.index()];
        let (rows, columns) = self.shape();
        At {
            row: at.row.min(rows.saturating_sub(1)),
            column: at.column.min(columns.saturating_sub(1)),
        }
    }

    /// Returns the numbers of rows and columns of the open page.
    fn shape(&self) -> (usize, usize) {
        match self.page {
            // The data set has its own cursor, which outlives the run.
            Page::Run | Page::Data => (0, 0),
            Page::Sweep => self.sweep().map_or((0, 0), |sweep| {
                let rows = 2 * sweep_values(sweep).len() + sweep.pairs.len();
                (rows, sweep.n_latents)
            }),
            Page::Lattice => self.lattice().map_or((0, 0), |l| (sets(l).len(), 1)),
            Page::Influence => self
                .influence()
                .map_or((0, 0), |found| (found.n_latents, found.n_latents + 2)),
            Page::Exits => (self.session.early_exit.len(), 1),
            Page::Evidence => (self.evidence_rows().len(), 1),
            // The number of rows depends on the width of the screen.
            Page::Compare => (self.view.page_rows, 1),
            Page::Layers => self.layers().map_or((0, 0), |lens| {
                (lens.rows.len() + lens.inputs.len(), lens.columns.len())
            }),
        }
    }

    /// Returns the item under the cursor of the sweep.
    #[must_use]
    pub fn sweep_at(&self) -> Option<SweepAt<'_>> {
        let sweep = self.sweep()?;
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

    /// Returns the tokens that the layer lens can follow: the top tokens of the latents and the tokens of the answer, each once.
    #[must_use]
    pub fn followable(&self) -> Vec<u32> {
        let mut ids = Vec::new();
        for position in self.session.run.iter().flat_map(|run| &run.positions) {
            let id = match position.kind {
                PositionKind::Latent(_) => {
                    let top = position.projection.as_ref().and_then(|p| p.top.first());
                    top.map(|read| read.id)
                }
                PositionKind::Answer => position.id,
                _ => None,
            };
            if let Some(id) = id.filter(|id| !ids.contains(id)) {
                ids.push(id);
            }
        }
        ids
    }
}

/// Opens a page, or returns to the run if it is already open.
pub(super) fn open(app: &mut App, page: Page) -> Vec<Effect> {
    app.page = if app.page == page { Page::Run } else { page };
    app.zoomed = false;
    if app.page == Page::Evidence {
        from_timeline(app);
    }
    if app.page == Page::Data {
        on_dataset::entered(app);
    }
    // Opening a page overrides an earlier cancellation.
    retry(app);
    Vec::new()
}

/// Allows the study of the open page to be requested again.
pub(super) fn retry(app: &mut App) {
    if let Some(wish) = app.wish() {
        app.studies.retry(&wish);
    }
}

/// Handles Escape on a page: stops the current study, or else returns to the run.
pub(super) fn back(app: &mut App) -> Vec<Effect> {
    let is_computing = app
        .wish()
        .is_some_and(|wish| app.studies.asked() == Some(&wish));
    if !is_computing {
        app.page = Page::Run;
        return Vec::new();
    }
    app.say(Tone::Info, "stopped, r resumes");
    app.live.stop();
    app.studies.stop();
    vec![Effect::Send(Request::Cancel)]
}

/// Moves the cursor of the open page.
pub(super) fn step(app: &mut App, action: Action) {
    if app.page == Page::Data {
        return on_dataset::step(app, action);
    }
    let mut at = app.cursor();
    let page = app.view.page_height.saturating_sub(1).max(1);
    // The sets are laid out in columns, read downwards.
    let beside = if app.page == Page::Lattice {
        Some(app.view.page_rows.max(1))
    } else {
        None
    };
    match (action, beside) {
        (Action::MoveLeft, Some(rows)) => at.row = at.row.checked_sub(rows).unwrap_or(at.row),
        (Action::MoveRight, Some(rows)) => {
            if at.row + rows < app.shape().0 {
                at.row += rows;
            }
        }
        (Action::MoveLeft, None) => at.column = at.column.saturating_sub(1),
        (Action::MoveRight, None) => at.column += 1,
        (Action::MoveUp, _) => at.row = at.row.saturating_sub(1),
        (Action::MoveDown, _) => at.row += 1,
        (Action::MovePageUp, _) => at.row = at.row.saturating_sub(page),
        (Action::MovePageDown, _) => at.row += page,
        (Action::MoveFirst, _) => at.row = 0,
        _ => at.row = usize::MAX,
    }
    app.at[app.page.index()] = at;
    app.at[app.page.index()] = app.cursor();
    // The timeline follows, so that its cursor is on the same latent when the page is left.
    if app.page == Page::Evidence
        && let Some(index) = app
            .evidence_latent()
            .and_then(|latent| app.live.index_of(latent))
    {
        app.live.move_to(index);
    }
}

/// Moves the evidence cursor to the step carried by the latent under the timeline's cursor.
fn from_timeline(app: &mut App) {
    let step = app
        .latent_under_cursor()
        .and_then(|latent| app.step_at(latent));
    if let Some((number, _)) = step {
        app.at[Page::Evidence.index()].row = number - 1;
    }
}

/// Handles Enter: opens the run with the item under the cursor.
pub(super) fn enter(app: &mut App) -> Vec<Effect> {
    match wanted(app) {
        Ok(Goal::Off(after)) => {
            app.page = Page::Run;
            Edit::set_ablation(&app.ablation, after)
                .map_or_else(Vec::new, |edit| edit_session(app, edit))
        }
        Ok(Goal::Go(index)) => {
            app.page = Page::Run;
            app.live.move_to(index);
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
    match app.page {
        Page::Sweep => from_sweep(app).map(Goal::Off),
        Page::Lattice => {
            let lattice = app.lattice().ok_or_else(nothing)?;
            let off = sets(lattice).into_iter().nth(at.row).ok_or_else(nothing)?;
            Ok(Goal::Off(lattice.manner.with_off(off)))
        }
        Page::Influence => {
            let influence = app.influence().ok_or_else(nothing)?;
            let off = BTreeSet::from([LatentIdx(at.row + 1)]);
            Ok(Goal::Off(Ablation {
                propagation: app.ablation.propagation,
                ..influence.manner.with_off(off)
            }))
        }
        Page::Exits => {
            let exit = app.session.early_exit.get(at.row).ok_or_else(nothing)?;
            let index = match exit.k {
                0 => app
                    .live
                    .positions
                    .iter()
                    .position(|position| position.kind == PositionKind::Start),
                k => app.live.index_of(LatentIdx(k)),
            };
            index
                .map(Goal::Go)
                .ok_or_else(|| "the run has no such latent".to_owned())
        }
        Page::Layers => {
            let lens = app.layers().ok_or_else(nothing)?;
            let column = lens.columns.get(at.column).ok_or_else(nothing)?;
            let latent = column.parse().ok().map(LatentIdx);
            // The columns are the start marker, the latents and the answer, in the order of the run.
            latent
                .filter(|latent| latent.0 == at.column)
                .and_then(|latent| app.live.index_of(latent))
                .map(Goal::Go)
                .ok_or_else(|| "this column is not a latent".to_owned())
        }
        Page::Evidence => app
            .evidence_latent()
            .and_then(|latent| app.live.index_of(latent))
            .map(Goal::Go)
            .ok_or_else(|| "this row is not about one latent".to_owned()),
        Page::Run | Page::Compare | Page::Data => Err("there is nothing to go to".to_owned()),
    }
}

/// Returns the ablation of the cell under the cursor of the sweep.
fn from_sweep(app: &App) -> Result<Ablation, String> {
    let nothing = || "there is nothing under the cursor yet".to_owned();
    let sweep = app.sweep().ok_or_else(nothing)?;
    // Site, propagation and the other settings are those of the sweep.
    let base = Ablation {
        donor: app.ablation.donor,
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

pub(super) fn switch_left(app: &mut App) {
    app.left = match app.left {
        Left::Clean => Left::Previous,
        Left::Previous => Left::Clean,
    };
}

/// Follows the next token through the layers.
pub(super) fn follow_next(app: &mut App) {
    let ids = app.followable();
    let present = app.follow.or(app.layers().map(|lens| lens.token));
    let at = ids.iter().position(|id| Some(*id) == present);
    let next = at.map_or(0, |at| (at + 1) % ids.len().max(1));
    app.follow = ids.get(next).copied().or(app.follow);
    let wish = Wish::new(StudyKind::Layers, &app.ablation, app.follow);
    app.studies.retry(&wish);
}
