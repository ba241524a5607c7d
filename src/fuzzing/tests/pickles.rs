//! Damages pickles instruction by instruction, and creates pickles of arbitrary instructions.

use rand::Rng;

use super::Dice;
use super::mutate::odd_number;

/// Splits a well-formed pickle into its instructions.
pub(super) fn instructions(pickle: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = pickle;
    while let Some(&opcode) = rest.first() {
        let u32_at = |at: usize| -> usize {
            rest.get(at..at + 4)
                .map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
        };
        let line = |from: usize| -> usize {
            let end = rest[from..].iter().position(|&b| b == b'\n');
            end.map_or(rest.len(), |end| from + end + 1)
        };
        let length = match opcode {
            b'\x80' | b'K' | b'q' | b'h' => 2,
            b'M' => 3,
            b'J' | b'r' | b'j' => 5,
            b'G' | b'\x95' => 9,
            b'X' => 5 + u32_at(1),
            b'\x8a' | b'\x8c' => 2 + usize::from(rest.get(1).copied().unwrap_or(0)),
            b'c' => line(line(1)),
            _ => 1,
        };
        let (one, next) = rest.split_at(length.min(rest.len()));
        found.push(one.to_vec());
        rest = next;
    }
    found
}

/// Returns an instruction of any kind, sometimes one that the machine does not support.
fn instruction(dice: &mut Dice) -> Vec<u8> {
    const PLAIN: &[u8] = b"N\x88\x89()]}tldsuae0RQb\x85\x86\x87\x93\x94.";
    const NAMES: [&str; 9] = [
        "ccollections\nOrderedDict\n",
        "ctorch._utils\n_rebuild_tensor_v2\n",
        "ctorch._utils\n_rebuild_parameter\n",
        "ctorch\nFloatStorage\n",
        "ctorch\nHalfStorage\n",
        "ctorch\nDoubleStorage\n",
        "ctorch\nBoolStorage\n",
        "cos\nsystem\n",
        "cbuiltins\neval\n",
    ];
    const TEXTS: [&str; 8] = [
        "storage",
        "0",
        "1",
        "cpu",
        "state_dict",
        "model",
        "",
        "base_causallm.transformer.wte.weight",
    ];
    let number = odd_number(dice).to_le_bytes();
    let [small, ..] = number;
    let mut made = Vec::new();
    match dice.random_range(0..12) {
        0 => made.extend([b'K', small]),
        1 => made.extend([b'M', number[0], number[1]]),
        2 => {
            made.push(b'J');
            made.extend(&number[..4]);
        }
        3 => {
            made.extend(b"\x8a\x08");
            made.extend(number);
        }
        4 => made.extend([
            [b'q', b'h'][usize::from(small & 1)],
            dice.random_range(0..8),
        ]),
        5 => {
            made.push([b'r', b'j'][usize::from(small & 1)]);
            made.extend(&number[..4]);
        }
        6 => made.extend(NAMES[dice.random_range(0..NAMES.len())].as_bytes()),
        7 | 8 => {
            let text = TEXTS[dice.random_range(0..TEXTS.len())];
            made.push(b'\x8c');
            made.push(u8::try_from(text.len()).expect("short"));
            made.extend(text.as_bytes());
        }
        9 => made.push(dice.random()),
        _ => made.push(PLAIN[dice.random_range(0..PLAIN.len())]),
    }
    made
}

/// Returns a pickle damaged in one to eight instructions.
pub(super) fn damaged(dice: &mut Dice, seed: &[Vec<u8>]) -> Vec<u8> {
    let mut all = seed.to_vec();
    for _ in 0..dice.random_range(1..=8) {
        let at = dice.random_range(0..all.len());
        match dice.random_range(0..8) {
            0 => drop(all.remove(at)),
            1 => all[at] = instruction(dice),
            2 | 3 => all.insert(at, instruction(dice)),
            4 => {
                let copy = all[dice.random_range(0..all.len())].clone();
                all.insert(at, copy);
            }
            5 => {
                let other = dice.random_range(0..all.len());
                all.swap(at, other);
            }
            6 => {
                // Repeats a whole part: another tensor, a dict in a dict.
                let end = (at + dice.random_range(1..40)).min(all.len());
                let part = all[at..end].to_vec();
                let to = dice.random_range(0..all.len());
                all.splice(to..to, part);
            }
            _ => {
                // Replacing a number by a number keeps the rest valid.
                if matches!(all[at].first(), Some(b'K' | b'J' | b'M' | b'\x8a')) {
                    let mut number = b"\x8a\x08".to_vec();
                    number.extend(odd_number(dice).to_le_bytes());
                    all[at] = number;
                } else if let Some(last) = all[at].last_mut() {
                    *last ^= 1 << dice.random_range(0..8);
                }
            }
        }
        if all.is_empty() {
            all.push(vec![b'.']);
        }
    }
    all.concat()
}

/// Returns a pickle of arbitrary instructions.
pub(super) fn made_up(dice: &mut Dice) -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    for _ in 0..dice.random_range(1..60) {
        pickle.extend(instruction(dice));
    }
    pickle.push(b'.');
    pickle
}
