//! Forward chaining: traces found without the gold one, and the verifier (docs/methods.md M6).

use super::super::gather::GatheredRun;
use super::super::published::Paper;
use super::{Beside, beside, gap, group};
use crate::core::stats::{Share, count, float};
use crate::lab::present::document::{Cell, Part, Section, Table};
use crate::lab::present::plot::Plot;
use crate::lab::rows::kept::KeptChaining;

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun) -> Section {
    let chains: Vec<&KeptChaining> = run.items.iter().filter_map(|i| i.chain.as_ref()).collect();
    let is_paper = chains.iter().any(|chain| chain.required != [None; 3]);
    let mut text = vec![
        "A trace that ends in the model's own answer is looked for in what is decoded of the latents; the gold answer is not used. \
         In paper mode a step counts as verified when the latents follow at least 1, 2 or 3 of three edits of the question."
            .to_owned(),
    ];
    let mut parts: Vec<Part> = Vec::new();
    if chains.is_empty() {
        text.push("The run holds no forward chaining.".to_owned());
    }
    if is_paper {
        parts.push(required(run).into());
        parts.extend(plot(run).map(Part::from));
        parts.push(rewrite(run).into());
    } else if !chains.is_empty() {
        text.push("The rows are not of paper mode, so there is no published verifier.".to_owned());
        parts.push(ours(run).into());
    }
    Section {
        id: "forward-chaining",
        title: "Forward chaining".to_owned(),
        text,
        parts,
    }
}

/// Returns the shares of correct or wrong answers whose trace is found, and found and verified, under one setting.
fn shares(run: &GatheredRun, correct: bool, passes: usize) -> (Share, Share) {
    let of = group(run, correct).filter_map(|item| item.chain?.required[passes - 1]);
    (
        count(of.clone().map(|(found, _)| found)),
        count(of.map(|(_, verified)| verified)),
    )
}

fn required(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "forward-chaining",
        "Traces found and verified (Figure 5)",
        "The gap is the share of verified traces among correct answers less that among wrong ones, with Newcombe's 95 % interval. \
         Verified says that latents follow edits; it does not say that the answer depends on them.",
        &[
            ("required", "Edits required"),
            ("correct_found", "Correct: found"),
            ("wrong_found", "Wrong: found"),
            ("correct_verified", "Correct: verified"),
            ("wrong_verified", "Wrong: verified"),
            ("gap", "Gap, verified"),
            ("detectable", "Detectable"),
            ("published", "Published, correct"),
            ("p", "p, published"),
        ],
    );
    let paper = Paper::of(&run.header);
    for passes in 1..=3 {
        let (correct_found, correct) = shares(run, true, passes);
        let (wrong_found, wrong) = shares(run, false, passes);
        let Beside { published, p, note } = beside(
            &format!("Correct answers verified at {passes}/3"),
            correct,
            paper.and_then(|paper| paper.verified(passes)),
            paper.is_some_and(Paper::is_chain_set),
        );
        table.notes.extend(note);
        let [gap, detectable] = gap(correct, wrong);
        table.push(vec![
            Cell::text(format!("{passes}/3")),
            Cell::of(correct_found),
            Cell::of(wrong_found),
            Cell::of(correct),
            Cell::of(wrong),
            gap,
            detectable,
            published,
            p,
        ]);
    }
    table
}

fn plot(run: &GatheredRun) -> Option<Plot> {
    Plot::correct_and_wrong(
        [
            "verified",
            "Verified traces by edits required",
            "Share of correct and of wrong answers with a verified trace; thin lines are Wilson 95 % intervals.",
        ],
        ["edits required", "share verified"],
        ["1/3", "2/3", "3/3"].map(str::to_owned).to_vec(),
        |correct, place| shares(run, correct, place + 1).1,
    )
}

fn rewrite(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "rewrite-control",
        "The published rewriting, nothing edited",
        "The published verifier writes every question anew from a template, which loses percent signs, commas and number words. \
         Where the unedited rewriting changes the answer, a failed edit may be the rewriting's fault.",
        &[("answers", "Answers"), ("same", "Answer kept")],
    );
    let share = |correct: Option<bool>| {
        let of = run.items.iter();
        let of = of.filter(|item| correct.is_none() || item.correct == correct);
        Cell::share(of.filter_map(|item| item.chain?.rewrite_same))
    };
    for (name, correct) in [
        ("all", None),
        ("correct", Some(true)),
        ("wrong", Some(false)),
    ] {
        table.push(vec![Cell::text(name), share(correct)]);
    }
    table
}

fn ours(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "forward-chaining",
        "Traces found by our search",
        "Found in this problem's latents, and the mean share of other problems' latents in which the same search reaches the same \
         answer (bootstrap 95 % interval over problems).",
        &[
            ("answers", "Answers"),
            ("found", "Found"),
            ("null", "By chance"),
        ],
    );
    for (name, correct) in [("correct", true), ("wrong", false)] {
        let chains: Vec<KeptChaining> = group(run, correct).filter_map(|item| item.chain).collect();
        let chance = chains.iter().filter_map(|chain| chain.null);
        let chance: Vec<f64> = chance.map(|c| float(c.hits) / float(c.n)).collect();
        table.push(vec![
            Cell::text(name),
            Cell::share(chains.iter().map(|chain| chain.found)),
            super::mean_share(&chance, super::Unit::Share),
        ]);
    }
    table
}
