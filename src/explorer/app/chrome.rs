//! What surrounds the contents on screen: the page and the pane, lists and prompts over them, and messages.

use std::collections::HashMap;

use crate::explorer::app::drafts::Drafts;
use crate::explorer::app::{Overlay, Page, Pane};

/// What surrounds the contents on screen.
#[derive(Debug, Default)]
pub struct Chrome {
    /// The page shown.
    pub page: Page,
    /// The pane that scrolls, copies and takes notes.
    pub focus: Pane,
    /// The pane shown in the tabbed part of small screens.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub zoomed: bool,
    /// The first visible row of each pane that was scrolled; drawing stops at the last one that fills the pane.
    pub scroll: HashMap<Pane, usize>,
    /// The list or prompt over the panes.
    pub overlay: Option<Overlay>,
    pub(super) drafts: Drafts,
    /// A passing message.
    pub notice: Option<Notice>,
    /// A failure that stays on screen.
    pub failure: Option<Failure>,
    /// Whether one more Ctrl-C quits.
    pub quit_armed: bool,
    /// Whether the screen is out of date.
    pub dirty: bool,
}

/// The tone of a message in the status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Info,
    /// Something could not be done.
    Warning,
}

/// A message in the status line that disappears by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The message.
    pub text: String,
    /// Its tone.
    pub tone: Tone,
    /// When it disappears, on the clock of the ticks.
    pub until_ms: u64,
}

/// A failure that stays on screen until it is retried or dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error message.
    pub message: String,
    /// A hint on what to do next.
    pub hint: String,
    /// The model that failed to load while the previous one stays loaded.
    pub model: Option<String>,
}
