//! Compares the tree of variants with running every variant alone, without a cache, all positions at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use candle_core::Tensor;
use proptest::prelude::*;

use super::backbone::Pass;
use super::cache::CacheWrite;
use super::tests::{as_codi, load_as, question_branch, tiny_model};
use super::{Behaviour, Branch, Cancel, Family, Intervention, Model, Overrides, Spoken, Variant};
use crate::core::types::LatentIdx;

const LATENTS: usize = 4;
const ANSWER: usize = 6;

/// A change as numbers, so that it can be drawn and printed.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Fed(usize),
    State(usize),
    Keys(usize),
    NoKeys,
    Block,
}

fn vectors(width: usize) -> Vec<Arc<[f32]>> {
    let step = |seed: usize, i: usize| u8::try_from((seed * 31 + i * 7) % 17).unwrap_or(0);
    let value = |seed: usize, i: usize| f32::from(step(seed, i)) / 8.0 - 1.0;
    let mut all: Vec<Arc<[f32]>> = (0..3)
        .map(|seed| (0..width).map(|i| value(seed, i)).collect())
        .collect();
    all.push(vec![0.0; width].into());
    all
}

/// Runs a variant by definition: latent by latent, one row, with an unshared cache.
fn alone(
    model: &Model,
    latents: usize,
    interventions: &BTreeMap<usize, Kind>,
    layers: &Range<usize>,
) -> Branch {
    let vectors = vectors(model.width());
    let mut branch = question_branch(model);
    for at in 1..=latents {
        let state = match interventions.get(&at) {
            Some(Kind::State(v)) => model.vectors(&[&vectors[*v]]).expect("v").tensor().clone(),
            _ => branch.hidden.clone(),
        };
        let own = model.feedback_of(&state).expect("fed");
        let fed = |v: usize| model.vectors(&[&vectors[v]]).expect("v").tensor().clone();
        let feed = |vector: &Tensor| {
            let vector = vector.unsqueeze(1).expect("one position");
            model.feed(&branch.cache, &vector).expect("feed")
        };
        let next = match interventions.get(&at) {
            Some(Kind::Fed(v)) => feed(&fed(*v)),
            Some(Kind::Keys(v)) => {
                let (mut own, other) = (feed(&own), feed(&fed(*v)));
                let both = Branch::stack(&[&own, &other]).expect("stack");
                let entries = [CacheWrite::Of(1), CacheWrite::Own];
                let patched = both.cache.patched(&entries, layers).expect("patch");
                own.cache = patched.select(&[0], &model.device).expect("row");
                own
            }
            Some(Kind::NoKeys) => {
                let mut own = feed(&own);
                own.cache = own
                    .cache
                    .patched(&[CacheWrite::Zeros], layers)
                    .expect("patch");
                own
            }
            Some(Kind::Block) => {
                let mut own = feed(&own);
                own.cache = own.cache.block_last(&[0], layers).expect("block");
                own
            }
            Some(Kind::State(_)) | None => feed(&own),
        };
        branch = next;
    }
    branch
}

fn change(kind: Kind, vectors: &[Arc<[f32]>]) -> Intervention {
    match kind {
        Kind::Fed(v) => Intervention::Fed(vectors[v].clone()),
        Kind::State(v) => Intervention::State(vectors[v].clone()),
        Kind::Keys(v) => Intervention::Keys(vectors[v].clone()),
        Kind::NoKeys => Intervention::NoKeys,
        Kind::Block => Intervention::Block,
    }
}

