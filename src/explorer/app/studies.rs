//! The studies of the open run: results, the pending request, and cancelled or failed requests.
//!
//! The wanted study is derived from the state after every message, so opening a page, changing the manner or starting a run each lead
//! to a request. The worker computes one study at a time, and the newest request wins.

use std::collections::BTreeSet;

use crate::core::types::{
    Ablation, AblationValue, Direction, LatentIdx, Lattice, Propagation, Study, StudyKind, Sweep,
};
use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{JobState, Phase};
use crate::explorer::app::{App, Failure};
use crate::explorer::worker::protocol::{Request, StudyRequest};

/// With more latents than this, the lattice is computed only on request.
const FEW_LATENTS: usize = 8;
/// With more latents than this, sets not computed yet are not listed.
const LISTED_LATENTS: usize = 10;

/// The parameters of a study: two equal wishes have the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The kind of study.
    pub kind: StudyKind,
    /// The manner of ablation, without settings that the study does not use.
    pub manner: Ablation,
    /// The token that the layer lens follows; `None` for the answer's first.
    pub token: Option<u32>,
}

impl Wish {
    /// Creates a wish; settings that this kind of study does not use are reset.
    #[must_use]
    pub fn new(kind: StudyKind, ablation: &Ablation, token: Option<u32>) -> Self {
        let mut manner = ablation.with_off(BTreeSet::new());
        match kind {
            StudyKind::Lattice => {}
            StudyKind::Sweep => manner.direction = Direction::default(),
            StudyKind::Influence => {
                manner.direction = Direction::default();
                manner.propagation = Propagation::default();
            }
            StudyKind::Layers => manner = Ablation::default(),
        }
        Self {
            kind,
            manner,
            token: token.filter(|_| kind == StudyKind::Layers),
        }
    }
}

/// A study with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The study, possibly partial.
    pub study: Study,
    /// Its parameters.
    pub wish: Wish,
}

/// The reason why a study was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StudyEnd {
    /// The user stopped it.
    Stopped,
    /// It cannot be computed.
    Failed(Failure),
}

/// The studies of the open run.
#[derive(Debug, Clone, Default)]
pub struct Studies {
    held: [Option<Held>; 4],
    asked: Option<Wish>,
    ended: Vec<(Wish, StudyEnd)>,
    /// The manner for which the lattice is computed in the background, once per run.
    background: Option<Ablation>,
}

fn place(kind: StudyKind) -> usize {
    match kind {
        StudyKind::Sweep => 0,
        StudyKind::Lattice => 1,
        StudyKind::Influence => 2,
        StudyKind::Layers => 3,
    }
}

impl Studies {
    /// Returns the study of a kind, fresh or stale.
    #[must_use]
    pub fn held(&self, kind: StudyKind) -> Option<&Held> {
        self.held[place(kind)].as_ref()
    }

    /// Returns the pending request.
    #[must_use]
    pub fn asked(&self) -> Option<&Wish> {
        self.asked.as_ref()
    }

    /// Returns why this study was given up, if it was.
    #[must_use]
    pub fn ended(&self, wish: &Wish) -> Option<&StudyEnd> {
        let found = self.ended.iter().find(|(ended, _)| ended == wish);
        found.map(|(_, why)| why)
    }

    /// Returns whether the complete study for a wish is present.
    #[must_use]
    pub fn has(&self, wish: &Wish) -> bool {
        self.held(wish.kind)
            .is_some_and(|held| held.wish == *wish && is_complete(&held.study))
    }

    /// Cancels the pending request; partial results stay.
    pub(super) fn stop(&mut self) {
        if let Some(wish) = self.asked.take() {
            self.end(wish, StudyEnd::Stopped);
        }
    }

    /// Forgets the pending request, which the worker dropped; it may be requested again.
    pub(super) fn drop_asked(&mut self) {
        self.asked = None;
    }

    /// Allows a wish that was given up to be requested again.
    pub(super) fn retry(&mut self, wish: &Wish) {
        self.ended.retain(|(ended, _)| ended != wish);
    }

    /// Marks the pending request as failed.
    pub(super) fn fail(&mut self, failure: &Failure) {
        if let Some(wish) = self.asked.take() {
            self.end(wish, StudyEnd::Failed(failure.clone()));
        }
    }

    fn end(&mut self, wish: Wish, why: StudyEnd) {
        self.retry(&wish);
        self.ended.push((wish, why));
    }

    /// Stores a study in place of the previous one of its kind.
    pub(super) fn land(&mut self, study: Study) {
        let wish = answered(&study, self.asked.as_ref());
        let is_complete = is_complete(&study);
        if self.asked.as_ref() == Some(&wish) {
            self.asked.take_if(|_| is_complete);
        }
        if is_complete {
            self.retry(&wish);
        }
        let place = place(wish.kind);
        self.held[place] = Some(Held { study, wish });
    }
}

/// Returns the wish that a study answers, from its own parameters; those not recorded in it come from the pending request.
fn answered(study: &Study, asked: Option<&Wish>) -> Wish {
    let kind = study.kind();
    let asked = asked.filter(|wish| wish.kind == kind);
    match study {
        Study::Lattice(lattice) => Wish::new(kind, &lattice.manner, None),
        Study::Influence(influence) => Wish::new(kind, &influence.manner, None),
        Study::Sweep(sweep) => {
            let mut wish = Wish::new(kind, &sweep.manner, None);
            let of_pairs = sweep.pairs.first().map(|pair| pair.value);
            if let Some(value) = of_pairs.or(asked.map(|wish| wish.manner.value)) {
                wish.manner.value = value;
            }
            if let Some(asked) = asked.filter(|asked| asked.manner.value == wish.manner.value) {
                wish.manner.donor = asked.manner.donor;
            }
            wish
        }
        Study::Layers(lens) => {
            let token = match asked {
                Some(wish) if wish.token.is_none_or(|token| token == lens.token) => wish.token,
                _ => Some(lens.token),
            };
            Wish::new(kind, &Ablation::default(), token)
        }
    }
}

