//! Tests of the loop and the cache on the toy model, and shared test helpers.

use candle_core::Tensor;

use super::backbone::{Output, Pass};
use super::cache::Cache;
use super::*;
use crate::core::types::LatentIdx;

fn load(checkpoint: &Checkpoint) -> Result<Model> {
    Model::load(
        checkpoint,
        &LoadOptions::default(),
        &Device::Cpu,
        &mut |_| {},
    )
}

/// Loads the toy model through the normal loader.
pub(super) fn tiny_model(seed: u64) -> Model {
    load(&tiny::checkpoint(seed)).expect("the toy model loads")
}

/// Runs the toy question up to its start marker.
pub(super) fn question_branch(model: &Model) -> Branch {
    let prompt = model.prompt(tiny::QUESTION, Mode::Latent).expect("prompt");
    model
        .prefill(&[&prompt.ids], &Cancel::new())
        .expect("prefill")
}

/// A backbone that ignores earlier positions, to show that the self-tests detect it.
pub(super) struct Forgetful(pub(super) Arc<dyn Backbone>);

impl Backbone for Forgetful {
    fn new_cache(&self, rows: usize) -> Cache {
        self.0.new_cache(rows)
    }
    fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        self.0.embed(ids)
    }
    fn forward(&self, pass: &Pass<'_>, cache: &Cache) -> Result<Output> {
        self.0.forward(pass, &self.0.new_cache(cache.rows()))
    }
    fn norm(&self, hidden: &Tensor) -> Result<Tensor> {
        self.0.norm(hidden)
    }
    fn unembed(&self, normed: &Tensor) -> Result<Tensor> {
        self.0.unembed(normed)
    }
    fn vocab(&self) -> usize {
        self.0.vocab()
    }
}

fn assert_close(a: &[Vec<f32>], b: &[Vec<f32>], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
        assert!((a - b).abs() < 1e-4, "{what}: {a} {b}");
    }
}

#[test]
fn info_says_what_was_loaded() {
    let model = tiny_model(0);
    let info = model.info();
    assert_eq!(
        (info.family.as_str(), info.arch.as_str()),
        ("multimode-coconut", "gpt2")
    );
    assert_eq!(
        (info.width, info.layers, info.vocab),
        (16, 2, model.vocab())
    );
    assert_eq!(info.sha256.len(), 64);
    let test = model.self_test();
    assert!(
        test.lens <= test.tolerance
            && test.cache <= test.tolerance
            && test.write_back <= test.tolerance
    );
    assert!(test.tolerance <= 1e-4);
}

#[test]
fn the_toy_model_is_the_same_for_the_same_seed() {
    let hash = |seed| {
        tiny::checkpoint(seed)
            .weights
            .sha256(&AtomicBool::new(false))
            .expect("in memory")
    };
    assert_eq!(hash(5), hash(5));
    assert_ne!(hash(5), hash(6));
}

#[test]
fn prompts_of_equal_length_run_as_rows() {
    let (model, cancel) = (tiny_model(2), Cancel::new());
    let ids = |q: &str| model.prompt(q, Mode::Latent).expect("prompt").ids;
    let (a, b) = (ids("Tom has 3 apples."), ids("Ann has 9 pears."));
    let both = model.prefill(&[&a, &b], &cancel).expect("prefill");
    let both = model
        .rollout(&both, 3, &Overrides::none(2), &cancel)
        .expect("rollout");
    for (row, ids) in [a, b].iter().enumerate() {
        let one = model.prefill(&[ids], &cancel).expect("prefill");
        assert_eq!(one.shared_len(), ids.len());
        let one = model
            .rollout(&one, 3, &Overrides::none(1), &cancel)
            .expect("rollout");
        let together = model.logits(both.last()).expect("logits");
        let alone = model.logits(one.last()).expect("logits");
        assert_close(&alone, &together[row..=row], "row in a batch");
    }
}

