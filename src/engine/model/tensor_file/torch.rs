//! A `torch.save` file: a zip archive with a pickle that describes the tensors and one entry per storage.

use std::collections::BTreeMap;

use super::pickle;
use super::state_dict::{self, Pickled};
use super::zip::{self, Place};
use super::{Refused, TensorEntry};
use crate::engine::model::source::ByteSource;

pub(super) fn read(
    source: &ByteSource,
    part: usize,
) -> Result<BTreeMap<String, TensorEntry>, Refused> {
    let places = zip::read(source)?;
    let mut pickles = places
        .iter()
        .filter_map(|(name, place)| Some((name.strip_suffix("data.pkl")?, place)));
    let (Some((folder, pickle)), None) = (pickles.next(), pickles.next()) else {
        return Err(
            "it is a zip archive, and not one that torch.save wrote (no single data.pkl)"
                .to_owned(),
        );
    };
    if let Some(order) = places.get(&format!("{folder}byteorder")) {
        let order = read_all(source, *order, 16)?;
        if order.trim_ascii() != b"little" {
            return Err(
                "it was saved on a big-endian machine; save it again on another".to_owned(),
            );
        }
    }
    let pickled = state_dict::read(&read_all(source, *pickle, pickle::LONGEST)?)?;
    let mut entries = BTreeMap::new();
    for tensor in pickled {
        let name = format!("{folder}data/{}", tensor.key);
        let place = places
            .get(&name)
            .ok_or_else(|| format!("{:?} lies in {name:?}, which is missing", tensor.name))?;
        let entry = entry(&tensor, *place, part)?;
        if entries.insert(tensor.name.clone(), entry).is_some() {
            return Err(format!("tensor {:?} is duplicated", tensor.name));
        }
    }
    Ok(entries)
}

fn read_all(source: &ByteSource, place: Place, longest: u64) -> Result<Vec<u8>, Refused> {
    if place.length > longest {
        return Err(format!(
            "an entry of it is {} bytes long, more than any checkpoint needs",
            place.length
        ));
    }
    let length = usize::try_from(place.length).unwrap_or(usize::MAX);
    source.read(place.at, length).map_err(|e| e.to_string())
}

/// Returns the tensor's entry, if its values lie in the storage and are not more than the storage has.
fn entry(tensor: &Pickled, storage: Place, part: usize) -> Result<TensorEntry, Refused> {
    let size = tensor.stored.bytes();
    let refuse = |why: String| Err(format!("tensor {:?} {why}", tensor.name));
    let values = storage.length / size as u64;
    if tensor.stored_values > values {
        return refuse(format!(
            "claims a storage of {} values, and the file has {values}",
            tensor.stored_values
        ));
    }
    let count = (tensor.shape.iter()).try_fold(1u64, |count, &n| count.checked_mul(n));
    // Repeated values would let a small file use any amount of memory.
    let Some(count) = count.filter(|&count| count <= tensor.stored_values) else {
        return refuse(format!(
            "of shape {:?} has more values than its storage, {}",
            tensor.shape, tensor.stored_values
        ));
    };
    let last = (tensor.shape.iter().zip(&tensor.strides))
        .try_fold(tensor.offset, |at, (&n, &s)| {
            at.checked_add(n.saturating_sub(1).checked_mul(s)?)
        });
    if count > 0 && last.is_none_or(|last| last >= tensor.stored_values) {
        return refuse("reaches beyond its storage".to_owned());
    }
    let narrow = |numbers: &[u64]| -> Option<Vec<usize>> {
        numbers.iter().map(|&n| usize::try_from(n).ok()).collect()
    };
    let (Some(shape), Some(strides)) = (narrow(&tensor.shape), narrow(&tensor.strides)) else {
        return refuse("is too large for this machine".to_owned());
    };
    let follow = follow_each_other(&shape, &strides);
    Ok(TensorEntry {
        stored: tensor.stored,
        shape,
        part,
        at: storage.at
            + if count == 0 {
                0
            } else {
                tensor.offset * size as u64
            },
        strides: (!follow).then_some(strides),
    })
}

/// Returns whether the values are in index order, without gaps.
fn follow_each_other(shape: &[usize], strides: &[usize]) -> bool {
    let mut next = 1usize;
    shape.iter().zip(strides).rev().all(|(&n, &stride)| {
        let expected = next;
        next = expected.saturating_mul(n.max(1));
        n <= 1 || stride == expected
    })
}
