//! `undertone selftest`: checks the engine against recorded outputs of the reference, as a table or JSON.

use super::{placement, print, to_json};
use crate::commands::cli::SelftestArgs;
use crate::core::error::{Error, Result};
use crate::core::text::{Page, sanitize};
use crate::engine::model::{LoadOptions, Precision};
use crate::lab::parity::{self, Checked, ParityReport};

/// Runs the checks and prints the report.
///
/// # Errors
/// When the folder holds no recordings, a check fails, or the output cannot be written.
pub fn run(args: &SelftestArgs) -> Result<()> {
    let options = LoadOptions {
        precision: Precision::F32,
        ..LoadOptions::default()
    };
    let report = parity::check_all(
        &args.fixtures,
        &options,
        &placement(args.device)?.device,
        &mut |_| (),
    )
    .map_err(|source| Error::io("read", &args.fixtures.join("golden"), source))?;
    if args.json {
        print(&to_json(&report)?)?;
    } else {
        print(&Page::new(table(&report)))?;
    }
    if report.passed {
        return Ok(());
    }
    let failed = report.checkpoints.iter().filter(|c| !c.passed).count();
    Err(Error::model(
        format!(
            "{failed} of {} checkpoints do not agree with the reference",
            report.checkpoints.len()
        ),
        "no figure of this build can be trusted until they do; report the table above".to_owned(),
    ))
}

fn table(report: &ParityReport) -> String {
    let mut text = format!(
        "{} on {} in {}, tolerance {:.0e} relative\n",
        sanitize(&report.fixtures.display().to_string()),
        report.device,
        report.dtype,
        report.tolerance
    );
    for checked in &report.checkpoints {
        text.push_str(&lines(checked));
    }
    let passed = report.checkpoints.iter().filter(|c| c.passed).count();
    text.push_str(&format!(
        "\n{passed} of {} checkpoints pass\n",
        report.checkpoints.len()
    ));
    text
}

fn lines(checked: &Checked) -> String {
    let word = |passed: bool| if passed { "pass" } else { "FAIL" };
    let mut text = format!(
        "\n{}  {} ({}, {})\n",
        word(checked.passed),
        sanitize(&checked.name),
        sanitize(checked.family.as_deref().unwrap_or("not loaded")),
        sanitize(checked.arch.as_deref().unwrap_or("unknown base")),
    );
    if let Some(error) = &checked.error {
        text.push_str(&format!("      {}\n", sanitize(error)));
    }
    for item in &checked.items {
        let differences = match (item.largest_difference, item.largest_relative) {
            (Some(difference), Some(relative)) => {
                format!("  largest difference {difference:.1e}, relative {relative:.1e}")
            }
            _ => "  identical".to_owned(),
        };
        text.push_str(&format!(
            "{}    {:<32} {:>6} compared{}\n",
            word(item.failed == 0),
            sanitize(item.name),
            item.compared,
            if item.failed == 0 {
                differences
            } else {
                format!(", {} do not agree", item.failed)
            }
        ));
        if let Some(failure) = &item.first_failure {
            text.push_str(&format!("          {}\n", sanitize(failure)));
        }
    }
    text
}
