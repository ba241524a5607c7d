//! The subcommands, one file each, with text or JSON on standard output.
//!
//! Output goes through [`print()`], which accepts only a [`Page`] and so never writes a control character. A closed pipe is not
//! an error.

pub mod bench;
pub mod calibrate;
pub mod cli;
pub mod data;
pub mod eval;
pub mod explore;
pub mod export;
pub mod fetch;
mod gold;
pub mod inspect;
pub mod keys;
pub mod lens_fit;
pub mod merge;
mod meter;
pub mod models;
pub mod problems;
pub mod question;
pub mod report;
pub mod run;
pub mod selftest;
pub mod study;
pub mod trace;

use std::io::Write;
use std::path::Path;

use crate::core::error::{self, Error, Result};
use crate::core::paths::{self, Paths};
use crate::core::problem::{Problem, Split};
use crate::core::text::{Clean, Page, sanitize};
use crate::engine::hub::{self, HubError};
use crate::engine::model::{Cancel, Device, LoadOptions, Model, ModelError, Placement};
use crate::engine::model_source::{OpenError, Opener, Watch};
use crate::explorer::session::store::Unread;
use crate::lab::analysis::verdict::{Budget, Strategy};
use crate::lab::analysis::{self, Workbench};
use crate::lab::batch::written;
use crate::lab::reference_files;

/// Writes a report to standard output.
///
/// # Errors
/// When standard output cannot be written; a closed pipe has a separate kind that ends quietly.
pub fn print(page: &Page) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(page.as_bytes()).and_then(|()| {
        if page.ends_with('\n') {
            Ok(())
        } else {
            out.write_all(b"\n")
        }
    });
    written
        .and_then(|()| out.flush())
        .map_err(|source| Error::Output { source })
}

/// Writes an error and its hint to standard error, sanitised. Write errors are ignored.
pub fn print_error(message: &str, hint: Option<&str>) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {}", sanitize(message));
    if let Some(hint) = hint {
        let _ = writeln!(err, "hint: {}", sanitize(hint));
    }
}

/// Writes a warning to standard error, sanitised. Write errors are ignored.
pub fn print_warning(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", sanitize(message));
}

/// Warns of the parts of a session file that could not be read.
pub fn report_unread(path: &Path, unread: &[Unread]) {
    /// The number of warnings printed; the rest are counted.
    const NAMED: usize = 20;
    for one in unread.iter().take(NAMED) {
        print_warning(&format!("{path:?}: {one}"));
    }
    if unread.len() > NAMED {
        print_warning(&format!("{path:?}: and {} more", unread.len() - NAMED));
    }
}

/// Writes a line to standard error, e.g. progress. Write errors are ignored.
pub fn print_note(line: &Clean<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints the message of the command line parser, sanitised; returns the exit code.
#[must_use]
pub fn usage(said: &cli::ParserMessage) -> u8 {
    let page = Page::new(said.text.trim_end());
    if said.is_refusal {
        let _ = writeln!(std::io::stderr().lock(), "{page}");
        return error::FailureKind::Usage.exit_code();
    }
    let printed = print(&page);
    printed.map_or_else(|error| report_error(&error), |()| 0)
}

/// Prints an error to standard error, except for a closed pipe; returns the exit code.
#[must_use]
pub fn report_error(error: &Error) -> u8 {
    // `head` closes the pipe when it has enough.
    if error.kind() != error::FailureKind::BrokenPipe {
        print_error(&error.to_string(), error.hint().as_deref());
    }
    error.exit_code()
}

/// Serialises a value as indented JSON, with untrusted text escaped for terminals.
///
/// # Errors
/// When serialisation fails, which would be a bug.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<Page> {
    Page::json(value).map_err(|error| Error::internal(error.to_string()))
}

/// Serialises a value as JSON on one line, escaped as in [`to_json`].
///
/// # Errors
/// When serialisation fails, which would be a bug.
pub fn to_json_line<T: serde::Serialize>(value: &T) -> Result<Page> {
    Page::json_line(value).map_err(|error| Error::internal(error.to_string()))
}

fn budget(args: &cli::BudgetArgs) -> Result<Budget> {
    let named = args.strategies.iter();
    let strategies: Vec<Strategy> = named
        .map(|text| text.trim().parse().map_err(|why: String| Error::usage(why)))
        .collect::<Result<_>>()?;
    let all = Budget::default();
    Ok(Budget {
        strategies: if strategies.is_empty() {
            all.strategies
        } else {
            strategies
        },
        edits: args.edits,
        more_edits: args.more_edits,
        donors: args.donors,
        traces: args.traces,
    })
}

