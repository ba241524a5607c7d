//! `undertone lens fit`: fits a tuned lens to a model and writes its maps and its card.

use std::ffi::OsString;
use std::ops::RangeInclusive;

use super::meter::Meter;
use super::{load_model, print, to_json};
use crate::commands::cli::{FitArgs, Rank};
use crate::core::datasets::manifest;
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::file::Outputs;
use crate::core::paths;
use crate::core::problem::Problem;
use crate::core::problem_file::{self, source};
use crate::core::stats::Share;
use crate::core::types::Task;
use crate::engine::model::{CARD_FILE, Cancel, Checkpoint, Model, TENSOR_FILE};
use crate::lab::analysis::learned::card::{Card, Figures, Origin};
use crate::lab::analysis::learned::{self, Recipe};
use crate::lab::analysis::problems;
use crate::lab::present::document::{Cell, Section, Table, Unit, share_words};
use crate::lab::present::write::text;

/// The largest layer accepted on the command line, beyond any model's.
const MOST_LAYERS: usize = 1000;

/// Fits and writes a lens, and prints its figures.
///
/// # Errors
/// When the model or the data cannot be read or do not suffice, or the folder cannot be written.
pub fn run(args: &FitArgs) -> Result<()> {
    if args.model.mode.is_some() {
        return Err(Error::usage(
            "a lens is fitted to latent tokens: leave --mode out",
        ));
    }
    let mut outputs = Outputs::new(args.force);
    let read = Checkpoint::files_of(&args.model.model);
    for path in read
        .iter()
        .chain(&args.data)
        .chain(&args.model.kind.tokenizer)
    {
        outputs.reads(path);
    }
    for name in [TENSOR_FILE, CARD_FILE] {
        outputs.writes(&args.out.join(name))?;
    }
    let recipe = recipe(args)?;
    let model = load_model(&args.model)?;
    let (origin, problems) = data(args, &model, &recipe)?;
    paths::create_folder(&args.out)?;
    let meter = Meter::new();
    let mut last = String::new();
    let mut progress = |what: &str, done: usize, total: usize| {
        meter.line(&format!("{what}: {done} of {total}"), what != last);
        what.clone_into(&mut last);
    };
    let cancel = Cancel::new();
    let fitted = learned::fit(&model, &recipe, &origin, &problems, &mut progress, &cancel);
    meter.finish();
    let (files, card) = fitted?;
    // The card is last and holds the hash of the maps, so that a lens written in part is refused.
    let maps = files.tensors()?;
    file::write_out(&args.out.join(TENSOR_FILE), &maps)?;
    file::write_out(&args.out.join(CARD_FILE), files.card().as_bytes())?;
    if args.json {
        return print(&to_json(&card)?);
    }
    print(&text::sections(&report(args, &card), args.ascii))
}

fn recipe(args: &FitArgs) -> Result<Recipe> {
    Ok(Recipe {
        fit: args.n,
        held_out: args.held_out,
        layers: layers(&args.layers)?,
        rank: match args.rank {
            Rank::Full => None,
            Rank::Of(rank) => Some(rank),
        },
        latents_per_step: args.latents_per_step,
        seed: args.seed,
        learning_rate: args.learning_rate,
        weight_decay: args.decay,
        batch: args.batch,
        patience: args.patience,
        most_epochs: args.epochs,
    })
}

fn layers(ranges: &[RangeInclusive<usize>]) -> Result<Vec<usize>> {
    match ranges.iter().find(|range| *range.end() > MOST_LAYERS) {
        Some(range) => Err(Error::usage(format!("there is no layer {}", range.end()))),
        None => Ok(ranges.iter().cloned().flatten().collect()),
    }
}

