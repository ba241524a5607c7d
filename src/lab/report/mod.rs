//! Reports on a batch run: its rows are counted, compared with published values and with chance, and written as Markdown,
//! HTML, CSV and JSON. docs/report.md explains each figure.
//!
//! `gather` reads the items of a run, `tables` computes all numbers from the items, and `render` only formats them.

pub mod gather;
pub mod published;
pub mod tables;

#[cfg(test)]
#[allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "shared with tests/report.rs; small numbers"
)]
pub(crate) mod made;
#[cfg(test)]
mod tests;

pub use crate::lab::present::document::Document;
pub use gather::GatheredRun;

use tables::{accuracy, chaining, controls, findings, header, signal, stopping, traces, verdicts};

/// The schema of the JSON. Fields are only added without a new number.
pub const SCHEMA: &str = "undertone.report/1";

/// Returns the report on a run, with a run on the hard split and control runs if given.
#[must_use]
pub fn report(run: &GatheredRun, hard: Option<&GatheredRun>, controls: &[GatheredRun]) -> Document {
    let mut warnings = header::warnings(run, "The run");
    let mut sections = vec![
        header::section(run, controls, hard),
        accuracy::section(run),
        findings::section(run),
        stopping::section(run),
        traces::section(run),
        chaining::section(run),
        verdicts::section(run),
        signal::section(run, "signals", "", "The verdict as a signal of correctness"),
    ];
    if let Some(hard) = hard {
        warnings.extend(header::warnings(hard, "The hard split"));
        if hard.header.model.sha256 != run.header.model.sha256 {
            warnings.push("The hard split was run with other weights.".to_owned());
        }
        let title = "The same on the hard split";
        sections.push(signal::section(hard, "hard-signals", "hard-", title));
    }
    sections.push(controls::section(run, controls));
    Document {
        schema: SCHEMA,
        title: format!("{} on {}", run.header.model.name, run.header.data.origin),
        warnings,
        sections,
    }
}
