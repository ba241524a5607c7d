//! The pages that take the place of the run's panes, and where the cursor stands on each.

use crate::core::types::StudyKind;

/// What the body of the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Page {
    /// The run with its panes.
    #[default]
    Run,
    /// Every latent, necessary and sufficient, by every value.
    Sweep,
    /// Every set of latents.
    Lattice,
    /// Latent to latent and latent to answer.
    Influence,
    /// The answer after every number of latents.
    Exits,
    /// Two runs side by side.
    Compare,
    /// The vocabulary projection after every layer.
    Layers,
    /// What the verdict rests on.
    Evidence,
    /// A run over many problems.
    Data,
}

impl Page {
    /// Every page.
    pub const ALL: [Self; 9] = [
        Self::Run,
        Self::Sweep,
        Self::Lattice,
        Self::Influence,
        Self::Exits,
        Self::Compare,
        Self::Layers,
        Self::Evidence,
        Self::Data,
    ];

    /// Its name on screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Sweep => "Sweep",
            Self::Lattice => "Lattice",
            Self::Influence => "Influence",
            Self::Exits => "Early exits",
            Self::Compare => "Compare",
            Self::Layers => "Layers",
            Self::Evidence => "Evidence",
            Self::Data => "Data set",
        }
    }

    /// Its place in `ALL`.
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|page| *page == self)
            .unwrap_or_default()
    }

    /// The study that it shows, if it shows one.
    #[must_use]
    pub fn study(self) -> Option<StudyKind> {
        match self {
            Self::Sweep => Some(StudyKind::Sweep),
            Self::Lattice => Some(StudyKind::Lattice),
            Self::Influence => Some(StudyKind::Influence),
            Self::Layers => Some(StudyKind::Layers),
            Self::Run | Self::Exits | Self::Compare | Self::Evidence | Self::Data => None,
        }
    }
}

/// The cell under the cursor of a page, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// Which row.
    pub row: usize,
    /// Which column.
    pub column: usize,
}

/// Where the cursors start: on the first cell that says something.
#[must_use]
pub(super) fn starts() -> [At; Page::ALL.len()] {
    let mut starts = [At::default(); Page::ALL.len()];
    // A latent moves only later ones.
    starts[Page::Influence.index()].column = 1;
    starts
}

/// What stands at the left of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Left {
    /// The clean run of this problem, against the current ablation.
    #[default]
    Clean,
    /// The run that was open before, against the clean run of this problem.
    Previous,
}
