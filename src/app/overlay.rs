//! What can lie over the panes: lists that filter as you type, and prompts for text. Their entries are computed
//! from the state, so that they can never disagree with it.

use std::ops::Range;

use crate::app::action::Action;
use crate::app::dataset::filter::Wrong;
use crate::app::field::Field;
use crate::app::filter::score;
use crate::app::on_action::enabled;
use crate::app::on_manner::meaning;
use crate::app::page::Page;
use crate::app::search::Search;
use crate::app::{App, Model, Place};
use crate::keymap::Context;
use crate::problem::Problem;
use crate::rows::summary::key;
use crate::session::export::Format;
use crate::session::{Tag, Target};
use crate::text::count;
use crate::trace::{Ablation, AblationValue};

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
    search: Search,
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

    /// How many entries match what was typed, as far as they were looked at.
    #[must_use]
    pub fn len(&self, app: &App) -> usize {
        match self.kind {
            ListKind::Problems => {
                self.search.len(app.library.problems.len()) + self.models_below(app).len()
            }
            _ => self.matching(app).len(),
        }
    }

    /// The entries that match what was typed, best first, in a range of rows.
    #[must_use]
    pub fn entries(&self, app: &App, rows: Range<usize>) -> Vec<Entry> {
        if self.kind != ListKind::Problems {
            let entries = self.matching(app).into_iter();
            return entries.skip(rows.start).take(rows.len()).collect();
        }
        let n = self.search.len(app.library.problems.len());
        let places = (rows.start..rows.end.min(n)).filter_map(|row| self.search.place(row));
        let problems = places.filter_map(|place| problem_entry(app, place));
        let models = self.models_below(app).into_iter();
        let models = models.skip(rows.start.saturating_sub(n));
        problems.chain(models).take(rows.len()).collect()
    }

    /// Whether every entry was looked at.
    #[must_use]
    pub fn is_searched(&self, app: &App) -> bool {
        self.kind != ListKind::Problems || self.search.is_done(app.library.problems.len())
    }

    /// Looks at the next portion of the problems.
    pub(super) fn search_on(&mut self, problems: &[Problem]) {
        self.search.set(self.filter.text(), problems.len());
        self.search.go_on(problems.len(), |place| {
            let problem = &problems[place];
            format!("{} {} {place}", problem.question, steps(problem))
        });
    }

    /// The entries of a short list.
    fn matching(&self, app: &App) -> Vec<Entry> {
        let query = self.filter.text();
        let mut scored: Vec<(i32, Entry)> = self
            .all_entries(app)
            .into_iter()
            .filter_map(|entry| {
                let text = format!(
                    "{} {} {} {}",
                    entry.text, entry.remark, entry.lead, entry.name
                );
                Some((score(query, &text)?, entry))
            })
            .collect();
        if !query.is_empty() {
            scored.sort_by_key(|(score, _)| -score);
        }
        let mut entries: Vec<Entry> = scored.into_iter().map(|(_, entry)| entry).collect();
        if self.kind == ListKind::Models {
            entries.extend(typed_model(query.trim(), &entries));
        }
        entries
    }

    /// The models that the problems' query names: whoever opens something may mean a model.
    fn models_below(&self, app: &App) -> Vec<Entry> {
        let query = self.filter.text();
        if query.is_empty() {
            return Vec::new();
        }
        let models = model_entries(app).into_iter();
        let found = models.filter(|entry| score(query, &entry.lead).is_some());
        let below = found.map(|entry| Entry {
            text: format!("{}: {}", entry.lead, entry.text),
            lead: "model".to_owned(),
            ..entry
        });
        below.collect()
    }

    fn all_entries(&self, app: &App) -> Vec<Entry> {
        match self.kind {
            ListKind::Help => action_entries(app, |_| true),
            ListKind::Palette => action_entries(app, |action| {
                let context = action.spec().context;
                let is_here = match context {
                    Context::Main => true,
                    Context::Page => app.page != Page::Run,
                    Context::Data => app.page == Page::Data,
                    Context::List | Context::Text => false,
                };
                is_here && action != Action::Palette
            }),
            // They may be many, and are searched by themselves.
            ListKind::Problems => Vec::new(),
            ListKind::Models => model_entries(app),
            ListKind::Tags(target) => tag_entries(app, target),
            ListKind::Values => value_entries(app),
        }
    }
}

