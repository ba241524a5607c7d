//! `undertone bench`: times loading and running a model on this machine, as a table or JSON.

mod counterfactual;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{load_model, print, to_json};
use crate::commands::cli::{BenchArgs, ShapeName, Suite};
use crate::core::error::{Error, Result};
use crate::core::file::{self, Outputs};
use crate::core::problem::Split;
use crate::core::text::{Page, sanitize};
use crate::core::types::Task;
use crate::engine::model::{Branch, Cancel, Model, ModelError, Overrides, random};
use crate::lab::analysis::problems;
use crate::lab::present::document::{Cell, Column, Section, Table, Unit};
use crate::lab::present::write::text;

const SCHEMA: &str = "undertone.bench/1";
/// Tokens of the timed prompt.
const PROMPT: usize = 128;
/// Tokens before the first decoded one.
const CONTEXT: usize = 64;
/// Tokens decoded one after another.
const DECODED: usize = 16;
/// Rows of the batch.
const ROWS: usize = 32;
const LATENTS: usize = 6;

/// The report. Rates are from the fastest of `repeats`; prompts are shorter for models with fewer positions.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    model: crate::core::types::ModelInfo,
    device: String,
    threads: Option<usize>,
    repeats: usize,
    /// Opening, loading and the self-tests.
    load_ms: f64,
    /// Over a prompt of 128 tokens, including the logits of the last one.
    prefill_tokens_per_s: f64,
    /// After 64 tokens; `None` for a model without latents.
    latent_steps_per_s: Option<f64>,
    /// One row after 64 tokens, including logits.
    answer_tokens_per_s: f64,
    /// 32 rows on a shared prefix of 64 tokens, including logits; counts the tokens of all rows.
    batch_32_tokens_per_s: f64,
    /// Peak resident memory of this process; `None` if the system does not report it.
    peak_memory_mib: Option<f64>,
    /// The measurements of a reference program, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
}

/// The measurements of a reference program, and our time divided by its time: below 1 is faster.
#[derive(Debug, Serialize)]
struct Reference {
    command: String,
    measured: Measured,
    time_ratio: Ratios,
}

/// The rates that a reference program prints as JSON; other fields are ignored.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    what: String,
    prefill_tokens_per_s: f64,
    latent_steps_per_s: Option<f64>,
    answer_tokens_per_s: f64,
    batch_32_tokens_per_s: f64,
}

#[derive(Debug, Serialize)]
struct Ratios {
    prefill: f64,
    latent_steps: Option<f64>,
    answer: f64,
    batch_32: f64,
}

/// Times a model, or writes a random checkpoint.
///
/// # Errors
/// When the model cannot be loaded, or the checkpoint or the output cannot be written.
pub fn run(args: &BenchArgs) -> Result<()> {
    if let Some(shape) = args.make {
        let out = args.out.as_deref().unwrap_or(Path::new("random"));
        let mut outputs = Outputs::new(args.force);
        for name in random::FILES {
            outputs.writes(&out.join(name))?;
        }
        random::write(of_shape(shape), &words()?, out)?;
        return print(&Page::new(
            sanitize(&out.display().to_string()).into_string(),
        ));
    }
    if args.suite == Suite::Counterfactual {
        return counterfactual::run(args);
    }
    let began = Instant::now();
    let model = load_model(&args.model)?;
    let load = began.elapsed();
    let mut report = time(&model, load, args.repeats)?;
    if let Some(command) = &args.reference {
        drop(model);
        report.reference = Some(compare(command, &args.model.model, &report)?);
    }
    if args.json {
        print(&to_json(&report)?)
    } else {
        print(&text::sections(&sections(&report), false))
    }
}

fn time(model: &Model, load: Duration, repeats: usize) -> std::result::Result<Report, ModelError> {
    let cancel = Cancel::new();
    let ids = |n: usize| -> Vec<u32> { (0u32..).map(|i| 3 + i * 7 % 40).take(n).collect() };
    let longest = model.max_positions();
    let (prompt, context) = (ids(PROMPT.min(longest)), ids(CONTEXT.min(longest / 2)));
    let prefill = best(repeats, || {
        let branch = model.prefill(&[&prompt], &cancel)?;
        model.logits(&branch).map(drop)
    })?;
    let start = model.prefill(&[&context], &cancel)?;
    let latents = model
        .family()
        .has_latents()
        .then(|| {
            best(repeats, || {
                let rollout = model.rollout(&start, LATENTS, &Overrides::none(1), &cancel)?;
                model.logits(rollout.last()).map(drop)
            })
        })
        .transpose()?;
    let decode = |from: &Branch, rows: usize| {
        let mut branch = from.clone();
        for _ in 0..DECODED {
            branch = model.step(&branch, &vec![5; rows], &cancel)?;
            model.logits(&branch)?;
        }
        Ok(())
    };
    let one = best(repeats, || decode(&start, 1))?;
    let many = start.fork(ROWS)?;
    let batch = best(repeats, || decode(&many, ROWS))?;
    let rate = |n: usize, time: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a count of tokens")]
        let n = n as f64;
        n / time.as_secs_f64().max(1e-9)
    };
    Ok(Report {
        schema: SCHEMA,
        model: model.info().clone(),
        device: model.info().device.clone(),
        threads: std::env::var("RAYON_NUM_THREADS")
            .ok()
            .and_then(|n| n.parse().ok()),
        repeats,
        load_ms: load.as_secs_f64() * 1e3,
        prefill_tokens_per_s: rate(prompt.len(), prefill),
        latent_steps_per_s: latents.map(|time| rate(LATENTS, time)),
        answer_tokens_per_s: rate(DECODED, one),
        batch_32_tokens_per_s: rate(DECODED * ROWS, batch),
        peak_memory_mib: peak_memory_mib(),
        reference: None,
    })
}