/// Compares ends, scores and text of every variant, in the tree and alone.
fn check(model: &Model, drawn: &[(usize, BTreeMap<usize, Kind>)], layers: &Range<usize>) {
    let cancel = Cancel::new();
    let vectors = vectors(model.width());
    let start = question_branch(model);
    let clean = model
        .rollout(&start, LATENTS, &Overrides::none(1), &cancel)
        .expect("clean");
    let variants: Vec<Variant> = drawn
        .iter()
        .map(|(latents, changes)| Variant {
            latents: *latents,
            interventions: changes
                .iter()
                .map(|(&at, &kind)| (LatentIdx(at), change(kind, &vectors)))
                .collect(),
        })
        .collect();
    let unfolded = model
        .unfold(&clean, &variants, layers, &cancel)
        .expect("unfolded");
    let closed = model.close(clean.last(), false, &cancel).expect("close");
    let said = model
        .generate(&closed, ANSWER, &mut |_| (), &cancel)
        .expect("said")
        .remove(0)
        .ids;
    let delimiter = &model.markers().delimiter;
    let target = match said.strip_prefix(delimiter.as_slice()) {
        Some(rest) if !rest.is_empty() => rest.to_vec(),
        _ => vec![5, 9],
    };
    for spoken in [Spoken::Free(&said), Spoken::Forced] {
        let found = model
            .conclude(&unfolded.ends, &target, spoken, ANSWER, &cancel)
            .expect("conclusions");
        for (v, (latents, changes)) in drawn.iter().enumerate() {
            let end = alone(model, *latents, changes, layers);
            let conclusion = &found[unfolded.rows[v]];
            let forced = model.close(&end, true, &cancel).expect("close");
            let score = model
                .score(&forced, std::slice::from_ref(&target), &cancel)
                .expect("score")
                .remove(0);
            assert!(
                (conclusion.score.logprob - score.logprob).abs() < 1e-3,
                "variant {v}: {} and {}",
                conclusion.score.logprob,
                score.logprob
            );
            for (a, b) in conclusion
                .score
                .first_logits
                .iter()
                .zip(&score.first_logits)
            {
                assert!((a - b).abs() < 1e-3, "variant {v}: logit {a} and {b}");
            }
            let start = match spoken {
                Spoken::Free(_) => model.close(&end, false, &cancel).expect("close"),
                Spoken::Forced => forced,
            };
            let mut margins = Vec::new();
            let generated = model
                .generate(
                    &start,
                    ANSWER,
                    &mut |token| margins.push(margin(token.logits)),
                    &cancel,
                )
                .expect("words")
                .remove(0);
            // If two ids are almost equal, either may win.
            if margins.iter().all(|m| *m > 1e-3) {
                assert_eq!(conclusion.generated.ids, generated.ids, "variant {v}");
                assert_eq!(conclusion.generated.stop, generated.stop, "variant {v}");
                for (a, b) in conclusion
                    .generated
                    .logprobs
                    .iter()
                    .zip(&generated.logprobs)
                {
                    assert!((a - b).abs() < 1e-3, "variant {v}: {a} and {b}");
                }
            }
        }
    }
    let distinct = unfolded.ends.rows();
    assert!(distinct <= drawn.len() && unfolded.rows.iter().all(|&row| row < distinct));
    let at_most: usize = drawn.iter().map(|(latents, _)| latents).sum();
    assert!(unfolded.steps <= at_most, "{} of {at_most}", unfolded.steps);
}

fn margin(logits: &[f32]) -> f32 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted[0] - sorted[1]
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => (0..4usize).prop_map(Kind::Fed),
        2 => (0..4usize).prop_map(Kind::State),
        2 => (0..4usize).prop_map(Kind::Keys),
        1 => Just(Kind::NoKeys),
        2 => Just(Kind::Block),
    ]
}

fn variants() -> impl Strategy<Value = Vec<(usize, BTreeMap<usize, Kind>)>> {
    let one = (0..=LATENTS).prop_flat_map(|latents| {
        let changes = prop::collection::btree_map(1..=latents.max(1), kinds(), 0..=latents);
        (Just(latents), changes)
    });
    prop::collection::vec(one, 1..9)
}

fn models() -> Vec<Model> {
    let mut models: Vec<Model> = (0..3).map(tiny_model).collect();
    models.push(load_as(Family::Codi, Behaviour::Fixed, &as_codi));
    models
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_equals_every_variant_alone(
        drawn in variants(),
        which in 0..4usize,
        layers in prop_oneof![Just(0..2usize), Just(0..1), Just(1..2)],
    ) {
        check(&models()[which], &drawn, &layers);
    }
}

