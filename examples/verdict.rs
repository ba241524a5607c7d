//! Looks for a reasoning trace in the latents, tests it, and prints the verdict.
//!
//! `cargo run --release --example verdict`

#![expect(clippy::print_stdout, reason = "an example prints")]

use undertone::lab::Workbench;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut workbench = Workbench::open("mini-math")?;
    let mut inquiry = workbench
        .inquire("Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?")?;
    let verdict = inquiry.verdict()?;
    println!("{}: {}", verdict.word(), verdict.reason);
    for step in &verdict.steps {
        println!("  {}", step.text);
    }
    Ok(())
}
