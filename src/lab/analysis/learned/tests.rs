//! Tests of the tuned lens: its initial state, learnable and unlearnable labels, and refusals.

use candle_core::{DType, Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::card::{Card, Origin};
use super::examples::{Labels, split};
use super::{Learned, Recipe, fit, layers};
use crate::core::problem::Problem;
use crate::core::types::LatentIdx;
use crate::engine::decode::learned::LearnedLens;
use crate::engine::model::{
    Cancel, Checkpoint, LensFiles, LoadOptions, Mode, Model, ModelError, Overrides, Vectors,
    argmax, bundled_names, tiny,
};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::run::Ask;
use crate::lab::analysis::verdict::{Budget, Decoder, Strategy};

fn load(checkpoint: &Checkpoint) -> Model {
    let options = LoadOptions::default();
    Model::load(checkpoint, &options, &Device::Cpu, &mut |_| {}).expect("it loads")
}

fn tiny_model(seed: u64) -> Model {
    load(&tiny::checkpoint(seed))
}

/// Distinct questions in the toy vocabulary, without steps.
fn questions(n: usize) -> Vec<Problem> {
    let things = ["apples", "pears", "pens", "books"];
    let mut all = Vec::new();
    for a in 0..40 {
        for b in 0..40 {
            let (thing, other) = (things[(a + b) % 4], things[(3 * a + b) % 4]);
            all.push(Problem {
                question: format!(
                    "Tom has {a} {thing} . Ann gives {b} {other} . How many {thing} does Tom have ?"
                ),
                steps: Vec::new(),
                answer: "1".to_owned(),
            });
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    rand::seq::SliceRandom::shuffle(&mut all[..], &mut rng);
    all.truncate(n);
    all
}

/// The states of every latent of every problem, by latent and problem.
fn states(model: &Model, problems: &[Problem]) -> Vec<Vec<Vec<f32>>> {
    let cancel = Cancel::new();
    let mut states = vec![Vec::new(); model.n_latents()];
    for problem in problems {
        let prompt = model.prompt(&problem.question, Mode::Latent).expect("fits");
        let branch = model.prefill(&[&prompt.ids], &cancel).expect("runs");
        let rollout = model.rollout(&branch, model.n_latents(), &Overrides::none(1), &cancel);
        for (of, latent) in states.iter_mut().zip(rollout.expect("runs").latents) {
            of.push(latent.state.to_rows().expect("copies").remove(0));
        }
    }
    states
}

/// Problems whose step j has the number nearest to a hidden rotation of latent j's centred state as its result: an affine map can
/// recover it, the logit lens cannot.
#[allow(clippy::cast_precision_loss, reason = "a small count")]
fn planted(model: &Model, n: usize) -> Vec<Problem> {
    const NUMBERS: u32 = 6;
    let mut problems = questions(n);
    let width = model.width();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let rotation: Vec<Vec<f32>> = rotation(width, &mut rng);
    let table: Vec<Vec<f32>> = (0..NUMBERS)
        .map(|number| {
            let ids = model.encode_text(&number.to_string()).expect("a token");
            let mut row = model.embedding(ids[0]).expect("in the table");
            // Components that all numbers share do not distinguish them.
            row[..4].fill(0.0);
            row
        })
        .collect();
    for of_latent in states(model, &problems) {
        let mean: Vec<f32> = (0..width)
            .map(|d| of_latent.iter().map(|s| s[d]).sum::<f32>() / of_latent.len() as f32)
            .collect();
        for (problem, state) in problems.iter_mut().zip(&of_latent) {
            let turned: Vec<f32> = (rotation.iter())
                .map(|row| (0..width).map(|d| row[d] * (state[d] - mean[d])).sum())
                .collect();
            let scores: Vec<f32> = (table.iter())
                .map(|row| row.iter().zip(&turned).map(|(a, b)| a * b).sum())
                .collect();
            let number = argmax(&scores);
            problem.steps.push(format!("<<0+{number}={number}>>"));
        }
    }
    problems
}

/// Orthonormal rows (Gram-Schmidt).
fn rotation(width: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f32>> {
    let mut rows: Vec<Vec<f32>> = Vec::new();
    while rows.len() < width {
        let mut row: Vec<f32> = (0..width).map(|_| rng.random::<f32>() - 0.5).collect();
        for other in &rows {
            let along: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            for (a, b) in row.iter_mut().zip(other) {
                *a -= along * b;
            }
        }
        let norm = row.iter().map(|a| a * a).sum::<f32>().sqrt();
        rows.push(row.into_iter().map(|a| a / norm).collect());
    }
    rows
}

fn recipe() -> Recipe {
    Recipe {
        fit: 600,
        held_out: 200,
        rank: None,
        learning_rate: 0.02,
        weight_decay: 0.0,
        most_epochs: 60,
        ..Recipe::default()
    }
}

fn fitted(model: &Model, recipe: &Recipe, problems: &[Problem]) -> (LensFiles, Card) {
    let mut quiet = |_: &str, _: usize, _: usize| ();
    let origin = Origin::default();
    let fitted = fit(model, recipe, &origin, problems, &mut quiet, &Cancel::new());
    fitted.expect("it can be fitted")
}

#[test]
fn a_planted_rotation_is_found_and_shuffled_labels_are_not() {
    let model = tiny_model(3);
    let problems = planted(&model, 900);
    let (files, card) = fitted(&model, &recipe(), &problems);
    let figures = card.overall[0].figures;
    assert_eq!(figures.n, 200 * model.n_latents());
    let commonest = 0.55;
    assert!(figures.plain.top1.accuracy < commonest, "{figures:?}");
    assert!(figures.learned.top1.accuracy > 0.9, "{figures:?}");
    assert!(figures.shuffled.top1.accuracy < commonest, "{figures:?}");
    assert!(figures.selectivity.shuffled > 0.4, "{figures:?}");
    assert!(figures.learned.cross_entropy < figures.plain.cross_entropy);
    assert!(figures.kl > 0.1 && figures.only_learned > figures.only_plain);
    // The files contain the returned card, and the lens loads.
    let again: Card = serde_json::from_str(files.card()).expect("a card");
    assert_eq!(again, card);
    assert!(Learned::load(&files, &model).is_ok());
}

#[test]
fn an_untrained_lens_is_the_plain_projection() {
    let model = tiny_model(4);
    let problems = planted(&model, 120);
    for (rank, layers) in [(None, vec![]), (Some(3), vec![1, 2])] {
        let recipe = Recipe {
            most_epochs: 0,
            rank,
            layers,
            ..recipe()
        };
        let (files, card) = fitted(&model, &recipe, &problems);
        let lens = LearnedLens::load(&files, &model).expect("it loads");
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let rows: Vec<Vec<f32>> = (0..5)
            .map(|_| {
                (0..model.width())
                    .map(|_| rng.random::<f32>() * 4.0 - 2.0)
                    .collect()
            })
            .collect();
        let states = model.vectors(&rows).expect("as wide as the model");
        let plain = model.project(&states).expect("projects");
        for (layer, latent) in lens.shape().places() {
            let learned = lens.logits(&model, layer, latent, &states).expect("reads");
            assert_eq!(
                learned.as_ref(),
                Some(&plain),
                "layer {layer}, latent {latent}"
            );
        }
        for place in &card.places {
            assert_eq!(place.figures.learned, place.figures.plain);
            assert!(place.figures.kl.abs() < 1e-12 && place.best_epoch == 0);
        }
    }
}

#[test]
fn training_stops_when_nothing_is_gained() {
    let model = tiny_model(3);
    let mut problems = planted(&model, 300);
    // Labels unrelated to the question.
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for problem in &mut problems {
        for step in &mut problem.steps {
            *step = format!("<<0+1={}>>", rng.random_range(0..6));
        }
    }
    let recipe = Recipe {
        patience: 3,
        most_epochs: 500,
        ..recipe()
    };
    let (_, card) = fitted(&model, &recipe, &problems);
    for place in &card.places {
        assert_eq!(place.epochs, place.best_epoch + 3, "{place:?}");
        assert!(place.epochs < 500);
        assert_eq!(
            place.steps,
            place.epochs * place.fitted.div_ceil(recipe.batch)
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_lens() {
    let model = tiny_model(3);
    let problems = planted(&model, 200);
    let recipe = Recipe {
        most_epochs: 3,
        rank: Some(4),
        ..recipe()
    };
    let (files, card) = fitted(&model, &recipe, &problems);
    let (again, card_again) = fitted(&model, &recipe, &problems);
    assert_eq!(files.card(), again.card());
    assert_eq!(files.tensors(), again.tensors());
    assert_eq!(card, card_again);
    let other = Recipe { seed: 2, ..recipe };
    let (other, _) = fitted(&model, &other, &problems);
    assert_ne!(files.tensors(), other.tensors());
}

#[test]
fn no_question_is_in_two_parts() {
    let mut problems = questions(100);
    let twice: Vec<Problem> = problems.iter().take(30).cloned().collect();
    problems.extend(twice.into_iter().map(|p| Problem {
        question: format!(" {} ", p.question),
        ..p
    }));
    for (fit, held_out, sizes) in [(20, 10, [20, 5, 10]), (2000, 500, [73, 9, 18])] {
        let recipe = Recipe {
            fit,
            held_out,
            ..recipe()
        };
        let parts = split(&problems, &recipe);
        assert_eq!(parts.each_ref().map(Vec::len), sizes);
        let mut seen: Vec<&str> = (parts.concat().iter())
            .map(|i| problems[*i].question.trim())
            .collect();
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
        assert_eq!(split(&problems, &recipe), parts);
    }
}

#[test]
fn labels_are_results_that_the_vocabulary_can_show() {
    let model = tiny_model(3);
    let mut labels = Labels::of(&model);
    let mut label = |step: &str| labels.label(&model, step).expect("reads");
    let nineteen = label("<<12+7=19>>");
    assert!(nineteen.is_some());
    assert_eq!(label("<<20-1=19>>"), nineteen);
    assert_ne!(label("<<20-1=18>>"), nineteen);
    assert!(label("Every gorpus is a bompus.").is_some());
    // Outside the vocabulary, without a result, and of several tokens, of which the first counts.
    assert_eq!(label("<<50+49=99>>"), None);
    assert_eq!(label("<<12>>"), None);
    assert_eq!(label(""), None);
    assert_eq!(label("<<1/2=19/2>>"), nineteen);
}

#[test]
fn a_step_may_have_several_latents() {
    let model = tiny_model(3);
    let mut problems = planted(&model, 120);
    for (i, problem) in problems.iter_mut().enumerate() {
        problem.steps.truncate(1 + i % 2);
    }
    let recipe = Recipe {
        latents_per_step: 2,
        most_epochs: 0,
        ..recipe()
    };
    let (_, card) = fitted(&model, &recipe, &problems);
    let n: Vec<usize> = card
        .places
        .iter()
        .map(|p| p.fitted + p.stopping + p.figures.n)
        .collect();
    assert_eq!(n[0], n[1]);
    assert_eq!(n[2], n[3]);
    assert!(n[2] < n[0], "half of the problems have one step: {n:?}");
    let one = Recipe {
        latents_per_step: 1,
        ..recipe
    };
    let (files, card) = fitted(&model, &one, &problems);
    assert_eq!(
        card.header.latents,
        [LatentIdx(1), LatentIdx(2)],
        "no problem has a third step"
    );
    let explorer = read_through(model, &files);
    let clean = explorer.run(&ask(&problems[0].question), &Cancel::new(), &mut |_| ());
    let clean = clean.expect("it runs");
    let learned = clean.run.learned.as_ref().expect("a lens is there");
    let read = &learned.latents;
    let there: Vec<bool> = read.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, true, false, false]);
    let plain = clean
        .run
        .latents()
        .next()
        .expect("a latent")
        .1
        .projection
        .clone();
    let (plain, learned) = (plain.expect("projected"), read[0].clone().expect("read"));
    assert_eq!(learned.top, plain.top, "it is untrained");
}

fn ask(question: &str) -> Ask<'_> {
    Ask {
        question,
        gold: None,
        steps: None,
        mode: Mode::Latent,
        n_latents: 4,
        top_k: 5,
        most_tokens: Some(8),
    }
}

fn read_through(model: Model, files: &LensFiles) -> Workbench {
    let mut explorer = Workbench::bare(model);
    assert!(explorer.learned().is_none(), "no lens is bundled for a toy");
    explorer.use_lens(files).expect("it belongs to the model");
    explorer
}

#[test]
fn inner_layers_are_read_where_the_plain_lens_reads_them() {
    let model = tiny_model(3);
    let problems = planted(&model, 120);
    let recipe = Recipe {
        layers: vec![2, 1, 2],
        most_epochs: 2,
        ..recipe()
    };
    assert_eq!(layers(&model, &recipe).expect("both are there"), [1, 2]);
    let (files, card) = fitted(&model, &recipe, &problems);
    assert_eq!(card.places.len(), 2 * model.n_latents());
    let explorer = read_through(model, &files);
    let cancel = Cancel::new();
    let clean = explorer.run(&ask(&problems[1].question), &cancel, &mut |_| ());
    let clean = clean.expect("it runs");
    let grid = explorer.learned_grid(&clean, None, &cancel).expect("reads");
    let plain = explorer.layers(&clean, None, &cancel).expect("reads");
    for (learned, plain) in grid.iter().zip(&plain.rows) {
        assert_eq!(learned.layer, plain.layer);
        assert_eq!(learned.cells.len(), 4);
        // Latent j is read at the column before it.
        for (cell, plain) in learned.cells.iter().zip(&plain.cells) {
            assert!((cell.plain.prob - plain.prob).abs() < 1e-5);
            assert_eq!(cell.plain.top.id, plain.top.id);
            assert_eq!(cell.top[0], cell.learned.top);
        }
    }
    let inner = Recipe {
        layers: vec![1],
        most_epochs: 0,
        ..recipe
    };
    let (files, _) = fitted(explorer.model(), &inner, &problems);
    let lens = Learned::load(&files, explorer.model()).expect("it loads");
    let error = lens
        .projections(explorer.model(), &clean, 5)
        .expect_err("no last layer");
    assert!(
        error.to_string().contains("runs are read at layer 2"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let model = tiny_model(3);
    let mut quiet = |_: &str, _: usize, _: usize| ();
    let mut refusal = |recipe: &Recipe, problems: &[Problem]| {
        let cancel = Cancel::new();
        let origin = Origin::default();
        fit(&model, recipe, &origin, problems, &mut quiet, &cancel)
            .expect_err("refused")
            .to_string()
    };
    let problems = questions(100);
    assert!(refusal(&recipe(), &problems).contains("too few steps"));
    assert!(refusal(&recipe(), &[]).contains("too few steps"));
    for layers in [vec![0], vec![1, 9]] {
        let recipe = Recipe { layers, ..recipe() };
        assert!(refusal(&recipe, &problems).contains("there is no layer"));
    }
    let recipe = Recipe {
        rank: Some(17),
        ..recipe()
    };
    assert!(refusal(&recipe, &problems).contains("rank"));
    let cancel = Cancel::new();
    cancel.cancel();
    let called_off = fit(
        &model,
        &super::Recipe::default(),
        &Origin::default(),
        &planted(&model, 60),
        &mut quiet,
        &cancel,
    );
    assert_eq!(called_off.err(), Some(ModelError::Cancelled));
}

#[test]
fn a_lens_of_other_weights_is_refused_with_both_hashes() {
    let model = tiny_model(3);
    let recipe = Recipe {
        most_epochs: 0,
        ..recipe()
    };
    let (files, _) = fitted(&model, &recipe, &planted(&model, 60));
    let other = tiny_model(4);
    let error = Learned::load(&files, &other)
        .expect_err("refused")
        .to_string();
    assert!(error.contains(&model.info().sha256), "{error}");
    assert!(error.contains(&other.info().sha256), "{error}");
    assert!(!error.contains('\n'));
}

/// An edit of a file's tensors.
type EditOf<'a> = &'a dyn Fn(&mut Vec<(String, Tensor)>);

#[test]
fn a_damaged_lens_is_refused() {
    let model = tiny_model(3);
    let recipe = Recipe {
        most_epochs: 0,
        rank: Some(2),
        ..recipe()
    };
    let (files, card) = fitted(&model, &recipe, &planted(&model, 60));
    let card_text = files.card().to_owned();
    let tensors = files.tensors().expect("in memory");
    let refusal = |card: String, tensors: Vec<u8>| {
        let files = LensFiles::from_parts("runs/lens", card, tensors);
        let error = Learned::load(&files, &model).expect_err("refused");
        assert!(matches!(error, ModelError::Lens { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.starts_with("cannot use runs/lens: "), "{error}");
        assert!(!error.contains('\n') && error.len() < 1000, "{error}");
        error
    };
    // The card is edited after its hash is updated.
    let edited = |tensors: &[u8], edit: &dyn Fn(&mut Value)| {
        let mut card: Value = serde_json::from_str(&card_text).expect("JSON");
        let files = LensFiles::from_parts("x", String::new(), tensors.to_vec());
        card["tensors_sha256"] = files.tensors_sha256().expect("in memory").into();
        edit(&mut card);
        refusal(card.to_string(), tensors.to_vec())
    };
    let mut flipped = tensors.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    assert!(refusal(card_text.clone(), flipped).contains(&card.header.tensors_sha256));
    assert!(refusal("{}".to_owned(), tensors.clone()).contains("missing field"));
    assert!(refusal("no JSON".to_owned(), tensors.clone()).contains("card cannot be read"));
    let cases: [(&str, Value, &str); 9] = [
        ("schema", "undertone.lens-card/2".into(), "lens-card/2"),
        ("stored", "i4".into(), "i4"),
        ("layers", serde_json::json!([]), "its layers"),
        ("layers", serde_json::json!([0]), "its layers"),
        ("layers", serde_json::json!([3]), "its layers"),
        ("latents", serde_json::json!([2, 1]), "its latents"),
        (
            "latents",
            (1..100_000).collect::<Vec<u32>>().into(),
            "no tensor",
        ),
        ("rank", 1_000_000_000_000_u64.into(), "its rank"),
        ("rank", Value::Null, "expected [16, 16]"),
    ];
    for (field, value, names) in cases {
        let said = edited(&tensors, &|card| card[field] = value.clone());
        assert!(said.contains(names), "{field}: {said}");
    }
    for cut in [0, 7, 20, tensors.len() / 2, tensors.len() - 1] {
        edited(&tensors[..cut], &|_| ());
    }
    let nothing = |shape: &[usize], dtype| {
        let zeros = Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("zeros");
        zeros.to_dtype(dtype).expect("converts")
    };
    let maps = |edit: EditOf<'_>| {
        let mut all = Vec::new();
        for latent in 1..=4 {
            let name = |part: &str| format!("layer.2.latent.{latent}.{part}");
            all.push((name("factor.1"), nothing(&[16, 2], DType::F16)));
            all.push((name("factor.2"), nothing(&[2, 16], DType::F16)));
            all.push((name("bias"), nothing(&[16], DType::F16)));
        }
        edit(&mut all);
        safetensors::serialize(all, None).expect("bytes")
    };
    let whole = LensFiles::from_parts("x", String::new(), maps(&|_| ()));
    let mut good: Value = serde_json::from_str(&card_text).expect("JSON");
    good["tensors_sha256"] = whole.tensors_sha256().expect("in memory").into();
    assert!(Learned::load(&whole.with_card(good.to_string()), &model).is_ok());
    let nan = Tensor::new(vec![f32::NAN; 16], &Device::Cpu).expect("a tensor");
    let nan = nan.to_dtype(DType::F16).expect("converts");
    let extra = |all: &mut Vec<(String, Tensor)>| all.push(("x".into(), nothing(&[1], DType::F16)));
    let single = |all: &mut Vec<(String, Tensor)>| all[0].1 = nothing(&[16, 2], DType::F32);
    let wide = |all: &mut Vec<(String, Tensor)>| all[0].1 = nothing(&[2, 16], DType::F16);
    let endless = |all: &mut Vec<(String, Tensor)>| all[2].1 = nan.clone();
    let lost = |all: &mut Vec<(String, Tensor)>| drop(all.remove(4));
    let edits: [(EditOf<'_>, &str); 5] = [
        (&extra, "unexpected tensor \"x\""),
        (&single, "expected F16"),
        (&wide, "expected [16, 2]"),
        (&endless, "not finite"),
        (&lost, "layer.2.latent.2.factor.2"),
    ];
    for (edit, names) in edits {
        let said = edited(&maps(edit), &|_| ());
        assert!(said.contains(names), "{said}");
    }
}

#[test]
fn files_on_the_disk_are_opened_or_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let error = LensFiles::open(folder.path())
        .expect_err("empty")
        .to_string();
    assert!(error.contains("lens.json"), "{error}");
    std::fs::write(folder.path().join("lens.json"), "{}").expect("write");
    let error = LensFiles::open(folder.path())
        .expect_err("no maps")
        .to_string();
    assert!(error.contains("lens.safetensors"), "{error}");
    std::fs::write(folder.path().join("lens.safetensors"), "").expect("write");
    let files = LensFiles::open(folder.path()).expect("both are there");
    assert_eq!(files.card(), "{}");
    std::fs::write(folder.path().join("lens.json"), [0xff]).expect("write");
    assert!(LensFiles::open(folder.path()).is_err());
}

#[test]
fn every_bundled_model_has_a_lens_of_its_own() {
    for name in bundled_names() {
        let model = load(&Checkpoint::bundled(name).expect(name));
        let lens = Learned::bundled(&model).expect(name).expect(name);
        let card = lens.card();
        assert_eq!(card.header.model.sha256, model.info().sha256);
        assert_eq!(card.header.model.name, name);
        let last = card.overall.last().expect("figures");
        assert_eq!(last.layer, model.info().layers, "what runs are read at");
        assert!(last.figures.n >= 1000, "{name}");
        let (learned, plain) = (last.figures.learned, last.figures.plain);
        assert!(learned.cross_entropy < plain.cross_entropy, "{name}");
        assert_eq!(card.header.latents.len(), model.n_latents());
        let states = vec![vec![0.5f32; model.width()]];
        let states: Vectors = model.vectors(&states).expect("as wide");
        let first = (last.layer, LatentIdx(1));
        let read = lens.lens().read(&model, first, &states, 5).expect("reads");
        assert_eq!(read.expect("a map")[0].top.len(), 5);
    }
}

#[test]
fn the_search_reads_through_the_lens_and_so_does_its_null() {
    let model = load(&Checkpoint::bundled("mini-math-sim").expect("bundled"));
    let cancel = Cancel::new();
    let mut explorer = Workbench::bare(model);
    let problems = crate::lab::analysis::problems::for_lens(crate::core::types::Task::Math, 40, 77);
    let problems = problems.expect("forty exist");
    explorer
        .use_reference("forty", &problems, &cancel)
        .expect("they fit");
    let question = "Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?";
    let clean = explorer
        .run(&ask(question), &cancel, &mut |_| ())
        .expect("it runs");
    let exits = explorer.early_exits(&clean, &cancel).expect("early exits");
    let budget = Budget {
        strategies: vec![Strategy {
            decoder: Decoder::Learned,
            top_k: 5,
            three_operands: false,
        }],
        ..Budget::default()
    };
    let found = explorer
        .verdict(&clean, &exits, &budget, &mut |_| (), &cancel)
        .expect("judged");
    assert_eq!((found.decoder.as_str(), found.null.n), ("learned lens", 40));
    assert!(found.null.hits < 40);
    assert_eq!(found.steps.len(), 1, "{found:?}");
    assert_eq!(found.steps[0].result.text, "19");
    assert!(matches!(
        found.steps[0].result.source,
        crate::core::types::ValueSource::Latent { .. }
    ));
}
