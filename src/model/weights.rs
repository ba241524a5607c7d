//! Takes tensors out of a weights file by name and shape, strictly: nothing missing, nothing left over, nothing cut.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::error::{ModelError, Result};

/// Buffers that some exports hold and that carry no parameter (methods.md 8.2).
const BUFFERS: [&str; 3] = [".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"];

/// Wrappers that training code puts before every name.
const WRAPPERS: [&str; 2] = ["module.", "_fsdp_wrapped_module."];

/// The tensors of one file that have not been taken yet.
pub(crate) struct Weights<'a> {
    tensors: BTreeMap<String, TensorView<'a>>,
    device: &'a Device,
    /// What the tensors are converted to.
    dtype: DType,
    /// Parameters taken so far.
    parameters: usize,
}

impl<'a> Weights<'a> {
    /// Reads the directory of a safetensors file; the values are read when they are taken.
    pub(crate) fn parse(model: &str, bytes: &'a [u8], device: &'a Device) -> Result<Self> {
        let fail = |reason: String| ModelError::Weights {
            model: model.into(),
            reason,
        };
        // A zip container is what torch.save writes; pickles are not read here.
        if bytes.starts_with(b"PK\x03\x04") {
            return Err(fail(
                "it is a torch.save file, and only safetensors is read".into(),
            ));
        }
        let file = SafeTensors::deserialize(bytes)
            .map_err(|e| fail(format!("not a safetensors file: {e}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let name = WRAPPERS
                .iter()
                .fold(name.as_str(), |n, w| n.strip_prefix(w).unwrap_or(n))
                .to_owned();
            if BUFFERS.iter().any(|b| name.ends_with(b)) {
                continue;
            }
            if tensors.insert(name.clone(), view).is_some() {
                return Err(fail(format!("tensor {name:?} is there twice")));
            }
        }
        if tensors.is_empty() {
            return Err(fail("it holds no tensors".into()));
        }
        Ok(Self {
            tensors,
            device,
            dtype: DType::F32,
            parameters: 0,
        })
    }

    /// Names (wrappers stripped) and shapes of what has not been taken yet.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> + Clone {
        self.tensors
            .iter()
            .map(|(name, t)| (name.as_str(), t.shape()))
    }

    /// Sets what the tensors are converted to from here on.
    pub(crate) fn set_dtype(&mut self, dtype: DType) {
        self.dtype = dtype;
    }

    /// What the tensors are converted to.
    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where the tensors go.
    pub(crate) fn device(&self) -> &Device {
        self.device
    }

    /// Takes one tensor of exactly this shape.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let view = self.remove(name, || format!("{shape:?}"))?;
        if view.shape() != shape {
            return Err(wrong(
                name,
                format!("{:?}", view.shape()),
                format!("{shape:?}"),
            ));
        }
        self.read(name, &view, self.dtype)
    }

    /// Takes a vector that may be stored as a single row, as (1, width).
    pub(crate) fn take_vector(&mut self, name: &str, width: usize) -> Result<Tensor> {
        let rank = self.shape_of(name).map_or(1, <[usize]>::len);
        let mut shape = vec![1; rank.clamp(1, 3)];
        shape[rank.clamp(1, 3) - 1] = width;
        Ok(self.take(name, &shape)?.reshape((1, width))?)
    }

    /// The shape of a tensor that has not been taken yet.
    pub(crate) fn shape_of(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|t| t.shape())
    }

    /// Drops what training needs and inference does not: every tensor under a prefix.
    pub(crate) fn drop_under(&mut self, prefix: &str) {
        self.tensors.retain(|name, _| !name.starts_with(prefix));
    }

    /// Takes a matrix of which only the number of columns or rows is known (`None`: any), in `f32`: a low-rank factor.
    pub(crate) fn take_matrix(
        &mut self,
        name: &str,
        rows: Option<usize>,
        columns: Option<usize>,
    ) -> Result<Tensor> {
        let side = |n: Option<usize>| n.map_or_else(|| "any".to_owned(), |n| n.to_string());
        let expected = || format!("[{}, {}]", side(rows), side(columns));
        let view = self.remove(name, expected)?;
        match view.shape() {
            [r, c] if rows.is_none_or(|n| n == *r) && columns.is_none_or(|n| n == *c) => {
                self.read(name, &view, DType::F32)
            }
            found => Err(wrong(name, format!("{found:?}"), expected())),
        }
    }

    /// Drops a copy of another tensor, after a look at its shape; a file need not hold it.
    pub(crate) fn drop_alias(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        match self.tensors.remove(name) {
            Some(view) if view.shape() != shape => Err(wrong(
                name,
                format!("{:?}", view.shape()),
                format!("{shape:?}"),
            )),
            _ => Ok(()),
        }
    }

    /// Ends the loading: returns the number of parameters taken.
    pub(crate) fn finish(self) -> Result<usize> {
        match self.tensors.keys().next() {
            Some(name) => Err(ModelError::UnexpectedTensor {
                name: name.clone(),
                count: self.tensors.len(),
            }),
            None => Ok(self.parameters),
        }
    }

    fn remove(&mut self, name: &str, expected: impl Fn() -> String) -> Result<TensorView<'a>> {
        self.tensors
            .remove(name)
            .ok_or_else(|| ModelError::MissingTensor {
                name: name.into(),
                expected: expected(),
            })
    }

    fn read(&mut self, name: &str, view: &TensorView<'a>, to: DType) -> Result<Tensor> {
        let dtype = match view.dtype() {
            safetensors::Dtype::F16 => DType::F16,
            safetensors::Dtype::BF16 => DType::BF16,
            safetensors::Dtype::F32 => DType::F32,
            other => return Err(wrong(name, format!("{other:?}"), "F16, BF16 or F32".into())),
        };
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?
            .to_dtype(DType::F32)?;
        // A sum is not finite exactly if a value is not, or if the values are absurd.
        if !tensor.sum_all()?.to_scalar::<f32>()?.is_finite() {
            return Err(wrong(name, "not finite".into(), "finite values".into()));
        }
        self.parameters += tensor.elem_count();
        Ok(tensor.to_dtype(to)?.to_device(self.device)?)
    }
}

fn wrong(name: &str, found: String, expected: String) -> ModelError {
    ModelError::WrongTensor {
        name: name.into(),
        found,
        expected,
    }
}
