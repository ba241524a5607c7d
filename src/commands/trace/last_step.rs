//! The search for any last step, with the figures of docs/methods.md M9.3: how often the question alone, other records' latents
//! and a record's own latents reach the answer, and how often gold results are read in order.

use serde::Serialize;
use serde_json::Value;

use super::baselines::RecordPool;
use super::ours::{Item, Others, Report, depth, line};
use super::summary::{Figure, Summary};
use crate::commands::cli::{ReadsName, TraceArgs};
use crate::commands::study::csv::known;
use crate::core::problem::Ratio;
use crate::core::problem_file::decoded::Record;
use crate::core::types::Null;
use crate::lab::present::document::Table;
use crate::verify::last_step::{Operands, Reads, latent_operands, question_operands};
use crate::verify::null::null_from;
use crate::verify::paper::grid::Grid;
use crate::verify::paper::solution::Solution;

/// The numbers of top tokens in which gold results are searched.
const DEPTHS: [usize; 4] = [1, 2, 3, 5];

/// The search.
pub struct LastSteps<'a>(pub &'a TraceArgs);

/// The result on one record.
#[derive(Debug, Serialize)]
pub struct Stepped {
    index: Value,
    answer: Option<String>,
    correct: Option<bool>,
    /// Whether numbers of the question alone reach the answer.
    from_question_alone: bool,
    /// Whether they reach it together with the record's own latents.
    reached: bool,
    /// Number of steps that reach it.
    candidates: usize,
    /// Some of those steps.
    steps: Vec<String>,
    capped: bool,
    /// Why no search was possible.
    abstain: Option<String>,
    /// The null: the question with other records' latents.
    null: Null,
    /// The null: other records' answers with this record's operands.
    null_answers: Option<Answers>,
}

/// Counts of other records' answers that are reached.
#[derive(Debug, Default, Serialize)]
struct Answers {
    n: usize,
    /// Reached with numbers of the question, by two or three operands.
    hits: usize,
    /// Reached with numbers of the question, by two operands.
    hits_two_operands: usize,
    /// Reached without numbers of the question, by two or three operands.
    hits_without_question: usize,
    /// Reached without numbers of the question, by two operands.
    hits_without_question_two_operands: usize,
}

impl LastSteps<'_> {
    /// Returns the numbers of a record's latents that may be operands.
    fn read(&self, item: &Item<'_>) -> Vec<Ratio> {
        let reads = match self.0.reads {
            None | Some(ReadsName::Published) => Reads::Published,
            Some(ReadsName::All) => Reads::All,
        };
        latent_operands(&item.latents, depth(self.0), reads)
    }

    fn answers(&self, item: &Item<'_>, numbers: &[Ratio], others: &Others<'_>) -> Answers {
        let read = self.read(item);
        let (with, without) = (Operands::new(numbers, &read), Operands::new(&[], &read));
        let three = self.0.operands == 3;
        let mut tried = Answers::default();
        for answer in others.answers().filter_map(Ratio::parse) {
            tried.n += 1;
            let two = with.reaches(answer, false);
            tried.hits_two_operands += usize::from(two);
            tried.hits += usize::from(two || with.reaches(answer, three));
            let two = without.reaches(answer, false);
            tried.hits_without_question_two_operands += usize::from(two);
            tried.hits_without_question += usize::from(two || without.reaches(answer, three));
        }
        tried
    }
}

