//! Replacements of latents: the vectors of every value, at the site of the intervention (docs/methods.md M4.3).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Subject;
use crate::core::stats;
use crate::core::types::{Ablation, AblationValue, Direction, LatentIdx, Propagation, Site};
use crate::engine::model::{Intervention, Model, ModelError, Variant};
use crate::lab::analysis::reference::{Moments, ReferenceProblem, no_latent};
use crate::lab::analysis::run::CleanRun;
use crate::lab::analysis::{no_answer, no_reference};

/// Default number of donors, draws or orders (docs/methods.md M4.3).
pub const VARIANTS: usize = 16;

/// Maximum number of draws or orders; donors are limited by the reference set.
const MOST: usize = 10_000;

/// The error of permuting a single latent.
pub(super) fn single_permuted() -> ModelError {
    ModelError::refused(
        "a single latent cannot be permuted",
        "switch off two or more, or use another value",
    )
}

type Vectors = Vec<Arc<[f32]>>;

/// How latents of one run are switched off, shared by all sets of them.
pub(super) struct Replacements<'a> {
    clean: &'a CleanRun,
    manner: &'a Ablation,
    kind: Kind,
    /// The run's own vectors at the site.
    own: Vectors,
    /// Relative sizes of natural differences at every latent, smallest first; empty without a reference set.
    natural: Vec<Vec<f64>>,
    /// Layers of key-value interventions, from 0.
    pub(super) layers: Range<usize>,
}

enum Kind {
    /// By variant, then by latent.
    Vectors(Vec<Vectors>),
    /// The run's own vectors, in other orders.
    Permute,
    NoKeys,
    Block,
    Skip,
}

/// The variants of one set, with the size of the change.
pub(super) struct Plan {
    /// The latents that are off.
    pub(super) off: BTreeSet<LatentIdx>,
    /// One per donor, draw or order.
    pub(super) variants: Vec<Variant>,
    /// Each latent's own value written back.
    pub(super) sham: Variant,
    /// |replacement - latent| / |latent| of every latent and variant; `None` if no vector is replaced.
    pub(super) relative_size: Option<f64>,
    /// Percentage of natural differences below that size.
    pub(super) size_percentile: Option<f64>,
}

impl<'a> Replacements<'a> {
    /// Collects the vectors.
    ///
    /// # Errors
    /// When a value does not go with a site or a direction, or there is nothing to draw from.
    pub(super) fn new(subject: &Subject<'a>, manner: &'a Ablation) -> Result<Self, ModelError> {
        let Subject {
            model,
            clean,
            reference,
        } = *subject;
        check(model, manner)?;
        if clean.answer_ids.is_empty() {
            return Err(no_answer());
        }
        let own = own_vectors(clean, manner.site)?;
        let kind = kind(subject, manner, &own)?;
        let natural = own
            .iter()
            .enumerate()
            .map(|(j, own)| {
                let others = reference.others(&clean.run.question);
                let mut sizes: Vec<f64> = others
                    .filter_map(|item| vectors_of(item, manner.site).get(j))
                    .map(|other| relative_change(own, other))
                    .collect();
                sizes.sort_by(f64::total_cmp);
                sizes
            })
            .collect();
        let all = model.info().layers;
        let layers = match manner.layers {
            Some(layers) => layers.first - 1..layers.last,
            None => 0..all,
        };
        Ok(Self {
            clean,
            manner,
            kind,
            own,
            natural,
            layers,
        })
    }

