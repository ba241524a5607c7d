//! The evidence behind the verdict: each step with its tests, every edit, every interchange, and every strategy tried.

mod places;

use ratatui::style::Style;
use ratatui::text::Line;

use super::{Sheet, block};
use crate::core::text::{count, sanitize};
use crate::core::types::{
    EditRun, LatentNodes, Patch, Standing, StepTracks, StepUse, TraceStep, Try, Verdict,
};
use crate::explorer::app::App;
use crate::explorer::app::evidence::{EvidenceRow, evidence_rows, latent_of};
use crate::explorer::ui::line::{Row, cut, heading, paragraph};
use crate::explorer::ui::number::{p_value, plain, signed};
use crate::explorer::ui::panes::verdict::rung_mark;
use crate::explorer::ui::theme::Theme;

/// The position of the first column, and the distance between columns.
#[derive(Clone, Copy)]
struct Columns {
    text: usize,
    each: usize,
}

impl Columns {
    fn new(width: usize) -> Self {
        if width < 100 {
            Self { text: 22, each: 14 }
        } else {
            Self { text: 36, each: 18 }
        }
    }
}

pub(super) fn about(app: &App) -> String {
    let verdict = app.session.verdict.as_ref();
    verdict.map_or_else(String::new, |v| v.word().to_owned())
}

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let Some(verdict) = &app.session.verdict else {
        return Sheet {
            head: paragraph("No verdict yet", width, 0, theme.dim),
            ..Sheet::default()
        };
    };
    let (cursor, columns) = (app.cursor().row, Columns::new(width));
    let (mark, style) = rung_mark(verdict, theme);
    let text = format!("{mark} {}", sanitize(&verdict.reason));
    let mut sheet = Sheet {
        head: paragraph(&text, width, 0, style),
        legend: legend(verdict, theme),
        ..Sheet::default()
    };
    sheet.head.push(Line::default());
    let mut before = None;
    for (index, row) in evidence_rows(verdict).into_iter().enumerate() {
        if before.is_none_or(|b| std::mem::discriminant(&b) != std::mem::discriminant(&row)) {
            if before.is_some() {
                sheet.rows.push(Line::default());
            }
            sheet.rows.push(head(row, verdict, columns, theme));
        }
        before = Some(row);
        let is_selected = index == cursor;
        if is_selected {
            sheet.focus = sheet.rows.len();
            sheet.detail = detail(row, verdict, theme);
        }
        let line = line(row, app, verdict, (width, columns), theme);
        let width = line.width().min(width);
        sheet
            .rows
            .push(block(Row::new(), line, width, is_selected, theme).line());
    }
    sheet
}

/// The heading of a kind of rows, with its column names.
fn head(row: EvidenceRow, verdict: &Verdict, place: Columns, theme: &Theme) -> Line<'static> {
    let (name, columns): (String, [&str; 4]) = match row {
        EvidenceRow::Step(_) => (
            "Step".to_owned(),
            ["latent", "edits", "controls", "replaced / same"],
        ),
        EvidenceRow::Place(_) => (
            "Place of the question".to_owned(),
            ["role", "predicted", "left it", ""],
        ),
        EvidenceRow::Edit(_) => {
            let edits = verdict.tracks.as_ref().map_or(0, |t| t.edits.len());
            (
                count(edits, "edit"),
                ["predicted", "answered", "latents", ""],
            )
        }
        EvidenceRow::Patch(_) => {
            let patches = verdict.used.as_ref().map_or(0, |u| u.patches.len());
            (
                count(patches, "replaced latent"),
                ["predicted", "answered", "clean log-p", "pred log-p"],
            )
        }
        EvidenceRow::Nodes(_) => (
            "Competing nodes".to_owned(),
            ["all nodes", "reached", "likeliest", "each"],
        ),
        EvidenceRow::Competing(_) => (
            format!(
                "{} reach the answer; competing:",
                count(verdict.traces, "trace")
            ),
            [""; 4],
        ),
        EvidenceRow::Try(_) => (
            "Tried, in order".to_owned(),
            ["traces", "tested", "null", "runs, time"],
        ),
    };
    // Without column names the heading gets the whole line.
    let name_width = if columns[0].is_empty() {
        usize::MAX
    } else {
        place.text - 1
    };
    let mut line = heading(cut(&name, name_width, theme), theme);
    for (i, column) in columns.into_iter().enumerate() {
        line = line.to(place.text + i * place.each).push(column, theme.dim);
    }
    line.line()
}

