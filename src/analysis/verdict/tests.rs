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
    verdict_within(plant, seed, asked, gold, &Budget::default())
}

fn verdict_within(
    plant: Plant,
    seed: u64,
    asked: &Problem,
    gold: &str,
    budget: &Budget,
) -> (Verdict, Option<String>) {
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
        .verdict(&clean, &exits, budget, &mut |_| (), &cancel)
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

#[test]
fn more_edits_settle_what_too_few_left_open() {
    let asked = problem(TELLINGS[0], 9, 4);
    let budget = |more_edits| Budget {
        edits: 0,
        more_edits,
        ..Budget::default()
    };
    for (plant, rung) in [
        (Plant::Uses, Rung::Used),
        (Plant::Decoy(13), Rung::Contradicted),
    ] {
        let (without, _) = verdict_within(plant, 5, &asked, "13", &budget(0));
        assert_eq!(without.rung, Rung::Present, "{plant:?}: {}", without.reason);
        let (with, _) = verdict_within(plant, 5, &asked, "13", &budget(8));
        assert_eq!(with.rung, rung, "{plant:?}: {}", with.reason);
        assert_eq!(with.tried.len(), without.tried.len() + 1);
        let last = with.tried.last().expect("more edits");
        assert!(last.name.ends_with("top 5, 8 edits"), "{}", last.name);
        assert!(last.tested == 1 && last.runs >= 8, "{last:?}");
        let tests = |verdict: &Verdict| verdict.tracks.as_ref().map_or(0, |t| t.tests);
        let tested: usize = with.tried.iter().map(|tried| tried.tested).sum();
        assert_eq!(tests(&with), tested, "every test is corrected for");
    }
}

/// What the strategies read of earlier layers is what the page of layers shows there, for the run and for the other problems.
#[test]
fn layers_before_the_last_are_read_as_the_lens_by_layer_reads_them() {
    let cancel = Cancel::new();
    let model = crate::model::Model::load(
        &crate::model::Checkpoint::bundled("mini-math").expect("bundled"),
        &crate::model::LoadOptions::default(),
        &crate::model::Device::Cpu,
        &mut |_| (),
    )
    .expect("loads");
    let (latents, layers) = (model.n_latents(), model.info().layers);
    let problems = crate::analysis::problems::for_lens(crate::trace::Task::Math, 12, 5);
    let problems = problems.expect("twelve exist");
    let mut explorer = Explorer::bare(model);
    explorer
        .use_reference("twelve", &problems, &cancel)
        .expect("they fit");
    let run = |question: &str| {
        let ask = Ask {
            question,
            gold: None,
            steps: None,
            mode: Mode::Latent,
            n_latents: latents,
            top_k: 10,
            most_tokens: None,
        };
        explorer.run(&ask, &cancel, &mut |_| ()).expect("a run")
    };
    let shown = |question: &str, layer: usize| -> Vec<String> {
        let lens = explorer.layers(&run(question), None, &cancel);
        let row = lens.expect("layers").rows.swap_remove(layer - 1);
        let cells = row.cells.into_iter().take(latents);
        cells.map(|cell| cell.top.text).collect()
    };
    let firsts = |reads: &[Vec<crate::trace::TokenRead>]| -> Vec<String> {
        reads.iter().map(|top| top[0].text.clone()).collect()
    };
    let question = "Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?";
    let clean = run(question);
    let subject = explorer.subject(&clean);
    let mut bench = Bench::new(&subject, None, &cancel);
    assert_ne!(shown(question, layers), shown(question, 1), "layers differ");
    for before in 1..layers {
        let decoder = Decoder::Before(before);
        let own = bench.own(decoder).expect("read");
        assert_eq!(firsts(&own), shown(question, layers - before), "{before}");
        let others = bench.others(decoder).expect("read");
        let items: Vec<_> = subject.reference.others(question).collect();
        assert_eq!(others.len(), items.len());
        for (reads, item) in others.iter().zip(items) {
            let there = shown(&item.question, layers - before);
            assert_eq!(firsts(reads), there, "{}", item.question);
        }
    }
    let suits = |before| {
        bench.suits(&Strategy {
            decoder: Decoder::Before(before),
            top_k: 5,
            three_operands: false,
        })
    };
    assert!(suits(layers - 1) && !suits(layers));
}