    /// Returns the variants of a set of latents that are off.
    ///
    /// # Errors
    /// When a latent does not exist, nothing is off, or the replacement changes nothing.
    pub(super) fn plan(&self, off: &BTreeSet<LatentIdx>) -> Result<Plan, ModelError> {
        let n = self.own.len();
        if let Some(missing) = off.iter().find(|idx| idx.0 == 0 || idx.0 > n) {
            return Err(ModelError::refused(
                format!("there is no latent {missing}: the run has {n}"),
                format!("name latents from 1 to {n}"),
            ));
        }
        if off.is_empty() {
            return Err(ModelError::refused(
                "nothing is switched off",
                "name at least one latent",
            ));
        }
        let (mut sizes, mut percentiles) = (Vec::new(), Vec::new());
        let variants = match &self.kind {
            Kind::Skip => vec![Variant {
                latents: n - off.len(),
                interventions: BTreeMap::new(),
            }],
            Kind::Block => vec![self.variant(off, &|_| Intervention::Block)],
            Kind::NoKeys => vec![self.variant(off, &|_| Intervention::NoKeys)],
            Kind::Vectors(all) => all
                .iter()
                .map(|vectors| {
                    self.measure(off, vectors, &mut sizes, &mut percentiles);
                    self.variant(off, &|idx| self.intervention(&vectors[idx.0 - 1]))
                })
                .collect(),
            Kind::Permute => self
                .orders(off)?
                .iter()
                .map(|vectors| {
                    self.measure(off, vectors, &mut sizes, &mut percentiles);
                    self.variant(off, &|idx| self.intervention(&vectors[idx.0 - 1]))
                })
                .collect(),
        };
        if !sizes.is_empty() && sizes.iter().all(|size| *size == 0.0) {
            return Err(ModelError::refused(
                format!(
                    "{} changed nothing: the replacement equals the latent",
                    self.manner.value
                ),
                "use another value, or switch off another latent",
            ));
        }
        Ok(Plan {
            off: off.clone(),
            variants,
            sham: self.sham(off),
            relative_size: (!sizes.is_empty()).then(|| stats::mean(&sizes)),
            size_percentile: (!percentiles.is_empty()).then(|| stats::mean(&percentiles)),
        })
    }

    /// The sham of a set: each latent's own value written back. Skipping shortens the rollout, so its sham writes all of them.
    pub(super) fn sham(&self, off: &BTreeSet<LatentIdx>) -> Variant {
        let n = self.own.len();
        let latents: BTreeSet<LatentIdx> = match self.kind {
            Kind::Skip => (1..=n).map(LatentIdx).collect(),
            _ => off.clone(),
        };
        Variant {
            latents: n,
            interventions: latents
                .iter()
                .map(|idx| (*idx, self.intervention(&self.own[idx.0 - 1])))
                .collect(),
        }
    }

    fn intervention(&self, vector: &Arc<[f32]>) -> Intervention {
        let vector = Arc::clone(vector);
        match (&self.kind, self.manner.site) {
            // The sham of a blocked or zeroed entry writes the entry back.
            (Kind::Block | Kind::NoKeys, _) | (_, Site::Kv) => Intervention::Keys(vector),
            (_, Site::Input) => Intervention::Fed(vector),
            (_, Site::Hidden) => Intervention::State(vector),
        }
    }

    /// Changes the latents that are off; propagation and direction decide about the others.
    fn variant(
        &self,
        off: &BTreeSet<LatentIdx>,
        intervention: &dyn Fn(LatentIdx) -> Intervention,
    ) -> Variant {
        let first = off.first().map_or(0, |idx| idx.0);
        let holds_others = self.manner.propagation == Propagation::Direct
            || self.manner.direction == Direction::Denoising;
        let mut interventions: BTreeMap<LatentIdx, Intervention> =
            off.iter().map(|idx| (*idx, intervention(*idx))).collect();
        // Before the first latent that is off, the run equals the clean one.
        for idx in (first + 1..=self.own.len()).map(LatentIdx) {
            if holds_others && !off.contains(&idx) {
                interventions.insert(
                    idx,
                    Intervention::Fed(Arc::clone(&self.clean.fed[idx.0 - 1])),
                );
            }
        }
        Variant {
            latents: self.own.len(),
            interventions,
        }
    }

    fn measure(
        &self,
        off: &BTreeSet<LatentIdx>,
        vectors: &Vectors,
        sizes: &mut Vec<f64>,
        percentiles: &mut Vec<f64>,
    ) {
        for idx in off {
            let size = relative_change(&self.own[idx.0 - 1], &vectors[idx.0 - 1]);
            sizes.push(size);
            let natural = &self.natural[idx.0 - 1];
            if !natural.is_empty() {
                let below = natural.partition_point(|other| *other < size);
                #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
                percentiles.push(100.0 * below as f64 / natural.len() as f64);
            }
        }
    }

