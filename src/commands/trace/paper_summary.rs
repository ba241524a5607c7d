//! The summary of the published searches over all records, split by the correctness of the prediction.

use serde_json::Value;

use super::summary::{Figure, Summary};
use crate::commands::study::csv::known;
use crate::core::text::Page;
use crate::lab::present::document::Table;
use crate::lab::present::write::csv;

/// The summarised settings: the name of the block, and its label.
const SETTINGS: [(&str, &str); 2] = [
    ("without_question_numbers", "without question numbers"),
    ("with_question_numbers", "with question numbers"),
];

/// One record's outcome.
struct Outcome {
    index: Value,
    answer: Option<i64>,
    correct: bool,
    /// One per entry of [`SETTINGS`].
    settings: [Setting; 2],
}

/// The result under one setting.
struct Setting {
    gold: bool,
    /// Whether each baseline was found.
    baselines: Vec<bool>,
    candidates: Option<u64>,
    tree: bool,
    explainable: bool,
}

/// The outcomes so far.
#[derive(Default)]
pub struct Tally(Vec<Outcome>);

impl Tally {
    /// Adds the result on a record.
    pub fn add(&mut self, found: &Value) {
        let is_found = |found: &Value| found["count"].as_u64().is_some_and(|count| count > 0);
        let (back, forward) = (&found["backtracking"], &found["forward_chaining"]);
        let setting = |name: &str| Setting {
            gold: is_found(&back[name]["answer_required"]),
            baselines: back["baselines"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|baseline| is_found(&baseline[name]))
                .collect(),
            candidates: forward[name]["num_candidates"].as_u64(),
            tree: forward[name]["tree"].is_object(),
            explainable: forward[name]["tree"]["tree_explainable"] == true,
        };
        self.0.push(Outcome {
            index: found["index"].clone(),
            answer: forward["model_answer"].as_i64(),
            correct: found["correct"] == true,
            settings: SETTINGS.map(|(name, _)| setting(name)),
        });
    }

    /// Returns the figures for each setting and for right and wrong predictions.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for (i, (name, said)) in SETTINGS.iter().enumerate() {
            for (correct, kind) in [(true, "correct"), (false, "incorrect")] {
                let of = || {
                    let outcomes = self.0.iter().filter(move |o| o.correct == correct);
                    outcomes.map(move |o| &o.settings[i])
                };
                let mut add = |what: &str, text: &str, figure| {
                    summary.add(
                        format!("{what}_{name}_{kind}"),
                        format!("{text}, {said}, {kind}"),
                        figure,
                    );
                };
                let drawn = || of().filter(|setting| !setting.baselines.is_empty());
                let searched = || of().filter(|setting| setting.candidates.is_some());
                add("gold", "gold trace", Figure::share(of().map(|s| s.gold)));
                add(
                    "baseline_one",
                    "  one other solution",
                    Figure::share(drawn().map(|s| s.baselines[0])),
                );
                add(
                    "baseline_any",
                    "  any of the others",
                    Figure::share(drawn().map(|s| s.baselines.contains(&true))),
                );
                add("tree", "tree", Figure::share(searched().map(|s| s.tree)));
                add(
                    "explainable",
                    "  explainable",
                    Figure::share(searched().map(|s| s.explainable)),
                );
            }
        }
        summary
    }

    /// Returns a record for each record of the file, as CSV.
    #[must_use]
    pub fn csv(&self) -> Page {
        let columns = [
            "index",
            "model_answer",
            "correct",
            "gold",
            "gold_question",
            "candidates",
            "candidates_question",
            "tree",
            "tree_question",
        ];
        let records = self.0.iter().map(|outcome| {
            let [without, with] = &outcome.settings;
            vec![
                ("index", outcome.index.to_string()),
                ("model_answer", known(outcome.answer)),
                ("correct", outcome.correct.to_string()),
                ("gold", without.gold.to_string()),
                ("gold_question", with.gold.to_string()),
                ("candidates", known(without.candidates)),
                ("candidates_question", known(with.candidates)),
                ("tree", without.tree.to_string()),
                ("tree_question", with.tree.to_string()),
            ]
        });
        csv::table(&Table::records(&columns, records))
    }
}
