//! Cells: a set of latents that is off and its effect, as glyphs, numbers and words.

use std::collections::BTreeSet;

use ratatui::style::Style;

use crate::core::text::{count, width};
use crate::core::types::{
    Ablation, AblationValue, AnswerOutcome, LatentIdx, OutcomeCounts, StudyCell,
};
use crate::explorer::ui::glyphs::Glyphs;
use crate::explorer::ui::line::{LineBuilder, cut_foreign};
use crate::explorer::ui::number::{plain, signed};
use crate::explorer::ui::panes::answer::outcome_mark;
use crate::explorer::ui::theme::Theme;
use crate::lab::present::ablation;

/// Room for a change in log-probability.
pub(super) const CHANGE: usize = 6;
/// Room for a short cell without the answer: `~15/16 −9.16`.
pub(super) const BRIEF: usize = 12;
/// Longer answers are cut, in cells and in sentences.
const MAX_SAID: usize = 24;

/// The outcome of the answer as a glyph with its style.
pub(super) fn mark(cell: &StudyCell, theme: &Theme) -> (&'static str, Style) {
    outcome_mark(cell.variants().outcome(), theme)
}

pub(super) fn legend_of_marks(theme: &Theme) -> String {
    let Glyphs { yes, mixed, no, .. } = theme.glyphs;
    format!("{yes} stands, {mixed} mixed: some variants flip it, {no} flipped")
}

/// A change in log-probability; large values get fewer decimals, so that they fit the room.
pub(super) fn change(value: f64, room: usize, theme: &Theme) -> String {
    let written = |decimals| signed(value, decimals, theme.glyphs);
    let mut fitting = [2, 1].into_iter().map(written);
    fitting
        .find(|text| width(text) <= room)
        .unwrap_or_else(|| written(0))
}

/// The outcome mark (with the count of flips if mixed) and the change in log-probability; if `answer_width` is
/// positive, also the answer.
pub(super) fn brief(cell: &StudyCell, answer_width: usize, theme: &Theme) -> LineBuilder {
    let (glyph, style) = mark(cell, theme);
    let variants = cell.variants();
    let mut row = LineBuilder::new().push(glyph, style);
    if variants.outcome() == AnswerOutcome::Mixed {
        row = row.push(format!("{}/{}", variants.flips, variants.n), style);
    }
    let room = CHANGE.min(BRIEF.saturating_sub(row.width() + 1));
    let row = row.right(change(cell.delta_logprob, room, theme), BRIEF, theme.text);
    if answer_width == 0 {
        return row;
    }
    let answer = cell.answer.as_deref().unwrap_or("none");
    row.push("  ", theme.text)
        .push(cut_foreign(answer, answer_width, theme), theme.strong)
}

