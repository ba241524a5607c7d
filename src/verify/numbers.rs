//! The numbers of a question, with the bytes that spell them.
//!
//! Whole words only: "someone" holds no 1 and "weight" no 8, which substring matching (methods.md, Q20) would find.
//! Ordinals ("3rd", "first half") are not quantities.

use super::ratio::Ratio;

/// How a question says a number; decides which operators it may stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A quantity in digits or words: any operator.
    Plain,
    /// A percentage; its value is a hundredth of what is written.
    Percent,
    /// A fraction, `3/4` or "two thirds".
    Fraction,
    /// A word that multiplies: twice, doubles, triple, thrice.
    Multiplier,
    /// A word that divides: half, a third of, a quarter of; its value is the divisor.
    Divisor,
}

impl Kind {
    /// Whether the number only scales another one: never added, subtracted or divided itself.
    #[must_use]
    pub fn is_factor(self) -> bool {
        self != Self::Plain
    }
}

/// One number of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Its exact value.
    pub value: Ratio,
    /// How it is said.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Number {
    /// Returns the number as a step writes it: `12`, `20%`, `3/4`.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.kind, self.value.checked_mul(Ratio::integer(100))) {
            (Kind::Percent, Some(hundredths)) => format!("{hundredths}%"),
            (Kind::Fraction, _) => self.value.to_fraction(),
            _ => self.value.to_string(),
        }
    }
}

/// Returns every number of a question in reading order; the byte ranges do not overlap.
#[must_use]
pub fn question_numbers(question: &str) -> Vec<Number> {
    let words = split(question);
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match number_at(question, &words, at) {
            Some((number, used)) => {
                numbers.push(number);
                at += used;
            }
            None => at += 1,
        }
    }
    numbers
}

/// A run of letters or a written number.
#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    is: What,
}

#[derive(Debug)]
enum What {
    /// Lower-case letters.
    Letters(String),
    /// A number in digits.
    Digits(Ratio),
    /// A fraction in digits.
    Slashed(Ratio),
    /// Something of digits and letters that is no quantity.
    Other,
}

/// Cuts a text into words and written numbers; everything else only separates.
fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut from = 0;
    while let Some(offset) = text[from..].find(char::is_alphanumeric) {
        let start = from + offset;
        let rest = &text[start..];
        let (start, (len, is)) = if rest.starts_with(|c: char| c.is_ascii_digit()) {
            // ".5" at the start of a number, as in "$.5".
            let before = text[..start].strip_suffix('.').unwrap_or("5");
            let start = start - usize::from(!before.ends_with(char::is_alphanumeric));
            (start, written_number(&text[start..]))
        } else {
            (start, letters(rest))
        };
        words.push(Word {
            start,
            end: start + len,
            is,
        });
        from = start + len;
    }
    words
}

/// Reads a run of letters (and digits that follow them), apostrophes between letters included.
fn letters(rest: &str) -> (usize, What) {
    let mut len = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_is_letter = chars.peek().is_some_and(|(_, n)| n.is_alphanumeric());
        if !(c.is_alphanumeric() || c == '_' || (matches!(c, '\'' | '’') && next_is_letter)) {
            break;
        }
        len = at + c.len_utf8();
    }
    (len, What::Letters(rest[..len].to_lowercase()))
}

