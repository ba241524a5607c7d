//! The entries of a list, computed from the state so that they cannot disagree with it.

use std::ops::Range;

use crate::core::problem::Problem;
use crate::core::text::count;
use crate::core::types::AblationValue;
use crate::explorer::app::action::{Action, Context, Program};
use crate::explorer::app::enabled::enabled;
use crate::explorer::app::filter::score;
use crate::explorer::app::on_ablate::meaning;
use crate::explorer::app::overlay::{Choice, List, ListEntry, ListKind};
use crate::explorer::app::{App, ModelPlace, ModelState, Page};
use crate::explorer::session::{Tag, Target};
use crate::lab::rows::summary::key;

impl List {
    /// Returns the number of entries that match the query, as far as the search has got.
    #[must_use]
    pub fn len(&self, app: &App) -> usize {
        match self.kind {
            ListKind::Problems => {
                self.search.len(app.library.problems.len()) + self.models_below(app).len()
            }
            _ => self.matching(app).len(),
        }
    }

    /// Returns the matching entries in a range of rows, best first.
    #[must_use]
    pub fn entries(&self, app: &App, rows: Range<usize>) -> Vec<ListEntry> {
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

    /// Returns whether the search has finished.
    #[must_use]
    pub fn is_searched(&self, app: &App) -> bool {
        self.kind != ListKind::Problems || self.search.is_done(app.library.problems.len())
    }

    /// Searches the next portion of the problems.
    pub(super) fn search_on(&mut self, problems: &[Problem]) {
        self.search.set(self.filter.text(), problems.len());
        self.search.go_on(problems.len(), |place| {
            let problem = &problems[place];
            format!("{} {} {place}", problem.question, steps(problem))
        });
    }

    /// Returns the matching entries of a short list.
    fn matching(&self, app: &App) -> Vec<ListEntry> {
        let query = self.filter.text();
        let mut scored: Vec<(i32, ListEntry)> = self
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
        let mut entries: Vec<ListEntry> = scored.into_iter().map(|(_, entry)| entry).collect();
        if self.kind == ListKind::Models {
            entries.extend(typed_model(query.trim(), &entries));
        }
        entries
    }

    /// Returns the models that the query of the problem list names: it may be meant for a model.
    fn models_below(&self, app: &App) -> Vec<ListEntry> {
        let query = self.filter.text();
        if query.is_empty() {
            return Vec::new();
        }
        let models = model_entries(app).into_iter();
        let found = models.filter(|entry| score(query, &entry.lead).is_some());
        let below = found.map(|entry| ListEntry {
            text: format!("{}: {}", entry.lead, entry.text),
            lead: "model".to_owned(),
            ..entry
        });
        below.collect()
    }

    fn all_entries(&self, app: &App) -> Vec<ListEntry> {
        match self.kind {
            ListKind::Help => action_entries(app, |_| true),
            ListKind::Palette => action_entries(app, |action| {
                let context = action.spec().context;
                let is_here = match context {
                    Context::Main => true,
                    Context::Page => app.chrome.page != Page::Run,
                    Context::Data => app.chrome.page == Page::Data,
                    Context::List | Context::Text => false,
                };
                is_here && action != Action::Program(Program::Palette)
            }),
            // Possibly many, so they have their own search.
            ListKind::Problems => Vec::new(),
            ListKind::Models => model_entries(app),
            ListKind::Tags(target) => tag_entries(app, target),
            ListKind::Values => value_entries(app),
        }
    }
}

fn action_entries(app: &App, wanted: impl Fn(Action) -> bool) -> Vec<ListEntry> {
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
            ListEntry {
                lead: spec.section.to_owned(),
                text: spec.doc.to_owned(),
                remark,
                name: spec.id,
                disabled: enabled(app, action).err(),
                choice: Choice::Act(action),
            }
        })
        .collect()
}

/// Returns the entry of a problem, with its number of notes.
fn problem_entry(app: &App, place: usize) -> Option<ListEntry> {
    let problem = app.library.problems.get(place)?;
    let notes = app.dataset.notes.get(&key(&problem.question));
    let remark = match notes.map_or(0, Vec::len) {
        0 => steps(problem),
        n => format!("{}, {}", count(n, "note"), steps(problem)),
    };
    Some(ListEntry {
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

fn model_entries(app: &App) -> Vec<ListEntry> {
    app.model
        .choices
        .iter()
        .map(|model| {
            let loaded =
                model.name == app.model.name && matches!(app.model.state, ModelState::Ready { .. });
            let remark = match model.place {
                _ if loaded => "loaded",
                ModelPlace::Bundled => "",
                ModelPlace::Cached => "on this machine",
                ModelPlace::Hub => "download",
            };
            ListEntry {
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

/// Returns the query as a model to load: a path, or an id that is not listed.
fn typed_model(query: &str, listed: &[ListEntry]) -> Option<ListEntry> {
    let is_listed = listed.iter().any(|entry| entry.lead == query);
    (query.contains('/') && !is_listed).then(|| ListEntry {
        lead: query.to_owned(),
        text: "what was typed, a path or OWNER/NAME".to_owned(),
        remark: String::new(),
        name: "",
        disabled: None,
        choice: Choice::Load(query.to_owned()),
    })
}

fn tag_entries(app: &App, target: Target) -> Vec<ListEntry> {
    Tag::ALL
        .into_iter()
        .map(|tag| {
            let set = app
                .run
                .session
                .notes
                .iter()
                .any(|note| note.target == target && note.tag == Some(tag));
            ListEntry {
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

fn value_entries(app: &App) -> Vec<ListEntry> {
    AblationValue::ALL
        .into_iter()
        .map(|value| ListEntry {
            lead: value.as_str().to_owned(),
            text: meaning(value).to_owned(),
            remark: if value == app.run.ablation.value {
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
