//! `undertone bench --suite counterfactual`: times the interventions on a question, uncached.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{peak_memory_mib, refuse};
use crate::commands::cli::BenchArgs;
use crate::commands::{ensure_reference, load_model, print, to_json};
use crate::core::error::{Error, Result};
use crate::core::file::write_new;
use crate::core::problem::Split;
use crate::core::types::{Ablation, AblationValue, LatentIdx, Outcome};
use crate::engine::model::{Cancel, Mode, Model, ModelError};
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::analysis::thoughts::{self, Keep};
use crate::lab::analysis::{Workbench, problems};
use crate::lab::present::document::{Cell, Section, Table, Unit};
use crate::lab::present::write::text;

const SCHEMA: &str = "undertone.bench-counterfactual/1";
/// Number of questions timed.
const QUESTIONS: usize = 5;
/// The length in tokens to which questions are extended for models that are not bundled.
const TOKENS: usize = 60;
/// The token limit of an answer: enough for trained models, and a limit for random ones, which never stop.
const ANSWER: usize = 6;

/// The report. Milliseconds are medians over the questions unless noted.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    model: crate::core::types::ModelInfo,
    questions: usize,
    /// Prompt tokens of the shortest and the longest question.
    prompt_tokens: (usize, usize),
    n_latents: usize,
    answer_tokens: usize,
    /// The clean run with every position decoded.
    clean_ms: f64,
    /// Answers and log-probabilities after 0..N latents, given the clean run.
    early_exits_ms: f64,
    /// The free and all forced answers from scratch, with no position decoded, as in the reference.
    early_stopping_ms: f64,
    /// The same for all questions in one batch, per question.
    side_by_side_ms: f64,
    /// The first latent of the first question resampled while the reference set is built.
    first_resample: Vec<Ahead>,
    /// Single latents off, by value; medians over latents and questions.
    toggles: Vec<Toggle>,
    lattice: LatticeTime,
    peak_memory_mib: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
}

/// The time until an answer from `donors` donors is available, including the donors' runs.
#[derive(Debug, Serialize)]
struct Ahead {
    donors: usize,
    ms: f64,
}

#[derive(Debug, Serialize)]
struct Toggle {
    value: AblationValue,
    median_ms: f64,
    p95_ms: f64,
    n: usize,
}

#[derive(Debug, Serialize)]
struct LatticeTime {
    value: AblationValue,
    sets: usize,
    median_ms: f64,
    /// The time relative to one clean run.
    clean_runs: f64,
    /// Latent steps computed, and those that separate runs of the sets would take.
    latent_steps: (usize, usize),
}

#[derive(Debug, Serialize)]
struct Reference {
    command: String,
    what: String,
    early_stopping_ms: f64,
    /// Its time divided by ours.
    times_faster: f64,
    /// Its time divided by ours in a batch.
    times_faster_side_by_side: f64,
    /// Number of equal forced answers, and of all.
    same_answers: (usize, usize),
}

#[derive(Debug, Deserialize)]
struct Measured {
    what: String,
    early_stopping_ms: f64,
    /// Token ids by question, then by k.
    answers: Vec<Vec<Vec<u32>>>,
}

/// Times the suite and prints it.
///
/// # Errors
/// When the model cannot be loaded or has no latents, the reference fails or the output cannot be written.
pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let mut explorer = Workbench::bare(load_model(&args.model)?);
    if !explorer.model().family().has_latents() {
        return Err(Error::usage(
            "this suite needs a model with latent tokens".to_owned(),
        ));
    }
    let cancel = Cancel::new();
    let questions = questions(explorer.model())?;
    let first_resample = first_resample(&mut explorer, &questions[0], &cancel)?;
    ensure_reference(&mut explorer)?;
    let (mut report, prompts, said) = time(&explorer, &questions, args.repeats, &cancel)?;
    report.first_resample = first_resample;
    if let Some(command) = &args.reference {
        let model = explorer.model();
        let (name, task) = (&args.model.model, task(model, &prompts));
        report.reference = Some(compare(command, name, model, &task, &said, &report)?);
    }
    if args.json {
        print(&to_json(&report)?)
    } else {
        print(&text::sections(&sections(&report), false))
    }
}

/// Returns generated test problems. For a model that is not bundled, problems are concatenated to [`TOKENS`] tokens.
fn questions(model: &Model) -> Result<Vec<String>> {
    let task = model.info().task;
    let made = problems::for_task(task, Split::Test, 40, problems::LIST_SEED)
        .map_err(|error| Error::usage(error.to_string()))?;
    if crate::engine::model::bundled_names().contains(&model.info().name.as_str()) {
        return Ok(made
            .into_iter()
            .take(QUESTIONS)
            .map(|p| p.question)
            .collect());
    }
    let long = |from: usize| -> Result<String> {
        let mut text = String::new();
        for problem in made.iter().cycle().skip(from * 7).take(made.len()) {
            let words: Vec<&str> = problem.question.split_inclusive(' ').collect();
            for word in words {
                text.push_str(word);
                let ids = model.prompt(&text, Mode::Latent)?.ids;
                if ids.len() >= TOKENS {
                    return Ok(text);
                }
            }
            text.push(' ');
        }
        Ok(text)
    };
    (0..QUESTIONS).map(long).collect()
}

