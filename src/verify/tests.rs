//! Tests of search, replay and judge together: constructed latents, generated problems, published decodes.

use std::io::Write as _;

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::replay::{Fault, Finding, replay};
use super::*;
use crate::core::problem::{Family, Problem, Spec, Split, generate};

/// A top-k list of these tokens, best first.
pub(super) fn tokens(texts: &[&str]) -> Vec<TokenRead> {
    let token = |text: &&str| TokenRead {
        id: 0,
        text: (*text).to_owned(),
        logit: 0.0,
        prob: 0.1,
    };
    texts.iter().map(token).collect()
}

fn latents(texts: &[&[&str]]) -> Vec<Vec<TokenRead>> {
    texts.iter().map(|t| tokens(t)).collect()
}

fn math<'a>(question: &'a str, answer: &'a str) -> Case<'a> {
    Case {
        task: Task::Math,
        question,
        unknown_words: &[],
        answer: Some(answer),
    }
}

/// Formats steps with the places of their results, `12 + 7 = 19 @1:0`.
fn show(result: &SearchResult) -> String {
    let step = |s: &TraceStep| match s.result.source {
        ValueSource::Latent { latent, rank, .. } => format!("{} @{latent}:{rank}", s.text),
        _ => format!("{} @answer", s.text),
    };
    result.steps.iter().map(step).collect::<Vec<_>>().join("; ")
}

fn assert_replays(case: &Case<'_>, result: &SearchResult) {
    let findings = replay(
        case.question,
        &result.steps,
        case.answer.unwrap_or_default(),
    );
    assert!(
        findings.is_empty(),
        "{findings:?} in {} for {}",
        show(result),
        case.question
    );
}

const PENS: &str = "Tom has 12 red and 7 blue pens. He doubles them and loses 3.";

#[test]
fn traces_are_found_and_missed() {
    for (question, answer, read, expected) in [
        (
            PENS,
            "35",
            &[&["19"][..], &["38"], &["35"]][..],
            "12 + 7 = 19 @1:0; 19 * 2 = 38 @2:0; 38 - 3 = 35 @3:0",
        ),
        (
            PENS,
            "35",
            &[&["is", " 19", "19"], &[">>"], &["38"]],
            "12 + 7 = 19 @1:1; 19 * 2 = 38 @3:0; 38 - 3 = 35 @answer",
        ),
        (PENS, "35", &[&["38"], &["19"], &["35"]], ""),
        (PENS, "35", &[&["35"]], ""),
        (PENS, "36", &[&["19"], &["38"]], ""),
        ("A cup of 12.", "12", &[&["12"]], ""),
        ("Ann has 1 pen and 0 cups.", "1", &[&["1"], &["1"]], ""),
        ("She has 9 and eats half.", "4.5", &[&["9"]], ""),
        (
            "She has 9 and 6 and eats half.",
            "7.5",
            &[&["15"]],
            "9 + 6 = 15 @1:0; 15 / 2 = 7.5 @answer",
        ),
        (
            "She has 80 and gives 20% away.",
            "16",
            &[&["16"]],
            "80 * 20% = 16 @1:0",
        ),
        (
            "She has 80 and gives three quarters away.",
            "60",
            &[&["60"]],
            "80 * (3/4) = 60 @1:0",
        ),
        (
            "The third day half of 12 goes.",
            "6",
            &[&["6"]],
            "12 / 2 = 6 @1:0",
        ),
        (
            "He has 5, 6 and 7.",
            "77",
            &[&["11"], &["77"]],
            "5 + 6 = 11 @1:0; 11 * 7 = 77 @2:0",
        ),
        ("He has 5, 6, 7 and 8.", "26", &[&["11", "15"], &["26"]], ""),
        (
            "He has 5, 6, 7 and 8.",
            "26",
            &[&["11"], &["15"], &["26"]],
            "5 + 6 = 11 @1:0; 7 + 8 = 15 @2:0; 11 + 15 = 26 @3:0",
        ),
    ] {
        let (case, read) = (math(question, answer), latents(read));
        let result = search(&SearchSettings::default(), &case, &read);
        assert_eq!(show(&result), expected, "{question} {answer}");
        assert_eq!(result.near_miss.is_some(), expected.is_empty());
        if !expected.is_empty() {
            assert_replays(&case, &result);
        }
    }
}

