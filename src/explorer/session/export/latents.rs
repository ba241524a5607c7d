//! The latent tokens in the Markdown report: top tokens, phrases, and the readings of the tuned lens.

use std::fmt::{self, Write};

use super::escape::{foreign, list, number};
use crate::core::types::{Run, TokenRead};
use crate::explorer::session::Session;

/// The number of top tokens shown per latent.
const TOP_SHOWN: usize = 5;

pub(super) fn write_latents(out: &mut String, run: &Run, session: &Session) -> fmt::Result {
    if run.latents().next().is_none() {
        return Ok(());
    }
    writeln!(out, "\n## Latent tokens\n")?;
    writeln!(
        out,
        "Top tokens of the vocabulary projection with their probabilities, and decoded phrases with joint \
         log p and lift over the mean latent at that position.\n"
    )?;
    writeln!(out, "| Latent | Norm | Entropy | Top tokens | Phrases |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for (latent, position) in run.latents() {
        let projection = position.projection.as_ref();
        let top = projection.map_or(&[][..], |p| &p.top);
        let phrases = session.phrases.iter().filter(|(of, _)| *of == latent);
        let phrases = phrases.flat_map(|(_, phrases)| phrases).map(|phrase| {
            let filler = if phrase.filler { ", filler" } else { "" };
            format!(
                "\"{}\" (log p {:.3}, lift {}{filler})",
                foreign(&phrase.text),
                phrase.logprob,
                number(phrase.lift)
            )
        });
        writeln!(
            out,
            "| {latent} | {} | {} | {} | {} |",
            number(position.norm.map(f64::from)),
            number(projection.map(|p| f64::from(p.entropy))),
            tokens(top),
            list(phrases),
        )?;
    }
    write_learned(out, run)
}

fn write_learned(out: &mut String, run: &Run) -> fmt::Result {
    let Some(learned) = &run.learned else {
        return Ok(());
    };
    writeln!(
        out,
        "\nThe learned lens ({}), fitted to the results of gold steps, reads the following; it names a result even at a latent that stands for \
         no step.\n",
        foreign(&learned.lens)
    )?;
    writeln!(out, "| Latent | Entropy | Top tokens |")?;
    writeln!(out, "|---|---|---|")?;
    for (latent, _) in run.latents() {
        if let Some(read) = run.learned_at(latent) {
            let entropy = number(Some(f64::from(read.entropy)));
            writeln!(out, "| {latent} | {entropy} | {} |", tokens(&read.top))?;
        }
    }
    Ok(())
}

/// Formats the first tokens of a list with their probabilities.
fn tokens(top: &[TokenRead]) -> String {
    let shown = top.iter().take(TOP_SHOWN);
    list(shown.map(|read| format!("\"{}\" {:.3}", foreign(&read.text), read.prob)))
}
