//! Finds the state dict in what a pickle made: directly, or in the dict that a training script wraps it in.

use super::pickle::{self, Machine, Object, Value, damaged};
use super::{LONGEST_NAME, Refused, Stored, long_name};

/// Under which of these a training script may keep the state dict beside other things.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "module"];

/// A tensor as the pickle describes it; nothing is checked against the storage yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pickled {
    pub(super) name: String,
    pub(super) stored: Stored,
    /// The name of its storage's entry.
    pub(super) key: String,
    /// Values in the storage, as claimed.
    pub(super) stored_values: u64,
    /// Values of the storage before the first of the tensor.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
}

/// The tensors of a pickled state dict.
///
/// # Errors
/// When the pickle is damaged, holds something else, or names what no checkpoint needs.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Pickled>, Refused> {
    let (machine, top) = pickle::run(bytes)?;
    tensors(&machine, top)
}

/// The tensors of the state dict, which may lie in a dict of other things.
fn tensors(machine: &Machine<'_>, top: Value) -> Result<Vec<Pickled>, Refused> {
    let Some(Object::Dict(pairs)) = machine.object(top) else {
        return Err("it holds no dict of tensors".to_owned());
    };
    let is_tensor = |value| matches!(machine.object(value), Some(Object::Tensor { .. }));
    let wrapped = pairs.iter().any(|&(key, value)| {
        let named = machine.str(key).is_ok_and(|key| WRAPPERS.contains(&key));
        let inner = machine.object(value);
        named && matches!(inner, Some(Object::Dict(inner)) if inner.iter().any(|&(_, v)| is_tensor(v)))
    });
    // Beside the state dict may lie tensors that are no parameters: the state of a random generator.
    if wrapped || !pairs.iter().any(|&(_, value)| is_tensor(value)) {
        let inner = WRAPPERS.iter().find_map(|wrapper| {
            let found = pairs
                .iter()
                .find(|(key, _)| machine.str(*key) == Ok(wrapper))?;
            match machine.object(found.1)? {
                Object::Dict(inner) if inner.iter().any(|&(_, v)| is_tensor(v)) => Some(inner),
                _ => None,
            }
        });
        return match inner {
            Some(inner) => named(machine, inner),
            None => Err(format!(
                "it holds no dict of tensors, neither directly nor under {}",
                WRAPPERS.join(", ")
            )),
        };
    }
    named(machine, pairs)
}

fn named(machine: &Machine<'_>, pairs: &[(Value, Value)]) -> Result<Vec<Pickled>, Refused> {
    pairs
        .iter()
        .map(|&(key, value)| {
            let name = machine.str(key)?;
            // One long name may stand in a pickle once and be used any number of times.
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
                return Err(format!("{name:?} in its state dict is no tensor"));
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
