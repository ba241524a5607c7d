//! A GPT-2 with hand-written weights: attention heads that look for marks, and MLP units that raise marks or output numbers.
//!
//! Two dimensions of every position hold a large constant. Everything else is small beside it, so the layer norms only scale, and
//! their weights undo that: heads and units see the plain sum of what was written. Every dimension is followed by its negative,
//! so means are zero.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::dim::{Dim, FED, NOISE};
use crate::engine::model::tiny::{self, NUMBERS, Tensors};
use crate::engine::model::{Checkpoint, Device, LoadOptions, Model, ModelError};

/// Width of a head: room for a value per number, and for marks.
const HEAD: usize = 48;
const HEADS: [usize; 2] = [6, 8];
const INNER: usize = 384;
const POSITIONS: usize = 64;
const LOUD: f32 = 4000.0;
/// Steepness of a unit, so that its `GELU` is close to a `ReLU`.
const STEEP: f32 = 20.0;
/// Closes a unit whose gate is absent: more than the largest number times the most terms that are added.
const SHUT: f32 = STEEP * 256.0;
/// Attention score of the target mark, before division by the root of the head's width, and of the start marker, the default
/// target of a head that finds nothing.
const LOOK: f32 = 17.0;
const REST: f32 = 12.0;
/// Scale that maps the largest value of [`Dim::Amount`] and the like to 1.
const UNIT: f32 = 40.0;

/// The source and target marks of a head; it looks from positions with all marks in `from`.
pub(super) struct Look {
    pub(super) from: Vec<Dim>,
    pub(super) to: Dim,
}

/// An attention head: copies the mean of the values it attends to, times a factor.
#[derive(Default)]
pub(super) struct Head {
    pub(super) looks: Vec<Look>,
    pub(super) copies: Vec<(Dim, Dim, f32)>,
}

/// A hidden unit of the MLP: GELU(inputs + bias) times the outputs.
struct Unit {
    inputs: Vec<(Dim, f32)>,
    bias: f32,
    outputs: Vec<(Dim, f32)>,
}

/// The description of a model.
pub(super) struct Circuit {
    /// Two blocks instead of one: the first attends, the second outputs.
    pub(super) large: bool,
    pub(super) latents: usize,
    /// Seed of the meaningless parts and of the misread numbers.
    pub(super) seed: u64,
    /// Share of numbers that the model reads as the next one.
    pub(super) misread: f64,
    heads: Vec<Head>,
    units: Vec<Unit>,
    /// Marks by position.
    places: Vec<(usize, Dim)>,
    /// Values of words in [`Dim::Memo`].
    memos: Vec<(String, f32)>,
}

impl Circuit {
    /// A model that does not use its latents yet: after the end marker it outputs the delimiter, a number, and the end.
    pub(super) fn new(large: bool, latents: usize, seed: u64) -> Self {
        let mut circuit = Self {
            large,
            latents,
            seed,
            misread: 0.0,
            heads: Vec::new(),
            units: Vec::new(),
            places: Vec::new(),
            memos: Vec::new(),
        };
        circuit.raises(Dim::End, Dim::Delimiter, 1.0);
        circuit.raises(Dim::Delimiter, Dim::Number, 1.0);
        // The answer is still in the state, so the end must be louder.
        circuit.raises(Dim::Number, Dim::Stop, 3.0);
        for n in 0..latents {
            let before = n.checked_sub(1).map_or(Dim::Start, Dim::Latent);
            circuit.raises(before, Dim::Latent(n), 1.0);
        }
        circuit
    }

    pub(super) fn head(&mut self, head: Head) {
        self.heads.push(head);
    }

    pub(super) fn place(&mut self, position: usize, mark: Dim) {
        self.places.push((position, mark));
    }

    /// Assigns a value to a word.
    pub(super) fn memo(&mut self, word: &str, value: usize) {
        self.memos.push((word.to_owned(), fraction(value)));
    }

    /// Removes a mark and raises another one at its positions.
    fn raises(&mut self, from: Dim, to: Dim, by: f32) {
        self.units.push(Unit {
            inputs: vec![(from, STEEP / from.size())],
            bias: -STEEP / 2.0,
            outputs: vec![(to, 2.0 * by / STEEP), (from, -2.0 * from.size() / STEEP)],
        });
    }

