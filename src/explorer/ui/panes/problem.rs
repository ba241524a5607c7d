//! The question, with relations and numbers highlighted and words missing from the vocabulary marked.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::core::text::{Newline, sanitize, sanitize_with, wrap};
use crate::explorer::app::{App, ModelState};
use crate::explorer::ui::line::{LineBuilder, paragraph};
use crate::explorer::ui::panes::{Title, failed};
use crate::explorer::ui::syntax::{Slot, highlight};
use crate::explorer::ui::theme::Theme;

pub(super) fn title(app: &App, theme: &Theme) -> Title {
    let unknown = unknown_words(app).len();
    Title {
        name: "Problem".to_owned(),
        about: sanitize(&app.run.session.origin).into_string(),
        remark: match unknown {
            0 => String::new(),
            1 => format!("{} 1 word unknown to the model", theme.glyphs.unsure),
            n => format!("{} {n} words unknown to the model", theme.glyphs.unsure),
        },
    }
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match question(app) {
        Some(question) => question_lines(question, unknown_words(app), width, theme),
        None => empty(app, width, theme),
    }
}

fn question(app: &App) -> Option<&str> {
    let problem = app
        .run
        .session
        .problem
        .as_ref()
        .map(|p| p.question.as_str());
    problem.or_else(|| {
        app.run
            .session
            .run
            .as_ref()
            .map(|run| run.question.as_str())
    })
}

fn unknown_words(app: &App) -> &[String] {
    app.run
        .session
        .run
        .as_ref()
        .map_or(&[], |run| run.unknown_words.as_slice())
}

/// The text shown while there is no question.
fn empty(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if let Some(failure) = &app.chrome.failure {
        return failed(failure, width, theme);
    }
    let text = match &app.model.state {
        ModelState::Ready { .. } if app.library.problems.is_empty() => {
            "No problem is open. Press n to type a question."
        }
        ModelState::Ready { .. } => {
            "No problem is open. Press o to pick one, n to type a question."
        }
        _ => "The first problem opens when the model is ready.",
    };
    paragraph(text, width, 0, theme.dim)
}

fn question_lines(
    question: &str,
    unknown: &[String],
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let text = mark_unknown(&sanitize_with(question, Newline::Space), unknown);
    let styles = styles_of(&text, unknown, theme);
    let mut from = 0;
    wrap(&text, width)
        .into_iter()
        .map(|part| {
            let Some(start) = text.get(from..).and_then(|rest| rest.find(&part)) else {
                return Line::from(part);
            };
            let (start, end) = (from + start, from + start + part.len());
            from = end;
            styled(&text, start, end, &styles)
        })
        .collect()
}

/// Puts a question mark after each unknown word, so that it is visible without any style.
fn mark_unknown(text: &str, unknown: &[String]) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut rest = text;
    for word in unknown {
        let word = sanitize(word);
        if let Some(at) = find_word(rest, &word) {
            let end = at + word.len();
            marked.push_str(&rest[..end]);
            marked.push_str("[?]");
            rest = &rest[end..];
        }
    }
    marked + rest
}

/// Finds a word that is not part of a longer one.
fn find_word(text: &str, word: &str) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric();
    text.match_indices(word)
        .find(|(at, _)| {
            let before = text[..*at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !(before.is_some_and(is_word) && word.starts_with(is_word)
                || after.is_some_and(is_word) && word.ends_with(is_word))
        })
        .map(|(at, _)| at)
}

/// The styles of the text as `(end, style)` pairs, in order and without gaps.
fn styles_of(text: &str, unknown: &[String], theme: &Theme) -> Vec<(usize, Style)> {
    let mut ends: Vec<(usize, Style)> = highlight(text)
        .into_iter()
        .map(|(range, slot)| {
            let style = match slot {
                Slot::Plain => theme.text,
                Slot::Number => theme.number,
                Slot::Relation => theme.relation,
                Slot::Ask => theme.ask,
            };
            (range.end, style)
        })
        .collect();
    let mut from = 0;
    for word in unknown {
        let word = format!("{}[?]", sanitize(word));
        let Some(at) = text[from..].find(&word) else {
            continue;
        };
        let (start, end) = (from + at, from + at + word.len());
        let style_at = |at: usize| ends.iter().find(|(end, _)| *end > at).map(|(_, s)| *s);
        let before = style_at(start).unwrap_or(theme.text);
        ends.retain(|(e, _)| *e <= start || *e > end);
        let place = ends.partition_point(|(e, _)| *e <= start);
        ends.splice(place..place, [(start, before), (end, theme.unknown)]);
        from = end;
    }
    ends
}

fn styled(text: &str, start: usize, end: usize, ends: &[(usize, Style)]) -> Line<'static> {
    let mut row = LineBuilder::new();
    let mut at = start;
    for (stop, style) in ends {
        if *stop > at && at < end {
            let to = (*stop).min(end);
            if let Some(part) = text.get(at..to) {
                row = row.push(part, *style);
                at = to;
            }
        }
    }
    let mut line = row.line();
    if let Some(rest) = text.get(at..end).filter(|rest| !rest.is_empty()) {
        line.push_span(Span::raw(rest.to_owned()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::ui::glyphs::UNICODE;

    #[test]
    fn unknown_words_are_marked_as_whole_words_in_order() {
        let unknown = ["zorb".to_owned(), "an".to_owned()];
        let marked = mark_unknown("Ann has a zorb, an apple and zorbs.", &unknown);
        assert_eq!(marked, "Ann has a zorb[?], an[?] apple and zorbs.");
    }

    #[test]
    fn wrapped_lines_hold_the_whole_question() {
        let theme = Theme::palette(&UNICODE);
        let question = "Tom has 12 zorbs. He buys 7 more. How many zorbs does he have now?";
        let unknown = ["zorbs".to_owned()];
        for width in [10, 20, 33, 80] {
            let words: Vec<String> = question_lines(question, &unknown, width, &theme)
                .iter()
                .flat_map(|line| {
                    let line = line.to_string();
                    assert!(
                        crate::core::text::width(&line) <= width,
                        "{line:?} at {width}"
                    );
                    line.split_whitespace()
                        .map(ToOwned::to_owned)
                        .collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(words.join(" "), question.replacen("zorbs", "zorbs[?]", 1));
        }
    }
}
