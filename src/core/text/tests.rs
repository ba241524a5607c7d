//! Tests of text.

use proptest::prelude::*;

use super::*;

#[test]
fn foreign_text_is_made_visible() {
    let table = [
        ("plain text", "plain text"),
        ("\u{1b}[31mred", "␛[31mred"),
        ("\u{1b}]52;c;aGk=\u{7}", "␛]52;c;aGk=␇"),
        ("\u{9b}31m", "␛31m"),
        ("nul\0 del\u{7f}", "nul␀ del␡"),
        ("a\tb", "a    b"),
        ("one\r\ntwo", "one␍␊two"),
        ("a\u{202e}b\u{2066}c", "a<U+202E>b<U+2066>c"),
        ("line\u{2028}separator", "line␊separator"),
        ("👩‍👩‍👧 각", "👩‍👩‍👧 각"),
    ];
    for (foreign, clean) in table {
        assert_eq!(sanitize(foreign).as_str(), clean, "{foreign:?}");
    }
    assert_eq!(
        sanitize_with("one\r\ntwo\nthree", Newline::Space).as_str(),
        "one two three"
    );
    let lines: Vec<_> = sanitize_lines("one\r\n\u{1b}two");
    assert_eq!(lines, [Clean::literal("one"), Clean::literal("␛two")]);
}

#[test]
fn hiding_characters_are_named_unless_a_script_or_emoji_needs_them() {
    let marks = |n| format!("a{}b", "\u{301}".repeat(n));
    let flood = format!("{}<U+0301 ×495>b", &marks(5)[..11]);
    let table = [
        // Hidden or reordering.
        ("pass\u{200b}word", "pass<U+200B>word"),
        ("\u{feff}a\u{ad}b\u{2060}c", "<U+FEFF>a<U+00AD>b<U+2060>c"),
        ("\u{200e}\u{200f}\u{61c}", "<U+200E><U+200F><U+061C>"),
        ("a\u{200d}b\u{200c}c", "a<U+200D>b<U+200C>c"),
        ("\u{3164}\u{115f}\u{2062}", "<U+3164><U+115F><U+2062>"),
        ("a\u{e0041}\u{e0042}", "a<U+E0041><U+E0042>"),
        (
            "a\u{e0101}b\u{fe01}c\u{fe0f}",
            "a<U+E0101>b<U+FE01>c<U+FE0F>",
        ),
        ("🙂\u{fe0f}\u{fe0f}\u{e0100}", "🙂\u{fe0f}<U+FE0F><U+E0100>"),
        ("x\u{200b}\u{200b}\u{200b}", "x<U+200B ×3>"),
        ("👩\u{200d}x", "👩<U+200D>x"),
        ("🏴\u{e0067}\u{e0062}x", "🏴<U+E0067><U+E0062>x"),
        // Meaningful joiners, selectors and tags.
        ("👩‍👩‍👧 👩🏽‍🚀 ❤️‍🔥 1️⃣ #️⃣ ⚠️", "👩‍👩‍👧 👩🏽‍🚀 ❤️‍🔥 1️⃣ #️⃣ ⚠️"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 🏴‍☠️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 🏴‍☠️"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("क्\u{200d}ष ශ්\u{200d}රී", "क्\u{200d}ष ශ්\u{200d}රී"),
        (
            "葛\u{e0100} שָׁ֑לוֹם نَصٌّ ที่ e\u{301}\u{323} 각",
            "葛\u{e0100} שָׁ֑לוֹם نَصٌّ ที่ e\u{301}\u{323} 각",
        ),
        (&marks(5), &marks(5)),
        (&marks(500), &flood),
    ];
    for (foreign, clean) in table {
        assert_eq!(sanitize(foreign).as_str(), clean, "{foreign:?}");
    }
    // Alternating marks are as much of a flood as a repeated one.
    let mixed = format!("a{}", "\u{301}\u{302}".repeat(50));
    let shown = sanitize(&mixed);
    assert_eq!(shown.matches("<U+03").count(), 95, "{shown}");
}

#[test]
fn texts_are_cut_on_grapheme_borders() {
    let table = [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("漢字かな", 5, "漢字…"),
        ("漢字かな", 4, "漢…"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
    ];
    for (text, max, cut) in table {
        assert_eq!(truncate(text, max), cut, "{text:?} at {max}");
    }
}

#[test]
fn rows_break_between_words() {
    let table: [(&str, usize, &[&str]); 9] = [
        ("", 5, &[""]),
        ("any", 0, &[]),
        ("one two three", 7, &["one two", "three"]),
        ("one two three", 5, &["one", "two", "three"]),
        ("abcdefgh", 3, &["abc", "def", "gh"]),
        ("a bcdefgh", 4, &["a bc", "defg", "h"]),
        ("漢字かな", 5, &["漢字", "かな"]),
        ("漢a", 1, &["…", "a"]),
        ("a  b", 9, &["a  b"]),
    ];
    for (text, max, rows) in table {
        assert_eq!(wrap(text, max), rows, "{text:?} at {max}");
    }
}

#[test]
fn ascii_forms_keep_the_meaning() {
    let table = [
        ("\u{1b}[0m…", "^[[0m..."),
        ("12 − 7 × 2", "12 - 7 x 2"),
        ("café", "caf\\u{e9}"),
        ("a\nb\u{202e}\u{fffd}", "a\\nb<U+202E>?"),
    ];
    for (text, plain) in table {
        assert_eq!(sanitize(text).plain_ascii().as_str(), plain);
    }
}

#[test]
fn a_percent_sign_stays_with_its_number() {
    assert_eq!(
        wrap("larger than 43.3 % of all", 16),
        ["larger than", "43.3 % of all"]
    );
    assert_eq!(wrap("43.3 %", 4), ["43.3", " %"]);
}

proptest! {
    #[test]
    fn hidden_characters_never_get_through(
        text in "[a\u{301}\u{302}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}\u{ad}\u{feff}\u{fe0f}\u{e0041}\u{e0067}\u{e007f}🏴👩ش\u{94d}क葛1\n]{0,40}"
    ) {
        let clean = sanitize(&text);
        prop_assert!(is_clean(&clean));
        let again = sanitize(&clean);
        prop_assert_eq!(again.as_str(), clean.as_str());
        let hidden = |c| matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{ad}' | '\u{feff}');
        prop_assert!(!clean.chars().any(hidden), "{clean}");
    }

    #[test]
    fn nothing_foreign_gets_through(text in any::<String>(), max in 0usize..40) {
        let clean = sanitize(&text);
        prop_assert!(is_clean(&clean) && !clean.chars().any(char::is_control));
        let again = sanitize(&clean);
        prop_assert_eq!(again.as_str(), clean.as_str());
        prop_assert!(clean.truncate(max).width() <= max);
        prop_assert!(clean.plain_ascii().bytes().all(|b| (0x20..0x7f).contains(&b)));
        for row in clean.wrap(max) {
            prop_assert!(row.width() <= max, "{row:?} is wider than {max}");
        }
    }

    #[test]
    fn wrapping_keeps_every_character(text in "[a-zé漢\u{301}% ]{0,60}", max in 2usize..20) {
        let squeeze = |s: &str| s.replace(' ', "");
        prop_assert_eq!(squeeze(&wrap(&text, max).concat()), squeeze(&text));
    }
}
