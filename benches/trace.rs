//! Speed of searching decoded records: the default search of `undertone trace`, the search alone, on one core.
//!
//! `cargo bench --bench trace`. The records are synthetic: word problems of two to four steps, each result read at a later position among
//! other numbers and words, top 5 of seven positions. `UNDERTONE_RECORDS=FILE` uses the records of a file instead.

use std::path::Path;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use undertone::core::problem_file::decoded;
use undertone::core::types::{Task, TokenRead};
use undertone::verify::paper::backtracking::{Backtracking, BacktrackingColumns as Back};
use undertone::verify::paper::chain::{ChainingColumns, chain};
use undertone::verify::paper::grid::Grid;
use undertone::verify::paper::numbers;
use undertone::verify::paper::select::Selection;
use undertone::verify::paper::solution::Solution;
use undertone::verify::paper::tokens::Tokens;
use undertone::verify::{Case, SearchSettings, search};

/// A question, its answer, the top tokens of each position, and the gold steps.
struct Decoded {
    question: String,
    answer: String,
    latents: Vec<Vec<TokenRead>>,
    steps: Vec<String>,
}

static RECORDS: LazyLock<Vec<Decoded>> =
    LazyLock::new(|| match std::env::var("UNDERTONE_RECORDS") {
        Ok(path) => recorded(Path::new(&path)),
        Err(_) => (0..300).map(made).collect(),
    });

/// The settings of `undertone trace` without options.
const SETTINGS: SearchSettings = SearchSettings {
    top_k: 5,
    three_operands: true,
    reuse_numbers: false,
    max_traces: 2000,
    offset: 1,
    answer_position: Some(11),
    list: 5,
};

fn main() {
    LazyLock::force(&RECORDS);
    divan::main();
}

fn recorded(path: &Path) -> Vec<Decoded> {
    let records = decoded::read(path).expect("a file of decoded latents");
    let decoded = records.into_iter().map(|record| Decoded {
        answer: record.prediction().unwrap_or_default(),
        latents: record.latents.iter().map(|top| tokens(top)).collect(),
        question: record.question,
        steps: record.gold_steps,
    });
    decoded.collect()
}

fn tokens(top: &[String]) -> Vec<TokenRead> {
    let read = |text: &String| TokenRead {
        id: 0,
        text: text.clone(),
        logit: 0.0,
        prob: 0.0,
    };
    top.iter().map(read).collect()
}

/// Makes a record from its number alone.
fn made(seed: u64) -> Decoded {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % n
    };
    let mut value = below(30) + 2;
    let mut question = format!("Ann starts with {value} pens on Monday in the big old school.");
    let mut results = Vec::new();
    let mut steps = Vec::new();
    for _ in 0..=below(3) + 1 {
        let by = below(9) + 2;
        let (said, op, next) = match below(3) {
            0 => ("gets", '+', value + by),
            1 => ("then has as many times", '*', value * by),
            _ => ("gets another", '+', value + by),
        };
        question +=
            &format!(" She {said} {by} of them from one of her friends, who is someone she knows.");
        steps.push(format!("<<{value}{op}{by}={next}>>"));
        value = next;
        results.push(value);
    }
    question += " How many does she have in the end?";
    let words = [" than", "-", " is", " instead", ">>", " (", " the"];
    let mut latents = Vec::new();
    for position in 0..7 {
        let mut top: Vec<String> = (0..5)
            .map(|i| words[(position + i) % 7].to_owned())
            .collect();
        if position % 2 == 0 {
            let result = results.get(position / 2).copied().unwrap_or(value);
            let near = [result, result, result + 1, below(60) + 1, result / 2 + 1];
            for (place, (number, blank)) in near.iter().zip(["", " ", " ", "", " "]).enumerate() {
                top[place] = format!("{blank}{number}");
            }
        }
        latents.push(tokens(&top));
    }
    Decoded {
        question,
        answer: value.to_string(),
        latents,
        steps,
    }
}

/// Searches all records once; divan reports records per second.
#[divan::bench(sample_count = 50)]
fn search_by_default(bencher: Bencher) {
    bencher
        .counter(ItemsCount::new(RECORDS.len()))
        .bench_local(|| {
            for record in &*RECORDS {
                let case = Case {
                    task: Task::Math,
                    question: &record.question,
                    unknown_words: &[],
                    answer: Some(&record.answer),
                };
                divan::black_box(search(&SETTINGS, &case, &record.latents));
            }
        });
}

fn grids() -> Vec<Grid> {
    let text = |token: &TokenRead| token.text.clone();
    let column = |top: &Vec<TokenRead>| top.iter().map(text).collect();
    let grid = |record: &Decoded| {
        let mut columns: Vec<Vec<String>> = record.latents.iter().map(column).collect();
        let tail = [
            "The",
            " answer",
            " is",
            ":",
            &record.answer,
            "<|endoftext|>",
        ];
        columns.extend(tail.map(|top| vec![top.to_owned()]));
        Grid::new(columns, 5)
    };
    RECORDS.iter().map(grid).collect()
}

#[divan::bench(sample_count = 20)]
fn forward_chaining_as_published(bencher: Bencher) {
    let layout = ChainingColumns {
        answer_column: 11,
        offset: 2,
        question_numbers: true,
    };
    let grids = grids();
    bencher
        .counter(ItemsCount::new(grids.len()))
        .bench_local(|| {
            for (record, grid) in RECORDS.iter().zip(&grids) {
                let known = numbers::chaining_numbers(&record.question);
                divan::black_box(chain(grid, &known, layout, Selection::ByRank));
            }
        });
}

#[divan::bench(sample_count = 20)]
fn backtracking_as_published(bencher: Bencher) {
    let layout = Back {
        reasoning_columns: 8,
        answer_column: 11,
        answer_required: true,
    };
    let grids = grids();
    bencher
        .counter(ItemsCount::new(grids.len()))
        .bench_local(|| {
            for (record, grid) in RECORDS.iter().zip(&grids) {
                let known = numbers::backtracking_numbers(&record.question);
                let solution = Solution::parse(&record.steps);
                let search = Backtracking::new(grid, &Tokens::Gpt2);
                divan::black_box(search.search(&solution, &known, layout));
            }
        });
}
