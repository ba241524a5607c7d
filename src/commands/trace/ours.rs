//! Our searches on decoded latents: each record with its null, and the summary.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::baselines::RecordPool;
use super::summary::{Figure, Summary};
use super::{answer_column, last_step};
use crate::commands::cli::{ReadsName, ReportFormat, SearchName, TraceArgs};
use crate::commands::study::csv::known;
use crate::commands::study::words;
use crate::commands::{print, to_json};
use crate::core::datasets::numbers::float;
use crate::core::error::Result;
use crate::core::problem_file::decoded::Record;
use crate::core::types::{Null, Task, TokenRead, TraceStep};
use crate::lab::present::document::{Section, Table};
use crate::lab::present::write;
use crate::verify::paper::grid::Grid;
use crate::verify::{self, Case, SearchResult};

const SCHEMA: &str = "undertone.trace/1";
/// The default number of top tokens that our search reads.
const TOP_K: usize = 5;

/// A record prepared for our searches.
pub struct Item<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its index in the file.
    pub place: usize,
    /// Its top tokens; their ids, logits and probabilities are unset.
    pub latents: Vec<Vec<TokenRead>>,
    /// The model's answer: the prediction, or else the number in the answer column.
    pub answer: Option<String>,
    /// Whether it equals the gold answer; `None` if either is unknown.
    pub correct: Option<bool>,
}

impl<'a> Item<'a> {
    fn new(args: &TraceArgs, place: usize, record: &'a Record) -> Self {
        let read = |text: &String| TokenRead {
            id: 0,
            text: text.clone(),
            logit: 0.0,
            prob: 0.0,
        };
        let latents: Vec<Vec<TokenRead>> = record
            .latents
            .iter()
            .map(|top| top.iter().take(depth(args)).map(read).collect())
            .collect();
        let said = record.prediction().filter(|said| !said.trim().is_empty());
        let answer = said.or_else(|| {
            let tail = record.table_tail.iter().map(|top| vec![top.clone()]);
            let columns = record.latents.iter().cloned().chain(tail).collect();
            let column = answer_column(args, record.latents.len());
            let spelled = Grid::new(columns, 1).spelled(column);
            spelled.map(|value| value.to_string())
        });
        let number = |text: &String| float(&text.replace(',', ""));
        let gold = record.plain_gold();
        let correct = gold.as_ref().zip(answer.as_ref());
        let correct = correct.map(|(gold, said)| match (number(gold), number(said)) {
            (Some(gold), Some(said)) => (gold - said).abs() < f64::EPSILON,
            _ => gold.trim() == said.trim(),
        });
        Self {
            record,
            place,
            latents,
            answer,
            correct,
        }
    }

    /// Returns the record's index: its own, or else its place in the file.
    #[must_use]
    pub fn index(&self) -> Value {
        let index = self.record.index.clone();
        index.unwrap_or_else(|| self.place.into())
    }
}

/// Returns the number of top tokens read of each position.
#[must_use]
pub fn depth(args: &TraceArgs) -> usize {
    args.top_k.unwrap_or(TOP_K)
}

/// The settings in a report.
#[derive(Debug, Serialize)]
struct Settings {
    search: &'static str,
    top_k: usize,
    operands: u8,
    reads: Option<&'static str>,
    offset: usize,
    answer_column: String,
    answers: bool,
    others: usize,
    list: usize,
}

impl From<&TraceArgs> for Settings {
    fn from(args: &TraceArgs) -> Self {
        let column = args.answer_column.map(|column| column.to_string());
        let behind = answer_column(args, 0);
        Self {
            search: match args.search {
                SearchName::Trace => "trace",
                SearchName::LastStep => "last-step",
            },
            top_k: depth(args),
            operands: args.operands,
            reads: (args.search == SearchName::LastStep).then_some(match args.reads {
                None | Some(ReadsName::Published) => "published",
                Some(ReadsName::All) => "all",
            }),
            offset: args.offset.unwrap_or(1),
            answer_column: column.unwrap_or_else(|| format!("latents + {behind}")),
            answers: args.answers,
            others: args.others,
            list: args.list,
        }
    }
}

/// A search and its report.
pub trait Report {
    /// The result on one record.
    type Part: Serialize + Send;

