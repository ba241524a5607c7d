//! `undertone ablate`: switches sets of latents off, forces early exits, and edits the question.

use serde::Serialize;

use super::{
    Clean, GivenQuestion, ReferenceSet, Shown, answered, csv, edit, publish, ready, run_clean,
    words,
};
use crate::commands::cli::{ALL, AblateArgs, EditArgument};
use crate::core::answers;
use crate::core::error::Result;
use crate::core::text::Page;
use crate::core::types::{EarlyExit, LatentIdx, Outcome};
use crate::lab::analysis::run::CleanRun;
use crate::lab::present::document::{Cell, Fields, Section, Table, Unit};

/// The schema name and version.
pub const SCHEMA: &str = "undertone.ablate/1";

/// The largest width of an answer in a table.
const ANSWER: usize = 22;

/// The study.
#[derive(Debug, Serialize)]
pub struct Ablations {
    /// The answers with the delimiter forced after k latents.
    pub early_exit: Vec<EarlyExit>,
    /// The smallest k whose forced answer is the clean one.
    pub first_match: Option<usize>,
    /// The smallest k from which on every forced answer equals the last one.
    pub stable_match: Option<usize>,
    /// One outcome for each set of latents switched off, in the requested order.
    pub outcomes: Vec<Outcome>,
    /// The edited question's clean run, if an edit was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual_question: Option<Counterfactual>,
}

/// The clean run of an edited question beside the original's.
#[derive(Debug, Serialize)]
pub struct Counterfactual {
    /// The replaced text.
    pub from: String,
    /// The replacement.
    pub to: String,
    /// The edited question.
    pub question: String,
    /// Words of it that are not in the vocabulary.
    pub unknown_words: Vec<String>,
    /// Its prompt.
    pub input_ids: Vec<u32>,
    /// Its clean run, without a gold answer: the original's does not apply.
    pub clean: Clean,
    /// Whether its answer differs from the original's.
    pub answer_changed: bool,
    /// The top decoded token of each latent in both questions.
    pub latents: Vec<BothLatents>,
}

/// One latent in the original and in the edited question.
#[derive(Debug, Serialize)]
pub struct BothLatents {
    /// The latent.
    pub index: LatentIdx,
    /// Its top decoded token in the original question.
    pub original: String,
    /// Its top decoded token in the edited one; `None` if that run has no such latent.
    pub edited: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When options are incompatible, or the question, the model or an ablation fails.
pub fn run(args: &AblateArgs) -> Result<()> {
    let manner = args.ablation()?;
    let reference = if args.switches_off() {
        ReferenceSet::of(&args.manner)
    } else {
        ReferenceSet::Unneeded
    };
    let ready = ready(SCHEMA, &args.model, &args.problem, reference)?;
    let (explorer, clean, cancel) = (&ready.explorer, &ready.clean, &ready.cancel);
    let sets = if args.switches_off() {
        args.sets(ready.n_latents(&manner)?)?
    } else {
        Vec::new()
    };
    let counterfactual_question = match &args.edit {
        None => None,
        Some(edit) => {
            let asked = GivenQuestion {
                text: edit::apply(edit, &clean.run.question)?,
                gold: None,
                steps: None,
            };
            let edited = run_clean(explorer, &args.model, &asked, cancel)?;
            Some(beside(edit, clean, &edited))
        }
    };
    let exits = explorer.early_exits(clean, cancel)?;
    let outcomes = sets
        .into_iter()
        .map(|off| explorer.ablate(clean, &manner.with_off(off), cancel))
        .collect::<std::result::Result<_, _>>()?;
    let value = clean.run.answer.value.as_deref();
    let study = Ablations {
        first_match: answers::first_match(&exits, clean.mode, value),
        stable_match: answers::stable_match(&exits, clean.mode),
        early_exit: exits,
        outcomes,
        counterfactual_question,
    };
    publish(args.report, &ready.head, &study)
}

fn beside(edit: &EditArgument, original: &CleanRun, edited: &CleanRun) -> Counterfactual {
    let mut tops = edited
        .run
        .latents()
        .map(|(_, position)| position.text.clone());
    let latents = original.run.latents().map(|(index, position)| BothLatents {
        index,
        original: position.text.clone(),
        edited: tops.next(),
    });
    Counterfactual {
        from: edit.from.clone(),
        to: edit.to.clone(),
        question: edited.run.question.clone(),
        unknown_words: edited.run.unknown_words.clone(),
        input_ids: edited.run.input_ids.clone(),
        clean: Clean::from(edited),
        answer_changed: edited.run.answer.value != original.run.answer.value,
        latents: latents.collect(),
    }
}

impl Shown for Ablations {
    fn columns(&self) -> Vec<&'static str> {
        let more = [
            "answer_text",
            "answer_logprob",
            "correct",
            "delta_logprob_gold",
            "kl",
            "relative_size",
            "size_percentile",
            "sham_max_diff",
            "flip_rate_lo95",
            "flip_rate_hi95",
            "delta_logprob_lo95",
            "delta_logprob_hi95",
            "answers",
            "latents_after",
        ];
        [&["record"][..], &csv::MANNER, &csv::CELL, &more].concat()
    }

