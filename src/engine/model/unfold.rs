//! Runs many variants of one latent phase as a tree: runs with a common beginning share its steps, rows that leave the clean run
//! late join late, and shorter runs wait at their end.
//!
//! The clean run itself is not recomputed: a variant costs nothing up to its first change.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::Model;
use super::branch::Branch;
use super::cache::Entry;
use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::latent::{Latent, Rollout};
use super::vectors::{Vectors, replaced};
use crate::core::types::LatentIdx;

/// The intervention at one latent position of a variant.
#[derive(Debug, Clone)]
pub enum Change {
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

impl Change {
    /// Returns a key that is equal for equal changes: the kind and the vector's address.
    fn key(&self) -> (u8, usize) {
        let at = |vector: &Arc<[f32]>| vector.as_ptr().addr();
        match self {
            Self::Fed(v) => (0, at(v)),
            Self::State(v) => (1, at(v)),
            Self::Keys(v) => (2, at(v)),
            Self::NoKeys => (3, 0),
            Self::Block => (4, 0),
        }
    }
}

/// One variant: its number of latents and its changes.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// The number of latents to run.
    pub latents: usize,
    /// The changes by latent.
    pub changes: BTreeMap<LatentIdx, Change>,
}

/// The place of a variant at a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    /// Still on the clean run.
    Clean,
    /// On this row of the latent's batch.
    Row(usize),
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
        match self.paths[variant].get(latent.0.checked_sub(1)?)? {
            Place::Row(row) => Some(*row),
            Place::Clean => None,
        }
    }
}

/// The rows to compute at one latent.
#[derive(Default)]
struct Batch<'a> {
    /// The parent of each row; parents in the previous batch come first.
    parents: Vec<Place>,
    changes: Vec<Option<&'a Change>>,
}

impl Model {
    /// Runs variants of a clean run. Key-value changes apply to `layers`, counted from 0.
    ///
    /// # Errors
    /// [`ModelError::Input`] for no variants, more latents than the clean run has, changes outside a variant or vectors
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
            let beyond = |(at, _): (&LatentIdx, &Change)| at.0 == 0 || at.0 > latents;
            if latents > available || variant.changes.iter().any(beyond) {
                return Err(ModelError::input(format!(
                    "a change outside a run of {latents} latents of {available}"
                )));
            }
        }
        let longest = variants.iter().map(|v| v.latents).max();
        let longest = longest.ok_or_else(|| ModelError::input("no variants to run"))?;
        let mut places = vec![Place::Clean; variants.len()];
        let mut paths = vec![Vec::new(); variants.len()];
        let mut levels = Vec::with_capacity(longest);
        let mut ends = Ends::default();
        let (mut frontier, mut steps): (Option<Branch>, usize) = (None, 0);
        for level in 0..=longest {
            ends.take(level, variants, &places, frontier.as_ref(), clean)?;
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
        let (ends, rows) = ends.finish()?;
        Ok(Unfolded {
            ends,
            rows,
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
        let rows = batch.parents.len();
        // Key-value entries of another vector require a run of that vector: an extra row that is dropped again.
        let extra: Vec<(usize, &Arc<[f32]>)> = batch
            .changes
            .iter()
            .enumerate()
            .filter_map(|(row, change)| match change {
                Some(Change::Keys(vector)) => Some((row, vector)),
                _ => None,
            })
            .collect();
        let parents = gathered(batch, &extra, frontier, clean)?;
        let mut state = parents.hidden.clone();
        let states: Vec<_> = written(batch, |change| match change {
            Change::State(vector) => Some(vector),
            _ => None,
        });
        if !states.is_empty() {
            state = replaced(&state, &states)?;
        }
        let mut fed = self.feedback_of(&state)?;
        let mut vectors: Vec<_> = written(batch, |change| match change {
            Change::Fed(vector) => Some(vector),
            _ => None,
        });
        vectors.extend(
            extra
                .iter()
                .enumerate()
                .map(|(i, (_, vector))| (rows + i, *vector)),
        );
        if !vectors.is_empty() {
            fed = replaced(&fed, &vectors)?;
        }
        let mut branch = self.feed(&parents.cache, &fed.unsqueeze(1)?)?;
        let zeroed = |change: Option<&Change>| matches!(change, Some(Change::NoKeys));
        if !extra.is_empty() || batch.changes.iter().any(|c| zeroed(*c)) {
            let mut entries = vec![Entry::Own; rows + extra.len()];
            for (i, (row, _)) in extra.iter().enumerate() {
                entries[*row] = Entry::Of(rows + i);
            }
            for (row, _) in batch
                .changes
                .iter()
                .enumerate()
                .filter(|(_, c)| zeroed(**c))
            {
                entries[row] = Entry::Zeros;
            }
            branch.cache = branch.cache.patched(&entries, layers)?;
        }
        let blocked: Vec<usize> = (0..rows)
            .filter(|&row| matches!(batch.changes[row], Some(Change::Block)))
            .collect();
        if !blocked.is_empty() {
            branch.cache = branch.cache.block_last(&blocked, layers)?;
        }
        if !extra.is_empty() {
            let kept: Vec<usize> = (0..rows).collect();
            branch = branch.select(&kept)?;
            (state, fed) = (state.narrow(0, 0, rows)?, fed.narrow(0, 0, rows)?);
        }
        let state = if self.reads_fed() { fed.clone() } else { state };
        let latent = Latent {
            fed: Vectors::new(fed),
            state: Vectors::new(state),
        };
        Ok((branch, latent))
    }
}

/// Collects the distinct runs that pass through a latent, and updates each variant's place.
fn next_batch<'a>(
    idx: LatentIdx,
    variants: &'a [Variant],
    places: &mut [Place],
    paths: &mut [Vec<Place>],
) -> Batch<'a> {
    /// Sorts parents on the clean run last, then by row and change.
    type Key = (bool, Place, Option<(u8, usize)>);
    let mut wanted: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (v, variant) in variants.iter().enumerate() {
        if variant.latents < idx.0 {
            continue;
        }
        let change = variant.changes.get(&idx).map(Change::key);
        if (places[v], change) == (Place::Clean, None) {
            paths[v].push(Place::Clean);
            continue;
        }
        let is_clean = places[v] == Place::Clean;
        wanted
            .entry((is_clean, places[v], change))
            .or_default()
            .push(v);
    }
    let mut batch = Batch::default();
    for (row, ((_, parent, _), of)) in wanted.into_iter().enumerate() {
        batch.parents.push(parent);
        batch.changes.push(variants[of[0]].changes.get(&idx));
        for v in of {
            places[v] = Place::Row(row);
            paths[v].push(Place::Row(row));
        }
    }
    batch
}

