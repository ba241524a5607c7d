//! Numbers in digits: the accepted forms, and the contexts that disqualify them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Ratio, What};

/// Currency signs.
pub(crate) const CURRENCY: [char; 9] = ['$', '£', '€', '¥', '₹', '₩', '₽', '₺', '₪'];
/// Hyphens, minus signs and the en dash.
pub(crate) const DASHES: [char; 8] = [
    '-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2212}', '\u{fe63}', '\u{ff0d}',
];
/// Blanks within a number or in front of its unit, some of which keep lines together.
pub(super) const BLANKS: [char; 5] = [' ', '\u{a0}', '\u{2007}', '\u{2009}', '\u{202f}'];
/// Signs of a percentage.
pub(super) const PERCENT: [char; 3] = ['%', '\u{ff05}', '\u{fe6a}'];
/// One-character fractions.
pub(super) const FRACTIONS: &str = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟¹²³⁰⁴⁵⁶⁷⁸⁹";

/// Reads a run of letters (and digits after them), with apostrophes between letters and points between digits ("v2.5").
pub(super) fn letters(rest: &str) -> (usize, What) {
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

/// Reads a number in digits: groups of thousands, decimals, `a/b`, `3 1/2`, and an attached unit ("30mph") or thousands ("$4k").
/// Anything else attached to the digits disqualifies the whole.
pub(super) fn written_number(text: &str, start: usize) -> (usize, What) {
    let (before, rest) = (&text[..start], &text[start..]);
    let (body, content) = body(rest);
    let glued = |c: &char| c.is_alphanumeric();
    let suffix: usize = rest[body..]
        .chars()
        .take_while(glued)
        .map(char::len_utf8)
        .sum();
    let end = body + suffix;
    let suffix = &rest[body..end];
    // "3 ½" is one number, of an unsupported form.
    let after = rest[end..].trim_start_matches(BLANKS);
    let after = after.strip_prefix("and ").unwrap_or(after);
    let after = after.strip_prefix(DASHES).unwrap_or(after);
    if let Some(part) = after.chars().next().filter(|c| FRACTIONS.contains(*c)) {
        return (rest.len() - after.len() + part.len_utf8(), What::Other);
    }
    // Powers, labels and codes: "10^3", "#5", "007".
    let is_code = rest.starts_with('0') && rest.len() > 1 && rest.as_bytes()[1].is_ascii_digit();
    if before.ends_with(['#', '№', '×'])
        || before.trim_end().ends_with('^')
        || before.trim_end().ends_with("**")
        || is_code
    {
        return (end, What::Other);
    }
    // "COVID-19" is a name.
    let joined = before.strip_suffix(DASHES);
    if joined.is_some_and(|name| name.ends_with(|c: char| c.is_alphabetic() || c == '_')) {
        return (end, What::Other);
    }
    let money = before.trim_end_matches(DASHES).ends_with(CURRENCY);
    let (end, content) = match content {
        What::Digits(whole) if suffix.is_empty() && whole.to_integer().is_some() => {
            match fraction_after(&rest[end..]) {
                Some((part, more)) => {
                    let sum = part.and_then(|part| whole.checked_add(part));
                    (end + more, sum.map_or(What::Other, What::Digits))
                }
                None => (end, What::Digits(whole)),
            }
        }
        What::Digits(value) => (end, with_suffix(value, suffix, money)),
        What::Slashed(_) if !suffix.is_empty() => (end, What::Other),
        content => (end, content),
    };
    match sign_before(before) {
        Some(from) if content != What::Other => (end, What::Signed { from }),
        _ => (end, content),
    }
}

/// Returns the start of the minus sign before a number, if there is one: "-5", "$-5", "-$5", "-US$5".
fn sign_before(before: &str) -> Option<usize> {
    let mut left = before.trim_end_matches(CURRENCY);
    if left.len() < before.len() {
        left = left.trim_end_matches(|c: char| c.is_ascii_uppercase());
    }
    let left = left.strip_suffix(DASHES)?;
    let left = left.trim_end_matches(CURRENCY);
    let opens = |c: char| c.is_whitespace() || "(=+*/:,;\"'“‘".contains(c);
    (left.is_empty() || left.ends_with(opens)).then_some(left.len())
}

/// Interprets a number in digits together with its suffix.
fn with_suffix(value: Ratio, suffix: &str, is_money: bool) -> What {
    let value = match suffix.to_lowercase().as_str() {
        "k" if is_money => value.checked_mul(Ratio::integer(1000)),
        "m" | "b" | "t" | "mm" if is_money => None,
        // Ordinals, orders of magnitude and words.
        "st" | "nd" | "rd" | "th" | "k" | "kk" | "mn" | "mln" | "mio" | "mil" | "mill" | "bn"
        | "bil" | "tn" | "e" | "thou" | "dozen" | "dozens" | "hundred" | "hundreds"
        | "thousand" | "thousands" | "million" | "millions" | "billion" | "billions"
        | "trillion" | "percent" | "pct" => None,
        _ if ["M", "B"].contains(&suffix) => None,
        // "1h30", "5²", "3½".
        _ if suffix.chars().any(char::is_numeric) => None,
        // A time of day.
        "am" | "pm" if value.to_integer().is_none() => None,
        _ => Some(value),
    };
    value.map_or(What::Other, What::Digits)
}

/// Reads the proper fraction of a mixed number, " 1/2" or "-1/2"; also returns its length in bytes. The
/// fraction is `None` if a unit is attached to it.
fn fraction_after(rest: &str) -> Option<(Option<Ratio>, usize)> {
    let after = rest.trim_start_matches(BLANKS);
    let after = if after.len() < rest.len() {
        after
    } else {
        rest.strip_prefix(DASHES)?
    };
    let after = after
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(after)?;
    let before = rest.len() - after.len();
    match body(after) {
        (len, What::Slashed(part)) if part < Ratio::ONE => {
            let is_glued = after[len..].starts_with(char::is_alphanumeric);
            Some(((!is_glued).then_some(part), before + len))
        }
        _ => None,
    }
}

pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is fixed and tested")
}

