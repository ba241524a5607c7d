//! The Markdown export: a readable report that states the source of every number and what the numbers do not establish.
//!
//! Untrusted text is cleaned and escaped. Counts are given with their n; full precision is in the JSON export.

use std::fmt::{self, Write as _};

use super::escape::{foreign, list, number, optional};
use super::evidence::write_evidence;
use super::latents::write_latents;
use crate::core::text::{Page, count};
use crate::core::types::{
    Ablation, AblationValue, Answer, Donors, LatentIdx, ModelInfo, Necessity, Operand, Outcome,
    Run, Rung, Source, TraceStep, Variants, Verdict,
};
use crate::explorer::session::{Note, Session, Target};

/// Returns the report.
#[must_use]
pub fn to_markdown(session: &Session) -> Page {
    let mut report = String::new();
    // Invariant: writing to a string cannot fail.
    let _ = write_report(&mut report, session);
    Page::new(report)
}

fn write_report(out: &mut String, session: &Session) -> fmt::Result {
    writeln!(out, "# Undertone session\n")?;
    if !session.origin.is_empty() {
        writeln!(out, "Problem from: {}  ", foreign(&session.origin))?;
    }
    writeln!(out, "Written by undertone {}", env!("CARGO_PKG_VERSION"))?;
    write_problem(out, session)?;
    if let Some(model) = &session.model {
        write_model(out, model)?;
    }
    if let Some(run) = &session.run {
        write_answer(out, run)?;
        write_latents(out, run, session)?;
    }
    write_ablations(out, &session.outcomes)?;
    write_early_exit(out, session)?;
    if let Some(verdict) = &session.verdict {
        write_verdict(out, verdict, session)?;
    }
    write_notes(out, &session.notes)
}

fn write_problem(out: &mut String, session: &Session) -> fmt::Result {
    let typed = session.run.as_ref().map(|run| &run.question);
    let problem = session.problem.as_ref();
    let Some(question) = problem.map(|p| &p.question).or(typed) else {
        return writeln!(out, "\nNo problem was opened");
    };
    writeln!(out, "\n## Problem\n\n{}", foreign(question))?;
    if let Some(problem) = problem {
        if !problem.steps.is_empty() {
            writeln!(out, "\nGold steps:\n")?;
            for (step, n) in problem.steps.iter().zip(1..) {
                writeln!(out, "{n}. {}", foreign(step))?;
            }
        }
        if !problem.answer.is_empty() {
            writeln!(out, "\nGold answer: {}", foreign(&problem.answer))?;
        }
    }
    let unknown = session.run.iter().flat_map(|run| &run.unknown_words);
    let unknown: Vec<String> = unknown.map(|word| foreign(word)).collect();
    if !unknown.is_empty() {
        writeln!(
            out,
            "\nWords that the vocabulary lacks: {}",
            unknown.join(", ")
        )?;
    }
    Ok(())
}

fn write_model(out: &mut String, model: &ModelInfo) -> fmt::Result {
    writeln!(out, "\n## Model\n")?;
    writeln!(
        out,
        "- Name: {} ({}, {})",
        foreign(&model.name),
        foreign(&model.family),
        foreign(&model.arch)
    )?;
    writeln!(out, "- SHA-256 of the weights: {}", foreign(&model.sha256))?;
    writeln!(
        out,
        "- Size: {} parameters, {} layers, width {}, vocabulary {}",
        model.parameters, model.layers, model.width, model.vocab
    )?;
    writeln!(
        out,
        "- Latent tokens: {}; computed in {} on {}",
        model.n_latents,
        foreign(&model.dtype),
        foreign(&model.device)
    )
}

fn write_answer(out: &mut String, run: &Run) -> fmt::Result {
    writeln!(out, "\n## Answer\n")?;
    let correct = match run.answer.correct {
        Some(true) => "equals the gold answer",
        Some(false) => "differs from the gold answer",
        None => "the gold answer is not known",
    };
    writeln!(
        out,
        "{} (log p {}; {correct})",
        answer_value(&run.answer),
        number(run.answer.logprob)
    )?;
    if run.answer.correct == Some(false) {
        writeln!(
            out,
            "\nLog p of the gold answer: {}",
            number(run.gold_logprob)
        )?;
    }
    Ok(())
}

