//! Counts comparisons and keeps the largest difference and the first failure of each item.

use serde::Serialize;

use super::TOLERANCE;

/// The comparisons of one kind over all questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedItem {
    /// The compared quantity.
    pub name: &'static str,
    /// Number of values or lists compared.
    pub compared: usize,
    /// Number of those that differ.
    pub failed: usize,
    /// The largest absolute difference, for numbers.
    pub largest_difference: Option<f64>,
    /// The largest difference relative to the larger of 1 and the expected magnitude.
    pub largest_relative: Option<f64>,
    /// The first difference, with its place.
    pub first_failure: Option<String>,
}

/// The items in the order of their first comparison.
#[derive(Debug, Default)]
pub(super) struct Comparisons {
    items: Vec<ComparedItem>,
}

impl Comparisons {
    fn item(&mut self, name: &'static str) -> &mut ComparedItem {
        let at = self.items.iter().position(|item| item.name == name);
        let at = at.unwrap_or_else(|| {
            self.items.push(ComparedItem {
                name,
                compared: 0,
                failed: 0,
                largest_difference: None,
                largest_relative: None,
                first_failure: None,
            });
            self.items.len() - 1
        });
        &mut self.items[at]
    }

    /// Compares numbers; a non-finite number never agrees.
    pub(super) fn number(&mut self, name: &'static str, place: &str, actual: f64, expected: f64) {
        let difference = (actual - expected).abs();
        let relative = difference / expected.abs().max(1.0);
        let item = self.item(name);
        item.compared += 1;
        let larger = |old: Option<f64>, new: f64| Some(old.map_or(new, |old| old.max(new)));
        item.largest_difference = larger(item.largest_difference, difference);
        item.largest_relative = larger(item.largest_relative, relative);
        // NaN must fail.
        if relative.is_nan() || relative > TOLERANCE {
            item.fail(|| format!("{place}: {actual} for {expected}"));
        }
    }

    /// Compares values that must be equal.
    pub(super) fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        name: &'static str,
        place: &str,
        actual: &T,
        expected: &T,
    ) {
        let item = self.item(name);
        item.compared += 1;
        if actual != expected {
            item.fail(|| format!("{place}: {actual:?} for {expected:?}"));
        }
    }

    pub(super) fn into_items(self) -> Vec<ComparedItem> {
        self.items
    }
}

impl ComparedItem {
    fn fail(&mut self, what: impl Fn() -> String) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_kept_and_the_first_failure_is_named() {
        let mut tally = Comparisons::default();
        tally.number("n", "a", 100.05, 100.0);
        tally.number("n", "b", 0.002, 0.0);
        tally.number("n", "c", f64::NAN, 0.0);
        tally.same("s", "d", &[1, 2], &[1, 2]);
        let items = tally.into_items();
        assert_eq!((items[0].compared, items[0].failed), (3, 2));
        assert!(
            items[0]
                .first_failure
                .as_ref()
                .is_some_and(|f| f.starts_with("b: "))
        );
        assert_eq!((items[1].compared, items[1].failed), (1, 0));
    }
}
