//! Verdicts on models of which the truth is known, and on bundled ones.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::planted::{self, Plant};
use super::*;
use crate::analysis::Explorer;
use crate::analysis::run::Ask;
use crate::model::Mode;
use crate::problem::Problem;
use crate::trace::Rung;

const TELLINGS: [&str; 4] = [
    "Tom has A apples. He buys B apples. How many apples does Tom have?",
    "Ann has A pears and buys B pears. How many pears are left?",
    "Ann has A pens and B books. How many are in the books now?",
    "Tom gets A pens. Ann gives B more. How many are left now?",
];

fn problem(telling: &str, a: u32, b: u32) -> Problem {
    Problem {
        question: telling
            .replace('A', "\u{1}")
            .replace("\u{1}nn", "Ann")
            .replace('\u{1}', &a.to_string())
            .replace('B', &b.to_string()),
        steps: vec![format!("<<{a}+{b}={}>>", a + b)],
        answer: (a + b).to_string(),
    }
}

/// Two different numbers whose sum the model can say.
fn numbers(dice: &mut ChaCha8Rng) -> (u32, u32) {
    loop {
        let (a, b) = (dice.random_range(3..=17), dice.random_range(3..=17));
        if a != b {
            return (a, b);
        }
    }
}

/// The verdict of a planted model on one question, and its answer; the gold answer is what the caller says it is.
fn verdict_of(plant: Plant, seed: u64, asked: &Problem, gold: &str) -> (Verdict, Option<String>) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed + 1000);
    let others: Vec<Problem> = (0..220)
        .map(|i| {
            let (a, b) = numbers(&mut dice);
            problem(TELLINGS[i % TELLINGS.len()], a, b)
        })
        .collect();
    let cancel = Cancel::new();
    let mut explorer = Explorer::bare(planted::model(plant, seed));
    explorer
        .use_reference("planted", &others, &cancel)
        .expect("a reference set");
    let ask = Ask {
        question: &asked.question,
        gold: Some(gold),
        steps: Some(1),
        mode: Mode::Latent,
        n_latents: 1,
        top_k: 10,
        most_tokens: None,
    };
    let clean = explorer.run(&ask, &cancel, &mut |_| ()).expect("a run");
    let exits = explorer.early_exits(&clean, &cancel).expect("early exits");
    let verdict = explorer
        .verdict(&clean, &exits, &Budget::default(), &mut |_| (), &cancel)
        .expect("a verdict");
    (verdict, clean.run.answer.value)
}

/// One planted model and question for each seed; the rungs of all.
fn rungs(n: u64, plant: impl Fn(u32, u32) -> Plant) -> Vec<(Rung, String)> {
    (0..n)
        .map(|seed| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let (a, b) = numbers(&mut dice);
            let asked = problem(TELLINGS[dice.random_range(0..TELLINGS.len())], a, b);
            let (verdict, answer) = verdict_of(plant(a, b), seed, &asked, &asked.answer);
            assert_eq!(
                answer.as_deref(),
                Some(asked.answer.as_str()),
                "the model adds: {}",
                asked.question
            );
            (
                verdict.rung,
                format!("{}: {}", asked.question, verdict.reason),
            )
        })
        .collect()
}

fn all(rungs: &[(Rung, String)], want: Rung) {
    let wrong: Vec<_> = rungs.iter().filter(|(rung, _)| *rung != want).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} are not {}: {:#?}",
        wrong.len(),
        rungs.len(),
        want.as_str(),
        &wrong[..wrong.len().min(3)]
    );
}

#[test]
fn a_latent_that_is_used_is_found_used() {
    all(&rungs(100, |_, _| Plant::Uses), Rung::Used);
}

#[test]
fn a_latent_that_is_ignored_is_not_needed() {
    all(&rungs(100, |_, _| Plant::Ignores), Rung::NotNeeded);
}

/// Where the decoy happens to be the sum, a trace ends in the answer; edits show that it is none.
#[test]
fn a_decoy_that_fits_is_contradicted() {
    all(&rungs(100, |a, b| Plant::Decoy(a + b)), Rung::Contradicted);
}

#[test]
fn a_decoy_that_does_not_fit_is_no_trace() {
    all(
        &rungs(100, |a, b| Plant::Decoy(if a + b > 20 { 1 } else { 40 })),
        Rung::NoneFound,
    );
}

#[test]
fn the_gold_answer_changes_no_verdict() {
    let asked = problem(TELLINGS[0], 9, 4);
    for plant in [Plant::Uses, Plant::Ignores, Plant::Decoy(13)] {
        let of = |gold: &str| {
            let (mut verdict, _) = verdict_of(plant, 5, &asked, gold);
            // How long it took is the clock's word.
            for tried in &mut verdict.tried {
                tried.elapsed_ms = 0.0;
            }
            verdict
        };
        let right = of("13");
        for gold in ["12", "nothing", "-1"] {
            assert_eq!(of(gold), right, "{plant:?} with gold {gold}");
        }
    }
}

#[test]
fn what_is_handed_out_on_the_way_is_sound_and_ends_in_the_verdict() {
    let asked = problem(TELLINGS[0], 9, 4);
    let cancel = Cancel::new();
    let mut explorer = Explorer::bare(planted::model(Plant::Uses, 1));
    let others: Vec<Problem> = (3..40)
        .map(|a| problem(TELLINGS[1], a / 2, a / 3 + 1))
        .collect();
    explorer
        .use_reference("planted", &others, &cancel)
        .expect("a reference set");
    let ask = Ask {
        question: &asked.question,
        gold: None,
        steps: None,
        mode: Mode::Latent,
        n_latents: 1,
        top_k: 10,
        most_tokens: None,
    };
    let clean = explorer.run(&ask, &cancel, &mut |_| ()).expect("a run");
    let exits = explorer.early_exits(&clean, &cancel).expect("early exits");
    let mut parts: Vec<Rung> = Vec::new();
    let last = explorer
        .verdict(
            &clean,
            &exits,
            &Budget::default(),
            &mut |part| parts.push(part.rung),
            &cancel,
        )
        .expect("a verdict");
    assert_eq!(parts, [Rung::Present, Rung::Used]);
    let used = last.used.as_ref().expect("replaced latents");
    assert!(used.sham_max_diff < 1e-3 && used.patches.iter().all(|p| p.relative_size > 0.0));
    let tracks = last.tracks.as_ref().expect("edits");
    assert!(tracks.steps[0].edits >= 8, "{:?}", tracks.steps);
    assert_eq!(last.tried.len(), 1, "the search ends where a trace tracks");
}
