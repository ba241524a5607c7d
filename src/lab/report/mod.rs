//! What a batch run is worth: the rows of `rows` counted, compared with what was published and with chance, and written as
//! Markdown, HTML, CSV and JSON. docs/report.md says what each figure means.
//!
//! `gather` makes one small item a problem, `tables` counts items with the statistics of `stats`, `render` prints. No number is
//! computed where it is printed.

pub mod calibration;
pub mod gather;
pub mod plot;
pub mod published;
pub mod render;
pub mod table;
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

pub use gather::Run;
pub use table::Report;

use tables::{accuracy, chaining, controls, findings, header, signal, stopping, traces, verdicts};

/// The schema of the JSON; fields are only ever added under one number.
pub const SCHEMA: &str = "undertone.report/1";

/// The report on a run, with the same problems' harder kin and with controls where they are given.
#[must_use]
pub fn report(run: &Run, hard: Option<&Run>, controls: &[Run]) -> Report {
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
    Report {
        title: format!("{} on {}", run.header.model.name, run.header.data.origin),
        warnings,
        sections,
    }
}
