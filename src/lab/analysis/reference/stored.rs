//! A reference set as bytes, exact to the last bit, so that a later session need not rebuild it.
//!
//! Layout: `undertnR`; the length of the key and the key; as `u32` the counts of problems, latents, values and top tokens and
//! whether states differ from fed vectors; for every problem its index in the list, and for every latent the fed vector, the
//! state if it differs, and the top tokens (id, logit, probability); the SHA-256 of all preceding bytes. Numbers are
//! little-endian. Questions and token texts are not stored: they follow from the problems and the model.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{DEPTH, Reference, ReferenceProblem};
use crate::core::problem::Problem;
use crate::core::text::hex;
use crate::core::types::TokenRead;
use crate::engine::model::{Mode, Model};
use crate::lab::analysis::thoughts::Thought;

/// Maximum size of a stored set, in bytes.
pub const LONGEST: usize = 128 << 20;

const MAGIC: &[u8; 8] = b"undertnR";
/// Changes with the layout or the way the set is built.
const LAYOUT: u32 = 1;
const SUM: usize = 32;

/// Everything that a reference set depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceKey(String);

#[derive(Serialize)]
struct Depends<'a> {
    version: &'static str,
    layout: u32,
    weights: &'a str,
    settings: String,
    dtype: &'a str,
    /// `cpu`, `cuda` or `metal`.
    device: &'a str,
    origin: &'a str,
    latents: usize,
    problems: usize,
    /// Hash of all prompts: the tokenized questions, and the markers.
    prompts: String,
}

impl ReferenceKey {
    /// Returns the key of the set that a model builds from these problems.
    #[must_use]
    pub fn new(model: &Model, origin: &str, problems: &[Problem]) -> Self {
        let info = model.info();
        let depends = Depends {
            version: env!("CARGO_PKG_VERSION"),
            layout: LAYOUT,
            weights: &info.sha256,
            settings: model.settings(),
            dtype: &info.dtype,
            device: info.device.split(':').next().unwrap_or_default(),
            origin,
            latents: model.n_latents(),
            problems: problems.len(),
            prompts: digest(model, problems),
        };
        Self(serde_json::to_string(&depends).unwrap_or_default())
    }

    /// Returns a file name.
    #[must_use]
    pub fn name(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

/// A hash over every prompt and the number of its problem's steps.
fn digest(model: &Model, problems: &[Problem]) -> String {
    let mut hash = Sha256::new();
    for problem in problems {
        let ids = model
            .prompt(&problem.question, Mode::Latent)
            .map_or_else(|_| Vec::new(), |prompt| prompt.ids);
        hash.update((ids.len() as u64).to_le_bytes());
        hash.update((problem.steps.len() as u64).to_le_bytes());
        for id in ids {
            hash.update(id.to_le_bytes());
        }
    }
    hex(&hash.finalize())
}

/// The counts of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    items: usize,
    latents: usize,
    width: usize,
    depth: usize,
    has_states: bool,
}

impl Shape {
    /// Bytes of the items; `None` if they exceed the limit.
    fn bytes(self) -> Option<usize> {
        let vectors = self.width.checked_mul(1 + usize::from(self.has_states))?;
        let latent = vectors.checked_add(self.depth.checked_mul(3)?)?;
        let item = self.latents.checked_mul(latent)?.checked_add(1)?;
        let bytes = item.checked_mul(4)?.checked_mul(self.items)?;
        (bytes <= LONGEST).then_some(bytes)
    }

    fn words(self) -> [usize; 5] {
        let states = usize::from(self.has_states);
        [self.items, self.latents, self.width, self.depth, states]
    }
}

impl Reference {
    /// Returns the set as bytes; `None` if it is empty or too large to store.
    #[must_use]
    pub fn to_bytes(&self, key: &ReferenceKey) -> Option<Vec<u8>> {
        let first = self.items.first()?;
        let has_states = self.items.iter().any(|item| item.fed != item.states);
        let shape = Shape {
            items: self.items.len(),
            latents: first.fed.len(),
            width: first.fed.first()?.len(),
            depth: first.top.first()?.len(),
            has_states,
        };
        let mut bytes = Vec::with_capacity(shape.bytes()? + key.0.len() + 128);
        bytes.extend(MAGIC);
        put(&mut bytes, key.0.len())?;
        bytes.extend(key.0.as_bytes());
        for word in shape.words() {
            put(&mut bytes, word)?;
        }
        for item in &self.items {
            put(&mut bytes, item.problem)?;
            for ((fed, state), top) in item.fed.iter().zip(&item.states).zip(&item.top) {
                let state: &[f32] = if has_states { state } else { &[] };
                for value in fed.iter().chain(state) {
                    bytes.extend(value.to_le_bytes());
                }
                for read in top {
                    bytes.extend(read.id.to_le_bytes());
                    bytes.extend(read.logit.to_le_bytes());
                    bytes.extend(read.prob.to_le_bytes());
                }
            }
        }
        let sum = Sha256::digest(&bytes);
        bytes.extend(sum);
        Some(bytes)
    }

