//! `undertone sweep`: switches every latent off alone and restores it alone, by every value, and tests pairs for interaction.

use std::collections::BTreeMap;

use super::csv::{self, Fields, Sheet};
use super::table::{Pen, Side, Table};
use super::{Head, ReferenceSet, Shown, publish, ready, warn_of_no_say, words};
use crate::commands::cli::SweepArgs;
use crate::core::error::Result;
use crate::core::types::{AblationValue, Cell, LatentIdx, Role, Sweep};

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
    fn csv(&self, head: &Head) -> String {
        let manner = csv::manner(&self.manner);
        let mut columns = vec!["record", "role", "latent", "latent_2"];
        columns.extend(manner.iter().map(|(name, _)| *name));
        columns.extend(csv::CELL);
        columns.extend(["refused", "sum_of_singles", "non_additive"]);
        let mut sheet = Sheet::new(csv::origin(head), &columns);
        // A cell has its own value, and its role is the direction.
        let with = |value: AblationValue, direction: &str| -> Fields {
            let mut fields = manner.clone();
            for (name, field) in &mut fields {
                match *name {
                    "value" => value.as_str().clone_into(field),
                    "direction" => direction.clone_into(field),
                    _ => {}
                }
            }
            fields
        };
        for cell in &self.cells {
            let direction = match cell.role {
                Role::Necessary => "noising",
                Role::Sufficient => "denoising",
            };
            let mut fields = with(cell.value, direction);
            fields.extend([
                ("record", "cell".to_owned()),
                ("role", role(cell.role).to_owned()),
                ("latent", cell.latent.to_string()),
                ("refused", csv::text(cell.refused.as_deref())),
            ]);
            fields.extend(cell.cell.as_ref().map(csv::cell).unwrap_or_default());
            sheet.push(fields);
        }
        for pair in &self.pairs {
            let mut fields = with(pair.value, "noising");
            fields.extend([
                ("record", "pair".to_owned()),
                ("latent", pair.latents.0.to_string()),
                ("latent_2", pair.latents.1.to_string()),
                ("sum_of_singles", pair.sum_of_singles.to_string()),
                ("non_additive", pair.non_additive.to_string()),
            ]);
            fields.extend(csv::cell(&pair.cell));
            sheet.push(fields);
        }
        sheet.into_text()
    }

    fn text(&self, _: &Head, pen: Pen) -> String {
        let mut text = pen.prose(
            &format!(
                "each line: a latent; then what happens when it is {} (is it necessary?) and when all others are off and it is \
                 {}, with its clean value (is it sufficient?): the answer (of several variants the most frequent), {}, and the \
                 change in log-probability of the clean answer (nats, mean over variants)",
                Role::Necessary.as_str(),
                Role::Sufficient.as_str(),
                words::OUTCOME
            ),
        );
        text += &pen.prose(&words::way(&self.manner));
        for value in values(self) {
            text += "\n";
            text += &pen.prose(&format!("{value}: what is off {}", words::fate(value)));
            text += &of_value(self, value, pen);
        }
        if !self.pairs.is_empty() {
            text += "\n";
            text += &of_pairs(self, pen);
        }
        text += "\n";
        text += &tallies(self, pen);
        let cells = self.cells.iter().filter_map(|cell| cell.cell.as_ref());
        let cells = cells.chain(self.pairs.iter().map(|pair| &pair.cell));
        text += "\n";
        text += &words::resolutions(cells);
        if !self.complete {
            text += "not all cells are here\n";
        }
        text + &words::cost(&self.cost, self.sham_max_diff)
    }
}

fn of_value(study: &Sweep, value: AblationValue, pen: Pen) -> String {
    let mut table = Table::new(
        1,
        &[
            ("latent", Side::Right),
            (Role::Necessary.as_str(), Side::Left),
            ("outcome", Side::Left),
            ("change", Side::Right),
            (Role::Sufficient.as_str(), Side::Left),
            ("outcome", Side::Left),
            ("change", Side::Right),
        ],
    );
    let mut refused: BTreeMap<(Role, String), Vec<LatentIdx>> = BTreeMap::new();
    for latent in (1..=study.n_latents).map(LatentIdx) {
        let mut row = vec![latent.to_string()];
        for asked in [Role::Necessary, Role::Sufficient] {
            let cell = study.cell(latent, asked, value);
            row.extend(columns(cell.and_then(|cell| cell.cell.as_ref()), pen));
            if let Some(why) = cell.and_then(|cell| cell.refused.clone()) {
                refused.entry((asked, why)).or_default().push(latent);
            }
        }
        table.row(row);
    }
    let mut text = table.into_text();
    for ((asked, why), latents) in &refused {
        text += &pen.prose(&format!(
            "not applicable, {} {}: {why}",
            role(*asked),
            words::latents(latents)
        ));
    }
    text
}

/// Formats, for each latent, the number of values under which the answer stands, is mixed or flips.
fn tallies(study: &Sweep, pen: Pen) -> String {
    let mut text = String::new();
    for asked in [Role::Necessary, Role::Sufficient] {
        for latent in (1..=study.n_latents).map(LatentIdx) {
            let tally = study.tally(latent, asked);
            if tally.n() > 0 {
                let what = format!("values with latent {latent} {}", asked.as_str());
                text += &pen.prose(&words::tally(&what, tally));
            }
        }
    }
    text
}

fn of_pairs(study: &Sweep, pen: Pen) -> String {
    let mut text = pen.prose(
            "each line: two latents off together, beside the sum of the changes of each alone; a pair that is not the sum \
             of its parts is marked",
        );
    let mut table = Table::new(
        1,
        &[
            ("off", Side::Left),
            ("value", Side::Left),
            ("answer", Side::Left),
            ("outcome", Side::Left),
            ("change", Side::Right),
            ("sum", Side::Right),
            ("", Side::Left),
        ],
    );
    for pair in &study.pairs {
        let [answer, outcome, change] = columns(Some(&pair.cell), pen);
        let mark = if pair.non_additive { "not the sum" } else { "" };
        table.row([
            format!("{},{}", pair.latents.0, pair.latents.1),
            pair.value.to_string(),
            answer,
            outcome,
            change,
            format!("{:+.3}", pair.sum_of_singles),
            mark.to_owned(),
        ]);
    }
    text += &table.into_text();
    text
}

fn columns(cell: Option<&Cell>, pen: Pen) -> [String; 3] {
    cell.map_or_else(
        || ["-"; 3].map(str::to_owned),
        |cell| {
            [
                pen.answer(cell.answer.as_deref(), 14),
                words::outcome(cell.variants()),
                format!("{:+.3}", cell.delta_logprob),
            ]
        },
    )
}
