//! What the run is of, and what it says in a few sentences.

use super::super::gather::Run;
use super::super::table::{Cell, Section, Table, count};
use super::controls::{is_control, name, reached};
use super::findings::reaches;
use super::{group, signal};
use crate::rows::Experiment;
use crate::trace::{Rung, Task};

/// What a reader has to know of a run before its numbers.
#[must_use]
pub fn warnings(run: &Run, what: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let shard = run.header.shard;
    if shard.of > 1 {
        warnings.push(format!(
            "{what} is shard {shard}: a part of the problems. Merge the shards before figures are quoted."
        ));
    }
    if run.is_torn {
        warnings.push(format!(
            "{what} was cut off within a row, or is still being written; that row is not counted."
        ));
    }
    if run.rows < run.planned {
        warnings.push(format!(
            "{what} is not finished: {} of {} rows are there. Experiments have different n, and the first problems may not be like the \
             rest.",
            run.rows, run.planned
        ));
    }
    if run.items.is_empty() {
        warnings.push(format!("{what} holds no problems."));
    } else if run.items.iter().all(|item| item.correct.is_none()) {
        warnings.push(format!(
            "{what} has no gold answers: nothing can be said of correctness."
        ));
    }
    warnings
}

/// The section with the header.
#[must_use]
pub fn section(run: &Run, controls: &[Run], hard: Option<&Run>) -> Section {
    let mut parts = vec![about(run).into()];
    if !run.refused.is_empty() {
        parts.push(refused(run).into());
    }
    Section {
        id: "summary",
        title: "Summary".to_owned(),
        text: summary(run, controls, hard),
        parts,
    }
}

fn task(task: Task) -> &'static str {
    match task {
        Task::Math => "math",
        Task::Logic => "logic",
        Task::Unknown => "unknown",
    }
}

fn about(run: &Run) -> Table {
    let mut table = Table::new(
        "run",
        "The run",
        "Everything that the rows depend on.",
        &[("name", "Name"), ("value", "Value")],
    );
    let header = &run.header;
    let (model, data, settings) = (&header.model, &header.data, &header.settings);
    let listed = |list: Vec<&str>| list.join(", ");
    let rows = [
        ("model", model.name.clone()),
        ("family", model.family.clone()),
        (
            "architecture",
            format!(
                "{}, {} layers, width {}",
                model.arch, model.layers, model.width
            ),
        ),
        ("parameters", model.parameters.to_string()),
        ("weights, SHA-256", model.sha256.clone()),
        ("device", model.device.clone()),
        ("precision", model.dtype.clone()),
        (
            "control",
            header.control.clone().unwrap_or_else(|| "no".to_owned()),
        ),
        ("data", data.origin.clone()),
        ("data, SHA-256", data.sha256.clone()),
        ("task", task(data.task).to_owned()),
        ("problems", data.n.to_string()),
        ("problems read", run.items.len().to_string()),
        (
            "experiments",
            listed(header.experiments.iter().map(|e| e.as_str()).collect()),
        ),
        ("protocol", settings.mode.as_str().to_owned()),
        ("latents", settings.latents.to_string()),
        (
            "tokens of an answer",
            format!("at most {}", settings.most_tokens),
        ),
        ("top k", settings.top_k.to_string()),
        ("single latents off by", settings.value.as_str().to_owned()),
        ("batch", settings.batch.to_string()),
        ("seed", settings.seed.to_string()),
        ("reference problems", settings.reference.clone()),
        (
            "verdict",
            format!(
                "{}; {} edits, {} donors, {} traces",
                settings.verdict.strategies.join(", "),
                settings.verdict.edits,
                settings.verdict.donors,
                settings.verdict.traces
            ),
        ),
        ("shard", header.shard.to_string()),
        ("rows", format!("{} of {}", run.rows, run.planned)),
        ("folder", run.folder.clone()),
        ("version", header.version.clone()),
    ];
    for (name, value) in rows {
        table.push(vec![Cell::text(name), Cell::text(value)]);
    }
    table
}

fn refused(run: &Run) -> Table {
    let mut table = Table::new(
        "refused",
        "Rows without a result",
        "They are in no denominator.",
        &[
            ("experiment", "Experiment"),
            ("reason", "Reason"),
            ("rows", "Rows"),
        ],
    );
    for ((experiment, reason), rows) in &run.refused {
        table.push(vec![
            Cell::text(experiment.as_str()),
            Cell::text(reason),
            Cell::Count(*rows),
        ]);
    }
    table
}

/// The run in a few sentences, none of which goes beyond its evidence.
fn summary(run: &Run, controls: &[Run], hard: Option<&Run>) -> Vec<String> {
    let mut said = Vec::new();
    let correct = count(run.items.iter().filter_map(|item| item.correct));
    if correct.n > 0 {
        said.push(format!("Correct answers: {}.", Cell::of(correct).words()));
    }
    let needed = run.items.iter().filter_map(|item| item.verdict?.needed);
    let stands = count(needed.map(|needed| !needed));
    if stands.n > 0 {
        said.push(format!(
            "Latents not needed (the answer and its log-probability stand without them): {}.",
            Cell::of(stands).words()
        ));
    }
    let sound = reached(run, Rung::Present);
    if sound.n > 0 {
        let of = |correct| {
            let judged = group(run, correct).filter_map(|item| item.verdict);
            Cell::of(count(judged.map(|v| reaches(&v, Rung::Present)))).words()
        };
        said.push(format!(
            "A valid trace to the model's own answer stands in the latents (PRESENT or above): {}. Of correct answers: {}; of wrong \
             ones: {}.",
            Cell::of(sound).words(),
            of(true),
            of(false)
        ));
        said.push(headline_used(run, controls));
    }
    match signal::headline(run) {
        Some((verdict, baseline)) => said.push(format!(
            "As a signal of correctness the verdict has an AUROC of {}, the largest first-token probability one of {}.",
            verdict.words(),
            baseline.words()
        )),
        None if run.header.experiments.contains(&Experiment::Verdict) => said.push(
            "The verdict as a signal of correctness cannot be computed: at least two correct and two wrong answers with a verdict are \
             needed."
                .to_owned(),
        ),
        None => {}
    }
    if let Some((verdict, baseline)) = hard.and_then(signal::headline) {
        said.push(format!(
            "On the hard split: {}, and {}.",
            verdict.words(),
            baseline.words()
        ));
    }
    said
}

/// The rates of TRACKS and USED, or why they are not headlined.
fn headline_used(run: &Run, controls: &[Run]) -> String {
    let accepted: Vec<&Run> = controls.iter().filter(|c| is_control(run, c)).collect();
    if accepted.is_empty() {
        return "The rates of TRACKS and USED are not headlined: no control run of the same pipeline on random weights or another \
                model is given (--control)."
            .to_owned();
    }
    let rates = |run: &Run| {
        let (tracks, used) = (reached(run, Rung::Tracks), reached(run, Rung::Used));
        format!(
            "TRACKS or above {}, USED {}",
            Cell::of(tracks).words(),
            Cell::of(used).words()
        )
    };
    let others = accepted
        .iter()
        .map(|c| format!("{}: {}", name(c), rates(c)));
    format!(
        "Verdicts: {}. Controls: {}.",
        rates(run),
        others.collect::<Vec<_>>().join("; ")
    )
}