    /// Reads a set from bytes.
    ///
    /// # Errors
    /// A message that says what is wrong: another key, counts that are not the model's, a wrong length, a wrong checksum, or an
    /// impossible number.
    pub fn from_bytes(
        bytes: &[u8],
        key: &ReferenceKey,
        (model, origin, problems): (&Model, &str, &[Problem]),
    ) -> Result<Self, String> {
        let mut rest = Bytes(bytes);
        if rest.take(MAGIC.len()) != Some(MAGIC) {
            return Err("it is not a reference set".to_owned());
        }
        let length = rest.word().ok_or_else(cut_off)?;
        if length != key.0.len() || rest.take(length) != Some(key.0.as_bytes()) {
            return Err("it belongs to another model, set or version".to_owned());
        }
        let shape = shape(&mut rest, model, problems.len())?;
        if rest.0.len() != shape.bytes().ok_or_else(cut_off)? + SUM {
            return Err(cut_off());
        }
        let (all, sum) = bytes.split_at(bytes.len() - SUM);
        if Sha256::digest(all).as_slice() != sum {
            return Err("its checksum does not match".to_owned());
        }
        let mut items: Vec<ReferenceProblem> = Vec::with_capacity(shape.items);
        let mut is_seen = vec![false; problems.len()];
        for _ in 0..shape.items {
            let at = rest.word().ok_or_else(cut_off)?;
            let (Some(problem), Some(seen)) = (problems.get(at), is_seen.get_mut(at)) else {
                return Err(format!("it names problem {at} of {}", problems.len()));
            };
            if std::mem::replace(seen, true) {
                return Err(format!("it names problem {at} twice"));
            }
            let mut run = Thought::default();
            for _ in 0..shape.latents {
                latent(&mut rest, &mut run, shape, model)?;
            }
            items.push(ReferenceProblem::new(at, problem, run));
        }
        Ok(Self::of(origin, items, model))
    }
}

/// Reads the counts, which must match the model.
fn shape(rest: &mut Bytes<'_>, model: &Model, problems: usize) -> Result<Shape, String> {
    let mut word = || rest.word().ok_or_else(cut_off);
    let shape = Shape {
        items: word()?,
        latents: word()?,
        width: word()?,
        depth: word()?,
        has_states: word()? == 1,
    };
    let is_of_model = shape.latents == model.n_latents()
        && shape.width == model.width()
        && shape.depth == DEPTH.min(model.vocab());
    if !is_of_model || shape.items == 0 || shape.items > problems {
        return Err(format!("its counts {shape:?} are not the model's"));
    }
    Ok(shape)
}

fn latent(
    rest: &mut Bytes<'_>,
    run: &mut Thought,
    shape: Shape,
    model: &Model,
) -> Result<(), String> {
    let fed = rest.vector(shape.width)?;
    let state = if shape.has_states {
        rest.vector(shape.width)?
    } else {
        Arc::clone(&fed)
    };
    run.push(fed, state);
    let mut top = Vec::with_capacity(shape.depth);
    for _ in 0..shape.depth {
        let id = u32::from_le_bytes(rest.four().ok_or_else(cut_off)?);
        let (logit, prob) = (rest.number()?, rest.number()?);
        if id as usize >= model.vocab() || !(0.0..=1.0).contains(&prob) {
            return Err(format!("it holds token {id} with probability {prob}"));
        }
        top.push(TokenRead {
            id,
            text: model.token_text(id),
            logit,
            prob,
        });
    }
    run.top.push(top);
    Ok(())
}

fn cut_off() -> String {
    "it is cut off".to_owned()
}

fn put(bytes: &mut Vec<u8>, word: usize) -> Option<()> {
    bytes.extend(u32::try_from(word).ok()?.to_le_bytes());
    Some(())
}

/// The unread bytes.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn four(&mut self) -> Option<[u8; 4]> {
        self.take(4)?.try_into().ok()
    }

    fn word(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.four()?)).ok()
    }

    fn number(&mut self) -> Result<f32, String> {
        let number = f32::from_le_bytes(self.four().ok_or_else(cut_off)?);
        if number.is_finite() {
            Ok(number)
        } else {
            Err(format!("it holds {number}"))
        }
    }

    fn vector(&mut self, width: usize) -> Result<Arc<[f32]>, String> {
        (0..width).map(|_| self.number()).collect()
    }
}