    /// Outputs the number of the weighted inputs plus `shift`, with loudness `loud`, at positions with a mark.
    ///
    /// Each number has a hat function: up from the previous one, down to the next.
    pub(super) fn says(&mut self, gate: Dim, inputs: &[(Dim, f32)], loud: f32, shift: usize) {
        for knee in 0..NUMBERS + 2 {
            // The knee of unit k is at the number k - 1.
            let mut wired: Vec<(Dim, f32)> = inputs.iter().map(|(d, w)| (*d, w * STEEP)).collect();
            wired.push((gate, SHUT / gate.size()));
            let slopes = [
                (knee, 1.0),
                (knee.wrapping_sub(1), -2.0),
                (knee.wrapping_sub(2), 1.0),
            ];
            let outputs = slopes.into_iter().filter(|(n, _)| *n < NUMBERS);
            let outputs = outputs.filter_map(|(n, slope)| {
                let number = n + shift;
                (number < NUMBERS).then_some((Dim::Say(number), slope * loud / STEEP))
            });
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let at = knee as f32 - 1.0;
            self.units.push(Unit {
                inputs: wired,
                bias: -SHUT - STEEP * at,
                outputs: outputs.collect(),
            });
        }
    }

    /// Adds noise to the latents' output: a head that reads the words' random directions into the latents.
    pub(super) fn noise(&mut self, loud: f32) {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed ^ 0x5eed);
        let mut head = Head::default();
        for n in 0..self.latents {
            let from = n.checked_sub(1).map_or(Dim::Start, Dim::Latent);
            for to in [Dim::Name, Dim::Thing] {
                head.looks.push(Look {
                    from: vec![from],
                    to,
                });
            }
        }
        let value: Vec<f32> = (0..NUMBERS).map(fraction).collect();
        let square: f32 = value.iter().map(|v| v * v).sum();
        for from in 0..NOISE {
            let mut row: Vec<f32> = value
                .iter()
                .map(|_| (dice.random::<f32>() - 0.5) * loud)
                .collect();
            // The next latent reads an amount from the whole output, so this must add none.
            let along = row.iter().zip(&value).map(|(x, v)| x * v).sum::<f32>() / square;
            for (to, (x, v)) in row.iter_mut().zip(&value).enumerate() {
                *x -= along * v;
                head.copies.push((Dim::Noise(from), Dim::Say(to), *x));
            }
        }
        self.heads.push(head);
    }

    fn heads(&self) -> usize {
        HEADS[usize::from(self.large)]
    }

    fn width(&self) -> usize {
        self.heads() * HEAD
    }

    /// Returns the files of the checkpoint, by name.
    pub(super) fn files(&self) -> [(&'static str, Vec<u8>); 3] {
        let vocabulary = tiny::vocabulary();
        let config = json!({
            "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": self.width(), "n_head": self.heads(),
            "n_layer": self.blocks(), "n_inner": INNER, "n_positions": POSITIONS, "vocab_size": vocabulary.len(),
            "eos_token_id": 1,
            "undertone": {
                "family": "multimode-coconut", "n_latents": self.latents, "task": "math",
                "modes": ["latent"], "phrase_decoder": "roll-out",
            },
        });
        let tokenizer = tiny::tokenizer(&vocabulary);
        [
            ("config.json", config.to_string().into_bytes()),
            ("tokenizer.json", tokenizer.to_string().into_bytes()),
            (
                "model.safetensors",
                tiny::serialize(&self.tensors(&vocabulary)),
            ),
        ]
    }

    /// Loads the model like any other checkpoint.
    pub(super) fn model(&self, name: &str) -> Result<Model, ModelError> {
        let [(_, config), (_, tokenizer), (_, weights)] = self.files();
        let config = String::from_utf8_lossy(&config).into_owned();
        let checkpoint = Checkpoint::from_parts(name, config, tokenizer, weights);
        Model::load(
            &checkpoint,
            &LoadOptions::default(),
            &Device::Cpu,
            &mut |_| (),
        )
    }

    fn blocks(&self) -> usize {
        1 + usize::from(self.large)
    }

    fn tensors(&self, vocabulary: &[String]) -> Tensors {
        let width = self.width();
        let mut tensors = Tensors::new();
        let mut put = |name: &str, shape: &[usize], values: Vec<f32>| {
            let name = format!("base_causallm.transformer.{name}");
            tensors.insert(name, (shape.to_vec(), values));
        };
        put(
            "wte.weight",
            &[vocabulary.len(), width],
            self.table(vocabulary),
        );
        let mut places = vec![0.0; POSITIONS * width];
        for (at, row) in places.chunks_mut(width).enumerate() {
            set(row, Dim::Loud, LOUD);
            for (_, mark) in self.places.iter().filter(|(place, _)| *place == at) {
                set(row, *mark, 1.0);
            }
        }
        put("wpe.weight", &[POSITIONS, width], places);
        let (last, nothing) = (
            self.blocks() - 1,
            Self::new(self.large, 0, 0).without_units(),
        );
        for block in 0..=last {
            let name = |part: &str| format!("h.{block}.{part}");
            for norm in ["ln_1", "ln_2"] {
                put(
                    &name(&format!("{norm}.weight")),
                    &[width],
                    vec![self.scale(); width],
                );
                put(&name(&format!("{norm}.bias")), &[width], vec![0.0; width]);
            }
            let attends = if block == 0 { self } else { &nothing };
            let (input, bias, output) = attends.attention();
            put(&name("attn.c_attn.weight"), &[width, 3 * width], input);
            put(&name("attn.c_attn.bias"), &[3 * width], bias);
            put(&name("attn.c_proj.weight"), &[width, width], output);
            put(&name("attn.c_proj.bias"), &[width], vec![0.0; width]);
            let speaks = if block == last { self } else { &nothing };
            let (inner, bias, outer) = speaks.mlp();
            put(&name("mlp.c_fc.weight"), &[width, INNER], inner);
            put(&name("mlp.c_fc.bias"), &[INNER], bias);
            put(&name("mlp.c_proj.weight"), &[INNER, width], outer);
            put(&name("mlp.c_proj.bias"), &[width], vec![0.0; width]);
        }
        // The parts that are output or fed back; everything else stays in its dimensions.
        let mut kept = vec![0.0; width];
        let marks = [
            Dim::Start,
            Dim::End,
            Dim::Delimiter,
            Dim::Stop,
            Dim::Number,
            Dim::Hidden,
        ];
        let marks = marks.into_iter().chain((0..self.latents).map(Dim::Latent));
        for dim in marks.chain((0..NUMBERS).map(Dim::Say)) {
            kept[dim.at()..dim.at() + 2].fill(FED * self.scale());
        }
        put("ln_f.weight", &[width], kept);
        put("ln_f.bias", &[width], vec![0.0; width]);
        tensors
    }

    fn without_units(mut self) -> Self {
        self.units.clear();
        self
    }

    /// The root mean square of a position that the constant alone gives.
    fn scale(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "a width")]
        let width = self.width() as f32;
        LOUD * (2.0 / width).sqrt()
    }

    fn table(&self, vocabulary: &[String]) -> Vec<f32> {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        let mut table = vec![0.0; vocabulary.len() * self.width()];
        for (word, row) in vocabulary.iter().zip(table.chunks_mut(self.width())) {
            let mark = match word.as_str() {
                "<|bocot|>" => Some(Dim::Start),
                "<|eocot|>" => Some(Dim::End),
                "###" => Some(Dim::Delimiter),
                "<|endoftext|>" => Some(Dim::Stop),
                _ => None,
            };
            if let Some(mark) = mark {
                set(row, mark, 1.0);
            } else if let Ok(value) = word.parse::<usize>() {
                let is_misread = dice.random_bool(self.misread);
                set(row, Dim::Number, 1.0);
                set(row, Dim::Amount, fraction(value + usize::from(is_misread)));
                set(row, Dim::Say(value), 1.0);
            } else {
                for n in 0..NOISE {
                    set(row, Dim::Noise(n), dice.random::<f32>() - 0.5);
                }
            }
            if let Some((_, value)) = self.memos.iter().find(|(memo, _)| memo == word) {
                set(row, Dim::Memo, *value);
            }
        }
        table
    }

    /// Weights and biases of queries, keys and values, and the output weights of the heads.
    fn attention(&self) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let width = self.width();
        let mut input = vec![0.0; width * 3 * width];
        let mut bias = vec![0.0; 3 * width];
        let mut output = vec![0.0; width * width];
        assert!(
            self.heads.len() <= self.heads(),
            "{} heads",
            self.heads.len()
        );
        let (query, key, value) = (0, 1, 2);
        for head in 0..self.heads() {
            let slot = |block: usize, slot: usize| block * width + head * HEAD + slot;
            let mut wire = |block, from: Dim, to, weight: f32| {
                input[from.at() * 3 * width + slot(block, to)] += weight;
            };
            bias[slot(query, 0)] = REST;
            wire(key, Dim::Start, 0, REST);
            let Some(head) = self.heads.get(head) else {
                continue;
            };
            // Each set of source marks has a slot, which its targets share.
            let mut sides: Vec<&[Dim]> = Vec::new();
            for look in &head.looks {
                let side = sides.iter().position(|from| *from == look.from);
                let at = 1 + side.unwrap_or_else(|| {
                    sides.push(&look.from);
                    for mark in &look.from {
                        wire(query, *mark, sides.len(), LOOK / mark.size());
                    }
                    sides.len() - 1
                });
                wire(key, look.to, at, LOOK / look.to.size());
            }
            for (at, from) in sides.iter().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "a mark or two")]
                let missing = (from.len() - 1) as f32;
                bias[slot(query, at + 1)] = -LOOK * missing;
            }
            let mut read: Vec<Dim> = Vec::new();
            for (from, to, by) in &head.copies {
                let at = read.iter().position(|dim| dim == from).unwrap_or_else(|| {
                    read.push(*from);
                    read.len() - 1
                });
                input[from.at() * 3 * width + slot(value, at)] = 1.0;
                let row = slot(0, at) * width;
                output[row + to.at()] += by;
                output[row + to.at() + 1] -= by;
            }
        }
        (input, bias, output)
    }

    /// Weights and biases into the hidden units, and the weights out of them.
    fn mlp(&self) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let width = self.width();
        assert!(self.units.len() <= INNER, "{} units", self.units.len());
        let mut inner = vec![0.0; width * INNER];
        let mut bias = vec![0.0; INNER];
        let mut outer = vec![0.0; INNER * width];
        for (at, unit) in self.units.iter().enumerate() {
            for (from, weight) in &unit.inputs {
                inner[from.at() * INNER + at] += weight;
            }
            bias[at] = unit.bias;
            for (to, weight) in &unit.outputs {
                outer[at * width + to.at()] += weight;
                outer[at * width + to.at() + 1] -= weight;
            }
        }
        (inner, bias, outer)
    }
}

/// Sets a value and its negative.
fn set(row: &mut [f32], dim: Dim, value: f32) {
    row[dim.at()] = value;
    row[dim.at() + 1] = -value;
}

/// A number as stored in [`Dim::Amount`].
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn fraction(value: usize) -> f32 {
    value as f32 / UNIT
}

/// The sum of `terms` amounts, of which a head copied the mean, as the input of [`Circuit::says`].
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn sum_of(terms: usize) -> (Dim, f32) {
    (Dim::Sum, UNIT * terms as f32)
}

/// Like [`sum_of`], for an amount that is already a sum.
pub(super) fn whole(dim: Dim) -> (Dim, f32) {
    (dim, UNIT)
}

/// The copies by which a latent reads the output that it was fed: its marks are erased and become one amount.
pub(super) fn previous_output() -> Vec<(Dim, Dim, f32)> {
    let erased = (0..NUMBERS).map(|n| (Dim::Say(n), Dim::Say(n), -1.0));
    let amount = (0..NUMBERS).map(|n| (Dim::Say(n), Dim::Before, fraction(n) / FED));
    erased.chain(amount).collect()
}
