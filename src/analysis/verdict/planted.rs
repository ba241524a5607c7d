//! Models whose circuit is written by hand, so that what is true of them is known: they add the two numbers of a question.
//!
//! A number token says its value as an angle, twice: once to be added (angle per unit `STEP`) and once to be spoken (half of
//! that), because the sum of two unit vectors points at the mean of their angles. Attention at the start marker sums what
//! the question says, which is the latent; attention at the delimiter fetches the answer. One block, no positions, every vector
//! with its negative beside it, so that the layer norms only scale. What is fetched, and from where, is what differs:
//!
//! - [`Plant::Uses`] fetches the latent's spoken value, and nothing else.
//! - [`Plant::Ignores`] fetches the sum from the question again; the latent says the same, and nothing reads it.
//! - [`Plant::Decoy`] fetches a sum that the latent carries unspoken; what it speaks is always the same number.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::model::tiny::{self, Tensors};
use crate::model::{Checkpoint, Device, LoadOptions, Model};

/// What the answer is fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plant {
    Uses,
    Ignores,
    /// The number that the latent always speaks.
    Decoy(u32),
}

const WIDTH: usize = 48;
const HEAD: usize = WIDTH / 2;
const INNER: usize = 4 * WIDTH;
/// Angle of one unit, as it is added; 40 of them stay below half a turn when spoken.
const STEP: f32 = std::f32::consts::PI / 24.0;

/// Dimensions, each followed by its negative.
#[derive(Clone, Copy)]
enum Dim {
    Number = 0,
    End = 2,
    Delimiter = 4,
    Stop = 6,
    Start = 8,
    /// Marks the latent; no token has it.
    Latent = 10,
    AddCos = 12,
    AddSin = 14,
    SayCos = 16,
    SaySin = 18,
    /// A value that no token has, so that nothing of it is spoken.
    HideCos = 20,
    HideSin = 22,
    /// The first of those that mean nothing.
    Noise = 24,
}

/// The model of a plant; `seed` draws what does not matter.
pub(super) fn model(plant: Plant, seed: u64) -> Model {
    let vocabulary = tiny::vocabulary();
    let tensors = tensors(plant, seed, &vocabulary);
    let config = json!({
        "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": WIDTH, "n_head": 2, "n_layer": 1,
        "n_positions": 64, "vocab_size": vocabulary.len(), "eos_token_id": 1,
        "undertone": {
            "family": "multimode-coconut", "n_latents": 1, "task": "math",
            "modes": ["latent"], "phrase_decoder": "roll-out",
        },
    });
    let checkpoint = Checkpoint::from_parts(
        &format!("planted-{seed}"),
        config.to_string(),
        tiny::tokenizer(&vocabulary).to_string().into(),
        tiny::serialize(&tensors),
    );
    Model::load(
        &checkpoint,
        &LoadOptions::default(),
        &Device::Cpu,
        &mut |_| (),
    )
    .expect("the planted model loads")
}

fn tensors(plant: Plant, seed: u64, vocabulary: &[String]) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tensors = Tensors::new();
    let mut put = |name: &str, shape: &[usize], values: Vec<f32>| {
        let name = format!("base_causallm.transformer.{name}");
        tensors.insert(name, (shape.to_vec(), values));
    };
    let mut table = vec![0.0; vocabulary.len() * WIDTH];
    for (word, row) in vocabulary.iter().zip(table.chunks_mut(WIDTH)) {
        embed(word, row, &mut rng);
    }
    put("wte.weight", &[vocabulary.len(), WIDTH], table);
    put("wpe.weight", &[64, WIDTH], vec![0.0; 64 * WIDTH]);
    for norm in ["h.0.ln_1", "h.0.ln_2", "ln_f"] {
        put(&format!("{norm}.weight"), &[WIDTH], vec![1.0; WIDTH]);
        put(&format!("{norm}.bias"), &[WIDTH], vec![0.0; WIDTH]);
    }
    let (attention, bias, output) = attention(plant);
    put("h.0.attn.c_attn.weight", &[WIDTH, 3 * WIDTH], attention);
    put("h.0.attn.c_attn.bias", &[3 * WIDTH], bias);
    put("h.0.attn.c_proj.weight", &[WIDTH, WIDTH], output);
    put("h.0.attn.c_proj.bias", &[WIDTH], vec![0.0; WIDTH]);
    let (inner, bias, outer) = flags(plant);
    put("h.0.mlp.c_fc.weight", &[WIDTH, INNER], inner);
    put("h.0.mlp.c_fc.bias", &[INNER], bias);
    put("h.0.mlp.c_proj.weight", &[INNER, WIDTH], outer);
    put("h.0.mlp.c_proj.bias", &[WIDTH], vec![0.0; WIDTH]);
    tensors
}

