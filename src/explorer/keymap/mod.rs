//! Key bindings: context x key -> action as data, with the reverse look-up that all key hints come from.

pub mod key;

pub use key::{Code, Key};

use crate::explorer::app::action::{Action, Context};

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
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::explorer::app::action::Program;

    impl Keymap {
        /// Replaces the keys of an action.
        pub(crate) fn rebind(&mut self, action: Action, key: Key) {
            self.bindings.retain(|(_, _, bound)| *bound != action);
            self.bindings.push((action.spec().context, key, action));
        }
    }

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
    fn redrawing_and_suspending_work_in_lists_and_text_fields() {
        let keymap = Keymap::default();
        for (name, action) in [
            ("ctrl-l", Action::Program(Program::Redraw)),
            ("ctrl-z", Action::Program(Program::Suspend)),
        ] {
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
}
