//! The description of the run and its headline figures.

use super::super::gather::GatheredRun;
use super::controls::{is_control, name, reached};
use super::findings::reaches;
use super::{group, points, signal};
use crate::core::stats::Share;
use crate::core::stats::paired::independent_difference;
use crate::core::types::{Rung, Task};
use crate::lab::present::document::{Cell, Section, Table};

/// Returns the warnings that precede a run's numbers.
#[must_use]
pub fn warnings(run: &GatheredRun, what: &str) -> Vec<String> {
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

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun, controls: &[GatheredRun], hard: Option<&GatheredRun>) -> Section {
    let controls: Vec<&GatheredRun> = controls.iter().filter(|c| is_control(run, c)).collect();
    let mut parts = vec![summary(run, &controls, hard).into(), about(run).into()];
    if !run.refused.is_empty() {
        parts.push(refused(run).into());
    }
    Section {
        id: "summary",
        title: "Summary".to_owned(),
        text: remarks(run, &controls),
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

fn about(run: &GatheredRun) -> Table {
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
        ("verdict", settings.verdict.to_string()),
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

fn refused(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "refused",
        "Rows without a result",
        "They are in no denominator. If the share of right answers differs among them, leaving them out biases that experiment; the \
         difference is to the rows that are counted (Newcombe 95 % interval).",
        &[
            ("experiment", "Experiment"),
            ("reason", "Reason"),
            ("rows", "Rows"),
            ("right", "Right answers among them"),
            ("others", "Among those counted"),
            ("difference", "Difference"),
        ],
    );
    let known: Vec<bool> = run.items.iter().filter_map(|item| item.correct).collect();
    let right = known.iter().filter(|right| **right).count();
    let refused_of = |experiment| {
        let all = run
            .refused
            .iter()
            .filter(move |((of, _), _)| *of == experiment);
        all.fold((0, 0), |(right, known), (_, refused)| {
            (
                right + refused.correct,
                known + refused.correct + refused.wrong,
            )
        })
    };
    for ((experiment, reason), refused) in &run.refused {
        let among = Share::new(refused.correct, refused.correct + refused.wrong);
        let (left_right, left) = refused_of(*experiment);
        let others = Share::new(
            right.saturating_sub(left_right),
            known.len().saturating_sub(left),
        );
        table.push(vec![
            Cell::text(experiment.as_str()),
            Cell::text(reason),
            Cell::Count(refused.rows),
            Cell::of(among),
            Cell::of(others),
            points(independent_difference(&among, &others)),
        ]);
    }
    table
}

/// Tabulates the headline figures; none claims more than its evidence.
fn summary(run: &GatheredRun, controls: &[&GatheredRun], hard: Option<&GatheredRun>) -> Table {
    let mut table = Table::new(
        "summary-figures",
        "In short",
        "Shares with their Wilson 95 % interval, areas with their bootstrap 95 % interval. Each is listed below with its comparisons.",
        &[("figure", "Figure"), ("value", "Value")],
    );
    let mut push = |name: String, cell: Cell| {
        if !matches!(cell, Cell::None(_)) {
            table.push(vec![Cell::text(name), cell]);
        }
    };
    let correct = run.items.iter().filter_map(|item| item.correct);
    push("correct answers".to_owned(), Cell::share(correct));
    let needed = run.items.iter().filter_map(|item| item.verdict?.needed);
    push(
        "latents not needed: answer and log-probability unchanged without".to_owned(),
        Cell::share(needed.map(|needed| !needed)),
    );
    push(
        "PRESENT or above: a valid trace to the model's own answer".to_owned(),
        Cell::of(reached(run, Rung::Present)),
    );
    for (name, correct) in [("correct", true), ("wrong", false)] {
        let judged = group(run, correct).filter_map(|item| item.verdict);
        push(
            format!("PRESENT or above, {name} answers"),
            Cell::share(judged.map(|verdict| reaches(&verdict, Rung::Present))),
        );
    }
    if !controls.is_empty() {
        let own = ("this run".to_owned(), run);
        let others = controls.iter().map(|control| (name(control), *control));
        for (name, run) in std::iter::once(own).chain(others) {
            for (rung, words) in [(Rung::Tracks, "TRACKS or above"), (Rung::Used, "USED")] {
                push(format!("{words}, {name}"), Cell::of(reached(run, rung)));
            }
        }
    }
    for (run, split) in [(Some(run), ""), (hard, ", hard split")] {
        if let Some((verdict, baseline)) = run.and_then(signal::headline) {
            push(format!("AUROC of the verdict{split}"), verdict);
            push(
                format!("AUROC of the largest first-token probability{split}"),
                baseline,
            );
        }
    }
    table
}

/// Explains which headline figures are missing.
fn remarks(run: &GatheredRun, controls: &[&GatheredRun]) -> Vec<String> {
    let mut said = Vec::new();
    let has_verdicts = run.items.iter().any(|item| item.verdict.is_some());
    if has_verdicts && controls.is_empty() {
        said.push(
            "The rates of TRACKS and USED are not headlined: no control run of the same pipeline on random weights or another model is \
             given (--control)."
                .to_owned(),
        );
    }
    if has_verdicts && signal::headline(run).is_none() {
        said.push(
            "The verdict as a signal of correctness cannot be computed: at least two correct and two wrong answers with a verdict are \
             needed."
                .to_owned(),
        );
    }
    said
}
