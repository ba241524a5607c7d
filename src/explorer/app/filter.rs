//! Fuzzy matching for lists: the letters of the query must appear in order; tighter and earlier matches rank higher.

/// Returns how well a query matches a text, ignoring case; larger is better, `None` is no match.
///
/// Every word of the query must match.
#[must_use]
pub fn score(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    query
        .split_whitespace()
        .map(|word| score_word(word, &text))
        .sum()
}

fn score_word(word: &str, text: &[char]) -> Option<i32> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let whole = text
        .windows(word.len().max(1))
        .position(|window| window == word);
    if let Some(at) = whole {
        let ends = text.get(at + word.len()).is_none_or(|c| c.is_whitespace());
        let bonus = match (starts_word(text, at), ends) {
            // An exact name ranks above longer names that start with it.
            (true, true) => 250,
            (true, false) => 200,
            (false, _) => 100,
        };
        return Some(bonus - i32::try_from(at.min(99)).unwrap_or(99) / 4);
    }
    let mut from = 0;
    let mut total = 0;
    for c in word {
        let step = text.get(from..)?.iter().position(|t| *t == c)?;
        let at = from + step;
        total += if starts_word(text, at) { 3 } else { 1 };
        total -= i32::try_from(step.min(9)).unwrap_or(9) / 3;
        from = at + 1;
    }
    Some(total)
}

fn starts_word(text: &[char], at: usize) -> bool {
    at == 0 || text.get(at - 1).is_none_or(|c| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_must_appear_in_order() {
        assert!(score("tgl", "Toggle latent").is_some());
        assert!(score("lgt", "Toggle").is_none());
        assert!(score("toggle export", "Toggle latent").is_none());
        assert_eq!(score("", "anything"), Some(0));
    }

    #[test]
    fn whole_words_rank_before_scattered_letters() {
        let rank = |text| score("note", text);
        assert!(rank("Write a note") > rank("footnote"));
        assert!(rank("footnote") > rank("next of this model"));
        let rank = |text| score("mini-math", text);
        assert!(rank("mini-math arithmetic") > rank("mini-math-idle the control"));
    }
}
