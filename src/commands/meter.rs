//! Shows the progress of downloads and other long work on standard error: one redrawn line on a terminal, else plain lines. It
//! uses no colour.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::core::text::{megabytes, sanitize, truncate};
use crate::engine::hub::Progress;

/// The shortest interval between redraws.
const REDRAW: Duration = Duration::from_millis(100);
/// The number of parts of a file, each of which gets a plain line.
const TENTHS: u64 = 10;
/// The width assumed for a terminal of unknown width.
const DEFAULT_WIDTH: u16 = 80;

/// A progress display.
pub(super) struct Meter {
    is_terminal: bool,
    drawn: Option<Instant>,
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
    pub(super) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_terminal: std::io::stderr().is_terminal() && !is_dumb,
            drawn: None,
            file: None,
        }
    }

    /// Shows a step of a download.
    pub(super) fn show(&mut self, step: Progress<'_>) {
        match step {
            Progress::Looking { repo } => self.say(&format!("{repo}: asking what it holds"), true),
            Progress::Waiting { name } => self.say(
                &format!("{name}: another program is downloading it; waiting"),
                true,
            ),
            Progress::Verifying { name } => self.say(&format!("{name}: verifying"), true),
            Progress::File {
                name,
                done,
                total,
                resumed_from,
            } => self.file(name, done, total, resumed_from),
        }
    }

    /// Shows a line on other work; without a terminal only if `is_due`.
    pub(super) fn line(&mut self, line: &str, is_due: bool) {
        self.say(line, is_due);
    }

    /// Clears the line.
    pub(super) fn finish(&mut self) {
        if self.drawn.take().is_some() {
            write("\r\u{1b}[K");
        }
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
        if self.is_terminal {
            line += &speed(done - resumed_from.min(done), done, total, elapsed);
        }
        self.say(&line, is_due);
    }

    /// Redraws the line on a terminal, or writes a plain line if `is_due`.
    fn say(&mut self, line: &str, is_due: bool) {
        let line = sanitize(line);
        if !self.is_terminal {
            if is_due {
                write(&format!("{line}\n"));
            }
            return;
        }
        if !is_due && self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        self.drawn = Some(Instant::now());
        let width = crossterm::terminal::size().map_or(DEFAULT_WIDTH, |(width, _)| width);
        let width = usize::from(width.max(2)) - 1;
        write(&format!("\r{}\u{1b}[K", truncate(&line, width)));
    }
}

/// Writes to standard error. Write errors are ignored.
fn write(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
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
