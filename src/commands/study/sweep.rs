//! `undertone sweep`: switches every latent off alone and restores it alone, by every value, and tests pairs for interaction.

use std::collections::BTreeMap;

use super::{ReferenceSet, Shown, csv, publish, ready, warn_of_no_say, words};
use crate::commands::cli::SweepArgs;
use crate::core::error::Result;
use crate::core::types::{Ablation, AblationValue, Direction, LatentIdx, Role, Sweep};
use crate::lab::present::document::{Cell, Fields, Section, Table, Unit};

/// The schema name and version.
pub const SCHEMA: &str = "undertone.sweep/1";

/// Runs the command.
///
/// # Errors
/// When options are incompatible, or the question or the model fails.
pub fn run(args: &SweepArgs) -> Result<()> {
    let mut manner = args.ablation()?;
    warn_of_no_say(&mut manner, "sweep", false);
    let reference = ReferenceSet::of(&args.manner);
    let ready = ready(SCHEMA, &args.model, &args.problem, reference)?;
    ready.n_latents(&manner)?;
    let study = ready.explorer.sweep(
        &ready.clean,
        None,
        (&manner, &args.values()),
        &mut |_| (),
        &ready.cancel,
    )?;
    publish(args.report, &ready.head, &study)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Necessary => "necessary",
        Role::Sufficient => "sufficient",
    }
}

/// Returns the distinct values of the cells in order.
fn values(study: &Sweep) -> Vec<AblationValue> {
    let mut values: Vec<AblationValue> = Vec::new();
    for cell in &study.cells {
        if !values.contains(&cell.value) {
            values.push(cell.value);
        }
    }
    values
}

impl Shown for Sweep {
    fn columns(&self) -> Vec<&'static str> {
        let first = ["record", "role", "latent", "latent_2"];
        let last = ["refused", "sum_of_singles", "non_additive"];
        [&first[..], &csv::MANNER, &csv::CELL, &last].concat()
    }

    fn records(&self) -> Vec<Fields> {
        // A cell has its own value, and its role is the direction.
        let with = |value, direction| {
            csv::manner(&Ablation {
                value,
                direction,
                ..self.manner.clone()
            })
        };
        let cells = self.cells.iter().map(|cell| {
            let direction = match cell.role {
                Role::Necessary => Direction::Noising,
                Role::Sufficient => Direction::Denoising,
            };
            let mut fields = with(cell.value, direction);
            fields.extend([
                ("record", "cell".to_owned()),
                ("role", role(cell.role).to_owned()),
                ("latent", cell.latent.to_string()),
                ("refused", csv::known(cell.refused.as_deref())),
            ]);
            fields.extend(cell.cell.as_ref().map(csv::cell).unwrap_or_default());
            fields
        });
        let pairs = self.pairs.iter().map(|pair| {
            let mut fields = with(pair.value, Direction::Noising);
            fields.extend([
                ("record", "pair".to_owned()),
                ("latent", pair.latents.0.to_string()),
                ("latent_2", pair.latents.1.to_string()),
                ("sum_of_singles", pair.sum_of_singles.to_string()),
                ("non_additive", pair.non_additive.to_string()),
            ]);
            fields.extend(csv::cell(&pair.cell));
            fields
        });
        cells.chain(pairs).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let about = format!(
            "each line: a latent; then what happens when it is {} (is it necessary?) and when all others are off and it is \
             {}, with its clean value (is it sufficient?): the answer (of several variants the most frequent), {}, and the \
             change in log-probability of the clean answer (nats, mean over variants)",
            Role::Necessary.as_str(),
            Role::Sufficient.as_str(),
            words::OUTCOME
        );
        let about = vec![about, words::way(&self.manner)];
        let mut sections = vec![Section::untitled(about, [])];
        let tables = values(self).into_iter().map(|value| of_value(self, value));
        sections.push(Section::untitled([], tables));
        if !self.pairs.is_empty() {
            sections.push(Section::untitled([], [of_pairs(self)]));
        }
        sections.push(Section::untitled(tallies(self), []));
        let cells = self.cells.iter().filter_map(|cell| cell.cell.as_ref());
        let cells = cells.chain(self.pairs.iter().map(|pair| &pair.cell));
        let mut end: Vec<String> = words::resolutions(cells).collect();
        if !self.complete {
            end.push("not all cells are here".to_owned());
        }
        end.push(words::cost(&self.cost, self.sham_max_diff));
        sections.push(Section::untitled(end, []));
        sections
    }
}

fn of_value(study: &Sweep, value: AblationValue) -> Table {
    let [off, alone] = [Role::Necessary, Role::Sufficient].map(Role::as_str);
    let mut table = Table::untitled(
        format!("{value}: what is off {}", words::fate(value)),
        1,
        &[
            "latent", off, "outcome", "change", alone, "outcome", "change",
        ],
    );
    let mut refused: BTreeMap<(Role, String), Vec<LatentIdx>> = BTreeMap::new();
    for latent in (1..=study.n_latents).map(LatentIdx) {
        let mut row = vec![Cell::Count(latent.0)];
        for asked in [Role::Necessary, Role::Sufficient] {
            let cell = study.cell(latent, asked, value);
            row.extend(words::columns(cell.and_then(|cell| cell.cell.as_ref())));
            if let Some(why) = cell.and_then(|cell| cell.refused.clone()) {
                refused.entry((asked, why)).or_default().push(latent);
            }
        }
        table.push(row);
    }
    let notes = refused.iter().map(|((asked, why), latents)| {
        let latents = words::latents(latents);
        format!("not applicable, {} {latents}: {why}", role(*asked))
    });
    table.notes.extend(notes);
    table
}

/// Formats, for each latent, the number of values under which the answer stands, is mixed or flips.
fn tallies(study: &Sweep) -> Vec<String> {
    let mut lines = Vec::new();
    for asked in [Role::Necessary, Role::Sufficient] {
        for latent in (1..=study.n_latents).map(LatentIdx) {
            let tally = study.tally(latent, asked);
            if tally.n() > 0 {
                let what = format!("values with latent {latent} {}", asked.as_str());
                lines.push(words::tally(&what, tally));
            }
        }
    }
    lines
}

fn of_pairs(study: &Sweep) -> Table {
    let mut table = Table::untitled(
        "each line: two latents off together, beside the sum of the changes of each alone; a pair that is not the sum of its \
         parts is marked",
        1,
        &["off", "value", "answer", "outcome", "change", "sum", ""],
    );
    for pair in &study.pairs {
        let [answer, outcome, change] = words::columns(Some(&pair.cell));
        let mark = if pair.non_additive { "not the sum" } else { "" };
        table.push(vec![
            Cell::text(format!("{},{}", pair.latents.0, pair.latents.1)),
            Cell::text(pair.value.as_str()),
            answer,
            outcome,
            change,
            Cell::Number(pair.sum_of_singles, Unit::Signed),
            Cell::text(mark),
        ]);
    }
    table
}
