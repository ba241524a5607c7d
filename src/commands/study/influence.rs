//! `undertone influence`: measures the effect of each latent on later latents and, total and direct, on the answer.

use super::csv::{self, Sheet};
use super::table::{Pen, Side, Table};
use super::{Head, ReferenceSet, Shown, publish, ready, warn_of_no_say, words};
use crate::commands::cli::StudyArgs;
use crate::core::error::Result;
use crate::core::types::{Cell, Influence, LatentIdx};

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
    fn csv(&self, head: &Head) -> String {
        let manner = csv::manner(&self.manner);
        let mut columns = vec!["record", "from", "to"];
        columns.extend(manner.iter().map(|(name, _)| *name));
        columns.extend(csv::CELL);
        columns.extend(["relative_change", "top_changed"]);
        let mut sheet = Sheet::new(csv::origin(head), &columns);
        for cell in &self.latents {
            let mut fields = manner.clone();
            fields.extend([
                ("record", "latent".to_owned()),
                ("from", cell.from.to_string()),
                ("to", cell.to.to_string()),
                ("off", cell.from.to_string()),
                ("relative_change", cell.relative_change.to_string()),
                ("top_changed", cell.top_changed.to_string()),
                ("n", cell.n.to_string()),
            ]);
            sheet.push(fields);
        }
        for answer in &self.answers {
            for (propagation, cell) in [("total", &answer.total), ("direct", &answer.direct)] {
                let mut fields = manner.clone();
                for (name, field) in &mut fields {
                    if *name == "propagation" {
                        propagation.clone_into(field);
                    }
                }
                fields.extend([
                    ("record", "answer".to_owned()),
                    ("from", answer.from.to_string()),
                    ("to", "answer".to_owned()),
                ]);
                fields.extend(csv::cell(cell));
                sheet.push(fields);
            }
        }
        sheet.into_text()
    }

    fn text(&self, _: &Head, pen: Pen) -> String {
        let mut text = pen.prose(&words::manner(&self.manner));
        if self.n_latents > 1 {
            text += &pen.prose(
                "each cell: with the latent of the line off, how far the state of the latent of the column moves \
                 (|h' - h| / |h|, mean over variants), and in how many variants its top decoded token changes",
            );
            text += &matrix(self);
            text += "\n";
        }
        text += &pen.prose(
            &format!(
                "each line: a latent that is off, and the answer (of several variants the most frequent), {}, and the change in \
                 log-probability of the clean answer (nats, mean over variants): with later latents recomputed (total) and held \
                 at their clean values (direct)",
                words::OUTCOME
            ),
        );
        text += &to_answer(self, pen);
        let cells = self
            .answers
            .iter()
            .flat_map(|answer| [&answer.total, &answer.direct]);
        text += &words::resolutions(cells);
        text + &words::cost(&self.cost, self.sham_max_diff)
    }
}

fn matrix(study: &Influence) -> String {
    let names: Vec<String> = (2..=study.n_latents).map(|to| format!("to {to}")).collect();
    let mut columns = vec![("off", Side::Right)];
    columns.extend(names.iter().map(|name| (name.as_str(), Side::Right)));
    let mut table = Table::new(1, &columns);
    for from in (1..study.n_latents).map(LatentIdx) {
        let cells = (2..=study.n_latents).map(LatentIdx).map(|to| {
            let found = study.latents.iter().find(|c| (c.from, c.to) == (from, to));
            found.map_or_else(
                || if to > from { "-" } else { "" }.to_owned(),
                |cell| {
                    let changed = words::changed(cell.top_changed, cell.n);
                    format!("{:.3} {changed:>8}", cell.relative_change)
                },
            )
        });
        table.row(std::iter::once(from.to_string()).chain(cells));
    }
    table.into_text()
}

fn to_answer(study: &Influence, pen: Pen) -> String {
    let mut table = Table::new(
        1,
        &[
            ("off", Side::Right),
            ("total", Side::Left),
            ("outcome", Side::Left),
            ("change", Side::Right),
            ("direct", Side::Left),
            ("outcome", Side::Left),
            ("change", Side::Right),
        ],
    );
    let columns = |cell: &Cell| {
        [
            pen.answer(cell.answer.as_deref(), 14),
            words::outcome(cell.variants()),
            format!("{:+.3}", cell.delta_logprob),
        ]
    };
    for answer in &study.answers {
        let mut row = vec![answer.from.to_string()];
        row.extend(columns(&answer.total));
        row.extend(columns(&answer.direct));
        table.row(row);
    }
    table.into_text()
}