#[test]
fn settings_widen_the_search() {
    let wide = SearchSettings {
        three_operands: true,
        ..SearchSettings::default()
    };
    let case = math("16 eggs, three eaten, four baked, sold for $2.", "18");
    let read = latents(&[&["9"], &["x"]]);
    assert_eq!(show(&search(&SearchSettings::default(), &case, &read)), "");
    let result = search(&wide, &case, &read);
    assert_eq!(show(&result), "16 - 3 - 4 = 9 @1:0; 9 * 2 = 18 @answer");
    assert_replays(&case, &result);

    let again = SearchSettings {
        reuse_numbers: true,
        ..SearchSettings::default()
    };
    let case = math("She sold 48 in April and half as many in May.", "72");
    let read = latents(&[&["24"], &["72"]]);
    assert_eq!(show(&search(&SearchSettings::default(), &case, &read)), "");
    let result = search(&again, &case, &read);
    assert_eq!(show(&result), "48 / 2 = 24 @1:0; 24 + 48 = 72 @2:0");
    assert_replays(&case, &result);

    let deep = latents(&[&["x", "x", "x", "x", "x", "19"]]);
    let shallow = search(&SearchSettings::default(), &math(PENS, "19"), &deep);
    assert!(shallow.steps.is_empty() && shallow.from_question_alone);
    assert!(
        !search(
            &SearchSettings {
                top_k: 6,
                ..SearchSettings::default()
            },
            &math(PENS, "19"),
            &deep
        )
        .steps
        .is_empty()
    );
}

#[test]
fn competing_traces_are_counted() {
    let case = math("He has 2, 6 and 4.", "12");
    // 2 * 6 = 12 at either latent; 6 + 4 = 10 and then 10 + 2 = 12 at latent 2 or at the answer.
    let result = search(
        &SearchSettings::default(),
        &case,
        &latents(&[&["10", "12"], &["12"]]),
    );
    assert_eq!(
        (result.traces, result.candidates, result.capped),
        (2, 5, false)
    );
    assert_eq!(show(&result), "6 + 4 = 10 @1:0; 10 + 2 = 12 @2:0");
    let one = search(
        &SearchSettings {
            max_traces: 1,
            ..SearchSettings::default()
        },
        &case,
        &latents(&[&["10", "12"], &["12"]]),
    );
    assert_eq!((one.traces, one.capped), (1, true));
}

#[test]
fn cases_that_cannot_be_judged_abstain() {
    let unknown = ["zebra".to_owned()];
    for (case, expected) in [
        (
            Case {
                answer: None,
                ..math(PENS, "")
            },
            Abstain::NoAnswer,
        ),
        (math(PENS, " "), Abstain::NoAnswer),
        (
            Case {
                task: Task::Unknown,
                ..math(PENS, "35")
            },
            Abstain::UnknownTask,
        ),
        (
            Case {
                unknown_words: &unknown,
                ..math(PENS, "35")
            },
            Abstain::UnknownWords(unknown.to_vec()),
        ),
        (math("Someone often lends money.", "35"), Abstain::NoNumbers),
        (math(PENS, "many"), Abstain::AnswerUnread("many".to_owned())),
    ] {
        assert_eq!(
            search(&SearchSettings::default(), &case, &[]).abstain,
            Some(expected)
        );
    }
}

#[test]
fn a_negative_number_gives_a_warning() {
    let notes = |question: &str| warnings(&math(question, "5"));
    for (question, number) in [
        ("Tom has -3 apples. He buys 8 more.", "-3"),
        ("-3 is the start. Add 8.", "-3"),
        ("It is (-3) now. Add 8.", "-3"),
        ("Tom owes -$3. He gets 8.", "-$3"),
        ("It is \u{2212}3 degrees. It rises by 8.", "\u{2212}3"),
    ] {
        let note = format!("\"{number}\" is not read: no trace starts from a negative number");
        assert_eq!(notes(question), [note], "{question}");
    }
    for question in ["Tom works 2-3 days.", "What is 8 - 3?", "Tom has 3 apples."] {
        assert_eq!(notes(question), Vec::<String>::new(), "{question}");
    }
}

