//! Unread keys of config.json: those that may change the computation are rejected.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::engine::model::source::foreign_file;

/// Keys that transformers writes for GPT-2 and Llama and that have no effect here: training, generation, unused heads, and keys
/// that each configuration checks itself.
const HARMLESS: &str = "activation_function add_cross_attention n_positions attention_bias attention_dropout attn_implementation \
    attn_pdrop cross_attention_hidden_size embd_pdrop encoder_no_repeat_ngram_size exponential_decay_length_penalty \
    forced_bos_token_id forced_eos_token_id head_dim hidden_act layer_norm_epsilon max_position_embeddings mlp_bias n_head \
    n_layer num_attention_heads num_beam_groups num_hidden_layers num_key_value_heads output_attentions reorder_and_upcast_attn \
    resid_pdrop rms_norm_eps rope_parameters rope_scaling rope_theta scale_attn_by_inverse_layer_idx scale_attn_weights \
    summary_activation summary_first_dropout temperature tie_word_embeddings";

/// Words in names that suggest a change to the computation.
const TELLING: &str = "act activation rmsnorm qknorm softmax swiglu mrope ntk mup causal bits 4bit 8bit pos position positional \
    sliding compression alibi attention attn bias cap chunk clip embedding expert factor gate head interleave layer logit mlp \
    moe multiplier norm parallel quantization residual rope rotary scalar scale scaling shift softcap temperature theta window";

/// Words for parts of every GPT-2 and Llama: `use_rope: false` disables one, while `use_qk_norm: false` has no effect.
const NEEDED: &str = "affine attention attn causal embedding emb gate gated gelu layernorm mask mlp norm pos position positional \
    residual rms rmsnorm rope rotary silu swiglu";
/// Words that only mean use.
const FILLERS: &str = "use uses is apply enable with elementwise";

/// Returns whether a key names only parts that the model needs.
fn names_needed_parts(plain: &str) -> bool {
    let is_in = |list: &str, word: &str| {
        let singular = word.strip_suffix('s');
        list.split_whitespace()
            .any(|item| item == word || Some(item) == singular)
    };
    let mut words = plain
        .split(['_', '-', '.'])
        .filter(|word| !is_in(FILLERS, word))
        .peekable();
    words.peek().is_some() && words.all(|word| is_in(NEEDED, word))
}

/// Rejects unknown keys whose names suggest a change to the computation. `null`, `false` and empty values count as off and are
/// accepted, unless they disable a part of every model of this kind.
pub(super) fn check(config: &Map<String, Value>) -> Result<(), String> {
    let is_off = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    for (key, value) in config {
        let name = key.to_lowercase();
        let plain = name.trim_start_matches('_');
        let is_all_full = |value: &Value| {
            let mut layers = value.as_array().into_iter().flatten();
            layers.all(|layer| layer.as_str() == Some("full_attention"))
        };
        let is_harmless = HARMLESS.split_whitespace().any(|key| key == plain)
            || plain.starts_with("attn_implementation")
            || plain.contains("dropout")
            || plain == "chunk_size_feed_forward" && value.as_u64() == Some(0)
            || plain == "partial_rotary_factor" && value.as_f64() == Some(1.0)
            || plain == "layer_types" && is_all_full(value)
            // The window applies only if it is switched on.
            || plain == "max_window_layers"
            || plain == "sliding_window" && config.get("use_sliding_window") == Some(&Value::Bool(false));
        let words = || plain.split(['_', '-', '.']);
        let tells = words().any(|word| {
            TELLING.split_whitespace().any(|telling| {
                word == telling
                    || word.strip_suffix('s') == Some(telling)
                    || telling.len() > 4 && word.contains(telling)
            })
        });
        let switches_off = *value == Value::Bool(false) && names_needed_parts(plain);
        if (switches_off || tells && !is_off(value)) && !is_harmless {
            return Err(format!(
                "unknown key {key:?}: its name suggests that it changes the computation. Remove it if it has no effect; otherwise the model is \
                 not supported"
            ));
        }
    }
    Ok(())
}

/// A JSON value in which no object has a key twice: readers differ in which one they take.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Seen;

        impl<'de> Visitor<'de> for Seen {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
                Ok(truth.into())
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(number.into())
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(number.into())
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(number.into())
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(text.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(Unique(item)) = list.next_element()? {
                    items.push(item);
                }
                Ok(items.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut fields = Map::new();
                while let Some((key, Unique(value))) = map.next_entry::<String, Unique>()? {
                    if fields.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("key {key:?} is duplicated")));
                    }
                }
                Ok(fields.into())
            }
        }

        parser.deserialize_any(Seen).map(Self)
    }
}

/// Parses the text of a config.json as an object.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    if let Some(what) = foreign_file(text.as_bytes()).filter(|_| !text.trim().is_empty()) {
        return Err(format!("config.json: {what}"));
    }
    let config: Unique = serde_json::from_str(text).map_err(|error| {
        let word = ["NaN", "Infinity"]
            .into_iter()
            .find(|word| text.contains(word));
        let why = word.map_or_else(
            || error.to_string(),
            |word| format!("it holds {word}, which is not a JSON number ({error})"),
        );
        format!("config.json: {why}")
    })?;
    match config.0 {
        Value::Object(fields) => Ok(fields),
        _ => Err("config.json: it is not an object".to_owned()),
    }
}

