//! undertone shows what latent reasoning models think: it runs a model in this process, decodes its latent tokens,
//! switches them off, and judges whether a decoded reasoning trace is consistent with the answer.
//!
//! The floors, from the bottom up (nothing imports upwards; `tests/tidy.rs` checks it):
//!
//! - [`core`]: plain data, text, errors, files, statistics, data sets.
//! - [`verify`]: from words to a trace and its evidence; no tensor.
//! - [`engine`]: checkpoints, the transformer, the latent loop, decoding, the hub.
//! - [`lab`]: what can be asked about a question, and experiments over many.
//! - `explorer`: the reducer, its drawing, the terminal loop, the model's thread, the session.
//! - `commands`: the command line, a file for each command.
//!
//! As a library: open a model, ask a question, switch a latent off.
//!
//! ```
//! use undertone::core::types::{Ablation, AblationValue};
//! use undertone::lab::Workbench;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut workbench = Workbench::open("mini-math")?;
//! let mut inquiry = workbench.inquire("Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?")?;
//! assert_eq!(inquiry.run().answer.value.as_deref(), Some("19"));
//! let off = inquiry.ablate(&Ablation::new([1], AblationValue::Zero))?;
//! println!("with latent 1 at zero: {:?}", off.answer.value);
//! # Ok(())
//! # }
//! ```

// What tests/commands/report.rs shares with unit tests names the crate.
#[cfg(test)]
extern crate self as undertone;

mod commands;
pub mod core;
pub mod engine;
mod explorer;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod lab;
pub mod verify;

use std::ffi::OsString;

use crate::core::error::Error;
use crate::core::{paths, text};
use crate::engine::model;
use commands::cli::{
    self, Cli, Command, DataCommand, LensCommand, PrepareCommand, ProblemsCommand,
};

/// Runs the program with these arguments (the first is its name); gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    // Without a home folder there is nothing to name.
    let folders = paths::Paths::discover().map_or_else(|_| String::new(), |paths| paths.help());
    let done = match cli::parse_here(args, &folders) {
        Ok(cli) => run(cli),
        Err(said) => return commands::usage(&said),
    };
    done.unwrap_or_else(|error| commands::report_error(&error))
}

fn run(cli: Cli) -> Result<u8, Error> {
    match cli.command {
        None => return commands::explore::run(&cli.explore),
        Some(Command::Open(args)) => return commands::explore::open(&args),
        Some(Command::Fetch(args)) => return commands::fetch::run(&args),
        Some(Command::Models(args)) => commands::models::run(&args)?,
        Some(Command::Inspect(args)) => commands::inspect::run(&args)?,
        Some(Command::Ablate(args)) => commands::study::ablate::run(&args)?,
        Some(Command::Sweep(args)) => commands::study::sweep::run(&args)?,
        Some(Command::Lattice(args)) => commands::study::lattice::run(&args)?,
        Some(Command::Influence(args)) => commands::study::influence::run(&args)?,
        Some(Command::Lens(args)) => match &args.command {
            None => commands::study::lens::run(&args.read)?,
            Some(LensCommand::Fit(args)) => commands::lens_fit::run(args)?,
        },
        Some(Command::Trace(args)) => commands::trace::run(&args)?,
        Some(Command::Eval(args)) => commands::eval::run(&args)?,
        Some(Command::Run(args)) => return commands::run::run(&args),
        Some(Command::Merge(args)) => commands::merge::run(&args)?,
        Some(Command::Report(args)) => commands::report::run(&args)?,
        Some(Command::Calibrate(args)) => commands::calibrate::run(&args)?,
        Some(Command::Problems(args)) => match args.command {
            ProblemsCommand::Generate(args) => commands::problems::generate(&args)?,
        },
        Some(Command::Data(args)) => {
            let DataCommand::Prepare(args) = args.command;
            let PrepareCommand::Gsm8k(args) = args.command;
            commands::data::prepare_gsm8k(&args)?;
        }
        Some(Command::Export(args)) => commands::export::run(&args)?,
        Some(Command::Completions(args)) => {
            commands::print(&text::Page::new(args.script(&model::bundled_names())))?;
        }
        Some(Command::Keys(args)) => commands::keys::run(&args)?,
        Some(Command::Bench(args)) => commands::bench::run(&args)?,
        Some(Command::Selftest(args)) => commands::selftest::run(&args)?,
    }
    Ok(0)
}