/// Digits with everything that joins them to further digits.
static JOINED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\.?\d+(?:(?:[,._/⁄:'’]|(?:\^|\*\*)-?|[×x]\s?10\^-?|[eE][+-])\d+)*")
});
/// Dates, telephone numbers, and ranges of percentages.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{4}|(?:\d-)?(?:\d{3}-)?\d{3}-\d{4}|(?:\d{1,2}[ .-]\(?)?\d{3}(?:\) ?|[ .-])\d{3}[ .-]\d{4}|\d+(?:\.\d+)?[-–]\d+(?:\.\d+)?\s?%)(?:\b|$|\s|[.,;?!)])",
    )
});
/// Thousands separated by spaces, including no-break ones.
static SPACED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\d{1,3}(?:[ \u{a0}\u{2007}\u{2009}\u{202f}]\d{3})+"));
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:\d+|\d*\.\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[_'’]\d{3})+)$")
});
static FRACTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d+[/⁄]\d+$"));
static RATIO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d+(?::\d+){1,3}$"));
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d{1,2}(?::[0-5]\d)+$"));

/// Reads the digits at the start of a text with everything joined to them, and classifies them.
fn body(rest: &str) -> (usize, What) {
    if let Some(date) = DATE.captures(rest).and_then(|groups| groups.get(1)) {
        return (date.end(), What::Other);
    }
    let number = |text: &str| {
        let plain: String = text
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        Ratio::parse(&plain).map_or(What::Other, What::Digits)
    };
    let is_whole =
        |number: &regex::Match| !rest[number.end()..].starts_with(|c: char| c.is_ascii_digit());
    if let Some(spaced) = SPACED.find(rest).filter(is_whole) {
        // "12 100 gram bags" has two numbers; "12 000" and digits joined by no-break spaces are one.
        let text = spaced.as_str();
        // "1 000,50" continues.
        if let Some(rest) = rest[spaced.end()..].strip_prefix(['.', ',', '/', ':'])
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            let more = JOINED.find(rest).map_or(0, |more| more.end());
            return (spaced.end() + 1 + more, What::Other);
        }
        let is_one = !text.contains(' ') || text.contains(" 0");
        return (
            spaced.end(),
            if is_one { number(text) } else { What::Other },
        );
    }
    let text = JOINED.find(rest).map_or("", |joined| joined.as_str());
    let content = if PLAIN.is_match(text) {
        // Ambiguous between a decimal point and a group of thousands: "1.000".
        match text.split_once('.') {
            Some((whole, "000")) if !whole.is_empty() => What::Other,
            _ => number(text),
        }
    } else if FRACTION.is_match(text) {
        Ratio::parse(&text.replace('⁄', "/")).map_or(What::Other, What::Slashed)
    } else if RATIO.is_match(text) && !TIME.is_match(text) {
        // "3:4" is two quantities.
        let first = text.find(':').unwrap_or(text.len());
        return (first, number(&text[..first]));
    } else {
        What::Other
    };
    (text.len(), content)
}
