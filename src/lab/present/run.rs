//! A run as tables: what its latents say, and the answers of early exits.

use super::document::{Cell, Table, Unit};
use super::number::{plain, probability, signed};
use crate::core::types::{Answer, EarlyExit, LatentIdx, Phrase, Projection, Run, TokenRead};

/// The number of top tokens shown per latent.
const TOP_SHOWN: usize = 5;

/// Formats the answer; where none can be read, quotes the model's text instead.
#[must_use]
pub fn answer(answer: &Answer) -> String {
    match &answer.value {
        Some(value) => value.clone(),
        None => format!("no answer (the model wrote \"{}\")", answer.text),
    }
}

fn text(value: Option<&String>) -> Cell {
    value.map_or(Cell::None(""), Cell::text)
}

/// Returns the top tokens and phrases of each latent.
#[must_use]
pub fn latents(run: &Run, phrases: &[(LatentIdx, Vec<Phrase>)]) -> Table {
    let mut table = Table::new(
        "latents",
        "Vocabulary projection and phrases",
        "Top tokens with their probabilities, and decoded phrases with joint log-prob and lift over the mean latent at that position.",
        &[
            ("latent", "Latent"),
            ("norm", "Norm"),
            ("entropy", "Entropy"),
            ("top", "Top tokens"),
            ("phrases", "Phrases"),
        ],
    );
    for (latent, position) in run.latents() {
        let read = position.projection.as_ref();
        let phrases = phrases.iter().filter(|(of, _)| *of == latent);
        let phrases = phrases.flat_map(|(_, phrases)| phrases).map(phrase);
        table.push(vec![
            Cell::Count(latent.0),
            Cell::number(position.norm.map(f64::from), Unit::Plain),
            Cell::number(read.map(|read| read.entropy.into()), Unit::Plain),
            read.map_or(Cell::None(""), |read| tokens(&read.top)),
            listed(phrases),
        ]);
    }
    table
}

/// Tabulates the top tokens of the tuned lens. Without a lens, the table has no rows.
#[must_use]
pub fn learned(run: &Run) -> Table {
    let lens = run.learned.as_ref().map_or("", |learned| &learned.lens);
    let caption = format!(
        "Read by {lens}, which is fitted to the results of gold steps; it names a result even at a latent that stands for no step."
    );
    let columns = [
        ("latent", "Latent"),
        ("entropy", "Entropy"),
        ("top", "Top tokens"),
    ];
    let mut table = Table::new("learned", "Learned lens", caption, &columns);
    for (latent, _) in run.latents() {
        if let Some(Projection { top, entropy }) = run.learned_at(latent) {
            table.push(vec![
                Cell::Count(latent.0),
                Cell::Number((*entropy).into(), Unit::Plain),
                tokens(top),
            ]);
        }
    }
    table
}

fn phrase(phrase: &Phrase) -> String {
    let lift = phrase.lift.map_or("–".to_owned(), |lift| signed(lift, 2));
    let filler = if phrase.filler { ", filler" } else { "" };
    let logprob = plain(phrase.logprob, 2);
    format!(
        "\"{}\" (log-prob {logprob}, lift {lift}{filler})",
        phrase.text
    )
}

fn tokens(top: &[TokenRead]) -> Cell {
    let shown = top.iter().take(TOP_SHOWN);
    listed(shown.map(|read| format!("\"{}\" {}", read.text, probability(read.prob))))
}

/// Returns items in one cell.
pub(super) fn listed(items: impl Iterator<Item = String>) -> Cell {
    match items.collect::<Vec<_>>() {
        items if items.is_empty() => Cell::None(""),
        items => Cell::Text(items.join(", ")),
    }
}

/// Returns the answers after each number of latents.
#[must_use]
pub fn exits(exits: &[EarlyExit]) -> Table {
    let mut table = Table::new(
        "early_exit",
        "Forced answers",
        "The answer when the model is forced to answer after k latents.",
        &[
            ("latents", "Latents run"),
            ("answer", "Answer"),
            ("logprob", "Log-prob"),
            ("logprob_clean", "Log-prob of the clean answer"),
        ],
    );
    for exit in exits {
        table.push(vec![
            Cell::Count(exit.k),
            text(exit.value.as_ref()),
            Cell::number(exit.logprob, Unit::Plain),
            Cell::number(exit.clean_logprob, Unit::Plain),
        ]);
    }
    table
}