/// Runs the reference program on the same folder. Called after our timing, so that they do not share the processor.
fn compare(command: &str, model: &str, ours: &Report) -> Result<Reference> {
    let repeats = ours.repeats.to_string();
    let output = reference_output(command, model, &[("REPEATS", Path::new(&repeats))])?;
    let measured: Measured = serde_json::from_slice(&output)
        .map_err(|error| refuse(command, &format!("printed something else: {error}")))?;
    let time_ratio = Ratios {
        prefill: measured.prefill_tokens_per_s / ours.prefill_tokens_per_s,
        latent_steps: measured
            .latent_steps_per_s
            .zip(ours.latent_steps_per_s)
            .map(|(theirs, ours)| theirs / ours),
        answer: measured.answer_tokens_per_s / ours.answer_tokens_per_s,
        batch_32: measured.batch_32_tokens_per_s / ours.batch_32_tokens_per_s,
    };
    Ok(Reference {
        command: command.to_owned(),
        measured,
        time_ratio,
    })
}

/// Runs a reference program on a model's folder and returns its output.
fn reference_output(command: &str, model: &str, environment: &[(&str, &Path)]) -> Result<Vec<u8>> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or_else(|| refuse(command, "is empty"))?;
    let output = std::process::Command::new(program)
        .args(words)
        .arg(model)
        .envs(environment.iter().copied())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| refuse(command, &format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(refuse(command, &format!("failed ({})", output.status)));
    }
    Ok(output.stdout)
}

fn refuse(command: &str, why: &str) -> Error {
    Error::model(
        format!("the reference {command:?} {why}"),
        "it has to print one JSON object as the scripts in benches/ do",
    )
}

/// Returns the words, numbers and signs of generated arithmetic problems, the vocabulary of a random checkpoint.
fn words() -> Result<BTreeSet<String>> {
    let made = problems::for_task(Task::Math, Split::Train, 2_000, problems::REFERENCE_SEED)
        .map_err(|error| Error::usage(error.to_string()))?;
    let mut words: BTreeSet<String> = (0..1_000).map(|n| n.to_string()).collect();
    for question in made.iter().map(|problem| &problem.question) {
        let plain = question.split(|c: char| !c.is_ascii_alphanumeric());
        words.extend(plain.filter(|word| !word.is_empty()).map(str::to_owned));
        let signs = question
            .chars()
            .filter(|c| !c.is_alphanumeric() && !c.is_whitespace());
        words.extend(signs.map(String::from));
    }
    Ok(words)
}

fn of_shape(name: ShapeName) -> random::PublishedShape {
    match name {
        ShapeName::Gpt2 => random::PublishedShape::Gpt2,
        ShapeName::Llama1b => random::PublishedShape::Llama1b,
    }
}

/// Returns the shortest time of several runs after a warm-up run.
fn best<T>(
    repeats: usize,
    mut run: impl FnMut() -> std::result::Result<T, ModelError>,
) -> std::result::Result<Duration, ModelError> {
    run()?;
    let mut best = Duration::MAX;
    for _ in 0..repeats {
        let began = Instant::now();
        run()?;
        best = best.min(began.elapsed());
    }
    Ok(best)
}

/// Returns the peak resident memory, which only Linux reports.
fn peak_memory_mib() -> Option<f64> {
    let status = file::read_text("/proc/self/status".as_ref()).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

fn sections(r: &Report) -> [Section; 2] {
    let m = &r.model;
    let mut about = vec![format!(
        "{} ({}, {}) on {}, best of {}",
        m.name, m.family, m.dtype, r.device, r.repeats
    )];
    let mut table = Table::untitled("", 1, &["", "rate", "per second"]);
    let rate = |value: Option<f64>| Cell::number(value, Unit::Tenths);
    let rows = [
        (
            "prefill, 128 tokens",
            "tokens",
            Some(r.prefill_tokens_per_s),
        ),
        ("latent steps", "steps", r.latent_steps_per_s),
        ("answer, one row", "tokens", Some(r.answer_tokens_per_s)),
        ("answer, 32 rows", "tokens", Some(r.batch_32_tokens_per_s)),
    ];
    for (name, unit, value) in rows {
        table.push(vec![Cell::text(name), rate(value), Cell::text(unit)]);
    }
    if let Some(reference) = &r.reference {
        about.push(format!("beside {}", reference.measured.what));
        let (theirs, ratio) = (&reference.measured, &reference.time_ratio);
        let more = [
            (Some(theirs.prefill_tokens_per_s), Some(ratio.prefill)),
            (theirs.latent_steps_per_s, ratio.latent_steps),
            (Some(theirs.answer_tokens_per_s), Some(ratio.answer)),
            (Some(theirs.batch_32_tokens_per_s), Some(ratio.batch_32)),
        ];
        let columns = ["its rate", "our time / its"];
        table
            .columns
            .extend(columns.map(|name| Column::new(name, name)));
        for (row, (theirs, ratio)) in table.rows.iter_mut().zip(more) {
            row.extend([rate(theirs), Cell::number(ratio, Unit::Plain)]);
        }
    }
    table
        .notes
        .push(format!("load and self-tests: {:.1} ms", r.load_ms));
    if let Some(memory) = r.peak_memory_mib {
        table.notes.push(format!("peak memory: {memory:.1} MiB"));
    }
    [Section::untitled(about, []), Section::untitled([], [table])]
}
