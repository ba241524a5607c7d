//! Converts panics of third-party code on bad files to errors.
//!
//! The tokenizer library panics on some tokenizer.json files, such as a merge of two words longer than any in the vocabulary, or a
//! decoder that strips more than exists. Such files must be rejected like any other bad file.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is caught here and should not be reported.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a call; returns `None` if it panicked. The call must not leave shared state inconsistent.
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
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    result.ok()
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
