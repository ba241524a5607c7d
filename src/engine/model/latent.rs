//! The latent loop: runs prompts, feeds states back as latents and closes the latent phase with markers.
//!
//! Latent j, counted from 1, is the vector fed at the j-th latent position (docs/methods.md M1.6, M1.7, M2.1).

use candle_core::{DType, Tensor};

use super::Model;
use super::backbone::Pass;
use super::branch::Branch;
use super::cache::Cache;
use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::linear::{Linear, Norm, Stored};
use super::overrides::Overrides;
use super::vectors::Vectors;
use super::weights::Weights;
use crate::core::types::LatentIdx;

/// One latent of every row.
#[derive(Debug, Clone)]
pub struct Latent {
    /// The vector that was fed, after any replacement.
    pub fed: Vectors,
    /// The state that the logit lens reads: for CODI the preceding position's state before the projection, for the other kinds the
    /// fed vector.
    pub state: Vectors,
}

/// The latent phase of every row.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// The latents in order.
    pub latents: Vec<Latent>,
    /// The branches after 0, 1, .. latents: one more than there are latents.
    pub branches: Vec<Branch>,
}

impl Rollout {
    /// Returns the branch after all latents.
    ///
    /// # Panics
    /// Never: a rollout starts with a branch.
    #[must_use]
    pub fn last(&self) -> &Branch {
        self.branches
            .last()
            .expect("a rollout begins with a branch")
    }

    /// Returns the branch after the first `k` latents; `None` beyond the last.
    #[must_use]
    pub fn after(&self, k: usize) -> Option<&Branch> {
        self.branches.get(k)
    }
}

/// The source of the vector fed at a latent position.
pub(crate) enum Feedback {
    /// The state after the final norm (docs/methods.md M1.6).
    State,
    /// The state through CODI's projection.
    Projection(Projection),
    /// A learned vector, (1, width), independent of the state: the pause controls (docs/methods.md M1.10).
    Pause(Tensor),
}

impl Feedback {
    /// Maps states (rows, width) to fed vectors (rows, width).
    fn forward(&self, state: &Tensor) -> Result<Tensor> {
        match self {
            Self::State => Ok(state.clone()),
            Self::Projection(projection) => projection.forward(state),
            Self::Pause(vector) => Ok(vector.broadcast_as(state.shape())?.contiguous()?),
        }
    }
}

/// CODI's projection of a state: linear, exact GELU, linear, norm (docs/methods.md M8.6).
pub(crate) struct Projection {
    first: Linear,
    second: Linear,
    norm: Option<Norm>,
    dtype: DType,
}

impl Projection {
    /// Takes `prj.*`. The inner width follows from the weights; the norm is optional.
    pub(crate) fn take(weights: &mut Weights<'_>, width: usize) -> Result<Self> {
        let inner = weights.shape_of("prj.1.weight");
        let inner = inner.and_then(|s| s.first().copied()).unwrap_or(width);
        let has_norm = weights.shape_of("prj.ln.weight").is_some();
        let mut linear =
            |name: &str, input, output| Linear::take(weights, name, Stored::torch(input, output));
        Ok(Self {
            first: linear("prj.1", width, inner)?,
            second: linear("prj.3", inner, width)?,
            norm: has_norm
                .then(|| Norm::take(weights, "prj.ln", width, 1e-5))
                .transpose()?,
            dtype: weights.dtype(),
        })
    }

    fn forward(&self, state: &Tensor) -> Result<Tensor> {
        let inner = self.first.forward(&state.to_dtype(self.dtype)?)?;
        let mut out = self.second.forward(&inner.gelu_erf()?)?;
        if let Some(norm) = &self.norm {
            out = norm.forward(&out)?;
        }
        Ok(out.to_dtype(DType::F32)?)
    }
}

/// Parameters times prompt tokens per CPU pass: about 0.1 s on two cores.
const PASS: usize = 4_000_000_000;

impl Model {
    /// Returns the number of prompts of `tokens` tokens per pass, limited so that cancellation is prompt. It depends on nothing else but the
    /// model and the device, because the batch size affects the last digits of the results.
    #[must_use]
    pub fn rows_at_once(&self, tokens: usize) -> usize {
        let info = self.info();
        if info.device == "cpu" {
            (PASS / (info.parameters * tokens).max(1)).max(1)
        } else {
            usize::MAX
        }
    }

    /// Runs prompts of equal length as one batch. A single prompt becomes a prefix shared by all forks.
    ///
    /// # Errors
    /// [`ModelError::Input`] for no prompts, empty or unequal ones, unknown ids or too many positions; [`ModelError::Cancelled`].
    pub fn prefill(&self, prompts: &[&[u32]], cancel: &Cancel) -> Result<Branch> {
        let branch = self.prefill_rows(prompts, cancel)?;
        if prompts.len() == 1 {
            branch.freeze()
        } else {
            Ok(branch)
        }
    }

    /// Like [`Model::prefill`], but shares nothing, so that several branches can be stacked.
    ///
    /// # Errors
    /// As [`Model::prefill`].
    pub fn prefill_rows(&self, prompts: &[&[u32]], cancel: &Cancel) -> Result<Branch> {
        cancel.check()?;
        let len = prompts.first().map_or(0, |p| p.len());
        if len == 0 || prompts.iter().any(|p| p.len() != len) {
            return Err(ModelError::input(
                "prompts must be of equal length, and not empty",
            ));
        }
        let vectors = self
            .embed(&prompts.concat())?
            .reshape((prompts.len(), len, self.width()))?;
        self.feed(&self.backbone.new_cache(prompts.len()), &vectors)
    }

