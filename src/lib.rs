//! undertone shows what latent reasoning models think: it runs a model in this process, decodes its latent tokens,
//! switches them off, and judges whether a decoded reasoning trace is consistent with the answer.
//!
//! The map, from the bottom up (nothing imports upwards; `tests/tidy.rs` checks it):
//!
//! - [`trace`], [`text`], [`error`]: plain data, the one door for foreign text, errors with exit codes.
//! - [`answers`]: when two answers are the same, and how early one stands.
//! - [`stats`]: shares, intervals and tests.
//! - [`problem`], [`problem_file`]: the generator and the data files.
//! - [`rows`]: the rows of a batch run: their form, their file, their merging.
//! - [`data`]: the GSM8k test sets and the verifier's templates, made as published.
//! - [`model`]: checkpoints, the transformer, the latent loop.
//! - [`hub`]: published checkpoints: the table, the download, the shared cache.
//! - [`decode`], [`verify`]: from vectors to words; from words to a trace and a verdict.
//! - [`analysis`]: what can be asked about one question, and evaluation over many.
//! - [`batch`]: every experiment on every problem of a data set.
//! - [`open`]: finds a model by what the user calls it.
//! - [`selftest`]: the engine against recorded outputs of the reference.
//! - [`worker`]: the model's own thread and its protocol.
//! - [`session`]: what the analyst did and wrote; saved, compared, exported.
//! - `app`, `keymap`, `ui`, `term`: the explorer: a pure reducer, its keys, its drawing, and the terminal loop.
//! - [`headless`]: the subcommands that need no screen.

// What tests/report.rs shares with unit tests names the crate.
#[cfg(test)]
extern crate self as undertone;

pub mod analysis;
pub mod answers;
mod app;
pub mod batch;
pub mod cli;
pub mod data;
pub mod decode;
pub mod error;
mod explore;
mod file;
pub mod headless;
pub mod hub;
mod keymap;
mod logging;
pub mod model;
pub mod open;
mod paths;
pub mod problem;
pub mod problem_file;
pub mod report;
pub mod rows;
pub mod selftest;
pub mod session;
pub mod stats;
mod term;
#[cfg(test)]
mod tests;
pub mod text;
pub mod trace;
mod ui;
pub mod verify;
pub mod worker;

use std::ffi::OsString;

use cli::{Cli, Command, DataCommand, LensCommand, PrepareCommand, ProblemsCommand};
use error::Error;

/// Runs the program with these arguments (the first is its name); gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    // Without a home folder there is nothing to name.
    let folders = paths::Paths::discover().map_or_else(|_| String::new(), |paths| paths.help());
    let done = match cli::parse_here(args, &folders) {
        Ok(cli) => run(cli),
        Err(said) => return headless::usage(&said),
    };
    done.unwrap_or_else(|error| headless::report_error(&error))
}

fn run(cli: Cli) -> Result<u8, Error> {
    match cli.command {
        None => return explore::run(&cli.explore),
        Some(Command::Open(args)) => return explore::open(&args),
        Some(Command::Fetch(args)) => return headless::fetch::run(&args),
        Some(Command::Models(args)) => headless::models::run(&args)?,
        Some(Command::Inspect(args)) => headless::inspect::run(&args)?,
        Some(Command::Ablate(args)) => headless::study::ablate::run(&args)?,
        Some(Command::Sweep(args)) => headless::study::sweep::run(&args)?,
        Some(Command::Lattice(args)) => headless::study::lattice::run(&args)?,
        Some(Command::Influence(args)) => headless::study::influence::run(&args)?,
        Some(Command::Lens(args)) => match &args.command {
            None => headless::study::lens::run(&args.read)?,
            Some(LensCommand::Fit(args)) => headless::lens_fit::run(args)?,
        },
        Some(Command::Trace(args)) => headless::trace::run(&args)?,
        Some(Command::Eval(args)) => headless::eval::run(&args)?,
        Some(Command::Run(args)) => return headless::run::run(&args),
        Some(Command::Merge(args)) => headless::merge::run(&args)?,
        Some(Command::Report(args)) => headless::report::run(&args)?,
        Some(Command::Calibrate(args)) => headless::calibrate::run(&args)?,
        Some(Command::Problems(args)) => match args.command {
            ProblemsCommand::Generate(args) => headless::problems::generate(&args)?,
        },
        Some(Command::Data(args)) => {
            let DataCommand::Prepare(args) = args.command;
            let PrepareCommand::Gsm8k(args) = args.command;
            headless::data::prepare_gsm8k(&args)?;
        }
        Some(Command::Export(args)) => headless::export::run(&args)?,
        Some(Command::Completions(args)) => {
            headless::print(&text::Page::of(args.script(&model::bundled_names())))?;
        }
        Some(Command::Keys(args)) => headless::keys::run(&args)?,
        Some(Command::Bench(args)) => headless::bench::run(&args)?,
        Some(Command::Selftest(args)) => headless::selftest::run(&args)?,
    }
    Ok(0)
}
