//! Wording of reports: the ablation, the precision of a flip rate, and the cost of a study.

use std::collections::BTreeSet;

use crate::core::text::{sanitize, truncate};
use crate::core::types::{
    Ablation, AblationValue, AnswerOutcome, Cost, Direction, FlipRate, LatentIdx, ModelInfo,
    OutcomeCounts, Propagation, Site, StudyCell, Variants, most_unseen,
};
use crate::lab::present::document::{Cell as Shown, Unit};

/// Returns the predicate of a sentence on a latent that is off.
#[must_use]
pub fn fate(value: AblationValue) -> &'static str {
    match value {
        AblationValue::Resample => "is replaced by other problems' latents at the same position",
        AblationValue::Mean => "is replaced by the mean at that position",
        AblationValue::Zero => "is replaced by zeros",
        AblationValue::Noise => "is replaced by noise with the mean and spread of that position",
        AblationValue::Permute => "is permuted with the others that are off",
        AblationValue::Skip => "is left out, which makes the run shorter",
        AblationValue::Token => "is replaced by the embedding of its top decoded token",
        AblationValue::Donor => "is replaced by the chosen donor's latent",
        AblationValue::KvBlock => "stays, but no later position may attend to it",
    }
}

/// Describes an ablation in one sentence.
#[must_use]
pub fn manner(manner: &Ablation) -> String {
    let mut said = format!("{}: what is off {}", manner.manner(), fate(manner.value));
    if !matches!(manner.value, AblationValue::KvBlock | AblationValue::Skip) {
        said += match manner.site {
            Site::Input => ", where it is fed",
            Site::Hidden => ", ahead of the projection",
            Site::Kv => ", in the key-value cache",
        };
    }
    said += match (manner.direction, manner.propagation) {
        (Direction::Denoising, _) => "; latents that are on are restored to their clean values",
        (Direction::Noising, Propagation::Direct) => "; later latents keep their clean values",
        (Direction::Noising, Propagation::Total) => "; later latents are recomputed",
    };
    if manner.matched {
        said += "; donors have the same number of steps";
    }
    said
}

/// Describes an ablation without its value, in the terms of the command line.
#[must_use]
pub fn way(manner: &Ablation) -> String {
    let mut said = format!(
        "site {}, propagation {}",
        manner.site.as_str(),
        manner.propagation.as_str()
    );
    if let Some(layers) = manner.layers {
        said += &format!(", layers {layers}");
    }
    if let Some(donor) = manner.donor {
        said += &format!(", donor {}", donor.problem);
        if let Some(latent) = donor.latent {
            said += &format!("/{latent}");
        }
    }
    if manner.matched {
        said += ", donors with the same number of steps";
    }
    said
}

/// Formats latents separated by commas, as on the command line.
#[must_use]
pub fn latents<'a>(latents: impl IntoIterator<Item = &'a LatentIdx>) -> String {
    let latents: Vec<String> = latents.into_iter().map(ToString::to_string).collect();
    latents.join(",")
}

/// Formats the number of variants that changed; yes or no for a single variant.
#[must_use]
pub fn changed(changed: usize, n: usize) -> String {
    match (changed, n) {
        (0, 1) => "no".to_owned(),
        (_, 1) => "yes".to_owned(),
        _ => format!("{changed} of {n}"),
    }
}

/// Formats an outcome with the number of flips; without it for a single variant.
#[must_use]
pub fn outcome(variants: Variants) -> String {
    let word = variants.outcome().as_str();
    if variants.n < 2 {
        return word.to_owned();
    }
    format!("{word} {}/{}", variants.flips, variants.n)
}

/// The explanation of the column of [`outcome`].
pub const OUTCOME: &str = "whether the answer stands (no variant flips it), is mixed or flipped (every variant flips it), and how many \
                           variants flip it";

/// Formats the numbers of answers that stand, are mixed and flipped.
#[must_use]
pub fn tally(what: &str, tally: OutcomeCounts) -> String {
    format!("{what}: {} of {}", tally.words(), tally.n())
}

/// Describes the bound on the true rate when none or all variants flip; `None` otherwise and for a single variant.
#[must_use]
pub fn resolution(flips: usize, n: usize) -> Option<String> {
    if n < 2 || (flips > 0 && flips < n) {
        return None;
    }
    let bound = most_unseen(n);
    let (side, rate) = if flips == 0 {
        ("below", bound)
    } else {
        ("above", 1.0 - bound)
    };
    let rate = Unit::Share.words(rate);
    Some(format!(
        "{flips} of {n} flipped: true rate {side} {rate} at 95 %"
    ))
}

/// Describes the interval or bound of the true flip rate; `None` for a single variant.
#[must_use]
pub fn flip_rate(variants: Variants) -> Option<String> {
    let Variants { flips, n } = variants;
    if variants.outcome() != AnswerOutcome::Mixed {
        return resolution(flips, n);
    }
    let FlipRate { ci95, .. } = variants.rate()?;
    let [low, high] = [ci95.0, ci95.1].map(|end| Unit::Share.bare(end));
    Some(format!("{flips} of {n} flipped, 95 % [{low}, {high}] %"))
}

