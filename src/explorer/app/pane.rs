//! The panes that can be focused, and what the last frame could show of them.

/// A pane with a focus and a scroll position of its own; the timeline always follows the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The question.
    Problem,
    /// The token under the cursor.
    Detail,
    /// Clean answer against current answer.
    Answer,
    /// The verdict.
    Verdict,
    /// Notes and tags.
    Notes,
}

impl Pane {
    /// Every pane in the order of the tab key.
    pub const ALL: [Self; 5] = [
        Self::Problem,
        Self::Detail,
        Self::Answer,
        Self::Verdict,
        Self::Notes,
    ];
    /// The panes that share the tabbed part of small screens.
    pub const TABS: [Self; 4] = [Self::Detail, Self::Answer, Self::Verdict, Self::Notes];

    /// Its name on screen.
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

    /// Its place in `ALL`.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Problem => 0,
            Self::Detail => 1,
            Self::Answer => 2,
            Self::Verdict => 3,
            Self::Notes => 4,
        }
    }

    /// The pane `step` places further, around the end.
    #[must_use]
    pub fn cycled(self, forward: bool) -> Self {
        let n = Self::ALL.len();
        let step = if forward { 1 } else { n - 1 };
        Self::ALL[(self.index() + step) % n]
    }
}

/// How much of each pane the last frame could show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Rows available to each pane.
    pub height: [usize; Pane::ALL.len()],
    /// Largest useful scroll position of each pane.
    pub max_scroll: [usize; Pane::ALL.len()],
    /// Rows of the open page; of the sets, rows of one column.
    pub page_rows: usize,
    /// Rows of it that could be shown at a time.
    pub page_height: usize,
}
