//! Comparisons with chance: each verdict's null, the same pipeline on control models, and multiple testing.

use std::collections::HashSet;

use super::super::gather::GatheredRun;
use super::findings::reaches;
use super::verdicts::at;
use super::{gap, mean_share};
use crate::core::stats::multiple::benjamini_hochberg;
use crate::core::stats::{Share, count, float};
use crate::core::types::Rung;
use crate::lab::present::document::{Cell, Section, Table, Unit};
use crate::lab::rows::kept::{Chance, KeptVerdict};

/// The false discovery rate up to which a result counts as a finding.
const RATE: f64 = 0.05;

/// The name and accessor of a null of the verdict.
type NullOf = (&'static str, fn(&KeptVerdict) -> Option<Chance>);

const NULLS: [NullOf; 2] = [
    ("other problems' latents", |verdict| verdict.null),
    ("other problems' answers", |verdict| verdict.null_answers),
];

/// Returns the name of a control run.
#[must_use]
pub fn name(control: &GatheredRun) -> String {
    let model = &control.header.model.name;
    match &control.header.control {
        Some(kind) => format!("{model} ({kind})"),
        None => format!("{model} (another model)"),
    }
}

/// Returns whether a run can be a control: it holds verdicts, and is of random weights or another model.
#[must_use]
pub fn is_control(main: &GatheredRun, control: &GatheredRun) -> bool {
    let is_other = control.header.model.sha256 != main.header.model.sha256;
    (control.header.control.is_some() || is_other) && judged(control).next().is_some()
}

/// Explains why a run cannot be a control, or how it differs from the main run.
#[must_use]
pub fn remarks(main: &GatheredRun, control: &GatheredRun) -> Vec<String> {
    let name = name(control);
    let mut remarks = Vec::new();
    if judged(control).next().is_none() {
        remarks.push(format!(
            "The control {name} holds no verdicts and does not count as one."
        ));
    } else if !is_control(main, control) {
        remarks.push(format!(
            "The control {name} has the weights of the model itself and does not count as one."
        ));
    }
    let (a, b) = (&main.header, &control.header);
    let known: HashSet<u64> = main.items.iter().map(|item| item.key).collect();
    let (n, of) = (control.items.len(), main.items.len());
    let other = control
        .items
        .iter()
        .filter(|item| !known.contains(&item.key));
    let other = other.count();
    if other > 0 {
        remarks.push(format!(
            "The control {name} ran on other problems, {other} of its {n}: {}.",
            b.data.origin
        ));
    } else if n < of {
        remarks.push(format!(
            "The control {name} ran on {n} of the {of} problems."
        ));
    }
    if a.settings.verdict != b.settings.verdict || a.settings.top_k != b.settings.top_k {
        remarks.push(format!(
            "The verdicts of the control {name} had other settings."
        ));
    }
    if !control.is_whole() {
        remarks.push(format!(
            "The control {name} is not whole: {} of {} rows, shard {}.",
            control.rows, control.planned, control.header.shard
        ));
    }
    remarks
}

fn judged(run: &GatheredRun) -> impl Iterator<Item = KeptVerdict> + '_ {
    run.items.iter().filter_map(|item| item.verdict)
}

/// Returns the share of verdicts that reach a rung.
#[must_use]
pub fn reached(run: &GatheredRun, rung: Rung) -> Share {
    count(judged(run).map(|verdict| reaches(&verdict, rung)))
}

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun, controls: &[GatheredRun]) -> Section {
    let accepted: Vec<&GatheredRun> = controls.iter().filter(|c| is_control(run, c)).collect();
    let mut text = vec![
        "A search among many candidates finds something by chance. Every verdict is set beside the same search in other problems' \
         latents, and the whole pipeline beside a model that cannot reason in its latents."
            .to_owned(),
    ];
    if accepted.is_empty() {
        text.push(
            "No control run is given (--control), so USED and TRACKS are counted below but not headlined: without a model that cannot \
             use its latents it is not known how often the pipeline says so of nothing."
                .to_owned(),
        );
    }
    text.extend(controls.iter().flat_map(|control| remarks(run, control)));
    Section {
        id: "controls",
        title: "Controls and multiplicity".to_owned(),
        text,
        parts: vec![
            nulls(run).into(),
            rungs(run, controls).into(),
            against(run, &accepted).into(),
            multiplicity(run).into(),
        ],
    }
}

