//! A run over a data set as a table: its problems, the filter, the order, and their statistics.

mod command;
pub(super) mod enabled;
pub mod figures;
pub mod filter;
pub mod on_dataset;
pub mod protocol;
mod sort;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::core::problem::Split;
use crate::core::stats::Share;
use crate::core::types::{ModelInfo, Rung};
use crate::explorer::app::App;
use crate::explorer::session::store::Noted;
use crate::explorer::session::{Note, Session, SessionKey};
use crate::lab::rows::RowsHeader;
use crate::lab::rows::calibration::Calibration;
use crate::lab::rows::summary::{RunItem, key};

pub use figures::Figures;
pub use filter::Filter;
pub use protocol::{RunEvent, RunRequest};
pub use sort::Column;

/// The data-set view and its run.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// The open run.
    pub run: Option<OpenRun>,
    /// The folder that is being opened, until its header is read.
    pub opening: Option<PathBuf>,
    /// Whether the explorer is computing a run.
    pub work: RunActivity,
    /// Why the run cannot be read or failed, in one line.
    pub failure: Option<String>,
    /// The filter on the problems shown.
    pub filter: Filter,
    /// The column they are sorted by.
    pub sort: Column,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// The problems shown, in order, as indices into the run's items.
    pub shown: Vec<usize>,
    /// The row under the cursor.
    pub row: usize,
    /// The index of the open problem if it was opened from the table: its neighbours are then those of the table.
    pub(super) open: Option<usize>,
    /// The statistics of the shown problems.
    pub figures: Figures,
    /// Whether the statistics fill the page.
    pub only_figures: bool,
    /// The notes on each problem, by the key of its question.
    pub notes: HashMap<u64, Vec<Note>>,
    /// The saved sessions with notes, by the key of the question.
    saved: HashMap<u64, Vec<Noted>>,
    /// The folder of runs started from here.
    pub runs_folder: PathBuf,
    /// The problem file that the explorer was given.
    pub data: Option<PathBuf>,
    /// Calibrations of models, for use without a run of theirs.
    pub calibrations: Vec<Calibration>,
    /// The model and the options that the current run was started with.
    started: Option<(String, String)>,
    /// Distinguishes events of the open run from those of earlier ones.
    ticket: u64,
}

/// A run that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// Its folder.
    pub folder: PathBuf,
    /// How its rows were computed.
    pub header: Box<RowsHeader>,
    /// The number of problems of the complete run.
    pub of: usize,
    /// The problems read so far, in the order of the file.
    pub items: Vec<RunItem>,
    /// Whether all rows present at opening have been read.
    pub is_read: bool,
}

/// Whether the explorer is computing a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunActivity {
    /// No.
    #[default]
    None,
    /// A run was started.
    Running,
    /// The run was told to stop and is finishing its current work.
    Pausing,
}

/// How often answers are right at the rung of the open verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct RightAtRung {
    /// The rung.
    pub rung: Rung,
    /// The right answers among those with a known gold answer.
    pub right: Share,
    /// Whether the open problem is in the set and was left out of the count.
    pub others: bool,
    /// The origin of the problems counted.
    pub origin: String,
}

impl OpenRun {
    /// Returns the name of its folder; untrusted text.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or(self.folder.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Returns whether it holds a problem, identified by the key of its question.
    #[must_use]
    pub fn holds(&self, key: u64) -> bool {
        self.items.iter().any(|item| item.key == key)
    }

    /// Returns whether it holds every problem.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.items.len() >= self.of
    }
}

impl Dataset {
    /// Returns the ticket that marks events of the open run.
    #[cfg(test)]
    pub(crate) fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Returns the problem under the cursor.
    #[must_use]
    pub fn item(&self) -> Option<&RunItem> {
        let at = *self.shown.get(self.row)?;
        self.run.as_ref()?.items.get(at)
    }

    /// Returns the row after or before that of a problem as filtered and sorted, from the cursor if the problem is not shown.
    #[must_use]
    pub fn neighbour(&self, index: usize, next: bool) -> Option<usize> {
        let items = &self.run.as_ref()?.items;
        let mut shown = self.shown.iter();
        let at = shown.position(|at| items.get(*at).is_some_and(|item| item.index == index));
        let row = match (at, next) {
            (Some(at), true) => at + 1,
            (Some(at), false) => at.checked_sub(1)?,
            (None, true) => self.row,
            (None, false) => self.row.checked_sub(1)?,
        };
        (row < self.shown.len()).then_some(row)
    }

    /// Updates the shown problems after a change of items, filter or order; the cursor stays on its problem if that is still shown.
    fn refresh(&mut self) {
        let Some(run) = &self.run else {
            self.shown.clear();
            self.figures = Figures::default();
            self.row = 0;
            return;
        };
        let under = self.shown.get(self.row).copied();
        let items = &run.items;
        let mut shown: Vec<usize> = (0..items.len())
            .filter(|at| {
                let item = &items[*at];
                let notes = self.notes.get(&item.key).map_or(&[][..], Vec::as_slice);
                self.filter.admits(item, notes)
            })
            .collect();
        sort::sort(&mut shown, items, self.sort, self.reversed, &self.notes);
        self.figures = Figures::of(shown.iter().map(|at| &items[*at]));
        let kept = under.and_then(|under| shown.iter().position(|at| *at == under));
        self.row = kept.unwrap_or(self.row).min(shown.len().saturating_sub(1));
        self.shown = shown;
    }
}

