//! Calls code of others that may panic on a bad file, and makes a plain answer of the panic.
//!
//! The tokenizer library indexes and unwraps its way through a tokenizer.json: a merge of two words longer than any in
//! the vocabulary, or a decoder that strips more than there is, panics. Such a file is to be refused like any other.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is caught here, and nobody needs to hear of it.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a call; nothing if it panicked. The call must leave nothing half done that is used afterwards.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                previous(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_nothing_and_the_next_call_runs() {
        assert_eq!(guarded(|| [1, 2][std::hint::black_box(2)]), None);
        assert!(!GUARDED.get());
        assert_eq!(guarded(|| 3), Some(3));
    }
}
