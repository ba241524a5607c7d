//! Damages bytes: flips bits, sets odd values, and drops, repeats, moves or imports parts.

use rand::Rng;

use super::Dice;

/// Numbers that provoke errors in lengths, offsets and counts.
const NUMBERS: [u64; 22] = [
    0,
    1,
    2,
    7,
    8,
    16,
    64,
    127,
    128,
    255,
    256,
    4095,
    65_535,
    65_536,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x3fff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_fff8,
    u64::MAX,
];

/// Bytes with a meaning in some parser.
const BYTES: &[u8] =
    b"\0\x01\x7f\x80\xff\n\x1b \"'(){}[],:.0-9PKtuseqhQRcXJKMNbdlaj\x85\x86\x87\x88\x8a\x8c\x93\x94\x95";

pub(super) fn odd_number(dice: &mut Dice) -> u64 {
    let n = NUMBERS[dice.random_range(0..NUMBERS.len())];
    match dice.random_range(0..4) {
        0 => n.wrapping_add(dice.random_range(0..4)),
        1 => n.wrapping_sub(dice.random_range(0..4)),
        2 => dice.random_range(0..300),
        _ => n,
    }
}

/// Returns a position in `length` bytes, often near an end, where headers and directories are.
fn place(dice: &mut Dice, length: usize) -> usize {
    let near = length.min(96);
    match dice.random_range(0..4) {
        0 => dice.random_range(0..near),
        1 => length - 1 - dice.random_range(0..near),
        _ => dice.random_range(0..length),
    }
}

/// Returns a short range within `length` bytes.
fn stretch(dice: &mut Dice, length: usize) -> std::ops::Range<usize> {
    let from = place(dice, length);
    let longest = [4, 32, 4096][dice.random_range(0..3)].min(length - from);
    from..from + dice.random_range(0..=longest)
}

/// Damages a file in one to six places.
pub(super) fn damage(dice: &mut Dice, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..dice.random_range(1..=6) {
        if bytes.is_empty() {
            bytes.push(dice.random());
        }
        once(dice, bytes, others);
    }
}

fn once(dice: &mut Dice, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let length = bytes.len();
    match dice.random_range(0..12) {
        0 | 1 => bytes[place(dice, length)] ^= 1 << dice.random_range(0..8),
        2 | 3 => bytes[place(dice, length)] = BYTES[dice.random_range(0..BYTES.len())],
        4 => bytes[place(dice, length)] = dice.random(),
        5 | 6 => {
            let number = odd_number(dice).to_le_bytes();
            let width = [1, 2, 4, 8][dice.random_range(0..4)].min(length);
            let at = place(dice, length).min(length - width);
            bytes[at..at + width].copy_from_slice(&number[..width]);
        }
        7 => drop(bytes.drain(stretch(dice, length))),
        8 => {
            let copy = bytes[stretch(dice, length)].to_vec();
            let at = place(dice, length);
            bytes.splice(at..at, copy);
        }
        9 => {
            let at = place(dice, length);
            let new: Vec<u8> = (0..dice.random_range(1..9))
                .map(|_| BYTES[dice.random_range(0..BYTES.len())])
                .collect();
            bytes.splice(at..at, new);
        }
        10 => {
            // Long files are truncated rarely: little would remain to read.
            if dice.random_range(0..3) == 0 {
                bytes.truncate(place(dice, length));
            }
        }
        _ => {
            let other = &others[dice.random_range(0..others.len())];
            if !other.is_empty() {
                let part = other[stretch(dice, other.len())].to_vec();
                let over = stretch(dice, length);
                bytes.splice(over, part);
            }
        }
    }
}

pub(super) fn pick(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    seeds[dice.random_range(0..seeds.len())].clone()
}
