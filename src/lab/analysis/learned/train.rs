//! Fits one affine map: cross-entropy of the labels through the frozen unembedding, `AdamW`, early stopping on a separate part.

use candle_core::{Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Recipe;
use crate::engine::model::{Affine, Cancel, Model, ModelError, TranslatorShape, Vectors};

/// Minimum decrease of the cross-entropy that counts as better, in nats.
const BETTER: f64 = 1e-4;
/// Rows per batch of a measurement.
const ROWS: usize = 256;
/// Added to the logits of padding ids.
const NEVER: f32 = -1e30;

/// A fitted map with its training record.
#[derive(Debug, Clone)]
pub struct Trained {
    pub map: Affine,
    /// Epochs run.
    pub epochs: usize,
    /// The epoch whose map is kept; 0 is the identity.
    pub best_epoch: usize,
    /// Updates made.
    pub steps: usize,
    /// Cross-entropy of the kept map on the stopping part.
    pub stopping: f64,
}

/// The token ids of each row's label.
pub struct Targets {
    /// (n, most forms), padded with any id
    ids: Tensor,
    /// (n, most forms): 0, or [`NEVER`] for padding
    mask: Tensor,
}

impl Targets {
    /// Builds the targets of labels; `forms` holds the ids of each label.
    pub fn new(model: &Model, labels: &[usize], forms: &[Vec<u32>]) -> Result<Self, ModelError> {
        let most = labels.iter().map(|label| forms[*label].len()).max();
        let most = most.unwrap_or(1);
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for label in labels {
            let own = &forms[*label];
            for at in 0..most {
                ids.push(*own.get(at).unwrap_or(&own[0]));
                mask.push(if at < own.len() { 0.0 } else { NEVER });
            }
        }
        let device = model.device();
        let shape = (labels.len(), most);
        Ok(Self {
            ids: Tensor::from_vec(ids, shape, device)?,
            mask: Tensor::from_vec(mask, shape, device)?,
        })
    }

    fn select(&self, rows: &Tensor) -> Result<Self, ModelError> {
        Ok(Self {
            ids: self.ids.index_select(rows, 0)?,
            mask: self.mask.index_select(rows, 0)?,
        })
    }
}

/// Fits a map to (states, targets), from the identity.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn train(
    model: &Model,
    recipe: &Recipe,
    (states, targets): (&Tensor, &Targets),
    stop: (&Tensor, &Targets),
    rng: &mut ChaCha8Rng,
    cancel: &Cancel,
) -> Result<Trained, ModelError> {
    let (factors, bias) = variables(model, recipe, rng)?;
    let tensors = |vars: &[Var]| vars.iter().map(|v| v.as_tensor().clone()).collect();
    let map = Affine::new(tensors(&factors), bias.as_tensor().clone());
    let optimizer = |vars: Vec<Var>, weight_decay: f64| {
        let params = ParamsAdamW {
            lr: recipe.learning_rate,
            weight_decay,
            ..ParamsAdamW::default()
        };
        AdamW::new(vars, params)
    };
    let mut of_factors = optimizer(factors.clone(), recipe.weight_decay)?;
    let mut of_bias = optimizer(vec![bias.clone()], 0.0)?;

    let mut best = Trained {
        map: kept(&factors, &bias)?,
        epochs: 0,
        best_epoch: 0,
        steps: 0,
        stopping: mean_loss(model, &map, stop.0, stop.1, cancel)?,
    };
    let rows = u32::try_from(states.dims()[0]).unwrap_or(u32::MAX);
    let mut order: Vec<u32> = (0..rows).collect();
    for epoch in 1..=recipe.most_epochs {
        order.shuffle(rng);
        for rows in order.chunks(recipe.batch) {
            cancel.check()?;
            let rows = Tensor::new(rows, states.device())?;
            let states = states.index_select(&rows, 0)?;
            let loss = losses(model, &map, &states, &targets.select(&rows)?)?.mean_all()?;
            let gradients = loss.backward()?;
            of_factors.step(&gradients)?;
            of_bias.step(&gradients)?;
            best.steps += 1;
        }
        best.epochs = epoch;
        let stopping = mean_loss(model, &map, stop.0, stop.1, cancel)?;
        if stopping < best.stopping - BETTER {
            best.map = kept(&factors, &bias)?;
            best.best_epoch = epoch;
            best.stopping = stopping;
        } else if epoch - best.best_epoch >= recipe.patience {
            break;
        }
    }
    Ok(best)
}

/// The trainable variables, initially no change. With two factors the first is random, so that the second receives a gradient.
fn variables(
    model: &Model,
    recipe: &Recipe,
    rng: &mut ChaCha8Rng,
) -> Result<(Vec<Var>, Var), ModelError> {
    let (width, device) = (model.width(), model.device());
    let shape = TranslatorShape {
        width,
        rank: recipe.rank,
        layers: Vec::new(),
        latents: Vec::new(),
    };
    let sides = shape.factors();
    #[expect(clippy::cast_precision_loss, reason = "a width fits f32")]
    let spread = (3.0 / width as f32).sqrt();
    let mut factors = Vec::new();
    for (at, [rows, columns]) in sides.iter().copied().enumerate() {
        let values: Vec<f32> = if at + 1 == sides.len() {
            vec![0.0; rows * columns]
        } else {
            let mut random = || (rng.random::<f32>() * 2.0 - 1.0) * spread;
            (0..rows * columns).map(|_| random()).collect()
        };
        let values = Tensor::from_vec(values, (rows, columns), device)?;
        factors.push(Var::from_tensor(&values)?);
    }
    let bias = Tensor::from_vec(vec![0f32; width], width, device)?;
    Ok((factors, Var::from_tensor(&bias)?))
}

/// A copy of the map that later updates do not change.
fn kept(factors: &[Var], bias: &Var) -> Result<Affine, ModelError> {
    let copy = |var: &Var| var.as_tensor().detach().copy();
    let factors = factors.iter().map(copy).collect::<Result<_, _>>()?;
    Ok(Affine::new(factors, copy(bias)?))
}

/// The cross-entropy of every row's label, (n).
fn losses(
    model: &Model,
    map: &Affine,
    states: &Tensor,
    targets: &Targets,
) -> Result<Tensor, ModelError> {
    let logits = model.unembed(&map.apply(states)?)?;
    let own = (logits.gather(&targets.ids, 1)? + &targets.mask)?;
    Ok((logits.log_sum_exp(1)? - own.log_sum_exp(1)?)?)
}

fn mean_loss(
    model: &Model,
    map: &Affine,
    states: &Tensor,
    targets: &Targets,
    cancel: &Cancel,
) -> Result<f64, ModelError> {
    let (rows, _) = states.dims2()?;
    let (mut sum, all) = (0.0, (0..rows).collect::<Vec<usize>>());
    for rows in all.chunks(ROWS) {
        cancel.check()?;
        let states = Vectors::new(states.clone()).select(rows)?;
        let rows: Vec<u32> = (rows.iter())
            .filter_map(|r| u32::try_from(*r).ok())
            .collect();
        let rows = Tensor::new(rows, states.tensor().device())?;
        let losses = losses(model, map, states.tensor(), &targets.select(&rows)?)?;
        sum += (losses.to_vec1::<f32>()?.iter())
            .map(|loss| f64::from(*loss))
            .sum::<f64>();
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    Ok(sum / rows as f64)
}
