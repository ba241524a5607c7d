//! The three findings on a model: whether latents are needed, whether the gold trace is in them, and whether traces are
//! verified more often for correct answers.

use super::super::gather::GatheredRun;
use super::{compared, gap, group, mean_share};
use crate::core::stats::paired::Pairs;
use crate::core::stats::{Share, count, float};
use crate::core::types::{AblationValue, AnswerOutcome, Rung, Variants};
use crate::lab::present::document::{Cell, Section, Table, Unit};
use crate::lab::rows::kept::{KeptGold, KeptVerdict};
use crate::lab::rows::summary::RunItem;

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun) -> Section {
    Section {
        id: "findings",
        title: "Necessity, decodability, verification".to_owned(),
        text: vec![
            "The paper's three findings, checked on this model: answers are often unchanged without the latents; where they are needed the \
             gold trace can often be decoded; and a verified trace is found more often behind correct answers."
                .to_owned(),
        ],
        parts: vec![
            necessity(run).into(),
            decodability(run).into(),
            verified(run).into(),
        ],
    }
}

/// The outcome of an ablation, and whether the answer is correct then and in the clean run.
#[derive(Clone, Copy)]
struct Changed {
    outcome: AnswerOutcome,
    correct: Option<bool>,
    clean: Option<bool>,
}

fn necessity(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "necessity",
        "The answer without the latents",
        "Unchanged is the share of problems that keep the model's own answer, of several donors with every one; mixed is the share that \
         keeps it with some donors and not with others; correct is the share that gives the gold one (of several donors the most \
         frequent answer), compared with the clean run on the same problems (Newcombe's interval for pairs, McNemar's exact test). An \
         unchanged answer says that latents are not needed for it, not that they hold nothing.",
        &[
            ("condition", "Condition"),
            ("same", "Answer unchanged"),
            ("mixed", "Mixed"),
            ("correct", "Correct"),
            ("difference", "Less clean run"),
            ("p", "p, McNemar"),
            ("detectable", "Detectable"),
        ],
    );
    let mut push = |name: String, of: &[Changed]| {
        if of.is_empty() {
            return;
        }
        let both = of.iter().filter_map(|c| Some((c.correct?, c.clean?)));
        let (with, clean): (Vec<bool>, Vec<bool>) = both.unzip();
        let pairs = Pairs::count(&with, &clean).expect("both lists are as long");
        let [difference, p, detectable] = compared(pairs);
        let outcomes = |wanted| Cell::share(of.iter().map(|c| c.outcome == wanted));
        table.push(vec![
            Cell::text(name),
            outcomes(AnswerOutcome::Stands),
            outcomes(AnswerOutcome::Mixed),
            Cell::share(of.iter().filter_map(|c| c.correct)),
            difference,
            p,
            detectable,
        ]);
    };
    let without: Vec<Changed> = run.items.iter().filter_map(no_latents).collect();
    push("no latents".to_owned(), &without);
    for value in AblationValue::ALL {
        let of: Vec<Changed> = run.items.iter().filter_map(|i| all_off(i, value)).collect();
        push(format!("all latents off, {}", value.as_str()), &of);
    }
    let judged = || run.items.iter().filter_map(|item| item.verdict);
    let stands = count(judged().filter_map(|v| v.needed).map(|needed| !needed));
    if stands.n > 0 {
        table.notes.push(format!(
            "Answer and log-probability are unchanged without latents and with all of them resampled (the verdict's test of necessity): {}.",
            Cell::of(stands).words()
        ));
    }
    let offs = run.items.iter().filter_map(|item| item.off.as_ref());
    let single = count(
        offs.filter(|off| off.latents > 0)
            .map(|off| !off.needed.is_empty()),
    );
    if single.n > 0 {
        let value = run.header.settings.value;
        let most = value
            .variant_name()
            .map_or_else(String::new, |name| format!(", most {name}s"));
        table.notes.push(format!(
            "Some single latent, switched off alone ({}{most}), changes the answer: {}.",
            value.as_str(),
            Cell::of(single).words()
        ));
    }
    table
}

fn no_latents(item: &RunItem) -> Option<Changed> {
    let answers = item.accuracy.as_ref()?;
    let said = answers.no_latents?;
    Some(Changed {
        outcome: Variants::one(!said.same).outcome(),
        correct: said.correct,
        clean: answers.main.correct,
    })
}

