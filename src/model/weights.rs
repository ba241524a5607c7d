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
            parameters: 0,
        })
    }

    /// Takes one tensor of exactly this shape, widened to `f32`.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let view = self.remove(name, || format!("{shape:?}"))?;
        if view.shape() != shape {
            return Err(wrong(
                name,
                format!("{:?}", view.shape()),
                format!("{shape:?}"),
            ));
        }
        self.widen(name, &view)
    }

    /// Takes a table of `width` columns and any number of rows, at least `rows`.
    pub(crate) fn take_table(&mut self, name: &str, rows: usize, width: usize) -> Result<Tensor> {
        let expected = || format!("[{rows} or more, {width}]");
        let view = self.remove(name, expected)?;
        match view.shape() {
            [r, w] if *r >= rows && *w == width => self.widen(name, &view),
            found => Err(wrong(name, format!("{found:?}"), expected())),
        }
    }

    /// Takes a matrix of which only the number of columns or rows is known (`None`: any); low-rank factors need it.
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
                self.widen(name, &view)
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

    fn widen(&mut self, name: &str, view: &TensorView<'a>) -> Result<Tensor> {
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
        Ok(tensor.to_device(self.device)?)
    }
}

fn wrong(name: &str, found: String, expected: String) -> ModelError {
    ModelError::WrongTensor {
        name: name.into(),
        found,
        expected,
    }
}