/// Sets a value and its negative.
fn set(row: &mut [f32], dim: Dim, value: f32) {
    row[dim as usize] = value;
    row[dim as usize + 1] = -value;
}

fn embed(word: &str, row: &mut [f32], rng: &mut ChaCha8Rng) {
    let flag = match word {
        "<|bocot|>" => Some(Dim::Start),
        "<|eocot|>" => Some(Dim::End),
        "###" => Some(Dim::Delimiter),
        "<|endoftext|>" => Some(Dim::Stop),
        _ => None,
    };
    if let Some(flag) = flag {
        set(row, flag, 8.0);
    } else if let Ok(value) = word.parse::<u16>() {
        let angle = STEP * f32::from(value);
        set(row, Dim::Number, 8.0);
        set(row, Dim::AddCos, angle.cos());
        set(row, Dim::AddSin, angle.sin());
        set(row, Dim::SayCos, (angle / 2.0).cos());
        set(row, Dim::SaySin, (angle / 2.0).sin());
    } else {
        for at in (Dim::Noise as usize..WIDTH).step_by(2) {
            row[at] = rng.random::<f32>() - 0.5;
            row[at + 1] = -row[at];
        }
    }
}

/// Where a head looks that looks for nothing: the start marker, which says nothing, instead of everywhere.
const REST: usize = 1;

/// Two heads: one sums the question's numbers where latents are made, one fetches the answer at the delimiter.
fn attention(plant: Plant) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let mut input = vec![0.0; WIDTH * 3 * WIDTH];
    let mut output = vec![0.0; WIDTH * WIDTH];
    let mut wire = |head: usize, block: usize, from: Dim, to: usize, weight: f32| {
        input[from as usize * 3 * WIDTH + block * WIDTH + head * HEAD + to] = weight;
    };
    let (query, key, value) = (0, 1, 2);
    let mut bias = vec![0.0; 3 * WIDTH];
    for head in 0..2 {
        bias[query * WIDTH + head * HEAD + REST] = 10.0;
        wire(head, key, Dim::Start, REST, 20.0);
    }
    wire(0, query, Dim::Start, 0, 20.0);
    wire(0, key, Dim::Number, 0, 20.0);
    wire(0, value, Dim::AddCos, 0, 4.0);
    wire(0, value, Dim::AddSin, 1, 4.0);
    wire(1, query, Dim::Delimiter, 0, 20.0);
    let (cos, sin) = match plant {
        Plant::Uses => (Dim::SayCos, Dim::SaySin),
        Plant::Ignores => (Dim::AddCos, Dim::AddSin),
        Plant::Decoy(_) => (Dim::HideCos, Dim::HideSin),
    };
    if plant == Plant::Ignores {
        wire(1, key, Dim::Number, 0, 20.0);
        // The latent says a number too, but is none of the question's.
        wire(1, key, Dim::Latent, 0, -60.0);
    } else {
        wire(1, key, Dim::Latent, 0, 20.0);
    }
    wire(1, value, cos, 0, 4.0);
    wire(1, value, sin, 1, 4.0);
    let mut write = |head: usize, from: usize, to: Dim| {
        let row = head * HEAD + from;
        output[row * WIDTH + to as usize] = 1.0;
        output[row * WIDTH + to as usize + 1] = -1.0;
    };
    let (cos, sin) = match plant {
        Plant::Decoy(_) => (Dim::HideCos, Dim::HideSin),
        _ => (Dim::SayCos, Dim::SaySin),
    };
    write(0, 0, cos);
    write(0, 1, sin);
    write(1, 0, Dim::SayCos);
    write(1, 1, Dim::SaySin);
    (input, bias, output)
}

/// Flags raise flags: end marker, delimiter, a number, the end; and the start marker makes a latent, which says a number.
fn flags(plant: Plant) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let mut inner = vec![0.0; WIDTH * INNER];
    let mut outer = vec![0.0; INNER * WIDTH];
    let steps = [
        (Dim::End, Dim::Delimiter),
        (Dim::Delimiter, Dim::Number),
        (Dim::Number, Dim::Stop),
        (Dim::Start, Dim::Number),
    ];
    for (unit, (from, to)) in steps.into_iter().enumerate() {
        inner[from as usize * INNER + unit] = 4.0;
        let row = &mut outer[unit * WIDTH..(unit + 1) * WIDTH];
        set(row, to, 1.0);
        set(row, from, -0.5);
        if matches!(from, Dim::Start) {
            set(row, Dim::Latent, 1.0);
            if let Plant::Decoy(says) = plant {
                #[expect(clippy::cast_precision_loss, reason = "a small number")]
                let angle = STEP * says as f32 / 2.0;
                set(row, Dim::SayCos, angle.cos());
                set(row, Dim::SaySin, angle.sin());
            }
        }
    }
    (inner, vec![-4.0; INNER], outer)
}
