//! What can lie over the panes: lists that filter as you type, and prompts for text.

use crate::core::types::{Ablation, AblationValue};
use crate::explorer::app::action::Action;
use crate::explorer::app::dataset::filter::Wrong;
use crate::explorer::app::field::Field;
use crate::explorer::app::search::Search;
use crate::explorer::session::export::Format;
use crate::explorer::session::{Tag, Target};

/// What lies over the panes.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// A list.
    List(List),
    /// A text field.
    Prompt(Prompt),
}

/// Which list.
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
    /// What a latent that is off can be replaced by.
    Values,
}

/// An open list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// Which one.
    pub kind: ListKind,
    /// What was typed.
    pub filter: Field,
    /// The selected entry.
    pub selected: usize,
    /// How far the problems were searched for it.
    pub(super) search: Search,
}

/// What choosing an entry does.
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
    /// Replace latents by this.
    Value(AblationValue),
}

/// One entry of a list; texts may be foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The heading it belongs under, or a short mark.
    pub lead: String,
    /// The text.
    pub text: String,
    /// A short remark at the end.
    pub remark: String,
    /// Another name to find it by, not shown.
    pub name: &'static str,
    /// Why it cannot be chosen, if so.
    pub disabled: Option<&'static str>,
    /// What choosing it does.
    pub choice: Choice,
}

/// What a prompt asks for.
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
    /// An expression that picks problems, and what is wrong with it once it was tried.
    Filter(Option<Wrong>),
    /// The folder of a run to open.
    OpenRun,
    /// The options of a run to start.
    StartRun,
    /// The path of an export.
    Export(Format),
    /// The word `yes`, before a file is replaced.
    Overwrite {
        /// As what the session is exported.
        format: Format,
        /// The file.
        path: String,
    },
}

/// An open prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// What it asks for.
    pub kind: PromptKind,
    /// The text.
    pub field: Field,
    /// The text that it was opened with.
    pub offered: String,
}

impl Prompt {
    /// A prompt with the text that it offers.
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
    /// A list with nothing typed yet.
    #[must_use]
    pub fn new(kind: ListKind) -> Self {
        Self {
            kind,
            filter: Field::default(),
            selected: 0,
            search: Search::default(),
        }
    }
}

/// The latents that are off: `2, 4`, or `none`.
#[must_use]
pub fn ablation_name(ablation: &Ablation) -> String {
    if ablation.is_clean() {
        return "none".to_owned();
    }
    let off: Vec<String> = ablation.off.iter().map(ToString::to_string).collect();
    off.join(", ")
}
