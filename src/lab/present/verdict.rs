//! A verdict as tables: the ladder of rungs, the trace with the place where each value was read, and the tests. Every share
//! shows its n; PRESENT is only ever "consistent with".

use super::document::{Cell, Mark, Part, Section, Sign, Table, Tone};
use super::evidence;
use super::number::{p_value, plain, probability, signed};
use crate::core::text::count;
use crate::core::types::{
    Null, Operand, Run, Rung, Standing, StepTracks, StepUse, Stood, ValueSource, Verdict,
};

/// Returns everything known of the verdict on a run as a section.
#[must_use]
pub fn section(verdict: &Verdict, run: Option<&Run>) -> Section {
    let mut text = vec![verdict.reason.clone()];
    text.extend(verdict.notes.iter().cloned());
    text.push(format!("What this does not mean: {}", caveat(verdict.rung)));
    let mut parts = vec![ladder(Some(verdict)), trace(verdict, run)];
    parts.push(tests(verdict, run));
    parts.extend(evidence::tables(verdict, false));
    Section {
        id: "verdict",
        title: format!("Verdict: {}", verdict.word()),
        text,
        parts: parts.into_iter().map(Part::Table).collect(),
    }
}

/// Returns how a rung stands; `by_chance` says that chance may explain the trace.
#[must_use]
pub fn mark(rung: Rung, by_chance: bool) -> Mark {
    match rung {
        // A tick would overstate a trace that chance may explain.
        Rung::Present if by_chance => Mark::OPEN,
        Rung::Present | Rung::Tracks | Rung::Used => Mark::HOLDS,
        Rung::NotNeeded => Mark(Sign::No, Tone::Warn),
        Rung::NoneFound | Rung::Contradicted => Mark::FAILS,
        Rung::Abstain => Mark::OPEN,
    }
}

/// Returns how a test came out.
#[must_use]
pub fn standing(standing: Standing) -> Mark {
    match standing {
        Standing::Holds => Mark::HOLDS,
        Standing::Contradicted => Mark::FAILS,
        Standing::Open => Mark::OPEN,
        Standing::Untested => Mark::UNTESTED,
    }
}

/// Returns the rungs in order, each with its standing; without findings if there is no verdict yet.
#[must_use]
pub fn ladder(verdict: Option<&Verdict>) -> Table {
    let finding =
        |of: fn(&Verdict) -> (Mark, String)| verdict.map_or((Mark::UNTESTED, String::new()), of);
    let rungs = [
        ("not needed", finding(not_needed)),
        ("present", finding(present)),
        ("tracks", finding(tracks)),
        ("used", finding(used)),
    ];
    let row =
        |(rung, (mark, text)): (&str, _)| (Cell::Marked(mark, rung.to_owned()), Cell::Text(text));
    Table::facts("ladder", "", rungs.map(row).into())
}

const UNJUDGED: (Mark, &str) = (Mark(Sign::Unsure, Tone::Dim), "cannot be judged");

fn not_needed(verdict: &Verdict) -> (Mark, String) {
    let need = &verdict.necessity;
    let (mark, text) = match verdict.rung {
        Rung::NotNeeded => (
            Mark(Sign::Yes, Tone::Warn),
            match need.places {
                Some(true) => "the latents' contents are not needed, but their positions are",
                _ => "the answer stands without the latents' contents",
            },
        ),
        _ if !need.is_tested() => UNJUDGED,
        _ if need.needed => {
            let text = format!(
                "the answer changes or its log-prob drops when {}",
                need.fell.join(", ")
            );
            return (Mark(Sign::No, Tone::Plain), text);
        }
        _ => (UNJUDGED.0, "not established"),
    };
    (mark, text.to_owned())
}

fn present(verdict: &Verdict) -> (Mark, String) {
    let p = format!("p {}, n {}", p_value(verdict.null.p_value), verdict.null.n);
    match verdict.rung {
        Rung::Present | Rung::Tracks | Rung::Used | Rung::Contradicted => {
            if verdict.null.chance_may_explain() {
                (Mark::OPEN, format!("by itself chance may explain it, {p}"))
            } else {
                (Mark::HOLDS, format!("consistent with a trace, {p}"))
            }
        }
        Rung::NotNeeded if verdict.has_trace() => (
            Mark::UNTESTED,
            format!("a trace exists, but is not needed, {p}"),
        ),
        Rung::NotNeeded => (Mark::UNTESTED, "not granted".to_owned()),
        Rung::NoneFound => (
            Mark::FAILS,
            format!("no trace in the top {}", verdict.top_k),
        ),
        Rung::Abstain => (UNJUDGED.0, UNJUDGED.1.to_owned()),
    }
}

