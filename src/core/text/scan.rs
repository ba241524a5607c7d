//! Which characters of a text may be shown as they are, decided from left to right; the rules are in [`super`].

use unicode_width::UnicodeWidthChar;

/// The most combining marks that one base carries. Biblical Hebrew and Tibetan need five.
const MAX_MARKS: usize = 5;
/// Opens the flag of a region: the tags after it name the region.
const BLACK_FLAG: char = '\u{1f3f4}';
/// How many letters the name of a region has in a flag.
const REGION: std::ops::RangeInclusive<usize> = 3..=6;
/// Closes the flag of a region.
const END_OF_TAGS: char = '\u{e007f}';

/// The characters of a text, each with whether it may be shown as it is.
pub(super) struct Scan<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// The last character, if it is shown as it is.
    before: Option<char>,
    /// How many marks stand on the present base.
    marks: usize,
    /// How many tags are still part of a flag.
    tags: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars().peekable(),
            before: None,
            marks: 0,
            tags: 0,
        }
    }

    /// The next character without taking it.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn is_fit(&mut self, c: char) -> bool {
        if self.tags > 0 {
            self.tags -= 1;
            return true;
        }
        match c {
            ' '..='~' => true,
            c if is_control(c) => false,
            '\u{200c}' | '\u{200d}' => joins(c, self.before, self.peek()),
            c if is_selector(c) => selects(c, self.before),
            c if is_hidden(c) => false,
            BLACK_FLAG => {
                self.tags = tags_of_a_flag(self.rest.clone());
                true
            }
            c if is_mark(c) => self.marks < MAX_MARKS,
            _ => true,
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = (char, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let c = self.rest.next()?;
        let is_fit = self.is_fit(c);
        self.marks = match () {
            () if !is_mark(c) => 0,
            () if is_fit => self.marks + 1,
            // Until the next base: what follows a flood belongs to it.
            () => MAX_MARKS,
        };
        self.before = is_fit.then_some(c);
        Some((c, is_fit))
    }
}

/// Whether a text has only characters that may be shown as they are.
pub(super) fn is_clean(text: &str) -> bool {
    // Most texts are plain, and are told by their bytes.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        || Scan::new(text).all(|(_, is_fit)| is_fit)
}

/// Control characters, and those that a terminal or a reader may take for a line's end.
pub(super) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether the character takes no place and is no mark: it would reorder or hide its neighbours, or itself.
///
/// These are the bidirectional marks, embeddings, overrides and isolates, zero-width and word-joining characters, the
/// soft hyphen, blank fillers, deprecated format controls, tags, and what is reserved for more of them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether the character is drawn over the one before it. Vowels and finals of Hangul are part of a syllable instead.
fn is_mark(c: char) -> bool {
    let is_hangul = matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7ff}');
    c > '~'
        && c.width() == Some(0)
        && !is_hangul
        && !is_hidden(c)
        && !is_selector(c)
        && !is_joiner(c)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether the character picks one of several forms of the one before it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}' | '\u{180f}')
}

/// Whether a joiner does what it is for: it forms one emoji of two, or a letter of a script that is written joined.
fn joins(joiner: char, before: Option<char>, after: Option<char>) -> bool {
    let Some(before) = before else {
        return false;
    };
    if is_written_joined(before) {
        return true;
    }
    let is_emoji_before =
        is_pictograph(before) || matches!(before, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    joiner == '\u{200d}' && is_emoji_before && after.is_some_and(is_pictograph)
}

/// Whether the character belongs to a script in which joiners tell words apart: Arabic and its neighbours, those of India and
/// of South-East Asia, Tibetan, Mongolian.
fn is_written_joined(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1700}'..='\u{18af}'
        | '\u{1900}'..='\u{1aaf}' | '\u{1b00}'..='\u{1c4f}' | '\u{1cd0}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
        | '\u{10a00}'..='\u{10a5f}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}')
        && !is_hidden(c)
        && !is_selector(c)
}

/// Whether the character is drawn as a picture.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
        && !is_hidden(c)
}

/// Whether the form that a selector picks can exist; each character has one selector at most.
fn selects(selector: char, before: Option<char>) -> bool {
    before.is_some_and(|before| match selector {
        '\u{180b}'..='\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        // Digits, # and * become keys.
        '\u{fe0e}' | '\u{fe0f}' => {
            is_pictograph(before) || matches!(before, '0'..='9' | '#' | '*' | '\u{1f3fb}'..='\u{1f3ff}')
        }
        '\u{fe00}'..='\u{fe0d}' => before > '\u{ff}' && !is_selector(before) && !is_joiner(before) && !is_mark(before),
        _ => matches!(before, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'),
    })
}

/// How many of the characters after a black flag name a region and close it.
fn tags_of_a_flag(rest: std::iter::Peekable<std::str::Chars<'_>>) -> usize {
    let mut letters = 0;
    for c in rest.take(REGION.end() + 1) {
        match c {
            '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}' => letters += 1,
            END_OF_TAGS if REGION.contains(&letters) => return letters + 1,
            _ => return 0,
        }
    }
    0
}