#[test]
fn a_branch_is_not_changed_by_what_comes_after_it() {
    let (model, cancel) = (tiny_model(2), Cancel::new());
    let start = question_branch(&model);
    let before = model.logits(&start).expect("logits");
    let rollout = model
        .rollout(&start, 4, &Overrides::none(3), &cancel)
        .expect("rollout");
    let middle = rollout
        .after(2)
        .expect("after 2")
        .select(&[0])
        .expect("row");
    let first = model.close(&middle, true, &cancel).expect("close");
    let other = model
        .advance(&middle, &[3, 4, 5], &cancel)
        .expect("advance");
    let again = model.close(&middle, true, &cancel).expect("close");
    assert_eq!(model.logits(&start).expect("logits"), before);
    assert_eq!(
        model.logits(&first).expect("logits"),
        model.logits(&again).expect("logits")
    );
    assert_ne!(
        model.logits(&first).expect("logits"),
        model.logits(&other).expect("logits")
    );
    assert_eq!(rollout.last().shared_len(), start.len());
    assert_eq!(rollout.last().len(), start.len() + 4);
    // A frozen tail is the same run, stored once.
    let frozen = middle.freeze().expect("freeze");
    assert_eq!(frozen.shared_len(), middle.len());
    let from_frozen = model
        .close(&frozen.fork(2).expect("fork"), true, &cancel)
        .expect("close");
    let expected = model
        .close(&middle.fork(2).expect("fork"), true, &cancel)
        .expect("close");
    assert_close(
        &model.logits(&from_frozen).expect("logits"),
        &model.logits(&expected).expect("logits"),
        "frozen",
    );
}

#[test]
fn later_latents_are_recomputed_and_earlier_ones_stand() {
    let (model, cancel) = (tiny_model(2), Cancel::new());
    let mut overrides = Overrides::none(2);
    overrides.set(1, LatentIdx(2), vec![0.5; model.width()]);
    let rollout = model
        .rollout(&question_branch(&model), 4, &overrides, &cancel)
        .expect("rollout");
    let fed = |j: usize| rollout.latents[j - 1].fed.to_rows().expect("rows");
    assert_eq!(fed(1)[0], fed(1)[1]);
    assert_eq!(fed(2)[1], vec![0.5; model.width()]);
    for j in 3..=4 {
        assert_ne!(fed(j)[0], fed(j)[1], "latent {j}");
    }
    // The projected state is the fed vector, and the next prediction of the position before.
    let natural = rollout.latents[0].state.to_rows().expect("rows");
    assert_eq!(
        natural[0],
        question_branch(&model).hidden().to_rows().expect("rows")[0]
    );
}

#[test]
fn the_rows_of_a_step_are_their_own() {
    let (model, cancel) = (tiny_model(2), Cancel::new());
    let start = question_branch(&model);
    let stepped = model
        .step(&start.fork(2).expect("fork"), &[12, 13], &cancel)
        .expect("step");
    for (row, id) in [12, 13].into_iter().enumerate() {
        let alone = model.advance(&start, &[id], &cancel).expect("advance");
        let expected = model.logits(&alone).expect("logits");
        assert_close(
            &model.logits(&stepped).expect("logits")[row..=row],
            &expected,
            "step",
        );
    }
    let at_once = model
        .advance(&start, &[12, 13, 14], &cancel)
        .expect("advance");
    let mut one_by_one = start;
    for id in [12, 13, 14] {
        one_by_one = model.advance(&one_by_one, &[id], &cancel).expect("advance");
    }
    assert_close(
        &model.logits(&at_once).expect("logits"),
        &model.logits(&one_by_one).expect("logits"),
        "one pass",
    );
}

#[test]
fn a_vector_can_be_the_whole_prefix() {
    let (model, cancel) = (tiny_model(2), Cancel::new());
    let id = model.encode_text("apples").expect("ids")[0];
    let vector = model.embedding(id).expect("embedding");
    let from_vector = model.prefill_vectors(
        &model.vectors(&[vector.clone(), vector]).expect("vectors"),
        &cancel,
    );
    let from_id = model.prefill(&[&[id]], &cancel).expect("prefill");
    let from_vector = model
        .logits(&from_vector.expect("prefill"))
        .expect("logits");
    assert_close(
        &from_vector[1..],
        &model.logits(&from_id).expect("logits"),
        "prefix",
    );
}

