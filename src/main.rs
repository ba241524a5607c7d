//! The `undertone` program: parses the command line, calls the library, turns an error into a message and exit code.

use std::process::ExitCode;

use clap::Parser;
use undertone::cli::Cli;

fn main() -> ExitCode {
    match undertone::run(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            undertone::report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
