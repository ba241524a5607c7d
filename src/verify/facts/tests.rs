//! Tests of facts.

use super::*;

/// Formats every fact as `from operator to`, then the query.
fn read(question: &str) -> String {
    let facts = match parse(question) {
        Ok(facts) => facts,
        Err(why) => return format!("{why:?}"),
    };
    let name = |n: Node| facts.nodes[n].clone();
    let mut out: Vec<String> = facts
        .facts
        .iter()
        .map(|f| format!("{} {} {}", name(f.from), f.relation.as_str(), name(f.to)))
        .collect();
    let (start, end) = facts.entity_range;
    out.push(match &facts.query {
        Query::Which { options } => {
            format!(
                "{}? {}",
                &question[start..end],
                options
                    .iter()
                    .map(|o| name(*o))
                    .collect::<Vec<_>>()
                    .join("|")
            )
        }
        Query::Claim { to, negative } => format!(
            "{}? {}{}",
            &question[start..end],
            if *negative { "not " } else { "" },
            name(*to)
        ),
    });
    out.join(", ")
}

#[test]
fn both_families_are_read() {
    for (question, expected) in [
        (
            "Every gorpus is a bompus. Tom is a gorpus. Is Tom a bompus or flonk?",
            "gorpus is-a bompus, tom is-a gorpus, Tom? bompus|flonk",
        ),
        (
            "Tom is a gorpus. Tom is a gorpus. Is Tom a gorpus or a flonk?",
            "tom is-a gorpus, Tom? gorpus|flonk",
        ),
        (
            "Every impus is an orpus. Every orpus is not happy. Tom is an impus. True or false: Tom is not happy.",
            "impus is-a orpus, orpus is-not happy, tom is-a impus, Tom? not happy",
        ),
        (
            "Brimpuses are not luminous. Each yumpus is a lorpus. Gorpuses are yumpuses. Lempuses are cold. Fae is a brimpus. True or false: Fae is a lorpus.",
            "brimpus is-not luminous, yumpus is-a lorpus, gorpus is-a yumpus, lempus is cold, fae is-a brimpus, Fae? lorpus",
        ),
        (
            "A cat is a pet. Cats are happy. Pets are loud. Tom is a cat. True or false: Tom is loud.",
            "cat is-a pet, cat is happy, pet is loud, tom is-a cat, Tom? loud",
        ),
        (
            "Each yumpus is a lorpus. Fae is a yumpus. Is the following statement true or false? Fae is not a lorpus.",
            "yumpus is-a lorpus, fae is-a yumpus, Fae? not lorpus",
        ),
        (
            "Each yumpus is a lorpus. Fae is a yumpus. Is the following statement true or false?",
            "NoQuery",
        ),
        ("", "NoFacts"),
        ("Is Tom a bompus or flonk?", "NoFacts"),
        ("Every gorpus is a bompus.", "NoQuery"),
        (
            "Every gorpus eats bompuses. Is Tom a bompus or flonk?",
            "SentenceUnread(\"Every gorpus eats bompuses\")",
        ),
    ] {
        assert_eq!(read(question), expected, "{question}");
    }
}

#[test]
fn a_fact_knows_its_sentence() {
    let question = "Every gorpus is a bompus. Tom is a gorpus. Is Tom a bompus or flonk?";
    let facts = parse(question).expect("a plain question");
    let texts: Vec<&str> = facts
        .facts
        .iter()
        .map(|f| &question[f.start..f.end])
        .collect();
    assert_eq!(texts, ["Every gorpus is a bompus", "Tom is a gorpus"]);
}