/// Reads the fields of a config.json; the error names the field.
pub(super) fn read<T: DeserializeOwned>(config: Map<String, Value>) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::Object(config)).map_err(|error| {
        let field = error.path().to_string();
        let why = error.into_inner();
        if field == "." {
            format!("config.json: {why}")
        } else {
            format!("config.json: {field}: {why}")
        }
    })
}

/// Returns the configuration with every field under its primary name; rejects a field with two names and two values.
pub(super) fn without_aliases(
    config: &Map<String, Value>,
    aliases: &[(&str, &str)],
) -> Result<Map<String, Value>, String> {
    let mut plain = config.clone();
    for (alias, name) in aliases {
        let Some(value) = config.get(*alias).filter(|value| !value.is_null()) else {
            continue;
        };
        match config.get(*name).filter(|value| !value.is_null()) {
            Some(primary) if primary != value => {
                return Err(format!(
                    "{name} is {primary} and {alias}, another name of it, is {value}"
                ));
            }
            _ => plain.insert((*name).to_owned(), value.clone()),
        };
    }
    Ok(plain)
}

/// One token or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a token's number or a list of them")]
pub(super) enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Ids {
    /// Returns the tokens as a list.
    pub(super) fn into_list(self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![id],
            Self::Many(ids) => ids,
        }
    }
}

/// The keys of the `undertone` object, which a meta.json may have too.
const HINTS: [&str; 8] = [
    "family",
    "n_latents",
    "num_latents",
    "task",
    "modes",
    "phrase_decoder",
    "step_order",
    "lora_alpha",
];

/// Rejects unknown keys in the `undertone` object: after a typo, the default would silently apply.
pub(super) fn check_hints(config: &Map<String, Value>) -> Result<(), String> {
    let hints = config.get("undertone").and_then(Value::as_object);
    let unknown = hints.and_then(|hints| hints.keys().find(|key| !HINTS.contains(&key.as_str())));
    unknown.map_or(Ok(()), |key| {
        Err(format!(
            "\"undertone\" has the unknown key {key:?}; it may have {}",
            HINTS.join(", ")
        ))
    })
}

/// Rejects keys of a meta.json that are misspelt; published ones have other keys besides.
pub(super) fn check_meta(meta: &str) -> Result<(), String> {
    let Unique(meta) = serde_json::from_str(meta).map_err(|e| format!("meta.json: {e}"))?;
    let keys = meta.as_object().into_iter().flat_map(Map::keys);
    for key in keys.filter(|key| !HINTS.contains(&key.as_str())) {
        let is_typo = |hint: &&&str| {
            let (short, long) = if key.len() < hint.len() {
                (key.as_str(), **hint)
            } else {
                (**hint, key.as_str())
            };
            long.len() - short.len() <= 1 && is_within_one_edit(short, long)
        };
        // "model" is not a misspelt "modes".
        let mut long = HINTS.iter().filter(|hint| hint.len() > 5);
        if let Some(hint) = long.find(is_typo) {
            return Err(format!(
                "meta.json has the key {key:?}, which looks like {hint}: rename or remove it"
            ));
        }
    }
    Ok(())
}

/// Returns whether one replaced, added or removed character separates two texts, of which the first is not the longer one.
fn is_within_one_edit(short: &str, long: &str) -> bool {
    let same = short
        .bytes()
        .zip(long.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let skipped = usize::from(short.len() == long.len());
    short.as_bytes().get(same + skipped..) == long.as_bytes().get(same + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(field: &str) -> Result<(), String> {
        check(&serde_json::from_str(&format!("{{{field}}}")).expect(field))
    }

    #[test]
    fn keys_that_change_numbers_are_refused_and_others_are_not() {
        for field in [
            r#""attention_multiplier":0.5"#,
            r#""logits_scaling":8"#,
            r#""logit_scale":0.06"#,
            r#""final_logit_softcapping":30.0"#,
            r#""query_pre_attn_scalar":256"#,
            r#""sliding_window":4096"#,
            r#""partial_rotary_factor":0.5"#,
            r#""use_qk_norm":true"#,
            r#""num_local_experts":8"#,
            r#""layer_types":["full_attention","sliding_attention"]"#,
            r#""no_rope_layers":[1,0]"#,
            r#""quantization_config":{"bits":4}"#,
            r#""residual_multiplier":0.2"#,
            r#""embedding_multiplier":12"#,
            r#""use_rope":false"#,
            r#""is_causal":false"#,
            r#""elementwise_affine":false"#,
            r#""use_position_embeddings":false"#,
        ] {
            assert!(check_one(field).is_err(), "{field}");
        }
        for field in [
            r#""sliding_window":null"#,
            r#""use_qk_norm":false"#,
            r#""parallel_attn":false,"rope_interleaved":false,"use_cache":false,"output_attentions":false"#,
            r#""sliding_window":4096,"use_sliding_window":false,"max_window_layers":28"#,
            r#""layer_types":["full_attention","full_attention"]"#,
            r#""_attn_implementation_autoset":true"#,
            r#""my_note":"a fine model""#,
            r#""num_latents":6"#,
            r#""chunk_size_feed_forward":0"#,
            r#""summary_first_dropout":0.1"#,
            r#""pruned_heads":{}"#,
            r#""architectures":["GPT2LMHeadModel"]"#,
            r#""transformers_version":"5.0.0","dtype":"bfloat16","pretraining_tp":1"#,
            r#""character":"x","capital":"y""#,
        ] {
            assert_eq!(check_one(field), Ok(()), "{field}");
        }
    }
}