fn problems(family: Family, n: usize) -> Vec<Problem> {
    let spec = Spec::new(family, Split::Test);
    generate(&spec, n, 7).expect("the test split holds more problems than this")
}

/// The result of a gold step, `19` of `<<12+7=19>>`.
fn gold_result(step: &str) -> &str {
    step.trim_end_matches('>')
        .rsplit('=')
        .next()
        .unwrap_or_default()
}

fn noise(rng: &mut ChaCha8Rng, vocab: &[String], k: usize) -> Vec<TokenRead> {
    let texts: Vec<&str> = (0..k)
        .map(|_| vocab[rng.random_range(0..vocab.len())].as_str())
        .collect();
    tokens(&texts)
}

#[test]
fn gold_intermediates_at_the_top_are_always_present() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let vocab: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let (mut exact, mut by_chance, mut null_rate) = (0, 0, 0);
    let all = problems(Family::Math, 300);
    for problem in &all {
        let case = math(&problem.question, &problem.answer);
        let read: Vec<_> = problem
            .steps
            .iter()
            .map(|s| [tokens(&[gold_result(s)]), noise(&mut rng, &vocab, 4)].concat())
            .collect();
        let result = search(&SearchSettings::default(), &case, &read);
        assert!(
            !result.steps.is_empty(),
            "{} {:?}",
            problem.question,
            problem.steps
        );
        assert_replays(&case, &result);
        let results: Vec<&str> = result
            .steps
            .iter()
            .map(|s| s.result.text.as_str())
            .collect();
        let gold: Vec<&str> = problem.steps.iter().map(|s| gold_result(s)).collect();
        exact += usize::from(results == gold);
        let random: Vec<_> = (0..4).map(|_| noise(&mut rng, &vocab, 5)).collect();
        by_chance += usize::from(
            !search(&SearchSettings::default(), &case, &random)
                .steps
                .is_empty(),
        );
        let other = &all[rng.random_range(0..all.len())];
        let read: Vec<_> = other
            .steps
            .iter()
            .map(|s| tokens(&[gold_result(s)]))
            .collect();
        null_rate += usize::from(
            !search(&SearchSettings::default(), &case, &read)
                .steps
                .is_empty(),
        );
    }
    report(&format!(
        "of 300: {exact} with the gold results, {by_chance} found in random top-5 lists, {null_rate} in another problem's top-1"
    ));
    assert!(exact >= 270, "{exact} of 300 traces have the gold results");
    assert!(by_chance < 150, "{by_chance} of 300 found in random tokens");
}

#[test]
fn gold_chains_are_always_present() {
    for family in [Family::Prosqa, Family::Prontoqa] {
        let all = problems(family, 200);
        let nodes = |p: &Problem| -> Vec<Vec<TokenRead>> {
            let last = |s: &String| {
                s.trim_end_matches('.')
                    .rsplit(' ')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            p.steps
                .iter()
                .map(|s| tokens(&[last(s).as_str(), "is a"]))
                .collect()
        };
        let mut foreign = 0;
        for (i, problem) in all.iter().enumerate() {
            let case = Case {
                task: Task::Logic,
                ..math(&problem.question, &problem.answer)
            };
            let result = search(&SearchSettings::default(), &case, &nodes(problem));
            let steps: Vec<String> = result
                .steps
                .iter()
                .map(|s| format!("{}.", s.text))
                .collect();
            assert_eq!(steps, problem.steps, "{}", problem.question);
            assert_replays(&case, &result);
            let other = nodes(&all[(i + 1) % all.len()]);
            foreign += usize::from(
                !search(&SearchSettings::default(), &case, &other)
                    .steps
                    .is_empty(),
            );
        }
        assert!(
            foreign < 20,
            "{foreign} of 200 found in another problem's latents"
        );
    }
}

/// Writes to stderr directly, so that the line appears in passing tests too.
fn report(line: &str) {
    _ = writeln!(std::io::stderr(), "{line}");
}

fn shared(path: &str) -> Option<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/");
    let text = std::fs::read_to_string(format!("{root}{path}"));
    if text.is_err() {
        report(&format!("skipped: no shared fixture {path}"));
    }
    text.ok()
}