type Timed = (Report, Vec<Vec<u32>>, Vec<Vec<String>>);

fn ask<'a>(model: &Model, question: &'a str) -> Ask<'a> {
    Ask {
        question,
        gold: None,
        steps: None,
        mode: Mode::Latent,
        n_latents: model.n_latents(),
        top_k: 10,
        most_tokens: Some(ANSWER),
    }
}

fn first_resample(
    explorer: &mut Workbench,
    question: &str,
    cancel: &Cancel,
) -> std::result::Result<Vec<Ahead>, ModelError> {
    let clean = explorer.run(&ask(explorer.model(), question), cancel, &mut |_| ())?;
    let ablation = Ablation {
        off: [LatentIdx(1)].into(),
        value: AblationValue::Resample,
        ..Ablation::default()
    };
    let mut parts = Vec::new();
    let began = Instant::now();
    explorer.begin_reference();
    let mut on_part = |outcome: Outcome| {
        parts.push(Ahead {
            donors: outcome.effect.variants().n,
            ms: began.elapsed().as_secs_f64() * 1e3,
        });
    };
    explorer.ablate_ahead(&clean, &ablation, &mut on_part, cancel)?;
    Ok(parts)
}

/// Runs questions with every early exit.
fn early_stopping(
    model: &Model,
    questions: &[&str],
    cancel: &Cancel,
) -> std::result::Result<(), ModelError> {
    let want = Keep {
        latents: model.n_latents(),
        answer: Some(ANSWER),
        exits: true,
        ..Keep::default()
    };
    thoughts::each_batch(model, questions, &want, &mut |_| Ok(()), cancel).map(drop)
}

fn time(
    explorer: &Workbench,
    questions: &[String],
    repeats: usize,
    cancel: &Cancel,
) -> std::result::Result<Timed, ModelError> {
    let model = explorer.model();
    let clean = |question: &String| explorer.run(&ask(model, question), cancel, &mut |_| ());
    let runs: Vec<CleanRun> = questions
        .iter()
        .map(clean)
        .collect::<std::result::Result<_, _>>()?;
    let mut clean_ms = Vec::new();
    let (mut exits_ms, mut both_ms, mut lattice_ms) = (Vec::new(), Vec::new(), Vec::new());
    let mut said = Vec::new();
    let mut steps = (0, 0);
    for (question, run) in questions.iter().zip(&runs) {
        clean_ms.push(best(repeats, || clean(question).map(drop))?);
        exits_ms.push(best(repeats, || {
            explorer.early_exits(run, cancel).map(drop)
        })?);
        both_ms.push(best(repeats, || {
            early_stopping(model, &[question.as_str()], cancel)
        })?);
        let exits = explorer.early_exits(run, cancel)?;
        said.push(
            exits
                .into_iter()
                .map(|e| e.value.unwrap_or_default())
                .collect(),
        );
        let manner = Ablation {
            value: AblationValue::Mean,
            ..Ablation::default()
        };
        lattice_ms.push(best(repeats, || {
            let lattice = explorer.lattice(run, None, &manner, &mut |_| (), cancel)?;
            steps = (lattice.cost.latent_steps, lattice.cost.latent_steps_alone);
            Ok(())
        })?);
    }
    let texts: Vec<&str> = questions.iter().map(String::as_str).collect();
    let together_ms = best(repeats, || early_stopping(model, &texts, cancel))?;
    let toggles = toggles(explorer, &runs, cancel)?;
    let prompts: Vec<Vec<u32>> = runs.iter().map(|run| run.run.input_ids.clone()).collect();
    let lengths = prompts.iter().map(Vec::len);
    let (clean_ms, lattice_ms) = (median(clean_ms), median(lattice_ms));
    let report = Report {
        schema: SCHEMA,
        model: model.info().clone(),
        questions: questions.len(),
        prompt_tokens: (
            lengths.clone().min().unwrap_or(0),
            lengths.max().unwrap_or(0),
        ),
        n_latents: model.n_latents(),
        answer_tokens: ANSWER,
        clean_ms,
        early_exits_ms: median(exits_ms),
        early_stopping_ms: median(both_ms),
        side_by_side_ms: together_ms
            / f64::from(u32::try_from(questions.len()).unwrap_or(u32::MAX)),
        first_resample: Vec::new(),
        toggles,
        lattice: LatticeTime {
            value: AblationValue::Mean,
            sets: 1 << model.n_latents(),
            median_ms: lattice_ms,
            clean_runs: lattice_ms / clean_ms,
            latent_steps: steps,
        },
        peak_memory_mib: peak_memory_mib(),
        reference: None,
    };
    Ok((report, prompts, said))
}