fn tracks(verdict: &Verdict) -> (Mark, String) {
    let Some(tracks) = &verdict.tracks else {
        return (Mark::UNTESTED, not_tested(verdict).to_owned());
    };
    let sum = |of: fn(&StepTracks) -> usize| tracks.steps.iter().map(of).sum::<usize>();
    let text = match tracks.standing {
        Standing::Holds => format!(
            "consistent with it, {} of {} edits answered as predicted; latents moved in {} of {}, stayed in {} of {} controls, p {}",
            tracks.answered,
            tracks.edits.len(),
            sum(|s| s.moved),
            sum(|s| s.edits),
            sum(|s| s.still),
            sum(|s| s.controls),
            p_value(tracks.steps.iter().map(|s| s.p_value).fold(0.0, f64::max))
        ),
        _ => tracks.reason.clone(),
    };
    (standing(tracks.standing), text)
}

fn used(verdict: &Verdict) -> (Mark, String) {
    let Some(used) = &verdict.used else {
        let text = match &verdict.tracks {
            Some(tracks) if tracks.standing != Standing::Holds => "needs a trace that tracks",
            _ => not_tested(verdict),
        };
        return (Mark::UNTESTED, text.to_owned());
    };
    let sum = |of: fn(&StepUse) -> usize| used.steps.iter().map(of).sum::<usize>();
    let text = match used.standing {
        Standing::Holds => format!(
            "the answer uses it, {} of {} donors moved it as computed ({} of the {} whose own answer is a different one), {} of {} with the same value left it unchanged",
            sum(|s| s.moved),
            sum(|s| s.different),
            sum(|s| s.different_discriminating.predicted),
            sum(|s| s.different_discriminating.n),
            sum(|s| s.kept),
            sum(|s| s.same)
        ),
        _ => used.reason.clone(),
    };
    (standing(used.standing), text)
}

fn not_tested(verdict: &Verdict) -> &'static str {
    match verdict.rung {
        Rung::NotNeeded => "not applicable, the latents are not needed",
        Rung::NoneFound => "there is no trace to test",
        Rung::Abstain => UNJUDGED.1,
        _ => "not run",
    }
}

/// Returns the steps of the trace, each with the places where its values were read.
#[must_use]
pub fn trace(verdict: &Verdict, run: Option<&Run>) -> Table {
    let question = run.map_or("", |run| run.question.as_str());
    let caption = if verdict.from_question_alone {
        "one step from the question alone gives it too"
    } else if verdict.rung == Rung::NotNeeded {
        "not needed for the answer"
    } else if verdict.decoder == "roll-out" {
        "read by roll-out"
    } else {
        ""
    };
    let columns = [
        ("step", "#"),
        ("text", "Step"),
        ("read", "Where its values were read"),
    ];
    let mut table = Table::new("trace", "Trace", caption, &columns);
    for (step, number) in verdict.steps.iter().zip(1..) {
        let operands = step.operands.iter().map(|operand| read(operand, question));
        let mut reads: Vec<String> = operands.collect();
        reads.push(format!("→ {}", read(&step.result, question)));
        table.push(vec![
            Cell::Count(number),
            Cell::text(&step.text),
            Cell::Text(reads.join(" · ")),
        ]);
    }
    table
}

/// Returns a value and its source.
fn read(operand: &Operand, question: &str) -> String {
    let text = &operand.text;
    let is_sentence = text.contains(' ');
    let place = match &operand.source {
        ValueSource::Question { start, end } => match question.get(*start..*end) {
            Some(words) if !is_sentence && words != text => format!("question “{words}”"),
            _ => "question".to_owned(),
        },
        ValueSource::Step { step } => format!("step {}", step + 1),
        ValueSource::Latent { latent, rank, prob } => {
            format!("latent {latent} rank {} p {}", rank + 1, probability(*prob))
        }
        ValueSource::Answer => "answer".to_owned(),
    };
    if is_sentence {
        format!("“{text}” {place}")
    } else {
        format!("{text} {place}")
    }
}

