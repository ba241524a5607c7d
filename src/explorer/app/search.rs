//! Searches a long list in portions, so that keys are handled promptly however long the list is.

use crate::explorer::app::filter::score;

/// The number of texts in a portion: a few milliseconds of work.
const PORTION: usize = 8_192;

/// The state of a search: the query and the hits so far, best first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListSearch {
    query: String,
    /// The indices of the texts to search; `None` for all.
    among: Option<Vec<usize>>,
    /// The number of them searched.
    seen: usize,
    /// Score and index of each hit: best first, ties in list order.
    hits: Vec<(i32, usize)>,
}

impl ListSearch {
    /// Sets the query. A query that extends a finished one searches only its hits.
    pub fn set(&mut self, query: &str, n: usize) {
        if query == self.query {
            return;
        }
        let narrows = !self.query.is_empty() && query.starts_with(&self.query) && self.is_done(n);
        let among = narrows.then(|| {
            let mut places: Vec<usize> = self.hits.iter().map(|(_, place)| *place).collect();
            places.sort_unstable();
            places
        });
        *self = Self {
            query: query.to_owned(),
            among,
            ..Self::default()
        };
    }

    /// Searches the next portion of `n` texts.
    pub fn go_on(&mut self, n: usize, text: impl Fn(usize) -> String) {
        let end = (self.seen + PORTION).min(self.of(n));
        let before = self.hits.len();
        for at in self.seen..end {
            let place = self.among.as_ref().map_or(at, |among| among[at]);
            self.hits
                .extend(score(&self.query, &text(place)).map(|score| (score, place)));
        }
        self.seen = end;
        if self.hits.len() > before {
            self.hits.sort_by_key(|(score, _)| -score);
        }
    }

    /// Returns whether all of `n` texts were searched; an empty query needs no search.
    #[must_use]
    pub fn is_done(&self, n: usize) -> bool {
        self.query.is_empty() || self.seen >= self.of(n)
    }

    /// Returns the number of texts to show, of `n`.
    #[must_use]
    pub fn len(&self, n: usize) -> usize {
        if self.query.is_empty() {
            n
        } else {
            self.hits.len()
        }
    }

    /// Returns the index of the text in a row.
    #[must_use]
    pub fn place(&self, row: usize) -> Option<usize> {
        if self.query.is_empty() {
            return Some(row);
        }
        self.hits.get(row).map(|(_, place)| *place)
    }

    fn of(&self, n: usize) -> usize {
        self.among.as_ref().map_or(n, Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns everything that a search finds, and the number of portions.
    fn found(search: &mut ListSearch, query: &str, texts: &[String]) -> (Vec<usize>, usize) {
        search.set(query, texts.len());
        let mut portions = 0;
        while !search.is_done(texts.len()) {
            search.go_on(texts.len(), |at| texts[at].clone());
            portions += 1;
        }
        let rows = 0..search.len(texts.len());
        (rows.filter_map(|row| search.place(row)).collect(), portions)
    }

    #[test]
    fn portions_find_what_one_look_finds_in_the_same_order() {
        let texts: Vec<String> = (0..3 * PORTION + 5)
            .map(|n| format!("{n} apples and {} pears", n % 97))
            .collect();
        let mut search = ListSearch::default();
        for query in ["9", "96", "96 p", "96 pears", "apples 12", "", "zebra"] {
            let mut scored: Vec<(i32, usize)> = texts
                .iter()
                .enumerate()
                .filter_map(|(at, text)| Some((score(query, text)?, at)))
                .collect();
            scored.sort_by_key(|(score, _)| -score);
            let all: Vec<usize> = scored.into_iter().map(|(_, at)| at).collect();
            assert_eq!(found(&mut search, query, &texts).0, all, "{query}");
        }
        let mut fresh = ListSearch::default();
        assert_eq!(found(&mut fresh, "96", &texts).1, 4);
        assert_eq!(
            found(&mut fresh, "96 p", &texts).1,
            1,
            "only what was found is looked at again"
        );
    }
}
