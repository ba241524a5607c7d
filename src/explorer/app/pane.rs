//! The panes that can be focused, and how much of one fits on the screen.

/// A pane with its own focus and scroll position; the timeline always follows the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pane {
    /// The question.
    Problem,
    /// The token under the cursor.
    #[default]
    Detail,
    /// Clean answer against current answer.
    Answer,
    /// The verdict.
    Verdict,
    /// Notes and tags.
    Notes,
}

impl Pane {
    /// Every pane in the order of the Tab key.
    pub const ALL: [Self; 5] = [
        Self::Problem,
        Self::Detail,
        Self::Answer,
        Self::Verdict,
        Self::Notes,
    ];
    /// The panes that share the tabbed part of small screens.
    pub const TABS: [Self; 4] = [Self::Detail, Self::Answer, Self::Verdict, Self::Notes];

    /// Returns its name on screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Problem => "Problem",
            Self::Detail => "Detail",
            Self::Answer => "Answer",
            Self::Verdict => "Verdict",
            Self::Notes => "Notes",
        }
    }

    /// Returns the next or previous pane, wrapping around.
    #[must_use]
    pub fn cycled(self, forward: bool) -> Self {
        let n = Self::ALL.len();
        let step = if forward { 1 } else { n - 1 };
        let at = Self::ALL.iter().position(|pane| *pane == self);
        Self::ALL[(at.unwrap_or(0) + step) % n]
    }
}

/// How much of the open page, or else of the focused pane, fits on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fit {
    /// Rows of the content; on the lattice page, rows of one column.
    pub rows: usize,
    /// Rows that fit.
    pub height: usize,
}

impl Fit {
    /// Returns the rows to go by for a screenful: one stays in view.
    #[must_use]
    pub fn page(self) -> usize {
        self.height.saturating_sub(1).max(1)
    }
}
