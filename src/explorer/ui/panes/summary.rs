//! One line about the answer, for screens on which the answer pane is not always in view.

use ratatui::text::Line;

use crate::explorer::app::{App, Phase};
use crate::explorer::ui::line::{LineBuilder, cut_foreign};
use crate::explorer::ui::number::{plain, signed};
use crate::explorer::ui::panes::answer::{answer_text, outcome_mark, outcome_words, stale_mark};
use crate::explorer::ui::theme::Theme;

/// The clean answer, and how the current one differs from it.
#[must_use]
pub fn line(app: &App, width: usize, theme: &Theme) -> Line<'static> {
    let glyphs = theme.glyphs;
    let row = LineBuilder::new().push("Answer ", theme.title);
    let Some(run) = &app.run.session.run else {
        let text = match app.run.live.phase {
            Phase::Running => "comes after the latents",
            Phase::Stopped => "stopped before it, r runs it again",
            Phase::Idle | Phase::Done => glyphs.none,
        };
        return row.push(text, theme.dim).line();
    };
    let room = width / 4;
    let row = row.push(answer_text(&run.answer, room, theme), theme.strong);
    if let Some(cell) = app.run.lattice_answer() {
        let (_, style) = outcome_mark(cell.variants().outcome(), theme);
        let now = cell.answer.as_deref().unwrap_or("no answer");
        return row
            .push(format!(" {} ", glyphs.arrow), theme.dim)
            .push(cut_foreign(now, room, theme), theme.strong)
            .push(
                format!("  {}", outcome_words(cell.variants(), theme)),
                style,
            )
            .push(format!("  {} ", glyphs.delta), theme.dim)
            .push(signed(cell.delta_logprob, 2, glyphs), theme.text)
            .push("  from the lattice", theme.dim)
            .line();
    }
    let Some(outcome) = app.run.shown_outcome() else {
        let row = match run.answer.logprob {
            Some(logprob) => row
                .push("  log-prob ", theme.dim)
                .push(plain(logprob, 2, glyphs), theme.text),
            None => row,
        };
        return match stale_mark(app) {
            Some(mark) => row.push(format!("  {mark}"), theme.off).line(),
            None => row.line(),
        };
    };
    let variants = outcome.effect.variants();
    let (text, flip) = if app.run.is_stale() {
        (theme.dim, theme.dim)
    } else {
        let (_, style) = outcome_mark(variants.outcome(), theme);
        (theme.strong, style)
    };
    let row = row
        .push(format!(" {} ", glyphs.arrow), theme.dim)
        .push(answer_text(&outcome.answer, room, theme), text)
        .push(format!("  {}", outcome_words(variants, theme)), flip);
    let delta = LineBuilder::new()
        .push(format!("  {} ", glyphs.delta), theme.dim)
        .push(signed(outcome.effect.delta_logprob, 2, glyphs), text);
    // Staleness matters more than the size of the difference.
    match stale_mark(app) {
        Some(mark) => row.push(format!("  {mark}"), theme.off).join(delta).line(),
        None => row.join(delta).line(),
    }
}