#[test]
fn published_logic_questions_are_read() {
    for path in [
        "data/prosqa_test.json",
        "data/prontoqa_test.json",
        "data/prontoqa_valid.json",
    ] {
        let Some(text) = shared(path) else { return };
        let all: Vec<Problem> =
            serde_json::from_str(&text).expect("the fixture is a list of problems");
        for problem in &all {
            let case = Case {
                task: Task::Logic,
                ..math(&problem.question, &problem.answer)
            };
            // The last words of all gold sentences, read at one latent each, must give a trace.
            let read: Vec<_> = problem
                .steps
                .iter()
                .flat_map(|s| s.split_terminator('.'))
                .map(|s| tokens(&[s.rsplit(' ').next().unwrap_or_default()]))
                .collect();
            let result = search(&SearchSettings::default(), &case, &read);
            assert_eq!(result.abstain, None, "{}", problem.question);
            assert!(
                !result.steps.is_empty(),
                "{:?} {}",
                problem.steps,
                problem.question
            );
            assert_replays(&case, &result);
        }
    }
}

/// One line of the published decodes.
#[derive(serde::Deserialize)]
struct Decoded {
    question: String,
    latents: Vec<Vec<String>>,
    prediction: Option<String>,
    correct: bool,
}

#[test]
fn published_decodes_hold_more_traces_than_foreign_ones() {
    let Some(text) = shared("golden/search/codi_gpt2_gsm8k.jsonl") else {
        return;
    };
    let all: Vec<Decoded> = text
        .lines()
        .map(|l| serde_json::from_str(l).expect("one record a line"))
        .collect();
    let reads: Vec<Vec<Vec<TokenRead>>> = all
        .iter()
        .map(|d| {
            d.latents
                .iter()
                .map(|l| tokens(&l.iter().map(String::as_str).collect::<Vec<_>>()))
                .collect()
        })
        .collect();
    let plain = SearchSettings::default();
    for (name, settings) in [
        ("default", plain),
        (
            "reuse",
            SearchSettings {
                reuse_numbers: true,
                ..plain
            },
        ),
        (
            "three operands",
            SearchSettings {
                three_operands: true,
                ..plain
            },
        ),
    ] {
        let (mut judged, mut own, mut foreign, mut alone, mut right, mut capped) =
            (0, 0, 0, 0, (0, 0), 0);
        for (i, record) in all.iter().enumerate() {
            let Some(answer) = record.prediction.as_deref() else {
                continue;
            };
            let case = math(&record.question, answer);
            let result = search(&settings, &case, &reads[i]);
            if result.abstain.is_some() {
                continue;
            }
            let present = !result.steps.is_empty();
            if present {
                assert_replays(&case, &result);
            }
            judged += 1;
            own += usize::from(present);
            capped += usize::from(result.capped);
            alone += usize::from(result.from_question_alone);
            right.0 += usize::from(record.correct && present);
            right.1 += usize::from(record.correct);
            let other = &reads[(i + 97) % all.len()];
            foreign += usize::from(!search(&settings, &case, other).steps.is_empty());
        }
        report(&format!(
            "published decodes, {name}: {judged} of {} judged; present in own {own} ({} of {} right ones), in another's {foreign}; from the question alone {alone}; capped {capped}",
            all.len(),
            right.0,
            right.1
        ));
        assert!(
            own > foreign + judged / 10,
            "{name}: own {own}, foreign {foreign} of {judged}"
        );
    }
}

