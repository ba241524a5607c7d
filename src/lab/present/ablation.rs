//! Ablations as tables: what became of the answer, over which variants, and how large the intervention was.

use super::document::{Cell, Mark, Table, Unit};
use super::number::{plain, signed};
use super::run::{answer, listed};
use crate::core::stats::Share;
use crate::core::text::{count, truncate};
use crate::core::types::{
    AblationValue, AnswerOutcome, Donors, Effect, LatentIdx, Outcome, Variants, most_unseen,
};

/// The most answers of variants that are listed, and the width at which they are cut.
const MAX_ANSWERS: usize = 6;
const MAX_VALUE: usize = 16;

/// Returns the ablations, one a row.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(
        "ablations",
        "Latents off",
        "An answer stands if no donor, draw or order flips it, is flipped if every one does, and else mixed; intervals are at 95 %. Changes in \
         log-prob are ablated less clean, in nats. Size is the mean relative size of the change to the vectors; sham is the largest change of a \
         logit when each latent's own value is written back.",
        &[
            ("off", "Off"),
            ("value", "Value"),
            ("answer", "Answer"),
            ("outcome", "Outcome"),
            ("flipped", "Flipped"),
            ("delta_clean", "Change, clean answer"),
            ("delta_gold", "Change, gold answer"),
            ("kl", "KL"),
            ("size", "Size"),
            ("sham", "Sham"),
        ],
    );
    for Outcome {
        ablation,
        answer: value,
        effect,
        ..
    } in outcomes
    {
        let variants = effect.variants();
        let said = match &effect.donors {
            Some(donors) => answers(donors),
            None => answer(value),
        };
        let interval = effect.donors.as_ref().and_then(|d| d.delta_logprob_ci95);
        table.push(vec![
            listed(ablation.off.iter().map(LatentIdx::to_string)),
            Cell::Text(ablation.manner()),
            Cell::Text(said),
            Cell::text(variants.outcome().as_str()),
            match variants.rate() {
                Some(_) => Cell::Share(Share::new(variants.flips, variants.n)),
                None => Cell::text(if effect.flipped { "yes" } else { "no" }),
            },
            match interval {
                Some((low, high)) => Cell::Estimate {
                    value: effect.delta_logprob,
                    low,
                    high,
                    unit: Unit::Change,
                },
                None => Cell::Number(effect.delta_logprob, Unit::Change),
            },
            Cell::number(effect.delta_logprob_gold, Unit::Change),
            Cell::Number(effect.kl, Unit::Plain),
            Cell::number(effect.relative_size, Unit::Plain),
            Cell::Number(effect.sham_max_diff, Unit::Tiny),
        ]);
    }
    table
}

/// Returns the answers over donors, draws or orders, with how many gave them.
fn answers(donors: &Donors) -> String {
    let answers = donors.answers.iter().map(|(value, n)| {
        let value = value.as_deref().unwrap_or("none");
        format!("{value} ({n} of {})", donors.n)
    });
    answers.collect::<Vec<_>>().join(", ")
}

/// Returns the effect of one ablation as facts.
#[must_use]
pub fn effect(outcome: &Outcome) -> Table {
    let effect = &outcome.effect;
    let value = outcome.ablation.value;
    let mut delta = format!("{} clean answer", signed(effect.delta_logprob, 2));
    if let Some(gold) = effect.delta_logprob_gold {
        delta.push_str(&format!(" · {} gold answer", signed(gold, 2)));
    }
    let mut rows = vec![("Δ log-prob", Cell::Text(delta))];
    if let Some(donors) = &effect.donors {
        rows.extend(over_variants(
            donors,
            value.variant_name().unwrap_or("variant"),
        ));
    }
    let kl = format!("{} nats at first answer token", plain(effect.kl, 2));
    rows.push(("KL", Cell::Text(kl)));
    rows.push(("size", size(effect, value)));
    if effect.is_off_distribution() {
        let text = "off the distribution".to_owned();
        rows.push(("", Cell::Marked(Mark::OPEN, text)));
    }
    let sham = Unit::Tiny.words(effect.sham_max_diff);
    let sham = format!("{sham} at most, own value written back");
    rows.push(("sham", Cell::Text(sham)));
    let rows = rows
        .into_iter()
        .map(|(name, value)| (Cell::text(name), value));
    Table::facts("effect", "", rows.collect())
}

