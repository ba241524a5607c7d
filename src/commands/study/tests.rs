//! Tests of reports on handmade studies: text snapshots and width, one CSV line per cell, flat JSON.

use std::collections::BTreeSet;

use super::ablate::{Ablations, BothLatents, Counterfactual};
use super::*;
use crate::core::text::width;
use crate::core::types::{
    AblationValue, AnswerInfluence, Cost, Direction, Donors, EarlyExit, Effect, Influence, Input,
    LatentIdx, LatentInfluence, Lattice, LayerCell, LayerLens, LayerRow, Outcome, Pair, Role,
    StudyCell, Sweep, SweepCell, Task, TokenRead,
};
use crate::lab::present::write::text::WIDTH;

fn answer(value: Option<&str>) -> Answer {
    Answer {
        ids: vec![7, 8],
        text: format!("### {}", value.unwrap_or_default()),
        value: value.map(str::to_owned),
        logprob: value.map(|_| -0.25),
        correct: None,
    }
}

fn head(schema: &'static str) -> Head {
    Head {
        schema,
        model: ModelInfo {
            name: "mini-math".to_owned(),
            family: "multimode-coconut".to_owned(),
            family_from: "config.json".to_owned(),
            arch: "gpt2".to_owned(),
            n_latents: 3,
            dtype: "f32".to_owned(),
            behaviour: "fixed".to_owned(),
            device: "cpu".to_owned(),
            sha256: "0123456789abcdef".to_owned(),
            parameters: 1,
            layers: 3,
            width: 4,
            vocab: 5,
            task: Task::Math,
            modes: vec!["latent".to_owned()],
            phrase_decoder: "roll-out".to_owned(),
        },
        reference: Some("256 generated training problems, seed 1".to_owned()),
        reference_warning: None,
        question: "Tom has 12 apples,\u{1b} and \"7\" more. Tom then gives 4 of the apples to Ann, who had none. How many \
                   apples does Tom have now?"
            .to_owned(),
        unknown_words: vec!["none".to_owned()],
        input_ids: vec![1, 2, 3],
        clean: Clean {
            answer: Answer {
                correct: Some(true),
                ..answer(Some("15"))
            },
            logprob: -0.012_345_678_9,
            gold: Some("15".to_owned()),
            gold_logprob: Some(-0.012_345_678_9),
        },
    }
}

fn set(latents: &[usize]) -> BTreeSet<LatentIdx> {
    latents.iter().copied().map(LatentIdx).collect()
}

fn cell(off: &[usize], answer: &str, delta: f64, flips: usize, n: usize) -> StudyCell {
    StudyCell {
        off: set(off),
        answer: Some(answer.to_owned()),
        flipped: 2 * flips > n,
        delta_logprob: delta,
        n,
        flips,
    }
}

fn cost() -> Cost {
    Cost {
        runs: 112,
        latent_steps: 230,
        latent_steps_alone: 336,
        elapsed_ms: 41.7,
    }
}

