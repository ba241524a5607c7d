//! `undertone calibrate`: verdicts on models with known ground truth, as Markdown or JSON.

use std::path::Path;

use serde::Serialize;

use super::{budget, print, print_note, to_json, written};
use crate::commands::cli::CalibrateArgs;
use crate::core::error::{Error, Result};
use crate::core::file::{self, Outputs};
use crate::core::problem_file;
use crate::core::text::sanitize;
use crate::engine::model::Cancel;
use crate::lab::analysis::planted::{
    self, CalibrationCell as Judged, CalibrationSheet, Plant, Request, WORDS,
};
use crate::lab::present::document::{Cell, Document, Part, Section, Table};
use crate::lab::present::write::markdown;
use crate::lab::rows::header;

const PROBLEMS: &str = "problems.jsonl";
const SCHEMA: &str = "undertone.calibrate/1";

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    version: &'static str,
    #[serde(flatten)]
    sheet: &'a CalibrationSheet,
    verdict: header::RecordedBudget,
}

/// Judges the models and writes the requested files.
///
/// # Errors
/// When a plant is unknown, a model fails, or a file exists already or cannot be written.
pub fn run(args: &CalibrateArgs) -> Result<()> {
    let request = Request {
        plants: plants(&args.plants)?,
        problems: args.n,
        seed: args.seed.into(),
        budget: budget(&args.budget)?,
    };
    let mut outputs = Outputs::new(args.force);
    if let Some(path) = &args.md {
        outputs.writes(path)?;
    }
    if let Some(folder) = &args.save {
        save(&request, folder, &mut outputs)?;
    }
    let progress = |done: usize, all: usize| {
        if done.is_multiple_of((all / 10).max(1)) || done == all {
            print_note(&sanitize(&format!("{done} of {all} models judged")));
        }
    };
    let sheet = planted::sheet(&request, &progress, &Cancel::new())?;
    let verdict = written(&request.budget);
    let report = report(&sheet, &verdict);
    if let Some(path) = &args.md {
        let markdown = markdown::document(&report);
        if let Err(error) = file::write_out(path, markdown.as_bytes()) {
            // The run took minutes, so the report is printed instead of lost.
            print(&markdown)?;
            return Err(error);
        }
    }
    if args.json {
        let version = env!("CARGO_PKG_VERSION");
        let sheet = &sheet;
        return print(&to_json(&Json {
            schema: SCHEMA,
            version,
            sheet,
            verdict,
        })?);
    }
    if args.md.is_some() {
        return Ok(());
    }
    print(&markdown::document(&report))
}

fn plants(names: &[String]) -> Result<Vec<Plant>> {
    if names.is_empty() {
        return Ok(Plant::ALL.to_vec());
    }
    let known = |name: &String| {
        let plant = Plant::ALL.into_iter().find(|plant| plant.name() == name);
        plant.ok_or_else(|| {
            let all = Plant::ALL.map(Plant::name).join(", ");
            Error::usage(format!("there is no plant {name:?}: there are {all}"))
        })
    };
    // In the order of `Plant::ALL`, without duplicates.
    let named: Vec<Plant> = names.iter().map(known).collect::<Result<_>>()?;
    Ok(Plant::ALL
        .into_iter()
        .filter(|plant| named.contains(plant))
        .collect())
}

/// Writes the checkpoints and their problems, for other programs to open and judge.
fn save(request: &Request, folder: &Path, outputs: &mut Outputs) -> Result<()> {
    for name in planted::names(request) {
        for file in planted::FILES.into_iter().chain([PROBLEMS]) {
            outputs.writes(&folder.join(&name).join(file))?;
        }
    }
    for (name, (contents, problems)) in planted::names(request).zip(planted::files(request)) {
        let model = folder.join(name);
        crate::core::paths::create_folder(&model)?;
        for (name, bytes) in planted::FILES.into_iter().zip(&contents) {
            file::write_out(&model.join(name), bytes)?;
        }
        problem_file::write(&model.join(PROBLEMS), &problems)?;
    }
    Ok(())
}

