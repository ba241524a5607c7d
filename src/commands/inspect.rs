//! `undertone inspect`: prints everything the explorer shows of one question, as JSON (`undertone.inspect/1`) or text.

use std::collections::BTreeSet;

use serde::Serialize;

use super::meter::Meter;
use super::study::words;
use super::{budget, load, print, question, to_json};
use crate::commands::cli::{InspectArgs, ModelArgs, OffArgument};
use crate::core::error::{Error, Result};
use crate::core::problem::{Problem, Split};
use crate::core::text::{Page, count, sanitize};
use crate::core::types::{
    Ablation, AblationValue, Answer, EarlyExit, Effect, LatentIdx, Mode, ModelInfo, Phrase, Task,
    TokenRead, Verdict,
};
use crate::engine::model::Cancel;
use crate::lab::analysis::verdict::{Budget, InterimVerdict};
use crate::lab::analysis::{Workbench, problems, run};

/// The schema name and version.
pub const SCHEMA: &str = "undertone.inspect/1";

/// The report. Fields are only added.
#[derive(Debug, Serialize)]
pub struct Inspection {
    schema: &'static str,
    model: ModelInfo,
    /// The reference set: the problems whose latents serve as donors, means and null.
    reference: String,
    question: String,
    unknown_words: Vec<String>,
    input_ids: Vec<u32>,
    latents: Vec<Latent>,
    /// The answer with the given latents off; the clean answer if none is off.
    answer: Answer,
    #[serde(skip_serializing_if = "Option::is_none")]
    clean_answer: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ablation: Option<Ablation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Effect>,
    early_exit: Vec<EarlyExit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Judgement>,
}

/// One latent of the clean run.
#[derive(Debug, Serialize)]
struct Latent {
    index: LatentIdx,
    on: bool,
    norm: Option<f32>,
    entropy: Option<f32>,
    top: Vec<TokenRead>,
    /// The top tokens of the tuned lens; empty without one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learned: Vec<TokenRead>,
    phrases: Vec<Phrase>,
    /// The top decoded token at this position in the ablated run (first donor for resample).
    #[serde(skip_serializing_if = "Option::is_none")]
    top_after: Option<String>,
}

/// The verdict, with the most used figures repeated at the top level.
#[derive(Debug, Serialize)]
struct Judgement {
    #[serde(flatten)]
    verdict: Verdict,
    p_value: Option<f64>,
    null_n: usize,
    null_hits: usize,
    null_candidates_p95: usize,
    answer_without_latents: Option<String>,
}

/// Inspects one question and prints it.
///
/// # Errors
/// When the question, the model or the request fails, or, with `--check`, when the verdict is not sound.
pub fn run(args: &InspectArgs) -> Result<()> {
    if args.value == AblationValue::Donor {
        return Err(Error::usage_with_hint(
            "inspect takes no donor",
            "use undertone ablate --value donor --donor P/L",
        ));
    }
    let asked = question::read(args.question.as_deref(), args.data.as_deref(), args.index)?;
    let explorer = load(&args.model)?;
    let ask = Ask {
        mode: args.model.mode,
        off: args.off.clone(),
        value: args.value,
        top_k: args.top_k,
        verdict: args.verdict,
        budget: budget(&args.budget)?,
    };
    let inspection = inspect(&explorer, &ask, &asked.text, asked.gold.as_deref())?;
    print(&if args.json {
        to_json(&inspection)?
    } else {
        let text = Page::new(as_text(&inspection));
        if args.ascii { text.plain_ascii() } else { text }
    })?;
    match &inspection.verdict {
        Some(Judgement { verdict, .. }) if args.check && !verdict.rung.is_sound() => {
            Err(Error::VerdictNotSound {
                message: format!("the verdict is {}: {}", verdict.word(), verdict.reason),
            })
        }
        _ => Ok(()),
    }
}

/// Prints the report that replaces the explorer without a terminal: on a problem of the given list, else on the question on
/// standard input, else on the first problem of the model's task.
///
/// # Errors
/// When there is no such problem, the question cannot be read, or the model fails.
pub fn first_problem(
    model: &ModelArgs,
    given: Option<&(String, Vec<Problem>)>,
    index: usize,
) -> Result<()> {
    let asked = match given {
        Some((list, problems)) => {
            let problem = problems.get(index);
            let problem = problem.ok_or_else(|| question::no_problem(list, index, problems.len()));
            Some(question::GivenQuestion::from(problem?.clone()))
        }
        None => question::piped()?,
    };
    let explorer = load(model)?;
    let asked = match asked {
        Some(asked) => asked,
        None => question::GivenQuestion::from(first(explorer.model().info().task)?),
    };
    let ask = Ask {
        mode: model.mode,
        off: None,
        value: AblationValue::Resample,
        top_k: 5,
        verdict: true,
        budget: Budget::default(),
    };
    print(&Page::new(as_text(&inspect(
        &explorer,
        &ask,
        &asked.text,
        asked.gold.as_deref(),
    )?)))
}

