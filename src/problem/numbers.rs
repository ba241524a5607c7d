//! The numbers of a question, with the bytes that spell them: one grammar for the verifier, the edits and the screen.
//!
//! Whole words only: "someone" holds no 1 and "weight" no 8, which substring matching (methods.md, Q20) would find.
//! Ordinals ("3rd", "first half") are not quantities. What is written as one is read as one number or not at all: "3 1/2", "$4k" and
//! "12 000" are numbers, "3:30", "1.000,50", "2024-01-05", "-5", "1h30" and "5²" are none, and their parts are none either.

use std::sync::LazyLock;

use regex::Regex;

use super::Ratio;

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

/// Every number with a minus sign, from the sign on; [`question_numbers`] has none of them. A minus between two numbers ("5 - 3",
/// "2-3 days") is no sign.
#[must_use]
pub fn negative_numbers(question: &str) -> Vec<&str> {
    let signed = split(question)
        .into_iter()
        .filter_map(|word| match word.is {
            What::Signed { from } => question.get(from..word.end),
            _ => None,
        });
    signed.collect()
}

/// A run of letters or a written number.
#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    is: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// Lower-case letters.
    Letters(String),
    /// A number in digits.
    Digits(Ratio),
    /// A fraction in digits.
    Slashed(Ratio),
    /// A number in digits with a minus sign, which begins at that byte.
    Signed { from: usize },
    /// Something of digits and letters that is no quantity.
    Other,
}

const CURRENCY: [char; 4] = ['$', '£', '€', '¥'];
/// Hyphen, minus sign, en dash.
const DASHES: [char; 3] = ['-', '\u{2212}', '\u{2013}'];
/// One-character fractions.
const FRACTIONS: &str = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞";

