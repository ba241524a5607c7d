//! The evidence of a verdict as tables: each step with its tests, every edit and replaced latent, competing traces, and the
//! strategies tried. The most important columns come first, as a narrow screen shows no more. What a row says about one latent
//! has the latent's number in the column `latent`.

use super::document::{Cell, Mark, Sign, Table, Tone, Unit};
use super::number::{p_value, plain};
use super::run::listed;
use super::verdict::standing;
use crate::core::text::count;
use crate::core::types::{
    Attempt, EditRun, LatentIdx, Patch, PlaceTest, Standing, TraceStep, Tracks, Used, ValueSource,
    Verdict,
};

/// Returns the tables that have rows. With `timed`, strategies show how long they took.
#[must_use]
pub fn tables(verdict: &Verdict, timed: bool) -> Vec<Table> {
    let tracks = verdict.tracks.as_ref();
    let used = verdict.used.as_ref();
    let tables = [
        steps(verdict),
        places(tracks.map_or(&[], |t| &t.places)),
        edits(tracks.map_or(&[], |t| &t.edits)),
        patches(used.map_or(&[], |u| &u.patches)),
        nodes(verdict),
        competing(verdict),
        tries(&verdict.tried, timed),
    ];
    tables
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
}

/// Returns the latent at which a step is read.
#[must_use]
pub fn latent_of(step: &TraceStep) -> Option<LatentIdx> {
    match step.result.source {
        ValueSource::Latent { latent, .. } => Some(latent),
        _ => None,
    }
}

fn of(n: usize, all: usize) -> String {
    format!("{n} of {all}")
}

fn said(answer: Option<&String>) -> String {
    answer.map_or("none", String::as_str).to_owned()
}

/// Returns a mark for a single trial.
fn passed(holds: bool) -> Mark {
    if holds { Mark::HOLDS } else { Mark::FAILS }
}

fn steps(verdict: &Verdict) -> Table {
    let mut table = Table::new(
        "steps",
        "Steps",
        "",
        &[
            ("step", "step"),
            ("latent", "latent"),
            ("moved", "edits"),
            ("controls", "controls"),
            ("replaced", "replaced"),
            ("kept", "same"),
            ("ineligible", "edits answered otherwise"),
            ("p_edits", "p of the edits (by chance)"),
            ("p_replaced", "p of the replaced (by chance)"),
            ("own", "of donors whose own answer is not the predicted one"),
        ],
    );
    let p = |p: f64, pi0: f64| Cell::Text(format!("{} ({})", p_value(p), plain(pi0, 3)));
    for (at, step) in verdict.steps.iter().enumerate() {
        let mut row = vec![
            Cell::Text(format!("{} {}", at + 1, step.text)),
            latent_of(step).map_or(Cell::text("answer"), |latent| Cell::Count(latent.0)),
        ];
        row.resize(table.columns.len(), Cell::None(""));
        let tracks = verdict.tracks.iter().flat_map(|t| &t.steps);
        if let Some(t) = tracks.into_iter().find(|t| t.step == at) {
            row[2] = Cell::Marked(standing(t.standing), of(t.moved, t.edits));
            row[3] = Cell::Text(of(t.still, t.controls));
            row[6] = Cell::Count(t.ineligible);
            row[7] = p(t.p_value, t.pi0);
        }
        let used = verdict.used.iter().flat_map(|u| &u.steps);
        if let Some(u) = used.into_iter().find(|u| u.step == at) {
            let own = &u.different_discriminating;
            row[4] = Cell::Marked(standing(u.standing), of(u.moved, u.different));
            row[5] = Cell::Text(of(u.kept, u.same));
            row[8] = p(u.p_value, u.pi0);
            row[9] = Cell::Text(format!(
                "{} predicted, {} own, {} neither",
                of(own.predicted, own.n),
                own.own,
                own.neither
            ));
        }
        table.push(row);
    }
    table.notes = notes(verdict);
    table
}

