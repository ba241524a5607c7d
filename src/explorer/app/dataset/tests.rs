//! Tests of the row order and of the statistics.

use std::collections::HashMap;

use super::figures::{AtRung, Figures};
use super::sort::{Column, sort};
use crate::core::stats::Share;
use crate::core::types::Rung;
use crate::lab::rows::kept::{self, Early, KeptExit};
use crate::lab::rows::summary::RunItem;

fn item(index: usize, correct: Option<bool>, rung: Option<Rung>) -> RunItem {
    RunItem {
        index,
        correct,
        verdict: rung.map(|rung| kept::made::judged(rung, None)),
        ..RunItem::default()
    }
}

#[test]
fn every_column_sorts_and_what_is_missing_comes_last_either_way() {
    let mut items: Vec<RunItem> = (0..5).map(|i| item(i, None, None)).collect();
    for (i, (answer, p, delta)) in [("7", 0.5, -1.0), ("yes", 0.1, -9.0), ("12", 0.3, 2.0)]
        .into_iter()
        .enumerate()
    {
        items[i].answer = Some(answer.to_owned());
        let rung = [Rung::Abstain, Rung::Used, Rung::NotNeeded][i];
        items[i].verdict = Some(kept::made::judged(rung, Some(p)));
        items[i].off = Some(kept::made::off(vec![3; i], delta));
        items[i].correct = Some(i == 1);
        items[i].key = i as u64;
        items[i].question = ["b", "c", "a"][i].to_owned();
    }
    let noted = |n| vec![crate::explorer::session::sample::session().notes[0].clone(); n];
    let notes = HashMap::from([(2, noted(4)), (1, noted(1))]);
    let order = |by, reversed| {
        let mut shown: Vec<usize> = (0..5).collect();
        sort(&mut shown, &items, by, reversed, &notes);
        shown
    };
    for (column, rising, falling) in [
        (Column::Index, [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]),
        (Column::Answer, [0, 2, 1, 3, 4], [1, 2, 0, 3, 4]),
        (Column::Correct, [0, 2, 1, 3, 4], [1, 0, 2, 3, 4]),
        (Column::Rung, [1, 2, 0, 3, 4], [0, 2, 1, 3, 4]),
        (Column::P, [1, 2, 0, 3, 4], [0, 2, 1, 3, 4]),
        (Column::Delta, [1, 0, 2, 3, 4], [2, 0, 1, 3, 4]),
        (Column::Needed, [0, 1, 2, 3, 4], [2, 1, 0, 3, 4]),
        (Column::Steps, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        (Column::First, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        (Column::Notes, [1, 2, 0, 3, 4], [2, 1, 0, 3, 4]),
        (Column::Question, [3, 4, 2, 0, 1], [1, 0, 2, 3, 4]),
    ] {
        assert_eq!(order(column, false), rising, "{column:?}");
        assert_eq!(order(column, true), falling, "{column:?} reversed");
    }
    let mut column = Column::default();
    for _ in Column::ALL {
        assert_eq!(column.next(true).next(false), column);
        column = column.next(true);
    }
    assert_eq!(column, Column::default());
}

#[test]
fn traces_that_chance_may_explain_are_counted_apart() {
    let mut items = [
        item(0, Some(true), Some(Rung::Present)),
        item(1, Some(true), Some(Rung::Present)),
        item(2, Some(true), Some(Rung::Present)),
        item(3, Some(false), Some(Rung::Present)),
        item(4, Some(true), Some(Rung::Used)),
    ];
    for (item, p) in items.iter_mut().zip([0.01, 0.2, 0.9, 0.3, 0.9]) {
        let rung = item.rung().expect("a verdict");
        item.verdict = Some(kept::made::judged(rung, Some(p)));
    }
    let figures = Figures::of(items.iter());
    let counts = |rung: Rung, by_chance: bool| {
        let mut rows = figures.rungs.iter();
        let row = rows.find(|at| (at.rung, at.by_chance) == (rung, by_chance));
        row.map(|at| (at.right.hits, at.wrong.hits))
    };
    assert_eq!(counts(Rung::Present, false), Some((1, 0)));
    assert_eq!(counts(Rung::Present, true), Some((2, 1)));
    assert_eq!(counts(Rung::Used, false), Some((1, 0)));
    assert_eq!(counts(Rung::Used, true), None);
    let all = |of: fn(&AtRung) -> Share| figures.rungs.iter().map(|at| of(at).hits).sum::<usize>();
    assert_eq!((all(|at| at.right), all(|at| at.wrong)), (4, 1));
}

#[test]
fn figures_count_what_is_known() {
    let mut items = [
        item(0, Some(true), Some(Rung::Used)),
        item(1, Some(true), Some(Rung::NotNeeded)),
        item(2, Some(false), Some(Rung::NoneFound)),
        item(3, Some(false), Some(Rung::Used)),
        item(4, None, Some(Rung::Used)),
        item(5, Some(true), None),
    ];
    for (i, item) in items.iter_mut().enumerate() {
        let wrong = [4.0, 3.0, 2.0, 1.0, 0.0, 5.0];
        item.accuracy = Some(kept::made::answers(-wrong[5 - i]));
        let exit = |k| KeptExit {
            k,
            same: true,
            correct: item.correct.map(|correct| correct && k == 1),
        };
        item.early = Some(Early {
            of: 1,
            first: None,
            stable: 0,
            exits: (0..2).map(exit).collect(),
        });
    }
    let figures = Figures::of(items.iter());
    let right = figures.right.expect("gold answers are known");
    assert_eq!((figures.n, right.n, right.hits), (6, 5, 3));
    let used = figures.rungs[0];
    assert_eq!(
        (used.rung, used.right.hits, used.right.n),
        (Rung::Used, 1, 2)
    );
    assert_eq!((used.wrong.hits, used.wrong.n), (1, 2));
    assert_eq!(figures.unknown, 1);
    assert!(figures.has_verdicts());
    let by_k: Vec<_> = figures
        .by_k
        .iter()
        .map(|(k, s)| (*k, s.hits, s.n))
        .collect();
    assert_eq!(by_k, [(0, 0, 5), (1, 3, 5)]);
    let risk = figures
        .risk
        .expect("verdicts, gold answers and log-probabilities");
    assert_eq!(risk.n, 4);
    // The two at USED are tied: one of two is wrong.
    assert_eq!(risk.by_rung, [(0.5, 0.5), (0.75, 1.0 / 3.0), (1.0, 0.5)]);
    assert_eq!(risk.by_logprob.len(), 4);
    let none = Figures::of(std::iter::empty());
    assert!(none.right.is_none() && none.risk.is_none() && !none.has_verdicts());
}