/// Returns the distinct bounds of many cells.
pub fn resolutions<'a>(
    cells: impl IntoIterator<Item = &'a StudyCell>,
) -> impl Iterator<Item = String> {
    let found: BTreeSet<(usize, String)> = cells
        .into_iter()
        .filter_map(|cell| Some((cell.flips, resolution(cell.flips, cell.n)?)))
        .collect();
    found.into_iter().map(|(_, line)| line)
}

/// Formats the cost of a study and its sham difference.
#[must_use]
pub fn cost(cost: &Cost, sham_max_diff: f64) -> String {
    format!(
        "{} runs, {} latent steps (one at a time {}), {:.0} ms; sham {sham_max_diff:.1e}",
        cost.runs, cost.latent_steps, cost.latent_steps_alone, cost.elapsed_ms
    )
}

/// Describes a model in one line.
#[must_use]
pub fn model(m: &ModelInfo) -> String {
    format!(
        "{} ({}, {} latents, {} {}, sha256 {})",
        m.name,
        m.family,
        m.n_latents,
        m.dtype,
        m.device,
        m.sha256.get(..12).unwrap_or(&m.sha256)
    )
}

/// Names the words that are not in the vocabulary; empty if all are.
#[must_use]
pub fn unknown(words: &[String]) -> String {
    if words.is_empty() {
        return String::new();
    }
    format!("not in the vocabulary: {}", words.join(", "))
}

/// Returns whether an answer is correct, to follow it; empty if unknown.
#[must_use]
pub fn correct(correct: Option<bool>) -> &'static str {
    match correct {
        Some(true) => ", correct",
        Some(false) => ", wrong",
        None => "",
    }
}

/// Sanitizes untrusted text and truncates it to `most` columns.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    truncate(&sanitize(text), most)
}

/// Formats an answer, truncated to `most` columns.
#[must_use]
pub fn answer(value: Option<&str>, most: usize) -> String {
    value.map_or_else(|| "no answer".to_owned(), |value| cut(value, most))
}

/// Returns the columns of a cell: the answer, the outcome and the change; without a value for `None`.
#[must_use]
pub fn columns(cell: Option<&StudyCell>) -> [Shown; 3] {
    let Some(cell) = cell else {
        return [Shown::text("-"), Shown::text("-"), Shown::None("")];
    };
    [
        Shown::text(answer(cell.answer.as_deref(), 14)),
        Shown::text(outcome(cell.variants())),
        Shown::Number(cell.delta_logprob, Unit::Signed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::Layers;

    #[test]
    fn no_effect_carries_its_resolution() {
        assert_eq!(
            resolution(0, 16).as_deref(),
            Some("0 of 16 flipped: true rate below 17.1 % at 95 %")
        );
        assert_eq!(
            resolution(64, 64).as_deref(),
            Some("64 of 64 flipped: true rate above 95.4 % at 95 %")
        );
        assert_eq!(resolution(1, 16), None);
        assert_eq!(resolution(0, 1), None, "one run has no rate");
        assert_eq!(resolution(0, 0), None);
    }

    #[test]
    fn a_mixed_answer_is_told_with_its_rate() {
        let of = |flips, n| Variants { flips, n };
        assert_eq!(outcome(of(0, 16)), "stands 0/16");
        assert_eq!(outcome(of(9, 16)), "mixed 9/16");
        assert_eq!(outcome(of(16, 16)), "flipped 16/16");
        assert_eq!(outcome(of(1, 1)), "flipped");
        assert_eq!(
            flip_rate(of(9, 16)).as_deref(),
            Some("9 of 16 flipped, 95 % [33.2, 76.9] %")
        );
        assert_eq!(flip_rate(of(0, 16)), resolution(0, 16));
        assert_eq!(flip_rate(of(1, 1)), None);
    }

    #[test]
    fn ways_are_told_in_the_words_of_the_command_line() {
        assert_eq!(way(&Ablation::default()), "site input, propagation total");
        let full = Ablation {
            site: Site::Kv,
            layers: Some(Layers { first: 2, last: 3 }),
            donor: Some(crate::core::types::DonorRef {
                problem: 7,
                latent: Some(LatentIdx(2)),
            }),
            matched: true,
            ..Ablation::default()
        };
        assert_eq!(
            way(&full),
            "site kv, propagation total, layers 2-3, donor 7/2, donors with the same number of steps"
        );
    }

    #[test]
    fn manners_are_told_in_words() {
        let with = |value, site, propagation, direction| {
            manner(&Ablation {
                value,
                site,
                propagation,
                direction,
                layers: (site == Site::Kv).then_some(Layers { first: 2, last: 3 }),
                ..Ablation::default()
            })
        };
        let lines = [
            with(
                AblationValue::Resample,
                Site::Input,
                Propagation::Total,
                Direction::Noising,
            ),
            with(
                AblationValue::Zero,
                Site::Kv,
                Propagation::Direct,
                Direction::Noising,
            ),
            with(
                AblationValue::KvBlock,
                Site::Input,
                Propagation::Total,
                Direction::Denoising,
            ),
        ];
        assert_eq!(
            lines,
            [
                "resample: what is off is replaced by other problems' latents at the same position, where it is fed; later \
                 latents are recomputed",
                "zero at kv layers 2-3, direct: what is off is replaced by zeros, in the key-value cache; later latents keep \
                 their clean values",
                "kv-block, denoising: what is off stays, but no later position may attend to it; latents that are on are restored to their \
                 clean values",
            ]
        );
    }
}