    /// Starts one run per vector, at position 0 with an empty context.
    ///
    /// # Errors
    /// [`ModelError::Input`] for vectors of another width; [`ModelError::Cancelled`].
    pub fn prefill_vectors(&self, vectors: &Vectors, cancel: &Cancel) -> Result<Branch> {
        cancel.check()?;
        self.feed(
            &self.backbone.new_cache(vectors.rows()),
            &vectors.tensor().unsqueeze(1)?,
        )
    }

    /// Runs `k` latents of every row. A branch of one row is forked to the rows of `overrides`.
    ///
    /// # Errors
    /// [`ModelError::Input`] if rows do not match, or an override is outside the run; [`ModelError::Cancelled`].
    pub fn rollout(
        &self,
        from: &Branch,
        k: usize,
        overrides: &Overrides,
        cancel: &Cancel,
    ) -> Result<Rollout> {
        overrides.check(k)?;
        let mut branch = if from.rows() == 1 {
            from.fork(overrides.rows())?
        } else {
            from.clone()
        };
        if branch.rows() != overrides.rows() {
            return Err(ModelError::input(format!(
                "{} rows of overrides for {} rows",
                overrides.rows(),
                branch.rows()
            )));
        }
        let mut rollout = Rollout {
            latents: Vec::with_capacity(k),
            branches: vec![branch.clone()],
        };
        for j in 1..=k {
            cancel.check()?;
            let state = branch.hidden.clone();
            let fed = overrides.apply(LatentIdx(j), &self.feedback.forward(&state)?)?;
            branch = self.feed(&branch.cache, &fed.unsqueeze(1)?)?;
            rollout.latents.push(self.latent(fed, state));
            rollout.branches.push(branch.clone());
        }
        Ok(rollout)
    }

    /// Feeds the end marker, if the family has one, and the delimiter if forced, in one pass.
    ///
    /// # Errors
    /// [`ModelError::Input`] for too many positions; [`ModelError::Cancelled`].
    pub fn close(
        &self,
        branch: &Branch,
        forced_delimiter: bool,
        cancel: &Cancel,
    ) -> Result<Branch> {
        let mut ids: Vec<u32> = self.markers.end.into_iter().collect();
        if forced_delimiter {
            ids.extend(&self.markers.delimiter);
        }
        self.advance(branch, &ids, cancel)
    }

    /// Feeds the same ids to every row, in one pass.
    ///
    /// # Errors
    /// [`ModelError::Input`] for unknown ids or too many positions; [`ModelError::Cancelled`].
    pub fn advance(&self, branch: &Branch, ids: &[u32], cancel: &Cancel) -> Result<Branch> {
        cancel.check()?;
        if ids.is_empty() {
            return Ok(branch.clone());
        }
        let vectors = self.embed(ids)?.unsqueeze(0)?;
        let vectors = vectors.broadcast_as((branch.rows(), ids.len(), self.width()))?;
        self.feed(&branch.cache, &vectors)
    }

    /// Feeds one id to each row.
    ///
    /// # Errors
    /// [`ModelError::Input`] if ids and rows do not match, for unknown ids or too many positions; [`ModelError::Cancelled`].
    pub fn step(&self, branch: &Branch, ids: &[u32], cancel: &Cancel) -> Result<Branch> {
        cancel.check()?;
        branch.check_ids(ids)?;
        self.feed(&branch.cache, &self.embed(ids)?.unsqueeze(1)?)
    }

    /// Returns the logits of states over all rows of the vocabulary.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device fails.
    pub fn project(&self, states: &Vectors) -> Result<Vec<Vec<f32>>> {
        Ok(self.backbone.unembed(states.tensor())?.to_vec2()?)
    }

    /// Returns every row's next-token logits over all rows of the vocabulary.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device fails.
    pub fn logits(&self, branch: &Branch) -> Result<Vec<Vec<f32>>> {
        self.project(&branch.hidden())
    }

    /// Maps a state to the vector fed next, (rows, width) -> (rows, width).
    pub(crate) fn feedback_of(&self, state: &Tensor) -> Result<Tensor> {
        self.feedback.forward(state)
    }

    /// Creates a latent from the fed vectors and the preceding position's states, both (rows, width).
    pub(crate) fn latent(&self, fed: Tensor, state: Tensor) -> Latent {
        let state = match self.feedback {
            Feedback::Projection(_) => state,
            Feedback::State | Feedback::Pause(_) => fed.clone(),
        };
        Latent {
            fed: Vectors::new(fed),
            state: Vectors::new(state),
        }
    }

    /// Embeds ids, (n) -> (n, width).
    pub(crate) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        self.check_vocab(ids)?;
        self.backbone.embed(&Tensor::new(ids, &self.device)?)
    }

    /// Rejects ids outside the vocabulary.
    pub(crate) fn check_vocab<'a>(&self, ids: impl IntoIterator<Item = &'a u32>) -> Result<()> {
        let vocab = self.vocab();
        match ids.into_iter().find(|&&id| id as usize >= vocab) {
            None => Ok(()),
            Some(id) => Err(ModelError::input(format!(
                "id {id} is outside the vocabulary of {vocab}"
            ))),
        }
    }

    /// Runs vectors, (rows, t, width), and keeps the last position's state.
    pub(crate) fn feed(&self, cache: &Cache, vectors: &Tensor) -> Result<Branch> {
        let output = self.backbone.forward(&Pass::new(vectors), cache)?;
        let t = vectors.dims()[1];
        let last = output.last.narrow(1, t - 1, 1)?.squeeze(1)?;
        Ok(Branch {
            cache: output.cache,
            hidden: self.backbone.norm(&last)?,
        })
    }
}
