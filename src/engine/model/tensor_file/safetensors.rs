//! The header of a safetensors file. The crate's check needs the whole file in memory; this one needs only the header.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::{Directory, Refused, Stored, TensorEntry};
use crate::engine::model::source::ByteSource;

/// The size of the header's length field, in bytes.
const LENGTH: u64 = 8;

/// The maximum size of a header, in bytes; a model with 100,000 tensors needs half of it.
const LONGEST: u64 = 16 << 20;

/// Returns the tensors, and the names omitted because other names hold the same values.
pub(super) fn read(source: &ByteSource, part: usize) -> Result<Directory, Refused> {
    let not = |why: &str| format!("it is neither a safetensors nor a torch.save file: {why}");
    let mut length = [0; 8];
    source
        .read_at(0, &mut length)
        .map_err(|_| not("it is too short"))?;
    let length = u64::from_le_bytes(length);
    if length > source.length().saturating_sub(LENGTH) {
        return Err(not(
            "its header would be longer than the file; it may be cut short",
        ));
    }
    if length > LONGEST {
        return Err(not(&format!("its header would be {length} bytes long")));
    }
    let header = source
        .read(LENGTH, usize::try_from(length).unwrap_or(usize::MAX))
        .map_err(|e| e.to_string())?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|e| not(&format!("its header cannot be read ({e})")))?;
    // The crate has checked that every tensor fills its range and that the ranges are contiguous.
    let mut end = 0;
    let mut entries = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        end = end.max(to);
        let entry = TensorEntry {
            stored: stored(info.dtype),
            shape: info.shape.clone(),
            part,
            at: LENGTH + length + from as u64,
            strides: None,
        };
        entries.insert(name, entry);
    }
    let available = source.length() - LENGTH - length;
    if (end as u64) < available {
        return Err(format!(
            "its header describes {end} bytes of values, and {} more follow; it is damaged or was joined with another file",
            available - end as u64
        ));
    }
    if end as u64 != available {
        return Err(format!(
            "its header describes {end} bytes of values, and it has {available}; it may be cut short"
        ));
    }
    // `save_model` records each omitted name with the kept one.
    let aliases = metadata.metadata().iter().flatten();
    Ok(Directory {
        entries,
        aliases: Some(aliases.map(|(name, _)| name.clone()).collect()),
    })
}

fn stored(dtype: Dtype) -> Stored {
    let other = |name, bytes| Stored::Other { name, bytes };
    match dtype {
        Dtype::F32 => Stored::F32,
        Dtype::F16 => Stored::F16,
        Dtype::BF16 => Stored::Bf16,
        Dtype::F64 => other("F64", 8),
        Dtype::I64 | Dtype::U64 => other("a 64-bit integer", 8),
        Dtype::I32 | Dtype::U32 => other("a 32-bit integer", 4),
        Dtype::BOOL => other("BOOL", 1),
        Dtype::F8_E4M3 => other("F8_E4M3", 1),
        Dtype::F8_E5M2 => other("F8_E5M2", 1),
        _ => other("of a type that no parameter has", 1),
    }
}
