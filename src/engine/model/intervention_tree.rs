//! Runs many variants of one latent phase as a tree: variants with a common beginning share its steps, rows join the batch at
//! their first intervention, and shorter variants wait at their end.
//!
//! The clean run is not recomputed: a variant costs nothing before its first intervention.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Model;
use super::branch::Branch;
use super::cache::CacheWrite;
use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::latent::{Latent, Rollout};
use super::vectors::{Vectors, replaced};
use crate::core::types::LatentIdx;

/// The intervention at one latent position of a variant.
#[derive(Debug, Clone)]
pub enum Intervention {
    /// Feeds this vector.
    Fed(Arc<[f32]>),
    /// Sets the hidden state to this vector; the fed vector follows from it.
    State(Arc<[f32]>),
    /// Feeds the run's own vector, but replaces the key-value entries at the layers with those of this vector.
    Keys(Arc<[f32]>),
    /// Feeds the run's own vector, but zeroes the key-value entries at the layers.
    NoKeys,
    /// Feeds the run's own vector, but prevents later positions from attending to it at the layers.
    Block,
}

impl Intervention {
    /// Returns a key that is equal for equal interventions: the kind and the vector's address.
    fn key(&self) -> (u8, usize) {
        let address = |vector: &Arc<[f32]>| vector.as_ptr().addr();
        match self {
            Self::Fed(v) => (0, address(v)),
            Self::State(v) => (1, address(v)),
            Self::Keys(v) => (2, address(v)),
            Self::NoKeys => (3, 0),
            Self::Block => (4, 0),
        }
    }
}

/// One variant of a run.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// The number of latents to run.
    pub latents: usize,
    /// The interventions, by latent.
    pub interventions: BTreeMap<LatentIdx, Intervention>,
}

/// The place of a variant at a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    /// Still on the clean run.
    Clean,
    /// On this row of the latent's batch.
    Row(usize),
}

impl Place {
    fn row(self) -> Option<usize> {
        match self {
            Self::Clean => None,
            Self::Row(row) => Some(row),
        }
    }
}

/// The variants after their latents.
#[derive(Debug)]
pub struct Unfolded {
    /// The ends of all distinct runs, one row each.
    pub ends: Branch,
    /// The row of `ends`, by variant.
    pub rows: Vec<usize>,
    /// The number of latent steps computed, counting each row.
    pub steps: usize,
    /// Fed vectors and states of each latent's batch; `None` if all variants were on the clean run.
    levels: Vec<Option<Latent>>,
    /// Places by variant, then by latent.
    paths: Vec<Vec<Place>>,
}

impl Unfolded {
    /// Returns the states of all rows computed at a latent, as the logit lens reads them; `None` if all variants were on the clean run.
    #[must_use]
    pub fn states_at(&self, latent: LatentIdx) -> Option<&Vectors> {
        let level = self.levels.get(latent.0.checked_sub(1)?)?;
        level.as_ref().map(|latent| &latent.state)
    }

    /// Returns a variant's row of [`Unfolded::states_at`]; `None` if it was on the clean run or had ended.
    #[must_use]
    pub fn row_at(&self, variant: usize, latent: LatentIdx) -> Option<usize> {
        self.paths[variant].get(latent.0.checked_sub(1)?)?.row()
    }
}

/// The rows to compute at one latent.
#[derive(Default)]
struct Batch<'a> {
    /// The parent of each row; parents in the previous batch come first.
    parents: Vec<Place>,
    interventions: Vec<Option<&'a Intervention>>,
}

impl Model {
    /// Runs variants of a clean run. Key-value interventions apply to `layers`, counted from 0.
    ///
    /// # Errors
    /// [`ModelError::Input`] for no variants, more latents than the clean run has, interventions outside a variant or vectors
    /// of another width; [`ModelError::Cancelled`].
    pub fn unfold(
        &self,
        clean: &Rollout,
        variants: &[Variant],
        layers: &Range<usize>,
        cancel: &Cancel,
    ) -> Result<Unfolded> {
        let available = clean.latents.len();
        for variant in variants {
            let latents = variant.latents;
            let is_outside = |latent: &LatentIdx| latent.0 == 0 || latent.0 > latents;
            if latents > available || variant.interventions.keys().any(is_outside) {
                return Err(ModelError::input(format!(
                    "an intervention outside a run of {latents} latents of {available}"
                )));
            }
        }
        let longest = variants.iter().map(|v| v.latents).max();
        let longest = longest.ok_or_else(|| ModelError::input("no variants to run"))?;
        let mut places = vec![Place::Clean; variants.len()];
        let mut paths = vec![Vec::new(); variants.len()];
        let mut levels = Vec::with_capacity(longest);
        let mut ends = Ends {
            rows: vec![0; variants.len()],
            ..Ends::default()
        };
        let (mut frontier, mut steps): (Option<Branch>, usize) = (None, 0);
        for level in 0..=longest {
            ends.collect(level, variants, &places, frontier.as_ref(), clean)?;
            if level == longest {
                break;
            }
            let idx = LatentIdx(level + 1);
            let batch = next_batch(idx, variants, &mut places, &mut paths);
            if batch.parents.is_empty() {
                levels.push(None);
                continue;
            }
            cancel.check()?;
            let (branch, latent) =
                self.latent_step(&batch, frontier.as_ref(), &clean.branches[level], layers)?;
            steps += batch.parents.len();
            levels.push(Some(latent));
            frontier = Some(branch);
        }
        Ok(Unfolded {
            ends: Branch::stack(&ends.parts.iter().collect::<Vec<_>>())?,
            rows: ends.rows,
            steps,
            levels,
            paths,
        })
    }