/// Reads a number in digits: comma groups, decimals, `a/b`, and a unit glued to it ("30mph").
fn written_number(rest: &str) -> (usize, What) {
    let mut len = digits(rest);
    if (1..=3).contains(&len) {
        while let Some(group) = rest[len..].strip_prefix(',')
            && digits(group) == 3
        {
            len += 4;
        }
    }
    if let Some(part) = rest[len..].strip_prefix('.') {
        let places = digits(part);
        len += if places > 0 { places + 1 } else { 0 };
    }
    if let Some(below) = rest[len..].strip_prefix('/')
        && digits(below) > 0
    {
        let end = len + 1 + digits(below);
        // A second slash makes it a date.
        let more = rest[end..]
            .bytes()
            .take_while(|b| matches!(b, b'/' | b'0'..=b'9'))
            .count();
        return match Ratio::parse(&rest[..end]) {
            Some(value) if more == 0 => (end, What::Slashed(value)),
            _ => (end + more, What::Other),
        };
    }
    let glued = |c: &char| c.is_alphanumeric();
    let suffix: usize = rest[len..]
        .chars()
        .take_while(glued)
        .map(char::len_utf8)
        .sum();
    let ordinal = matches!(&rest[len..len + suffix], "st" | "nd" | "rd" | "th");
    match Ratio::parse(&rest[..len]) {
        Some(value) if !ordinal => (len + suffix, What::Digits(value)),
        _ => (len + suffix, What::Other),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Reads the number that begins at a word, and how many words it takes.
fn number_at(text: &str, words: &[Word], at: usize) -> Option<(Number, usize)> {
    let first = &words[at];
    let make = |value, kind, used: usize| {
        let last = &words[at + used - 1];
        let percent =
            kind == Kind::Plain && text[last.end..].trim_start_matches(' ').starts_with('%');
        let said = kind == Kind::Plain && word(words, at + used) == Some("percent");
        let (mut end, mut used, mut kind, mut value) = (last.end, used, kind, value);
        if percent || said {
            value = Ratio::checked_div(value, Ratio::integer(100))?;
            kind = Kind::Percent;
            end = if said {
                words[at + used].end
            } else {
                end + text[end..].find('%')? + 1
            };
            used += usize::from(said);
        }
        let start = first.start;
        Some((
            Number {
                value,
                kind,
                start,
                end,
            },
            used,
        ))
    };
    if let What::Slashed(value) = first.is {
        return make(value, Kind::Fraction, 1);
    }
    if let Some((value, used)) = cardinal(text, words, at) {
        // "two thirds", "3 quarters", "one half".
        if joined(text, words, at + used)
            && let Some((below, _)) = word(words, at + used).and_then(fraction_word)
        {
            return if value == Ratio::ONE {
                make(Ratio::integer(below), Kind::Divisor, used + 1)
            } else {
                make(
                    value.checked_div(Ratio::integer(below))?,
                    Kind::Fraction,
                    used + 1,
                )
            };
        }
        return make(value, Kind::Plain, used);
    }
    let name = word(words, at)?;
    if let Some(value) = multiplier(name) {
        return make(Ratio::integer(value), Kind::Multiplier, 1);
    }
    let (below, always) = fraction_word(name)?;
    let before = at.checked_sub(1).and_then(|i| word(words, i));
    let taken = if always {
        // "The first half" is a place, not a share.
        !matches!(before, Some("first" | "second"))
    } else {
        // "A third of", but neither "the third day" nor the coin.
        matches!(before, Some("a" | "the")) && matches!(word(words, at + 1), Some("of" | "as"))
    };
    if taken {
        make(Ratio::integer(below), Kind::Divisor, 1)
    } else {
        None
    }
}

/// Reads a cardinal at a word: digits or number words, with scale words ("2 dozen", "two hundred and five").
fn cardinal(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    if let What::Digits(mut value) = words[at].is {
        let mut used = 1;
        while joined(text, words, at + used)
            && let Some(factor) = word(words, at + used).and_then(scale)
        {
            value = value.checked_mul(Ratio::integer(factor))?;
            used += 1;
        }
        return Some((value, used));
    }
    let article = matches!(word(words, at)?, "a" | "an");
    let (mut thousands, mut below) = (0_i64, None);
    let mut used = usize::from(article);
    let mut read = 0;
    while read == 0 && !article || joined(text, words, at + used) {
        let and = usize::from(read > 0 && word(words, at + used) == Some("and"));
        if and > 0 && !joined(text, words, at + used + 1) {
            break;
        }
        let next = at + used + and;
        if let Some(factor) = word(words, next).and_then(scale).filter(|_| and == 0) {
            let times = below.unwrap_or(1);
            match factor {
                1000 if thousands == 0 => (thousands, below) = (times * 1000, None),
                // After a thousand, or on 112, a scale word begins a number of its own.
                _ if times < 100 && (below.is_some() || thousands == 0) => {
                    below = Some(times * factor);
                }
                _ => break,
            }
        } else if let Some((more, took)) = small(text, words, next)
            && (!article || read > 0)
            && below.map_or(and == 0 || thousands > 0, |b| b % 100 == 0 && b > 0)
        {
            below = Some(below.unwrap_or(0) + more);
            used += took - 1;
        } else {
            break;
        }
        used += and + 1;
        read += 1;
    }
    (read > 0).then(|| (Ratio::integer(thousands + below.unwrap_or(0)), used))
}

/// Reads zero to ninety-nine in words, and how many words it takes.
fn small(text: &str, words: &[Word], at: usize) -> Option<(i64, usize)> {
    let value = small_word(word(words, at)?)?;
    if value >= 20
        && value % 10 == 0
        && joined(text, words, at + 1)
        && let Some(unit @ 1..=9) = word(words, at + 1).and_then(small_word)
    {
        return Some((value + unit, 2));
    }
    Some((value, 1))
}

/// Whether a word follows the one before it with nothing but blanks or one hyphen between.
fn joined(text: &str, words: &[Word], at: usize) -> bool {
    let between = at
        .checked_sub(1)
        .and_then(|before| text.get(words.get(before)?.end..words.get(at)?.start));
    between.is_some_and(|b| b == "-" || (!b.is_empty() && b.bytes().all(|c| c == b' ')))
        || (between.is_none() && at == 0)
}

fn word(words: &[Word], at: usize) -> Option<&str> {
    match &words.get(at)?.is {
        What::Letters(name) => Some(name),
        _ => None,
    }
}

fn small_word(name: &str) -> Option<i64> {
    const UNITS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = [
        "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    let place = |list: &[&str]| {
        list.iter()
            .position(|w| *w == name)
            .and_then(|i| i64::try_from(i).ok())
    };
    place(&UNITS).or_else(|| Some((place(&TENS)? + 2) * 10))
}

fn scale(name: &str) -> Option<i64> {
    match name {
        "dozen" => Some(12),
        "hundred" => Some(100),
        "thousand" => Some(1000),
        _ => None,
    }
}

fn multiplier(name: &str) -> Option<i64> {
    match name {
        "twice" | "double" | "doubles" | "doubled" => Some(2),
        "thrice" | "triple" | "triples" | "tripled" => Some(3),
        "quadruple" | "quadruples" | "quadrupled" => Some(4),
        _ => None,
    }
}

/// Returns the denominator, and whether the word needs no "a ... of" around it.
fn fraction_word(name: &str) -> Option<(i64, bool)> {
    match name {
        "half" | "halves" => Some((2, true)),
        "third" | "thirds" => Some((3, false)),
        "quarter" | "quarters" | "fourth" | "fourths" => Some((4, false)),
        "fifth" | "fifths" => Some((5, false)),
        "sixth" | "sixths" => Some((6, false)),
        "eighth" | "eighths" => Some((8, false)),
        "tenth" | "tenths" => Some((10, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `text of the range = label kind`, joined.
    fn read(question: &str) -> String {
        let show = |n: &Number| {
            let kind = match n.kind {
                Kind::Plain => "",
                Kind::Percent => " percent",
                Kind::Fraction => " fraction",
                Kind::Multiplier => " times",
                Kind::Divisor => " over",
            };
            format!("{}={}{kind}", &question[n.start..n.end], n.label())
        };
        question_numbers(question)
            .iter()
            .map(show)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn numbers_are_whole_words() {
        for (question, expected) in [
            ("Tom has 12 red and 7 blue pens.", "12=12; 7=7"),
            (
                "Someone often lends money, weight eight tennis balls at fourteen.",
                "eight=8; fourteen=14",
            ),
            (
                "Half of the 1,200 kids paid $2.50, twice.",
                "Half=2 over; 1,200=1200; 2.50=2.5; twice=2 times",
            ),
            (
                "He runs 30mph for 20% of 1.5 hours.",
                "30mph=30; 20%=20% percent; 1.5=1.5",
            ),
            (
                "10 percent, 12.5 % and $.5",
                "10 percent=10% percent; 12.5 %=12.5% percent; .5=0.5",
            ),
            ("x5 a_7 the 3rd day, 21st, the third day, first half", ""),
            (
                "He keeps a third of them and a quarter as many.",
                "third=3 over; quarter=4 over",
            ),
            (
                "Two thirds, two-thirds, one half, 3 quarters, 1/2, 3/4",
                "Two thirds=2/3 fraction; two-thirds=2/3 fraction; one half=2 over; 3 quarters=3/4 fraction; 1/2=1/2 fraction; 3/4=3/4 fraction",
            ),
            (
                "twenty-five, sixty six, a dozen, 2 dozen, two hundred and five, a hundred",
                "twenty-five=25; sixty six=66; a dozen=12; 2 dozen=24; two hundred and five=205; a hundred=100",
            ),
            (
                "three thousand five hundred and twelve",
                "three thousand five hundred and twelve=3512",
            ),
            (
                "Ann doubles, then triples it, then thrice.",
                "doubles=2 times; triples=3 times; thrice=3 times",
            ),
            (
                "16-3-4, 1,2,3 and 12,5000; 1/2/2020",
                "16=16; 3=3; 4=4; 1=1; 2=2; 3=3; 12=12; 5000=5000",
            ),
            ("no-one's dozens of half-empty cups", "half=2 over"),
            (
                "five six, two and three, a two, forty and hundred",
                "five=5; six=6; two=2; three=3; two=2; forty=40; hundred=100",
            ),
            (
                "for one new one. One of every 4",
                "one=1; one=1; One=1; 4=4",
            ),
            ("99999999999999999999999 pens and 5.", "5=5"),
            ("12 – five, “six” 7é ٣", "12=12; five=5; six=6; 7é=7"),
        ] {
            assert_eq!(read(question), expected, "{question}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_ordered_and_on_characters(question in "([a-z]{1,6}|[0-9]{1,4}|twenty|half|dozen|hundred|[ ,./%$-]|\\PC){0,40}") {
            let mut last = 0;
            for number in question_numbers(&question) {
                prop_assert!(number.start >= last && number.end > number.start);
                prop_assert!(question.get(number.start..number.end).is_some());
                last = number.end;
            }
        }

        #[test]
        fn every_written_integer_is_found(value in 0_i64..1_000_000) {
            let found = question_numbers(&format!("She has {value} pens."));
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].value, Ratio::integer(value));
        }
    }
}
