//! A deterministic toy checkpoint for tests and docs: a GPT-2 multimode-coconut, 16 wide, loaded like any other. Random,
//! except for one circuit: after the end marker it says `###`, then a number, then the end token. The number depends on the
//! question and the latents, and is meaningless.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::Checkpoint;

/// A question that the toy vocabulary covers.
pub const QUESTION: &str = "Tom has 3 apples. He buys 4 apples. How many apples does Tom have?";

/// Shape and values of each tensor, by name.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

const WIDTH: usize = 16;
const INNER: usize = 64;
const LAYERS: usize = 2;
const POSITIONS: usize = 128;
/// The first dimensions are flags: this token is a number, the end marker, the delimiter, the end token.
const FLAGS: usize = 4;
const SYMBOLS: [&str; 9] = ["=", "+", "-", "*", "/", ";", ":", "###", "\n"];
const MARKERS: [&str; 3] = ["<|bocot|>", "<|eocot|>", "<|latent|>"];
pub(crate) const NUMBERS: usize = 41;
const WORDS: &str = "Tom Ann Every He She has had have buys gives gets eats finds apples pears pens books How many much does \
                     more and each of the in now left are is a not True False or if then every gorpus bompus zorple \
                     brimmet . ? ,";

/// Returns the toy checkpoint of a seed.
#[must_use]
pub fn checkpoint(seed: u64) -> Checkpoint {
    checkpoint_with(seed, &|_| {})
}

/// Returns the toy checkpoint of a seed with its tensors edited.
///
/// # Panics
/// If an edited tensor's shape does not match its values.
#[must_use]
pub fn checkpoint_with(seed: u64, edit: &dyn Fn(&mut Tensors)) -> Checkpoint {
    let vocabulary = vocabulary();
    let mut tensors = tensors(seed, &vocabulary);
    edit(&mut tensors);
    let config = json!({
        "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": WIDTH, "n_head": 2, "n_layer": LAYERS,
        "n_positions": POSITIONS, "vocab_size": vocabulary.len(), "eos_token_id": 1,
        "undertone": {
            "family": "multimode-coconut", "n_latents": 4, "task": "math",
            "modes": ["latent", "direct", "written"], "phrase_decoder": "roll-out",
        },
    });
    let name = format!("tiny-{seed}");
    Checkpoint::from_parts(
        &name,
        config.to_string(),
        tokenizer(&vocabulary).to_string().into(),
        serialize(&tensors),
    )
}

/// Returns the toy vocabulary's tokenizer.json with more words and without latent markers, for checkpoints whose markers are
/// found by position.
pub(crate) fn tokenizer_json(words: &BTreeSet<String>) -> String {
    let mut vocabulary = vocabulary();
    vocabulary.truncate(vocabulary.len() - MARKERS.len());
    let new: Vec<String> = words
        .iter()
        .filter(|word| !vocabulary.contains(word))
        .cloned()
        .collect();
    vocabulary.extend(new);
    tokenizer(&vocabulary).to_string()
}

/// Returns the toy vocabulary, in order of id.
pub(crate) fn vocabulary() -> Vec<String> {
    let mut vocabulary: Vec<String> = ["<unk>", "<|endoftext|>"]
        .into_iter()
        .chain(SYMBOLS)
        .map(String::from)
        .collect();
    vocabulary.extend((0..NUMBERS).map(|n| n.to_string()));
    vocabulary.extend(WORDS.split_whitespace().map(String::from));
    vocabulary.extend(MARKERS.map(String::from));
    vocabulary
}

/// Returns a tokenizer.json as the trainer writes it, for this vocabulary.
pub(crate) fn tokenizer(vocabulary: &[String]) -> Value {
    let id_of = |word: &str| vocabulary.iter().position(|w| w == word);
    let added = |word: &str, special: bool| {
        json!({
            "id": id_of(word), "content": word, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": !special, "special": special,
        })
    };
    let markers = MARKERS.into_iter().filter(|m| id_of(m).is_some());
    let added: Vec<Value> = ["<unk>", "<|endoftext|>"]
        .into_iter()
        .map(|word| added(word, true))
        .chain(markers.map(|word| added(word, false)))
        .collect();
    let vocab: BTreeMap<&str, usize> = vocabulary
        .iter()
        .enumerate()
        .map(|(i, w)| (w.as_str(), i))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": added,
        "pre_tokenizer": {
            "type": "Split", "behavior": "Removed", "invert": true,
            "pattern": { "Regex": r"\d+|[A-Za-z]+|###|\n|[^\sA-Za-z\d]" },
        },
        "decoder": { "type": "WordPiece", "prefix": "@@", "cleanup": true },
        "model": { "type": "WordLevel", "unk_token": "<unk>", "vocab": vocab },
    })
}

