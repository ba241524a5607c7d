//! The panes that can be focused, and their sizes in the last frame.

/// A pane with its own focus and scroll position; the timeline always follows the cursor.
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

    /// Returns its index in `ALL`.
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

    /// Returns the next or previous pane, wrapping around.
    #[must_use]
    pub fn cycled(self, forward: bool) -> Self {
        let n = Self::ALL.len();
        let step = if forward { 1 } else { n - 1 };
        Self::ALL[(self.index() + step) % n]
    }
}

/// The sizes of the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Rows available to each pane.
    pub height: [usize; Pane::ALL.len()],
    /// Largest useful scroll position of each pane.
    pub max_scroll: [usize; Pane::ALL.len()],
    /// Rows of the open page; on the lattice page, rows of one column.
    pub page_rows: usize,
    /// Rows of the page that fit on the screen.
    pub page_height: usize,
}
