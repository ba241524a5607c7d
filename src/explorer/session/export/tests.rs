//! Every text of a session is untrusted: each is poisoned in turn and all at once, and no export lets it take effect.

use std::path::Path;

use serde_json::Value;

use super::{Format, export, json};
use crate::core::text::Page;
use crate::explorer::session::{Session, sample};

/// Returns escape sequences, bidirectional and zero-width characters, many combining marks, HTML, links and Markdown blocks.
fn poison() -> String {
    format!(
        "x\u{1b}]52;c;aGk=\u{7}\u{9b}31m\u{7f}\0\u{202e}\u{2066}\u{200b}\u{200e}\u{feff}\u{2028}a{}\r\n# head\n- item\n| cell |\
         <img src=x onerror=alert(1)><!-- --><a href=\"//e.example\">[x](javascript:alert(1)) ![i](http://e.example/i.png) <http://e.example> \
         https://e.example www.e.example me@e.example `code` &#60;script&#62; $x$ ~~s~~",
        "\u{301}".repeat(40)
    )
}

/// Collects the JSON pointers of all texts in a value.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                texts(item, &format!("{at}/{i}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                texts(
                    field,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        _ => {}
    }
}

fn read(value: &Value) -> Option<Session> {
    json::from_json(&value.to_string(), Path::new("x.json")).ok()
}

/// Checks that an export has no control or format characters.
fn is_harmless(page: &Page, of: &str) {
    for line in page.lines() {
        let foreign = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}'..='\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        assert!(!line.contains(foreign), "{of}: {line:?}");
        assert!(line.matches('\u{301}').count() % 5 == 0, "{of}: {line:?}");
    }
}

/// Checks that Markdown has no unescaped mark of the poison.
fn is_inert(page: &Page, of: &str) {
    let mut before = None;
    for (at, c) in page.char_indices() {
        let rest = &page[at..];
        let acts = [
            "<img", "<!--", "<a ", "<http", "[x]", "](", "`code", "~~s", "$x", "&#", "://", "@e.",
        ]
        .iter()
        .any(|mark| rest.starts_with(mark));
        assert!(
            !acts || before == Some('\\'),
            "{of}: {:?}",
            &page[at.saturating_sub(20)..].lines().next()
        );
        before = Some(c);
    }
    assert!(!page.contains("www.e"), "{of}");
    // Line breaks of the poison do not reach the report; a note keeps them, but indented.
    for line in page.lines() {
        assert!(
            !line.starts_with("# head") && !line.starts_with("- item"),
            "{of}: {line}"
        );
    }
}

#[test]
fn no_text_of_a_session_acts_in_an_export() {
    let clean: Value = serde_json::from_str(&export(&sample::whole(), Format::Json)).expect("JSON");
    let mut places = Vec::new();
    texts(&clean, "", &mut places);
    let mut all = clean.clone();
    let mut poisoned = 0;
    for place in &places {
        let mut one = clean.clone();
        *one.pointer_mut(place).expect("it is there") = poison().into();
        // Values outside a closed list are refused, and so is another schema.
        let Some(session) = read(&one) else {
            continue;
        };
        *all.pointer_mut(place).expect("it is there") = poison().into();
        poisoned += 1;
        let report = export(&session, Format::Markdown);
        is_harmless(&report, place);
        is_inert(&report, place);
        let again = export(&session, Format::Json);
        is_harmless(&again, place);
        assert_eq!(
            read(&serde_json::from_str(&again).expect("JSON")),
            Some(session),
            "{place}"
        );
    }
    assert!(poisoned > 60, "{poisoned} of {} texts", places.len());
    let session = read(&all).expect("all of them");
    is_harmless(&export(&session, Format::Markdown), "all");
    is_inert(&export(&session, Format::Markdown), "all");
    is_harmless(&export(&session, Format::Json), "all");
}