/// Explains the figures of the steps.
fn notes(verdict: &Verdict) -> Vec<String> {
    let mut notes = vec![
        "Edits: the latent moved as predicted, of the edits that were answered as predicted; controls: it stayed where it must. Every edit \
         counts for or against the trace."
            .to_owned(),
        "Replaced: donors with another value that moved the answer as predicted; same: donors with the same value that left it unchanged."
            .to_owned(),
    ];
    if let Some(Tracks {
        answered,
        edits,
        tests,
        ..
    }) = &verdict.tracks
    {
        notes.push(format!(
            "{} edits were answered as predicted; this is trace {tests} that was tested, so its p-values are multiplied by {}.",
            of(*answered, edits.len()),
            tests * (tests + 1)
        ));
    }
    if let Some(Used {
        sham_max_diff,
        sham_path,
        ..
    }) = &verdict.used
    {
        let path = sham_path.map_or_else(String::new, |moved| {
            format!(
                "; recomputed and written back like a donor's, they move the log-prob by {}",
                Unit::Tiny.words(moved)
            )
        });
        notes.push(format!(
            "Own values written back move no logit by more than {}{path}.",
            Unit::Tiny.words(*sham_max_diff)
        ));
    }
    notes
}

fn places(places: &[PlaceTest]) -> Table {
    let mut table = Table::new(
        "places",
        "Place of the question",
        "",
        &[
            ("place", "place"),
            ("role", "role"),
            ("predicted", "predicted"),
            ("ignored", "left it"),
            ("byte", "at byte"),
            ("must", "the answer must"),
        ],
    );
    for place in places {
        let (role, ignored, must) = if place.used {
            let ignored = Cell::Text(of(place.ignored, place.edits));
            ("in the trace", ignored, "become the predicted one")
        } else {
            ("control", Cell::None(""), "stay")
        };
        table.push(vec![
            Cell::text(&place.text),
            Cell::text(role),
            Cell::Marked(standing(place.standing), of(place.answered, place.edits)),
            ignored,
            place.start.map_or(Cell::None(""), Cell::Count),
            Cell::text(must),
        ]);
    }
    table
}

fn edits(edits: &[EditRun]) -> Table {
    let mut table = Table::new(
        "edits",
        count(edits.len(), "edit"),
        "",
        &[
            ("change", "change"),
            ("predicted", "predicted"),
            ("answered", "answered"),
            ("latents", "latents (= must stay)"),
            ("question", "question"),
        ],
    );
    for edit in edits {
        let reads = edit.reads.iter().map(|read| {
            let stay = if read.concerns { "" } else { "=" };
            let instead = match (read.shown, &read.observed) {
                (true, _) => String::new(),
                (false, Some(other)) => format!(" ({other})"),
                (false, None) => " (none)".to_owned(),
            };
            format!("{stay}{}{instead}", read.expected)
        });
        let reads = reads.collect::<Vec<_>>().join("  ");
        let (answered, latents) = if edit.eligible {
            let all_shown = edit.reads.iter().all(|read| read.shown);
            (Mark(Sign::Yes, Tone::Plain), passed(all_shown))
        } else {
            (Mark(Sign::No, Tone::Warn), Mark::UNTESTED)
        };
        table.push(vec![
            Cell::text(&edit.change),
            Cell::text(&edit.expected),
            Cell::Marked(answered, said(edit.answer.as_ref())),
            Cell::Marked(latents, reads),
            Cell::text(&edit.question),
        ]);
    }
    table
}

fn patches(patches: &[Patch]) -> Table {
    let mut table = Table::new(
        "patches",
        count(patches.len(), "replaced latent"),
        "",
        &[
            ("value", "replaced by"),
            ("latent", "latent"),
            ("predicted", "predicted"),
            ("answered", "answered"),
            ("delta_clean", "clean log-p"),
            ("delta_predicted", "pred log-p"),
            ("also", "replaced with it"),
            ("size", "relative size"),
            ("own", "donor's answer"),
            ("donor", "taken from"),
        ],
    );
    for patch in patches {
        let same = if patch.same { " (same value)" } else { "" };
        table.push(vec![
            Cell::Text(format!("one of {}{same}", patch.value)),
            Cell::Count(patch.latent.0),
            Cell::text(&patch.expected),
            Cell::Marked(passed(patch.passed), said(patch.answer.as_ref())),
            Cell::Number(patch.delta_clean, Unit::Change),
            Cell::Number(patch.delta_expected, Unit::Change),
            listed(patch.also.iter().map(LatentIdx::to_string)),
            Cell::Number(patch.relative_size, Unit::Plain),
            patch.own.as_ref().map_or(Cell::None(""), Cell::text),
            Cell::text(&patch.donor),
        ]);
    }
    table
}