/// Returns the first problem of the explorer's list.
fn first(task: Task) -> Result<Problem> {
    let problems = problems::for_task(task, Split::Test, 1, problems::LIST_SEED)
        .map_err(|e| Error::usage(e.to_string()))?;
    problems.into_iter().next().ok_or_else(|| {
        Error::usage_with_hint(
            "this model's task is not known, so there is no problem to show",
            "pass --data FILE, or pipe a question in",
        )
    })
}

struct Ask {
    mode: Option<Mode>,
    off: Option<OffArgument>,
    value: AblationValue,
    top_k: usize,
    verdict: bool,
    budget: Budget,
}

fn inspect(
    explorer: &Workbench,
    args: &Ask,
    question: &str,
    gold: Option<&str>,
) -> Result<Inspection> {
    let cancel = Cancel::new();
    let model = explorer.model();
    let ask = run::Ask {
        question,
        gold,
        steps: None,
        most_tokens: None,
        mode: args.mode.unwrap_or(model.main_mode()),
        n_latents: model.n_latents(),
        top_k: args.top_k,
    };
    let clean = explorer.run(&ask, &cancel, &mut |_| ())?;
    let n = clean.fed.len();
    let off: BTreeSet<LatentIdx> = args
        .off
        .as_ref()
        .map(|off| off.latents(n))
        .transpose()?
        .unwrap_or_default();
    let ablation = Ablation {
        off,
        value: args.value,
        ..Ablation::default()
    };
    let outcome = if ablation.is_clean() {
        None
    } else {
        Some(explorer.ablate(&clean, &ablation, &cancel)?)
    };
    let early_exit = explorer.early_exits(&clean, &cancel)?;
    let verdict = if args.verdict {
        let meter = Meter::new();
        let mut on_part = |part: InterimVerdict<'_>| {
            if let InterimVerdict::Progress(progress) = part {
                meter.line(&format!("verifying: {progress}"), false);
            }
        };
        let v = explorer.verdict(&clean, &early_exit, &args.budget, &mut on_part, &cancel);
        meter.finish();
        let v = v?;
        Some(Judgement {
            p_value: v.null.p_value,
            null_n: v.null.n,
            null_hits: v.null.hits,
            null_candidates_p95: v.null.candidates_p95,
            answer_without_latents: v.necessity.answer_without_latents.clone(),
            verdict: v,
        })
    } else {
        None
    };
    let mut latents = Vec::new();
    for (index, position) in clean.run.latents() {
        let projection = position.projection.clone();
        latents.push(Latent {
            index,
            on: !ablation.off.contains(&index),
            norm: position.norm,
            entropy: projection.as_ref().map(|p| p.entropy),
            top: projection.map(|p| p.top).unwrap_or_default(),
            learned: clean
                .run
                .learned_at(index)
                .map_or_else(Vec::new, |read| read.top.clone()),
            phrases: explorer.phrases(&clean, index, &cancel)?,
            top_after: outcome
                .as_ref()
                .and_then(|o| o.latents_after.get(index.0 - 1).cloned()),
        });
    }
    let clean_answer = clean.run.answer.clone();
    let (answer, clean_answer, effect) = match outcome {
        Some(outcome) => (outcome.answer, Some(clean_answer), Some(outcome.effect)),
        None => (clean_answer, None, None),
    };
    Ok(Inspection {
        schema: SCHEMA,
        model: explorer.model().info().clone(),
        reference: explorer.reference().origin.clone(),
        question: clean.run.question.clone(),
        unknown_words: clean.run.unknown_words.clone(),
        input_ids: clean.run.input_ids.clone(),
        latents,
        answer,
        clean_answer,
        ablation: effect.is_some().then_some(ablation),
        effect,
        early_exit,
        verdict,
    })
}

