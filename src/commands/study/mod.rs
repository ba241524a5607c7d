//! The commands `ablate`, `sweep`, `lattice`, `influence` and `lens`, with their shared parts: the head of every report, and
//! the clean run of a question.

pub mod ablate;
pub mod csv;
pub mod edit;
pub mod influence;
pub mod lattice;
pub mod lens;
pub mod sweep;
pub mod words;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

use super::question::{self, GivenQuestion};
use super::{load, load_model, print, to_json};
use crate::commands::cli::{MannerArgs, ModelArgs, ProblemArgs, ReportArgs, ReportFormat};
use crate::core::error::{Error, Result};
use crate::core::problem_file;
use crate::core::text::Page;
use crate::core::types::{Ablation, Answer, Layers, ModelInfo};
use crate::engine::model::Cancel;
use crate::lab::analysis::Workbench;
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::present::document::{Fields, Section, Table};
use crate::lab::present::write;

/// Number of top tokens read of the clean run's projections.
const TOP_K: usize = 10;

/// The head of every report. Fields are only added.
#[derive(Debug, Clone, Serialize)]
pub struct Head {
    /// The schema's name and version.
    pub schema: &'static str,
    /// The model.
    pub model: ModelInfo,
    /// The reference set, which provides donors, means and noise; `None` if it was not needed.
    pub reference: Option<String>,
    /// What is wrong with the reference set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_warning: Option<String>,
    /// The question as given.
    pub question: String,
    /// Words of the question that are not in the vocabulary.
    pub unknown_words: Vec<String>,
    /// The prompt up to and including the start marker.
    pub input_ids: Vec<u32>,
    /// The clean run.
    pub clean: Clean,
}

/// The clean run's answer.
#[derive(Debug, Clone, Serialize)]
pub struct Clean {
    /// The answer.
    pub answer: Answer,
    /// Log-probability of its value's tokens after the delimiter; changes are relative to it.
    pub logprob: f64,
    /// The gold answer, if known.
    pub gold: Option<String>,
    /// Its log-probability after the delimiter.
    pub gold_logprob: Option<f64>,
}

impl From<&CleanRun> for Clean {
    fn from(run: &CleanRun) -> Self {
        Self {
            answer: run.run.answer.clone(),
            logprob: run.answer_logprob,
            gold: run.gold.clone(),
            gold_logprob: run.run.gold_logprob,
        }
    }
}

/// The head and the study as one object.
#[derive(Debug, Serialize)]
pub struct StudyOutput<'a, T: Serialize> {
    /// The head.
    #[serde(flatten)]
    pub head: &'a Head,
    /// The study.
    #[serde(flatten)]
    pub study: &'a T,
}

/// The source of donors, means and noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReferenceSet<'a> {
    /// None: nothing is replaced.
    Unneeded,
    /// Generated problems of the model's task.
    Generated,
    /// The problems of a file.
    File(&'a Path),
}

impl<'a> ReferenceSet<'a> {
    fn of(manner: &'a MannerArgs) -> Self {
        manner
            .reference
            .as_deref()
            .map_or(Self::Generated, Self::File)
    }
}

/// A model with its reference set, and the clean run of a question.
struct Ready {
    explorer: Workbench,
    clean: CleanRun,
    head: Head,
    cancel: Cancel,
}

/// Reads the question, loads the model and its reference set, and makes the clean run.
fn ready(
    schema: &'static str,
    model: &ModelArgs,
    problem: &ProblemArgs,
    reference: ReferenceSet<'_>,
) -> Result<Ready> {
    let mut asked = question::read(
        problem.question.as_deref(),
        problem.data.as_deref(),
        problem.index,
    )?;
    if problem.gold.is_some() {
        asked.gold.clone_from(&problem.gold);
    }
    let cancel = Cancel::new();
    let explorer = match reference {
        ReferenceSet::Unneeded => Workbench::bare(load_model(model)?),
        ReferenceSet::Generated => load(model)?,
        ReferenceSet::File(path) => {
            let problems = problem_file::read(path)?;
            let origin = format!("{} problems of {}", problems.len(), path.display());
            let mut explorer = Workbench::bare(load_model(model)?);
            explorer.use_reference(&origin, &problems, &cancel)?;
            explorer
        }
    };
    let clean = run_clean(&explorer, model, &asked, &cancel)?;
    let head = Head {
        schema,
        model: explorer.model().info().clone(),
        reference: (reference != ReferenceSet::Unneeded)
            .then(|| explorer.reference().origin.clone()),
        reference_warning: (reference != ReferenceSet::Unneeded)
            .then(|| explorer.reference().warning(explorer.model()))
            .flatten(),
        question: clean.run.question.clone(),
        unknown_words: clean.run.unknown_words.clone(),
        input_ids: clean.run.input_ids.clone(),
        clean: Clean::from(&clean),
    };
    Ok(Ready {
        explorer,
        clean,
        head,
        cancel,
    })
}

