//! Decides, from left to right, which characters of a text may be shown unchanged; the rules are in [`super`].

use unicode_width::UnicodeWidthChar;

/// The most combining marks per base. Biblical Hebrew and Tibetan need five.
const MAX_MARKS: usize = 5;
/// Starts a regional flag; the tags after it name the region.
const BLACK_FLAG: char = '\u{1f3f4}';
/// Length of a region's name in a flag.
const REGION: std::ops::RangeInclusive<usize> = 3..=6;
/// Ends a regional flag.
const END_OF_TAGS: char = '\u{e007f}';

/// Iterates over the characters of a text, each with whether it may be shown unchanged.
pub(super) struct Scan<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// The previous character, if it is shown unchanged.
    before: Option<char>,
    /// Number of marks on the current base.
    marks: usize,
    /// Number of upcoming tags that belong to a flag.
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

    /// Returns the next character without consuming it.
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
            // The excess lasts until the next base.
            () => MAX_MARKS,
        };
        self.before = is_fit.then_some(c);
        Some((c, is_fit))
    }
}

/// Returns whether every character of a text may be shown unchanged.
pub(super) fn is_clean(text: &str) -> bool {
    // Fast path: most texts are printable ASCII.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        || Scan::new(text).all(|(_, is_fit)| is_fit)
}

/// Returns whether a character is a control character, or a terminal or reader may take it for a line end.
pub(super) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Returns whether a character has no width and is not a mark: it would reorder or hide its neighbours, or itself.
///
/// These are the bidirectional marks, embeddings, overrides and isolates, zero-width and word-joining characters, the soft
/// hyphen, blank fillers, deprecated format controls, tags, and the code points reserved for more of them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether a character is drawn over the preceding one. Hangul vowels and finals are part of a syllable instead.
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

/// Returns whether a character selects a form of the preceding one.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}' | '\u{180f}')
}

/// Returns whether a joiner has an effect: it joins two emoji, or follows a letter of a joined script.
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

/// Returns whether a character belongs to a script in which joiners distinguish words: Arabic and related scripts, those of India
/// and South-East Asia, Tibetan, Mongolian.
fn is_written_joined(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1700}'..='\u{18af}'
        | '\u{1900}'..='\u{1aaf}' | '\u{1b00}'..='\u{1c4f}' | '\u{1cd0}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
        | '\u{10a00}'..='\u{10a5f}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}')
        && !is_hidden(c)
        && !is_selector(c)
}

/// Returns whether a character is drawn as a picture.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
        && !is_hidden(c)
}

/// Returns whether the selected form can exist; a character has at most one selector.
fn selects(selector: char, before: Option<char>) -> bool {
    before.is_some_and(|before| match selector {
        '\u{180b}'..='\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        // Digits, # and * become keycaps.
        '\u{fe0e}' | '\u{fe0f}' => {
            is_pictograph(before) || matches!(before, '0'..='9' | '#' | '*' | '\u{1f3fb}'..='\u{1f3ff}')
        }
        '\u{fe00}'..='\u{fe0d}' => before > '\u{ff}' && !is_selector(before) && !is_joiner(before) && !is_mark(before),
        _ => matches!(before, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'),
    })
}

/// Returns the number of characters after a black flag that name a region and close it.
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
