//! Damages JSON but keeps it JSON: replaces, drops, moves, wraps and imports values.

use rand::Rng;
use serde_json::{Number, Value, json};

use super::Dice;
use super::mutate::{damage, odd_number};

/// Returns a damaged text of one of the seeds; one in five is also damaged as bytes.
pub(super) fn text(dice: &mut Dice, seeds: &[Value]) -> String {
    let mut value = seeds[dice.random_range(0..seeds.len())].clone();
    for _ in 0..dice.random_range(1..=4) {
        let other = &seeds[dice.random_range(0..seeds.len())];
        let borrowed = inside(dice, other).clone();
        let at = inside_mut(dice, &mut value);
        change(dice, at, borrowed);
    }
    let text = value.to_string();
    if dice.random_range(0..5) > 0 {
        return text;
    }
    let mut bytes = text.into_bytes();
    let copy = [bytes.clone()];
    damage(dice, &mut bytes, &copy);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn change(dice: &mut Dice, at: &mut Value, borrowed: Value) {
    match (dice.random_range(0..8), &mut *at) {
        (0, Value::Object(map)) if !map.is_empty() => {
            let key = dice.random_range(0..map.len());
            let key = map.keys().nth(key).cloned().unwrap_or_default();
            map.remove(&key);
        }
        (0, Value::Array(list)) if !list.is_empty() => {
            list.remove(dice.random_range(0..list.len()));
        }
        (1, Value::Object(map)) if !map.is_empty() => {
            let (from, to) = (
                dice.random_range(0..map.len()),
                dice.random_range(0..map.len()),
            );
            let value = map.values().nth(from).cloned().unwrap_or_default();
            if let Some(over) = map.values_mut().nth(to) {
                *over = value;
            }
        }
        (1, Value::Array(list)) if !list.is_empty() => {
            let copy = list[dice.random_range(0..list.len())].clone();
            list.insert(dice.random_range(0..=list.len()), copy);
        }
        (2, Value::Object(map)) => {
            let key = word(dice);
            map.insert(key, borrowed);
        }
        (3, _) => {
            let whole = at.take();
            *at = if dice.random() {
                json!([whole])
            } else {
                json!({ word(dice): whole })
            };
        }
        (4, _) => *at = borrowed,
        (5, Value::String(text)) => {
            let end = text.floor_char_boundary(dice.random_range(0..=text.len()));
            if dice.random() {
                text.truncate(end);
            } else {
                text.insert_str(end, &word(dice));
            }
        }
        (_, Value::Number(_)) => *at = number(dice),
        // Replacing a whole object would leave little to read.
        (_, Value::Object(map)) if map.len() > 2 => {}
        _ => *at = leaf(dice),
    }
}

fn number(dice: &mut Dice) -> Value {
    let n = odd_number(dice);
    match dice.random_range(0..6) {
        0 => json!(n.cast_signed()),
        1 => json!(-1.5),
        2 => Number::from_f64([1e308, -1e308, 1e-320, 0.0, -0.0, 3.5e38][dice.random_range(0..6)])
            .map_or(Value::Null, Value::Number),
        _ => json!(n),
    }
}

fn leaf(dice: &mut Dice) -> Value {
    match dice.random_range(0..7) {
        0 => Value::Null,
        1 => json!(dice.random::<bool>()),
        2 => json!([]),
        3 => json!({}),
        4 => json!(word(dice)),
        _ => number(dice),
    }
}

/// Returns a word that may trip a field, pattern or error message.
fn word(dice: &mut Dice) -> String {
    const WORDS: [&str; 28] = [
        "",
        " ",
        "a",
        "b",
        "##",
        "é",
        "▁",
        "\u{1b}[31m",
        "\u{202e}",
        "\0",
        "(",
        "(a+)+$",
        "[^",
        r"\d+|",
        "{{",
        "type",
        "id",
        "model",
        "gpt2",
        "llama",
        "codi",
        "latent",
        "BPE",
        "Unigram",
        "$A",
        "<|eot_id|>",
        "../..",
        "🦀",
    ];
    let word = WORDS[dice.random_range(0..WORDS.len())];
    match dice.random_range(0..12) {
        0 => word.repeat(dice.random_range(2..40)),
        _ => word.to_owned(),
    }
}

/// The maximum depth of a walk; most walks end earlier.
const DEEPEST: usize = 8;

/// Returns the n-th child of a value.
fn child(value: &Value, n: usize) -> Option<&Value> {
    match value {
        Value::Array(list) => list.get(n),
        Value::Object(map) => map.values().nth(n),
        _ => None,
    }
}

fn children(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

/// Returns a path from the root to some value.
fn way(dice: &mut Dice, value: &Value) -> Vec<usize> {
    let (mut way, mut value) = (Vec::new(), value);
    while way.len() < DEEPEST && children(value) > 0 && dice.random_range(0..6) > 0 {
        let n = dice.random_range(0..children(value));
        let Some(next) = child(value, n) else { break };
        way.push(n);
        value = next;
    }
    way
}

fn inside<'a>(dice: &mut Dice, value: &'a Value) -> &'a Value {
    let way = way(dice, value);
    way.into_iter()
        .fold(value, |value, n| child(value, n).unwrap_or(value))
}

fn inside_mut<'a>(dice: &mut Dice, mut value: &'a mut Value) -> &'a mut Value {
    for n in way(dice, value) {
        value = match value {
            Value::Array(list) => &mut list[n],
            Value::Object(map) => map.values_mut().nth(n).expect("the way leads somewhere"),
            _ => unreachable!("the way leads through lists and objects"),
        };
    }
    value
}