fn nodes(verdict: &Verdict) -> Table {
    let mut table = Table::new(
        "nodes",
        "Competing nodes",
        "",
        &[
            ("name", "at"),
            ("latent", "latent"),
            ("all", "all nodes"),
            ("reached", "reached"),
            ("likeliest", "likeliest"),
            ("each", "each (? no chain of facts leads there)"),
            ("away", "facts away"),
        ],
    );
    for latent in &verdict.nodes {
        let (all, reached, top) = latent.masses();
        let each = latent.nodes.iter().map(|node| {
            let mark = if node.facts.is_some() { "" } else { "?" };
            format!("{}{mark} {}", node.node, plain(node.probability, 2))
        });
        let away = latent.nodes.iter().filter_map(|node| {
            let facts = count(node.facts?, "fact");
            Some(format!("{} {facts}", node.node))
        });
        let mut row = vec![Cell::text("projection"), Cell::Count(latent.latent.0)];
        row.extend([all, reached, top].map(|mass| Cell::Number(mass, Unit::Plain)));
        row.push(Cell::Text(each.collect::<Vec<_>>().join("  ")));
        row.push(Cell::Text(away.collect::<Vec<_>>().join(", ")));
        table.push(row);
    }
    table
}

/// Returns the rivals that were scored on the edits, or else the other traces that were found.
fn competing(verdict: &Verdict) -> Table {
    let mut table = Table::new(
        "competing",
        "Competing traces",
        "",
        &[
            ("rank", "rank"),
            ("predicted", "edits answered as it predicts"),
            ("trace", "trace"),
        ],
    );
    let rivals = verdict.tracks.as_ref().map_or(&[][..], |t| &t.rivals);
    let scored = rivals.iter().map(|rival| {
        let score = Cell::Text(of(rival.answered, rival.edits));
        (score, &rival.steps)
    });
    let found = verdict.competing.iter().filter(|_| rivals.is_empty());
    let found = found.map(|steps| (Cell::None(""), steps));
    for ((score, steps), rank) in scored.chain(found).zip(1..) {
        table.push(vec![
            Cell::Count(rank),
            score,
            steps_in_line(steps, &verdict.steps),
        ]);
    }
    table
}

/// Returns the steps of a trace. Equal numbers of the question look alike, so their place is given where nothing else differs.
fn steps_in_line(steps: &[TraceStep], own: &[TraceStep]) -> Cell {
    let text = steps.iter().enumerate().map(|(i, step)| {
        let same = own.get(i).is_some_and(|o| o.text == step.text && o != step);
        let places = step
            .operands
            .iter()
            .filter_map(|operand| match operand.source {
                ValueSource::Question { start, .. } if same => {
                    Some(format!("{} at byte {start}", operand.text))
                }
                _ => None,
            });
        match places.collect::<Vec<_>>() {
            places if places.is_empty() => step.text.clone(),
            places => format!("{} ({})", step.text, places.join(", ")),
        }
    });
    Cell::Text(text.collect::<Vec<_>>().join("; "))
}

fn tries(tried: &[Attempt], timed: bool) -> Table {
    let mut table = Table::new(
        "tried",
        "Tried, in order",
        "",
        &[
            ("strategy", "strategy"),
            ("traces", "traces"),
            ("tested", "tested"),
            ("null", "null"),
            ("runs", "runs"),
            ("candidates", "candidates"),
            ("tracks", "by edits"),
            ("used", "by replaced latents"),
        ],
    );
    let word = |s: Option<Standing>| Cell::text(s.map_or("not run", Standing::as_str));
    for t in tried {
        let time = match t.elapsed_ms {
            ms if timed && ms > 0.0 => format!(", {ms:.0} ms"),
            _ => String::new(),
        };
        let capped = if t.capped { "+" } else { "" };
        table.push(vec![
            Cell::text(&t.name),
            Cell::Text(format!("{}{capped}", t.traces)),
            Cell::Count(t.tested),
            Cell::Text(of(t.null.hits, t.null.n)),
            Cell::Text(format!("{}{time}", t.runs)),
            Cell::Count(t.candidates),
            word(t.tracks),
            word(t.used),
        ]);
    }
    table
}