/// A row: its subject, then its columns.
fn line(
    row: EvidenceRow,
    app: &App,
    verdict: &Verdict,
    (width, place): (usize, Columns),
    theme: &Theme,
) -> Row {
    let columns = |text: String, style: Style, cells: Vec<(String, Style)>| {
        let mut row = Row::new().push(cut(&text, place.text - 1, theme), style);
        let last = cells.len().saturating_sub(1);
        for (i, (cell, style)) in cells.into_iter().enumerate() {
            // The last column gets the rest of the line.
            let room = if i == last {
                width.saturating_sub(place.text + i * place.each)
            } else {
                place.each - 1
            };
            let cell = cut(&cell, room, theme);
            row = row.to(place.text + i * place.each).push(cell, style);
        }
        row
    };
    match row {
        EvidenceRow::Step(at) => {
            let Some(step) = verdict.steps.get(at) else {
                return Row::new();
            };
            let style = if app.step_is_off(at) {
                theme.dim
            } else {
                theme.strong
            };
            let text = format!("{} {}", at + 1, sanitize(&step.text));
            columns(text, style, step_cells(at, step, verdict, theme))
        }
        EvidenceRow::Place(at) => {
            let Some(place) = places::at(verdict, at) else {
                return Row::new();
            };
            let text = sanitize(&place.text).to_string();
            columns(text, theme.text, places::cells(place, theme))
        }
        EvidenceRow::Edit(at) => {
            let Some(edit) = verdict.tracks.as_ref().and_then(|t| t.edits.get(at)) else {
                return Row::new();
            };
            let style = if edit.eligible { theme.text } else { theme.dim };
            columns(
                sanitize(&edit.change).to_string(),
                style,
                edit_cells(edit, theme),
            )
        }
        EvidenceRow::Patch(at) => {
            let Some(patch) = verdict.used.as_ref().and_then(|u| u.patches.get(at)) else {
                return Row::new();
            };
            let same = if patch.same { " (same value)" } else { "" };
            let text = format!(
                "latent {} from one of {}{same}",
                patch.latent,
                sanitize(&patch.value)
            );
            columns(text, theme.text, patch_cells(patch, theme))
        }
        EvidenceRow::Nodes(at) => {
            let Some(latent) = verdict.nodes.get(at) else {
                return Row::new();
            };
            let text = format!("latent {}", latent.latent);
            columns(text, theme.text, node_cells(latent, theme))
        }
        EvidenceRow::Competing(at) => {
            let text = places::competing(verdict, at);
            Row::new().push(cut(&text, width, theme), theme.text)
        }
        EvidenceRow::Try(at) => {
            let Some(tried) = verdict.tried.get(at) else {
                return Row::new();
            };
            columns(tried.name.clone(), theme.text, try_cells(tried))
        }
    }
}

/// The probability of all nodes, of those the facts reach and of the likeliest, then each node by name.
fn node_cells(latent: &LatentNodes, theme: &Theme) -> Vec<(String, Style)> {
    let (all, reached, top) = latent.masses();
    let nodes = latent.nodes.iter().map(|node| {
        let mark = if node.facts.is_some() { "" } else { "?" };
        let name = sanitize(&node.node);
        format!("{name}{mark} {}", plain(node.probability, 2, theme.glyphs))
    });
    let mut cells: Vec<(String, Style)> = [all, reached, top]
        .map(|mass| (plain(mass, 2, theme.glyphs), theme.text))
        .into();
    cells.push((nodes.collect::<Vec<_>>().join("  "), theme.text));
    cells
}

