//! Each fuzz target on damaged files: of the loaders in `loaders`, of everything else in `files`. Input n is always the same.
//!
//! With `UNDERTONE_CORPUS=fuzz/corpus` the inputs are also written to a folder for each target, for libFuzzer to start from.

mod files;
mod json;
mod loaders;
mod mutate;
mod pickles;
mod seeds;

use std::panic::catch_unwind;
use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random generator; one per input.
type Dice = ChaCha8Rng;

/// Runs a target on `n` inputs, of which it must accept some and refuse some.
///
/// # Panics
/// With the number of the input, if one makes the target panic.
fn run(name: &str, target: fn(&[u8]) -> bool, n: u64, input: impl Fn(&mut Dice) -> Vec<u8>) {
    let corpus = std::env::var_os("UNDERTONE_CORPUS").map(|folder| Path::new(&folder).join(name));
    let mut accepted = 0;
    for i in 0..n {
        let input = input(&mut Dice::seed_from_u64(i));
        if let Some(folder) = &corpus {
            std::fs::create_dir_all(folder).expect("a writable folder");
            std::fs::write(folder.join(format!("{i}-{}", input.len())), &input)
                .expect("a writable folder");
        }
        let done = catch_unwind(|| target(&input));
        accepted += u64::from(done.unwrap_or_else(|_| panic!("{name}: input {i} panics")));
    }
    assert!(
        (1..n).contains(&accepted),
        "{name}: {accepted} of {n} accepted"
    );
}

/// Appends a file to the four bytes of choices that some targets take.
fn with_choices(choices: u32, file: &[u8]) -> Vec<u8> {
    [&choices.to_le_bytes(), file].concat()
}
