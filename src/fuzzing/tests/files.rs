//! Damaged problems, records, sessions and rows; questions, and what a terminal sends.

use rand::Rng;
use serde_json::Value;

use super::mutate::{damage, pick};
use super::{Dice, json, run, seeds};
use crate::core::problem::{Family, Spec, Split, generate};
use crate::explorer::session::sample;
use crate::explorer::session::store::{SessionFile, SessionHeader};
use crate::fuzzing::{problems, question, records, rows, session};
use crate::lab::report::made;

/// Damages a file of lines: one line as JSON or as bytes, or lines dropped, repeated, swapped or truncated.
fn lines(dice: &mut Dice, whole: &[String]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = whole.iter().map(|line| line.clone().into_bytes()).collect();
    for _ in 0..dice.random_range(1..=3) {
        let (at, other) = (
            dice.random_range(0..lines.len()),
            dice.random_range(0..whole.len()),
        );
        match dice.random_range(0..10) {
            0..5 => {
                // The first line determines the meaning of all others.
                let at = if at == 0 && dice.random_range(0..4) > 0 {
                    lines.len() - 1
                } else {
                    at
                };
                let seeds: Vec<Value> = [&lines[at][..], whole[other].as_bytes()]
                    .into_iter()
                    .filter_map(|line| serde_json::from_slice(line).ok())
                    .collect();
                if !seeds.is_empty() {
                    lines[at] = json::text(dice, &seeds[..1.max(seeds.len() - 1)]).into_bytes();
                }
            }
            5 => {
                let copy = [whole[other].clone().into_bytes()];
                damage(dice, &mut lines[at], &copy);
            }
            6 => lines.insert(at, whole[other].clone().into_bytes()),
            7 if lines.len() > 1 => drop(lines.remove(at)),
            8 => lines.insert(
                at,
                [&b""[..], b" \r", b"\xef\xbb\xbf", b"{}"][other % 4].to_vec(),
            ),
            _ => {
                let last = lines.len() - 1;
                lines.swap(at, last);
            }
        }
    }
    let mut bytes = lines.join(&b'\n');
    match dice.random_range(0..8) {
        0 => {
            let end = dice.random_range(0..=bytes.len());
            bytes.truncate(end);
        }
        1 => {}
        2 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        _ => bytes.push(b'\n'),
    }
    bytes
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn problem_files() {
    let all = seeds::problems();
    let parsed: Vec<Value> = all
        .iter()
        .filter_map(|bytes| serde_json::from_slice(bytes).ok())
        .collect();
    run("problems", problems, 1500, |dice| {
        if dice.random_range(0..3) == 0 {
            return json::text(dice, &parsed).into_bytes();
        }
        let mut bytes = pick(dice, &all);
        damage(dice, &mut bytes, &all);
        bytes
    });
}

#[test]
fn decoded_latents() {
    let whole = include_str!("../../../tests/trace/records.jsonl");
    assert!(records(whole.as_bytes()));
    let mut whole = lines_of(whole);
    whole.truncate(6);
    run("records", records, 600, |dice| {
        let bytes = lines(dice, &whole);
        if dice.random_range(0..4) > 0 {
            return bytes;
        }
        let elements: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        [b"[", &elements.join(&b',')[..], b"]"].concat()
    });
}

#[test]
fn sessions() {
    let mut noted = sample::session();
    let header = SessionHeader::new("0.1.0", 1, serde_json::Map::new());
    let mut file = SessionFile::new(header, &noted);
    while noted.notes.pop().is_some() {
        file.update(&noted);
    }
    assert!(session(file.to_text().as_bytes()));
    let whole = lines_of(&file.to_text());
    run("session", session, 600, |dice| lines(dice, &whole));
}

#[test]
fn rows_of_a_run() {
    let header = made::header(4);
    let text = |value: serde_json::Result<String>| value.expect("it serialises");
    let mut whole = vec![text(serde_json::to_string(&header))];
    let made = made::rows(&header);
    whole.extend(made.iter().map(|row| text(serde_json::to_string(row))));
    assert!(rows((whole.join("\n") + "\n").as_bytes()));
    run("rows", rows, 200, |dice| lines(dice, &whole));
}

#[test]
fn questions() {
    let odd = "Every İẞ is a ﬁ. ٣½ Ⅷ𝟗 １２ e\u{301}\u{2028}🦀 twenty\u{2011}five \u{2212}7 $-3 9½% 1e9?\n٣\n１２\t½";
    let mut all = vec![odd.as_bytes().to_vec()];
    for family in Family::ALL {
        let spec = Spec::new(family, Split::Test);
        for problem in generate(&spec, 4, 5).expect("a spec of ours") {
            let results = problem.steps.join("\n").replace(['<', '=', '>', ' '], "\t");
            let parts = [problem.question, problem.answer, results];
            all.push(parts.join("\n").into_bytes());
        }
    }
    run("question", question, 1000, |dice| {
        let mut bytes = pick(dice, &all);
        damage(dice, &mut bytes, &all);
        bytes
    });
}

#[cfg(unix)]
#[test]
fn keys() {
    let reads: [&[u8]; 6] = [
        b"q\xc3\xa9\x1b[1;5C\x1bOP\x1b\x1b[A\x1b[97;5u",
        b"\x1b[200~text \xc3\xa9 \x1b[A",
        b"\x1b[201~",
        b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
        b"\x1bP1$r0;1m\x1b",
        b"\x1b[M !!\x1b[<0;10;20M",
    ];
    run("keys", crate::fuzzing::keys, 5000, |dice| {
        let mut bytes = Vec::new();
        for _ in 0..dice.random_range(0..8) {
            let mut read = reads[dice.random_range(0..reads.len())].to_vec();
            if dice.random() {
                damage(dice, &mut read, &reads.map(<[u8]>::to_vec));
            }
            let length = u8::try_from(read.len()).unwrap_or(u8::MAX);
            bytes.extend([dice.random_range(0..150), length]);
            bytes.extend(&read[..usize::from(length)]);
        }
        bytes
    });
}