    /// Distinct orders of the run's own latents in which none of those that are off keeps its place.
    fn orders(&self, off: &BTreeSet<LatentIdx>) -> Result<Vec<Vectors>, ModelError> {
        let places: Vec<usize> = off.iter().map(|idx| idx.0 - 1).collect();
        if places.len() < 2 {
            return Err(single_permuted());
        }
        let count = variant_count(self.manner);
        let mut dice = ChaCha8Rng::seed_from_u64(self.manner.seed);
        let mut orders = BTreeSet::new();
        // Few latents have few orders, so the draws are bounded.
        for _ in 0..count * 32 {
            let mut order = places.clone();
            order.shuffle(&mut dice);
            if order.iter().zip(&places).all(|(a, b)| a != b) {
                orders.insert(order);
            }
            if orders.len() == count {
                break;
            }
        }
        if orders.is_empty() {
            // A rotation moves every one.
            let mut order = places.clone();
            order.rotate_left(1);
            orders.insert(order);
        }
        let vectors = |order: Vec<usize>| {
            let mut vectors = self.own.clone();
            for (to, from) in places.iter().zip(order) {
                vectors[*to] = Arc::clone(&self.own[from]);
            }
            vectors
        };
        Ok(orders.into_iter().map(vectors).collect())
    }
}

/// Refuses meaningless combinations.
fn check(model: &Model, manner: &Ablation) -> Result<(), ModelError> {
    use AblationValue as V;
    let refuse = |why: &str, hint: &str| Err(ModelError::refused(why, hint));
    let is_keys = manner.site == Site::Kv || manner.value == V::KvBlock;
    if let Some(layers) = manner.layers {
        let all = model.info().layers;
        if !is_keys {
            return refuse(
                "a layer range does not apply to this site",
                "use the site kv or the value kv-block with it",
            );
        }
        if layers.first == 0 || layers.first > layers.last || layers.last > all {
            return Err(ModelError::refused(
                format!("there are no layers {layers}: the model has {all}"),
                format!("name layers from 1 to {all}"),
            ));
        }
    }
    match manner.value {
        V::Token if manner.site == Site::Hidden => refuse(
            "a token's embedding is an input, not a hidden state",
            "use the site input or kv",
        ),
        V::Skip if manner.site != Site::Input => refuse(
            "skip leaves latents out, so it has no site",
            "use the site input",
        ),
        V::Skip if manner.direction == Direction::Denoising => refuse(
            "skip leaves latents out, so none can be restored",
            "use another value, or the direction noising",
        ),
        V::Skip if manner.propagation == Propagation::Direct => refuse(
            "skip leaves latents out, so there are no later ones to hold",
            "use the propagation total",
        ),
        V::KvBlock if manner.site == Site::Hidden => refuse(
            "kv-block acts on key-value entries",
            "use the site input or kv",
        ),
        V::Donor if manner.donor.is_none() => refuse(
            "no donor is given",
            "name a problem of the reference set, and if need be its latent",
        ),
        _ if manner.variants == Some(0) => {
            refuse("the number of variants is 0", "ask for at least one")
        }
        V::Noise | V::Permute if manner.variants.is_some_and(|n| n > MOST) => {
            refuse("that is too many draws or orders", "ask for 10000 at most")
        }
        _ => Ok(()),
    }
}

fn own_vectors(clean: &CleanRun, site: Site) -> Result<Vectors, ModelError> {
    match site {
        Site::Input | Site::Kv => Ok(clean.fed.clone()),
        Site::Hidden => clean
            .rollout
            .latents
            .iter()
            .map(|latent| latent.state.row(0))
            .collect(),
    }
}

fn vectors_of(item: &ReferenceProblem, site: Site) -> &[Arc<[f32]>] {
    match site {
        Site::Input | Site::Kv => &item.fed,
        Site::Hidden => &item.states,
    }
}

/// The number of variants.
pub(super) fn variant_count(manner: &Ablation) -> usize {
    manner.variants.unwrap_or(VARIANTS)
}

/// The number of steps that donors must have; `None` if any number will do.
pub(super) fn matched_steps(
    clean: &CleanRun,
    manner: &Ablation,
) -> Result<Option<usize>, ModelError> {
    if !manner.matched {
        return Ok(None);
    }
    clean.steps.map(Some).ok_or_else(|| {
        ModelError::refused(
            "the number of steps of this problem is not known, so donors cannot be matched on it",
            "take donors of any number of steps, or a problem with gold steps",
        )
    })
}