fn nulls(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "null",
        "The search on other problems",
        "Own: this problem's latents hold a trace to the model's answer. By chance: the mean share of other problems' latents (or of \
         other problems' answers in these latents) in which the same search succeeds, with a bootstrap 95 % interval over problems. \
         Own less chance is averaged over the same problems.",
        &[
            ("null", "Null"),
            ("searches", "Searches"),
            ("own", "Own"),
            ("chance", "By chance"),
            ("difference", "Own less chance"),
        ],
    );
    for (name, of) in NULLS {
        let with: Vec<(bool, Chance)> = judged(run)
            .filter_map(|verdict| Some((verdict.has_trace, of(&verdict)?)))
            .collect();
        if with.is_empty() {
            continue;
        }
        let chance = |c: &Chance| float(c.hits) / float(c.n);
        let rates: Vec<f64> = with.iter().map(|(_, c)| chance(c)).collect();
        let gain = with
            .iter()
            .map(|(own, c)| f64::from(u8::from(*own)) - chance(c));
        table.push(vec![
            Cell::text(name),
            Cell::Count(with.iter().map(|(_, c)| c.n).fold(0, usize::saturating_add)),
            Cell::share(with.iter().map(|(own, _)| *own)),
            mean_share(&rates, Unit::Share),
            mean_share(&gain.collect::<Vec<_>>(), Unit::Points),
        ]);
    }
    table
}

fn rungs(run: &GatheredRun, controls: &[GatheredRun]) -> Table {
    let mut table = Table::new(
        "control-rungs",
        "Verdicts of this model and of its controls",
        "How many verdicts end at each rung. A pipeline that can be trusted gives a control hardly any TRACKS and USED.",
        &[
            ("run", "Run"),
            ("n", "n"),
            ("used", "USED"),
            ("tracks", "TRACKS"),
            ("present", "PRESENT"),
            ("not_needed", "NOT NEEDED"),
            ("none_found", "NONE FOUND"),
            ("contradicted", "CONTRADICTED"),
            ("abstain", "ABSTAIN"),
        ],
    );
    let own = (format!("{} (this run)", run.header.model.name), run);
    let others = controls.iter().map(|control| (name(control), control));
    for (name, run) in std::iter::once(own).chain(others) {
        let mut row = vec![Cell::text(name), Cell::Count(judged(run).count())];
        row.extend(Rung::ALL.map(|rung| {
            let (correct, wrong, unknown) = at(run, rung);
            Cell::Count(correct + wrong + unknown)
        }));
        table.push(row);
    }
    table
}

fn against(run: &GatheredRun, controls: &[&GatheredRun]) -> Table {
    let mut table = Table::new(
        "control-gaps",
        "This model less its controls",
        "Share of verdicts that reach the rung, and the difference with Newcombe's 95 % interval for independent groups.",
        &[
            ("control", "Control"),
            ("rung", "Rung or above"),
            ("own", "This model"),
            ("other", "Control's"),
            ("gap", "Gap"),
            ("detectable", "Detectable"),
        ],
    );
    for control in controls {
        for rung in [Rung::Present, Rung::Tracks, Rung::Used] {
            let (own, other) = (reached(run, rung), reached(control, rung));
            let [gap, detectable] = gap(own, other);
            table.push(vec![
                Cell::text(name(control)),
                Cell::text(rung.as_str()),
                Cell::of(own),
                Cell::of(other),
                gap,
                detectable,
            ]);
        }
    }
    table
}

fn multiplicity(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "multiplicity",
        "Many problems at once (Benjamini-Hochberg)",
        "Each problem's p-value is (1 + hits) / (1 + n) over its null, and 1 where no trace was found. Of the problems with q at most \
         0.05, at most one in twenty is expected to be chance.",
        &[
            ("null", "Null"),
            ("tests", "Problems"),
            ("p", "p ≤ 0.05"),
            ("q", "q ≤ 0.05"),
            ("smallest", "Smallest p possible"),
        ],
    );
    for (name, of) in NULLS {
        let with = run.items.iter().filter_map(|item| {
            let verdict = item.verdict?;
            Some((verdict.has_trace, of(&verdict)?))
        });
        let with: Vec<(bool, Chance)> = with.collect();
        let Some(most) = with.iter().map(|(_, chance)| chance.n).max() else {
            continue;
        };
        let p: Vec<f64> = with
            .iter()
            .map(|(own, c)| if *own { c.p } else { 1.0 })
            .collect();
        let q = benjamini_hochberg(&p);
        let below = |values: &[f64]| values.iter().filter(|value| **value <= RATE).count();
        table.push(vec![
            Cell::text(name),
            Cell::Count(p.len()),
            Cell::Count(below(&p)),
            Cell::Count(below(&q)),
            Cell::P(1.0 / (1.0 + float(most))),
        ]);
    }
    table
}