/// Cuts a text into words and written numbers; everything else only separates.
fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut from = 0;
    while let Some(offset) = text[from..].find(char::is_alphanumeric) {
        let start = from + offset;
        let (start, (len, is)) = if text[start..].starts_with(|c: char| c.is_ascii_digit()) {
            // ".5" at the start of a number, as in "$.5".
            let before = text[..start].strip_suffix('.').unwrap_or("5");
            let start = start - usize::from(!before.ends_with(char::is_alphanumeric));
            (start, written_number(text, start))
        } else {
            (start, letters(&text[start..]))
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

/// Reads a run of letters (and digits that follow them), with apostrophes between letters and points between digits ("v2.5").
fn letters(rest: &str) -> (usize, What) {
    let mut len = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        let joins = match c {
            '\'' | '’' => next.is_alphanumeric(),
            '.' => rest[..at].ends_with(|c: char| c.is_ascii_digit()) && next.is_ascii_digit(),
            _ => c.is_alphanumeric() || c == '_',
        };
        if !joins {
            break;
        }
        len = at + c.len_utf8();
    }
    (len, What::Letters(rest[..len].to_lowercase()))
}

/// Reads a number in digits: groups of thousands, decimals, `a/b`, `3 1/2`, and a unit ("30mph") or thousands ("$4k") glued to it. What
/// stands together with the digits and follows none of these forms makes all of it no number.
fn written_number(text: &str, start: usize) -> (usize, What) {
    let (before, rest) = (&text[..start], &text[start..]);
    let (body, is) = body(rest);
    let glued = |c: &char| c.is_alphanumeric();
    let suffix: usize = rest[body..]
        .chars()
        .take_while(glued)
        .map(char::len_utf8)
        .sum();
    let end = body + suffix;
    let suffix = &rest[body..end];
    // "3 ½" is one number, of a kind that is not read.
    if let Some(after) = rest[end..].strip_prefix(' ')
        && let Some(part) = after.chars().next().filter(|c| FRACTIONS.contains(*c))
    {
        return (end + 1 + part.len_utf8(), What::Other);
    }
    // "COVID-19" is a name.
    let joined = before.strip_suffix(DASHES);
    if joined.is_some_and(|name| name.ends_with(|c: char| c.is_alphabetic() || c == '_')) {
        return (end, What::Other);
    }
    let money = before.trim_end_matches(DASHES).ends_with(CURRENCY);
    let (end, is) = match is {
        What::Digits(whole) if suffix.is_empty() && whole.to_integer().is_some() => {
            match fraction_after(&rest[end..]) {
                Some((part, more)) => {
                    let sum = whole.checked_add(part);
                    (end + more, sum.map_or(What::Other, What::Digits))
                }
                None => (end, What::Digits(whole)),
            }
        }
        What::Digits(value) => (end, with_suffix(value, suffix, money)),
        What::Slashed(_) if !suffix.is_empty() => (end, What::Other),
        is => (end, is),
    };
    match sign_before(before) {
        Some(from) if is != What::Other => (end, What::Signed { from }),
        _ => (end, is),
    }
}

/// Where the minus sign in front of a number begins, if there is one: "-5", "$-5", "-$5".
fn sign_before(before: &str) -> Option<usize> {
    let left = before.trim_end_matches(CURRENCY).strip_suffix(DASHES)?;
    let left = left.trim_end_matches(CURRENCY);
    let opens = |c: char| c.is_whitespace() || "(=+*/:,;\"'“‘".contains(c);
    (left.is_empty() || left.ends_with(opens)).then_some(left.len())
}

/// A number in digits with what is glued to it.
fn with_suffix(value: Ratio, suffix: &str, is_money: bool) -> What {
    let is = match suffix {
        "k" | "K" if is_money => value.checked_mul(Ratio::integer(1000)),
        "m" | "b" | "t" | "T" if is_money => None,
        // An ordinal or an order of magnitude.
        "st" | "nd" | "rd" | "th" | "k" | "K" | "M" | "mn" | "B" | "bn" | "e" | "E" => None,
        // "1h30", "5²", "3½".
        _ if suffix.chars().any(char::is_numeric) => None,
        _ => Some(value),
    };
    is.map_or(What::Other, What::Digits)
}

/// The proper fraction of a mixed number, " 1/2" or "-1/2", and how many bytes it takes.
fn fraction_after(rest: &str) -> Option<(Ratio, usize)> {
    let after = rest.strip_prefix([' ', '-'])?;
    let after = after
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(after)?;
    match body(after) {
        (len, What::Slashed(part))
            if part < Ratio::ONE && !after[len..].starts_with(char::is_alphanumeric) =>
        {
            Some((part, 1 + len))
        }
        _ => None,
    }
}

fn form(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours")
}

/// Digits with all that joins them to further digits.
static JOINED: LazyLock<Regex> = LazyLock::new(|| form(r"^\.?\d+(?:[,._/:'’]\d+)*"));
static DATE: LazyLock<Regex> = LazyLock::new(|| form(r"^\d{4}-\d{1,2}-\d{1,2}\b"));
/// Thousands with blanks between, of which some keep lines together.
static SPACED: LazyLock<Regex> =
    LazyLock::new(|| form(r"^\d{1,3}(?:[ \u{a0}\u{2009}\u{202f}]\d{3})+\b"));
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    form(r"^(?:\d+|\d*\.\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[_'’]\d{3})+)$")
});
static FRACTION: LazyLock<Regex> = LazyLock::new(|| form(r"^\d+/\d+$"));
static RATIO: LazyLock<Regex> = LazyLock::new(|| form(r"^\d+(?::\d+)+$"));
static TIME: LazyLock<Regex> = LazyLock::new(|| form(r"^\d{1,2}(?::[0-5]\d)+$"));

/// The digits at the start of a text with all that joins them, and what they are.
fn body(rest: &str) -> (usize, What) {
    if let Some(found) = DATE.find(rest) {
        return (found.end(), What::Other);
    }
    let number = |text: &str| {
        let plain: String = text
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        Ratio::parse(&plain).map_or(What::Other, What::Digits)
    };
    if let Some(found) = SPACED.find(rest) {
        // "12 100 gram bags" is two numbers; "12 000" and what no line break may part is one.
        let text = found.as_str();
        let is_one = !text.contains(' ') || text.contains(" 0");
        return (found.end(), if is_one { number(text) } else { What::Other });
    }
    let text = JOINED.find(rest).map_or("", |found| found.as_str());
    let is = if PLAIN.is_match(text) {
        // A point or a group of thousands: "1.000".
        match text.split_once('.') {
            Some((whole, "000")) if !whole.is_empty() => What::Other,
            _ => number(text),
        }
    } else if FRACTION.is_match(text) {
        Ratio::parse(text).map_or(What::Other, What::Slashed)
    } else if RATIO.is_match(text) && !TIME.is_match(text) {
        // "3:4" are two quantities.
        let first = text.find(':').unwrap_or(text.len());
        return (first, number(&text[..first]));
    } else {
        What::Other
    };
    (text.len(), is)
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
    let (mut value, mut used) = whole(text, words, at)?;
    if let Some((part, more)) = and_a_part(text, words, at + used) {
        (value, used) = (value.checked_add(part)?, used + more);
    }
    // Number words have taken their hundreds and dozens.
    let least = if word(words, at).is_some() { 1000 } else { 0 };
    while joined(text, words, at + used)
        && let Some(factor) = word(words, at + used).and_then(scale)
        && factor >= least
    {
        value = value.checked_mul(Ratio::integer(factor))?;
        used += 1;
    }
    Some((value, used))
}