/// Lists latents: `2`, `2 and 3`, `1, 2 and 3`.
pub(super) fn listed(latents: &BTreeSet<LatentIdx>) -> String {
    let names: Vec<String> = latents.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `latent 2`, `latents 2 and 3`.
pub(super) fn named(latents: &BTreeSet<LatentIdx>) -> String {
    let noun = if latents.len() == 1 {
        "latent"
    } else {
        "latents"
    };
    format!("{noun} {}", listed(latents))
}

/// Describes the set that is off: `nothing off`, `latents 2 and 3 off`, `all latents off`.
pub(super) fn set_off(off: &BTreeSet<LatentIdx>, n: usize) -> String {
    if off.is_empty() {
        "nothing off".to_owned()
    } else if off.len() == n && n > 1 {
        "all latents off".to_owned()
    } else {
        format!("{} off", named(off))
    }
}

/// Describes the intervention: `resample, 16 donors`.
pub(super) fn done_by(manner: &Ablation, value: AblationValue, n: usize) -> String {
    let manner = Ablation {
        value,
        ..manner.clone()
    };
    match value.variant_name().filter(|_| n > 1) {
        Some(name) => format!("{}, {}", manner.manner(), count(n, name)),
        None => manner.manner(),
    }
}

/// The answer against the clean one: `answer 24, was 17`, `answer 17 stands` or `mixed, most frequent answer 24, was
/// 17`. Of several variants, the most frequent answer.
pub(super) fn answered(cell: &StudyCell, clean: Option<&str>, theme: &Theme) -> String {
    let said = |answer: Option<&str>| cut_foreign(answer.unwrap_or("none"), MAX_SAID, theme);
    let answer = said(cell.answer.as_deref());
    match cell.variants().outcome() {
        AnswerOutcome::Stands => format!("answer {answer} stands"),
        AnswerOutcome::Mixed => {
            format!("mixed, most frequent answer {answer}, was {}", said(clean))
        }
        AnswerOutcome::Flipped => {
            let lead = if cell.n > 1 { "most frequent " } else { "" };
            format!("{lead}answer {answer}, was {}", said(clean))
        }
    }
}

/// The part of a cell's description after the colon.
pub(super) fn came_of(
    cell: &StudyCell,
    value: AblationValue,
    clean: Option<&str>,
    clean_logprob: Option<f64>,
    theme: &Theme,
) -> String {
    let mut text = format!(
        "{}; log-prob of the clean answer changes by {}",
        answered(cell, clean, theme),
        signed(cell.delta_logprob, 2, theme.glyphs)
    );
    if let Some(logprob) = clean_logprob {
        let after = plain(logprob + cell.delta_logprob, 2, theme.glyphs);
        text.push_str(&format!(" to {after}"));
    }
    if let Some(name) = value.variant_name().filter(|_| cell.n > 1) {
        text.push_str(&format!(
            "; {} of {} flipped",
            cell.flips,
            count(cell.n, name)
        ));
        if cell.variants().outcome() != AnswerOutcome::Flipped {
            text.push_str(", ");
            text.push_str(&theme.glyphs.of(&ablation::rate(cell.variants())));
        }
    }
    text
}

/// How many ablations had each outcome, zero counts omitted: `4✓ 1~ 1✗`.
pub(super) fn tallied(tally: OutcomeCounts, theme: &Theme) -> String {
    let counts = tally.counts().into_iter().filter(|(_, n)| *n > 0);
    let said: Vec<String> = counts
        .map(|(outcome, n)| format!("{n}{}", outcome_mark(outcome, theme).0))
        .collect();
    if said.is_empty() {
        return theme.glyphs.none.to_owned();
    }
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::ui::glyphs::UNICODE;

    fn cell(answer: &str, flips: usize, n: usize) -> StudyCell {
        StudyCell {
            off: BTreeSet::from([LatentIdx(2)]),
            answer: Some(answer.to_owned()),
            flipped: 2 * flips > n,
            delta_logprob: -9.16,
            n,
            flips,
        }
    }

    #[test]
    fn a_mixed_cell_says_how_many_variants_flip_it() {
        let theme = Theme::plain(&UNICODE);
        let said =
            |cell: &StudyCell| came_of(cell, AblationValue::Resample, Some("17"), None, &theme);
        let mixed = cell("17", 9, 16);
        assert_eq!(mark(&mixed, &theme).0, "~");
        let text = said(&mixed);
        assert!(text.starts_with("mixed, most frequent answer 17"), "{text}");
        assert!(
            text.ends_with("9 of 16 donors flipped, 95 % CI 33.2 … 76.9 %"),
            "{text}"
        );
        assert!(said(&cell("17", 0, 16)).starts_with("answer 17 stands"));
        let flipped = said(&cell("24", 16, 16));
        assert!(
            flipped.starts_with("most frequent answer 24, was 17"),
            "{flipped}"
        );
        assert!(said(&cell("24", 1, 1)).starts_with("answer 24, was 17"));
    }

    #[test]
    fn a_cell_in_brief_keeps_its_room() {
        let theme = Theme::plain(&UNICODE);
        let said = |flips, n, delta_logprob| {
            let cell = StudyCell {
                delta_logprob,
                ..cell("17", flips, n)
            };
            brief(&cell, 0, &theme).line().to_string()
        };
        assert_eq!(said(0, 16, -0.31), "✓      −0.31");
        assert_eq!(said(9, 16, -9.16), "~9/16  −9.16");
        assert_eq!(said(15, 16, -11.05), "~15/16 −11.1");
        assert_eq!(said(1, 1, -123.4), "✗     −123.4");
    }

    #[test]
    fn a_tally_names_what_it_counts() {
        let theme = Theme::plain(&UNICODE);
        let of = |cells: &[StudyCell]| {
            tallied(
                OutcomeCounts::new(cells.iter().map(|c| c.variants().outcome())),
                &theme,
            )
        };
        let cells = [cell("17", 0, 16), cell("17", 9, 16), cell("17", 0, 1)];
        assert_eq!(of(&cells), "2✓ 1~");
        assert_eq!(of(&[]), "–");
    }
}