fn action_entries(app: &App, wanted: impl Fn(Action) -> bool) -> Vec<Entry> {
    Action::ALL
        .iter()
        .copied()
        .filter(|action| wanted(*action))
        .map(|action| {
            let spec = action.spec();
            let keys: Vec<String> = app.keymap.keys_of(action).map(|k| k.to_string()).collect();
            let remark = match keys.as_slice() {
                [first, .., last] if keys.len() > 3 => format!("{first}-{last}"),
                _ => keys.join(" "),
            };
            Entry {
                lead: spec.section.as_str().to_owned(),
                text: spec.doc.to_owned(),
                remark,
                name: spec.id,
                disabled: enabled(app, action).err(),
                choice: Choice::Act(action),
            }
        })
        .collect()
}

/// The problem at a place of the list, with how many notes there are on it.
fn problem_entry(app: &App, place: usize) -> Option<Entry> {
    let problem = app.library.problems.get(place)?;
    let notes = app.dataset.notes.get(&key(&problem.question));
    let remark = match notes.map_or(0, Vec::len) {
        0 => steps(problem),
        n => format!("{}, {}", count(n, "note"), steps(problem)),
    };
    Some(Entry {
        lead: place.to_string(),
        text: problem.question.clone(),
        remark,
        name: "",
        disabled: None,
        choice: Choice::Open(place),
    })
}

fn steps(problem: &Problem) -> String {
    count(problem.steps.len(), "step")
}

fn model_entries(app: &App) -> Vec<Entry> {
    app.models
        .iter()
        .map(|model| {
            let loaded = model.name == app.model_name && matches!(app.model, Model::Ready { .. });
            let remark = match model.place {
                _ if loaded => "loaded",
                Place::Bundled => "",
                Place::Cached => "on this machine",
                Place::Hub => "download",
            };
            Entry {
                lead: model.name.clone(),
                text: model.about.clone(),
                remark: remark.to_owned(),
                name: "",
                disabled: None,
                choice: Choice::Load(model.name.clone()),
            }
        })
        .collect()
}

/// What was typed, as the model to load: a path, or an id that is not listed.
fn typed_model(query: &str, listed: &[Entry]) -> Option<Entry> {
    let is_listed = listed.iter().any(|entry| entry.lead == query);
    (query.contains('/') && !is_listed).then(|| Entry {
        lead: query.to_owned(),
        text: "what was typed, a path or OWNER/NAME".to_owned(),
        remark: String::new(),
        name: "",
        disabled: None,
        choice: Choice::Load(query.to_owned()),
    })
}

fn tag_entries(app: &App, target: Target) -> Vec<Entry> {
    Tag::ALL
        .into_iter()
        .map(|tag| {
            let set = app
                .session
                .notes
                .iter()
                .any(|note| note.target == target && note.tag == Some(tag));
            Entry {
                lead: String::new(),
                text: tag.as_str().to_owned(),
                remark: if set { "set" } else { "" }.to_owned(),
                name: "",
                disabled: None,
                choice: Choice::Tag(target, tag),
            }
        })
        .collect()
}

fn value_entries(app: &App) -> Vec<Entry> {
    AblationValue::ALL
        .into_iter()
        .map(|value| Entry {
            lead: value.as_str().to_owned(),
            text: meaning(value).to_owned(),
            remark: if value == app.ablation.value {
                "in use"
            } else {
                ""
            }
            .to_owned(),
            name: "",
            disabled: None,
            choice: Choice::Value(value),
        })
        .collect()
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
