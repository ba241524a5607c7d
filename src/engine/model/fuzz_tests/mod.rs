//! Fuzzing of every loader: damaged files of each kind must end as a value or an error, never as a panic. Targets for models are
//! in `targets`, for sessions, rows and decoded latents in `files`.
//!
//! `cargo test` runs a few executions of each target. A long run sets `UNDERTONE_FUZZ=N`: N executions per target, limited to
//! `UNDERTONE_FUZZ_SECONDS` (default 600). Execution n always creates the same file; a failure prints n, and
//! `UNDERTONE_FUZZ=1 UNDERTONE_FUZZ_FROM=n` repeats it alone:
//!
//! ```text
//! UNDERTONE_FUZZ=1000000 cargo test --lib fuzz_tests:: -- --nocapture --test-threads 1
//! ```
//!
//! Accepted input is also used: values are read, a model is loaded, a text is encoded.

mod files;
mod json;
mod mutate;
mod pickles;
mod seeds;
mod targets;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random generator; one per execution.
type Dice = ChaCha8Rng;

/// The maximum duration of one execution, even on a slow or busy machine.
const SLOWEST: Duration = Duration::from_secs(20);

/// The interval of progress messages in a long run.
const EVERY: Duration = Duration::from_secs(20);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs one target: `once` creates a file with the dice, feeds it to the loader and returns whether it was accepted.
///
/// # Panics
/// With the number of the execution, if one panics or takes too long.
fn run(target: &str, small: u64, mut once: impl FnMut(&mut Dice) -> bool) {
    let asked = number("UNDERTONE_FUZZ");
    let most = asked.unwrap_or(small);
    let from = number("UNDERTONE_FUZZ_FROM").unwrap_or(0);
    let seconds = number("UNDERTONE_FUZZ_SECONDS").unwrap_or(600);
    let start = Instant::now();
    let (mut done, mut accepted, mut told) = (0, 0u64, start);
    let mut slowest = (Duration::ZERO, from);
    // The progress message of a long run; the harness captures it by default.
    let say = |done: u64, accepted: u64, slowest: (Duration, u64)| {
        let _ = writeln!(
            std::io::stderr(),
            "{target}: {done} executions in {:.0} s, {accepted} accepted, slowest {:?} (number {})",
            start.elapsed().as_secs_f64(),
            slowest.0,
            slowest.1,
        );
    };
    while done < most && start.elapsed() < Duration::from_secs(seconds) {
        let n = from + done;
        let began = Instant::now();
        let mut dice = Dice::seed_from_u64(n);
        match catch_unwind(AssertUnwindSafe(|| once(&mut dice))) {
            Ok(true) => accepted += 1,
            Ok(false) => {}
            Err(panic) => {
                let said = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied());
                panic!(
                    "{target}: execution {n} panics ({}); UNDERTONE_FUZZ=1 UNDERTONE_FUZZ_FROM={n} repeats it",
                    said.unwrap_or("no message")
                );
            }
        }
        let took = began.elapsed();
        assert!(took < SLOWEST, "{target}: execution {n} takes {took:?}");
        if took > slowest.0 {
            slowest = (took, n);
        }
        done += 1;
        if asked.is_some() && told.elapsed() > EVERY {
            told = Instant::now();
            say(done, accepted, slowest);
        }
    }
    if asked.is_some() {
        say(done, accepted, slowest);
    }
}
