//! `undertone influence`: measures the effect of each latent on later latents and, total and direct, on the answer.

use super::{ReferenceSet, Shown, csv, publish, ready, warn_of_no_say, words};
use crate::commands::cli::StudyArgs;
use crate::core::error::Result;
use crate::core::types::{Ablation, Influence, LatentIdx, Propagation};
use crate::lab::present::document::{Cell, Column, Fields, Section, Table};

/// The schema name and version.
pub const SCHEMA: &str = "undertone.influence/1";

/// Runs the command.
///
/// # Errors
/// When options are incompatible, or the question or the model fails.
pub fn run(args: &StudyArgs) -> Result<()> {
    let mut manner = args.manner.ablation(&[])?;
    warn_of_no_say(&mut manner, "influence", true);
    let reference = ReferenceSet::of(&args.manner);
    let ready = ready(SCHEMA, &args.model, &args.problem, reference)?;
    ready.n_latents(&manner)?;
    let study = ready
        .explorer
        .influence(&ready.clean, &manner, &ready.cancel)?;
    publish(args.report, &ready.head, &study)
}

impl Shown for Influence {
    fn columns(&self) -> Vec<&'static str> {
        let (first, last) = (["record", "from", "to"], ["relative_change", "top_changed"]);
        [&first[..], &csv::MANNER, &csv::CELL, &last].concat()
    }

    fn records(&self) -> Vec<Fields> {
        let latents = self.latents.iter().map(|cell| {
            let mut fields = csv::manner(&self.manner);
            fields.extend([
                ("record", "latent".to_owned()),
                ("from", cell.from.to_string()),
                ("to", cell.to.to_string()),
                ("off", cell.from.to_string()),
                ("relative_change", cell.relative_change.to_string()),
                ("top_changed", cell.top_changed.to_string()),
                ("n", cell.n.to_string()),
            ]);
            fields
        });
        let answers = self.answers.iter().flat_map(|answer| {
            let cells = [
                (Propagation::Total, &answer.total),
                (Propagation::Direct, &answer.direct),
            ];
            cells.map(|(propagation, cell)| {
                let mut fields = csv::manner(&Ablation {
                    propagation,
                    ..self.manner.clone()
                });
                fields.extend([
                    ("record", "answer".to_owned()),
                    ("from", answer.from.to_string()),
                    ("to", "answer".to_owned()),
                ]);
                fields.extend(csv::cell(cell));
                fields
            })
        });
        latents.chain(answers).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let mut answers = to_answer(self);
        let cells = self
            .answers
            .iter()
            .flat_map(|answer| [&answer.total, &answer.direct]);
        answers.notes.extend(words::resolutions(cells));
        let cost = words::cost(&self.cost, self.sham_max_diff);
        answers.notes.push(cost);
        let matrix = (self.n_latents > 1).then(|| matrix(self));
        let tables = matrix.into_iter().chain([answers]);
        vec![Section::untitled([words::manner(&self.manner)], tables)]
    }
}

fn matrix(study: &Influence) -> Table {
    let mut table = Table::untitled(
        "each cell: with the latent of the line off, how far the state of the latent of the column moves (|h' - h| / |h|, mean \
         over variants), and in how many variants its top decoded token changes",
        1,
        &["off"],
    );
    let columns = (2..=study.n_latents).map(|to| Column::new("to", format!("to {to}")));
    table.columns.extend(columns);
    for from in (1..study.n_latents).map(LatentIdx) {
        let cells = (2..=study.n_latents).map(LatentIdx).map(|to| {
            let found = study.latents.iter().find(|c| (c.from, c.to) == (from, to));
            match found {
                None if to > from => Cell::None(""),
                None => Cell::figure(""),
                Some(cell) => {
                    let changed = words::changed(cell.top_changed, cell.n);
                    Cell::figure(format!("{:.3} {changed:>8}", cell.relative_change))
                }
            }
        });
        let first = std::iter::once(Cell::Count(from.0));
        table.push(first.chain(cells).collect());
    }
    table
}

fn to_answer(study: &Influence) -> Table {
    let mut table = Table::untitled(
        format!(
            "each line: a latent that is off, and the answer (of several variants the most frequent), {}, and the change in \
             log-probability of the clean answer (nats, mean over variants): with later latents recomputed (total) and held \
             at their clean values (direct)",
            words::OUTCOME
        ),
        1,
        &[
            "off", "total", "outcome", "change", "direct", "outcome", "change",
        ],
    );
    for answer in &study.answers {
        let mut row = vec![Cell::Count(answer.from.0)];
        row.extend(words::columns(Some(&answer.total)));
        row.extend(words::columns(Some(&answer.direct)));
        table.push(row);
    }
    table
}
