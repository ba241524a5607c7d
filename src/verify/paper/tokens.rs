//! How the published tokenizers split numbers: the token that represents a number, and whether it is one token.
//!
//! Only digits matter, so no tokenizer file is needed; a loaded model brings its own [`Cut`]. GPT-2's pieces of digits are facts
//! about its public vocabulary (`gpt2_numbers.txt`, in merge order); Llama 3 splits digits into threes.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::core::datasets::numbers;

/// GPT-2's digit pieces of two or more characters, `_` for a leading space, in merge order.
static GPT2: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let pieces = include_str!("gpt2_numbers.txt").split_ascii_whitespace();
    pieces
        .zip(0..)
        .map(|(piece, rank)| (piece.replace('_', " "), rank))
        .collect()
});

/// Splits numbers into tokens.
pub trait Cut {
    /// Returns the tokens that represent a number without and with a space before it (docs/methods.md M5.2): the first token that is an
    /// integer other than zero, else the first token (Q15: 1200 may be found as 120, 3.5 as 3).
    ///
    /// `number` is formatted as in Python: `12`, `0.5`, `-3`, `1e-05`.
    fn representatives(&self, number: &str) -> [String; 2];

    /// Whether a number's text, without a space before it, is one token.
    fn is_single(&self, number: &str) -> bool;
}

impl Cut for Tokens {
    fn representatives(&self, number: &str) -> [String; 2] {
        [
            self.representative(number),
            self.representative(&format!(" {number}")),
        ]
    }

    fn is_single(&self, number: &str) -> bool {
        number.bytes().all(|byte| byte.is_ascii_digit()) && self.pieces(number).len() == 1
    }
}

/// The published tokenizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tokens {
    /// GPT-2: pairs are merged, and a space before a number belongs to its first token.
    #[default]
    Gpt2,
    /// Llama 3: three digits a token from the left, and a space is a separate token.
    Llama3,
}

impl Tokens {
    fn representative(self, text: &str) -> String {
        let mut first = None;
        for run in runs(text) {
            for piece in self.pieces(run) {
                let is_number = numbers::int(&piece).is_some_and(|value| value != 0);
                if is_number {
                    return piece;
                }
                first.get_or_insert(piece);
            }
        }
        first.unwrap_or_default()
    }

    /// The tokens of a run of digits; any other run stays in one piece, because only its position matters.
    fn pieces(self, run: &str) -> Vec<String> {
        let digits = run.trim_start_matches(' ');
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return vec![run.to_owned()];
        }
        match self {
            Self::Gpt2 => merged(run),
            Self::Llama3 => {
                let space = (digits.len() < run.len()).then(|| " ".to_owned());
                let threes = digits.as_bytes().chunks(3);
                let threes = threes.map(|three| String::from_utf8_lossy(three).into_owned());
                space.into_iter().chain(threes).collect()
            }
        }
    }
}

/// Splits a text at the boundaries of digits; a space belongs to the text after it.
fn runs(text: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let is_digit = c.is_ascii_digit();
        if before.is_some_and(|was| was != is_digit) && !text[start..at].trim().is_empty() {
            runs.push(&text[start..at]);
            start = at;
        }
        before = Some(is_digit);
    }
    runs.push(&text[start..]);
    runs
}

/// Merges neighbours while some pair is a piece: the earliest piece first, at all its positions.
fn merged(run: &str) -> Vec<String> {
    let mut pieces: Vec<String> = run.chars().map(String::from).collect();
    loop {
        let ranked = pieces.windows(2).filter_map(|pair| {
            let rank = GPT2.get(&pair.concat())?;
            Some((*rank, pair))
        });
        let Some((_, [left, right])) = ranked.min_by_key(|(rank, _)| *rank) else {
            return pieces;
        };
        let (left, right) = (left.clone(), right.clone());
        let mut next: Vec<String> = Vec::with_capacity(pieces.len());
        let mut rest = pieces.into_iter().peekable();
        while let Some(mut piece) = rest.next() {
            if piece == left && rest.peek() == Some(&right) {
                piece.push_str(&right);
                rest.next();
            }
            next.push(piece);
        }
        pieces = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_numbers_are_those_of_the_published_tokenizers() {
        // docs/methods.md M3.3.
        let long: Vec<u32> = (0..=1000)
            .filter(|n| !Tokens::Gpt2.is_single(&n.to_string()))
            .collect();
        assert_eq!(
            (long.len(), &long[..5]),
            (181, &[521, 527, 531, 532, 534][..])
        );
        let short = (0..=1100).filter(|n: &u32| Tokens::Gpt2.is_single(&n.to_string()));
        assert_eq!(short.count(), 827);
        assert!((0..1000).all(|n: u32| Tokens::Llama3.is_single(&n.to_string())));
        assert!((1000..3000).all(|n: u32| !Tokens::Llama3.is_single(&n.to_string())));
        for text in ["2.5", "-3", "", "1,200"] {
            assert!(
                !Tokens::Gpt2.is_single(text) && !Tokens::Llama3.is_single(text),
                "{text}"
            );
        }
        // docs/methods.md M12: 2100 is two GPT-2 tokens, 1200 is one.
        assert!(Tokens::Gpt2.is_single("1200") && !Tokens::Gpt2.is_single("2100"));
    }

    #[test]
    fn a_number_is_represented_by_its_first_integer_token() {
        let gpt2 = |text| Tokens::Gpt2.representatives(text);
        assert_eq!(gpt2("12"), ["12", " 12"]);
        assert_eq!(gpt2("0.5"), ["5", "5"]);
        assert_eq!(gpt2("12.5"), ["12", " 12"]);
        assert_eq!(gpt2("0.05"), ["05", "05"]);
        assert_eq!(gpt2("-3"), ["3", "3"]);
        assert_eq!(gpt2("0"), ["0", " 0"]);
        assert_eq!(gpt2("1e-05"), ["1", " 1"]);
        let llama = |text| Tokens::Llama3.representatives(text);
        assert_eq!(llama("1200"), ["120", "120"]);
        assert_eq!(llama("0.5"), ["5", "5"]);
        assert_eq!(llama("24"), ["24", "24"]);
    }

    /// If the published tokenizer is available, checks that the list gives its tokens for any digits.
    #[test]
    fn the_list_cuts_digits_as_the_published_tokenizer_does() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../shared/fixtures/tokenizers/gpt2/tokenizer.json"
        );
        if !std::path::Path::new(path).exists() {
            let line = "skipped: no shared fixture tokenizers/gpt2\n";
            _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            return;
        }
        let published = tokenizers::Tokenizer::from_file(path).expect("a tokenizer");
        let mut seed = 7_u64;
        for i in 0..6000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = if i < 3000 {
                i
            } else {
                (seed >> 8) >> (seed % 50)
            };
            for text in [
                format!("{number}"),
                format!(" {number}"),
                format!(" 0{number}"),
            ] {
                let encoding = published
                    .encode_fast(text.as_str(), false)
                    .expect("encodable");
                let ids: Vec<String> = encoding
                    .get_ids()
                    .iter()
                    .map(|id| published.decode(&[*id], false).expect("decodable"))
                    .collect();
                assert_eq!(merged(&text), ids, "{text:?}");
            }
        }
    }
}
