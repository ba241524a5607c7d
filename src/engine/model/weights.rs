//! Takes tensors from a weights file by name and shape, strictly: nothing missing, unexpected or truncated.

use std::borrow::Cow;
use std::collections::BTreeMap;

use candle_core::quantized::{QStorage, QTensor};
use candle_core::{DType, Device, Tensor, WithDType};
use half::{bf16, f16};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::error::{ModelError, Result};
use super::linear::QUANTIZED;
use super::tensor_file::{Stored, TensorEntry, TensorFile};

/// Buffers in some exports that are not parameters (docs/methods.md M8.2).
const BUFFERS: [&str; 3] = [".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"];

/// The prefix that data-parallel training adds to every name.
const DISTRIBUTED: &str = "module.";
/// The prefixes that sharding, activation checkpointing and compiling add to names or parts of names.
const WRAPPERS: [&str; 3] = [
    "_fsdp_wrapped_module.",
    "_checkpoint_wrapped_module.",
    "_orig_mod.",
];

/// Strips the prefixes that training wrappers add.
pub(crate) fn unwrapped(name: &str) -> String {
    let mut plain = name.to_owned();
    for wrapper in WRAPPERS {
        plain = plain.replace(wrapper, "");
    }
    while let Some(rest) = plain.strip_prefix(DISTRIBUTED) {
        plain = rest.to_owned();
    }
    plain
}

/// The maximum number of bytes passed over, as a multiple of the file size: each column slice of a matrix needs its own pass.
const MOST_PASSES: u64 = 64;

/// Shuffles a tensor's values.
fn shuffled(tensor: &Tensor, order: &mut ChaCha8Rng) -> Result<Tensor> {
    let mut values: Vec<f32> = tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
    values.shuffle(order);
    let shuffled = Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?;
    Ok(shuffled.to_dtype(tensor.dtype())?)
}

/// The tensors of a checkpoint that are still to be taken.
pub(crate) struct Weights<'a> {
    /// The checkpoint's name in errors.
    model: &'a str,
    file: &'a TensorFile,
    tensors: BTreeMap<String, &'a TensorEntry>,
    device: &'a Device,
    /// The type that tensors are converted to.
    dtype: DType,
    /// Whether large matrices are quantized after being taken.
    quantize: bool,
    /// The source of every matrix's shuffled order, for a control.
    shuffle: Option<ChaCha8Rng>,
    /// Warnings for the user about a checkpoint that is accepted anyway.
    warnings: Vec<String>,
    parameters: usize,
    /// Bytes of values read so far.
    bytes_read: u64,
    /// Bytes passed over so far.
    bytes_passed: u64,
}