/// Stacks the parents of a batch's rows, followed by those of the `extra` rows.
fn gathered(
    batch: &Batch<'_>,
    extra: &[(usize, &Arc<[f32]>)],
    frontier: Option<&Branch>,
    clean: &Branch,
) -> Result<Branch> {
    let order: Vec<Place> = batch
        .parents
        .iter()
        .copied()
        .chain(extra.iter().map(|(row, _)| batch.parents[*row]))
        .collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while at < order.len() {
        let run = order[at..]
            .iter()
            .take_while(|p| (**p == Place::Clean) == (order[at] == Place::Clean))
            .count();
        parts.push(match (order[at], frontier) {
            (Place::Clean, _) => clean.fork(run)?,
            (Place::Row(_), Some(frontier)) => {
                let rows: Vec<usize> = order[at..at + run]
                    .iter()
                    .filter_map(|place| match place {
                        Place::Row(row) => Some(*row),
                        Place::Clean => None,
                    })
                    .collect();
                frontier.select(&rows)?
            }
            (Place::Row(_), None) => return Err(ModelError::input("a row without a run")),
        });
        at += run;
    }
    Branch::stack(&parts.iter().collect::<Vec<_>>())
}

/// Returns the rows whose change has a vector that `vector` selects.
fn written<'a>(
    batch: &Batch<'a>,
    vector: impl Fn(&'a Change) -> Option<&'a Arc<[f32]>>,
) -> Vec<(usize, &'a Arc<[f32]>)> {
    let of = |(row, change): (usize, Option<&'a Change>)| Some((row, vector(change?)?));
    batch
        .changes
        .iter()
        .copied()
        .enumerate()
        .filter_map(of)
        .collect()
}

/// The ends of distinct runs, collected as they are reached.
#[derive(Default)]
struct Ends {
    parts: Vec<Branch>,
    rows: HashMap<usize, usize>,
    count: usize,
}

impl Ends {
    /// Takes the runs that have `latents` latents.
    fn take(
        &mut self,
        latents: usize,
        variants: &[Variant],
        places: &[Place],
        frontier: Option<&Branch>,
        clean: &Rollout,
    ) -> Result<()> {
        let mut at: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        for (v, variant) in variants.iter().enumerate() {
            if variant.latents == latents {
                at.entry(places[v]).or_default().push(v);
            }
        }
        if let Some(of) = at.remove(&Place::Clean) {
            self.push(clean.branches[latents].clone(), &[of]);
        }
        let (mut rows, mut groups) = (Vec::new(), Vec::new());
        for (place, of) in at {
            if let Place::Row(row) = place {
                rows.push(row);
                groups.push(of);
            }
        }
        if let (false, Some(frontier)) = (rows.is_empty(), frontier) {
            let is_all = rows.iter().copied().eq(0..frontier.rows());
            let part = if is_all {
                frontier.clone()
            } else {
                frontier.select(&rows)?
            };
            self.push(part, &groups);
        }
        Ok(())
    }

    fn push(&mut self, part: Branch, groups: &[Vec<usize>]) {
        for of in groups {
            for v in of {
                self.rows.insert(*v, self.count);
            }
            self.count += 1;
        }
        self.parts.push(part);
    }

    fn finish(self) -> Result<(Branch, Vec<usize>)> {
        let rows = (0..self.rows.len()).map(|v| self.rows[&v]).collect();
        let parts: Vec<&Branch> = self.parts.iter().collect();
        Ok((Branch::stack(&parts)?, rows))
    }
}