/// A small question, its answer, and latents of plausible numbers.
fn small_case() -> impl Strategy<Value = (String, String, Vec<Vec<String>>)> {
    let number = prop_oneof![
        (0_u32..25).prop_map(|n| n.to_string()),
        Just("half".to_owned()),
        Just("twice".to_owned()),
        Just("1/2".to_owned()),
        Just("50%".to_owned())
    ];
    let token = prop_oneof![4 => (0_u32..40).prop_map(|n| n.to_string()), 1 => "[a-z ]{0,3}"];
    (
        prop::collection::vec(number, 1..6)
            .prop_map(|n| format!("Ann has {} pens.", n.join(" and "))),
        (0_u32..40).prop_map(|n| n.to_string()),
        prop::collection::vec(prop::collection::vec(token, 0..5), 0..6),
    )
}

fn as_latents(texts: &[Vec<String>]) -> Vec<Vec<TokenRead>> {
    texts
        .iter()
        .map(|l| tokens(&l.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect()
}

#[test]
fn a_question_with_very_many_numbers_is_searched_in_part_and_marked() {
    let listed: Vec<String> = (1..60).map(|n| n.to_string()).collect();
    let question = format!("{} ?", listed.join(" "));
    let top: Vec<String> = (2..12).map(|n| n.to_string()).collect();
    let read = as_latents(&vec![top; 4]);
    let case = math(&question, "2");
    let others: Vec<_> = (0..20).map(|_| read.clone()).collect();
    for three_operands in [false, true] {
        let settings = SearchSettings {
            three_operands,
            ..SearchSettings::default()
        };
        let result = search(&settings, &case, &read);
        assert!(result.capped && !result.steps.is_empty());
        let (null, _) = null::null(&settings, &case, &others);
        assert_eq!((null.n, null.hits), (20, 20));
    }
}

proptest! {
    #[test]
    fn every_found_trace_replays((question, answer, texts) in small_case(), three_operands: bool, reuse_numbers: bool) {
        let settings = SearchSettings { three_operands, reuse_numbers, ..SearchSettings::default() };
        let (case, read) = (math(&question, &answer), as_latents(&texts));
        let result = search(&settings, &case, &read);
        let mut prepared = Prepared::new(&case).expect("there are numbers and an answer");
        let reach = prepared.reach(&settings, &read);
        let other = as_latents(&texts.iter().rev().map(|l| l.iter().map(|t| format!("{t}1")).collect()).collect::<Vec<_>>());
        let alone = prepared.reach(&settings, &other);
        prepared.prepare(&settings, &[&other, &read]);
        prop_assert_eq!(prepared.reach(&settings, &read), reach);
        prop_assert_eq!(prepared.reach(&settings, &other), alone);
        prop_assert_eq!(reach.reached, !result.steps.is_empty());
        prop_assert_eq!(reach.candidates, result.candidates);
        prop_assert_eq!(result.traces > 0, reach.reached);
        if reach.reached {
            prop_assert_eq!(replay(&question, &result.steps, &answer), vec![]);
            for step in &result.steps {
                if let ValueSource::Latent { latent, rank, .. } = step.result.source {
                    prop_assert_eq!(read[latent.0 - 1][rank].text.trim(), &step.result.text);
                }
            }
        }
    }

    #[test]
    fn replay_of_anything_does_not_panic(question in "\\PC{0,40}", texts in prop::collection::vec("\\PC{0,8}", 8), start in 0_usize..50, end in 0_usize..50, operator in prop::sample::select(vec!["+", "/", "- -", "is-a", "is", "is-not", "", " "])) {
        let operand = |i: usize, source: ValueSource| crate::core::types::Operand { text: texts[i].clone(), source };
        let step = TraceStep {
            text: texts[0].clone(),
            operands: vec![operand(1, ValueSource::Question { start, end }), operand(2, ValueSource::Step { step: start }), operand(3, ValueSource::Answer)][..end % 4].to_vec(),
            operator: operator.to_owned(),
            result: operand(4, ValueSource::Latent { latent: LatentIdx(start), rank: 0, prob: 0.0 }),
        };
        prop_assert!(!replay(&question, &[step.clone(), step], &texts[5]).is_empty());
    }
}

/// Every way to corrupt one part of a trace.
fn mutations(steps: &[TraceStep]) -> Vec<(String, Vec<TraceStep>)> {
    let mut out: Vec<(String, Vec<TraceStep>)> = Vec::new();
    let mut spoil = |name: String, change: &dyn Fn(&mut Vec<TraceStep>)| {
        let mut spoiled = steps.to_vec();
        change(&mut spoiled);
        out.push((name, spoiled));
    };
    for i in 0..steps.len() {
        spoil(format!("drop step {i}"), &|s| _ = s.remove(i));
        spoil(format!("repeat step {i}"), &|s| s.insert(i, s[i].clone()));
        spoil(format!("result of {i}"), &|s| s[i].result.text.push('1'));
        spoil(format!("text of {i}"), &|s| s[i].text.push('1'));
        spoil(format!("operator of {i}"), &|s| {
            s[i].operator = if s[i].operator == "+" { "-" } else { "+" }.to_owned();
        });
        spoil(format!("result source of {i}"), &|s| {
            s[i].result.source = ValueSource::Question { start: 0, end: 1 }
        });
        spoil(format!("first latent for {i}"), &|s| {
            s[i].result.source = ValueSource::Latent {
                latent: LatentIdx(0),
                rank: 0,
                prob: 0.0,
            }
        });
        for j in 0..steps[i].operands.len() {
            spoil(format!("operand {j} of {i}"), &|s| {
                s[i].operands[j].text.insert(0, '1');
            });
            spoil(format!("drop operand {j} of {i}"), &|s| {
                _ = s[i].operands.remove(j);
            });
            spoil(format!("answer as operand {j} of {i}"), &|s| {
                s[i].operands[j].source = ValueSource::Answer;
            });
            spoil(format!("own step as operand {j} of {i}"), &|s| {
                s[i].operands[j].source = ValueSource::Step { step: i }
            });
            spoil(
                format!("bytes of operand {j} of {i}"),
                &|s| match &mut s[i].operands[j].source {
                    ValueSource::Question { start, .. } => *start += 1,
                    other => *other = ValueSource::Question { start: 0, end: 3 },
                },
            );
        }
    }
    out
}

#[test]
fn spoiled_traces_are_rejected() {
    let logic = "Every gorpus is a bompus. Bompuses are not happy. Tom is a gorpus. True or false: Tom is happy.";
    let prosqa =
        "Every gorpus is a bompus. Tom is a gorpus. Ben is a flonk. Is Tom a flonk or bompus?";
    for (task, question, answer, wrong, read) in [
        (
            Task::Math,
            PENS,
            "35",
            "36",
            &[&["19"][..], &["38"], &["35"]][..],
        ),
        (Task::Math, PENS, "35", "-35", &[&["19"], &["38"], &["x"]]),
        (
            Task::Logic,
            logic,
            "False",
            "True",
            &[&["gorpus"], &["bompus"], &["happy"]],
        ),
        (
            Task::Logic,
            prosqa,
            "Tom is a bompus.",
            "Tom is a flonk.",
            &[&["gorpus"], &["bompus"]],
        ),
    ] {
        let case = Case {
            task,
            ..math(question, answer)
        };
        let result = search(&SearchSettings::default(), &case, &latents(read));
        assert!(result.steps.len() >= 2, "{question}");
        assert_replays(&case, &result);
        assert!(
            !replay(question, &result.steps, wrong).is_empty(),
            "{wrong}"
        );
        assert!(!replay("Another question.", &result.steps, answer).is_empty());
        for (name, spoiled) in mutations(&result.steps) {
            assert!(
                !replay(question, &spoiled, answer).is_empty(),
                "{name} was let pass for {question}"
            );
        }
    }
    assert_eq!(
        replay(PENS, &[], "35"),
        vec![Finding {
            step: 0,
            fault: Fault::Empty
        }]
    );
}
