//! Damaged files of models.

use rand::Rng;

use super::mutate::{damage, pick};
use super::{Dice, json, pickles, run, seeds, with_choices};
use crate::engine::model::fuzzing::made;
use crate::fuzzing::{config, index, pickle, tokenizer, weights};

#[test]
fn safetensors() {
    let parted = seeds::parted_safetensors();
    let whole: Vec<Vec<u8>> = parted
        .iter()
        .map(|(header, body)| seeds::safetensors(&header.to_string(), body))
        .collect();
    for file in &whole {
        assert!(weights(&with_choices(1, file)));
    }
    run("weights", weights, 1500, |dice| {
        let bytes = if dice.random() {
            let mut bytes = pick(dice, &whole);
            damage(dice, &mut bytes, &whole);
            bytes
        } else {
            // Only the header is damaged; its length is correct.
            let (header, body) = &parted[dice.random_range(0..parted.len())];
            let header = json::text(dice, std::slice::from_ref(header));
            seeds::safetensors(&header, body)
        };
        with_choices(dice.random(), &bytes)
    });
}

#[test]
fn torch_files() {
    let parted = seeds::parted_torch();
    let whole: Vec<Vec<u8>> = parted.iter().map(|entries| made::zip(entries)).collect();
    for file in &whole {
        assert!(weights(&with_choices(1, file)));
    }
    run("weights", weights, 1500, |dice| {
        let mut bytes = pick(dice, &whole);
        damage(dice, &mut bytes, &whole);
        with_choices(dice.random(), &bytes)
    });
    // In a whole archive, a damaged pickle.
    let parts = parted
        .each_ref()
        .map(|entries| pickles::instructions(&entries[0].1));
    run("weights", weights, 1500, |dice| {
        let n = one_that_is_short(dice);
        let mut entries = parted[n].clone();
        entries[0].1 = damaged_pickle(dice, &parts[n]);
        with_choices(dice.random(), &made::zip(&entries))
    });
    run("pickle", pickle, 500, |dice| {
        let n = one_that_is_short(dice);
        damaged_pickle(dice, &parts[n])
    });
}

/// Picks one of three pickles; the last one takes too long for more than this share.
fn one_that_is_short(dice: &mut Dice) -> usize {
    [0, 0, 0, 1, 1, 1, 2][dice.random_range(0..7)]
}

fn damaged_pickle(dice: &mut Dice, instructions: &[Vec<u8>]) -> Vec<u8> {
    match dice.random_range(0..8) {
        0 => pickles::made_up(dice),
        1 => {
            let mut pickle = instructions.concat();
            let copy = [pickle.clone()];
            damage(dice, &mut pickle, &copy);
            pickle
        }
        _ => pickles::damaged(dice, instructions),
    }
}

#[test]
fn indices() {
    let seed = seeds::index();
    assert!(index(&with_choices(1, seed.to_string().as_bytes())));
    run("index", index, 400, |dice| {
        let text = json::text(dice, std::slice::from_ref(&seed));
        with_choices(dice.random(), text.as_bytes())
    });
}

#[test]
fn configs() {
    let (configs, metas) = (seeds::configs(), seeds::metas());
    run("config", config, 1500, |dice| {
        let mut text = json::text(dice, &configs);
        if dice.random() {
            text = text + "\0" + &json::text(dice, &metas);
        }
        with_choices(dice.random(), text.as_bytes())
    });
}

#[test]
fn tokenizers() {
    let all = seeds::tokenizers();
    for seed in &all {
        assert!(
            tokenizer(&with_choices(1, seed.to_string().as_bytes())),
            "{seed}"
        );
    }
    run("tokenizer", tokenizer, 400, |dice| {
        let text = json::text(dice, &all);
        with_choices(dice.random(), text.as_bytes())
    });
}