/// Times every latent of every run off alone, under a few values.
fn toggles(
    explorer: &Workbench,
    runs: &[CleanRun],
    cancel: &Cancel,
) -> std::result::Result<Vec<Toggle>, ModelError> {
    let mut toggles = Vec::new();
    for value in [
        AblationValue::Mean,
        AblationValue::Zero,
        AblationValue::Resample,
    ] {
        let mut times = Vec::new();
        for run in runs {
            for latent in 1..=run.fed.len() {
                let ablation = Ablation {
                    off: [LatentIdx(latent)].into(),
                    value,
                    ..Ablation::default()
                };
                let began = Instant::now();
                explorer.ablate(run, &ablation, cancel)?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        toggles.push(Toggle {
            value,
            median_ms: times[times.len() / 2],
            p95_ms: times[(times.len() * 95 / 100).min(times.len() - 1)],
            n: times.len(),
        });
    }
    Ok(toggles)
}

/// Returns the contents of the file that `UNDERTONE_QUESTIONS` names for the reference program.
fn task(model: &Model, prompts: &[Vec<u32>]) -> String {
    let markers = model.markers();
    let task = json!({
        "questions": prompts,
        "latents": model.n_latents(),
        "max_new": ANSWER,
        "end": markers.end.into_iter().collect::<Vec<u32>>(),
        "delimiter": markers.delimiter,
        "stop": markers.stop,
    });
    task.to_string()
}

fn compare(
    command: &str,
    folder: &str,
    model: &Model,
    task: &str,
    said: &[Vec<String>],
    ours: &Report,
) -> Result<Reference> {
    let mut file = std::env::temp_dir();
    file.push(format!("undertone-questions-{}.json", std::process::id()));
    // The folder is world-writable, so existing files are refused.
    write_new(&file, task.as_bytes())?;
    let output = super::reference_output(command, folder, &[("UNDERTONE_QUESTIONS", &file)]);
    // A leftover temporary file is not an error.
    let _ = std::fs::remove_file(&file);
    let measured: Measured = serde_json::from_slice(&output?)
        .map_err(|error| refuse(command, &format!("printed something else: {error}")))?;
    let mut same = (0, 0);
    for (theirs, ours) in measured.answers.iter().flatten().zip(said.iter().flatten()) {
        let ids = [model.markers().delimiter.as_slice(), theirs].concat();
        let value = model.extract_value(&ids)?;
        same.0 += usize::from(value.unwrap_or_default() == *ours);
        same.1 += 1;
    }
    Ok(Reference {
        command: command.to_owned(),
        what: measured.what,
        early_stopping_ms: measured.early_stopping_ms,
        times_faster: measured.early_stopping_ms / ours.early_stopping_ms,
        times_faster_side_by_side: measured.early_stopping_ms / ours.side_by_side_ms,
        same_answers: same,
    })
}

fn best(
    repeats: usize,
    mut run: impl FnMut() -> std::result::Result<(), ModelError>,
) -> std::result::Result<f64, ModelError> {
    Ok(super::best(repeats, &mut run)?.as_secs_f64() * 1e3)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn sections(r: &Report) -> [Section; 2] {
    let m = &r.model;
    let about = format!(
        "{} ({}, {}) on {}: {} questions of {} to {} tokens, {} latents, answers of up to {} tokens",
        m.name,
        m.family,
        m.dtype,
        m.device,
        r.questions,
        r.prompt_tokens.0,
        r.prompt_tokens.1,
        r.n_latents,
        r.answer_tokens
    );
    let mut table = Table::untitled("", 1, &["", "ms", ""]);
    let mut row = |name: &str, ms: f64, remark: &str| {
        let ms = Cell::Number(ms, Unit::Tenths);
        table.push(vec![Cell::text(name), ms, Cell::text(remark)]);
    };
    row("clean run", r.clean_ms, "");
    row("early exits, given the clean run", r.early_exits_ms, "");
    row("early-stopping sweep alone", r.early_stopping_ms, "");
    row(
        "the same, questions side by side",
        r.side_by_side_ms,
        "a question",
    );
    for ahead in &r.first_resample {
        let name = format!("first resample, {} donors", ahead.donors);
        row(&name, ahead.ms, "no reference set yet");
    }
    for toggle in &r.toggles {
        row(
            &format!("one latent off, {}", toggle.value),
            toggle.median_ms,
            &format!("median of {}, p95 {:.1} ms", toggle.n, toggle.p95_ms),
        );
    }
    let lattice = &r.lattice;
    row(
        &format!("lattice of {} sets, {}", lattice.sets, lattice.value),
        lattice.median_ms,
        &format!("{:.1} clean runs", lattice.clean_runs),
    );
    let (run, alone) = lattice.latent_steps;
    table
        .notes
        .push(format!("the lattice takes {run} latent steps for {alone}"));
    if let Some(memory) = r.peak_memory_mib {
        table.notes.push(format!("peak memory: {memory:.1} MiB"));
    }
    if let Some(reference) = &r.reference {
        table.notes.push(format!(
            "beside {}: early-stopping sweep alone {:.1} ms, {:.1} times ours, {:.1} times side by side; {} of {} forced answers \
             the same",
            reference.what,
            reference.early_stopping_ms,
            reference.times_faster,
            reference.times_faster_side_by_side,
            reference.same_answers.0,
            reference.same_answers.1
        ));
    }
    [
        Section::untitled([about], []),
        Section::untitled([], [table]),
    ]
}