fn ablations() -> Ablations {
    let exit = |k, value: &str| EarlyExit {
        k,
        value: (!value.is_empty()).then(|| value.to_owned()),
        logprob: (!value.is_empty()).then_some(-1.5),
        clean_logprob: Some(-3.25),
    };
    let ablation = Ablation {
        off: set(&[2]),
        ..Ablation::default()
    };
    let effect = Effect {
        flipped: true,
        delta_logprob: -3.221,
        delta_logprob_gold: Some(-3.221),
        kl: 2.115,
        relative_size: Some(0.834),
        size_percentile: Some(62.4),
        sham_max_diff: 1.2e-6,
        donors: Some(Donors {
            n: 16,
            flips: 14,
            flip_rate_ci95: Some((0.6165, 0.9845)),
            delta_logprob_ci95: Some((-4.1, -2.3)),
            answers: vec![
                (Some("25".to_owned()), 9),
                (Some("31, or \"so\"".to_owned()), 5),
                (None, 2),
            ],
        }),
    };
    let none = Effect {
        flipped: false,
        delta_logprob: -0.01,
        size_percentile: Some(99.6),
        donors: effect.donors.clone().map(|donors| Donors {
            flips: 0,
            answers: vec![(Some("15".to_owned()), 16)],
            ..donors
        }),
        ..effect.clone()
    };
    let one = Effect {
        delta_logprob_gold: None,
        relative_size: None,
        size_percentile: None,
        donors: None,
        ..none.clone()
    };
    let outcome = |off: &[usize], value: Option<&str>, effect: Effect| Outcome {
        ablation: ablation.with_off(set(off)),
        answer: answer(value),
        effect,
        latents_after: vec!["12".to_owned(), "a,b".to_owned()],
    };
    Ablations {
        early_exit: vec![exit(0, ""), exit(1, "12"), exit(2, "15"), exit(3, "15")],
        first_match: Some(2),
        stable_match: Some(2),
        outcomes: vec![
            outcome(&[2], Some("25"), effect),
            outcome(&[1, 3], Some("15"), none),
            outcome(
                &[1, 2, 3],
                Some("Every gorpus that is a bompus is a zorple"),
                one,
            ),
        ],
        counterfactual_question: Some(Counterfactual {
            from: "12".to_owned(),
            to: "14".to_owned(),
            question: "Tom has 14 apples.".to_owned(),
            unknown_words: vec![],
            input_ids: vec![1, 2],
            clean: Clean {
                answer: answer(Some("17")),
                logprob: -0.5,
                gold: None,
                gold_logprob: None,
            },
            answer_changed: true,
            latents: vec![
                BothLatents {
                    index: LatentIdx(1),
                    original: "19".to_owned(),
                    edited: Some("21".to_owned()),
                },
                BothLatents {
                    index: LatentIdx(2),
                    original: "\n".to_owned(),
                    edited: None,
                },
            ],
        }),
    }
}

fn lattice() -> Lattice {
    Lattice {
        manner: Ablation {
            value: AblationValue::Mean,
            ..Ablation::default()
        },
        n_latents: 2,
        clean_answer: Some("15".to_owned()),
        clean_logprob: -0.012,
        cells: vec![
            cell(&[], "15", 0.0, 0, 1),
            cell(&[1], "15", -0.25, 0, 1),
            cell(&[2], "25", -4.5, 1, 1),
            cell(&[1, 2], "no, \"or\" not", -6.0, 1, 1),
        ],
        complete: true,
        keeps: Some(set(&[2])),
        breaks: None,
        sham_max_diff: 2.4e-7,
        cost: cost(),
    }
}

fn sweep() -> Sweep {
    let cells = [AblationValue::Resample, AblationValue::Permute]
        .into_iter()
        .flat_map(|value| {
            [Role::Necessary, Role::Sufficient]
                .into_iter()
                .flat_map(move |role| (1..=2).map(move |latent| (value, role, latent)))
        })
        .map(|(value, role, latent)| {
            let is_refused = value == AblationValue::Permute;
            let off = if role == Role::Necessary {
                latent
            } else {
                3 - latent
            };
            SweepCell {
                latent: LatentIdx(latent),
                role,
                value,
                cell: (!is_refused).then(|| cell(&[off], "15", -0.5, 16 * (latent - 1), 16)),
                refused: is_refused.then(|| "a single latent cannot be permuted".to_owned()),
            }
        })
        .collect();
    Sweep {
        manner: Ablation::default(),
        n_latents: 2,
        clean_answer: Some("15".to_owned()),
        cells,
        pairs: vec![Pair {
            value: AblationValue::Resample,
            latents: (LatentIdx(1), LatentIdx(2)),
            cell: cell(&[1, 2], "31", -4.0, 12, 16),
            sum_of_singles: -1.0,
            non_additive: true,
        }],
        complete: true,
        sham_max_diff: 1e-7,
        cost: cost(),
    }
}