fn size(effect: &Effect, value: AblationValue) -> Cell {
    let size = match effect.relative_size {
        None if value == AblationValue::Skip => "the latent is left out".to_owned(),
        None if value == AblationValue::KvBlock => "the latent stays but is masked".to_owned(),
        None => "no vector is replaced".to_owned(),
        // An intervention that changed nothing is no evidence of no effect.
        Some(size) if size <= 0.0 => {
            return Cell::Marked(Mark::FAILS, "nothing was changed".to_owned());
        }
        Some(size) => format!("{} of the latent's norm", plain(size, 2)),
    };
    Cell::Text(match effect.size_percentile {
        Some(percentile) => format!(
            "{size}, larger than {} % of natural differences, those of the reference set's latents",
            plain(percentile, 1)
        ),
        None => size,
    })
}

fn over_variants(donors: &Donors, name: &str) -> [(&'static str, Cell); 3] {
    let interval = donors.delta_logprob_ci95.map_or_else(
        || "n/a".to_owned(),
        |(low, high)| format!("{} … {}", signed(low, 2), signed(high, 2)),
    );
    let mut answers: Vec<String> = donors
        .answers
        .iter()
        .take(MAX_ANSWERS)
        .map(|(value, n)| {
            let value = truncate(value.as_deref().unwrap_or("none"), MAX_VALUE);
            format!("{value} ×{n}")
        })
        .collect();
    if donors.answers.len() > MAX_ANSWERS {
        answers.push(format!("{} more", donors.answers.len() - MAX_ANSWERS));
    }
    let over = count(donors.n, name);
    [
        ("95 % CI", Cell::Text(format!("{interval} over {over}"))),
        ("flips", Cell::Text(flips(donors.variants(), name))),
        ("answers", Cell::Text(answers.join(" · "))),
    ]
}

/// Returns how many variants flipped the answer, and what that implies for the rate; nothing on the rate for a single run.
fn flips(variants: Variants, name: &str) -> String {
    let Variants { flips, n } = variants;
    let said = format!("{flips} of {}", count(n, name));
    match n {
        0 | 1 => said,
        _ => format!("{said}, {}", rate(variants)),
    }
}

/// Returns what the variants imply for the true flip rate: a bound if none or all flipped, else an interval.
#[must_use]
pub fn rate(variants: Variants) -> String {
    let percent = |rate: f64| plain(rate * 100.0, 1);
    let unseen = most_unseen(variants.n);
    match (variants.outcome(), variants.rate()) {
        (AnswerOutcome::Stands, _) => format!("true rate below {} % at 95 %", percent(unseen)),
        (AnswerOutcome::Flipped, _) => {
            format!("true rate above {} % at 95 %", percent(1.0 - unseen))
        }
        (AnswerOutcome::Mixed, rate) => rate.map_or_else(String::new, |rate| {
            let (low, high) = rate.ci95;
            format!("95 % CI {} … {} %", percent(low), percent(high))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_variant_flipped_the_resolution_is_said() {
        for (flipped, said) in [
            (0, "0 of 16 draws, true rate below 17.1 % at 95 %"),
            (16, "16 of 16 draws, true rate above 82.9 % at 95 %"),
            (9, "9 of 16 draws, 95 % CI 33.2 … 76.9 %"),
        ] {
            let variants = Variants {
                flips: flipped,
                n: 16,
            };
            assert_eq!(flips(variants, "draw"), said);
        }
        assert_eq!(flips(Variants { flips: 1, n: 1 }, "draw"), "1 of 1 draw");
    }
}
