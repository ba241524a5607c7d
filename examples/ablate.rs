//! Resample-ablates each latent (other problems' latents as donors) and prints how often the answer changes.
//!
//! `cargo run --release --example ablate`

#![expect(clippy::print_stdout, reason = "an example prints")]

use undertone::core::types::{Ablation, AblationValue};
use undertone::lab::Workbench;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut workbench = Workbench::open("mini-math")?;
    let mut inquiry = workbench
        .inquire("Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?")?;
    println!("clean answer: {:?}", inquiry.run().answer.value);
    for latent in 1..=inquiry.run().latents().count() {
        let outcome = inquiry.ablate(&Ablation::new([latent], AblationValue::Resample))?;
        let variants = outcome.effect.variants();
        println!(
            "latent {latent} off: {} of {} donors change the answer; most frequent {:?}",
            variants.flips, variants.n, outcome.answer.value
        );
    }
    Ok(())
}
