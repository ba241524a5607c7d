//! Edited places of the question, and rival traces scored on the same edits.

use ratatui::style::Style;

use super::{count, mark, sanitize};
use crate::core::types::{PlaceTest, Source, Verdict};
use crate::explorer::ui::theme::Theme;

/// The steps of a rival trace in one line, sanitized, with how many edits were answered as it predicts.
pub(super) fn competing(verdict: &Verdict, at: usize) -> String {
    let rivals = verdict.tracks.as_ref().map(|t| t.rivals.as_slice());
    let rival = rivals.and_then(|rivals| rivals.get(at));
    let steps = rival.map_or_else(|| verdict.competing.get(at), |rival| Some(&rival.steps));
    let own = &verdict.steps;
    let steps = steps.into_iter().flatten().enumerate();
    let text: Vec<String> = steps
        .map(|(i, step)| {
            // Equal numbers in the question look alike, so the place is shown if nothing else differs.
            let same = own.get(i).is_some_and(|o| o.text == step.text && o != step);
            let places: Vec<String> = step
                .operands
                .iter()
                .filter_map(|operand| match operand.source {
                    Source::Question { start, .. } if same => {
                        Some(format!("{} at byte {start}", operand.text))
                    }
                    _ => None,
                })
                .collect();
            let places = if places.is_empty() {
                String::new()
            } else {
                format!(" ({})", places.join(", "))
            };
            format!("{}{}", sanitize(&step.text), sanitize(&places))
        })
        .collect();
    let score = rival.map_or_else(String::new, |rival| {
        format!("{} of {}: ", rival.answered, count(rival.edits, "edit"))
    });
    format!("{score}{}", text.join("; "))
}

pub(super) fn at(verdict: &Verdict, at: usize) -> Option<&PlaceTest> {
    verdict.tracks.as_ref()?.places.get(at)
}

/// Its role, how many of its edits were answered as the trace predicts, and how many left the answer unchanged.
pub(super) fn cells(place: &PlaceTest, theme: &Theme) -> Vec<(String, Style)> {
    let (glyph, style) = mark(place.standing, theme);
    let role = if place.used {
        "in the trace"
    } else {
        "control"
    };
    let of = |n: usize| format!("{n} of {}", place.edits);
    let ignored = if place.used {
        of(place.ignored)
    } else {
        String::new()
    };
    vec![
        (role.to_owned(), theme.text),
        (format!("{glyph} {}", of(place.answered)), style),
        (ignored, theme.text),
    ]
}

pub(super) fn detail(verdict: &Verdict, number: usize) -> String {
    let Some(place) = at(verdict, number) else {
        return String::new();
    };
    let byte = place
        .start
        .map_or_else(String::new, |start| format!(" at byte {start}"));
    let must = if place.used {
        "the trace rests on it: the answer must become the predicted one"
    } else {
        "the trace does not rest on it: the answer must stay"
    };
    format!(
        "{}{byte}: {must}; {}",
        sanitize(&place.text),
        place.standing.as_str()
    )
}
