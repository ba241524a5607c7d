//! The overlays on the panes: lists that filter as you type, and prompts for text.

use crate::core::types::{Ablation, AblationValue};
use crate::explorer::app::action::Action;
use crate::explorer::app::dataset::filter::Wrong;
use crate::explorer::app::field::Field;
use crate::explorer::app::search::ListSearch;
use crate::explorer::session::export::Format;
use crate::explorer::session::{Tag, Target};

/// An overlay on the panes.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// A list.
    List(List),
    /// A text field.
    Prompt(Prompt),
}

/// The kind of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// All keys.
    Help,
    /// All commands of the explorer.
    Palette,
    /// The problems.
    Problems,
    /// The models.
    Models,
    /// The tags of a target.
    Tags(Target),
    /// The values that can replace an ablated latent.
    Values,
}

/// An open list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The kind of list.
    pub kind: ListKind,
    /// The query.
    pub filter: Field,
    /// The selected entry.
    pub selected: usize,
    /// The state of the search in the problems.
    pub(super) search: ListSearch,
}

/// The effect of choosing an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Perform an action.
    Act(Action),
    /// Open a problem.
    Open(usize),
    /// Load a model.
    Load(String),
    /// Set or remove a tag.
    Tag(Target, Tag),
    /// Set the replacement value.
    Value(AblationValue),
}

/// One entry of a list; texts may be untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The heading, name or number in front of the text.
    pub lead: String,
    /// The text.
    pub text: String,
    /// A short remark at the end.
    pub remark: String,
    /// Another name to search by, not shown.
    pub name: &'static str,
    /// Why it cannot be chosen, if it cannot.
    pub disabled: Option<&'static str>,
    /// The effect of choosing it.
    pub choice: Choice,
}

/// The text that a prompt asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptKind {
    /// The open question, to be changed.
    EditQuestion,
    /// A new question.
    NewQuestion,
    /// A note.
    Note(Target),
    /// The donor: a problem of the reference set, and a latent.
    Donor,
    /// A range of layers.
    Layers,
    /// A filter expression, with its syntax error once it was submitted.
    Filter(Option<Wrong>),
    /// The folder of a run to open.
    OpenRun,
    /// The options of a run to start.
    StartRun,
    /// The path of an export.
    Export(Format),
    /// The word `yes`, before a file is replaced.
    Overwrite {
        /// The format of the export.
        format: Format,
        /// The file.
        path: String,
    },
}

/// An open prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The text it asks for.
    pub kind: PromptKind,
    /// The text.
    pub field: Field,
    /// The initial text.
    pub offered: String,
}

impl Prompt {
    /// Creates a prompt with its initial text.
    #[must_use]
    pub fn new(kind: PromptKind, field: Field) -> Self {
        let offered = field.text().to_owned();
        Self {
            kind,
            field,
            offered,
        }
    }
}

impl List {
    /// Creates a list with an empty query.
    #[must_use]
    pub fn new(kind: ListKind) -> Self {
        Self {
            kind,
            filter: Field::default(),
            selected: 0,
            search: ListSearch::default(),
        }
    }
}

/// Returns the latents that are off: `2, 4`, or `none`.
#[must_use]
pub fn ablation_name(ablation: &Ablation) -> String {
    if ablation.is_clean() {
        return "none".to_owned();
    }
    let off: Vec<String> = ablation.off.iter().map(ToString::to_string).collect();
    off.join(", ")
}
