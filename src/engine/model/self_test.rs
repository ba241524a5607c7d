//! Numerical self-tests at load; a failure means that no result can be trusted.

use candle_core::Tensor;

use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::overrides::Overrides;
use super::{Branch, Model, Precision, Rollout};
use crate::core::types::LatentIdx;

/// The text of the self-tests; words missing from a vocabulary do no harm.
const QUESTION: &str = "Tom has 3 apples and buys 4 more. How many apples does Tom have?";

/// Returns the largest allowed difference, relative to the largest value compared.
///
/// Batches of one and of many use different matrix kernels, which differ by about 1e-6 in `f32`. Half precision rounds every
/// activation to 8 (`bf16`) or 11 (`f16`) binary digits, blocks of eight bits to about 7, and the errors add up over a dozen
/// layers; a wrong cache or position is off by the order of the values themselves.
fn tolerance(model: &Model) -> f64 {
    match (model.config.precision, model.family().is_codi()) {
        (Precision::F32, _) | (Precision::Reference, false) => 1e-4,
        (Precision::F16, _) => 1e-2,
        (Precision::Reference | Precision::Bf16 | Precision::Q8, _) => 5e-2,
    }
}

/// The self-tests' measurements: largest differences, relative to the largest value compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelfTest {
    /// Logit lens at the answer position against the logits used in generation.
    pub lens: f64,
    /// Latents with their own values written back against the natural run, in one batch.
    pub write_back: f64,
    /// A single run against the same run in a batch of four.
    pub batch: f64,
    /// Step by step on a shared prefix against all positions at once without a cache.
    pub cache: f64,
    /// The largest allowed difference.
    pub tolerance: f64,
}

impl SelfTest {
    /// The placeholder before the checks have run.
    pub(crate) const NOT_RUN: Self = Self {
        lens: f64::NAN,
        write_back: f64::NAN,
        batch: f64::NAN,
        cache: f64::NAN,
        tolerance: f64::NAN,
    };

    /// Runs every check.
    ///
    /// # Errors
    /// [`ModelError::SelfTest`] with the first check that failed.
    pub(crate) fn run(model: &Model) -> Result<Self> {
        let cancel = Cancel::new();
        let prompt = model.prompt(QUESTION, model.main_mode())?;
        let start = model.prefill(&[&prompt.ids], &cancel)?;
        // Two latents exercise the loop; more would only take longer.
        let k = model.n_latents().min(2);
        let alone = model.rollout(&start, k, &Overrides::none(1), &cancel)?;
        let closed = model.close(alone.last(), true, &cancel)?;

        let mut generated = Vec::new();
        model.generate(
            &closed,
            1,
            &mut |token| generated = token.logits.to_vec(),
            &cancel,
        )?;
        let (states, lens) = all_at_once(model, &prompt.ids, &alone)?;
        let stepped = stepped_states(&alone, &closed)?;

        let (batch_closed, effect) = batch_run(model, &start, &alone, &cancel)?;
        let batch = model.logits(&batch_closed)?;

        let result = Self {
            lens: difference(&lens, &generated),
            write_back: difference(&batch[0], &batch[1]),
            batch: difference(&generated, &batch[0]).max(difference(&generated, &batch[3])),
            cache: difference(&states, &stepped),
            tolerance: tolerance(model),
        };
        for (check, difference) in [
            (
                "the lens at the answer position equals the model's logits",
                result.lens,
            ),
            (
                "writing a latent's own value back changes nothing",
                result.write_back,
            ),
            ("a batch of 1 equals a batch of 4", result.batch),
            ("a shared prefix equals no cache", result.cache),
        ] {
            // `difference` never returns NaN.
            if difference > result.tolerance {
                return Err(ModelError::SelfTest {
                    model: model.info.name.clone(),
                    check,
                    difference,
                    tolerance: result.tolerance,
                });
            }
        }
        if k > 0 && effect <= 0.0 {
            let check = "writing another value changes something";
            return Err(ModelError::SelfTest {
                model: model.info.name.clone(),
                check,
                difference: effect,
                tolerance: 0.0,
            });
        }
        Ok(result)
    }
}

