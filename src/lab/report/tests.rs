//! Tests every printed figure against the rows behind it, and reports on sparse runs.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;

use super::gather::GatheredRun;
use super::made::{self, HOSTILE};
use super::report;
use crate::core::stats::{Share, count};
use crate::core::types::{AblationValue, Rung};
use crate::lab::present::document::{Cell, Document, Part, Table};
use crate::lab::present::write::{csv, html, json, markdown, svg};
use crate::lab::rows::calibration::Calibration;
use crate::lab::rows::journal::Journal;
use crate::lab::rows::row::{self, Body, Row};
use crate::lab::rows::{Experiment, FILE, RowsHeader, Shard};

fn read(header: &RowsHeader, rows: &[Row]) -> GatheredRun {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = Journal::open(folder.path(), header).expect("a new folder");
    journal.append(rows).expect("a disk");
    GatheredRun::read(folder.path()).expect("rows")
}

fn whole(n: usize) -> (Vec<Row>, GatheredRun) {
    let header = made::header(n);
    let rows = made::rows(&header);
    let run = read(&header, &rows);
    (rows, run)
}

fn table<'a>(report: &'a Document, id: &str) -> &'a Table {
    let mut parts = report.sections.iter().flat_map(|section| &section.parts);
    let found = parts.find_map(|part| match part {
        Part::Table(table) if table.id == id => Some(table),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no table {id}"))
}

fn points<'a>(
    report: &'a Document,
    id: &str,
    series: usize,
) -> &'a [crate::lab::present::plot::Point] {
    let mut parts = report.sections.iter().flat_map(|section| &section.parts);
    let found = parts.find_map(|part| match part {
        Part::Plot(plot) if plot.id == id => Some(&plot.series[series].points),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no plot {id}"))
}

fn text(report: &Document) -> String {
    markdown::document(report).to_string()
}

fn share(cell: &Cell) -> Share {
    match cell {
        Cell::Share(share) => *share,
        other => panic!("{other:?} is no share"),
    }
}

fn value(cell: &Cell) -> f64 {
    match cell {
        Cell::Number(value, _) | Cell::Estimate { value, .. } | Cell::P(value) => *value,
        other => panic!("{other:?} is no number"),
    }
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

/// Iterates over the rows of one experiment as (row, whether the answer is correct, result).
macro_rules! results {
    ($rows:expr, $kind:ident) => {
        $rows.iter().filter_map(|row| match &row.body {
            Body::$kind(Some(found)) => Some((row, row.correct == Some(true), found)),
            _ => None,
        })
    };
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn accuracy_and_early_stopping_are_those_of_the_rows() {
    let (rows, run) = whole(60);
    let report = report(&run, None, &[]);
    let accuracy = table(&report, "accuracy");
    let main = || results!(rows, Accuracy).map(|(_, _, found)| found);
    let right = count(main().map(|found| found.main.correct == Some(true)));
    assert_eq!(share(accuracy.cell(0, "correct")), right);
    close(
        value(accuracy.cell(0, "tokens")),
        mean(main().map(|found| found.main.tokens as f64)),
    );
    close(value(accuracy.cell(0, "published")), 0.331);
    assert_eq!(*accuracy.cell(0, "p"), Cell::None("other problems"));
    let modes = table(&report, "mode-differences");
    let without = || {
        main().map(|f| {
            (
                f.no_latents.as_ref().and_then(|s| s.correct),
                f.main.correct,
            )
        })
    };
    let only = |a, b| without().filter(|pair| *pair == (Some(a), Some(b))).count();
    assert_eq!(*modes.cell(0, "mode_only"), Cell::Count(only(true, false)));
    assert_eq!(*modes.cell(0, "main_only"), Cell::Count(only(false, true)));
    close(
        value(modes.cell(0, "difference")),
        (only(true, false) as f64 - only(false, true) as f64) / 60.0,
    );

    let early = || results!(rows, EarlyStopping).map(|(_, _, found)| found);
    let first: Vec<f64> = early()
        .filter_map(|e| e.first_match)
        .map(|k| 100.0 * k as f64 / 6.0)
        .collect();
    let stopping = table(&report, "early-stopping");
    let centre = mean(first.iter().copied());
    let spread = mean(first.iter().map(|v| (v - centre).powi(2))).sqrt();
    match stopping.cell(0, "mean") {
        Cell::Spread { mean, sd } => {
            close(*mean, centre);
            close(*sd, spread);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(*stopping.cell(0, "n"), Cell::Count(first.len()));
    assert_eq!(
        *stopping.cell(0, "undefined"),
        Cell::Count(60 - first.len())
    );
    assert!(first.len() < 60, "some never give the free answer");
    for k in 0..=6 {
        let gold = |row: &Row| (row.index + 1).to_string();
        let right =
            results!(rows, EarlyStopping).map(|(row, _, e)| e.exits[k].value == Some(gold(row)));
        close(points(&report, "early-exit", 1)[k].y, count(right).accuracy);
        let answers = results!(rows, EarlyStopping).zip(main());
        let free = answers.map(|((_, _, e), a)| e.exits[k].value == a.main.answer);
        close(points(&report, "early-exit", 0)[k].y, count(free).accuracy);
    }
}

#[test]
fn traces_are_those_of_the_rows() {
    let (rows, run) = whole(60);
    let report = report(&run, None, &[]);
    let found = || {
        results!(rows, Backtracking)
            .filter_map(|(row, ok, b)| Some((row, ok, b.published.as_ref()?)))
    };
    let of = |correct: bool, holds: &dyn Fn(&row::PublishedSearch) -> bool| {
        count(
            found()
                .filter(|(_, ok, _)| *ok == correct)
                .map(|(_, _, p)| holds(p)),
        )
    };
    let back = table(&report, "backtracking");
    assert_eq!(share(back.cell(0, "correct")), of(true, &|p| p.without));
    assert_eq!(share(back.cell(1, "correct")), of(true, &|p| p.any_without));
    assert_eq!(share(back.cell(2, "wrong")), of(false, &|p| p.with));
    assert_eq!(share(back.cell(3, "wrong")), of(false, &|p| p.any_with));
    let with_base = found().filter(|(_, ok, p)| *ok && !p.baselines.is_empty());
    let five = count(
        with_base
            .clone()
            .map(|(_, _, p)| p.baselines.iter().any(|b| b.1)),
    );
    assert_eq!(share(back.cell(7, "correct")), five);
    assert_eq!(
        share(back.cell(4, "correct")),
        count(with_base.map(|(_, _, p)| p.baselines[0].0))
    );
    assert_eq!(
        share(back.cell(8, "wrong")),
        of(false, &|p| p.gold_in_top10)
    );
    let top = found().filter(|(_, ok, p)| !ok && p.gold_in_top10);
    assert_eq!(
        share(back.cell(3, "wrong_gold")),
        count(top.map(|(_, _, p)| p.any_with))
    );
    assert_eq!(*back.cell(7, "published"), Cell::figure("2 to 8 %"));
    let steps = table(&report, "backtracking-by-steps");
    let two = found().filter(|(row, ok, _)| *ok && row.steps == 2);
    assert_eq!(*steps.cell(1, "steps"), Cell::Count(2));
    assert_eq!(
        share(steps.cell(1, "with")),
        count(two.map(|(_, _, p)| p.any_with))
    );

    let chains =
        |correct: bool| results!(rows, ForwardChaining).filter(move |(_, ok, _)| *ok == correct);
    let chaining = table(&report, "forward-chaining");
    for (i, name) in ["1/3", "2/3", "3/3"].iter().enumerate() {
        assert_eq!(*chaining.cell(i, "required"), Cell::text(*name));
        let verified = |c: bool| {
            count(chains(c).map(|(_, _, f)| f.required[i].found && f.required[i].verified))
        };
        assert_eq!(share(chaining.cell(i, "correct_verified")), verified(true));
        assert_eq!(share(chaining.cell(i, "wrong_verified")), verified(false));
        let gap = verified(true).accuracy - verified(false).accuracy;
        close(value(chaining.cell(i, "gap")), gap);
        let found = count(chains(true).map(|(_, _, f)| f.required[i].found));
        assert_eq!(share(chaining.cell(i, "correct_found")), found);
    }
    let same = count(
        results!(rows, ForwardChaining).filter_map(|(_, _, f)| Some(f.rewrite.as_ref()?.same)),
    );
    assert_eq!(
        share(table(&report, "rewrite-control").cell(0, "same")),
        same
    );
}

#[test]
fn an_answer_that_some_donors_flip_is_not_unchanged() {
    let header = made::header(40);
    let mut rows = made::rows(&header);
    let offs = rows.iter_mut().filter_map(|row| match &mut row.body {
        Body::Ablation(Some(found)) => Some(&mut found.all),
        _ => None,
    });
    for off in offs.flatten() {
        if off.value == AblationValue::Resample {
            (off.n, off.flips, off.flipped) = (16, 9, true);
        }
    }
    let run = read(&header, &rows);
    let report = report(&run, None, &[]);
    let necessity = table(&report, "necessity");
    let name = Cell::text("all latents off, resample");
    let row = necessity.rows.iter().position(|row| row[0] == name);
    let row = row.expect("resample was run");
    assert_eq!(share(necessity.cell(row, "same")).hits, 0);
    let mixed = share(necessity.cell(row, "mixed"));
    assert!(mixed.n > 0 && mixed.hits == mixed.n, "{mixed:?}");
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn findings_and_verdicts_are_those_of_the_rows() {
    let (rows, run) = whole(60);
    let report = report(&run, None, &[]);
    let necessity = table(&report, "necessity");
    let off = |value| {
        results!(rows, Ablation)
            .filter_map(move |(_, _, a)| a.all.iter().find(|off| off.value == value))
    };
    let row = necessity
        .rows
        .iter()
        .position(|row| row[0] == Cell::text("all latents off, zero"));
    let row = row.expect("zero was run");
    assert_eq!(
        share(necessity.cell(row, "same")),
        count(off(AblationValue::Zero).map(|o| !o.flipped))
    );
    let right = count(off(AblationValue::Zero).map(|o| o.correct == Some(true)));
    assert_eq!(share(necessity.cell(row, "correct")), right);

    let decodability = table(&report, "decodability");
    let gold = || results!(rows, Backtracking).map(|(_, _, b)| b);
    let read = |b: &row::Backtracking| {
        b.reads.iter().filter(|r| r.latent.is_some()).count() as f64 / b.reads.len() as f64
    };
    close(value(decodability.cell(0, "all")), mean(gold().map(read)));
    assert_eq!(
        share(decodability.cell(1, "all")),
        count(gold().filter_map(|b| b.in_order))
    );
    let chance =
        |b: &row::Backtracking| b.in_order_others.iter().filter(|o| **o).count() as f64 / 5.0;
    close(value(decodability.cell(2, "all")), mean(gold().map(chance)));
    let own = |b: &row::Backtracking| Some(f64::from(u8::from(b.in_order?)));
    let gain = mean(gold().filter_map(|b| Some(own(b)? - chance(b))));
    close(value(decodability.cell(3, "all")), gain);

    let judged = || results!(rows, Verdict).map(|(_, ok, j)| (ok, &j.verdict));
    let rungs = table(&report, "rungs");
    let present = crate::core::types::Rung::ALL
        .iter()
        .position(|rung| *rung == crate::core::types::Rung::Present);
    for (i, rung) in crate::core::types::Rung::ALL.iter().enumerate() {
        // PRESENT is followed by a row of verdicts that chance may explain.
        let i = i + usize::from(present.is_some_and(|present| i > present));
        let at = |ok: bool| {
            judged()
                .filter(|(c, v)| *c == ok && v.rung == *rung)
                .count()
        };
        assert_eq!(*rungs.cell(i, "correct"), Cell::Count(at(true)), "{rung:?}");
        assert_eq!(*rungs.cell(i, "wrong"), Cell::Count(at(false)), "{rung:?}");
        if at(true) + at(false) > 0 {
            let here = Share::new(at(true), at(true) + at(false));
            assert_eq!(share(rungs.cell(i, "p_correct")), here);
        }
    }
    let verification = table(&report, "verification");
    let used = |ok: bool| {
        count(
            judged()
                .filter(|(c, _)| *c == ok)
                .map(|(_, v)| v.rung == Rung::Used),
        )
    };
    assert_eq!(share(verification.cell(3, "correct")), used(true));
    assert_eq!(share(verification.cell(3, "wrong")), used(false));
    let null = table(&report, "null");
    let rate = mean(judged().map(|(_, v)| v.null.hits as f64 / v.null.n as f64));
    close(value(null.cell(0, "chance")), rate);
    assert_eq!(
        share(null.cell(0, "own")),
        count(judged().map(|(_, v)| v.has_trace()))
    );
    let many = table(&report, "multiplicity");
    let p: Vec<f64> = judged()
        .map(|(_, v)| {
            if v.has_trace() {
                v.null.p_value.unwrap_or(1.0)
            } else {
                1.0
            }
        })
        .collect();
    assert_eq!(
        *many.cell(0, "p"),
        Cell::Count(p.iter().filter(|p| **p <= 0.05).count())
    );
    // Benjamini and Hochberg by their rule: the largest k with p(k) at most 0.05 k / m.
    let mut sorted = p.clone();
    sorted.sort_by(f64::total_cmp);
    let holds = |k: &usize| sorted[k - 1] <= 0.05 * *k as f64 / sorted.len() as f64;
    let found = (1..=sorted.len()).filter(holds).max().unwrap_or(0);
    assert_eq!(*many.cell(0, "q"), Cell::Count(found));
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn the_signals_are_those_of_the_rows() {
    let (rows, run) = whole(60);
    let report = report(&run, None, &[]);
    let signals = table(&report, "signals");
    // A tie counts one half.
    let auroc = |scores: &[(f64, bool)]| {
        let of = |ok: bool| scores.iter().filter(move |s| s.1 == ok).map(|s| s.0);
        let pairs = of(true).flat_map(|a| of(false).map(move |b| (a, b)));
        mean(pairs.map(|(a, b)| {
            if a > b {
                1.0
            } else if (a - b).abs() < 1e-15 {
                0.5
            } else {
                0.0
            }
        }))
    };
    let by_rung = |rung: Rung| match rung {
        Rung::Used => 4.0,
        Rung::Tracks => 3.0,
        Rung::Present => 2.0,
        Rung::NotNeeded => 1.0,
        Rung::NoneFound | Rung::Contradicted | Rung::Abstain => 0.0,
    };
    let verdict: Vec<(f64, bool)> = results!(rows, Verdict)
        .map(|(_, ok, j)| (by_rung(j.verdict.rung), ok))
        .collect();
    close(value(signals.cell(0, "auroc")), auroc(&verdict));
    let sure = |of: fn(&row::Confidence) -> f64| -> Vec<(f64, bool)> {
        let all = results!(rows, Accuracy);
        all.filter_map(|(_, ok, a)| Some((of(a.confidence.as_ref()?), ok)))
            .collect()
    };
    let baseline = sure(|c| c.first_probability);
    let last = signals.rows.len() - 1;
    close(value(signals.cell(last, "auroc")), auroc(&baseline));
    close(
        value(signals.cell(0, "difference")),
        auroc(&verdict) - auroc(&baseline),
    );
    close(value(signals.cell(3, "auroc")), auroc(&sure(|c| c.logprob)));
    close(
        value(signals.cell(4, "auroc")),
        auroc(&sure(|c| -c.entropy)),
    );
    let stable: Vec<(f64, bool)> = results!(rows, EarlyStopping)
        .map(|(_, ok, e)| (-(e.stable_match as f64) / 6.0, ok))
        .collect();
    close(value(signals.cell(5, "auroc")), auroc(&stable));
    let steps: Vec<(f64, bool)> = results!(rows, ForwardChaining)
        .map(|(_, ok, f)| {
            (
                f.required[1].steps.iter().filter(|s| s.verified).count() as f64,
                ok,
            )
        })
        .collect();
    close(value(signals.cell(2, "auroc")), auroc(&steps));
    let calibrated = table(&report, "calibration");
    let brier = sure(|c| c.first_probability);
    let brier = mean(
        brier
            .into_iter()
            .map(|(p, ok)| (p - f64::from(u8::from(ok))).powi(2)),
    );
    close(value(calibrated.cell(2, "brier")), brier);
    let risk = points(&report, "risk-coverage", 0);
    let end = risk.last().expect("points");
    close(end.x, 1.0);
    close(
        end.y,
        1.0 - mean(verdict.iter().map(|(_, ok)| f64::from(u8::from(*ok)))),
    );
}

#[test]
fn a_published_value_outside_the_interval_is_said() {
    let mut header = made::header(400);
    "gsm_original_test.json".clone_into(&mut header.data.origin);
    let report = report(&read(&header, &made::rows(&header)), None, &[]);
    let accuracy = table(&report, "accuracy");
    assert!(value(accuracy.cell(0, "p")) < 0.05);
    assert!(
        accuracy.notes[0].contains("above the published 33.1 %"),
        "{:?}",
        accuracy.notes
    );
}

#[test]
fn foreign_text_reaches_no_page_and_no_terminal() {
    let mut header = made::header(12);
    for name in [
        &mut header.model.name,
        &mut header.model.family,
        &mut header.data.origin,
        &mut header.settings.reference,
    ] {
        HOSTILE.clone_into(name);
    }
    let mut rows = made::rows(&header);
    rows[1].refused = Some(format!("={HOSTILE}"));
    rows[1].body = Body::none(Experiment::Accuracy);
    let run = read(&header, &rows);
    let report = report(&run, Some(&run), std::slice::from_ref(&run));
    let page = html::document(&report).expect("a page");
    let md = text(&report);
    for text in [&*page, md.as_str()] {
        assert!(!text.contains("<script"), "a tag");
        assert!(
            !text
                .chars()
                .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
        );
    }
    assert!(!md.replace("\\]", "").contains("](javascript"), "a link");
    assert!(page.contains("&lt;script&gt;"));
    for (name, contents) in csv::files(&report) {
        assert!(
            !contents.chars().any(|c| c.is_control() && c != '\n'),
            "{name}"
        );
        assert!(
            contents.lines().all(|line| !line.starts_with('=')),
            "{name}"
        );
    }
    let (_, refused) = csv::files(&report)
        .into_iter()
        .find(|(n, _)| n == "refused.csv")
        .expect("one");
    assert!(refused.contains("\"'=<script>"), "{refused}");
}

#[test]
fn a_run_without_rows_is_a_report_without_figures() {
    for n in [0, 5] {
        let run = read(&made::header(n), &[]);
        let report = report(&run, Some(&run), std::slice::from_ref(&run));
        let md = text(&report);
        assert!(md.contains("holds no problems"), "{md}");
        assert!(md.contains("cannot be computed"), "{md}");
        assert!(!md.contains("NaN") && !md.contains("inf"), "{md}");
        html::document(&report).expect("a page");
        assert_eq!(json::document(&report)["schema"], "undertone.report/1");
    }
}

#[test]
fn without_gold_answers_nothing_is_said_of_correctness() {
    let header = made::header(20);
    let mut rows = made::rows(&header);
    for row in &mut rows {
        row.correct = None;
        match &mut row.body {
            Body::Problem(Some(problem)) => problem.gold_answer.clear(),
            Body::Accuracy(Some(found)) => {
                found.main.correct = None;
                found.no_latents = None;
            }
            Body::Ablation(Some(found)) => found.all.iter_mut().for_each(|off| off.correct = None),
            _ => {}
        }
    }
    let report = report(&read(&header, &rows), None, &[]);
    let md = text(&report);
    assert!(
        md.contains("has no gold answers") && md.contains("cannot be computed"),
        "{md}"
    );
    assert_eq!(
        *table(&report, "accuracy").cell(0, "correct"),
        Cell::None("no gold answers")
    );
    assert_eq!(points(&report, "early-exit", 0).len(), 7);
    assert!(!md.contains("NaN"), "{md}");
}

#[test]
fn of_one_class_alone_no_ranking_is_printed() {
    let header = made::header(20);
    let mut rows = made::rows(&header);
    for row in &mut rows {
        row.correct = Some(true);
    }
    let run = read(&header, &rows);
    let report = report(&run, None, &[]);
    let md = text(&report);
    assert!(
        md.contains("of 20 problems with a gold answer 20 are answered correctly and 0 wrongly"),
        "{md}"
    );
    assert!(!md.contains("AUROC of"), "{md}");
    html::document(&report).expect("a page");
}

#[test]
fn refused_rows_are_counted_and_in_no_denominator() {
    let header = made::header(20);
    let mut rows = made::rows(&header);
    for row in &mut rows {
        if row.index % 4 == 0 && row.body.experiment() != Experiment::Problem {
            row.refused = Some(format!("too long: problem {}", row.index));
            row.correct = None;
            row.body = Body::none(row.body.experiment());
        }
    }
    for row in rows.iter_mut().filter(|row| row.index % 4 == 0) {
        row.correct = None;
    }
    let report = report(&read(&header, &rows), None, &[]);
    let refused = table(&report, "refused");
    assert_eq!(refused.rows.len(), 5 * 6);
    assert_eq!(share(table(&report, "accuracy").cell(0, "correct")).n, 15);
}

#[test]
fn an_unfinished_run_and_a_part_of_one_say_so() {
    let header = made::header(20);
    let rows = made::rows(&header);
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = Journal::open(folder.path(), &header).expect("a new folder");
    journal.append(&rows[..25]).expect("a disk");
    drop(journal);
    let path = folder.path().join(FILE);
    let mut file = OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("the file");
    file.write_all(b"{\"index\":3,").expect("a disk");
    let run = GatheredRun::read(folder.path()).expect("a beginning");
    assert!(run.is_torn && !run.is_whole());
    assert_eq!((run.rows, run.planned), (25, 140));
    let md = text(&report(&run, None, &[]));
    assert!(
        md.contains("is not finished: 25 of 140 rows") && md.contains("cut off within a row"),
        "{md}"
    );

    let mut header = made::header(20);
    header.shard = Shard { index: 2, of: 3 };
    let md = text(&report(&read(&header, &made::rows(&header)), None, &[]));
    assert!(md.contains("The run is shard 2/3"), "{md}");
    assert!(!md.contains("is not finished"), "{md}");
}

#[test]
fn the_rows_of_a_shard_are_counted_without_listing_them() {
    for n in 0..40 {
        for of in 1..5 {
            for index in 1..=of {
                let mut header = made::header(n);
                header.settings.batch = 3;
                header.shard = Shard { index, of };
                let run = read(&header, &[]);
                assert_eq!(run.planned, header.plan().count(), "{n} {index}/{of}");
            }
        }
    }
    let mut header = made::header(usize::MAX);
    header.settings.batch = 1;
    assert_eq!(read(&header, &[]).planned, usize::MAX);
}

#[test]
fn a_row_out_of_its_place_is_an_error_with_its_line() {
    let header = made::header(4);
    let rows = made::rows(&header);
    let folder = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = Journal::open(folder.path(), &header).expect("a new folder");
    journal.append(&rows).expect("a disk");
    drop(journal);
    let path = folder.path().join(FILE);
    let lines = fs::read_to_string(&path).expect("the file");
    let doubled: Vec<&str> = lines.lines().take(3).chain(lines.lines().skip(2)).collect();
    fs::write(&path, doubled.join("\n") + "\n").expect("a disk");
    let why = GatheredRun::read(folder.path())
        .expect_err("a row twice")
        .to_string();
    assert!(
        why.contains('4') && why.contains("problem 0 accuracy"),
        "{why}"
    );
}

#[test]
fn used_is_headlined_only_beside_a_control() {
    let (_, run) = whole(40);
    let alone = text(&report(&run, None, &[]));
    assert!(alone.contains("are not headlined"), "{alone}");
    assert!(!alone.contains("| USED, this run |"), "{alone}");
    // A run of the same model is not a control.
    let itself = text(&report(&run, None, std::slice::from_ref(&run)));
    assert!(itself.contains("does not count as one") && itself.contains("are not headlined"));
    let mut header = made::header(40);
    header.control = Some("random-weights".to_owned());
    // A subset of the same problems is reported as such; other problems are named.
    let mut fewer = made::header(30);
    fewer.control.clone_from(&header.control);
    "0f".clone_into(&mut fewer.data.sha256);
    let mut rows = made::rows(&fewer);
    let some = text(&report(&run, None, &[read(&fewer, &rows)]));
    assert!(some.contains("ran on 30 of the 40 problems."), "{some}");
    if let Body::Problem(Some(problem)) = &mut rows[0].body {
        problem.question += " Really?";
    }
    let other = text(&report(&run, None, &[read(&fewer, &rows)]));
    assert!(
        other.contains("ran on other problems, 1 of its 30"),
        "{other}"
    );
    let control = read(&header, &made::rows(&header));
    let report = report(&run, None, std::slice::from_ref(&control));
    let beside = text(&report);
    assert!(beside.contains("| USED, this run |") && !beside.contains("are not headlined"));
    let gaps = table(&report, "control-gaps");
    close(value(gaps.cell(0, "gap")), 0.0);
    let rungs = table(&report, "control-rungs");
    let used = (0..40).filter(|i| made::rung(*i) == Rung::Used).count();
    assert_eq!(*rungs.cell(1, "used"), Cell::Count(used));
}

#[test]
fn the_calibration_holds_every_rung_with_its_counts() {
    let (_, run) = whole(60);
    let made = Calibration::new(&run.header, &run.items);
    assert_eq!(made.model.sha256, run.header.model.sha256);
    assert_eq!(made.rungs.len(), 7);
    assert_eq!(made.rungs.iter().map(|at| at.n).sum::<usize>(), 60);
    let used = (0..60).filter(|i| made::rung(*i) == Rung::Used);
    let right = used.clone().filter(|i| made::is_correct(*i)).count();
    let at = &made.rungs[0];
    assert_eq!(
        (at.rung, at.n, at.correct),
        (Rung::Used, used.count(), right)
    );
    let keys: BTreeSet<u64> = made.verdicts().map(|(key, ..)| key).collect();
    assert_eq!(keys.len(), 60, "every question has its key");
    let text = serde_json::to_string(&made).expect("serialises");
    assert_eq!(Calibration::parse(&text), Ok(made));
}

#[test]
fn every_colour_of_a_figure_follows_light_and_dark() {
    let (_, run) = whole(60);
    let report = report(&run, Some(&run), &[]);
    let style = include_str!("../present/write/style.css");
    let mut colours = BTreeSet::new();
    for part in report.sections.iter().flat_map(|section| &section.parts) {
        if let Part::Plot(plot) = part {
            let drawn = svg::draw(plot).expect("a figure");
            assert!(
                drawn.starts_with("<svg role=\"img\" aria-label="),
                "{drawn}"
            );
            colours.extend(drawn.split("\"#").skip(1).map(|rest| rest[..6].to_owned()));
        }
    }
    assert!(colours.len() > 5, "{colours:?}");
    for colour in colours {
        assert!(style.contains(&format!("[fill=\"#{colour}\"]")), "{colour}");
        assert!(
            style.contains(&format!("[stroke=\"#{colour}\"]")),
            "{colour}"
        );
    }
}

#[test]
fn names_of_tables_and_plots_are_unique() {
    let (_, run) = whole(60);
    let report = report(&run, Some(&run), &[]);
    let mut names = BTreeSet::new();
    for section in &report.sections {
        assert!(names.insert(section.id.to_owned() + "/"), "{}", section.id);
        for part in &section.parts {
            let id = match part {
                Part::Table(table) => &table.id,
                Part::Plot(plot) => &plot.id,
            };
            assert!(names.insert(id.clone()), "{id} twice");
        }
    }
}
