//! The `undertone` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(undertone::main(std::env::args_os()))
}