/// Runs every position in one pass without a cache; returns the states from the start marker on, and the lens at the answer position.
fn all_at_once(model: &Model, ids: &[u32], alone: &Rollout) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut end: Vec<u32> = model.markers.end.into_iter().collect();
    end.extend(&model.markers.delimiter);
    let output = model.uncached(ids, alone, &end, true)?;
    let top = output.layers.last().unwrap_or(&output.last);
    let normed = model.backbone.norm(&top.squeeze(0)?)?;
    let n = normed.dims()[0];
    let lens = model
        .backbone
        .unembed(&normed.narrow(0, n - 1, 1)?)?
        .squeeze(0)?
        .to_vec1()?;
    // The start marker and each latent, then the answer position.
    let first = normed.narrow(0, ids.len() - 1, alone.branches.len())?;
    let states = Tensor::cat(&[&first, &normed.narrow(0, n - 1, 1)?], 0)?;
    Ok((states.flatten_all()?.to_vec1()?, lens))
}

/// Returns the same states from the step-by-step run.
fn stepped_states(alone: &Rollout, closed: &Branch) -> Result<Vec<f32>> {
    let mut states: Vec<Tensor> = alone.branches.iter().map(|b| b.hidden.clone()).collect();
    states.push(closed.hidden.clone());
    Ok(Tensor::cat(&states, 0)?.flatten_all()?.to_vec1()?)
}

/// Runs four rows: natural, own values written back, zero at latent 1, natural. Also returns the zero's effect on the state
/// after latent 1.
fn batch_run(
    model: &Model,
    start: &Branch,
    alone: &Rollout,
    cancel: &Cancel,
) -> Result<(Branch, f64)> {
    let k = alone.latents.len();
    // A batch of one may differ in the last bit, so the values written back come from the batch.
    let natural = model.rollout(start, k, &Overrides::none(4), cancel)?;
    let mut overrides = Overrides::none(4);
    for (j, latent) in natural.latents.iter().enumerate() {
        overrides.set(1, LatentIdx(j + 1), latent.fed.row(1)?);
    }
    if k > 0 {
        overrides.set(2, LatentIdx(1), vec![0.0; model.width()]);
    }
    let rollout = model.rollout(start, k, &overrides, cancel)?;
    let effect = match rollout.after(1) {
        Some(branch) => {
            let states = branch.hidden().to_rows()?;
            difference(&states[0], &states[2])
        }
        None => 0.0,
    };
    Ok((model.close(rollout.last(), true, cancel)?, effect))
}

/// Returns the largest difference, relative to the largest value of `a` (at least 1); infinite if the lengths differ.
fn difference(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() || a.is_empty() {
        return f64::INFINITY;
    }
    let scale = a.iter().fold(1.0f64, |m, &x| m.max(f64::from(x).abs()));
    let mut largest = 0.0f64;
    for (&x, &y) in a.iter().zip(b) {
        let d = (f64::from(x) - f64::from(y)).abs();
        if d.is_nan() {
            return f64::INFINITY;
        }
        largest = largest.max(d);
    }
    largest / scale
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::tiny_model;
    use super::*;

    #[test]
    fn differences_are_relative_and_never_hide_a_nan() {
        assert!((difference(&[1.0, 10.0], &[1.0, 11.0]) - 0.1).abs() < 1e-9);
        assert!((difference(&[0.5], &[0.25]) - 0.25).abs() < 1e-9);
        assert!(difference(&[f32::NAN], &[1.0]).is_infinite());
        assert!(difference(&[1.0], &[1.0, 2.0]).is_infinite());
    }

    #[test]
    fn a_cache_that_forgets_is_noticed() {
        let mut model = tiny_model(1);
        assert!(SelfTest::run(&model).is_ok());
        model.backbone = Arc::new(super::super::tests::Forgetful(model.backbone));
        let error = SelfTest::run(&model).expect_err("a cache that forgets");
        assert!(error.to_string().contains("self-test"), "{error}");
    }
}
