//! The pages that replace the run's panes, and the initial cursor of each.

use crate::core::types::StudyKind;

/// The content of the screen's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Page {
    /// The run with its panes.
    #[default]
    Run,
    /// The sweep: every latent, necessary and sufficient, by every value.
    Sweep,
    /// The lattice: every set of latents.
    Lattice,
    /// Influences of latents on later latents and on the answer.
    Influence,
    /// The answer after every number of latents.
    Exits,
    /// Two runs side by side.
    Compare,
    /// The logit lens after every layer.
    Layers,
    /// The evidence for the verdict.
    Evidence,
    /// A run over many problems.
    Data,
}

impl Page {
    /// Returns its name on screen.
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

    /// Returns its initial cursor: the first informative cell.
    #[must_use]
    pub fn start(self) -> At {
        // A latent influences only later ones.
        let column = usize::from(self == Self::Influence);
        At { row: 0, column }
    }

    /// Returns the study it shows, if any.
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
    /// The row.
    pub row: usize,
    /// The column.
    pub column: usize,
}

/// The left side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Left {
    /// The clean run of this problem, against the current ablation.
    #[default]
    Clean,
    /// The previous run, against the clean run of this problem.
    Previous,
}
