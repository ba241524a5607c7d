//! `undertone lattice`: switches every set of latents off and finds the smallest sets that keep and break the answer.

use std::collections::BTreeSet;

use super::csv::{self, Sheet};
use super::table::{Pen, Side, Table};
use super::{Head, ReferenceSet, Shown, publish, ready, words};
use crate::commands::cli::StudyArgs;
use crate::core::error::{Error, Result};
use crate::core::types::{LatentIdx, Lattice};

/// The schema name and version.
pub const SCHEMA: &str = "undertone.lattice/1";
/// The largest number of latents of a lattice, with 256 sets.
pub const MAX_LATENTS: usize = 8;

/// Runs the command.
///
/// # Errors
/// When options are incompatible, there are too many latents, or the question or the model fails.
pub fn run(args: &StudyArgs) -> Result<()> {
    let manner = args.manner.ablation(&[])?;
    let reference = ReferenceSet::of(&args.manner);
    let ready = ready(SCHEMA, &args.model, &args.problem, reference)?;
    let n = ready.n_latents(&manner)?;
    if n > MAX_LATENTS {
        return Err(Error::usage_with_hint(
            format!(
                "a lattice of {n} latents has 2^{n} sets: at most {MAX_LATENTS} latents are taken"
            ),
            "pass fewer with --latents, or look at single ones and pairs with undertone sweep",
        ));
    }
    let study = ready
        .explorer
        .lattice(&ready.clean, None, &manner, &mut |_| (), &ready.cancel)?;
    publish(args.report, &ready.head, &study)
}

impl Shown for Lattice {
    fn csv(&self, head: &Head) -> String {
        let mut shared = csv::origin(head);
        shared.push(("record", "cell".to_owned()));
        shared.extend(csv::manner(&self.manner));
        let mut sheet = Sheet::new(shared, &csv::CELL);
        for cell in &self.cells {
            sheet.push(csv::cell(cell));
        }
        sheet.into_text()
    }

    fn text(&self, _: &Head, pen: Pen) -> String {
        let mut text = pen.prose(&words::manner(&self.manner));
        text += &pen.prose(
            &format!(
                "each line: a set of latents that is off, those that are {}: only they run, and they {}; the answer then (of \
                 several variants the most frequent), {}, and the change in log-probability of the clean answer (nats, mean over \
                 variants)",
                Self::KEPT_ALONE,
                self.manner.fate_of_on(),
                words::OUTCOME
            ),
        );
        let mut table = Table::new(
            1,
            &[
                ("off", Side::Left),
                (Self::KEPT_ALONE, Side::Left),
                ("answer", Side::Left),
                ("outcome", Side::Left),
                ("change", Side::Right),
            ],
        );
        for cell in &self.cells {
            let on = (1..=self.n_latents)
                .map(LatentIdx)
                .filter(|latent| !cell.off.contains(latent))
                .collect();
            table.row([
                set(&cell.off),
                set(&on),
                pen.answer(cell.answer.as_deref(), 24),
                words::outcome(cell.variants()),
                format!("{:+.3}", cell.delta_logprob),
            ]);
        }
        text += &table.into_text();
        text += &pen.prose(&words::tally("sets with a latent off", self.tally()));
        text += &words::resolutions(&self.cells);
        text += "\n";
        if self.complete {
            text += &pen.prose(&format!(
                "smallest set that, {}, keeps the answer in every variant: {}",
                Self::KEPT_ALONE,
                self.keeps
                    .as_ref()
                    .map_or_else(|| "no set does".to_owned(), set)
            ));
            text += &pen.prose(&format!(
                "smallest set that, off, breaks the answer in every variant: {}",
                self.breaks
                    .as_ref()
                    .map_or_else(|| "no set does".to_owned(), set)
            ));
        } else {
            text += "not all sets are computed\n";
        }
        text + &words::cost(&self.cost, self.sham_max_diff)
    }
}

fn set(latents: &BTreeSet<LatentIdx>) -> String {
    if latents.is_empty() {
        "none".to_owned()
    } else {
        words::latents(latents)
    }
}
