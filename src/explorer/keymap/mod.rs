//! Key bindings: context x key -> action as data, with the reverse look-up that all key hints come from.

pub mod key;

pub use key::{Code, Key};

use crate::explorer::app::action::{Action, Context};

/// A key that is already bound in its context.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The context.
    pub context: Context,
    /// The key.
    pub key: Key,
    /// The action it is bound to.
    pub taken_by: Action,
}

/// The current bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Context, Key, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = Action::ALL
            .iter()
            .flat_map(|action| {
                let spec = action.spec();
                spec.keys
                    .iter()
                    .filter_map(move |name| Some((spec.context, name.parse().ok()?, *action)))
            })
            .collect();
        Self { bindings }
    }
}

impl Keymap {
    /// Returns the action of a key in a context.
    #[must_use]
    pub fn lookup(&self, context: Context, key: Key) -> Option<Action> {
        let own = self.bound(context, key);
        match context {
            Context::Page => own.or_else(|| self.bound(Context::Main, key)),
            Context::Data => own.or_else(|| self.lookup(Context::Page, key)),
            Context::List | Context::Text => own.or_else(|| {
                self.bound(Context::Main, key)
                    .filter(|action| action.works_everywhere())
            }),
            Context::Main => own,
        }
    }

    /// Returns the action that a context itself binds to a key.
    fn bound(&self, context: Context, key: Key) -> Option<Action> {
        self.bindings
            .iter()
            .find(|(c, k, _)| *c == context && *k == key)
            .map(|(_, _, action)| *action)
    }

    /// Returns the keys of an action, the preferred one first.
    pub fn keys_of(&self, action: Action) -> impl Iterator<Item = Key> {
        self.bindings
            .iter()
            .filter(move |(_, _, a)| *a == action)
            .map(|(_, key, _)| *key)
    }

    /// Replaces the keys of an action.
    ///
    /// # Errors
    /// The key that another action has in the same context; nothing is changed then.
    #[cfg(test)]
    pub fn rebind(&mut self, action: Action, keys: &[Key]) -> Result<(), Conflict> {
        let context = action.spec().context;
        for key in keys {
            if let Some(taken_by) = self.bound(context, *key).filter(|a| *a != action) {
                return Err(Conflict {
                    context,
                    key: *key,
                    taken_by,
                });
            }
        }
        self.bindings.retain(|(_, _, a)| *a != action);
        self.bindings
            .extend(keys.iter().map(|key| (context, *key, action)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_key_parses_and_is_bound_once_per_context() {
        let mut seen = HashSet::new();
        for action in Action::ALL {
            let spec = action.spec();
            for name in spec.keys {
                let key: Key = name.parse().expect("a default key must parse");
                assert!(
                    seen.insert((spec.context, key)),
                    "{name} is bound twice in {:?}",
                    spec.context
                );
            }
        }
    }

    #[test]
    fn rebinding_shows_up_in_both_directions() {
        let mut keymap = Keymap::default();
        let key: Key = "ctrl-t".parse().expect("valid");
        keymap
            .rebind(Action::ToggleLatent, &[key])
            .expect("the key is free");
        assert_eq!(
            keymap.lookup(Context::Main, key),
            Some(Action::ToggleLatent)
        );
        assert_eq!(
            keymap.keys_of(Action::ToggleLatent).collect::<Vec<_>>(),
            [key]
        );
        assert_eq!(
            keymap.lookup(Context::Main, Key::plain(Code::Char(' '))),
            None
        );
    }

    #[test]
    fn redrawing_and_suspending_work_in_lists_and_text_fields() {
        let keymap = Keymap::default();
        for (name, action) in [("ctrl-l", Action::Redraw), ("ctrl-z", Action::Suspend)] {
            let key: Key = name.parse().expect("valid");
            for context in [
                Context::Main,
                Context::Page,
                Context::Data,
                Context::List,
                Context::Text,
            ] {
                assert_eq!(keymap.lookup(context, key), Some(action), "{context:?}");
            }
        }
        let q = Key::plain(Code::Char('q'));
        assert_eq!(keymap.lookup(Context::Text, q), None);
    }

    #[test]
    fn a_taken_key_is_refused_and_named() {
        let mut keymap = Keymap::default();
        let before = keymap.clone();
        let key = Key::plain(Code::Char('a'));
        assert_eq!(
            keymap.rebind(Action::ToggleLatent, &[key]),
            Err(Conflict {
                context: Context::Main,
                key,
                taken_by: Action::ToggleAll,
            })
        );
        assert_eq!(keymap, before);
    }
}
