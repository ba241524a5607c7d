//! Tests of filter expressions.

use proptest::prelude::*;

use super::*;
use crate::lab::rows::kept::{self, Early, KeptAblation};

fn item() -> RunItem {
    RunItem {
        index: 7,
        question: "Tom has 12 Apples. How many?".to_owned(),
        steps: 3,
        correct: Some(false),
        answer: Some("39".to_owned()),
        early: Some(Early {
            of: 4,
            first: Some(2),
            stable: 3,
            exits: Vec::new(),
        }),
        off: Some(kept::made::off(vec![1, 3], -4.5)),
        verdict: Some(kept::made::judged(Rung::NotNeeded, Some(0.004))),
        ..RunItem::default()
    }
}

fn notes() -> Vec<Note> {
    let note = |tag, text: &str| Note {
        target: crate::explorer::session::Target::Problem,
        tag,
        text: text.to_owned(),
        author: "ada".to_owned(),
        written_at: 7,
    };
    vec![
        note(None, "latents carry the steps"),
        note(Some(Tag::Interesting), ""),
    ]
}

#[test]
fn terms_hold_or_do_not() {
    for (text, holds) in [
        ("", true),
        ("rung=NOT-NEEDED", true),
        ("rung = \"not needed\"", true),
        ("rung=USED", false),
        ("rung!=used", true),
        ("rung>=NOT_NEEDED", true),
        ("rung<PRESENT", true),
        ("rung>NOT-NEEDED", false),
        ("rung~need", true),
        ("rung=none", false),
        ("rung!=none", true),
        ("correct=no", true),
        ("correct!=no", false),
        ("correct=none", false),
        ("steps>=3", true),
        ("steps>3", false),
        ("steps<=3 steps<4 steps=3", true),
        ("p<0.05", true),
        ("p=none", false),
        ("needed=3,1", true),
        ("needed=1", false),
        ("needed~3", true),
        ("needed~2", false),
        ("needed>=2", true),
        ("needed>2", false),
        ("needed=none", false),
        ("first=2", true),
        ("first!=2", false),
        ("stable=none", false),
        ("stable!=3", false),
        ("stable>0", true),
        ("delta<-4", true),
        ("delta<\u{2212}4", true),
        ("index=7", true),
        ("answer=39", true),
        ("answer~3", true),
        ("answer=none", false),
        ("text~apples", true),
        ("text~\"12 app\"", true),
        ("TEXT~pears", false),
        ("notes>0 notes=2", true),
        ("notes=0", false),
        ("tag=interesting", true),
        ("tag=confirmed", false),
        ("tag!=confirmed", true),
        ("tag!=interesting", false),
        ("tag=none", false),
        ("tag!=none", true),
        ("note~CARRY", true),
        ("note~\"no such\"", false),
        ("note=none", false),
        ("rung=not-needed correct=no steps>=3", true),
        ("rung=not-needed correct=yes steps>=3", false),
    ] {
        let filter = Filter::parse(text).unwrap_or_else(|why| panic!("{text}: {why:?}"));
        assert_eq!(filter.admits(&item(), &notes()), holds, "{text}");
    }
    let empty = RunItem {
        off: Some(KeptAblation {
            delta: None,
            ..kept::made::off(Vec::new(), 0.0)
        }),
        ..RunItem::default()
    };
    let admits = |text: &str| Filter::parse(text).is_ok_and(|f| f.admits(&empty, &[]));
    assert!(admits(
        "needed=none rung=none correct=none p=none answer=none stable=none"
    ));
    assert!(admits("rung!=USED") && !admits("rung<USED") && !admits("delta<0"));
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    for (text, at, says) in [
        ("rnug=USED", 0, "there is no field rnug"),
        ("steps>=3 =4", 9, "a field belongs here"),
        ("steps", 5, "one of ="),
        ("steps~3", 5, "cannot be compared by ~"),
        ("correct<yes", 7, "cannot be compared by <"),
        ("steps>=", 7, "a value belongs here"),
        ("steps=three", 6, "three is not a number"),
        ("p=nan", 2, "nan is not a number"),
        ("rung=GOOD", 5, "there is no rung GOOD: USED"),
        ("correct=maybe", 8, "yes, no or none"),
        ("needed=a", 7, "not a list of latents"),
        ("text~\"Tom", 5, "not closed"),
        ("日本=1", 0, "there is no field 日本"),
    ] {
        let wrong = Filter::parse(text).expect_err(text);
        assert_eq!(wrong.at, at, "{text}: {wrong:?}");
        assert!(wrong.message.contains(says), "{text}: {wrong:?}");
    }
}

fn term() -> impl Strategy<Value = Term> {
    let number = prop_oneof![
        (-1e9f64..1e9).prop_map(FieldValue::Number),
        (0u32..20).prop_map(|n| FieldValue::Number(f64::from(n))),
    ];
    let latents = proptest::collection::btree_set(0usize..30, 0..4);
    let rung = proptest::sample::select(Rung::ALL.to_vec());
    let parts = (
        proptest::sample::select(Field::ALL.to_vec()),
        proptest::sample::select(Comparator::ALL.to_vec()),
        (number, latents, rung, any::<bool>(), ".{0,12}", 0..8u8),
    );
    parts.prop_filter_map(
        "allowed",
        |(field, op, (number, latents, rung, yes, text, none))| {
            if !allows(field.kind(), op) {
                return None;
            }
            let latents = FieldValue::Latents(latents.into_iter().collect());
            let equality = op.is_equality();
            let value = match field.kind() {
                Kind::Latents
                    if op == Comparator::Has && latents == FieldValue::Latents(Vec::new()) =>
                {
                    return None;
                }
                Kind::Latents if equality || op == Comparator::Has => latents,
                _ if none == 0 && equality && field.kind() != Kind::Latents => FieldValue::None,
                Kind::Number | Kind::Latents => number,
                Kind::Rung if op != Comparator::Has => FieldValue::Rung(rung),
                Kind::Truth => FieldValue::Truth(yes),
                Kind::Rung | Kind::Text => FieldValue::Text(text),
            };
            Some(Term { field, op, value })
        },
    )
}

proptest! {
    #[test]
    fn nothing_typed_makes_it_panic(text in ".{0,60}") {
        if let Ok(filter) = Filter::parse(&text) {
            let _ = filter.admits(&item(), &notes());
        }
    }

    #[test]
    fn almost_right_text_does_not_either(
        text in "((rung|steps|needed|text|p)?(=|!=|<|>=|~)?(USED|3|1,2|none|\"a b\"|\")? ?){0,5}"
    ) {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }

    #[test]
    fn what_is_written_is_read_again(terms in proptest::collection::vec(term(), 0..5)) {
        let filter = Filter(terms);
        let text = filter.to_string();
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }
}
