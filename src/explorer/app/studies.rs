//! The studies of the open run: what is held, which one is being computed, and why one is not.
//!
//! What is wanted follows from the state after every message, so that a page that is open, a change of the manner and
//! a new run all ask by themselves. The worker computes one study at a time, and the newest request wins.

use std::collections::BTreeSet;

use crate::core::types::{
    Ablation, AblationValue, Direction, LatentIdx, Lattice, Propagation, Study, StudyKind, Sweep,
};
use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{Job, Phase};
use crate::explorer::app::{App, Failure};
use crate::explorer::worker::protocol::Request;

/// With more latents than this the sets are computed only when they are asked for.
const FEW_LATENTS: usize = 8;
/// With more latents than this the sets that are still to come are not listed.
const LISTED_LATENTS: usize = 10;

/// What a study is asked with: two equal wishes have the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which study.
    pub kind: StudyKind,
    /// How latents are switched off, without what the study does not use.
    pub manner: Ablation,
    /// The token to follow, in the lens by layer; none for the answer's first.
    pub token: Option<u32>,
}

impl Wish {
    /// A wish; what this kind of study does not use is left out of the manner.
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

/// A study with what it was asked with.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The study, or as much of it as is here.
    pub study: Study,
    /// What it answers.
    pub wish: Wish,
}

/// Why a study is not being computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
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
    ended: Vec<(Wish, Ended)>,
    /// The manner for which the sets are computed unasked, once a run.
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
    /// What is held of a kind, fresh or stale.
    #[must_use]
    pub fn held(&self, kind: StudyKind) -> Option<&Held> {
        self.held[place(kind)].as_ref()
    }

    /// What is being computed.
    #[must_use]
    pub fn asked(&self) -> Option<&Wish> {
        self.asked.as_ref()
    }

    /// Why this wish is not being computed, if it was given up.
    #[must_use]
    pub fn ended(&self, wish: &Wish) -> Option<&Ended> {
        let found = self.ended.iter().find(|(ended, _)| ended == wish);
        found.map(|(_, why)| why)
    }

    /// Whether all of what is wished for is here.
    #[must_use]
    pub fn has(&self, wish: &Wish) -> bool {
        self.held(wish.kind)
            .is_some_and(|held| held.wish == *wish && is_complete(&held.study))
    }

    /// Gives up what is being computed; what has arrived stays.
    pub(super) fn stop(&mut self) {
        if let Some(wish) = self.asked.take() {
            self.end(wish, Ended::Stopped);
        }
    }

    /// What was being computed was dropped by the worker, and may be asked for again.
    pub(super) fn drop_asked(&mut self) {
        self.asked = None;
    }

    /// Lets a wish that was given up be asked for again.
    pub(super) fn retry(&mut self, wish: &Wish) {
        self.ended.retain(|(ended, _)| ended != wish);
    }

    /// The study in hand failed.
    pub(super) fn fail(&mut self, failure: &Failure) {
        if let Some(wish) = self.asked.take() {
            self.end(wish, Ended::Failed(failure.clone()));
        }
    }

    fn end(&mut self, wish: Wish, why: Ended) {
        self.retry(&wish);
        self.ended.push((wish, why));
    }

    /// Takes a study in, in place of the one before it.
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

/// What a study answers: it says itself how it was asked for, apart from what it does not use.
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

/// Whether all of a study is here.
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

/// How many pairs there are of so many.
fn pairs(n: usize) -> usize {
    n * n.saturating_sub(1) / 2
}

/// How much of a study is here: how many of how many, and of what.
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

/// The values that a sweep has rows for: those it holds and, until it is complete, those that ask for no further choice.
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

/// Every set of latents in the order of the lattice: by size, then by latent. Of many latents only what is computed.
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
    /// What the open page would be answered with, if it shows a study.
    #[must_use]
    pub fn wish(&self) -> Option<Wish> {
        let kind = self.page.study()?;
        Some(Wish::new(kind, &self.ablation, self.follow))
    }

    /// What the sets say about the ablation that is wanted, while its own answer is still to come.
    #[must_use]
    pub fn lattice_answer(&self) -> Option<&crate::core::types::Cell> {
        if !self.is_stale() || self.ablation.is_clean() {
            return None;
        }
        let wish = Wish::new(StudyKind::Lattice, &self.ablation, None);
        let held = self.studies.held(StudyKind::Lattice)?;
        match &held.study {
            Study::Lattice(lattice) if self.studies.has(&wish) => lattice.cell(&self.ablation.off),
            _ => None,
        }
    }
}

/// Asks for the study that is wanted now, unless it is here, under way or given up.
pub(super) fn ask(app: &mut App) -> Option<Effect> {
    let is_ready = app.info().is_some() && app.live.phase == Phase::Done;
    if !is_ready || app.session.run.is_none() {
        return None;
    }
    let open = |app: &App, wish: &Wish| {
        let has_subject = app.live.n_latents() > 0 || wish.kind == StudyKind::Layers;
        has_subject && !app.studies.has(wish) && app.studies.ended(wish).is_none()
    };
    let wish = match app.wish().filter(|wish| open(app, wish)) {
        Some(wish) => wish,
        None => unasked(app).filter(|wish| open(app, wish))?,
    };
    if app.studies.asked.as_ref() == Some(&wish) {
        return None;
    }
    let request = Request::Study {
        id: app.live.id,
        kind: wish.kind,
        manner: app.ablation.with_off(BTreeSet::new()),
        token: wish.token,
    };
    app.studies.asked = Some(wish);
    Some(Effect::Send(request))
}

/// The sets, computed unasked once everything else about a run is known.
fn unasked(app: &mut App) -> Option<Wish> {
    let live = &app.live;
    let is_quiet = [live.exits, live.verdict] == [Job::Done; 2]
        && live.phrases.is_none()
        && live.ablation != Job::Waiting
        && app.studies.asked.is_none();
    if !is_quiet || !(1..=FEW_LATENTS).contains(&live.n_latents()) {
        return None;
    }
    let wish = Wish::new(StudyKind::Lattice, &app.ablation, None);
    let manner = app
        .studies
        .background
        .get_or_insert_with(|| wish.manner.clone());
    (*manner == wish.manner).then_some(wish)
}