fn all_off(item: &RunItem, value: AblationValue) -> Option<Changed> {
    let off = item
        .off
        .as_ref()?
        .all
        .iter()
        .find(|off| off.value == value)?;
    Some(Changed {
        outcome: off.outcome,
        correct: off.correct,
        clean: item.correct,
    })
}

fn gold<'a>(items: &[&'a RunItem]) -> impl Iterator<Item = &'a KeptGold> {
    items.iter().filter_map(|item| item.gold.as_ref())
}

fn decodability(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "decodability",
        "The gold trace in the latents",
        "Shares within a problem are averaged over problems, with a bootstrap 95 % interval over problems. Other problems' gold \
         traces with the same number of steps say how often chance gives the same. A verdict does not know the gold trace: PRESENT or above says \
         that some valid trace to the model's own answer is there.",
        &[
            ("measure", "Measure"),
            ("all", "All"),
            ("correct", "Correct"),
            ("wrong", "Wrong"),
        ],
    );
    let mut push = |name: &str, of: &dyn Fn(&[&RunItem]) -> Cell| {
        let mut row = vec![Cell::text(name)];
        row.push(of(&run.items.iter().collect::<Vec<_>>()));
        for correct in [true, false] {
            row.push(of(&group(run, correct).collect::<Vec<_>>()));
        }
        table.push(row);
    };
    push("gold results among the top tokens", &|items| {
        let read = gold(items).filter(|g| g.results > 0);
        let read: Vec<f64> = read.map(|g| float(g.read) / float(g.results)).collect();
        mean_share(&read, Unit::Share)
    });
    push("gold trace in order", &|items| {
        Cell::share(gold(items).filter_map(|g| g.in_order))
    });
    let others = |g: &KeptGold| float(g.others_in_order) / float(g.others);
    push("others' gold trace in order", &|items| {
        let found = gold(items).filter(|g| g.others > 0);
        mean_share(&found.map(others).collect::<Vec<_>>(), Unit::Share)
    });
    push("own less others'", &|items| {
        let found = gold(items).filter(|g| g.others > 0);
        let own = |g: &KeptGold| g.in_order.map(|holds| f64::from(u8::from(holds)));
        let gain = found.filter_map(|g| Some(own(g)? - others(g)));
        mean_share(&gain.collect::<Vec<_>>(), Unit::Points)
    });
    push("verdict PRESENT or above", &|items| {
        Cell::share(
            items
                .iter()
                .filter_map(|i| Some(i.verdict?.rung.is_sound())),
        )
    });
    push("a trace was found, needed or not", &|items| {
        Cell::share(items.iter().filter_map(|i| Some(i.verdict?.has_trace)))
    });
    table
}

/// The name and accessor of a criterion for verified traces.
type Verified = (&'static str, fn(&RunItem) -> Option<bool>);

/// Returns whether a verdict is at or above a rung, from PRESENT up.
#[must_use]
pub fn reaches(verdict: &KeptVerdict, rung: Rung) -> bool {
    let height = |rung: Rung| match rung {
        Rung::Present => 1,
        Rung::Tracks => 2,
        Rung::Used => 3,
        _ => 0,
    };
    height(verdict.rung) >= height(rung)
}

const VERIFIED: [Verified; 4] = [
    ("published verifier, 2/3", |item| {
        Some(item.chain?.required[1]?.1)
    }),
    ("verdict PRESENT or above", |item| {
        Some(reaches(&item.verdict?, Rung::Present))
    }),
    ("verdict TRACKS or above", |item| {
        Some(reaches(&item.verdict?, Rung::Tracks))
    }),
    ("verdict USED", |item| {
        Some(reaches(&item.verdict?, Rung::Used))
    }),
];

fn verified(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "verification",
        "Verified on correct and on wrong answers",
        "The gap is the share among correct answers less that among wrong ones (Newcombe's 95 % interval). No rung looks at the gold \
         answer, so a gap is evidence and not a definition.",
        &[
            ("measure", "Measure"),
            ("correct", "Correct"),
            ("wrong", "Wrong"),
            ("gap", "Gap"),
            ("detectable", "Detectable"),
        ],
    );
    for (name, holds) in VERIFIED {
        let share = |correct| -> Share { count(group(run, correct).filter_map(holds)) };
        let (correct, wrong) = (share(true), share(false));
        if correct.n + wrong.n == 0 {
            continue;
        }
        let [gap, detectable] = gap(correct, wrong);
        table.push(vec![
            Cell::text(name),
            Cell::of(correct),
            Cell::of(wrong),
            gap,
            detectable,
        ]);
    }
    table
}