/// Returns how much was tried, what chance would give, and the tests of need. Empty if nothing was tested.
#[must_use]
pub fn tests(verdict: &Verdict, run: Option<&Run>) -> Table {
    let answer = run.and_then(|run| run.answer.value.as_deref());
    let answer = answer.unwrap_or("the answer");
    let need = &verdict.necessity;
    if !need.is_tested() {
        return Table::facts("tests", "", Vec::new());
    }
    let not_run = || "not run".to_owned();
    let delta = |value: Option<f64>| {
        value.map_or("–".to_owned(), |v| format!("Δ log-prob {}", signed(v, 2)))
    };
    let said = |answer: &Option<String>| answer.clone().unwrap_or("no answer".to_owned());
    let stood = |stood: &Option<Stood>| {
        stood.as_ref().map_or_else(not_run, |stood| {
            let fate = if stood.stands { "stands" } else { "falls" };
            let change = delta(Some(stood.delta_logprob));
            format!("answers {} · {change}: {fate}", said(&stood.answer))
        })
    };
    let decoder = match verdict.decoder.as_str() {
        "" => String::new(),
        decoder => format!("{decoder}, "),
    };
    let reach = if verdict.traces == 1 {
        "reaches"
    } else {
        "reach"
    };
    let rows = [
        (
            "search",
            format!(
                "{decoder}top {} · {} {reach} the answer · {} tried, 95 % of nulls try up to {}",
                verdict.top_k,
                count(verdict.traces, "trace"),
                count(verdict.candidates, "candidate"),
                verdict.null.candidates_p95,
            ),
        ),
        ("null", null(&verdict.null, answer)),
        (
            "other answers",
            verdict.null_answers.as_ref().map_or_else(not_run, |null| {
                format!(
                    "{} of {} other problems' answers are reached in these latents · p {}",
                    null.hits,
                    null.n,
                    p_value(null.p_value)
                )
            }),
        ),
        (
            "no latents",
            format!(
                "answers {} · {}",
                said(&need.answer_without_latents),
                delta(need.delta_without_latents)
            ),
        ),
        (
            "resampled",
            match need.donors {
                0 => not_run(),
                n => format!(
                    "{} of {} keep {answer} · {}",
                    need.donors_kept,
                    count(n, "donor"),
                    delta(need.delta_resampled),
                ),
            },
        ),
        ("at their means", stood(&need.mean)),
        ("hidden in place", stood(&need.hidden)),
        (
            "threshold",
            format!("a fall of at most {} nats stands", plain(need.threshold, 2)),
        ),
    ];
    let row = |(name, text)| (Cell::text(name), Cell::Text(text));
    Table::facts("tests", "Evidence", rows.map(row).into())
}

fn null(null: &Null, answer: &str) -> String {
    if null.n == 0 {
        return "not run".to_owned();
    }
    let any = match null.searches {
        0 | 1 => String::new(),
        n => format!(" by any of {n} searches"),
    };
    format!(
        "{} of {} other problems' latents give {answer}{any} · p {}",
        null.hits,
        null.n,
        p_value(null.p_value)
    )
}

/// Returns what a rung does not establish.
fn caveat(rung: Rung) -> &'static str {
    match rung {
        Rung::NotNeeded => {
            "that the latents hold nothing. They may be readable and still not decide the answer"
        }
        Rung::Present => {
            "that the model computes its answer by this trace. The trace can be read; that its latents follow \
             the question, or that the answer uses them, is not established"
        }
        Rung::Tracks => {
            "that the answer uses these latents. They follow the question as the trace predicts; that the \
             answer depends on them is not established"
        }
        Rung::Used => {
            "that the answer is right, or that this trace is all the model does. The answer follows these \
             latents as the trace computes"
        }
        Rung::Contradicted => {
            "that the model does not reason. The trace that was found is not what it does"
        }
        Rung::NoneFound => {
            "that the model does not reason. This search, at this depth, read no trace; another code may \
             hold one"
        }
        Rung::Abstain => "anything about the reasoning. The verifier cannot judge this case",
    }
}
