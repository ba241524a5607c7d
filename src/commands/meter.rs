//! Shows the progress of downloads and other long work on standard error: one redrawn line on a terminal, else plain lines. It
//! uses no colour.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::print_note;
use crate::core::text::{megabytes, sanitize};
use crate::engine::hub::DownloadProgress;

/// The interval between redraws.
const REDRAW: Duration = Duration::from_millis(100);
/// The number of parts of a file, each of which gets a plain line.
const TENTHS: u64 = 10;

/// A progress display.
pub(super) struct Meter {
    /// Hidden without a terminal.
    bar: ProgressBar,
    file: Option<Arriving>,
}

/// A file being downloaded over one connection.
struct Arriving {
    name: String,
    since: Instant,
    resumed_from: u64,
    tenths: u64,
}

impl Meter {
    /// Creates a display of one line of text.
    pub(super) fn new() -> Self {
        Self::styled("{wide_msg}")
    }

    /// Creates a display of a bar in front of the text.
    pub(super) fn with_bar() -> Self {
        Self::styled("{bar:32} {wide_msg}")
    }

    fn styled(template: &str) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(REDRAW);
        }
        Self { bar, file: None }
    }

    /// Sets the part of the bar that is full.
    pub(super) fn fill(&self, done: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
    }

    /// Shows a step of a download.
    pub(super) fn show(&mut self, step: DownloadProgress<'_>) {
        match step {
            DownloadProgress::Looking { repo } => {
                self.line(&format!("{repo}: asking what it holds"), true);
            }
            DownloadProgress::Waiting { name } => self.line(
                &format!("{name}: another program is downloading it; waiting"),
                true,
            ),
            DownloadProgress::Verifying { name } => self.line(&format!("{name}: verifying"), true),
            DownloadProgress::File {
                name,
                done,
                total,
                resumed_from,
            } => self.file(name, done, total, resumed_from),
        }
    }

    /// Shows a line of text; without a terminal only if `is_due`.
    pub(super) fn line(&self, line: &str, is_due: bool) {
        let line = sanitize(line);
        if !self.bar.is_hidden() {
            self.bar.set_message(line.into_string());
        } else if is_due {
            print_note(&line);
        }
    }

    /// Clears the display.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn file(&mut self, name: &str, done: u64, total: Option<u64>, resumed_from: u64) {
        let is_new = self
            .file
            .as_ref()
            .is_none_or(|file| file.name != name || file.resumed_from != resumed_from);
        if is_new {
            self.file = Some(Arriving {
                name: name.to_owned(),
                since: Instant::now(),
                resumed_from,
                tenths: tenths(done, total),
            });
        }
        let Some(file) = &mut self.file else { return };
        let reached = tenths(done, total);
        // Plain lines are due at the start and at every tenth.
        let is_due = is_new || reached > file.tenths;
        file.tenths = file.tenths.max(reached);
        let elapsed = file.since.elapsed();
        let mut line = format!("{name}: {}", amount(done, total));
        if is_new && resumed_from > 0 {
            line += ", going on from there";
        }
        if !self.bar.is_hidden() {
            line += &speed(done - resumed_from.min(done), done, total, elapsed);
        }
        self.line(&line, is_due);
    }
}

fn tenths(done: u64, total: Option<u64>) -> u64 {
    match total {
        Some(total) if total > 0 => done.saturating_mul(TENTHS) / total,
        _ => 0,
    }
}

fn amount(done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) if total > 0 => format!(
            "{} of {}, {} %",
            megabytes(done),
            megabytes(total),
            done.saturating_mul(100) / total
        ),
        _ => megabytes(done),
    }
}

/// Formats the speed and the remaining time; empty in the first second.
fn speed(arrived: u64, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let Some(rate) = arrived.checked_div(seconds).filter(|rate| *rate > 0) else {
        return String::new();
    };
    let mut text = format!(", {}/s", megabytes(rate));
    if let Some(total) = total {
        let left = total.saturating_sub(done) / rate;
        text += &match left {
            0..60 => format!(", {left} s left"),
            _ => format!(", {} min left", left.div_ceil(60)),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_speeds_read_well() {
        assert_eq!(
            amount(212_400_000, Some(652_000_000)),
            "212.4 MB of 652.0 MB, 32 %"
        );
        assert_eq!(amount(1_500, None), "1 kB");
        assert_eq!(amount(0, Some(0)), "0 B");
        let second = Duration::from_secs(1);
        assert_eq!(
            speed(2_000_000, 2_000_000, Some(8_000_000), second),
            ", 2.0 MB/s, 3 s left"
        );
        assert_eq!(
            speed(1_000_000, 0, Some(652_000_000), second),
            ", 1.0 MB/s, 11 min left"
        );
        assert_eq!(speed(1, 1, None, Duration::ZERO), "");
    }
}