    /// Searches one record; `others` are the records of its null.
    fn search(&self, items: &[Item<'_>], item: &Item<'_>, others: &Others<'_>) -> Self::Part;

    /// Summarises all results.
    fn summary(&self, items: &[Item<'_>], parts: &[Self::Part], pool: &RecordPool<'_>) -> Summary;

    /// Formats one result as a line of text.
    fn line(&self, part: &Self::Part) -> String;

    /// Returns all results as a table of records.
    fn csv(&self, parts: &[Self::Part]) -> Table;
}

/// The records in the null of one record.
pub struct Others<'a> {
    items: &'a [Item<'a>],
    pool: &'a RecordPool<'a>,
    place: usize,
    most: usize,
}

impl<'a> Others<'a> {
    /// Returns the other records, evenly sampled if there are more than the limit.
    pub fn items(&self) -> impl Iterator<Item = &'a Item<'a>> + use<'a> {
        let step = self
            .items
            .len()
            .saturating_sub(1)
            .div_ceil(self.most.max(1));
        let place = self.place;
        let all = self.items.iter().filter(move |item| item.place != place);
        all.step_by(step.max(1)).take(self.most)
    }

    /// Returns the answers of other records with the same number of gold steps, evenly sampled up to the limit.
    pub fn answers(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let items = self.items;
        let equals: Vec<usize> = self.pool.equals(self.place).collect();
        let step = equals.len().div_ceil(self.most.max(1)).max(1);
        let equals = equals.into_iter().step_by(step).take(self.most);
        let answers = equals.map(move |place| &items[place]);
        answers.filter_map(|item| item.answer.as_deref())
    }
}

/// Searches all records and prints the report.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &TraceArgs, records: &[Record]) -> Result<()> {
    match args.search {
        SearchName::Trace => report(args, records, &Traces(args)),
        SearchName::LastStep => report(args, records, &last_step::LastSteps(args)),
    }
}

fn report<R: Report + Sync>(args: &TraceArgs, records: &[Record], report: &R) -> Result<()> {
    let pool = RecordPool::new(records);
    let items: Vec<Item<'_>> = records
        .par_iter()
        .enumerate()
        .map(|(place, record)| Item::new(args, place, record))
        .collect();
    let parts: Vec<R::Part> = items
        .par_iter()
        .map(|item| {
            let others = Others {
                items: &items,
                pool: &pool,
                place: item.place,
                most: args.others,
            };
            report.search(&items, item, &others)
        })
        .collect();
    let summary = report.summary(&items, &parts, &pool);
    print(&match args.report.format() {
        ReportFormat::Json => to_json(&Printed {
            schema: SCHEMA,
            settings: args.into(),
            records: &parts,
            summary: &summary,
        })?,
        ReportFormat::Csv => write::csv::table(&report.csv(&parts)),
        ReportFormat::Text => {
            let lines: Vec<String> = parts.iter().map(|part| report.line(part)).collect();
            let lines = Section::untitled(lines, []);
            let summary = Section::untitled([], [summary.table()]);
            write::text::sections(&[lines, summary], args.report.ascii)
        }
    })
}

/// Formats the result on one record as a line of text.
#[must_use]
pub fn line(index: &Value, answer: Option<&str>, result: &str) -> String {
    let index = words::cut(&index.to_string(), 12);
    format!("{index}: {}: {result}", words::answer(answer, 12))
}

#[derive(Serialize)]
struct Printed<'a, T> {
    schema: &'static str,
    settings: Settings,
    records: &'a [T],
    summary: &'a Summary,
}

/// Our search for complete traces.
struct Traces<'a>(&'a TraceArgs);

/// The result of the search for traces on one record.
#[derive(Debug, Serialize)]
struct Traced {
    index: Value,
    answer: Option<String>,
    correct: Option<bool>,
    /// The best trace; empty if none was found.
    steps: Vec<TraceStep>,
    /// Other traces to the same answer, best first.
    competing: Vec<Vec<TraceStep>>,
    candidates: usize,
    traces: usize,
    capped: bool,
    from_question_alone: bool,
    near_miss: Option<String>,
    /// Why no search was possible.
    abstain: Option<String>,
    /// The same search in other records' latents.
    null: Null,
    /// The same search for the answers of other records with the same number of steps.
    null_answers: Option<Null>,
}

impl Traces<'_> {
    fn settings(&self, latents: usize) -> verify::SearchSettings {
        verify::SearchSettings {
            top_k: depth(self.0),
            three_operands: self.0.operands == 3,
            offset: self.0.offset.unwrap_or(1),
            answer_position: Some(answer_column(self.0, latents)),
            list: self.0.list,
            ..verify::SearchSettings::default()
        }
    }
}