impl Report for LastSteps<'_> {
    type Part = Stepped;

    fn search(&self, _: &[Item<'_>], item: &Item<'_>, others: &Others<'_>) -> Stepped {
        let three = self.0.operands == 3;
        let numbers = question_operands(&item.record.question);
        let own = Operands::new(&numbers, &self.read(item));
        let answer = item.answer.as_deref().and_then(Ratio::parse);
        let alone = Operands::new(&numbers, &[]);
        let mut hits = 0;
        let mut counts = Vec::new();
        if let Some(answer) = answer {
            for other in others.items() {
                let read = self.read(other);
                let count = Operands::new(&numbers, &read).count(answer, three);
                hits += usize::from(count > 0);
                counts.push(count);
            }
        }
        let steps = answer.map(|answer| own.steps(answer, three, self.0.list));
        let abstain = match (&item.answer, answer) {
            (None, _) => Some("the model gave no answer".to_owned()),
            (Some(text), None) => Some(format!("the answer \"{text}\" is not a number")),
            _ => None,
        };
        Stepped {
            index: item.index(),
            answer: item.answer.clone(),
            correct: item.correct,
            from_question_alone: answer.is_some_and(|answer| alone.reaches(answer, three)),
            reached: steps.as_ref().is_some_and(|steps| !steps.is_empty()),
            candidates: answer.map_or(0, |answer| own.count(answer, three)),
            steps: steps.unwrap_or_default(),
            capped: own.is_capped(),
            abstain,
            null: null_from(counts.len(), hits, &mut counts),
            null_answers: self.0.answers.then(|| self.answers(item, &numbers, others)),
        }
    }

    fn summary(&self, items: &[Item<'_>], parts: &[Stepped], pool: &RecordPool<'_>) -> Summary {
        let mut summary = Summary::default();
        let searched = || parts.iter().filter(|part| part.abstain.is_none());
        summary.add(
            "question_alone",
            "last step: question numbers only",
            Figure::share(searched().map(|part| part.from_question_alone)),
        );
        summary.add(
            "other_latents",
            "  + another record's latents",
            Figure::mean_share(searched().map(|part| (part.null.hits, part.null.n))),
        );
        summary.add(
            "own_latents",
            "  + own latents",
            Figure::share(searched().map(|part| part.reached)),
        );
        summary.add(
            "candidates",
            "last steps of a record",
            Figure::counts(searched().map(|part| part.candidates)),
        );
        self.add_answers(&mut summary, parts);
        add_gold(&mut summary, items, pool);
        summary
    }

    fn line(&self, part: &Stepped) -> String {
        let said = match &part.abstain {
            Some(why) => why.clone(),
            None if part.reached => format!(
                "{} ({} steps, p = {:.3})",
                part.steps.first().map_or("", String::as_str),
                part.candidates,
                part.null.p_value.unwrap_or(1.0)
            ),
            None => "no step".to_owned(),
        };
        line(&part.index, part.answer.as_deref(), &said)
    }

    fn csv(&self, parts: &[Stepped]) -> Table {
        let columns = [
            "index",
            "answer",
            "correct",
            "from_question_alone",
            "reached",
            "candidates",
            "step",
            "null_n",
            "null_hits",
            "null_p",
            "null_answers_n",
            "null_answers_hits",
            "abstain",
        ];
        let records = parts.iter().map(|part| {
            let answers = part.null_answers.as_ref();
            vec![
                ("index", part.index.to_string()),
                ("answer", known(part.answer.as_deref())),
                ("correct", known(part.correct)),
                ("from_question_alone", part.from_question_alone.to_string()),
                ("reached", part.reached.to_string()),
                ("candidates", part.candidates.to_string()),
                ("step", known(part.steps.first())),
                ("null_n", part.null.n.to_string()),
                ("null_hits", part.null.hits.to_string()),
                ("null_p", known(part.null.p_value)),
                ("null_answers_n", known(answers.map(|null| null.n))),
                ("null_answers_hits", known(answers.map(|null| null.hits))),
                ("abstain", known(part.abstain.as_deref())),
            ]
        });
        Table::records(&columns, records)
    }
}

/// The name, label and accessor of a figure.
type Row = (&'static str, &'static str, fn(&Answers) -> usize);

impl LastSteps<'_> {
    /// Adds the figures on other records' answers.
    fn add_answers(&self, summary: &mut Summary, parts: &[Stepped]) {
        if !self.0.answers {
            return;
        }
        let rows: [Row; 4] = [
            (
                "other_answers",
                "another record's answer: question and own latents",
                |a| a.hits,
            ),
            ("other_answers_two", "  by two operands", |a| {
                a.hits_two_operands
            }),
            ("other_answers_read", "  own latents only", |a| {
                a.hits_without_question
            }),
            (
                "other_answers_read_two",
                "  own latents only, by two operands",
                |a| a.hits_without_question_two_operands,
            ),
        ];
        for (name, what, hits) in rows {
            let tried = parts.iter().filter_map(|part| part.null_answers.as_ref());
            let figure = Figure::mean_share(tried.map(|tried| (hits(tried), tried.n)));
            summary.add(name, what, figure);
        }
    }
}

/// Adds how often all gold results but the last are read, each at a later position than the previous, with two baselines:
/// the same in any order, and for random other solutions with the same number of steps.
fn add_gold(summary: &mut Summary, items: &[Item<'_>], pool: &RecordPool<'_>) {
    for steps in 2..=4 {
        let solved = items.iter().filter_map(|item| {
            let gold = Solution::parse(&item.record.gold_steps);
            (gold.steps.len() == steps).then_some((item, gold))
        });
        let solved: Vec<(&Item<'_>, Solution)> = solved.collect();
        for depth in DEPTHS {
            let read = solved
                .iter()
                .map(|(item, gold)| is_read(item.record, gold, depth, true));
            summary.add(
                format!("gold_in_order_{steps}_steps_top_{depth}"),
                format!("gold results in order, {steps} steps, top {depth}"),
                Figure::share(read),
            );
        }
        let read = solved
            .iter()
            .map(|(item, gold)| is_read(item.record, gold, 5, false));
        summary.add(
            format!("gold_in_any_order_{steps}_steps_top_5"),
            "  in any order, top 5",
            Figure::share(read),
        );
        let drawn = solved.iter().filter_map(|(item, _)| {
            let drawn = pool.drawn(item.place);
            let reads = drawn
                .iter()
                .map(|baseline| is_read(item.record, &Solution::parse(baseline.steps), 5, true));
            let reads: Vec<bool> = reads.collect();
            Some((*reads.first()?, reads.contains(&true)))
        });
        let drawn: Vec<(bool, bool)> = drawn.collect();
        summary.add(
            format!("random_in_order_{steps}_steps_top_5"),
            "  one random solution's, top 5",
            Figure::share(drawn.iter().map(|(first, _)| *first)),
        );
        summary.add(
            format!("random_best_of_5_in_order_{steps}_steps_top_5"),
            "  best of five random solutions, top 5",
            Figure::share(drawn.iter().map(|(_, any)| *any)),
        );
    }
}

/// Returns whether the results of all steps but the last are among the first tokens of the latents.
fn is_read(record: &Record, gold: &Solution, depth: usize, in_order: bool) -> bool {
    let grid = Grid::new(record.latents.clone(), depth);
    let Some((_, earlier)) = gold.steps.split_last() else {
        return false;
    };
    let mut from = 0;
    earlier.iter().all(|step| {
        #[allow(
            clippy::cast_precision_loss,
            clippy::float_cmp,
            reason = "an integer token is small"
        )]
        let holds = |column: &usize| {
            let mut held = grid.integers(*column).iter();
            held.any(|(value, _)| *value as f64 == step.result)
        };
        let found = (from..grid.len()).find(holds);
        if in_order {
            from = found.map_or(from, |column| column + 1);
        }
        found.is_some()
    })
}