/// Loads a model with its reference set, which is cached between sessions.
///
/// # Errors
/// When the checkpoint cannot be read or fails its self-tests.
pub fn load(args: &cli::CheckpointArgs) -> Result<Workbench> {
    let mut explorer = Workbench::bare(load_model(args)?);
    ensure_reference(&mut explorer)?;
    Ok(explorer)
}

/// The default number of generated problems.
const GENERATED: usize = 1000;

/// Generates problems of a model's task; returns their origin too.
fn generated(model: &Model, split: Split, n: usize, seed: u64) -> Result<(String, Vec<Problem>)> {
    let made = analysis::problems::for_task(model.info().task, split, n, seed)
        .map_err(|e| Error::usage(e.to_string()))?;
    if made.is_empty() {
        return Err(Error::usage(
            "this model's task is not known, so no problems can be generated: pass --data FILE",
        ));
    }
    Ok((format!("generated {split} problems, seed {seed}"), made))
}

/// Loads the reference set from the cache, or builds and caches it.
fn ensure_reference(explorer: &mut Workbench) -> Result<()> {
    // Without a home folder it is not cached.
    let folder = Paths::discover()
        .ok()
        .map(|paths| reference_files::folder(&paths.cache));
    let cancel = Cancel::new();
    reference_files::ensure_reference(explorer, folder.as_deref(), &mut |_, _| (), &cancel)
        .map_err(Error::from)
}

/// Loads a model, showing a download on standard error.
///
/// # Errors
/// When the model cannot be found, downloaded or read, or fails its self-tests.
pub fn load_model(args: &cli::CheckpointArgs) -> Result<Model> {
    load_as(args, |_| ())
}

fn load_as(args: &cli::CheckpointArgs, change: impl FnOnce(&mut LoadOptions)) -> Result<Model> {
    let placement = placement(args.device)?;
    let mut meter = meter::Meter::new();
    let mut watch = Watch {
        progress: &mut |step| meter.show(step),
        cancelled: &|| false,
    };
    let found = opener(args).find(&args.model, &mut watch);
    meter.finish();
    let (checkpoint, mut options) = found.map_err(open_error)?;
    change(&mut options);
    let (model, note) = placement.load(&checkpoint, &options, &mut |_| ())?;
    if let Some(note) = note {
        print_warning(&note);
    }
    Ok(model)
}

/// Returns the opener of the model named on the command line.
#[must_use]
pub fn opener(args: &cli::CheckpointArgs) -> Opener {
    let kind = &args.kind;
    Opener {
        named: args.model.clone(),
        options: LoadOptions {
            family: kind.family,
            base: kind.base,
            task: kind.task,
            latents: args.latents,
            lora_alpha: kind.lora_alpha,
            special_tokens: kind.special_tokens,
            precision: args.dtype,
            shuffled: None,
            behaviour: args.behaviour,
        },
        tokenizer: kind.tokenizer.clone(),
        hub: hub_options(kind.offline),
        home: paths::home(),
    }
}

/// Returns the hub's options from the environment, offline if requested.
#[must_use]
pub fn hub_options(offline: bool) -> hub::HubOptions {
    let mut options = hub::HubOptions::from_env();
    options.offline |= offline;
    options
}

/// Returns the requested device.
///
/// # Errors
/// When this build or machine does not have it.
pub fn placement(asked: cli::Device) -> Result<Placement> {
    let (name, opened) = match asked {
        cli::Device::Auto => return Ok(Placement::best()),
        cli::Device::Cpu => return Ok(Placement::on(Device::Cpu)),
        cli::Device::Cuda(card) => ("cuda", Device::new_cuda(card)),
        cli::Device::Metal => ("metal", Device::new_metal(0)),
    };
    opened
        .map(Placement::on)
        .map_err(|error| no_device(name, &ModelError::from(error)))
}

fn no_device(name: &str, cause: &ModelError) -> Error {
    Error::model(
        format!("the device {name} cannot be used: {cause}"),
        format!("build with --features {name} on a machine that has one, or pass --device cpu"),
    )
}

/// Converts an error of opening a model.
#[must_use]
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is used as a function in map_err"
)]
pub fn open_error(error: OpenError) -> Error {
    of_kind(error.kind(), error.to_string(), error.hint())
}

/// Converts an error of the hub.
#[must_use]
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is used as a function in map_err"
)]
pub fn hub_error(error: HubError) -> Error {
    of_kind(error.kind(), error.to_string(), error.hint())
}

/// Maps errors in the command or the environment to usage errors, all others to model errors.
fn of_kind(kind: error::FailureKind, message: String, hint: String) -> Error {
    match kind {
        error::FailureKind::Usage | error::FailureKind::Config => Error::Usage {
            message,
            hint: Some(hint),
        },
        _ => Error::model(message, hint),
    }
}
