//! The effect of an ablation, row by row: the change, its distribution over variants, and the size of the intervention.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::count;
use crate::core::types::{
    AblationValue, AnswerOutcome, Donors, Effect, Outcome, Variants, most_unseen,
};
use crate::explorer::ui::line::{Row, cut_foreign};
use crate::explorer::ui::number::{plain, signed};
use crate::explorer::ui::panes::answer::{label_row, labelled};
use crate::explorer::ui::theme::Theme;

/// Maximum number of listed answers over variants.
const MAX_ANSWERS: usize = 6;
/// Longer answers in the list are cut.
const MAX_VALUE: usize = 16;
/// Room for the count of further answers.
const MORE: usize = 8;

pub(super) fn effect_lines(
    outcome: &Outcome,
    style: Style,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let effect = &outcome.effect;
    let value = outcome.ablation.value;
    let delta = format!("{} log-prob", glyphs.delta);
    let first = label_row(&delta, theme)
        .push(signed(effect.delta_logprob, 2, glyphs), style)
        .push(" clean answer", theme.dim);
    let gold = effect.delta_logprob_gold.map(|gold| {
        Row::new()
            .push(signed(gold, 2, glyphs), style)
            .push(" gold answer", theme.dim)
    });
    let mut lines = match gold {
        None => vec![first.line()],
        Some(gold) if first.width() + 3 + gold.width() <= width => {
            vec![first.push("   ", style).join(gold).line()]
        }
        Some(gold) => vec![first.line(), label_row("", theme).join(gold).line()],
    };
    if let Some(donors) = &effect.donors {
        let name = value.variant_name().unwrap_or("variant");
        lines.extend(variant_lines(donors, name, style, width, theme));
    }
    lines.push(
        label_row("KL", theme)
            .push(format!("{} nats", plain(effect.kl, 2, glyphs)), style)
            .push(" at first answer token", theme.dim)
            .line(),
    );
    lines.extend(size_lines(effect, value, style, width, theme));
    lines.push(
        label_row("sham", theme)
            .push(sham(effect.sham_max_diff), style)
            .push(" at most, own value written back", theme.dim)
            .line(),
    );
    lines
}

/// The largest logit change when nothing should change.
fn sham(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else {
        format!("{value:.1e}")
    }
}

/// The size of the change, alone and relative to natural differences.
fn size_lines(
    effect: &Effect,
    value: AblationValue,
    style: Style,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let mut lines = vec![
        match effect.relative_size {
            None if value == AblationValue::Skip => {
                label_row("size", theme).push("the latent is left out", style)
            }
            None if value == AblationValue::KvBlock => {
                label_row("size", theme).push("the latent stays but is masked", style)
            }
            None => label_row("size", theme).push("no vector is replaced", style),
            // An intervention that changed nothing is no evidence of no effect.
            Some(size) if size <= 0.0 => label_row("size", theme)
                .push(format!("{} nothing was changed", glyphs.no), theme.bad),
            Some(size) => label_row("size", theme)
                .push(plain(size, 2, glyphs), style)
                .push(" of the latent's norm", theme.dim),
        }
        .line(),
    ];
    if let Some(percentile) = effect.size_percentile {
        let text = format!(
            "larger than {} % of natural differences, those of the reference set's latents",
            plain(percentile, 1, glyphs)
        );
        lines.extend(labelled("", &text, theme.dim, width, theme));
    }
    if effect.is_off_distribution() {
        let text = format!("{} off the distribution", glyphs.unsure);
        lines.extend(labelled("", &text, theme.off, width, theme));
    }
    lines
}

fn variant_lines(
    donors: &Donors,
    name: &str,
    style: Style,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let interval = donors.delta_logprob_ci95.map_or_else(
        || "n/a".to_owned(),
        |(low, high)| {
            let (low, high) = (signed(low, 2, glyphs), signed(high, 2, glyphs));
            format!("{low} {} {high}", glyphs.to)
        },
    );
    let mut answers = label_row("answers", theme);
    let mut shown = 0;
    for (value, n) in donors.answers.iter().take(MAX_ANSWERS) {
        let value = cut_foreign(value.as_deref().unwrap_or("none"), MAX_VALUE, theme);
        let text = format!("{value} {}{n}   ", glyphs.times);
        if answers.width() + crate::core::text::width(&text) + MORE > width {
            break;
        }
        answers = answers.push(text, style);
        shown += 1;
    }
    if shown < donors.answers.len() {
        let more = donors.answers.len() - shown;
        answers = answers.push(format!("{more} more"), theme.dim);
    }
    let (flips, rate) = flip_words(donors.variants(), name, theme);
    let flips = label_row("flips", theme).push(flips, style);
    let rate_row = Row::new().push(rate.clone(), theme.dim);
    let mut lines = vec![
        label_row("95 % CI", theme)
            .push(interval, style)
            .push(format!(" over {}", count(donors.n, name)), theme.dim)
            .line(),
    ];
    if rate.is_empty() {
        lines.push(flips.line());
    } else if flips.width() + 2 + rate_row.width() <= width {
        lines.push(flips.push("  ", theme.text).join(rate_row).line());
    } else {
        lines.push(flips.line());
        lines.extend(labelled("", &rate, theme.dim, width, theme));
    }
    lines.push(answers.line());
    lines
}

/// How many variants flipped the answer, and what that implies for the rate; nothing on the rate for a single run.
fn flip_words(variants: Variants, name: &str, theme: &Theme) -> (String, String) {
    let Variants { flips, n } = variants;
    if n < 2 {
        return (format!("{flips} of {}", count(n, name)), String::new());
    }
    let said = match variants.outcome() {
        AnswerOutcome::Mixed => format!("{flips} of {}", count(n, name)),
        AnswerOutcome::Stands | AnswerOutcome::Flipped => format!("{flips} of {n} flipped"),
    };
    (said, rate_words(variants, theme))
}

/// What the variants imply for the true flip rate: a bound if none or all flipped, else an interval.
pub(in crate::explorer::ui) fn rate_words(variants: Variants, theme: &Theme) -> String {
    let percent = |rate: f64| plain(rate * 100.0, 1, theme.glyphs);
    let unseen = most_unseen(variants.n);
    match (variants.outcome(), variants.rate()) {
        (AnswerOutcome::Stands, _) => format!("true rate below {} % at 95 %", percent(unseen)),
        (AnswerOutcome::Flipped, _) => {
            format!("true rate above {} % at 95 %", percent(1.0 - unseen))
        }
        (AnswerOutcome::Mixed, rate) => rate.map_or_else(String::new, |rate| {
            let (low, high) = rate.ci95;
            let to = theme.glyphs.to;
            format!("95 % CI {} {to} {} %", percent(low), percent(high))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::ui::glyphs::UNICODE;

    #[test]
    fn where_no_variant_flipped_the_resolution_is_said() {
        let theme = Theme::plain(&UNICODE);
        for (flips, first, second) in [
            (0, "0 of 16 flipped", "true rate below 17.1 % at 95 %"),
            (16, "16 of 16 flipped", "true rate above 82.9 % at 95 %"),
            (9, "9 of 16 draws", "95 % CI 33.2 … 76.9 %"),
        ] {
            let said = flip_words(Variants { flips, n: 16 }, "draw", &theme);
            assert_eq!(said, (first.to_owned(), second.to_owned()));
        }
        let one = flip_words(Variants { flips: 1, n: 1 }, "draw", &theme);
        assert_eq!(one, ("1 of 1 draw".to_owned(), String::new()));
    }
}