impl Report for Traces<'_> {
    type Part = Traced;

    fn search(&self, _: &[Item<'_>], item: &Item<'_>, others: &Others<'_>) -> Traced {
        let settings = self.settings(item.latents.len());
        let case = Case {
            task: Task::Math,
            question: &item.record.question,
            unknown_words: &[],
            answer: item.answer.as_deref(),
        };
        let found: SearchResult = verify::search(&settings, &case, &item.latents);
        let latents = others.items().map(|other| &other.latents);
        let (null, _) = verify::null(&settings, &case, latents);
        let null_answers = self
            .0
            .answers
            .then(|| verify::null_answers(&settings, &case, &item.latents, others.answers()));
        Traced {
            index: item.index(),
            answer: item.answer.clone(),
            correct: item.correct,
            steps: found.steps,
            competing: found.competing,
            candidates: found.candidates,
            traces: found.traces,
            capped: found.capped,
            from_question_alone: found.from_question_alone,
            near_miss: found.near_miss,
            abstain: found.abstain.map(|why| why.to_string()),
            null,
            null_answers,
        }
    }

    fn summary(&self, _: &[Item<'_>], parts: &[Traced], _: &RecordPool<'_>) -> Summary {
        let searched = || parts.iter().filter(|part| part.abstain.is_none());
        let found = |part: &Traced| !part.steps.is_empty();
        let mut summary = Summary::default();
        summary.add(
            "searched",
            "records that could be searched",
            Figure::share(parts.iter().map(|part| part.abstain.is_none())),
        );
        summary.add(
            "found",
            "a trace to the model's answer in the record's own latents",
            Figure::share(searched().map(found)),
        );
        for (name, correct) in [("correct", true), ("incorrect", false)] {
            let of = searched().filter(|part| part.correct == Some(correct));
            let what = format!("  where the answer is {name}");
            summary.add(format!("found_{name}"), what, Figure::share(of.map(found)));
        }
        summary.add(
            "from_question_alone",
            "one step from the question alone gives it",
            Figure::share(searched().map(|part| part.from_question_alone)),
        );
        let trials = |null: &Null| (null.hits, null.n);
        summary.add(
            "null",
            "null: a trace in another record's latents",
            Figure::mean_share(searched().map(|part| trials(&part.null))),
        );
        if self.0.answers {
            let nulls = searched().filter_map(|part| part.null_answers.as_ref());
            summary.add(
                "null_answers",
                "null: a trace to another record's answer",
                Figure::mean_share(nulls.map(trials)),
            );
        }
        let beyond = |part: &Traced| found(part) && !part.null.chance_may_explain();
        summary.add(
            "found_beyond_chance",
            "a trace, and p <= 0.05 under the first null",
            Figure::share(searched().map(beyond)),
        );
        summary.add(
            "candidates",
            "candidate steps of a record",
            Figure::counts(searched().map(|part| part.candidates)),
        );
        summary.add(
            "traces",
            "different traces of a record that has any",
            Figure::counts(searched().filter(|p| found(p)).map(|part| part.traces)),
        );
        summary
    }

    fn line(&self, part: &Traced) -> String {
        let steps: Vec<&str> = part.steps.iter().map(|step| step.text.as_str()).collect();
        let said = match (&part.abstain, steps.is_empty()) {
            (Some(why), _) => why.clone(),
            (None, true) => part.near_miss.clone().unwrap_or_default(),
            (None, false) => format!(
                "{} ({} traces, {} candidates, p = {:.3})",
                steps.join("; "),
                part.traces,
                part.candidates,
                part.null.p_value.unwrap_or(1.0)
            ),
        };
        line(&part.index, part.answer.as_deref(), &said)
    }

    fn csv(&self, parts: &[Traced]) -> Table {
        let columns = [
            "index",
            "answer",
            "correct",
            "steps",
            "candidates",
            "traces",
            "capped",
            "from_question_alone",
            "null_n",
            "null_hits",
            "null_p",
            "null_answers_n",
            "null_answers_hits",
            "abstain",
        ];
        let records = parts.iter().map(|part| {
            let steps: Vec<&str> = part.steps.iter().map(|step| step.text.as_str()).collect();
            let answers = part.null_answers.as_ref();
            vec![
                ("index", part.index.to_string()),
                ("answer", known(part.answer.as_deref())),
                ("correct", known(part.correct)),
                ("steps", steps.join("; ")),
                ("candidates", part.candidates.to_string()),
                ("traces", part.traces.to_string()),
                ("capped", part.capped.to_string()),
                ("from_question_alone", part.from_question_alone.to_string()),
                ("null_n", part.null.n.to_string()),
                ("null_hits", part.null.hits.to_string()),
                ("null_p", known(part.null.p_value)),
                ("null_answers_n", known(answers.map(|null| null.n))),
                ("null_answers_hits", known(answers.map(|null| null.hits))),
                ("abstain", known(part.abstain.as_deref())),
            ]
        });
        Table::records(&columns, records)
    }
}
