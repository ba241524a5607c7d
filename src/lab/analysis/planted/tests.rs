//! Plants match their description, and the judge distinguishes true from false claims.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::judge;
use super::plants::{Design, Plant, Size};
use super::questions::{PlantedQuestion, draw};
use super::sheet::{Request, sheet};
use crate::core::types::{LatentIdx, Operand, Rung, TraceStep, ValueSource, Verdict};
use crate::engine::model::{Cancel, Mode};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::analysis::verdict::Budget;

fn run(explorer: &Workbench, question: &str, latents: usize) -> CleanRun {
    let ask = Ask {
        question,
        gold: None,
        steps: None,
        mode: Mode::Latent,
        n_latents: latents,
        top_k: 5,
        most_tokens: None,
    };
    explorer
        .run(&ask, &Cancel::new(), &mut |_| ())
        .expect("a run")
}

fn number(sample: &PlantedQuestion, role: usize) -> usize {
    let digits = &sample.problem.question[sample.starts[role]..];
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.expect("a thing follows")]
        .parse()
        .expect("a number")
}

#[test]
fn plants_say_what_their_description_says() {
    for plant in Plant::ALL {
        for size in Size::ALL {
            let design = Design::new(plant, size, 1);
            let model = design.circuit().model("plant").expect("it loads");
            let explorer = Workbench::bare(model);
            let mut dice = ChaCha8Rng::seed_from_u64(7);
            let (mut answered, mut sums_shown, mut sums) = (0, 0, 0);
            for _ in 0..20 {
                let sample = draw(plant, &design, &mut dice, true);
                let clean = run(&explorer, &sample.problem.question, design.latents());
                answered +=
                    usize::from(clean.run.answer.value.as_ref() == Some(&sample.problem.answer));
                for (latent, position) in clean.run.latents() {
                    let Some(roles) = design.sum_at(latent.0 - 1) else {
                        continue;
                    };
                    let sum: usize = roles.iter().map(|role| number(&sample, *role)).sum();
                    sums_shown += usize::from(position.text == sum.to_string());
                    sums += 1;
                }
                assert!(clean.run.unknown_words.is_empty());
            }
            let what = format!("{} {}", plant.name(), size.name());
            if plant == Plant::Noisy {
                assert!((5..20).contains(&answered), "{what}: {answered} of 20");
            } else {
                assert_eq!((answered, sums_shown), (20, sums), "{what}");
            }
        }
    }
}

/// Of the plants that do not need the latents' content, only the masked one changes its answer without their positions.
#[test]
fn the_masked_plant_needs_the_places_alone() {
    for (plant, stands) in [(Plant::Ignores, true), (Plant::Masked, false)] {
        let design = Design::new(plant, Size::Small, 1);
        let explorer = Workbench::bare(design.circuit().model("plant").expect("it loads"));
        let sample = draw(plant, &design, &mut ChaCha8Rng::seed_from_u64(3), true);
        let without = run(&explorer, &sample.problem.question, 0).run.answer.value;
        assert_eq!(without == Some(sample.problem.answer), stands, "{plant:?}");
    }
}

/// A verdict that adds the numbers of these roles, each step read at a latent.
fn verdict(sample: &PlantedQuestion, rung: Rung, steps: &[(&[usize], usize)]) -> Verdict {
    let operand = |source| Operand {
        text: String::new(),
        source,
    };
    let mut verdict = Verdict {
        rung,
        ..Verdict::default()
    };
    for (at, (roles, latent)) in steps.iter().enumerate() {
        let questions = roles.iter().map(|role| ValueSource::Question {
            start: sample.starts[*role],
            end: sample.starts[*role] + 1,
        });
        let before = at.checked_sub(1).map(|step| ValueSource::Step { step });
        verdict.steps.push(TraceStep {
            text: String::new(),
            operands: before.into_iter().chain(questions).map(operand).collect(),
            operator: "+".to_owned(),
            result: operand(ValueSource::Latent {
                latent: LatentIdx(*latent),
                rank: 0,
                prob: 1.0,
            }),
        });
    }
    verdict
}