    fn records(&self) -> Vec<Fields> {
        self.outcomes.iter().map(fields).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![exits(self)];
        if let Some(first) = self.outcomes.first() {
            let about = words::manner(&first.ablation);
            sections.push(Section::untitled([about], [outcomes(&self.outcomes)]));
        }
        sections.extend(self.counterfactual_question.as_ref().map(edited));
        sections
    }
}

fn fields(outcome: &Outcome) -> Fields {
    let (answer, effect) = (&outcome.answer, &outcome.effect);
    let donors = effect.donors.as_ref();
    let rate = donors.and_then(|donors| donors.flip_rate_ci95);
    let change = donors.and_then(|donors| donors.delta_logprob_ci95);
    let answers = donors.map(|donors| json(&donors.answers));
    let mut fields = csv::manner(&outcome.ablation);
    fields.extend([
        ("record", "outcome".to_owned()),
        ("off", csv::latents(&outcome.ablation.off)),
        ("answer", csv::known(answer.value.as_deref())),
        ("flipped", effect.flipped.to_string()),
        ("delta_logprob", effect.delta_logprob.to_string()),
        ("answer_text", answer.text.clone()),
        ("answer_logprob", csv::known(answer.logprob)),
        ("correct", csv::known(answer.correct)),
        ("delta_logprob_gold", csv::known(effect.delta_logprob_gold)),
        ("kl", effect.kl.to_string()),
        ("relative_size", csv::known(effect.relative_size)),
        ("size_percentile", csv::known(effect.size_percentile)),
        ("sham_max_diff", effect.sham_max_diff.to_string()),
        ("flip_rate_lo95", csv::known(rate.map(|rate| rate.0))),
        ("flip_rate_hi95", csv::known(rate.map(|rate| rate.1))),
        (
            "delta_logprob_lo95",
            csv::known(change.map(|change| change.0)),
        ),
        (
            "delta_logprob_hi95",
            csv::known(change.map(|change| change.1)),
        ),
        ("answers", csv::known(answers.as_deref())),
        ("latents_after", json(&outcome.latents_after)),
    ]);
    fields.extend(csv::outcome(effect.variants()));
    fields
}

/// Serialises a list for one CSV field.
fn json<T: Serialize>(list: &T) -> String {
    let page = Page::json_line(list).expect("texts and counts always serialise");
    page.to_string()
}

fn exits(study: &Ablations) -> Section {
    if study.early_exit.is_empty() {
        let text = "early exit: a run in direct mode has nothing to stop early";
        return Section::untitled([text.to_owned()], []);
    }
    let mut table = Table::untitled(
        "early exit: the answer when thinking stops after k latents (written mode: tokens), its log-probability, and that \
         of the clean answer there",
        2,
        &["k", "answer", "log-prob", "clean answer's"],
    );
    for exit in &study.early_exit {
        table.push(vec![
            Cell::Count(exit.k),
            Cell::text(words::answer(exit.value.as_deref(), ANSWER)),
            Cell::number(exit.logprob, Unit::Plain),
            Cell::number(exit.clean_logprob, Unit::Plain),
        ]);
    }
    let k = |at: Option<usize>| at.map_or_else(|| "none".to_owned(), |k| k.to_string());
    table.notes.push(format!(
        "first k with the clean answer: {}; k from which on the answer stays: {}",
        k(study.first_match),
        k(study.stable_match)
    ));
    Section::untitled([], [table])
}