fn tensors(seed: u64, vocabulary: &[String]) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Uniform with this standard deviation.
    let mut random = |n: usize, std: f32| -> Vec<f32> {
        (0..n)
            .map(|_| (rng.random::<f32>() - 0.5) * std * 12f32.sqrt())
            .collect()
    };
    let mut tensors = Tensors::new();
    let mut put = |name: &str, shape: &[usize], values: Vec<f32>| {
        tensors.insert(
            format!("base_causallm.transformer.{name}"),
            (shape.to_vec(), values),
        );
    };

    let mut table = random(vocabulary.len() * WIDTH, 0.4);
    for (word, row) in vocabulary.iter().zip(table.chunks_mut(WIDTH)) {
        let flag = match word.as_str() {
            w if w.bytes().all(|b| b.is_ascii_digit()) => Some(0),
            "<|eocot|>" => Some(1),
            "###" => Some(2),
            "<|endoftext|>" => Some(3),
            _ => None,
        };
        row[..FLAGS].fill(0.0);
        if let Some(flag) = flag {
            // Large enough to dominate after a layer norm.
            row[flag] = 8.0;
        }
    }
    put("wte.weight", &[vocabulary.len(), WIDTH], table);
    let mut places = random(POSITIONS * WIDTH, 0.1);
    unflag(&mut places);
    put("wpe.weight", &[POSITIONS, WIDTH], places);

    for layer in 0..LAYERS {
        let name = |part: &str| format!("h.{layer}.{part}");
        for norm in ["ln_1", "ln_2"] {
            put(&name(&format!("{norm}.weight")), &[WIDTH], vec![1.0; WIDTH]);
            put(&name(&format!("{norm}.bias")), &[WIDTH], vec![0.0; WIDTH]);
        }
        let mut input = random(WIDTH * 3 * WIDTH, 0.4);
        // Attention neither reads nor writes flags.
        input[..FLAGS * 3 * WIDTH].fill(0.0);
        put(&name("attn.c_attn.weight"), &[WIDTH, 3 * WIDTH], input);
        put(
            &name("attn.c_attn.bias"),
            &[3 * WIDTH],
            random(3 * WIDTH, 0.05),
        );
        let mut output = random(WIDTH * WIDTH, 0.25);
        unflag(&mut output);
        put(&name("attn.c_proj.weight"), &[WIDTH, WIDTH], output);
        put(&name("attn.c_proj.bias"), &[WIDTH], vec![0.0; WIDTH]);
        let mut inner = random(WIDTH * INNER, 0.15);
        let mut inner_bias = vec![0.0; INNER];
        let mut outer = random(INNER * WIDTH, 0.1);
        unflag(&mut outer);
        if layer + 1 == LAYERS {
            // Unit u reads flag `from` and raises flag `to`: end marker, delimiter, number, end token.
            for (unit, (from, to)) in [(1, 2), (2, 0), (0, 3)].into_iter().enumerate() {
                for row in 0..WIDTH {
                    inner[row * INNER + unit] = if row == from { 4.0 } else { 0.0 };
                }
                inner_bias[unit] = -4.0;
                let output = &mut outer[unit * WIDTH..(unit + 1) * WIDTH];
                output.fill(0.0);
                output[to] = 1.0;
                output[from] = -0.5;
            }
        }
        put(&name("mlp.c_fc.weight"), &[WIDTH, INNER], inner);
        put(&name("mlp.c_fc.bias"), &[INNER], inner_bias);
        put(&name("mlp.c_proj.weight"), &[INNER, WIDTH], outer);
        put(&name("mlp.c_proj.bias"), &[WIDTH], vec![0.0; WIDTH]);
    }
    put("ln_f.weight", &[WIDTH], vec![1.0; WIDTH]);
    put("ln_f.bias", &[WIDTH], vec![0.0; WIDTH]);
    tensors
}

/// Clears the flag dimensions of random values.
fn unflag(rows: &mut [f32]) {
    for row in rows.chunks_mut(WIDTH) {
        row[..FLAGS].fill(0.0);
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn tensors_of(seed: u64) -> Tensors {
    tensors(seed, &vocabulary())
}

pub(crate) fn serialize(tensors: &Tensors) -> Vec<u8> {
    let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            (
                name,
                shape,
                values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        let view = TensorView::new(Dtype::F32, (*shape).clone(), data)
            .expect("shape and values belong together");
        (name.as_str(), view)
    });
    safetensors::serialize(views, None).expect("tensors in memory can be written")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{question_branch, tiny_model};
    use super::super::{Cancel, Mode, Overrides};
    use super::*;

    #[test]
    fn it_answers_with_a_number_and_the_number_follows_from_the_latents() {
        let cancel = Cancel::new();
        let mut flips = 0;
        for seed in 0..8 {
            let model = tiny_model(seed);
            assert!(
                model
                    .prompt(QUESTION, Mode::Latent)
                    .expect("prompt")
                    .unknown
                    .is_empty()
            );
            let mut overrides = Overrides::none(2);
            for j in 1..=4 {
                overrides.set(
                    1,
                    crate::core::types::LatentIdx(j),
                    vec![0.0; model.width()],
                );
            }
            let rollout = model
                .rollout(&question_branch(&model), 4, &overrides, &cancel)
                .expect("rollout");
            let closed = model.close(rollout.last(), false, &cancel).expect("close");
            let out = model
                .generate(&closed, 6, &mut |_| {}, &cancel)
                .expect("generation");
            let values: Vec<_> = out
                .iter()
                .map(|g| model.extract_value(&g.ids).expect("decodes"))
                .collect();
            for (value, row) in values.iter().zip(&out) {
                assert!(
                    value.as_ref().is_some_and(|v| v.parse::<u32>().is_ok()),
                    "seed {seed}: {row:?}"
                );
                assert_eq!(row.stop, Some(1), "seed {seed}");
            }
            flips += usize::from(values[0] != values[1]);
        }
        assert!(flips >= 2, "{flips} of 8 answers depend on the latents");
    }
}
