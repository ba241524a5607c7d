//! Runs a question and prints the top decoded tokens of each latent.
//!
//! `cargo run --release --example inspect`

#![expect(clippy::print_stdout, reason = "an example prints")]

use undertone::lab::Workbench;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut workbench = Workbench::open("mini-math")?;
    let inquiry = workbench
        .inquire("Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?")?;
    for (index, position) in inquiry.run().latents() {
        let top = position
            .projection
            .iter()
            .flat_map(|p| p.top.iter().take(3));
        let tokens: Vec<String> = top.map(|token| format!("{:?}", token.text)).collect();
        println!("latent {index}: {}", tokens.join(" "));
    }
    println!("answer: {:?}", inquiry.run().answer.value);
    Ok(())
}