#[test]
fn a_claim_is_true_where_numbers_places_and_use_are() {
    let is_true = |plant, rung, steps: &[(&[usize], usize)]| {
        let design = Design::new(plant, Size::Large, 0);
        let sample = draw(plant, &design, &mut ChaCha8Rng::seed_from_u64(1), true);
        judge::is_true(&verdict(&sample, rung, steps), &design, &sample)
    };
    let right: &[(&[usize], usize)] = &[(&[0, 1], 1), (&[2], 2)];
    for rung in [Rung::Present, Rung::Tracks, Rung::Used] {
        assert_eq!(is_true(Plant::Uses, rung, right), Some(true));
        let elsewhere = [(&[0, 3][..], 1), (&[2], 2)];
        assert_eq!(is_true(Plant::Uses, rung, &elsewhere), Some(false));
        assert_eq!(is_true(Plant::WrongOperand, rung, right), Some(false));
        assert_eq!(is_true(Plant::WrongOperand, rung, &elsewhere), Some(true));
        assert_eq!(
            is_true(Plant::Uses, rung, &[(&[0, 1], 2), (&[2], 2)]),
            Some(false)
        );
        assert_eq!(is_true(Plant::Uses, rung, &[(&[0, 1], 1)]), Some(false));
        assert_eq!(is_true(Plant::Shifts, rung, right), Some(false));
        assert_eq!(is_true(Plant::Memoriser, rung, right), Some(false));
        assert_eq!(is_true(Plant::Hides, rung, right), Some(false));
        // The trace claim is true, the usage claim is not.
        let says = rung != Rung::Used;
        assert_eq!(is_true(Plant::Ignores, rung, right), Some(says));
        let three: &[(&[usize], usize)] = &[(&[0, 1], 1), (&[2], 2), (&[3], 3)];
        assert_eq!(is_true(Plant::Bypasses, rung, three), Some(says));
    }
    // All in one step of three operands, read at the second sum's latent.
    let design = Design::new(Plant::Uses, Size::Large, 0);
    let sample = draw(
        Plant::Uses,
        &design,
        &mut ChaCha8Rng::seed_from_u64(1),
        true,
    );
    let mut whole = verdict(&sample, Rung::Used, &[(&[0, 1, 2], 2)]);
    whole.steps[0].operator = "+ +".to_owned();
    assert_eq!(judge::is_true(&whole, &design, &sample), Some(true));
    whole.steps[0].operator = "+ -".to_owned();
    assert_eq!(judge::is_true(&whole, &design, &sample), Some(false));
    assert_eq!(is_true(Plant::Ignores, Rung::NotNeeded, &[]), Some(true));
    assert_eq!(is_true(Plant::Masked, Rung::NotNeeded, &[]), Some(true));
    assert_eq!(is_true(Plant::Copies, Rung::NotNeeded, &[]), Some(false));
    assert_eq!(is_true(Plant::Copies, Rung::NoneFound, &[]), None);
}

#[test]
fn every_seed_draws_questions_that_suit_the_memoriser() {
    for seed in 0..300 {
        let design = Design::new(Plant::Memoriser, Size::Large, seed);
        draw(
            Plant::Memoriser,
            &design,
            &mut ChaCha8Rng::seed_from_u64(seed),
            true,
        );
    }
}

#[test]
fn a_sheet_counts_every_verdict_once() {
    let request = Request {
        plants: vec![Plant::Uses, Plant::Ignores],
        problems: 3,
        seed: 0,
        budget: Budget::default(),
    };
    let sheet = sheet(&request, &|_, _| (), &Cancel::new()).expect("a sheet");
    assert_eq!(sheet.cells.len(), 4);
    for cell in &sheet.cells {
        assert_eq!(cell.given.iter().map(|(_, n)| n).sum::<usize>(), 3);
        assert_eq!((cell.reached.n, cell.answered), (3, 3), "{cell:?}");
    }
    assert_eq!(sheet.verdicts.len(), 12);
    let count = |rung: Rung| sheet.rungs.iter().find(|row| row.rung == rung);
    let used = count(Rung::Used).expect("it is counted");
    assert_eq!((used.right.n, used.reached.n), (used.right.hits, 6));
    assert!(used.right.hits > 3, "{used:?}");
}