/// Explains how the loaded model differs from the run's; `None` if it matches.
#[must_use]
pub fn differs(info: &ModelInfo, header: &RowsHeader) -> Option<String> {
    let made = &header.model;
    if let Some(control) = &header.control {
        return Some(format!("the run is a control ({control})"));
    }
    if made.sha256 != info.sha256 {
        let short = |sha: &str| sha.chars().take(8).collect::<String>();
        return Some(format!(
            "the run is of {} ({}), not of the loaded model ({})",
            made.name,
            short(&made.sha256),
            short(&info.sha256)
        ));
    }
    [
        ("precision", &made.dtype, &info.dtype),
        ("behaviour", &made.behaviour, &info.behaviour),
    ]
    .into_iter()
    .find(|(_, a, b)| a != b)
    .map(|(what, a, b)| format!("{what} is {a} in the run and {b} here"))
    .or_else(|| {
        let (a, b) = (header.settings.latents, info.n_latents);
        (a != b).then(|| format!("the run has {a} latents, the loaded model {b}"))
    })
}

impl App {
    /// Collects the notes on each problem by the key of its question. An open session takes precedence over its saved notes.
    fn all_notes(&self) -> HashMap<u64, Vec<Note>> {
        let own: Vec<&Session> = self.sessions().collect();
        let open_here: HashSet<SessionKey> = own.iter().map(|session| session.key()).collect();
        let mut notes: HashMap<u64, Vec<Note>> = HashMap::new();
        for (key, saved) in &self.dataset.saved {
            let mut there: Vec<Note> = Vec::new();
            for saved in saved.iter().filter(|saved| !open_here.contains(&saved.key)) {
                // Several files may hold the same note.
                let new = saved.notes.iter().filter(|note| !there.contains(note));
                let new: Vec<Note> = new.cloned().collect();
                there.extend(new);
            }
            if !there.is_empty() {
                notes.insert(*key, there);
            }
        }
        for session in own.iter().filter(|session| !session.notes.is_empty()) {
            let there = notes.entry(key(session.question())).or_default();
            there.extend(session.notes.iter().cloned());
        }
        notes
    }

    /// Returns the newest note on a problem.
    #[must_use]
    pub fn last_note(&self, item: &RunItem) -> Option<&Note> {
        let notes = self.dataset.notes.get(&item.key)?;
        notes.iter().max_by_key(|note| note.written_at)
    }

    /// Returns how often answers are right at the rung of the open verdict, among problems like the open one: those of the open run
    /// if it contains the open problem, or else those of a calibration of the model that covers it. Returns `None` if there are no such
    /// figures, or if no other answer at this rung is known to be right or wrong.
    #[must_use]
    pub fn calibration(&self) -> Option<RightAtRung> {
        let info = self.model.info()?;
        let rung = self.run.session.verdict.as_ref()?.rung;
        let open = key(self.run.session.question());
        let run = self.dataset.run.as_ref();
        if let Some(run) = run.filter(|run| run.holds(open) && differs(info, &run.header).is_none())
        {
            let known = run.items.iter();
            let known = known.filter_map(|item| Some((item.key, item.rung()?, item.correct?)));
            return right_at(rung, open, known, &run.header.data.origin);
        }
        let mut own = self.dataset.calibrations.iter();
        let own = own.find(|own| own.is_of(info) && self.belongs_to(own, open))?;
        right_at(rung, open, own.verdicts(), &own.data.origin)
    }

    /// Returns whether the open problem is in a calibration or comes from the same distribution: it is listed among the generated
    /// problems or in the open run, with the same task and split.
    fn belongs_to(&self, calibration: &Calibration, open: u64) -> bool {
        let data = &calibration.data;
        let is_listed = || {
            let split = self.library.split.map(Split::name);
            let mut listed = self.library.problems.iter();
            split.is_some()
                && split == data.split()
                && listed.any(|problem| problem.question == self.run.session.question())
        };
        let is_in_run = || {
            let run = self.dataset.run.as_ref();
            run.is_some_and(|run| run.holds(open) && run.header.data.is_like(data))
        };
        calibration.verdicts().any(|(key, ..)| key == open) || is_listed() || is_in_run()
    }
}

/// Counts the right answers among the verdicts at a rung, without the open problem.
fn right_at(
    rung: Rung,
    open: u64,
    verdicts: impl Iterator<Item = (u64, Rung, bool)>,
    origin: &str,
) -> Option<RightAtRung> {
    let (mut n, mut hits, mut others) = (0, 0, false);
    for (key, at, is_right) in verdicts {
        if key == open {
            others = true;
        } else if at == rung {
            n += 1;
            hits += usize::from(is_right);
        }
    }
    (n > 0).then(|| RightAtRung {
        rung,
        right: Share::new(hits, n),
        others,
        origin: origin.to_owned(),
    })
}
