//! Random checkpoints of a published shape, untrained, for measuring speed and memory.
//!
//! A random model never ends its answer, so that a sweep over answers would cost many times more than with a trained one. GPT-2's
//! first block therefore gets three hand-made habits: it generates the delimiter after the end marker, whatever the rest of the model
//! prefers after the delimiter, and the end token after anything else.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, json};

use super::tiny;
use crate::core::error::{Error, Result};
use crate::core::file;

/// A published shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedShape {
    /// GPT-2 small with Coconut's three tokens, in f32: 124 million parameters.
    Gpt2,
    /// Llama 3.2 1B with Coconut's three tokens, in bf16: 1.24 billion parameters.
    Llama1b,
}

/// The names of the files that [`write()`] writes.
pub const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Overrides config.json, tokenizer.json and model.safetensors of a random checkpoint into a folder, deterministically. The
/// vocabulary includes `words` and numbers.
///
/// # Errors
/// If the folder cannot be created or written.
pub fn write(shape: PublishedShape, words: &BTreeSet<String>, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
    let [config_path, tokenizer_path, weights_path] = FILES.map(|name| folder.join(name));
    let (config, tensors, dtype) = match shape {
        PublishedShape::Gpt2 => (gpt2_config(), gpt2_tensors(), "F32"),
        PublishedShape::Llama1b => (llama_config(), llama_tensors(), "BF16"),
    };
    let size = if dtype == "F32" { 4 } else { 2 };
    file::write_out(&config_path, config.to_string().as_bytes())?;
    file::write_out(&tokenizer_path, tiny::tokenizer_json(words).as_bytes())?;
    let mut header = Map::new();
    let mut at = 0;
    for (name, shape) in &tensors {
        let end = at + shape.iter().product::<usize>() * size;
        header.insert(
            name.clone(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": [at, end]}),
        );
        at = end;
    }
    let mut header = json!(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    file::write_streamed(&weights_path, |out| {
        weights(out, &header, &tensors, size)
            .map_err(|source| Error::io("write", &weights_path, source))
    })
}

fn weights(
    out: &mut dyn Write,
    header: &[u8],
    tensors: &[(String, Vec<usize>)],
    size: usize,
) -> io::Result<()> {
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header)?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut habits = Habits::default();
    for (name, shape) in tensors {
        let is_norm = shape.len() == 1 && name.ends_with("weight");
        let mut values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|_| {
                if is_norm {
                    1.0
                } else {
                    (rng.random::<f32>() - 0.5) * 0.07
                }
            })
            .collect();
        habits.teach(name, shape, &mut values);
        for value in values {
            // The upper half of an f32 is its bf16, truncated rather than rounded.
            out.write_all(&value.to_le_bytes()[4 - size..])?;
        }
    }
    Ok(())
}

/// The habits of a random GPT-2.
#[derive(Default)]
struct Habits {
    /// Directions of the end marker, the delimiter and the end token.
    unit: Option<[Vec<f32>; 3]>,
}

impl Habits {
    /// `<|end-latent|>`, `###` and `<|endoftext|>`.
    const IDS: [usize; 3] = [50_258, 9, 50_256];
    /// The strength of a habit: enough to dominate the output of the random blocks.
    const PUSH: f32 = 20.0;