fn report(sheet: &CalibrationSheet, verdict: &header::RecordedBudget) -> Document {
    let n: usize = sheet.cells.iter().map(|cell| cell.n).sum();
    let answered: usize = sheet.cells.iter().map(|cell| cell.answered).sum();
    Document {
        schema: SCHEMA,
        title: format!("What verdicts say of {n} problems whose truth is known"),
        warnings: Vec::new(),
        sections: vec![Section {
            id: "calibration",
            title: "Calibration sheet".to_owned(),
            text: vec![
                format!(
                    "Each plant is a model whose weights are written by hand, so that it is known what its latents say, what its answer \
                     depends on, and whether it needs them. Problems of each plant and size: {}, over {} models; seed {}. Of {n} \
                     answers {answered} are right. Budget of a verdict: {verdict}.",
                    sheet.problems, sheet.models, sheet.seed
                ),
                "A rung is right where what it claims is true of the plant: PRESENT and TRACKS, that the latents of the trace say its \
                 sums because they add its numbers, from the places that it names, and that the answer is that sum; USED, that the \
                 answer also depends on each of these latents; NOT NEEDED, that it depends on nothing that a latent holds. PRESENT? \
                 says that chance may explain the trace, and claims nothing. Intervals are over problems; the plants are no sample of \
                 models."
                    .to_owned(),
            ],
            parts: vec![Part::Table(rungs(sheet)), Part::Table(cells(sheet)), Part::Table(given(sheet))],
        }],
    }
}

fn rungs(sheet: &CalibrationSheet) -> Table {
    let mut table = Table::new(
        "rungs",
        "Rungs",
        "Right: of the verdicts that ended with the rung. Reached: of the problems of plants of which it is the highest rung that is \
         true, those whose verdict gave it, rightly.",
        &[
            ("rung", "Rung"),
            ("right", "Right"),
            ("wrong", "Wrong"),
            ("reached", "Reached"),
        ],
    );
    for count in &sheet.rungs {
        table.push(vec![
            Cell::text(count.rung.as_str()),
            Cell::of(count.right),
            Cell::Count(count.right.n - count.right.hits),
            Cell::of(count.reached),
        ]);
    }
    table
}

fn cells(sheet: &CalibrationSheet) -> Table {
    let mut table = Table::new(
        "plants",
        "Plants",
        "The highest rung that is true of each, and how many verdicts gave it rightly; where no trace is true, how many claimed none.",
        &[
            ("plant", "Plant"),
            ("truth", "What it does"),
            ("size", "Size"),
            ("highest", "Highest true rung"),
            ("reached", "Verdicts that say so"),
            ("wrong", "Wrong claims"),
            ("answered", "Right answers"),
        ],
    );
    for cell in &sheet.cells {
        let wrong: usize = cell.wrong.iter().map(|(_, n)| n).sum();
        table.push(vec![
            Cell::text(cell.plant),
            Cell::text(cell.truth),
            Cell::text(cell.size),
            Cell::text(
                cell.highest
                    .map_or("none", crate::core::types::Rung::as_str),
            ),
            Cell::of(cell.reached),
            Cell::Count(wrong),
            Cell::Count(cell.answered),
        ]);
        for (question, reason) in &cell.examples {
            let (plant, size) = (cell.plant, cell.size);
            table
                .notes
                .push(format!("{plant}, {size}, wrong: {question} {reason}"));
        }
    }
    table
}

fn given(sheet: &CalibrationSheet) -> Table {
    let mut columns = vec![("plant", "Plant"), ("size", "Size")];
    columns.extend(WORDS.map(|word| (word, word)));
    let mut table = Table::new(
        "given",
        "Verdicts",
        "How many verdicts ended with each rung; in brackets, how many of them claim something that is not true.",
        &columns,
    );
    for cell in &sheet.cells {
        let mut row = vec![Cell::text(cell.plant), Cell::text(cell.size)];
        row.extend(WORDS.map(|word| Cell::text(with_wrong(cell, word))));
        table.push(row);
    }
    table
}

fn with_wrong(cell: &Judged, word: &str) -> String {
    let of = |counts: &[(&'static str, usize)]| {
        let found = counts.iter().find(|(rung, _)| *rung == word);
        found.map_or(0, |(_, n)| *n)
    };
    match (of(&cell.given), of(&cell.wrong)) {
        (given, 0) => given.to_string(),
        (given, wrong) => format!("{given} ({wrong})"),
    }
}