fn write_ablations(out: &mut String, outcomes: &[Outcome]) -> fmt::Result {
    if outcomes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Ablations\n")?;
    writeln!(
        out,
        "An answer stands if no donor, draw or order flips it, is flipped if every one does, and else mixed; the share that flips it has \
         its Wilson interval at the level 0.95. Changes in log p are ablated less clean, in nats. Size is the mean relative size of the change to \
         the vectors; sham is the largest change of a logit when each latent's own value is written back.\n"
    )?;
    writeln!(
        out,
        "| Off | Value | Answer | Outcome | Flipped | Change, clean answer | Change, gold answer | KL | Size | Sham |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for Outcome {
        ablation,
        answer,
        effect,
        ..
    } in outcomes
    {
        let (answers, flipped, clean_change) =
            match &effect.donors {
                Some(d) => (
                    list(d.answers.iter().map(|(value, n)| {
                        format!("{} ({n} of {})", optional(value.as_deref()), d.n)
                    })),
                    flips(d.variants(), ablation.value),
                    mean_change(effect.delta_logprob, d),
                ),
                None => (
                    answer_value(answer),
                    if effect.flipped { "yes" } else { "no" }.to_owned(),
                    format!("{:.3}", effect.delta_logprob),
                ),
            };
        writeln!(
            out,
            "| {} | {} | {answers} | {} | {flipped} | {clean_change} | {} | {:.3} | {} | {:.1e} |",
            latents_off(ablation),
            ablation.value,
            effect.variants().outcome().as_str(),
            number(effect.delta_logprob_gold),
            effect.kl,
            number(effect.relative_size),
            effect.sham_max_diff,
        )?;
    }
    Ok(())
}

/// Formats the mean change in log-probability with its interval, if it has one.
fn mean_change(mean: f64, donors: &Donors) -> String {
    let interval = donors.delta_logprob_ci95.map_or_else(
        || "no interval".to_owned(),
        |(low, high)| format!("95 % interval {low:.3} to {high:.3}"),
    );
    format!("{mean:.3} ({interval}, n = {})", donors.n)
}

/// Formats how many variants flip the answer, with the interval of their share.
fn flips(variants: Variants, value: AblationValue) -> String {
    let name = value.variant_name().unwrap_or("variant");
    let said = format!("{} of {}", variants.flips, count(variants.n, name));
    variants.rate().map_or(said.clone(), |rate| {
        format!(
            "{said} (95 % interval {:.3} to {:.3})",
            rate.ci95.0, rate.ci95.1
        )
    })
}

fn write_early_exit(out: &mut String, session: &Session) -> fmt::Result {
    if session.early_exit.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Early exit\n")?;
    writeln!(
        out,
        "| Latents run | Answer | Log p | Log p of the clean answer |"
    )?;
    writeln!(out, "|---|---|---|---|")?;
    for exit in &session.early_exit {
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            exit.k,
            optional(exit.value.as_deref()),
            number(exit.logprob),
            number(exit.clean_logprob)
        )?;
    }
    Ok(())
}

fn write_verdict(out: &mut String, verdict: &Verdict, session: &Session) -> fmt::Result {
    let question = session.run.as_ref().map_or("", |run| run.question.as_str());
    writeln!(out, "\n## Verdict: {}\n", verdict.word())?;
    writeln!(out, "{}", foreign(&verdict.reason))?;
    if !verdict.steps.is_empty() {
        writeln!(out, "\nTrace, with the places where each value was read:\n")?;
        for (step, n) in verdict.steps.iter().zip(1..) {
            writeln!(out, "{n}. {}", trace_step(step, question))?;
        }
    }
    writeln!(
        out,
        "\n- Search: {} candidate steps in the top {} of each latent; traces that reach the answer: {}",
        verdict.candidates, verdict.top_k, verdict.traces
    )?;
    if verdict.from_question_alone {
        writeln!(
            out,
            "- A trace to the same answer also exists from the question alone, with no latent read"
        )?;
    }
    let null = &verdict.null;
    if null.n == 0 {
        writeln!(out, "- Null: not run")?;
    } else {
        writeln!(
            out,
            "- Null: with the latents of other problems {} reached this answer in {} of {} ({}); 95th percentile of \
             candidates under the null: {}",
            if null.searches > 1 {
                format!("any of the {} searches", null.searches)
            } else {
                "the same search".to_owned()
            },
            null.hits,
            null.n,
            null.p_value.map_or_else(
                || "no p: nothing was found".to_owned(),
                |p| format!("p = {p:.4}")
            ),
            null.candidates_p95
        )?;
    }
    write_necessity(out, &verdict.necessity)?;
    write_evidence(out, verdict)?;
    writeln!(out, "\nWhat this does not mean: {}", caveat(verdict.rung))
}