fn mark(standing: Standing, theme: &Theme) -> (&'static str, Style) {
    match standing {
        Standing::Holds => (theme.glyphs.yes, theme.good),
        Standing::Contradicted => (theme.glyphs.no, theme.bad),
        Standing::Open => (theme.glyphs.unsure, theme.off),
        Standing::Untested => (theme.glyphs.none, theme.dim),
    }
}

fn tracks_of(verdict: &Verdict, step: usize) -> Option<&StepTracks> {
    verdict
        .tracks
        .as_ref()?
        .steps
        .iter()
        .find(|s| s.step == step)
}

fn use_of(verdict: &Verdict, step: usize) -> Option<&StepUse> {
    verdict.used.as_ref()?.steps.iter().find(|s| s.step == step)
}

fn step_cells(
    at: usize,
    step: &TraceStep,
    verdict: &Verdict,
    theme: &Theme,
) -> Vec<(String, Style)> {
    let place = latent_of(step).map_or("answer".to_owned(), |latent| latent.to_string());
    let mut cells = vec![(place, theme.text)];
    match tracks_of(verdict, at) {
        Some(t) => {
            let (glyph, style) = mark(t.standing, theme);
            cells.push((format!("{glyph} {} of {}", t.moved, t.edits), style));
            cells.push((format!("{} of {}", t.still, t.controls), theme.text));
        }
        None => cells.extend([
            (theme.glyphs.none.to_owned(), theme.dim),
            (String::new(), theme.dim),
        ]),
    }
    cells.push(match use_of(verdict, at) {
        Some(u) => {
            let (glyph, style) = mark(u.standing, theme);
            let text = format!("{glyph} {}/{} {}/{}", u.moved, u.different, u.kept, u.same);
            (text, style)
        }
        None => (theme.glyphs.none.to_owned(), theme.dim),
    });
    cells
}

fn edit_cells(edit: &EditRun, theme: &Theme) -> Vec<(String, Style)> {
    let answer = edit.answer.as_deref().unwrap_or("none");
    let answered = if edit.eligible { theme.text } else { theme.off };
    let reads: Vec<String> = edit
        .reads
        .iter()
        .map(|read| {
            let glyph = if read.shown {
                theme.glyphs.yes
            } else {
                theme.glyphs.no
            };
            let control = if read.concerns { "" } else { "=" };
            format!("{control}{} {glyph}", sanitize(&read.expected))
        })
        .collect();
    let style = if !edit.eligible {
        theme.dim
    } else if edit.reads.iter().all(|r| r.shown) {
        theme.good
    } else {
        theme.bad
    };
    vec![
        (sanitize(&edit.expected).to_string(), theme.text),
        (sanitize(answer).to_string(), answered),
        (reads.join("  "), style),
    ]
}

fn patch_cells(patch: &Patch, theme: &Theme) -> Vec<(String, Style)> {
    let answer = patch.answer.as_deref().unwrap_or("none");
    let (glyph, style) = if patch.passed {
        (theme.glyphs.yes, theme.good)
    } else {
        (theme.glyphs.no, theme.bad)
    };
    vec![
        (sanitize(&patch.expected).to_string(), theme.text),
        (format!("{glyph} {}", sanitize(answer)), style),
        (signed(patch.delta_clean, 2, theme.glyphs), theme.text),
        (signed(patch.delta_expected, 2, theme.glyphs), theme.text),
    ]
}

fn try_cells(tried: &Try) -> Vec<(String, Style)> {
    let capped = if tried.capped { "+" } else { "" };
    let cell = |text: String| (text, Style::default());
    vec![
        cell(format!("{}{capped}", tried.traces)),
        cell(tried.tested.to_string()),
        cell(format!("{} of {}", tried.null.hits, tried.null.n)),
        cell(if tried.elapsed_ms > 0.0 {
            format!("{}, {:.0} ms", tried.runs, tried.elapsed_ms)
        } else {
            tried.runs.to_string()
        }),
    ]
}

