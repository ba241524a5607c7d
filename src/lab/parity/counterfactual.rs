//! Checks the engine of interventions against itself: sham runs, rows in a batch and alone, and uncached direct effects.

use std::sync::Arc;

use super::golden::GoldenQuestion;
use super::tally::Comparisons;
use crate::core::types::LatentIdx;
use crate::engine::model::{Cancel, Intervention, Model, Overrides, Result, Rollout, Variant};

/// Checks one question of a recording.
pub(super) fn check(
    model: &Model,
    question: &GoldenQuestion,
    prompt: &[u32],
    clean: &Rollout,
    tally: &mut Comparisons,
    cancel: &Cancel,
) -> Result<()> {
    let n = clean.latents.len();
    if n == 0 {
        return Ok(());
    }
    let own: Vec<Arc<[f32]>> = clean
        .latents
        .iter()
        .map(|latent| latent.fed.row(0))
        .collect::<Result<_>>()?;
    let zero: Arc<[f32]> = vec![0.0; model.width()].into();
    let fed = |changes: &[(usize, &Arc<[f32]>)]| Variant {
        latents: n,
        interventions: changes
            .iter()
            .map(|(j, vector)| (LatentIdx(*j), Intervention::Fed(Arc::clone(vector))))
            .collect(),
    };
    let own_after = |from: usize| (from + 1..=n).map(|j| (j, &own[j - 1])).collect::<Vec<_>>();
    // The sham run, every latent off alone, and every latent off with the later ones at their own values.
    let mut changes = vec![own_after(0)];
    changes.extend((1..=n).map(|j| vec![(j, &zero)]));
    changes.extend((1..=n).map(|j| {
        let mut direct = vec![(j, &zero)];
        direct.extend(own_after(j));
        direct
    }));
    let variants: Vec<Variant> = changes.iter().map(|c| fed(c)).collect();
    let together = model.unfold(clean, &variants, &(0..0), cancel)?;
    let closed = model.close(&together.ends, true, cancel)?;
    let logits = model.logits(&closed)?;
    let natural = model.logits(&model.close(clean.last(), true, cancel)?)?;
    let sham = largest(&natural[0], &logits[together.rows[0]]);
    tally.number(
        "sham run, largest logit difference",
        &question.id,
        sham,
        0.0,
    );

    let start = model.prefill(&[prompt], cancel)?;
    for (v, changes) in changes.iter().enumerate().skip(1) {
        let place = format!("{}, variant {v}", question.id);
        let mut overrides = Overrides::none(1);
        for (j, vector) in changes {
            overrides.set(0, LatentIdx(*j), Arc::clone(vector));
        }
        let alone = model.rollout(&start, n, &overrides, cancel)?;
        let logits_alone = model.logits(&model.close(alone.last(), true, cancel)?)?;
        let difference = largest(&logits_alone[0], &logits[together.rows[v]]);
        tally.number(
            "in a batch and alone, largest logit difference",
            &place,
            difference,
            0.0,
        );
        if v <= n {
            continue;
        }
        // The direct effect in one uncached pass over all positions, later latents frozen.
        let layers = model.every_layer(prompt, &alone, &[], cancel)?;
        let Some(last) = layers.last() else {
            continue;
        };
        let slow = last.row(last.rows() - 1)?;
        let quick = together.ends.hidden().row(together.rows[v])?;
        tally.number(
            "direct effect and frozen latents, largest state difference",
            &place,
            largest(&slow, &quick) / scale(&slow),
            0.0,
        );
    }
    Ok(())
}

/// Returns the largest absolute difference; infinite if the lengths differ or a value is NaN.
fn largest(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let differences = a.iter().zip(b).map(|(a, b)| f64::from(a - b).abs());
    differences.fold(0.0, |most, d| {
        if d.is_nan() {
            f64::INFINITY
        } else {
            most.max(d)
        }
    })
}

fn scale(values: &[f32]) -> f64 {
    values
        .iter()
        .fold(1.0, |most, v| f64::from(v.abs()).max(most))
}