fn write_necessity(out: &mut String, found: &Necessity) -> fmt::Result {
    writeln!(
        out,
        "- Without latents: answer {}, change in log p of the clean answer {}",
        optional(found.answer_without_latents.as_deref()),
        number(found.delta_without_latents)
    )?;
    if found.donors == 0 {
        writeln!(out, "- All latents resampled: not run")?;
    } else {
        writeln!(
            out,
            "- All latents resampled: the answer was unchanged with {} of {} donors, mean change in log p {}",
            found.donors_kept,
            found.donors,
            number(found.delta_resampled)
        )?;
    }
    for (name, stood) in [
        ("at their means", &found.mean),
        ("hidden in place", &found.hidden),
    ] {
        match stood {
            Some(stood) => writeln!(
                out,
                "- All latents {name}: answer {}, change in log p {:+.3}: {}",
                optional(stood.answer.as_deref()),
                stood.delta_logprob,
                if stood.stands { "stands" } else { "falls" }
            )?,
            None => writeln!(out, "- All latents {name}: not run")?,
        }
    }
    writeln!(
        out,
        "- Log p counts as unchanged if it falls by at most {:.3} nats; by these tests the content of the latents is {}{}",
        found.threshold,
        if found.needed { "needed" } else { "not needed" },
        match found.places {
            Some(true) => ", but their positions are",
            Some(false) => ", and neither are their positions",
            None => "",
        }
    )
}

/// Returns what a verdict does not establish.
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

/// Formats e.g. `12 + 7 = 19 (12: question "12"; 7: question "7"; result 19: latent 1, rank 1, p 0.930)`
fn trace_step(step: &TraceStep, question: &str) -> String {
    let place = |operand: &Operand| match &operand.source {
        Source::Question { start, end } => match question.get(*start..*end) {
            Some(words) => format!("question, \"{}\"", foreign(words)),
            None => "question".to_owned(),
        },
        Source::Step { step } => format!("result of step {}", step + 1),
        Source::Latent { latent, rank, prob } => {
            format!("latent {latent}, rank {}, p {prob:.3}", rank + 1)
        }
        Source::Answer => "answer".to_owned(),
    };
    let mut read: Vec<String> = step
        .operands
        .iter()
        .map(|operand| format!("{}: {}", foreign(&operand.text), place(operand)))
        .collect();
    read.push(format!(
        "result {}: {}",
        foreign(&step.result.text),
        place(&step.result)
    ));
    format!("{} ({})", foreign(&step.text), read.join("; "))
}

fn write_notes(out: &mut String, notes: &[Note]) -> fmt::Result {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Notes\n")?;
    for note in notes {
        let about = match note.target {
            Target::Problem => "Problem".to_owned(),
            Target::Latent(latent) => format!("Latent {latent}"),
            Target::Verdict => "Verdict".to_owned(),
        };
        let tag = note.tag.map(|tag| format!(" \\[{}\\]", tag.as_str()));
        write!(
            out,
            "- {about}{} ({}, {})",
            tag.unwrap_or_default(),
            foreign(&note.author),
            utc(note.written_at)
        )?;
        let mut sep = ": ";
        for line in note.text.lines() {
            // Two trailing spaces keep the author's line break.
            write!(out, "{sep}{}", foreign(line))?;
            sep = "  \n  ";
        }
        writeln!(out)?;
    }
    Ok(())
}

fn latents_off(ablation: &Ablation) -> String {
    list(ablation.off.iter().map(LatentIdx::to_string))
}

fn answer_value(answer: &Answer) -> String {
    match &answer.value {
        Some(value) => foreign(value),
        None => format!("no answer (the model wrote \"{}\")", foreign(&answer.text)),
    }
}

/// Formats seconds since 1970-01-01 as `2026-09-21 14:13 UTC` (days to date after Howard Hinnant's `civil_from_days`).
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (rest / 3_600, rest % 3_600 / 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::session::sample;

    #[test]
    fn the_report_reads_well() {
        let version = concat!("undertone ", env!("CARGO_PKG_VERSION"));
        let report = to_markdown(&sample::session()).replace(version, "undertone [version]");
        insta::assert_snapshot!(report);
    }

    #[test]
    fn an_empty_session_is_a_report_too() {
        let report = to_markdown(&Session::default());
        assert!(report.contains("No problem was opened"), "{report}");
    }

    #[test]
    fn dates_are_right() {
        let table = [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_790_000_000, "2026-09-21 14:13 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
        ];
        for (seconds, date) in table {
            assert_eq!(utc(seconds), date);
        }
    }

    #[test]
    fn shares_never_stand_without_their_n() {
        let report = to_markdown(&sample::session());
        for line in report.lines().filter(|line| line.contains('%')) {
            assert!(line.contains("n = "), "{line}");
        }
    }
}
