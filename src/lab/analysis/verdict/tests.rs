//! Verdicts on models with known ground truth, and on bundled ones.

use super::*;
use crate::core::types::Rung;
use crate::engine::model::Mode;
use crate::lab::analysis::Workbench;
use crate::lab::analysis::planted::{Grown, Plant, Request, Size, sheet};
use crate::lab::analysis::run::Ask;

/// Problems of each plant and size. The whole sheet is `undertone calibrate`.
const PROBLEMS: usize = 3;

/// No verdict claims anything untrue of a plant, and most reach the highest true rung.
#[test]
fn verdicts_on_plants_say_what_is_true_of_them() {
    let plants = [
        Plant::Uses,
        Plant::Redundant,
        Plant::Ignores,
        Plant::Masked,
        Plant::Copies,
        Plant::Swapped,
        Plant::Hides,
        Plant::Shifts,
        Plant::Memoriser,
    ];
    let request = Request {
        plants: plants.to_vec(),
        problems: PROBLEMS,
        seed: 9,
        budget: Budget::default(),
    };
    let sheet = sheet(&request, &|_, _| (), &Cancel::new()).expect("a sheet");
    assert_eq!(sheet.cells.len(), 2 * plants.len());
    let mut reached = 0;
    for cell in &sheet.cells {
        let wrong: usize = cell.wrong.iter().map(|(_, n)| n).sum();
        assert!(cell.n == PROBLEMS && wrong == 0, "{cell:?}");
        reached += cell.reached.hits;
    }
    // One in ten may stay below the true rung: rare sums have few donors.
    let all = sheet.cells.len() * PROBLEMS;
    assert!(
        10 * reached >= 9 * all,
        "{reached} of {all}: {:#?}",
        sheet.cells
    );
}

/// A small model, and the first question for it.
fn small(plant: Plant) -> (Workbench, String) {
    let grown = Grown::new(plant, Size::Small, 9, 0);
    let (explorer, mut samples) = grown.explorer(1, &Cancel::new()).expect("a model");
    (explorer, samples.swap_remove(0).problem.question)
}

/// The verdict on the question, given a gold answer, and the rungs that were handed out on the way.
fn verdict_of(
    (explorer, question): &(Workbench, String),
    gold: &str,
    budget: &Budget,
) -> (Verdict, Vec<Rung>) {
    let cancel = Cancel::new();
    let ask = Ask {
        question,
        gold: Some(gold),
        steps: Some(1),
        mode: Mode::Latent,
        n_latents: 1,
        top_k: 10,
        most_tokens: None,
    };
    let clean = explorer.run(&ask, &cancel, &mut |_| ()).expect("a run");
    let exits = explorer.early_exits(&clean, &cancel).expect("early exits");
    let mut parts = Vec::new();
    let mut part = |part: InterimVerdict<'_>| {
        if let InterimVerdict::Settled(verdict) = part {
            parts.push(verdict.rung);
        }
    };
    let mut verdict = explorer
        .verdict(&clean, &exits, budget, &mut part, &cancel)
        .expect("a verdict");
    // Wall-clock time varies.
    for attempt in &mut verdict.tried {
        attempt.elapsed_ms = 0.0;
    }
    (verdict, parts)
}

#[test]
fn the_gold_answer_changes_no_verdict() {
    for plant in [Plant::Uses, Plant::Ignores, Plant::Memoriser] {
        let small = small(plant);
        let verdict = |gold| verdict_of(&small, gold, &Budget::default()).0;
        let first = verdict("13");
        for gold in ["12", "nothing", "-1"] {
            assert_eq!(verdict(gold), first, "{plant:?} with gold {gold}");
        }
    }
}

#[test]
fn what_is_handed_out_on_the_way_is_sound_and_ends_in_the_verdict() {
    let (last, parts) = verdict_of(&small(Plant::Uses), "13", &Budget::default());
    assert_eq!(parts, [Rung::Present, Rung::Used]);
    let used = last.used.as_ref().expect("replaced latents");
    assert!(used.sham_max_diff < 1e-3 && used.patches.iter().all(|p| p.relative_size > 0.0));
    let tracks = last.tracks.as_ref().expect("edits");
    assert!(tracks.steps[0].edits >= 8, "{:?}", tracks.steps);
    assert_eq!(last.tried.len(), 1, "the search ends where a trace tracks");
}

#[test]
fn more_edits_settle_what_too_few_left_open() {
    let budget = |more_edits| Budget {
        edits: 0,
        more_edits,
        ..Budget::default()
    };
    for (plant, rung) in [
        (Plant::Uses, Rung::Used),
        (Plant::Memoriser, Rung::Contradicted),
    ] {
        let small = small(plant);
        let (without, _) = verdict_of(&small, "13", &budget(0));
        assert_eq!(without.rung, Rung::Present, "{plant:?}: {}", without.reason);
        let (with, _) = verdict_of(&small, "13", &budget(8));
        assert_eq!(with.rung, rung, "{plant:?}: {}", with.reason);
        assert_eq!(with.tried.len(), without.tried.len() + 1);
        let last = with.tried.last().expect("more edits");
        assert!(last.name.ends_with("top 5, 8 edits"), "{}", last.name);
        assert!(last.tested == 1 && last.runs >= 8, "{last:?}");
        let tests = |verdict: &Verdict| verdict.tracks.as_ref().map_or(0, |t| t.tests);
        let tested: usize = with.tried.iter().map(|attempt| attempt.tested).sum();
        assert_eq!(tests(&with), tested, "every test is corrected for");
    }
}

/// The strategies read the same tokens at earlier layers as the lens by layer, for the run and for the other problems.
#[test]
fn layers_before_the_last_are_read_as_the_lens_by_layer_reads_them() {
    let cancel = Cancel::new();
    let model = crate::engine::model::Model::load(
        &crate::engine::model::Checkpoint::bundled("mini-math").expect("bundled"),
        &crate::engine::model::LoadOptions::default(),
        &crate::engine::model::Device::Cpu,
        &mut |_| (),
    )
    .expect("loads");
    let (latents, layers) = (model.n_latents(), model.info().layers);
    let problems = crate::lab::analysis::problems::for_lens(crate::core::types::Task::Math, 12, 5);
    let problems = problems.expect("twelve exist");
    let mut explorer = Workbench::bare(model);
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
    let firsts = |reads: &[Vec<crate::core::types::TokenRead>]| -> Vec<String> {
        reads.iter().map(|top| top[0].text.clone()).collect()
    };
    let question = "Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?";
    let clean = run(question);
    let subject = explorer.subject(&clean);
    let mut bench = QuestionCache::new(&subject, None, &cancel);
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