fn kind(subject: &Subject<'_>, manner: &Ablation, own: &Vectors) -> Result<Kind, ModelError> {
    let Subject {
        model,
        clean,
        reference,
    } = *subject;
    let (n, site) = (own.len(), manner.site);
    let count = variant_count(manner);
    let moments = |j: usize| {
        let moments = match site {
            Site::Input | Site::Kv => reference.fed(LatentIdx(j)),
            Site::Hidden => reference.states(LatentIdx(j)),
        };
        moments
            .filter(|_| !reference.is_empty())
            .ok_or_else(no_reference)
    };
    Ok(match manner.value {
        AblationValue::Zero if site == Site::Kv => Kind::NoKeys,
        AblationValue::Zero => {
            let zero: Arc<[f32]> = vec![0.0; model.width()].into();
            Kind::Vectors(vec![vec![zero; n]])
        }
        AblationValue::Mean => Kind::Vectors(vec![
            (1..=n)
                .map(|j| Ok(Arc::clone(&moments(j)?.mean)))
                .collect::<Result<_, ModelError>>()?,
        ]),
        AblationValue::Resample => {
            let steps = matched_steps(clean, manner)?;
            let donors = reference.donors(&clean.run.question, count, steps, manner.seed);
            if donors.is_empty() || donors.iter().any(|donor| donor.fed.len() < n) {
                return Err(no_reference());
            }
            let vectors = |item| vectors_of(item, site)[..n].to_vec();
            Kind::Vectors(donors.into_iter().map(vectors).collect())
        }
        AblationValue::Noise => {
            let mut dice = ChaCha8Rng::seed_from_u64(manner.seed);
            let mut draw = || {
                (1..=n)
                    .map(|j| Ok(noise(moments(j)?, &mut dice)))
                    .collect::<Result<Vectors, ModelError>>()
            };
            Kind::Vectors((0..count).map(|_| draw()).collect::<Result<_, _>>()?)
        }
        AblationValue::Token => {
            let token = |id: u32| Ok(model.embedding(id)?.into());
            let tokens = clean.top_ids()?.into_iter().map(token);
            Kind::Vectors(vec![tokens.collect::<Result<_, ModelError>>()?])
        }
        AblationValue::Donor => {
            let donor = manner.donor.ok_or_else(no_reference)?;
            let item = reference.donor(donor)?;
            if item.question.trim() == clean.run.question.trim() {
                return Err(ModelError::refused(
                    "a problem is never its own donor",
                    "name another problem of the reference set",
                ));
            }
            let vectors = vectors_of(item, site);
            let at = |j: usize| {
                let from = donor.latent.map_or(j, |latent| latent.0);
                from.checked_sub(1)
                    .and_then(|from| vectors.get(from))
                    .cloned()
                    .ok_or_else(|| no_latent(donor.problem, from, vectors.len()))
            };
            Kind::Vectors(vec![(1..=n).map(at).collect::<Result<_, _>>()?])
        }
        AblationValue::Permute => Kind::Permute,
        AblationValue::KvBlock => Kind::Block,
        AblationValue::Skip => Kind::Skip,
    })
}

/// Gaussian noise with the given moments, value by value.
#[allow(clippy::cast_possible_truncation, reason = "a vector is f32")]
fn noise(moments: &Moments, dice: &mut ChaCha8Rng) -> Arc<[f32]> {
    moments
        .mean
        .iter()
        .zip(moments.deviation.iter())
        .map(|(mean, deviation)| {
            // Box-Muller; 1 - u is never zero.
            let (u, v): (f64, f64) = (dice.random(), dice.random());
            let g = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            (f64::from(*mean) + f64::from(*deviation) * g) as f32
        })
        .collect()
}

/// |changed - own| / |own|; infinite if only the latent itself is zero.
pub(super) fn relative_change(own: &[f32], changed: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f32>| {
        values
            .map(|x| f64::from(x) * f64::from(x))
            .sum::<f64>()
            .sqrt()
    };
    let delta = norm(&mut own.iter().zip(changed).map(|(a, b)| b - a));
    if delta == 0.0 {
        0.0
    } else {
        delta / norm(&mut own.iter().copied())
    }
}