fn influence(n: usize) -> Influence {
    let pairs = (1..n).flat_map(|from| (from + 1..=n).map(move |to| (from, to)));
    Influence {
        manner: Ablation::default(),
        n_latents: n,
        latents: pairs
            .map(|(from, to)| LatentInfluence {
                from: LatentIdx(from),
                to: LatentIdx(to),
                relative_change: 0.75,
                top_changed: 16 / to,
                n: 16,
            })
            .collect(),
        answers: (1..=n)
            .map(|from| AnswerInfluence {
                from: LatentIdx(from),
                total: cell(&[from], "25", -3.5, 14, 16),
                direct: cell(&[from], "15", -0.125, 0, 16),
            })
            .collect(),
        sham_max_diff: 1e-7,
        cost: cost(),
    }
}

fn lens() -> lens::Study {
    let read = |text: &str, prob| TokenRead {
        id: 9,
        text: text.to_owned(),
        logit: 3.5,
        prob,
    };
    let columns: Vec<String> = [
        "start",
        "1",
        "2",
        "3",
        "end",
        "###",
        " ",
        "15",
        "\u{202e}evil",
        ".",
    ]
    .map(str::to_owned)
    .to_vec();
    let rows = (1..=3)
        .map(|layer| LayerRow {
            layer,
            cells: columns
                .iter()
                .enumerate()
                .map(|(at, _)| LayerCell {
                    prob: 0.125,
                    rank: at * 40,
                    top: read(if at == 3 { "extraordinarily" } else { "15" }, 0.5),
                })
                .collect(),
        })
        .collect();
    lens::Study::from(LayerLens {
        token: 9,
        text: "15".to_owned(),
        columns,
        rows,
        inputs: vec![Input {
            latent: LatentIdx(1),
            nearest: vec![read("12", 0.625), read("\n", 0.5)],
        }],
    })
}

