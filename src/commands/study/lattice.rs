//! `undertone lattice`: switches every set of latents off and finds the smallest sets that keep and break the answer.

use std::collections::BTreeSet;

use super::{ReferenceSet, Shown, csv, publish, ready, words};
use crate::commands::cli::StudyArgs;
use crate::core::error::{Error, Result};
use crate::core::types::{LatentIdx, Lattice};
use crate::lab::present::document::{Cell, Fields, Section, Table, Unit};

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
    fn columns(&self) -> Vec<&'static str> {
        [&["record"][..], &csv::MANNER, &csv::CELL].concat()
    }

    fn records(&self) -> Vec<Fields> {
        let record = |cell| {
            let mut fields = vec![("record", "cell".to_owned())];
            fields.extend(csv::manner(&self.manner));
            fields.extend(csv::cell(cell));
            fields
        };
        self.cells.iter().map(record).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let mut table = Table::untitled(
            format!(
                "each line: a set of latents that is off, those that are {}: only they run, and they {}; the answer then (of \
                 several variants the most frequent), {}, and the change in log-probability of the clean answer (nats, mean over \
                 variants)",
                Self::KEPT_ALONE,
                self.manner.fate_of_on(),
                words::OUTCOME
            ),
            1,
            &["off", Self::KEPT_ALONE, "answer", "outcome", "change"],
        );
        for cell in &self.cells {
            let on = (1..=self.n_latents)
                .map(LatentIdx)
                .filter(|latent| !cell.off.contains(latent))
                .collect();
            table.push(vec![
                Cell::text(set(&cell.off)),
                Cell::text(set(&on)),
                Cell::text(words::answer(cell.answer.as_deref(), 24)),
                Cell::text(words::outcome(cell.variants())),
                Cell::Number(cell.delta_logprob, Unit::Signed),
            ]);
        }
        let notes = &mut table.notes;
        notes.push(words::tally("sets with a latent off", self.tally()));
        notes.extend(words::resolutions(&self.cells));
        let smallest = |how: &str, found: &Option<BTreeSet<LatentIdx>>| {
            let found = found.as_ref().map_or("no set does".to_owned(), set);
            format!("smallest set that, {how} the answer in every variant: {found}")
        };
        let mut end = if self.complete {
            vec![
                smallest(&format!("{}, keeps", Self::KEPT_ALONE), &self.keeps),
                smallest("off, breaks", &self.breaks),
            ]
        } else {
            vec!["not all sets are computed".to_owned()]
        };
        end.push(words::cost(&self.cost, self.sham_max_diff));
        vec![
            Section::untitled([words::manner(&self.manner)], [table]),
            Section::untitled(end, []),
        ]
    }
}

fn set(latents: &BTreeSet<LatentIdx>) -> String {
    if latents.is_empty() {
        "none".to_owned()
    } else {
        words::latents(latents)
    }
}