fn run_clean(
    explorer: &Workbench,
    args: &ModelArgs,
    asked: &GivenQuestion,
    cancel: &Cancel,
) -> Result<CleanRun> {
    let model = explorer.model();
    let ask = Ask {
        question: &asked.text,
        gold: asked.gold.as_deref(),
        steps: asked.steps,
        most_tokens: None,
        mode: args.mode.map_or(model.main_mode(), Into::into),
        n_latents: model.n_latents(),
        top_k: TOP_K,
    };
    explorer.run(&ask, cancel, &mut |_| ()).map_err(Error::from)
}

impl Ready {
    /// Returns the number of latents of the run.
    ///
    /// # Errors
    /// A usage error when the run has no latents, or the ablation names a layer or donor that does not exist.
    fn n_latents(&self, manner: &Ablation) -> Result<usize> {
        within(manner.layers, self.head.model.layers)?;
        if let Some(donor) = manner.donor {
            self.explorer.reference().donor(donor)?;
        }
        match self.clean.fed.len() {
            0 => Err(Error::usage_with_hint(
                format!(
                    "a run in {} mode has no latents to switch off",
                    self.clean.mode.as_str()
                ),
                "pass --mode latent, or a model that has latents",
            )),
            n => Ok(n),
        }
    }
}

fn within(layers: Option<Layers>, of_model: usize) -> Result<()> {
    match layers {
        Some(layers) if layers.last > of_model => Err(Error::usage_with_hint(
            format!(
                "there is no layer {}: the model has {of_model}",
                layers.last
            ),
            format!("name layers from 1 to {of_model}"),
        )),
        _ => Ok(()),
    }
}

/// A study that can be printed in the three formats.
trait Shown: Serialize {
    /// Returns the columns of the records behind those of the head.
    fn columns(&self) -> Vec<&'static str>;
    /// Returns a record for each cell.
    fn records(&self) -> Vec<Fields>;
    /// Returns the text.
    fn sections(&self) -> Vec<Section>;
}

/// Prints a study in the requested format.
fn publish<T: Shown>(args: ReportArgs, head: &Head, study: &T) -> Result<()> {
    print(&match args.format() {
        ReportFormat::Json => to_json(&StudyOutput { head, study })?,
        ReportFormat::Csv => csv(head, study),
        ReportFormat::Text => text(head, study, args.ascii),
    })
}

fn csv<T: Shown>(head: &Head, study: &T) -> Page {
    let origin = csv::origin(head);
    let mut columns: Vec<&str> = origin.iter().map(|(name, _)| *name).collect();
    columns.extend(study.columns());
    let records = study.records().into_iter();
    let records = records.map(|fields| origin.iter().cloned().chain(fields).collect());
    write::csv::table(&Table::records(&columns, records))
}

fn text<T: Shown>(head: &Head, study: &T, ascii: bool) -> Page {
    let mut sections = front(head);
    sections.extend(study.sections());
    write::text::sections(&sections, ascii)
}

/// Formats the head: the model and the reference set, then the question and its clean answer.
fn front(head: &Head) -> Vec<Section> {
    let mut model = vec![words::model(&head.model)];
    if let Some(reference) = head.reference.as_deref().filter(|said| !said.is_empty()) {
        model.push(format!("reference set: {reference}"));
    }
    if let Some(warning) = &head.reference_warning {
        model.push(format!("warning: {warning}"));
    }
    let question = vec![
        head.question.clone(),
        words::unknown(&head.unknown_words),
        answered("clean answer", &head.clean),
    ];
    vec![
        Section::untitled(model, []),
        Section::untitled(question, []),
    ]
}

/// Formats one line on an answer.
fn answered(what: &str, clean: &Clean) -> String {
    let mut said = format!(
        "{what}: {}, log-prob {:.3}{}",
        words::answer(clean.answer.value.as_deref(), 200),
        clean.logprob,
        words::correct(clean.answer.correct)
    );
    if let (Some(gold), Some(logprob)) = (&clean.gold, clean.gold_logprob) {
        said += &format!(" (gold {gold}, log-prob {logprob:.3})");
    }
    said
}

/// Warns of options without effect in a study that covers both directions, and resets them.
fn warn_of_no_say(manner: &mut Ablation, command: &str, propagation: bool) {
    let default = Ablation::default();
    if manner.direction != default.direction {
        super::print_warning(&format!(
            "{command} has its own directions: --direction changes nothing"
        ));
        manner.direction = default.direction;
    }
    if propagation && manner.propagation != default.propagation {
        super::print_warning(&format!(
            "{command} reports total and direct: --propagation changes nothing"
        ));
        manner.propagation = default.propagation;
    }
}