impl<'a> Weights<'a> {
    /// Registers the names in a file; values are read when taken.
    pub(crate) fn new(model: &'a str, file: &'a TensorFile, device: &'a Device) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (name, entry) in file.entries() {
            let name = unwrapped(name);
            if BUFFERS.iter().any(|b| name.ends_with(b)) {
                continue;
            }
            if tensors.insert(name.clone(), entry).is_some() {
                let reason = format!("tensor {name:?} is duplicated, with and without a wrapper");
                return Err(ModelError::weights(model, reason));
            }
        }
        Ok(Self {
            model,
            file,
            tensors,
            device,
            dtype: DType::F32,
            quantize: false,
            shuffle: None,
            warnings: Vec::new(),
            parameters: 0,
            bytes_read: 0,
            bytes_passed: 0,
        })
    }

    /// Returns the names (without wrapper prefixes) and shapes of the remaining tensors.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> + Clone {
        self.tensors
            .iter()
            .map(|(name, entry)| (name.as_str(), entry.shape.as_slice()))
    }

    /// Sets the type for tensors taken from now on.
    pub(crate) fn set_dtype(&mut self, dtype: DType) {
        self.dtype = dtype;
    }

    /// Enables quantization of the large matrices.
    pub(crate) fn quantize(&mut self) {
        self.quantize = true;
    }

    /// Enables shuffling of every matrix's values, in an order drawn from a seed.
    pub(crate) fn shuffle(&mut self, seed: u64) {
        self.shuffle = Some(ChaCha8Rng::seed_from_u64(seed));
    }

    /// Returns whether a matrix with rows of this width is quantized; one that does not fill whole blocks is not.
    pub(crate) fn quantizes(&self, width: usize) -> bool {
        self.quantize && width.is_multiple_of(QUANTIZED.block_size())
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn device(&self) -> &Device {
        self.device
    }

    /// Takes a tensor of exactly this shape.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let entry = self.remove_exact(name, shape)?;
        self.read(name, entry, self.dtype)
    }

    /// Takes a matrix, (rows, width), in quantized blocks; it is never held whole in another form. CPU only.
    pub(crate) fn take_quantized(&mut self, name: &str, shape: [usize; 2]) -> Result<QTensor> {
        const ROWS: usize = 1024;
        let entry = self.remove_exact(name, &shape)?;
        self.account(name, entry)?;
        let width = shape[1];
        let (mut blocks, mut waiting) = (Vec::new(), Vec::with_capacity(2 * ROWS * width));
        let mut quantize = |values: Vec<f32>| -> Result<()> {
            let rows = values.len() / width;
            let part = Tensor::from_vec(values, (rows, width), &Device::Cpu)?;
            blocks.extend_from_slice(&QTensor::quantize(&part, QUANTIZED)?.data()?);
            Ok(())
        };
        self.parts(name, entry, &mut |part| {
            waiting.extend_from_slice(part);
            while waiting.len() >= ROWS * width {
                let rest = waiting.split_off(ROWS * width);
                quantize(std::mem::replace(&mut waiting, rest))?;
            }
            Ok(())
        })?;
        if !waiting.is_empty() {
            quantize(waiting)?;
        }
        let storage = QStorage::from_data(Cow::Owned(blocks), self.device, QUANTIZED)?;
        Ok(QTensor::new(storage, shape.as_slice())?)
    }

    /// Takes a vector, which may be stored with leading dimensions of 1, as (1, width).
    pub(crate) fn take_vector(&mut self, name: &str, width: usize) -> Result<Tensor> {
        let rank = self.shape_of(name).map_or(1, <[usize]>::len).clamp(1, 3);
        let mut shape = vec![1; rank];
        shape[rank - 1] = width;
        Ok(self.take(name, &shape)?.reshape((1, width))?)
    }

    /// Returns the shape of a remaining tensor.
    pub(crate) fn shape_of(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Drops every tensor under a prefix that only training needs.
    pub(crate) fn drop_under(&mut self, prefix: &str) {
        self.tensors.retain(|name, _| !name.starts_with(prefix));
    }

    /// Takes a low-rank factor: a matrix of which one side may be unknown (`None`), in `f32`.
    pub(crate) fn take_matrix(
        &mut self,
        name: &str,
        rows: Option<usize>,
        columns: Option<usize>,
    ) -> Result<Tensor> {
        let side = |n: Option<usize>| n.map_or_else(|| "any".to_owned(), |n| n.to_string());
        let expected = || format!("[{}, {}]", side(rows), side(columns));
        let entry = self.remove(name, expected)?;
        match entry.shape.as_slice() {
            [r, c] if rows.is_none_or(|n| n == *r) && columns.is_none_or(|n| n == *c) => {
                self.read(name, entry, DType::F32)
            }
            shape => Err(self.wrong(name, format!("{shape:?}"), expected())),
        }
    }

    /// Drops an output table that duplicates the tied input table; warns if its values differ.
    pub(crate) fn drop_tied(&mut self, input: &str, output: &str, shape: &[usize]) -> Result<()> {
        let difference = self.drop_copy(input, output, shape)?;
        if difference > 0.0 {
            self.warnings.push(format!(
                "config.json ties {output} to the token table, but the stored values differ by up to {difference:.3e}: the token table is used \
                 for both, as in transformers"
            ));
        }
        Ok(())
    }

    /// Drops the second name of the token table, which Coconut's training code stores. Different values are rejected, because
    /// the published loader would use them.
    pub(crate) fn drop_second_name(
        &mut self,
        table: &str,
        second: &str,
        shape: &[usize],
    ) -> Result<()> {
        let difference = self.drop_copy(table, second, shape)?;
        if difference > 0.0 {
            let reason = format!(
                "{second} and {table} are two names of one table, but their values differ by up to {difference:.3e}"
            );
            return Err(ModelError::weights(self.model, reason));
        }
        Ok(())
    }

    /// Drops an optional copy of a remaining tensor after checking its shape. Returns the largest difference between the
    /// stored values, neither rounded nor shuffled; they do not count as parameters.
    fn drop_copy(&mut self, name: &str, copy: &str, shape: &[usize]) -> Result<f32> {
        let original = self.tensors.get(name).copied();
        let Some(entry) = self.tensors.remove(copy) else {
            return Ok(0.0);
        };
        self.check_shape(copy, entry, shape)?;
        let Some(original) = original.filter(|original| original.shape == shape) else {
            return Ok(0.0);
        };
        if original == entry || !original.is_packed() || !entry.is_packed() {
            return Ok(0.0);
        }
        let mut values: Vec<f32> = Vec::with_capacity(original.count());
        self.parts(name, original, &mut |part| {
            values.extend_from_slice(part);
            Ok(())
        })?;
        let (mut at, mut difference) = (0, 0.0_f32);
        self.parts(copy, entry, &mut |part| {
            let pairs = values[at..].iter().zip(part);
            difference = pairs.fold(difference, |most, (a, b)| most.max((a - b).abs()));
            at += part.len();
            Ok(())
        })?;
        Ok(difference)
    }

    /// Ends the loading; returns the number of parameters and the warnings.
    pub(crate) fn finish(self) -> Result<(usize, Vec<String>)> {
        match self.tensors.keys().next() {
            Some(name) => Err(ModelError::UnexpectedTensor {
                file: self.model.into(),
                name: name.clone(),
                count: self.tensors.len(),
            }),
            None => Ok((self.parameters, self.warnings)),
        }
    }

    fn remove(&mut self, name: &str, expected: impl Fn() -> String) -> Result<&'a TensorEntry> {
        self.tensors
            .remove(name)
            .ok_or_else(|| ModelError::MissingTensor {
                file: self.model.into(),
                name: name.into(),
                expected: expected(),
            })
    }

    /// Removes a tensor of exactly this shape.
    fn remove_exact(&mut self, name: &str, shape: &[usize]) -> Result<&'a TensorEntry> {
        let entry = self.remove(name, || format!("{shape:?}"))?;
        self.check_shape(name, entry, shape)?;
        Ok(entry)
    }

    fn check_shape(&self, name: &str, entry: &TensorEntry, shape: &[usize]) -> Result<()> {
        if entry.shape == shape {
            return Ok(());
        }
        Err(self.wrong(name, format!("{:?}", entry.shape), format!("{shape:?}")))
    }

    fn read(&mut self, name: &str, entry: &TensorEntry, to: DType) -> Result<Tensor> {
        self.account(name, entry)?;
        let tensor = match to {
            DType::BF16 => self.values::<bf16>(name, entry, bf16::from_f32)?,
            DType::F16 => self.values::<f16>(name, entry, f16::from_f32)?,
            _ => self.values::<f32>(name, entry, |value| value)?,
        };
        let tensor = match &mut self.shuffle {
            Some(order) if tensor.rank() > 1 => shuffled(&tensor, order)?,
            _ => tensor,
        };
        Ok(tensor.to_device(self.device)?)
    }

    /// Accounts for a read and rejects amounts that no honest file needs.
    fn account(&mut self, name: &str, entry: &TensorEntry) -> Result<()> {
        if entry.count() == 0 {
            let actual = format!("{:?}, without any value", entry.shape);
            return Err(self.wrong(name, actual, "values".into()));
        }
        // Names that share storage could make a small file use any amount of memory, and scattered values any number of passes.
        self.bytes_read += (entry.count() * entry.stored.bytes()) as u64;
        self.bytes_passed += entry.span();
        let length = self.file.length();
        if self.bytes_passed > MOST_PASSES * length {
            let actual = "one of many that lie scattered over the file";
            return Err(self.wrong(name, actual.into(), "values beside each other".into()));
        }
        if self.bytes_read > 2 * length {
            let actual = "one of many names for the same values";
            return Err(self.wrong(name, actual.into(), "values of its own".into()));
        }
        self.parameters += entry.count();
        Ok(())
    }

    fn values<T: WithDType>(
        &self,
        name: &str,
        entry: &TensorEntry,
        convert: impl Fn(f32) -> T,
    ) -> Result<Tensor> {
        let mut values: Vec<T> = Vec::with_capacity(entry.count());
        self.parts(name, entry, &mut |part| {
            values.extend(part.iter().map(|value| convert(*value)));
            Ok(())
        })?;
        let shape = entry.shape.as_slice();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// Streams a tensor's values in parts, so that memory never holds a second copy.
    fn parts(
        &self,
        name: &str,
        entry: &TensorEntry,
        sink: &mut dyn FnMut(&[f32]) -> Result<()>,
    ) -> Result<()> {
        // Two simple loops over a part that fits the cache: the compiler vectorizes both.
        let convert: fn(&[u8], &mut Vec<f32>) = match entry.stored {
            Stored::F32 => |bytes, out| {
                out.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)));
            },
            Stored::F16 => |bytes, out| {
                let part = bytes.as_chunks().0.iter();
                out.extend(part.map(|b| f16::from_le_bytes(*b).to_f32()));
            },
            Stored::Bf16 => |bytes, out| {
                let part = bytes.as_chunks().0.iter();
                out.extend(part.map(|b| bf16::from_le_bytes(*b).to_f32()));
            },
            Stored::Other { name: other, .. } => {
                return Err(self.wrong(name, other.into(), "F16, BF16 or F32".into()));
            }
        };
        let (mut part, mut finite, mut result) = (Vec::new(), true, Ok(()));
        let outcome = self.file.values(entry, |bytes| {
            part.clear();
            convert(bytes, &mut part);
            finite &= all_finite(part.iter().copied());
            if result.is_ok() {
                result = sink(&part);
            }
        });
        outcome.map_err(|e| self.wrong(name, format!("unreadable ({e})"), "readable".into()))?;
        if !finite {
            return Err(self.wrong(name, "not finite".into(), "finite values".into()));
        }
        result
    }

    fn wrong(&self, name: &str, actual: String, expected: String) -> ModelError {
        ModelError::WrongTensor {
            file: self.model.into(),
            name: name.into(),
            actual,
            expected,
        }
    }
}

/// Returns whether all values are finite; without a branch in the loop.
fn all_finite(values: impl Iterator<Item = f32>) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    values.fold(true, |all, v| all & (v.to_bits() & EXPONENT != EXPONENT))
}

#[cfg(test)]
mod tests {
    use super::super::source::ByteSource;
    use super::*;

    #[test]
    fn a_matrix_is_quantized_in_parts_as_if_at_once() {
        // Parts of 1,024 rows: two whole ones and a remainder.
        let matrix = Tensor::randn(0f32, 1.0, (2500, 64), &Device::Cpu).expect("matrix");
        let bytes = safetensors::serialize([("m", &matrix)], None).expect("bytes");
        let whole = QTensor::quantize(&matrix, QUANTIZED).expect("at once");
        let source = ByteSource::Memory(bytes.into());
        let file = TensorFile::open("m", &source).expect("a file");
        let mut weights = Weights::new("m", &file, &Device::Cpu).expect("names");
        let parts = weights.take_quantized("m", [2500, 64]).expect("in parts");
        assert_eq!(parts.shape(), whole.shape());
        assert_eq!(parts.data().expect("bytes"), whole.data().expect("bytes"));
        assert_eq!(weights.finish().expect("all taken").0, 2500 * 64);
    }
}