/// Describes the row under the cursor in a sentence.
fn detail(row: EvidenceRow, verdict: &Verdict, theme: &Theme) -> String {
    match row {
        EvidenceRow::Step(at) => {
            let mut parts = Vec::new();
            if let Some(t) = tracks_of(verdict, at) {
                parts.push(format!(
                    "edits: its latent moved as predicted in {} of {} that were answered as predicted (chance {}, p {}); {} more were answered otherwise",
                    t.moved,
                    t.edits,
                    plain(t.pi0, 3, theme.glyphs),
                    p_value(t.p_value),
                    t.ineligible
                ));
            }
            if let Some(u) = use_of(verdict, at) {
                parts.push(format!(
                    "replaced: {} of {} donors with another value moved the answer as computed (chance {}, p {}); of the {} of them whose own answer differs from the predicted one, {} gave the predicted answer, {} the donor's, {} neither; {} of {} with the same value left it unchanged",
                    u.moved,
                    u.different,
                    plain(u.pi0, 3, theme.glyphs),
                    p_value(u.p_value),
                    u.different_discriminating.n,
                    u.different_discriminating.predicted,
                    u.different_discriminating.own,
                    u.different_discriminating.neither,
                    u.kept,
                    u.same
                ));
            }
            if parts.is_empty() {
                "not tested".to_owned()
            } else {
                parts.join("; ")
            }
        }
        EvidenceRow::Place(at) => places::detail(verdict, at),
        EvidenceRow::Edit(at) => verdict
            .tracks
            .as_ref()
            .and_then(|t| t.edits.get(at))
            .map_or_else(String::new, |edit| sanitize(&edit.question).to_string()),
        EvidenceRow::Patch(at) => verdict
            .used
            .as_ref()
            .and_then(|u| u.patches.get(at))
            .map_or_else(String::new, |patch| {
                let own = patch.own.as_deref().map_or_else(String::new, |own| {
                    format!("; the donor's answer {}", sanitize(own))
                });
                let also: Vec<String> = patch.also.iter().map(ToString::to_string).collect();
                let also = if also.is_empty() {
                    String::new()
                } else {
                    format!("; latents {} replaced with it", also.join(", "))
                };
                format!(
                    "size of the change {} of the latent{also}; taken from: {}{own}",
                    plain(patch.relative_size, 2, theme.glyphs),
                    sanitize(&patch.donor)
                )
            }),
        EvidenceRow::Nodes(at) => verdict.nodes.get(at).map_or_else(String::new, |latent| {
            let nodes = latent.nodes.iter().map(|node| match node.facts {
                Some(facts) => format!("{} ({} away)", sanitize(&node.node), count(facts, "fact")),
                None => format!("{} (no chain of facts leads there)", sanitize(&node.node)),
            });
            nodes.collect::<Vec<_>>().join(", ")
        }),
        EvidenceRow::Competing(at) => places::competing(verdict, at),
        EvidenceRow::Try(at) => verdict.tried.get(at).map_or_else(String::new, |t| {
            let standing = |s: Option<Standing>| s.map_or("not run", Standing::as_str);
            format!(
                "{}: {}, {}; by edits {}, by replaced latents {}",
                t.name,
                count(t.candidates, "candidate"),
                count(t.traces, "trace"),
                standing(t.tracks),
                standing(t.used)
            )
        }),
    }
}

/// Explains the columns, and what would change the verdict.
fn legend(verdict: &Verdict, theme: &Theme) -> Vec<String> {
    let (yes, no) = (theme.glyphs.yes, theme.glyphs.no);
    let mut legend = vec![format!(
        "every edit counts for or against; latents are read where the model answers as predicted: {yes} shown, {no} not, = must stay. \
         replaced: donors with another value that moved the answer as predicted; same: donors with the same value that left it unchanged"
    )];
    if let Some(used) = &verdict.used {
        let path = used.sham_path.map_or_else(String::new, |moved| {
            format!("; recomputed and written back like a donor's, they move the log-prob by {moved:.1e}")
        });
        legend.push(format!(
            "own values written back move no logit by more than {:.1e}{path}",
            used.sham_max_diff
        ));
    }
    legend
}