    /// Changes a tensor of the first block. Two neurons form a step: their difference is 1 if the current token is the one they
    /// detect (its direction then weighs about 10 after the norm, others about 1), else 0.
    fn teach(&mut self, name: &str, shape: &[usize], values: &mut [f32]) {
        let width = shape.last().copied().unwrap_or(1);
        if name.ends_with("transformer.wte.weight") {
            self.unit = Some(Self::IDS.map(|id| {
                let row = &values[id * width..(id + 1) * width];
                let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
                row.iter().map(|x| x / norm).collect()
            }));
        }
        let Some([end, delimiter, stop]) = &self.unit else {
            return;
        };
        let neurons = [end, end, delimiter, delimiter];
        if name.ends_with(".h.0.mlp.c_fc.weight") {
            for (i, row) in values.chunks_exact_mut(width).enumerate() {
                for (value, direction) in row.iter_mut().zip(neurons) {
                    *value = direction[i];
                }
            }
        } else if name.ends_with(".h.0.mlp.c_fc.bias") {
            values[..4].copy_from_slice(&[-3.5, -4.5, -3.5, -4.5]);
        } else if name.ends_with(".h.0.mlp.c_proj.weight") {
            for (n, row) in values.chunks_exact_mut(width).take(4).enumerate() {
                let sign = if n % 2 == 0 { Self::PUSH } else { -Self::PUSH };
                for (i, value) in row.iter_mut().enumerate() {
                    let next = if n < 2 { delimiter[i] } else { 0.0 };
                    *value = sign * (next - stop[i]);
                }
            }
        } else if name.ends_with(".h.0.mlp.c_proj.bias") {
            for (value, stop) in values.iter_mut().zip(stop) {
                *value = Self::PUSH * stop;
            }
        }
    }
}

fn undertone() -> serde_json::Value {
    json!({"family": "coconut", "n_latents": 6, "task": "math"})
}

fn gpt2_config() -> serde_json::Value {
    json!({
        "model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "eos_token_id": 50256, "undertone": undertone(),
    })
}

fn gpt2_tensors() -> Vec<(String, Vec<usize>)> {
    let (d, rows) = (768, 50_260);
    let name = |part: &str| format!("base_causallm.transformer.{part}");
    let mut tensors = vec![
        (name("wte.weight"), vec![rows, d]),
        (name("wpe.weight"), vec![1024, d]),
    ];
    for i in 0..12 {
        for (part, shape) in [
            ("ln_1.weight", vec![d]),
            ("ln_1.bias", vec![d]),
            ("attn.c_attn.weight", vec![d, 3 * d]),
            ("attn.c_attn.bias", vec![3 * d]),
            ("attn.c_proj.weight", vec![d, d]),
            ("attn.c_proj.bias", vec![d]),
            ("ln_2.weight", vec![d]),
            ("ln_2.bias", vec![d]),
            ("mlp.c_fc.weight", vec![d, 4 * d]),
            ("mlp.c_fc.bias", vec![4 * d]),
            ("mlp.c_proj.weight", vec![4 * d, d]),
            ("mlp.c_proj.bias", vec![d]),
        ] {
            tensors.push((name(&format!("h.{i}.{part}")), shape));
        }
    }
    tensors.push((name("ln_f.weight"), vec![d]));
    tensors.push((name("ln_f.bias"), vec![d]));
    tensors
}

fn llama_config() -> serde_json::Value {
    json!({
        "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32,
        "num_key_value_heads": 8, "num_hidden_layers": 16, "rms_norm_eps": 1e-5, "rope_theta": 500_000.0,
        "max_position_embeddings": 131_072, "vocab_size": 128_256, "tie_word_embeddings": true,
        "eos_token_id": [128_001, 128_008, 128_009], "hidden_act": "silu",
        "rope_scaling": {
            "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
        "undertone": undertone(),
    })
}

fn llama_tensors() -> Vec<(String, Vec<usize>)> {
    let (d, inner, keys) = (2048, 8192, 512);
    let name = |part: &str| format!("base_causallm.model.{part}");
    let mut tensors = vec![(name("embed_tokens.weight"), vec![128_259, d])];
    for i in 0..16 {
        for (part, shape) in [
            ("input_layernorm.weight", vec![d]),
            ("self_attn.q_proj.weight", vec![d, d]),
            ("self_attn.k_proj.weight", vec![keys, d]),
            ("self_attn.v_proj.weight", vec![keys, d]),
            ("self_attn.o_proj.weight", vec![d, d]),
            ("post_attention_layernorm.weight", vec![d]),
            ("mlp.gate_proj.weight", vec![inner, d]),
            ("mlp.up_proj.weight", vec![inner, d]),
            ("mlp.down_proj.weight", vec![d, inner]),
        ] {
            tensors.push((name(&format!("layers.{i}.{part}")), shape));
        }
    }
    tensors.push((name("norm.weight"), vec![d]));
    tensors
}