    /// Runs one latent of every row of a batch.
    fn latent_step(
        &self,
        batch: &Batch<'_>,
        frontier: Option<&Branch>,
        clean: &Branch,
        layers: &Range<usize>,
    ) -> Result<(Branch, Latent)> {
        let (mut states, mut vectors, mut extra) = (Vec::new(), Vec::new(), Vec::new());
        let (mut zeroed, mut blocked) = (Vec::new(), Vec::new());
        for (row, intervention) in batch.interventions.iter().enumerate() {
            match intervention {
                None => {}
                Some(Intervention::Fed(vector)) => vectors.push((row, vector)),
                Some(Intervention::State(vector)) => states.push((row, vector)),
                // Key-value entries of another vector require a run of that vector: an extra row that is dropped again.
                Some(Intervention::Keys(vector)) => extra.push((row, vector)),
                Some(Intervention::NoKeys) => zeroed.push(row),
                Some(Intervention::Block) => blocked.push(row),
            }
        }
        let rows = batch.parents.len();
        let parents = stack_parents(batch, &extra, frontier, clean)?;
        let mut state = replaced(&parents.hidden, &states)?;
        let extra_rows = extra.iter().enumerate();
        vectors.extend(extra_rows.map(|(i, (_, vector))| (rows + i, *vector)));
        let mut fed = replaced(&self.feedback_of(&state)?, &vectors)?;
        let mut branch = self.feed(&parents.cache, &fed.unsqueeze(1)?)?;
        if !extra.is_empty() || !zeroed.is_empty() {
            let mut entries = vec![CacheWrite::Own; rows + extra.len()];
            for (i, (row, _)) in extra.iter().enumerate() {
                entries[*row] = CacheWrite::Of(rows + i);
            }
            for row in zeroed {
                entries[row] = CacheWrite::Zeros;
            }
            branch.cache = branch.cache.patched(&entries, layers)?;
        }
        if !blocked.is_empty() {
            branch.cache = branch.cache.block_last(&blocked, layers)?;
        }
        if !extra.is_empty() {
            branch = branch.select(&(0..rows).collect::<Vec<_>>())?;
            (state, fed) = (state.narrow(0, 0, rows)?, fed.narrow(0, 0, rows)?);
        }
        Ok((branch, self.latent(fed, state)))
    }
}

/// Collects the distinct runs that pass through a latent, and updates each variant's place.
fn next_batch<'a>(
    idx: LatentIdx,
    variants: &'a [Variant],
    places: &mut [Place],
    paths: &mut [Vec<Place>],
) -> Batch<'a> {
    /// Sorts parents on the clean run last, then by row and intervention.
    type Key = (bool, Place, Option<(u8, usize)>);
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (v, variant) in variants.iter().enumerate() {
        if variant.latents < idx.0 {
            continue;
        }
        let intervention = variant.interventions.get(&idx).map(Intervention::key);
        if (places[v], intervention) == (Place::Clean, None) {
            paths[v].push(Place::Clean);
            continue;
        }
        let key = (places[v] == Place::Clean, places[v], intervention);
        groups.entry(key).or_default().push(v);
    }
    let mut batch = Batch::default();
    for (row, ((_, parent, _), group)) in groups.into_iter().enumerate() {
        batch.parents.push(parent);
        let intervention = variants[group[0]].interventions.get(&idx);
        batch.interventions.push(intervention);
        for v in group {
            places[v] = Place::Row(row);
            paths[v].push(Place::Row(row));
        }
    }
    batch
}

/// Stacks the parents of a batch's rows, followed by those of the `extra` rows.
fn stack_parents(
    batch: &Batch<'_>,
    extra: &[(usize, &Arc<[f32]>)],
    frontier: Option<&Branch>,
    clean: &Branch,
) -> Result<Branch> {
    let extra = extra.iter().map(|(row, _)| batch.parents[*row]);
    let order: Vec<Place> = batch.parents.iter().copied().chain(extra).collect();
    let parts = order
        .chunk_by(|a, b| a.row().is_some() == b.row().is_some())
        .map(|places| match (places[0], frontier) {
            (Place::Clean, _) => clean.fork(places.len()),
            (Place::Row(_), Some(frontier)) => {
                let rows: Vec<usize> = places.iter().filter_map(|place| place.row()).collect();
                frontier.select(&rows)
            }
            (Place::Row(_), None) => Err(ModelError::input("a row without a run")),
        })
        .collect::<Result<Vec<_>>>()?;
    Branch::stack(&parts.iter().collect::<Vec<_>>())
}

/// The ends of distinct runs, collected as they are reached.
#[derive(Default)]
struct Ends {
    parts: Vec<Branch>,
    /// The row of each variant's end in the stacked parts.
    rows: Vec<usize>,
    /// The number of rows in `parts`.
    count: usize,
}

impl Ends {
    /// Adds the runs that have `latents` latents.
    fn collect(
        &mut self,
        latents: usize,
        variants: &[Variant],
        places: &[Place],
        frontier: Option<&Branch>,
        clean: &Rollout,
    ) -> Result<()> {
        let mut groups: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        for (v, variant) in variants.iter().enumerate() {
            if variant.latents == latents {
                groups.entry(places[v]).or_default().push(v);
            }
        }
        for group in groups.values() {
            for &v in group {
                self.rows[v] = self.count;
            }
            self.count += 1;
        }
        // The clean run sorts first.
        if groups.contains_key(&Place::Clean) {
            self.parts.push(clean.branches[latents].clone());
        }
        let rows: Vec<usize> = groups.keys().filter_map(|place| place.row()).collect();
        if let (false, Some(frontier)) = (rows.is_empty(), frontier) {
            let is_all = rows.iter().copied().eq(0..frontier.rows());
            self.parts.push(if is_all {
                frontier.clone()
            } else {
                frontier.select(&rows)?
            });
        }
        Ok(())
    }
}