fn text<T: Shown>(schema: &'static str, study: &T) -> String {
    let [text, ascii] = [false, true].map(|ascii| super::text(&head(schema), study, ascii));
    assert!(ascii.is_ascii(), "{ascii}");
    for line in text.lines().chain(ascii.lines()) {
        assert!(width(line) <= WIDTH, "{line}");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    text.to_string()
}

#[test]
fn texts_are_as_reviewed() {
    insta::assert_snapshot!("ablate", text(ablate::SCHEMA, &ablations()));
    insta::assert_snapshot!("lattice", text(lattice::SCHEMA, &lattice()));
    insta::assert_snapshot!("sweep", text(sweep::SCHEMA, &sweep()));
    insta::assert_snapshot!("influence", text(influence::SCHEMA, &influence(3)));
    insta::assert_snapshot!("lens", text(lens::SCHEMA, &lens()));
}

#[test]
fn many_latents_and_little_stay_within_the_width() {
    text(influence::SCHEMA, &influence(12));
    text(influence::SCHEMA, &influence(1));
    let mut part = lattice();
    (part.complete, part.keeps) = (false, None);
    part.cells.truncate(1);
    assert!(text(lattice::SCHEMA, &part).contains("not all sets"));
    let nothing = Ablations {
        early_exit: vec![],
        outcomes: vec![],
        counterfactual_question: None,
        ..ablations()
    };
    assert!(text(ablate::SCHEMA, &nothing).contains("direct mode"));
}

/// Parses a study's CSV into column names and records; no field may hold a line break.
fn csv_of<T: Shown>(schema: &'static str, study: &T) -> (Vec<String>, Vec<Vec<String>>) {
    let text = super::csv(&head(schema), study);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    let mut rows = text.lines().map(|line| {
        let mut fields = vec![String::new()];
        let mut inside = false;
        for c in line.chars() {
            match c {
                '"' => inside = !inside,
                ',' if !inside => fields.push(String::new()),
                c => fields.last_mut().expect("one at least").push(c),
            }
        }
        fields
    });
    let names = rows.next().expect("a line of names");
    let rows: Vec<Vec<String>> = rows.collect();
    for row in &rows {
        assert_eq!(row.len(), names.len(), "{row:?}");
        assert_eq!(row[0], schema);
    }
    (names, rows)
}

#[test]
fn csv_has_a_line_for_each_cell_and_every_number_unrounded() {
    let count = |rows: &[Vec<String>]| rows.len();
    assert_eq!(count(&csv_of(ablate::SCHEMA, &ablations()).1), 3);
    assert_eq!(count(&csv_of(lattice::SCHEMA, &lattice()).1), 4);
    assert_eq!(count(&csv_of(sweep::SCHEMA, &sweep()).1), 8 + 1);
    assert_eq!(count(&csv_of(influence::SCHEMA, &influence(3)).1), 3 + 6);
    assert_eq!(count(&csv_of(lens::SCHEMA, &lens()).1), 30 + 2);

    let (names, rows) = csv_of(lattice::SCHEMA, &lattice());
    insta::assert_snapshot!(
        "lattice_csv",
        &*super::csv(&head(lattice::SCHEMA), &lattice())
    );
    let at = |name: &str| names.iter().position(|column| column == name).expect(name);
    assert_eq!(rows[3][at("off")], "1 2");
    assert_eq!(rows[1][at("clean_logprob")], "-0.0123456789");
    let (names, rows) = csv_of(sweep::SCHEMA, &sweep());
    let at = |name: &str| names.iter().position(|column| column == name).expect(name);
    assert_eq!(rows[4][at("value")], "permute", "the cell's own value");
    assert_eq!(rows[2][at("direction")], "denoising");
    assert_eq!(rows[8][at("record")], "pair");
    insta::assert_snapshot!(
        "ablate_csv",
        &*super::csv(&head(ablate::SCHEMA), &ablations())
    );
    insta::assert_snapshot!(
        "csv_columns",
        [
            csv_of(sweep::SCHEMA, &sweep()).0.join(" "),
            csv_of(influence::SCHEMA, &influence(2)).0.join(" "),
            csv_of(lens::SCHEMA, &lens()).0.join(" "),
        ]
        .join("\n")
    );
}

#[test]
fn json_is_flat_and_unrounded() {
    fn json<T: Serialize>(schema: &'static str, study: &T) -> serde_json::Value {
        let head = head(schema);
        let text = to_json(&StudyOutput { head: &head, study }).expect("it serialises");
        serde_json::from_str(&text).expect("it is JSON")
    }
    let report = json(lattice::SCHEMA, &lattice());
    assert_eq!(report["schema"], "undertone.lattice/1");
    assert_eq!(report["clean"]["logprob"], -0.012_345_678_9);
    assert_eq!(report["cells"][3]["off"], serde_json::json!([1, 2]));
    assert_eq!(report["manner"]["value"], "mean");
    let report = json(ablate::SCHEMA, &ablations());
    for field in [
        "schema",
        "model",
        "reference",
        "question",
        "unknown_words",
        "input_ids",
        "clean",
        "early_exit",
        "first_match",
        "stable_match",
        "outcomes",
        "counterfactual_question",
    ] {
        assert!(report.get(field).is_some(), "{field}");
    }
    for (schema, report) in [
        (sweep::SCHEMA, json(sweep::SCHEMA, &sweep())),
        (influence::SCHEMA, json(influence::SCHEMA, &influence(2))),
        (lens::SCHEMA, json(lens::SCHEMA, &lens())),
    ] {
        assert_eq!(report["schema"], schema);
        assert!(report["model"]["sha256"].is_string() && report["clean"].is_object());
    }
}

#[test]
fn a_manner_without_a_say_is_set_back() {
    let mut manner = Ablation {
        direction: Direction::Denoising,
        propagation: crate::core::types::Propagation::Direct,
        ..Ablation::default()
    };
    warn_of_no_say(&mut manner, "sweep", false);
    assert_eq!(manner.direction, Direction::Noising);
    assert_eq!(manner.propagation, crate::core::types::Propagation::Direct);
    warn_of_no_say(&mut manner, "influence", true);
    assert_eq!(manner, Ablation::default());
}
