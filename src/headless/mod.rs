//! Everything that works without a screen: one file a subcommand, text or JSON on standard output.
//!
//! Output goes through [`print()`] and never holds a control byte; a closed pipe is not an error.

pub mod data;
pub mod eval;
pub mod export;
pub mod inspect;
pub mod keys;
pub mod models;
pub mod problems;

use std::io::Write;

use crate::analysis::Explorer;
use crate::cli;
use crate::error::{self, Error, Result};
use crate::model::{Cancel, Checkpoint, Device, ErrorKind, Model, ModelError};
use crate::text::{Clean, sanitize, sanitize_lines};

/// Writes a finished report to standard output.
///
/// # Errors
/// When standard output cannot be written; a closed pipe has a kind of its own that ends quietly.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| {
        if text.ends_with('\n') {
            Ok(())
        } else {
            out.write_all(b"\n")
        }
    });
    written
        .and_then(|()| out.flush())
        .map_err(|source| Error::Output { source })
}

/// Writes an error and its hint to standard error, cleaned. A standard error that cannot be written is ignored.
pub fn print_error(message: &str, hint: Option<&str>) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {}", sanitize(message));
    if let Some(hint) = hint {
        let _ = writeln!(err, "hint: {}", sanitize(hint));
    }
}

/// Writes a warning to standard error, cleaned. A standard error that cannot be written is ignored.
pub fn print_warning(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", sanitize(message));
}

/// Prints what the command line parser has to say (help, version or a refusal), cleaned; gives the exit code.
#[must_use]
pub fn usage(said: &cli::Said) -> u8 {
    let lines: Vec<String> = sanitize_lines(&said.text)
        .into_iter()
        .map(Clean::into_string)
        .collect();
    let text = lines.join("\n");
    if said.is_refusal {
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end());
        return error::Kind::Usage.exit_code();
    }
    print(text.trim_end()).map_or_else(|error| error.exit_code(), |()| 0)
}

/// A value as indented JSON.
///
/// # Errors
/// When it cannot be written as JSON, which would be a bug.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| Error::internal(error.to_string()))
}

/// Loads a model with its reference set.
///
/// # Errors
/// When the checkpoint cannot be read or fails its self-tests.
pub fn load(args: &cli::ModelArgs) -> Result<Explorer> {
    let checkpoint = Checkpoint::open(&args.model).map_err(model_error)?;
    let model =
        Model::load(&checkpoint, &device(args.device)?, &mut |_| ()).map_err(model_error)?;
    Explorer::with_generated_reference(model, &Cancel::new()).map_err(model_error)
}

/// The device asked for.
///
/// # Errors
/// When this build or machine does not have it.
pub fn device(asked: cli::Device) -> Result<Device> {
    match asked {
        cli::Device::Auto => Ok(crate::model::best_device()),
        cli::Device::Cpu => Ok(Device::Cpu),
        cli::Device::Cuda => {
            Device::new_cuda(0).map_err(|error| no_device("cuda", &error.to_string()))
        }
        cli::Device::Metal => {
            Device::new_metal(0).map_err(|error| no_device("metal", &error.to_string()))
        }
    }
}

fn no_device(name: &str, cause: &str) -> Error {
    Error::model(
        format!("the device {name} cannot be used: {cause}"),
        format!("build with --features {name} on a machine that has one, or pass --device cpu"),
    )
}

/// A model's error as the program's.
#[must_use]
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is used as a function in map_err"
)]
pub fn model_error(error: ModelError) -> Error {
    match error.kind() {
        ErrorKind::Usage => Error::usage(error.to_string()),
        _ => Error::model(error.to_string(), error.hint()),
    }
}
