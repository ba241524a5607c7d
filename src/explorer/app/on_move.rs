//! Scrolling a pane and moving the cursor of a page: how far they go depends on what fits on the screen.

use crate::explorer::app::action::{Move, Scroll};
use crate::explorer::app::effect::Movement;
use crate::explorer::app::{App, Fit, Page};

/// Moves by what fits.
pub(super) fn perform(app: &mut App, movement: Movement, fit: Fit) {
    match movement {
        Movement::Scroll(to) => scroll(app, to, fit),
        Movement::Cursor(to) if app.chrome.page == Page::Data => {
            let dataset = &mut app.dataset;
            dataset.row = row(to, dataset.row, fit, dataset.shown.len());
        }
        Movement::Cursor(to) => step(app, to, fit),
    }
}

fn scroll(app: &mut App, to: Scroll, fit: Fit) {
    let to = match to {
        Scroll::Up => Move::Up,
        Scroll::Down => Move::Down,
        Scroll::PageUp => Move::PageUp,
        Scroll::PageDown => Move::PageDown,
        Scroll::Top => Move::First,
        Scroll::Bottom => Move::Last,
    };
    let last = fit.rows.saturating_sub(fit.height);
    let first = app.chrome.scroll.entry(app.chrome.focus).or_default();
    *first = row(to, *first, fit, last + 1);
}

/// Returns the row that a movement leads to, of `n`.
fn row(to: Move, at: usize, fit: Fit, n: usize) -> usize {
    let last = n.saturating_sub(1);
    let at = at.min(last);
    match to {
        Move::Left | Move::Right => at,
        Move::Up => at.saturating_sub(1),
        Move::Down => at + 1,
        Move::PageUp => at.saturating_sub(fit.page()),
        Move::PageDown => at + fit.page(),
        Move::First => 0,
        Move::Last => last,
    }
    .min(last)
}

fn step(app: &mut App, to: Move, fit: Fit) {
    let page = app.chrome.page;
    let n = match page {
        Page::Compare => fit.rows,
        _ => app.shape().0,
    };
    let mut at = app.cursor();
    match (page, to) {
        // The sets are laid out in columns, read downwards.
        (Page::Lattice, Move::Left) => at.row = at.row.checked_sub(fit.rows).unwrap_or(at.row),
        (Page::Lattice, Move::Right) if at.row + fit.rows < n => at.row += fit.rows,
        (Page::Lattice, Move::Right) => {}
        (_, Move::Left) => at.column = at.column.saturating_sub(1),
        (_, Move::Right) => at.column += 1,
        _ => at.row = row(to, at.row, fit, n),
    }
    app.run.cursors.insert(page, at);
    let at = app.cursor();
    app.run.cursors.insert(page, at);
    // The timeline follows, so that its cursor is on the same latent when the page is left.
    if page == Page::Evidence
        && let Some(index) = app
            .evidence_latent()
            .and_then(|latent| app.run.live.index_of(latent))
    {
        app.run.live.move_to(index);
    }
}
