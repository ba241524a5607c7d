//! Paper mode: the published searches on each record, one line of JSON per record with the fields of the recorded goldens.

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::baselines::RecordPool;
use super::paper_summary::Tally;
use super::{answer_column, json};
use crate::commands::cli::{RecordShape, ReportFormat, TokensName, TraceArgs};
use crate::commands::{print, to_json_line};
use crate::core::datasets::numbers::float;
use crate::core::error::Result;
use crate::core::problem_file::decoded::Record;
use crate::core::text::Page;
use crate::lab::present::document::Section;
use crate::lab::present::write::text;
use crate::verify::paper::backtracking::{self, Backtracking};
use crate::verify::paper::chain::{ChainingColumns, ChainingResult, chain};
use crate::verify::paper::drawing::Drawing;
use crate::verify::paper::grid::Grid;
use crate::verify::paper::numbers;
use crate::verify::paper::select::Selection;
use crate::verify::paper::solution::Solution;
use crate::verify::paper::step::Step;
use crate::verify::paper::tokens::Tokens;
use crate::verify::paper::tree::{Tree, build};

/// Number of records searched before their lines are printed.
const CHUNK: usize = 64;
/// Coconut's offset of results, which one block of the output uses for every family.
const COCONUT_OFFSET: usize = 1;

/// Searches all records and prints their lines or the summary.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &TraceArgs, records: &[Record]) -> Result<()> {
    let pool = RecordPool::new(records);
    let mut tally = Tally::default();
    for (first, chunk) in records.chunks(CHUNK).enumerate() {
        let found = chunk.par_iter().enumerate();
        let found: Vec<Value> = found
            .map(|(i, record)| search(args, record, first * CHUNK + i, &pool))
            .collect();
        match args.report.format() {
            ReportFormat::Json => {
                let lines = found
                    .iter()
                    .map(|found| Ok(to_json_line(found)?.ended().to_string()));
                print(&Page::new(lines.collect::<Result<String>>()?))?;
            }
            _ => found.iter().for_each(|found| tally.add(found)),
        }
    }
    match args.report.format() {
        ReportFormat::Json => Ok(()),
        ReportFormat::Csv => print(&tally.csv()),
        ReportFormat::Text => {
            let summary = Section::untitled([], [tally.summary().table()]);
            print(&text::sections(&[summary], args.report.ascii))
        }
    }
}

/// The inputs of the searches on one record.
struct Search<'a> {
    args: &'a TraceArgs,
    record: &'a Record,
    grid: Grid,
    layout: ChainingColumns,
    numbers: Vec<i128>,
    answer: Option<i128>,
}

/// Runs both searches on a record.
fn search(args: &TraceArgs, record: &Record, place: usize, pool: &RecordPool<'_>) -> Value {
    let tail = record.table_tail.iter().map(|top| vec![top.clone()]);
    let columns = record.latents.iter().cloned().chain(tail).collect();
    let grid = Grid::new(columns, args.top_k.unwrap_or(usize::MAX));
    let offset = match args.shape {
        RecordShape::Codi => 2,
        RecordShape::Coconut => COCONUT_OFFSET,
    };
    let layout = ChainingColumns {
        answer_column: answer_column(args, record.latents.len()),
        offset: args.offset.unwrap_or(offset),
        question_numbers: true,
    };
    let search = Search {
        args,
        record,
        answer: grid.spelled(layout.answer_column),
        grid,
        layout,
        numbers: numbers::chaining_numbers(&record.question),
    };
    let mut fields = search.echo(place);
    let words = numbers::backtracking_numbers(&record.question);
    let as_json = words.iter().map(|value| json::number(*value));
    fields.insert(
        "question_numbers_backtracking".to_owned(),
        as_json.collect(),
    );
    let as_json = search.numbers.iter().map(|value| json::whole(*value));
    fields.insert("question_numbers_forward".to_owned(), as_json.collect());
    fields.insert(
        "backtracking".to_owned(),
        search.backtracking(&words, place, pool),
    );
    fields.insert("forward_chaining".to_owned(), search.forward_chaining());
    Value::Object(fields)
}