#[test]
fn masks_and_positions_are_ours() {
    let model = tiny_model(2);
    let ids = [12, 13, 14];
    let vectors = model
        .embed(&ids)
        .and_then(|v| Ok(v.unsqueeze(0)?))
        .expect("vectors");
    let run = |positions: Option<&[u32]>| {
        let pass = Pass {
            positions,
            ..Pass::new(&vectors)
        };
        let output = model
            .backbone
            .forward(&pass, &model.backbone.new_cache(1))
            .expect("forward");
        output
            .last
            .squeeze(0)
            .and_then(|t| t.to_vec2::<f32>())
            .expect("states")
    };
    let plain = run(None);
    assert_eq!(plain, run(Some(&[0, 1, 2])));
    assert_ne!(plain[0], run(Some(&[5, 6, 7]))[0]);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_named_tensor_by_tensor() {
    let load = |edit: &dyn Fn(&mut tiny::Tensors)| load(&tiny::checkpoint_with(0, edit)).err();
    assert_eq!(load(&|_| {}), None);
    let norm = "base_causallm.transformer.h.1.ln_2.bias";
    let missing = load(&|t| {
        t.remove(norm);
    });
    assert!(matches!(missing, Some(ModelError::MissingTensor { name, .. }) if name == norm));
    let wrong = load(&|t| {
        t.insert(norm.into(), (vec![17], vec![0.0; 17]));
    });
    assert!(
        matches!(&wrong, Some(ModelError::WrongTensor { name, expected, .. }) if name == norm && expected == "[16]")
    );
    let extra = load(&|t| {
        t.insert(
            "base_causallm.transformer.h.1.ln_3.bias".into(),
            (vec![16], vec![0.0; 16]),
        );
    });
    assert!(matches!(
        extra,
        Some(ModelError::UnexpectedTensor { count: 1, .. })
    ));
    let not_finite = load(&|t| {
        t.insert(norm.into(), (vec![16], vec![f32::NAN; 16]));
    });
    assert!(
        matches!(not_finite, Some(ModelError::WrongTensor { actual, .. }) if actual == "not finite")
    );
    // Published files contain buffers and wrapped names.
    let buffers = load(&|t| {
        t.insert(
            "base_causallm.transformer.h.0.attn.bias".into(),
            (vec![1, 1, 2, 2], vec![0.0; 4]),
        );
        let moved = t.remove(norm).expect("present");
        t.insert(format!("module.{norm}"), moved);
    });
    assert_eq!(buffers, None);
}

#[test]
fn every_precision_loads_and_answers() {
    let answer = |precision| {
        let options = LoadOptions {
            precision,
            ..LoadOptions::default()
        };
        let model = Model::load(&tiny::checkpoint(3), &options, &Device::Cpu, &mut |_| {});
        let model = model.unwrap_or_else(|e| panic!("{precision:?}: {e}"));
        assert_eq!(model.info().dtype, precision.as_str());
        let cancel = Cancel::new();
        let start = question_branch(&model);
        let rollout = model
            .rollout(&start, 4, &Overrides::none(1), &cancel)
            .expect("latents");
        model.logits(rollout.last()).expect("logits").remove(0)
    };
    let exact = answer(Precision::F32);
    let scale = exact.iter().fold(0f32, |m, x| m.max(x.abs()));
    assert_eq!(exact, answer(Precision::Reference), "the kind is not CODI");
    for (precision, within) in [
        (Precision::F16, 0.01),
        (Precision::Bf16, 0.1),
        // The toy is 16 wide and a block holds 32, so only the wide half of its MLP is quantized.
        (Precision::Q8, 0.1),
    ] {
        let found = answer(precision);
        let off = exact
            .iter()
            .zip(&found)
            .fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(
            off > 0.0 && off < within * scale,
            "{precision:?}: {off} of {scale}"
        );
    }
}

/// Renames the toy's tensors to CODI's and adds a projection that mixes the dimensions.
pub(super) fn as_codi(tensors: &mut tiny::Tensors) {
    let names: Vec<String> = tensors.keys().cloned().collect();
    for name in names {
        let tensor = tensors.remove(&name).expect("listed");
        let name = name.replace("base_causallm.", "codi.base_model.model.");
        tensors.insert(name, tensor);
    }
    let matrix = |k: u16| {
        let values = (0..256u16).map(|i| f32::from((i * k) % 7) * 0.1 - 0.3);
        (vec![16, 16], values.collect::<Vec<f32>>())
    };
    let vector = |x: f32| (vec![16], vec![x; 16]);
    for (name, tensor) in [
        ("prj.1.weight", matrix(3)),
        ("prj.1.bias", vector(0.1)),
        ("prj.3.weight", matrix(5)),
        ("prj.3.bias", vector(-0.1)),
        ("prj.ln.weight", vector(1.0)),
        ("prj.ln.bias", vector(0.0)),
    ] {
        tensors.insert(name.to_owned(), tensor);
    }
}

/// Loads the toy as a model of another family.
pub(super) fn load_as(
    family: Family,
    behaviour: Behaviour,
    edit: &dyn Fn(&mut tiny::Tensors),
) -> Model {
    let options = LoadOptions {
        family: Some(family),
        behaviour,
        task: Some(crate::core::types::Task::Logic),
        // The toy's markers are its last words.
        special_tokens: Some(SpecialTokens {
            start: 98,
            end: 99,
            latent: Some(100),
        }),
        ..LoadOptions::default()
    };
    let mut checkpoint = tiny::checkpoint_with(4, edit);
    // CODI's delimiter replaces words that no test uses.
    let words = checkpoint.tokenizer.take().expect("the toy has one");
    let words = String::from_utf8(words.into_owned()).expect("JSON");
    let words = words
        .replace("\"gorpus\"", "\"The\"")
        .replace("\"bompus\"", "\"answer\"");
    checkpoint.tokenizer = Some(words.into_bytes().into());
    Model::load(&checkpoint, &options, &Device::Cpu, &mut |_| {})
        .unwrap_or_else(|e| panic!("{family:?}: {e}"))
}

#[test]
fn a_newline_left_out_by_the_published_evaluation_is_put_back_unless_asked_otherwise() {
    let ids = |behaviour| {
        let model = load_as(Family::Codi, behaviour, &as_codi);
        assert_eq!(model.info().behaviour, behaviour.as_str());
        model
            .prompt(tiny::QUESTION, Mode::Latent)
            .expect("prompt")
            .ids
    };
    let (reference, fixed) = (ids(Behaviour::Reference), ids(Behaviour::Fixed));
    assert_eq!(fixed.len(), reference.len() + 1);
    let coconut = |behaviour| {
        let model = load_as(Family::MultimodeCoconut, behaviour, &|_| ());
        model
            .prompt(tiny::QUESTION, Mode::Latent)
            .expect("prompt")
            .ids
    };
    assert_eq!(
        coconut(Behaviour::Reference),
        coconut(Behaviour::Fixed),
        "it always has one"
    );
}

#[test]
fn the_decoder_of_a_sim_cot_checkpoint_reads_a_latent_as_its_prefix() {
    // The decoder is a copy of the base, so its results are known.
    let copy = |tensors: &mut tiny::Tensors, from: &str, to: &str| {
        let base: Vec<_> = tensors
            .iter()
            .filter_map(|(name, tensor)| {
                Some((name.strip_prefix(from)?.to_owned(), tensor.clone()))
            })
            .collect();
        tensors.extend(base.into_iter().map(|(name, t)| (format!("{to}{name}"), t)));
    };
    let coconut = |t: &mut tiny::Tensors| copy(t, "base_causallm.", "expainable_llm.");
    let codi = |t: &mut tiny::Tensors| {
        as_codi(t);
        copy(t, "codi.base_model.model.", "decoder.");
        for end in ["pj_in", "pj_out"] {
            let diagonal = (0..256).map(|i| f32::from(u8::from(i % 17 == 0)));
            t.insert(format!("{end}.weight"), (vec![16, 16], diagonal.collect()));
            t.insert(format!("{end}.bias"), (vec![16], vec![0.0; 16]));
        }
    };
    for (family, edit, first_position) in [
        (
            Family::Coconut,
            &coconut as &dyn Fn(&mut tiny::Tensors),
            1u32,
        ),
        (Family::Codi, &codi, 0),
    ] {
        let model = load_as(family, Behaviour::Fixed, edit);
        assert!(model.has_step_decoder());
        assert_eq!(
            model.config().phrase_decoder,
            "roll-out",
            "as its file says"
        );
        let cancel = Cancel::new();
        let start = question_branch(&model);
        let rollout = model
            .rollout(&start, 2, &Overrides::none(1), &cancel)
            .expect("latents");
        let fed = &rollout.latents[1].fed;
        let read = model.decoder_prefill(fed, &cancel).expect("prefix");
        let next = model.decoder_step(&read, &[7], &cancel).expect("step");
        let found = model.decoder_logits(&next).expect("logits").remove(0);

        let word = model.embed(&[7]).expect("embedding");
        let vectors = Tensor::cat(&[fed.tensor(), &word], 0)
            .and_then(|v| v.unsqueeze(0))
            .expect("two positions");
        let pass = Pass {
            positions: Some(&[first_position, first_position + 1]),
            ..Pass::new(&vectors)
        };
        let output = model
            .backbone
            .forward(&pass, &model.backbone.new_cache(1))
            .expect("forward");
        let last = output.last.get(0).and_then(|t| t.get(1)).expect("last");
        let last = last.unsqueeze(0).expect("one row");
        let normed = model.backbone.norm(&last).expect("norm");
        let expected = model.backbone.unembed(&normed).expect("logits");
        let expected = expected
            .get(0)
            .and_then(|t| t.to_vec1::<f32>())
            .expect("row");
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-4, "{family:?}: {a} and {b}");
        }
    }
}