fn outcomes(outcomes: &[Outcome]) -> Table {
    let mut table = Table::untitled(
        format!(
            "each line: the latents that are off, the answer then (of several variants the most frequent), {}, the change in \
             log-probability of the clean and of the gold answer (nats, mean over variants), KL from clean at the first answer \
             token, the size of the change over that of the latent, the share of natural differences that are smaller, and the \
             largest difference of a logit in the sham run",
            words::OUTCOME
        ),
        1,
        &[
            "off", "answer", "outcome", "change", "gold", "KL", "size", "natural", "sham",
        ],
    );
    for outcome in outcomes {
        let effect = &outcome.effect;
        let figure = |text: Option<String>| text.map_or(Cell::None(""), Cell::Figure);
        let natural = effect.size_percentile.map(|share| format!("{share:.1} %"));
        table.push(vec![
            Cell::text(words::latents(&outcome.ablation.off)),
            Cell::text(words::answer(outcome.answer.value.as_deref(), 14)),
            Cell::text(words::outcome(effect.variants())),
            Cell::Number(effect.delta_logprob, Unit::Signed),
            Cell::number(effect.delta_logprob_gold, Unit::Signed),
            Cell::Number(effect.kl, Unit::Plain),
            figure(effect.relative_size.map(|size| format!("{size:.2}"))),
            figure(natural),
            Cell::figure(format!("{:.0e}", effect.sham_max_diff)),
        ]);
    }
    table.notes.extend(outcomes.iter().flat_map(remarks));
    table
}

/// Formats the remarks on an outcome that do not fit into the table.
fn remarks(outcome: &Outcome) -> Vec<String> {
    let effect = &outcome.effect;
    let off = words::latents(&outcome.ablation.off);
    let mut remarks = Vec::new();
    if let Some(donors) = &effect.donors {
        let variant = outcome.ablation.value.variant_name().unwrap_or("variant");
        let interval = donors.delta_logprob_ci95.map_or_else(
            || "has no interval".to_owned(),
            |(low, high)| format!("95 % [{low:+.3}, {high:+.3}]"),
        );
        let rate = words::flip_rate(donors.variants());
        let rate = rate.map_or_else(String::new, |rate| format!("{rate}; "));
        let answers: Vec<String> = donors
            .answers
            .iter()
            .map(|(value, count)| format!("{} ({count})", words::answer(value.as_deref(), 40)))
            .collect();
        remarks.push(format!(
            "off {off}: {rate}mean change {interval}; answers by {variant}: {}",
            answers.join(", ")
        ));
        let asked = outcome.ablation.variants;
        if let Some(asked) = asked.filter(|asked| (donors.n + 1..ALL).contains(asked)) {
            let n = donors.n;
            remarks.push(format!(
                "off {off}: {asked} {variant}s were requested, but the reference set has {n} that fit"
            ));
        }
    }
    if effect.is_off_distribution() {
        remarks.push(format!(
            "warning: off {off} is off the distribution: the change is larger than {:.1} % of natural differences, so an \
             effect may be that of an input the model never sees",
            effect.size_percentile.unwrap_or_default()
        ));
    }
    remarks
}

fn edited(c: &Counterfactual) -> Section {
    let changed = if c.answer_changed {
        "the answer changed"
    } else {
        "the answer did not change"
    };
    let text = vec![
        format!("edited question, {} for {}:", c.to, c.from),
        c.question.clone(),
        words::unknown(&c.unknown_words),
        answered("its clean answer", &c.clean),
        changed.to_owned(),
    ];
    let mut table = Table::untitled("", 1, &["latent", "top token", "after the edit"]);
    for latent in &c.latents {
        let edited = latent.edited.as_deref();
        table.push(vec![
            Cell::Count(latent.index.0),
            Cell::text(words::cut(&latent.original, ANSWER)),
            edited.map_or(Cell::None(""), |text| Cell::text(words::cut(text, ANSWER))),
        ]);
    }
    Section::untitled(text, [table])
}