fn as_text(i: &Inspection) -> String {
    let clean = |s: &str| sanitize(s).to_string();
    let value = |v: &Option<String>| v.as_deref().map_or_else(|| "no answer".to_owned(), clean);
    let mut out = format!(
        "{}\n\n{}\n",
        clean(&words::model(&i.model)),
        clean(&i.question)
    );
    if !i.unknown_words.is_empty() {
        out += &clean(&words::unknown(&i.unknown_words));
        out.push('\n');
    }
    out.push('\n');
    for latent in &i.latents {
        out += &format!(
            "latent {}{}  entropy {:.2}\n",
            latent.index,
            if latent.on { "" } else { " [off]" },
            latent.entropy.unwrap_or(0.0)
        );
        for (rank, t) in latent.top.iter().enumerate() {
            out += &format!(
                "  {:>2}  {:<16} p {:.4}  logit {:.3}\n",
                rank + 1,
                clean(&t.text),
                t.prob,
                t.logit
            );
        }
        for t in &latent.learned {
            out += &format!("  learned lens  {:<16} p {:.4}\n", clean(&t.text), t.prob);
        }
        for phrase in &latent.phrases {
            let lift = phrase
                .lift
                .map_or_else(|| "n/a".to_owned(), |l| format!("{l:+.2}"));
            let mark = if phrase.filler {
                " (filler)"
            } else if phrase.lift.is_some_and(|l| l <= 0.0) {
                " (decoder prior)"
            } else {
                ""
            };
            out += &format!(
                "  phrase  {:<28} log-prob {:.2}  lift {lift}{mark}\n",
                clean(&phrase.text),
                phrase.logprob
            );
        }
    }
    for exit in &i.early_exit {
        out += &format!("after {} latents  {}\n", exit.k, value(&exit.value));
    }
    let correct = words::correct(i.answer.correct);
    out += &format!("\nanswer  {}{correct}\n", value(&i.answer.value));
    if let (Some(clean_answer), Some(effect), Some(ablation)) =
        (&i.clean_answer, &i.effect, &i.ablation)
    {
        out += &format!(
            "clean answer  {}; {} by {}: log-prob {:+.3}, KL {:.3}, size {}, sham {:.1e}\n",
            value(&clean_answer.value),
            effect.variants().outcome().as_str(),
            ablation.value,
            effect.delta_logprob,
            effect.kl,
            effect
                .relative_size
                .map_or_else(|| "n/a".to_owned(), |s| format!("{s:.2}")),
            effect.sham_max_diff
        );
        if let Some(d) = &effect.donors {
            let rate = words::flip_rate(d.variants());
            let rate = rate.map_or_else(String::new, |rate| format!("{rate}; "));
            let interval = d.delta_logprob_ci95.map_or_else(
                || "has no interval".to_owned(),
                |(low, high)| format!("95% [{low:.2}, {high:.2}]"),
            );
            out += &format!("donors  {rate}mean change in log-prob {interval}\n");
        }
    }
    if let Some(judged) = &i.verdict {
        out += &verdict_text(&judged.verdict);
    }
    out
}

fn verdict_text(v: &Verdict) -> String {
    let clean = |s: &str| sanitize(s).to_string();
    let mut out = format!("\nverdict  {}: {}\n", v.word(), clean(&v.reason));
    for (n, step) in v.steps.iter().enumerate() {
        out += &format!("  step {}  {}\n", n + 1, clean(&step.text));
        if let Some(t) = v.tracks.iter().flat_map(|t| &t.steps).find(|t| t.step == n) {
            out += &format!(
                "    edits  latent {}: {} of {} moved as predicted, {} ineligible; {} of {} controls stayed; chance {:.4}, p {:.1e}: {}\n",
                t.latent,
                t.moved,
                t.edits,
                t.ineligible,
                t.still,
                t.controls,
                t.pi0,
                t.p_value,
                t.standing.as_str()
            );
        }
        if let Some(u) = v.used.iter().flat_map(|u| &u.steps).find(|u| u.step == n) {
            out += &format!(
                "    replaced  latent {}: {} of {} moved the answer as predicted, {} of {} with the same value left it; chance {:.4}, p {:.1e}: {}\n",
                u.latent,
                u.moved,
                u.different,
                u.kept,
                u.same,
                u.pi0,
                u.p_value,
                u.standing.as_str()
            );
        }
    }
    out += &format!(
        "  {}, {}, {} (null n {}, {})\n",
        count(v.candidates, "candidate"),
        count(v.traces, "trace"),
        v.null
            .p_value
            .map_or_else(|| "no p".to_owned(), |p| format!("p {p:.4}")),
        v.null.n,
        match v.null.searches {
            1 => "1 search".to_owned(),
            n => format!("{n} searches"),
        }
    );
    for note in &v.notes {
        out += &format!("  note  {}\n", clean(note));
    }
    if let Some(t) = &v.tracks {
        out += &format!(
            "  edits  {} of {} answered as predicted\n",
            t.answered,
            t.edits.len()
        );
        for place in &t.places {
            out += &format!("    {}\n", clean(&place.summary()));
        }
        for rival in &t.rivals {
            out += &format!(
                "    rival  {}: {} of {} answered as it predicts\n",
                clean(&rival.text()),
                rival.answered,
                rival.edits
            );
        }
    }
    for t in &v.tried {
        out += &format!(
            "  tried  {}: {}{}, {} tested, null {} of {}, {}\n",
            clean(&t.name),
            count(t.traces, "trace"),
            if t.capped {
                " (cut short by a limit)"
            } else {
                ""
            },
            t.tested,
            t.null.hits,
            t.null.n,
            count(t.runs, "run")
        );
    }
    out
}