/// Returns whether a study is complete.
#[must_use]
pub fn is_complete(study: &Study) -> bool {
    match study {
        Study::Sweep(sweep) => sweep.complete,
        Study::Lattice(lattice) => lattice.complete,
        Study::Influence(influence) => {
            let n = influence.n_latents;
            influence.answers.len() >= n && influence.latents.len() >= pairs(n)
        }
        Study::Layers(lens) => !lens.rows.is_empty(),
    }
}

/// Returns the number of pairs of `n` items.
fn pairs(n: usize) -> usize {
    n * n.saturating_sub(1) / 2
}

/// Returns the progress of a study: parts done, parts in all, and their name.
#[must_use]
pub fn progress(study: &Study) -> (usize, usize, &'static str) {
    match study {
        Study::Sweep(sweep) => {
            let n = sweep.n_latents;
            let all = 2 * n * sweep_values(sweep).len() + pairs(n);
            (sweep.cells.len() + sweep.pairs.len(), all, "cells")
        }
        Study::Lattice(lattice) => {
            let all = u32::try_from(lattice.n_latents)
                .ok()
                .and_then(|n| 1_usize.checked_shl(n))
                .unwrap_or(usize::MAX);
            (lattice.cells.len(), all, "sets")
        }
        Study::Influence(influence) => (influence.answers.len(), influence.n_latents, "latents"),
        Study::Layers(lens) => (lens.rows.len(), lens.rows.len(), "layers"),
    }
}

/// Returns the values that a sweep has rows for: those present and, until it is complete, those that need no further choice.
#[must_use]
pub fn sweep_values(sweep: &Sweep) -> Vec<AblationValue> {
    const USUAL: [AblationValue; 6] = [
        AblationValue::Resample,
        AblationValue::Mean,
        AblationValue::Zero,
        AblationValue::Noise,
        AblationValue::Token,
        AblationValue::KvBlock,
    ];
    let is_there = |value: AblationValue| sweep.cells.iter().any(|cell| cell.value == value);
    AblationValue::ALL
        .into_iter()
        .filter(|value| is_there(*value) || (!sweep.complete && USUAL.contains(value)))
        .collect()
}

/// Returns every set of latents in the order of the lattice: by size, then by latent. With many latents, only the computed sets.
#[must_use]
pub fn sets(lattice: &Lattice) -> Vec<BTreeSet<LatentIdx>> {
    let n = lattice.n_latents;
    if n > LISTED_LATENTS {
        return lattice.cells.iter().map(|cell| cell.off.clone()).collect();
    }
    let mut all: Vec<BTreeSet<LatentIdx>> = (0..1_usize << n)
        .map(|bits| {
            let is_in = |latent: &LatentIdx| bits >> (latent.0 - 1) & 1 == 1;
            (1..=n).map(LatentIdx).filter(is_in).collect()
        })
        .collect();
    all.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    all
}

impl App {
    /// Returns the wish of the open page, if it shows a study.
    #[must_use]
    pub fn wish(&self) -> Option<Wish> {
        let kind = self.chrome.page.study()?;
        Some(Wish::new(kind, &self.run.ablation, self.run.follow))
    }
}

/// Requests the study wanted now, unless it is present, pending or given up.
pub(super) fn ask(app: &mut App) -> Option<Effect> {
    let is_ready = app.model.info().is_some() && app.run.live.phase == Phase::Done;
    if !is_ready || app.run.session.run.is_none() {
        return None;
    }
    let open = |app: &App, wish: &Wish| {
        let has_subject = app.run.live.n_latents() > 0 || wish.kind == StudyKind::Layers;
        has_subject && !app.run.studies.has(wish) && app.run.studies.ended(wish).is_none()
    };
    let wish = match app.wish().filter(|wish| open(app, wish)) {
        Some(wish) => wish,
        None => unasked(app).filter(|wish| open(app, wish))?,
    };
    if app.run.studies.asked.as_ref() == Some(&wish) {
        return None;
    }
    let request = Request::Study(StudyRequest {
        id: app.run.live.id,
        kind: wish.kind,
        manner: app.run.ablation.with_off(BTreeSet::new()),
        token: wish.token,
    });
    app.run.studies.asked = Some(wish);
    Some(Effect::Send(request))
}

/// Returns the lattice as a background study once everything else about a run is known.
fn unasked(app: &mut App) -> Option<Wish> {
    let live = &app.run.live;
    let is_quiet = [live.exits, live.verdict] == [JobState::Done; 2]
        && live.phrases.is_none()
        && live.ablation != JobState::Waiting
        && app.run.studies.asked.is_none();
    if !is_quiet || !(1..=FEW_LATENTS).contains(&live.n_latents()) {
        return None;
    }
    let wish = Wish::new(StudyKind::Lattice, &app.run.ablation, None);
    let manner = app
        .run
        .studies
        .background
        .get_or_insert_with(|| wish.manner.clone());
    (*manner == wish.manner).then_some(wish)
}