#[test]
fn a_lattice_shares_its_beginnings() {
    let model = tiny_model(1);
    let sets: Vec<(usize, BTreeMap<usize, Kind>)> = (0..1usize << LATENTS)
        .map(|bits| {
            let off = (1..=LATENTS).filter(|at| bits >> (at - 1) & 1 == 1);
            (LATENTS, off.map(|at| (at, Kind::Fed(3))).collect())
        })
        .collect();
    check(&model, &sets, &(0..2));
    let cancel = Cancel::new();
    let start = question_branch(&model);
    let clean = model
        .rollout(&start, LATENTS, &Overrides::none(1), &cancel)
        .expect("clean");
    let zero: Arc<[f32]> = vec![0.0; model.width()].into();
    let variants: Vec<Variant> = sets
        .iter()
        .map(|(latents, off)| Variant {
            latents: *latents,
            interventions: off
                .keys()
                .map(|&at| (LatentIdx(at), Intervention::Fed(zero.clone())))
                .collect(),
        })
        .collect();
    let unfolded = model
        .unfold(&clean, &variants, &(0..0), &cancel)
        .expect("unfolded");
    // 1 + 3 + 7 + 15 rows: the clean path is not recomputed.
    assert_eq!(unfolded.steps, 26);
    assert_eq!(unfolded.ends.rows(), 16);
    assert_eq!(unfolded.ends.shared_len(), start.len());
}

#[test]
fn what_cannot_be_run_is_refused() {
    let (model, cancel) = (tiny_model(1), Cancel::new());
    let start = question_branch(&model);
    let clean = model
        .rollout(&start, 2, &Overrides::none(1), &cancel)
        .expect("clean");
    let refused = |latents: usize, at: usize, width: usize| {
        let vector: Arc<[f32]> = vec![1.0; width].into();
        let variant = Variant {
            latents,
            interventions: [(LatentIdx(at), Intervention::Fed(vector))].into(),
        };
        model.unfold(&clean, &[variant], &(0..2), &cancel).is_err()
    };
    let width = model.width();
    assert!(!refused(2, 2, width));
    assert!(refused(3, 1, width), "longer than the clean run");
    assert!(refused(1, 2, width), "after its end");
    assert!(refused(2, 0, width) && refused(2, 1, width + 1));
    assert!(model.unfold(&clean, &[], &(0..2), &cancel).is_err());
}

#[test]
fn a_blocked_latent_is_one_that_is_not_there_for_what_comes_after() {
    let (model, cancel) = (tiny_model(2), Cancel::new());
    let start = question_branch(&model);
    let clean = model
        .rollout(&start, 2, &Overrides::none(1), &cancel)
        .expect("clean");
    let blocked = Variant {
        latents: 2,
        interventions: [(LatentIdx(1), Intervention::Block)].into(),
    };
    let unfolded = model
        .unfold(&clean, &[blocked], &(0..usize::MAX), &cancel)
        .expect("unfolded");
    // Latent 2 is the state at latent 1, which attended to itself; it is fed at its normal position, without latent 1's entry.
    let fed = clean.latents[1].fed.tensor().unsqueeze(1).expect("vector");
    let position = u32::try_from(start.len() + 1).expect("small");
    let pass = Pass {
        positions: Some(&[position]),
        ..Pass::new(&fed)
    };
    let output = model
        .backbone
        .forward(&pass, &start.cache)
        .expect("forward");
    let expected = model
        .backbone
        .norm(&output.last.squeeze(1).expect("row"))
        .and_then(|t| Ok(t.to_vec2::<f32>()?))
        .expect("state");
    let found = unfolded.ends.hidden().to_rows().expect("state");
    for (a, b) in found[0].iter().zip(&expected[0]) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
    let natural = clean.last().hidden().to_rows().expect("state");
    assert_ne!(found, natural, "the block did nothing");
}
