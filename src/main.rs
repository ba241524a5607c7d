//! The `undertone` program: everything is in the library but the number of threads, which is settled before there are any.

use std::process::ExitCode;

/// Where candle and rayon look for the number of threads.
const THREADS: &str = "RAYON_NUM_THREADS";

#[expect(
    unsafe_code,
    reason = "unless the variable is set, candle asks the operating system before every product of matrices, which takes longer \
              than those of a small model; a program with one thread may set a variable"
)]
fn main() -> ExitCode {
    if std::env::var_os(THREADS).is_none() {
        let threads = undertone::engine::model::default_threads().to_string();
        // SAFETY: this is the first thing that the program does, and no other thread is there to read the environment.
        unsafe { std::env::set_var(THREADS, threads) };
    }
    ExitCode::from(undertone::main(std::env::args_os()))
}
