//! The first line: the loaded model on the left, the current activity on the right.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::{megabytes, sanitize, width};
use crate::core::types::{Mode, StudyKind};
use crate::explorer::app::dataset::RunActivity;
use crate::explorer::app::studies::progress as progress_of;
use crate::explorer::app::{App, JobState, ModelState, Phase, Recording};
use crate::explorer::ui::line::{LineBuilder, cut};
use crate::explorer::ui::theme::Theme;

/// Characters of the checksum shown.
const SHORT_SHA: usize = 8;

/// Renders the header. Facts about the model are dropped when there is no room.
#[must_use]
pub fn line(app: &App, max_width: usize, theme: &Theme) -> Line<'static> {
    let (status, style) = status(app, theme);
    let status = cut(&status, max_width * 3 / 5, theme);
    let room = max_width.saturating_sub(width(&status) + 2);
    let mut row = LineBuilder::new();
    let name = sanitize(&app.model.name);
    for (text, style) in [("undertone", theme.focus), (name.as_str(), theme.strong)] {
        let gap = if row.width() == 0 { "" } else { "  " };
        let text = cut(text, room.saturating_sub(row.width() + gap.len()), theme);
        if !text.is_empty() {
            row = row.push(gap, theme.text).push(text, style);
        }
    }
    let mut gap = "  ".to_owned();
    for fact in facts(app) {
        let text = format!("{gap}{}", sanitize(&fact));
        if row.width() + width(&text) > room {
            break;
        }
        row = row.push(text, theme.dim);
        gap = format!(" {} ", theme.glyphs.dot);
    }
    row.right(status, max_width, style).line()
}

fn facts(app: &App) -> Vec<String> {
    // A recording names the model it came from, loaded or not.
    let Some(info) = app.model.info().or(app.run.session.model.as_ref()) else {
        return Vec::new();
    };
    let sha: String = info.sha256.chars().take(SHORT_SHA).collect();
    // The default mode is not shown.
    let usual = info.modes.first().map(String::as_str);
    let mode = app
        .model
        .mode
        .map(Mode::as_str)
        .filter(|mode| Some(*mode) != usual);
    // A family read from a file is not explained; an inferred or requested one is.
    let from = match info.family_from.as_str() {
        "the weights" => ", inferred from the weights",
        "its name" => ", inferred from its name",
        told if told.contains("do not tell") => ", or multimode-coconut",
        "--family" => ", as requested",
        _ => "",
    };
    let mut facts = vec![format!("{}{from}", info.family)];
    facts.extend(mode.map(|mode| format!("{mode} mode")));
    facts.extend([
        info.arch.clone(),
        info.dtype.clone(),
        info.device.clone(),
        sha,
        crate::core::text::count(info.n_latents, "latent"),
        crate::explorer::ui::number::parameters(info.parameters),
    ]);
    facts.extend(
        Some(&info.behaviour)
            .filter(|b| !b.is_empty())
            .map(|b| format!("{b} behaviour")),
    );
    facts
}

/// Progress of a download: a bar and a percentage if the length is known, else the bytes so far.
fn progress(done: u64, total: Option<u64>, theme: &Theme) -> String {
    const CELLS: u64 = 10;
    let Some(total) = total.filter(|&total| total > 0) else {
        return megabytes(done);
    };
    let done = done.min(total);
    let full = usize::try_from(done * CELLS / total).unwrap_or(0);
    let (full_cell, empty_cell) = (theme.glyphs.bar, theme.glyphs.rule);
    let empty = usize::try_from(CELLS).unwrap_or(0) - full;
    format!(
        "{}{} {} % of {}",
        full_cell.repeat(full),
        empty_cell.repeat(empty),
        done * 100 / total,
        megabytes(total),
    )
}

/// The current activity, and what Escape would do about it.
fn status(app: &App, theme: &Theme) -> (String, Style) {
    let dot = theme.glyphs.dot;
    let work = |text: String| (format!("{text} {dot} esc stops"), theme.key);
    // Work that waits for other problems' latents shows how many are ready.
    let waits = |text: &str| match app.model.reference {
        Some((done, all)) => format!("{text} {dot} reference set {done} of {all}"),
        None => text.to_owned(),
    };
    match (&app.model.state, app.run.live.phase) {
        (ModelState::Absent, _) => return ("starting".to_owned(), theme.dim),
        (ModelState::Loading { stage, bytes }, _) => {
            let stage = sanitize(stage);
            return work(match bytes {
                Some((done, total)) => {
                    format!("{stage} {dot} {}", progress(*done, *total, theme))
                }
                None => format!("loading {dot} {stage}"),
            });
        }
        (ModelState::Failed, _) => {
            return (
                format!("{} failed {dot} r retries", theme.glyphs.no),
                theme.bad,
            );
        }
        (ModelState::Ready { .. }, Phase::Running) => {
            let (n, total) = (app.run.live.n_latents(), app.n_latents());
            return work(format!("running {dot} latent {n} of {total}"));
        }
        (ModelState::Ready { .. }, Phase::Stopped) if app.chrome.failure.is_none() => {
            let (n, total) = (
                app.run.live.n_latents(),
                app.model.info().map_or(0, |i| i.n_latents),
            );
            return (
                format!("stopped at latent {n} of {total} {dot} r runs again"),
                theme.off,
            );
        }
        (ModelState::Ready { .. }, _) => {}
    }
    if app.chrome.failure.is_some() {
        return (
            format!("{} failed {dot} r retries", theme.glyphs.no),
            theme.bad,
        );
    }
    if app.run.live.ablation == JobState::Waiting {
        return work(waits("recomputing"));
    }
    if app.run.live.verdict == JobState::Waiting {
        return match app.run.live.verifying {
            Some(progress) if app.model.reference.is_none() => {
                work(format!("verifying {dot} {progress}"))
            }
            _ => work(waits("verifying")),
        };
    }
    if app.run.live.is_busy() {
        return work(waits("decoding"));
    }
    if let Some(wish) = app.run.studies.asked() {
        let name = match wish.kind {
            StudyKind::Sweep => "sweep",
            StudyKind::Lattice => "sets",
            StudyKind::Influence => "influence",
            StudyKind::Layers => "layers",
        };
        let held = app.run.studies.held(wish.kind);
        let held = held.filter(|held| held.wish == *wish);
        let text = held.map_or_else(
            || waits(name),
            |held| {
                let (done, all, _) = progress_of(&held.study);
                format!("{name} {done} of {all}")
            },
        );
        // Background work the user did not request is shown dimmed.
        return (format!("{text} {dot} esc stops"), theme.dim);
    }
    if let (Some(run), true) = (&app.dataset.run, app.dataset.work != RunActivity::None) {
        let text = format!("data set {} of {}", run.items.len(), run.of);
        return (text, theme.dim);
    }
    if app.run.live.verdict == JobState::Stopped {
        return (format!("stopped {dot} r resumes"), theme.off);
    }
    match (&app.run.recording, &app.model.state) {
        (Recording::Shown(_), _) => ("recorded".to_owned(), theme.dim),
        (Recording::Compared(summary), _) => (sanitize(summary).into_string(), theme.dim),
        (Recording::None, ModelState::Ready { elapsed_ms, .. }) => {
            (format!("ready in {elapsed_ms} ms"), theme.dim)
        }
        (Recording::None, _) => (String::new(), theme.dim),
    }
}