/// Reads "and a half", "and one third" or "and 1/2" after a number.
fn and_a_part(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    let follows = |n: usize| joined(text, words, at + n);
    if !follows(0) || word(words, at) != Some("and") || !follows(1) {
        return None;
    }
    if let What::Slashed(part) = words.get(at + 1)?.is {
        return (part < Ratio::ONE).then_some((part, 2));
    }
    let (below, _) = word(words, at + 2)
        .filter(|_| follows(2))
        .and_then(fraction_word)?;
    let is_one = matches!(word(words, at + 1), Some("a" | "an" | "one"));
    let part = Ratio::ONE.checked_div(Ratio::integer(below))?;
    is_one.then_some((part, 3))
}

/// Reads digits, or number words with scale words.
fn whole(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    if let What::Digits(value) = words[at].is {
        return Some((value, 1));
    }
    let article = matches!(word(words, at)?, "a" | "an");
    // What the last of thousand, million and billion multiplied; each of them may stand once, the larger first.
    let (mut thousands, mut below, mut last) = (0_i64, None::<i64>, i64::MAX);
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
                1000.. if factor < last && (below.is_some() || thousands == 0) => {
                    thousands = thousands.checked_add(times.checked_mul(factor)?)?;
                    (below, last) = (None, factor);
                }
                // After a thousand, or on 112, a scale word begins a number of its own.
                ..1000 if times < 100 && (below.is_some() || thousands == 0) => {
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
        "million" => Some(1_000_000),
        "billion" => Some(1_000_000_000),
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
            ("16-3-4, 1,2,3 and 12,5000; 1/2/2020", "16=16; 3=3; 4=4"),
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

    #[test]
    fn what_is_written_as_one_is_read_as_one_or_not_at_all() {
        for (question, expected) in [
            ("3½ cups, 3 ½ cups, ½ cup, 1½ of 4", "4=4"),
            ("3 1/2 cups and 2-1/2 more", "3 1/2=3.5; 2-1/2=2.5"),
            (
                "two and a half hours, 3 and 1/2, 5 and one third",
                "two and a half=2.5; 3 and 1/2=3.5; 5 and one third=16/3",
            ),
            ("$4k, 4k, $2.5M, 2.5M, $3m, 3m, $1bn", "4k=4000; 3m=3"),
            (
                "5 million, $2.5 million, two million three hundred thousand",
                "5 million=5000000; 2.5 million=2500000; two million three hundred thousand=2300000",
            ),
            (
                "12 000, 12\u{a0}345, 12'000, 12_000, 12 100 gram",
                "12 000=12000; 12\u{a0}345=12345; 12'000=12000; 12_000=12000",
            ),
            ("-5 degrees, \u{2212}5, $-20, -$20, (-3)", ""),
            (
                "8 - 3, 8-3, 2-3 days, 10\u{2013}15",
                "8=8; 3=3; 8=8; 3=3; 2=2; 3=3; 10=10; 15=15",
            ),
            ("from 3:30 to 10:05, a ratio of 3:4", "3=3; 4=4"),
            ("1.000,50 and 1.000 and 1,5 and 1.5.2", ""),
            ("2024-01-05, 1h30, 5², v2.5, A3, COVID-19, 1e3, 3x4", ""),
            ("\u{ff12}\u{ff10} pens and 3 more", "3=3"),
            ("60km/h for 2 hours", "60km=60; 2=2"),
            (
                "He has 1,000 coins, .5 of 80 and 50% of 5 dozen",
                "1,000=1000; .5=0.5; 80=80; 50%=50% percent; 5 dozen=60",
            ),
        ] {
            assert_eq!(read(question), expected, "{question}");
        }
        let signed = "It is -5 now, it was \u{2212}7, he owes $-20 and -$3, 8 - 3 and 2-3.";
        assert_eq!(negative_numbers(signed), ["-5", "\u{2212}7", "$-20", "-$3"]);
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