fn data(args: &FitArgs, model: &Model, recipe: &Recipe) -> Result<(Origin, Vec<Problem>)> {
    let command = Some(command(std::env::args_os().skip(1)));
    if let Some(path) = &args.data {
        // Read once: it may be a pipe.
        let text = source::read_text(path)?;
        let problems = problem_file::parse(&text, path)?;
        let origin = Origin {
            command,
            data: path.display().to_string(),
            data_sha256: manifest::sha256(text.as_bytes()),
        };
        return Ok((origin, problems));
    }
    if model.info().task == Task::Unknown {
        return Err(Error::usage_with_hint(
            "this model's task is not known, so no problems can be generated",
            "pass --data FILE with problems that have gold steps",
        ));
    }
    let problems = problems::for_lens(model.info().task, recipe.problems(), args.seed)
        .map_err(|error| Error::usage(error.to_string()))?;
    let origin = Origin {
        command,
        data: format!(
            "{} generated training problems, seed {}, none of the reference set",
            problems.len(),
            problems::LENS_SEED.wrapping_add(args.seed)
        ),
        data_sha256: manifest::sha256(problem_file::to_jsonl(&problems).as_bytes()),
    };
    Ok((origin, problems))
}

/// Returns the command line quoted for a shell.
fn command(args: impl Iterator<Item = OsString>) -> String {
    let mut command = "undertone".to_owned();
    for arg in args {
        let arg = arg.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            command += &format!(" {arg}");
        } else {
            command += &format!(" '{}'", arg.replace('\'', "'\\''"));
        }
    }
    command
}

fn report(args: &FitArgs, card: &Card) -> [Section; 2] {
    let (model, counts) = (&card.header.model, &card.counts);
    let about = [
        format!(
            "learned lens for {} (sha256 {}), written to {}",
            model.name,
            model.sha256.get(..12).unwrap_or(&model.sha256),
            args.out.display()
        ),
        format!(
            "{}: {} fitted, {} for stopping, {} held out; {} steps without a label, {} problems that could not be run",
            card.origin.data,
            counts.fit,
            counts.stopping,
            counts.held_out,
            counts.unlabelled_steps,
            counts.not_runnable
        ),
    ];
    [
        Section::untitled(about, []),
        Section::untitled([], [figures(card)]),
    ]
}

/// Returns the held-out figures, one row per latent and one per layer.
fn figures(card: &Card) -> Table {
    let mut table = Table::untitled(
        "held-out latents: how often the result of the gold step is the first token, or among the first five; \
         cross-entropy (ce) and KL from plain to learned in nats; selectivity: learned top-1 less that with shuffled, \
         and with renamed labels",
        3,
        &[
            "layer",
            "latent",
            "n",
            "plain top-1",
            "learned top-1",
            "selectivity",
            "plain top-5",
            "learned top-5",
            "plain ce",
            "learned ce",
            "KL",
            "epochs",
        ],
    );
    for place in &card.places {
        let latent = Cell::Count(place.latent.0);
        let epochs = Cell::Count(place.best_epoch);
        table.push(row(place.layer, latent, &place.figures, epochs));
    }
    for layer in &card.overall {
        let all = Cell::figure("all");
        table.push(row(layer.layer, all, &layer.figures, Cell::figure("")));
    }
    table
}

fn row(layer: usize, latent: Cell, figures: &Figures, epochs: Cell) -> Vec<Cell> {
    let Figures {
        n,
        learned,
        plain,
        selectivity,
        kl,
        ..
    } = figures;
    let share = |share: &Share| Cell::Figure(share_words(share));
    let (shuffled, renamed) = (selectivity.shuffled, selectivity.renamed);
    vec![
        Cell::Count(layer),
        latent,
        Cell::Count(*n),
        share(&plain.top1),
        share(&learned.top1),
        Cell::figure(format!("{shuffled:+.3} {renamed:+.3}")),
        share(&plain.top5),
        share(&learned.top5),
        Cell::Number(plain.cross_entropy, Unit::Plain),
        Cell::Number(learned.cross_entropy, Unit::Plain),
        Cell::Number(*kl, Unit::Plain),
        epochs,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_quoted_where_a_shell_needs_it() {
        let args = ["lens", "fit", "--out", "a b", "--data", "it's", ""];
        assert_eq!(
            command(args.iter().map(OsString::from)),
            "undertone lens fit --out 'a b' --data 'it'\\''s' ''"
        );
    }

    #[test]
    fn layers_are_taken_from_ranges_and_bounded() {
        assert_eq!(layers(&[1..=2, 4..=4]).expect("few"), [1, 2, 4]);
        assert!(layers(&[1..=usize::MAX]).is_err());
    }
}