impl Search<'_> {
    /// Returns the record's fields and whether its prediction is right.
    fn echo(&self, place: usize) -> Map<String, Value> {
        let record = self.record;
        let number = |text: Option<String>| text.and_then(|text| float(&text.replace(',', "")));
        let (gold, said) = (number(record.gold_answer()), number(record.prediction()));
        let fields = json!({
            "index": record.index.clone().unwrap_or_else(|| place.into()),
            "question": record.question,
            "gold_steps": record.gold_steps,
            "gold_answer": record.gold_answer,
            "latents": record.latents,
            "prediction": record.prediction,
            "correct": gold.is_some() && gold == said,
            "correct_as_logged": gold.is_some() && gold.map(f64::trunc) == said.map(f64::trunc),
            "table_tail": record.table_tail,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    fn backtracking(&self, words: &[f64], place: usize, pool: &RecordPool<'_>) -> Value {
        let tokens = match self.args.tokens {
            TokensName::Gpt2 => &Tokens::Gpt2,
            TokensName::Llama3 => &Tokens::Llama3,
        };
        let search = Backtracking::new(&self.grid, tokens);
        // The end marker's position counts as reasoning.
        let layout = |answer_required| backtracking::BacktrackingColumns {
            reasoning_columns: self.record.latents.len() + 1,
            answer_column: self.layout.answer_column,
            answer_required,
        };
        let find = |solution: &Solution, numbers: &[f64], answer_required| {
            json::backtracking(&search.search(solution, numbers, layout(answer_required)))
        };
        let gold = Solution::parse(&self.record.gold_steps);
        let both = |numbers: &[f64]| {
            json!({
                "answer_required": find(&gold, numbers, true),
                "answer_anywhere": find(&gold, numbers, false),
            })
        };
        let baselines = pool.baselines(place).into_iter().map(|baseline| {
            let solution = Solution::parse(baseline.steps);
            json!({
                "source_index": baseline.source_index,
                "steps": baseline.steps,
                "without_question_numbers": find(&solution, &[], false),
                "with_question_numbers": find(&solution, words, false),
            })
        });
        let baselines: Vec<Value> = baselines.collect();
        json!({
            "without_question_numbers": both(&[]),
            "with_question_numbers": both(words),
            "baselines": baselines,
        })
    }

    /// Runs forward chaining in all settings; null for a record with too few columns, which the published code drops.
    fn forward_chaining(&self) -> Value {
        if self.grid.len() < self.record.latents.len() + 2 {
            return Value::Null;
        }
        let plain = |layout| {
            let found = self.chain(layout, Selection::ByRank);
            self.built(found, false)
        };
        let without = ChainingColumns {
            question_numbers: false,
            ..self.layout
        };
        let early = ChainingColumns {
            offset: COCONUT_OFFSET,
            ..without
        };
        let oracle = |rule: &dyn Fn(&Step) -> bool| {
            let mut verifier = |step: &Step, _: &[Step]| rule(step);
            let found = self.chain(self.layout, Selection::Verified(&mut verifier));
            self.oracle(self.built(found, false))
        };
        let even = |step: &Step| {
            let operands = step.operands.iter().map(|operand| operand.value % 2);
            (operands.sum::<i128>() + step.result % 2) % 2 == 0
        };
        let with = plain(self.layout);
        let copied = self.built(with.0.clone(), true);
        json!({
            "model_answer": self.answer.map(json::whole),
            "without_question_numbers": self.block(plain(without)),
            "with_question_numbers": self.block(with),
            "with_question_numbers_and_copy": self.copies(copied),
            "offset_1_without_question_numbers": self.offset_1(plain(early)),
            "oracle_all": oracle(&|_| true),
            "oracle_none": oracle(&|_| false),
            "oracle_even": oracle(&even),
        })
    }

    fn chain<'a>(&'a self, layout: ChainingColumns, selection: Selection<'a>) -> ChainingResult {
        chain(&self.grid, &self.numbers, layout, selection)
    }

    /// Builds the tree of a chain, which changes the chain's steps, as published.
    fn built(&self, mut found: ChainingResult, copies: bool) -> (ChainingResult, Option<Tree>) {
        let tree = build(
            &mut found.selected,
            self.answer,
            &self.grid,
            self.layout,
            &self.numbers,
            copies,
        );
        (found, tree)
    }

    fn block(&self, (found, tree): (ChainingResult, Option<Tree>)) -> Value {
        let mut block = json!({
            "candidates": json::candidates(&found),
            "best_steps": json::best_steps(&found),
            "tree": self.tree(tree.as_ref(), &found, Some(&[])),
            "num_answer_steps": found.n_answer_steps(self.answer),
            "num_candidates": found.n_candidates(),
            "candidates_per_position": json::candidates_per_position(&found),
        });
        if found.is_capped {
            block["capped"] = Value::from(true);
        }
        block
    }

    fn copies(&self, (found, tree): (ChainingResult, Option<Tree>)) -> Value {
        let copied = (0..self.layout.answer_column).filter_map(|column| {
            let (value, rank) = self.grid.first(column)?;
            let place = self.numbers.binary_search(&value).ok()?;
            Some(json::copy_from_question(value, place, column, rank))
        });
        let copied: Vec<Value> = copied.collect();
        let tree = self.tree(tree.as_ref(), &found, Some(&copied));
        json!({"copy_from_question": copied, "tree": tree})
    }

    fn offset_1(&self, (found, tree): (ChainingResult, Option<Tree>)) -> Value {
        json!({
            "num_candidates": found.n_candidates(),
            "best_steps": json::best_steps(&found),
            "tree": self.tree(tree.as_ref(), &found, Some(&[])),
        })
    }

    fn oracle(&self, (found, tree): (ChainingResult, Option<Tree>)) -> Value {
        json!({
            "best_steps": json::best_steps(&found),
            "tree": self.tree(tree.as_ref(), &found, None),
        })
    }

    /// Serialises a tree, with its drawing if copies from the question are given.
    fn tree(&self, tree: Option<&Tree>, found: &ChainingResult, copies: Option<&[Value]>) -> Value {
        let Some(tree) = tree else { return Value::Null };
        let column = self.layout.answer_column;
        let mut fields = json::tree(tree, &found.selected, column);
        if let Some(copies) = copies {
            let drawing = Drawing::new(tree, &found.selected, &self.grid, column);
            fields.extend(json::drawing(&drawing));
            fields.insert("copy_from_question".to_owned(), copies.into());
        }
        Value::Object(fields)
    }
}
