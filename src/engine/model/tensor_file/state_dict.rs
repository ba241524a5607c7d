//! Finds the state dict in an unpickled value: at the top, or in the dict that a training script wraps it in.

use super::pickle::{self, Machine, Object, Value, damaged};
use super::{LONGEST_NAME, Refused, Stored, long_name};

/// The keys under which a training script may store the state dict.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "module"];

/// A tensor as described in the pickle, not yet checked against the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pickled {
    pub(super) name: String,
    pub(super) stored: Stored,
    /// The name of its storage's entry.
    pub(super) key: String,
    /// The claimed number of values in the storage.
    pub(super) stored_values: u64,
    /// The number of storage values before the tensor's first one.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
}

/// Reads the tensors of a pickled state dict.
///
/// # Errors
/// If the pickle is damaged, holds something else, or uses a name that no checkpoint needs.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Pickled>, Refused> {
    let (machine, top) = pickle::unpickle(bytes)?;
    tensors(&machine, top)
}

/// Returns the tensors of the state dict, which may be wrapped in another dict.
fn tensors(machine: &Machine<'_>, top: Value) -> Result<Vec<Pickled>, Refused> {
    let Some(Object::Dict(pairs)) = machine.object(top) else {
        return Err("it holds no dict of tensors".to_owned());
    };
    let has_tensors = |pairs: &[(Value, Value)]| {
        let mut objects = pairs.iter().map(|(_, value)| machine.object(*value));
        objects.any(|object| matches!(object, Some(Object::Tensor { .. })))
    };
    let wrapped = |wrapper: &&str| {
        let mut values = pairs
            .iter()
            .filter(|(key, _)| machine.str(*key) == Ok(wrapper));
        values.find_map(|(_, value)| match machine.object(*value)? {
            Object::Dict(inner) if has_tensors(inner) => Some(inner),
            _ => None,
        })
    };
    // Tensors beside the state dict may not be parameters: the state of a random generator.
    match WRAPPERS.iter().find_map(wrapped) {
        Some(inner) => describe(machine, inner),
        None if has_tensors(pairs) => describe(machine, pairs),
        None => Err(format!(
            "it holds no dict of tensors, neither directly nor under {}",
            WRAPPERS.join(", ")
        )),
    }
}

/// Returns the descriptions of named tensors.
fn describe(machine: &Machine<'_>, pairs: &[(Value, Value)]) -> Result<Vec<Pickled>, Refused> {
    pairs
        .iter()
        .map(|&(key, value)| {
            let name = machine.str(key)?;
            // A pickle can contain one long name and use it any number of times.
            if name.len() > LONGEST_NAME {
                return Err(long_name(name));
            }
            let name = name.to_owned();
            let Some(Object::Tensor {
                storage,
                offset,
                shape,
                strides,
            }) = machine.object(value)
            else {
                return Err(format!("{name:?} in its state dict is not a tensor"));
            };
            let Some(Object::Storage {
                stored,
                key,
                values,
            }) = machine.objects.get(*storage)
            else {
                return Err(damaged("a tensor has no storage"));
            };
            Ok(Pickled {
                name,
                stored: *stored,
                key: key.clone(),
                stored_values: *values,
                offset: *offset,
                shape: shape.clone(),
                strides: strides.clone(),
            })
        })
        .collect()
}
