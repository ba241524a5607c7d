//! A set of latents that is off, and what came of it, in glyphs, numbers and words.

use std::collections::BTreeSet;

use ratatui::style::Style;

use crate::text::count;
use crate::trace::{Ablation, AblationValue, Cell, LatentIdx, most_unseen};
use crate::ui::line::{Row, cut_foreign};
use crate::ui::number::{plain, signed};
use crate::ui::theme::Theme;

/// Room for a change in log-probability.
pub(super) const CHANGE: usize = 6;
/// Longer answers are cut in cells, and in sentences.
const MAX_SAID: usize = 24;

/// Whether the answer flipped or stands: a glyph with its style.
pub(super) fn mark(cell: &Cell, theme: &Theme) -> (&'static str, Style) {
    if cell.flipped {
        (theme.glyphs.no, theme.bad)
    } else {
        (theme.glyphs.yes, theme.good)
    }
}

/// A change in log-probability, with fewer decimals where it is large, so that it keeps its room.
pub(super) fn change(value: f64, theme: &Theme) -> String {
    let decimals = match value.abs() {
        small if small < 99.995 => 2,
        large if large < 999.95 => 1,
        _ => 0,
    };
    signed(value, decimals, theme.glyphs)
}

/// The mark and the change in log-probability; with the answer where there is room for so many columns.
pub(super) fn brief(cell: &Cell, answer_width: usize, theme: &Theme) -> Row {
    let (glyph, style) = mark(cell, theme);
    let row = Row::new().push(glyph, style).right(
        change(cell.delta_logprob, theme),
        2 + CHANGE,
        theme.text,
    );
    if answer_width == 0 {
        return row;
    }
    let answer = cell.answer.as_deref().unwrap_or("none");
    row.push("  ", theme.text)
        .push(cut_foreign(answer, answer_width, theme), theme.strong)
}

/// `2`, `2 and 3`, `1, 2 and 3`.
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

/// The set that is off: `nothing off`, `latents 2 and 3 off`, `all latents off`.
pub(super) fn set_off(off: &BTreeSet<LatentIdx>, n: usize) -> String {
    if off.is_empty() {
        "nothing off".to_owned()
    } else if off.len() == n && n > 1 {
        "all latents off".to_owned()
    } else {
        format!("{} off", named(off))
    }
}

/// How it was done: `resample, 16 donors`.
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

/// The answer against the clean one: `answer 24, was 17` or `answer 17 stands`; of several variants the most frequent one.
pub(super) fn answered(cell: &Cell, clean: Option<&str>, theme: &Theme) -> String {
    let said = |answer: Option<&str>| cut_foreign(answer.unwrap_or("none"), MAX_SAID, theme);
    let answer = said(cell.answer.as_deref());
    let lead = if cell.n > 1 { "most frequent " } else { "" };
    if cell.flipped {
        format!("{lead}answer {answer}, was {}", said(clean))
    } else {
        format!("{lead}answer {answer} stands")
    }
}

/// Everything about a cell after its colon.
pub(super) fn came_of(
    cell: &Cell,
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
        if cell.flips == 0 {
            let below = plain(100.0 * most_unseen(cell.n), 1, theme.glyphs);
            text.push_str(&format!(", true rate below {below} % at 95 %"));
        }
    }
    text
}
