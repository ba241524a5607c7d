//! The data-set view: opening a run, its keys, its contents, and the way to a problem and back.

use ratatui::style::{Color, Modifier};

use crate::core::problem::Split;
use crate::core::types::Rung;
use crate::explorer::app::dataset::{Column, RunActivity, RunEvent, RunRequest};
use crate::explorer::app::effect::Effect;
use crate::explorer::app::overlay::{Overlay, PromptKind};
use crate::explorer::app::{App, Msg, Page, update};
use crate::explorer::session::store::Noted;
use crate::explorer::session::{Note, Target};
use crate::explorer::tests::fixture::dataset::{FOLDER, header, heard, item, options, rows};
use crate::explorer::tests::fixture::{model, problems, verdict};
use crate::explorer::tests::harness::Bench;
use crate::explorer::ui::glyphs::{ASCII, UNICODE};
use crate::explorer::ui::theme::Theme;
use crate::explorer::worker::protocol::Request;
use crate::lab::rows::Data;
use crate::lab::rows::calibration::{self, AtRung, Calibration};
use crate::lab::rows::summary::{RunItem, key};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn picture(name: &str, drawn: &str) {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, drawn);
    });
}

fn run_requests(bench: &mut Bench) -> Vec<RunRequest> {
    let effects = bench.take_effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Runs(request) => Some(request),
            _ => None,
        })
        .collect()
}

fn hear(bench: &mut Bench, event: RunEvent) {
    let ticket = bench.app.dataset.ticket();
    bench.send(Msg::Run { ticket, event });
}

/// Replaces the filter.
fn filter(bench: &mut Bench, text: &str) {
    bench.keys("/ ctrl-u");
    bench.send(Msg::Paste(text.to_owned()));
    bench.keys("enter");
}

#[test]
fn a_run_that_was_asked_for_is_opened_and_said() {
    let mut app = App::new(options());
    let effects = app.start();
    for msg in heard(&app, &effects, 40, 60) {
        update(&mut app, msg);
    }
    let said = app.chrome.notice.as_ref().map(|notice| notice.text.clone());
    assert_eq!(
        said.as_deref(),
        Some("a run of 40 problems is open, D shows it")
    );
    let run = app.dataset.run.as_ref().expect("open");
    assert!(!run.is_whole() && run.of == 60 && run.name() == "mini-math-test");
    // Late messages of a run that is no longer open change nothing.
    let late = Msg::Run {
        ticket: 0,
        event: RunEvent::Items(vec![RunItem::default()]),
    };
    update(&mut app, late);
    assert_eq!(app.dataset.shown.len(), 40);
}

#[test]
fn rows_are_filtered_sorted_and_walked() {
    let mut bench = Bench::with_run(60, 60);
    bench.frame(120, 40);
    bench.keys("j j down");
    assert_eq!(bench.app.dataset.item().map(|item| item.index), Some(3));
    // The cursor stays on its problem while others are filtered out.
    filter(&mut bench, "index>=2 steps>=2");
    assert_eq!(bench.app.dataset.item().map(|item| item.index), Some(3));
    let all: Vec<RunItem> = (0..60).map(item).collect();
    let wanted = all.iter().filter(|i| i.index >= 2 && i.steps >= 2).count();
    assert_eq!(bench.app.dataset.shown.len(), wanted);
    assert_eq!(bench.app.dataset.figures.n, wanted);
    bench.keys("G");
    assert_eq!(bench.app.dataset.row, wanted - 1);
    bench.keys("g pagedown");
    assert!(bench.app.dataset.row > 5);
    // An invalid expression keeps the old filter and shows the position of the error.
    filter(&mut bench, "rnug=USED");
    let Some(Overlay::Prompt(prompt)) = &bench.app.chrome.overlay else {
        panic!("the prompt stays open");
    };
    assert!(matches!(&prompt.kind, PromptKind::Filter(Some(wrong)) if wrong.at == 0));
    assert_eq!(bench.app.dataset.shown.len(), wanted);
    assert!(bench.text(80, 24).contains("there is no field rnug"));
    bench.keys("esc");
    filter(&mut bench, "");
    assert_eq!(bench.app.dataset.shown.len(), 60);
    for column in Column::ALL {
        assert_eq!(bench.app.dataset.sort, column);
        let text = bench.text(120, 40);
        assert!(text.contains('↑'), "{column:?}: {text}");
        bench.keys("right");
    }
    bench.keys("left left left r");
    assert_eq!(bench.app.dataset.sort, Column::First);
    assert!(bench.app.dataset.reversed && bench.text(120, 40).contains("first↓"));
}

#[test]
fn enter_opens_the_problem_with_its_recorded_verdict_and_d_comes_back() {
    let mut bench = Bench::with_run(60, 60);
    bench.frame(120, 40);
    bench.keys("j j enter");
    let asked = run_requests(&mut bench);
    let [RunRequest::Read { index, offset, .. }] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!((*index, *offset), (2, 200));
    let problem = problems().remove(1);
    let run = bench.app.dataset.run.as_mut().expect("a run is open");
    let item = run.items.iter_mut().find(|item| item.index == 2);
    item.expect("it is there").key = key(&problem.question);
    hear(
        &mut bench,
        RunEvent::Problem {
            rows: rows(&problem, 2),
        },
    );
    assert_eq!(bench.app.chrome.page, Page::Run);
    assert_eq!(bench.app.run.session.problem.as_ref(), Some(&problem));
    assert!(bench.app.run.session.origin.contains("run mini-math-test"));
    // Immediately, before the model has answered.
    assert_eq!(bench.app.run.session.verdict, Some(verdict(Rung::Used)));
    let text = bench.text(120, 40);
    assert!(text.contains("recorded by run mini-math-test"), "{text}");
    let requests = bench.take_requests();
    assert!(
        matches!(requests.as_slice(), [Request::Run(_)]),
        "{requests:?}"
    );
    bench.settle();
    let requests = bench.take_requests();
    let judged = requests
        .iter()
        .any(|r| matches!(r, Request::Verify { .. } | Request::EarlyExit { .. }));
    assert!(
        !judged,
        "what is recorded is not computed again: {requests:?}"
    );
    // Counts the run's problems with this rung, with n and interval.
    let text = bench.text(200, 60);
    assert!(text.contains("problems with this rung on this"), "{text}");
    bench.keys("D");
    assert_eq!(bench.app.dataset.item().map(|item| item.index), Some(2));
    bench.keys("D");
    // Running it again recomputes the verdict.
    bench.play("r");
    assert_eq!(bench.app.run.kept.recorded, None);
    assert!(
        bench
            .take_requests()
            .iter()
            .any(|r| matches!(r, Request::Verify { .. }))
    );
}

#[test]
fn a_verdict_of_another_model_is_not_shown() {
    for change in [0, 1, 2, 3] {
        let mut bench = Bench::with_run(10, 10);
        if let Some(run) = &mut bench.app.dataset.run {
            match change {
                0 => run.header.model.sha256 = "ff".repeat(32),
                1 => run.header.control = Some("random-weights".to_owned()),
                2 => run.header.model.dtype = "bf16".to_owned(),
                _ => run.header.settings.latents = 9,
            }
        }
        assert!(bench.text(120, 40).contains('≠'), "{change}");
        let problem = problems().remove(1);
        hear(
            &mut bench,
            RunEvent::Problem {
                rows: rows(&problem, 2),
            },
        );
        assert_eq!(bench.app.run.session.problem.as_ref(), Some(&problem));
        assert_eq!(bench.app.run.session.verdict, None, "{change}");
        assert!(
            bench.notice().contains("its verdict is not shown"),
            "{}",
            bench.notice()
        );
        bench.settle();
        assert!(
            bench.app.run.session.verdict.is_some(),
            "it is computed here"
        );
        assert_eq!(bench.app.calibration(), None, "{change}");
    }
}

#[test]
fn calibration_counts_other_problems_with_the_same_rung() {
    let mut bench = Bench::with_run(60, 60);
    let rung = bench.app.run.session.verdict.as_ref().map(|v| v.rung);
    let others = (1..60).map(item).filter(|item| item.rung() == rung);
    let correct: Vec<bool> = others.filter_map(|item| item.correct).collect();
    let found = bench.app.calibration().expect("a run of the model is open");
    assert_eq!(found.right.n, correct.len());
    assert_eq!(found.right.hits, correct.iter().filter(|c| **c).count());
    assert!(found.others, "the open problem is one of them and left out");
    if let Some(run) = &mut bench.app.dataset.run {
        run.items.retain(|item| item.rung() != rung);
    }
    assert_eq!(bench.app.calibration(), None, "never without n");
}

/// A calibration of the loaded model on generated problems of a split: answers with the rung, by question key.
fn calibration_of(bench: &Bench, split: &str, at: AtRung) -> Calibration {
    let info = bench.app.model.info().expect("a model").clone();
    let header = header(3);
    Calibration {
        schema: calibration::SCHEMA.to_owned(),
        version: String::new(),
        model: calibration::Of {
            name: info.name.clone(),
            sha256: info.sha256.clone(),
            dtype: info.dtype.clone(),
            behaviour: info.behaviour.clone(),
            n_latents: info.n_latents,
        },
        data: Data {
            origin: format!("generated {split} problems, seed 0"),
            sha256: split.to_owned(),
            ..header.data
        },
        verdict: header.settings.verdict,
        top_k: 5,
        reference: String::new(),
        rungs: vec![at],
    }
}

fn rung(bench: &Bench) -> Rung {
    let verdict = bench.app.run.session.verdict.as_ref();
    verdict.expect("a verdict").rung
}

#[test]
fn without_a_run_the_models_own_calibration_counts() {
    let mut bench = Bench::ready();
    bench.settle();
    let open = bench.app.run.session.problem.as_ref().expect("a problem");
    let at = AtRung::new(rung(&bench), vec![key(&open.question), 2, 3, 4], vec![5]);
    let own = calibration_of(&bench, "test", at);
    assert_eq!(bench.app.calibration(), None, "nothing is known");
    let mut other = own.clone();
    "ff".clone_into(&mut other.model.sha256);
    bench.app.dataset.calibrations = vec![other, own];
    let found = bench.app.calibration().expect("the second is its own");
    assert_eq!((found.right.hits, found.right.n), (3, 4));
    assert!(found.others, "the open problem is left out");
    let text = bench.text(200, 60);
    assert!(
        text.contains("Of 4 other problems with PRESENT or PRESENT?"),
        "{text}"
    );
}

#[test]
fn a_calibration_counts_only_for_problems_of_its_data() {
    let mut bench = Bench::ready();
    bench.settle();
    let of = |bench: &Bench, split, right: &[u64]| {
        let at = AtRung::new(rung(bench), right.to_vec(), vec![5]);
        calibration_of(bench, split, at)
    };
    let shares = |bench: &Bench| bench.app.calibration().map(|found| found.right.n);
    let (test, hard) = (of(&bench, "test", &[2, 3]), of(&bench, "hard", &[]));
    // The list contains test problems of a different seed than the calibration's.
    bench.app.dataset.calibrations = vec![hard.clone(), test.clone()];
    assert_eq!(shares(&bench), Some(3));
    bench.app.library.split = Some(Split::Hard);
    assert_eq!(shares(&bench), Some(1), "its own rates");
    bench.app.dataset.calibrations = vec![test.clone()];
    assert_eq!(
        shares(&bench),
        None,
        "test problems say nothing of hard ones"
    );
    bench.app.library.split = None;
    assert_eq!(shares(&bench), None, "problems of a file");
    let text = bench.text(200, 60);
    assert!(
        text.contains("Accuracy at this rung is unknown for"),
        "{text}"
    );
    let open = bench.app.run.session.problem.as_ref().expect("a problem");
    let known = of(&bench, "test", &[key(&open.question), 2]);
    bench.app.dataset.calibrations = vec![known];
    assert_eq!(shares(&bench), Some(2), "the file's problem is one of them");
}

#[test]
fn of_a_typed_question_no_share_is_known() {
    let mut bench = Bench::with_run(60, 60);
    let at = AtRung::new(rung(&bench), vec![2, 3], vec![5]);
    bench.app.dataset.calibrations = vec![calibration_of(&bench, "test", at)];
    let of_run = bench.app.calibration().expect("a problem of the run");
    assert_ne!(of_run.right.n, 3);
    if let Some(problem) = &mut bench.app.run.session.problem {
        problem.question.push_str(" Say why.");
    }
    assert_eq!(bench.app.calibration(), None);
    // Another problem of the list belongs to the calibration's data, not to the run's.
    let listed = bench.app.library.problems[1].clone();
    bench.app.run.session.problem = Some(listed);
    let listed = bench.app.calibration().expect("of the same generator");
    assert_eq!(listed.right.n, 3);
    assert!(!listed.others);
}

#[test]
fn a_run_is_started_watched_paused_and_gone_on_with() {
    let mut bench = Bench::ready();
    bench.keys("D n");
    let Some(Overlay::Prompt(prompt)) = &bench.app.chrome.overlay else {
        panic!("options are asked for");
    };
    assert!(prompt.field.text().contains("--limit 200"));
    bench.keys("ctrl-u");
    bench.send(Msg::Paste(format!("--limit 9 --out {FOLDER}")));
    bench.keys("enter");
    let started = run_requests(&mut bench);
    let [RunRequest::Start { model, options, .. }] = started.as_slice() else {
        panic!("{started:?}");
    };
    assert_eq!(
        (model.as_str(), options.as_str()),
        ("mini-math", "--limit 9 --out /runs/mini-math-test")
    );
    assert_eq!(bench.app.dataset.work, RunActivity::Running);
    hear(
        &mut bench,
        RunEvent::Started {
            folder: FOLDER.into(),
        },
    );
    for msg in heard(&bench.app, &bench.effects, 3, 9) {
        bench.send(msg);
    }
    let text = bench.text(120, 40);
    assert!(
        text.contains("3 of 9 problems · running, p or quitting pauses"),
        "{text}"
    );
    // The explorer stays usable and shows the progress of the run.
    bench.play("esc 2 space");
    assert!(bench.text(120, 40).contains("data set 3 of 9"));
    bench.play("D o");
    assert!(
        bench.notice().contains("under way"),
        "another run would hide it"
    );
    bench.take_effects();
    bench.keys("p");
    assert_eq!(run_requests(&mut bench), [RunRequest::Pause]);
    assert_eq!(bench.app.dataset.work, RunActivity::Pausing);
    bench.keys("p");
    assert_eq!(run_requests(&mut bench), []);
    let ended = |code| RunEvent::Ended {
        code,
        said: "error: no room".to_owned(),
    };
    hear(&mut bench, ended(Some(130)));
    assert_eq!(bench.app.dataset.work, RunActivity::None);
    assert!(bench.notice().contains("paused"));
    bench.keys("p");
    let again = run_requests(&mut bench);
    let [RunRequest::Start { options: same, .. }] = again.as_slice() else {
        panic!("{again:?}");
    };
    assert_eq!(same, options, "the same command goes on");
    hear(&mut bench, ended(Some(3)));
    let text = bench.text(120, 40);
    assert!(text.contains("the run ended: error: no room"), "{text}");
    bench.keys("p");
    hear(&mut bench, RunEvent::Items((3..9).map(item).collect()));
    hear(&mut bench, ended(Some(0)));
    let text = bench.text(120, 40);
    assert!(text.contains("9 of 9 problems · complete"), "{text}");
    bench.take_effects();
    bench.keys("p");
    assert_eq!(run_requests(&mut bench), []);
    // A refused start shows the reason, and the options can be corrected.
    bench.keys("n enter");
    hear(&mut bench, RunEvent::Refused("--limit is odd".to_owned()));
    assert_eq!(bench.app.dataset.work, RunActivity::None);
    assert!(bench.notice().contains("odd"));
    bench.keys("n");
    let Some(Overlay::Prompt(prompt)) = &bench.app.chrome.overlay else {
        panic!("options are asked for");
    };
    assert!(prompt.field.text().contains("--limit 9"));
}

#[test]
fn a_run_that_was_only_opened_is_gone_on_with_by_its_header() {
    let mut bench = Bench::with_run(4, 9);
    assert!(bench.text(80, 24).contains("partial, p resumes"));
    bench.keys("p");
    let asked = run_requests(&mut bench);
    let [RunRequest::Start { options, .. }] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert!(
        options.contains("--limit 9") && options.contains(FOLDER),
        "{options}"
    );
}

#[test]
fn keys_of_the_run_do_nothing_behind_the_table() {
    let mut bench = Bench::with_run(10, 10);
    let before = (
        bench.app.run.ablation.clone(),
        bench.app.run.session.clone(),
    );
    for key in [
        "space", "a", "v", "w", "d", "b", "=", "i", "t", "x", "e", "]", "z", "1",
    ] {
        bench.play(key);
        assert_eq!(
            (&bench.app.run.ablation, &bench.app.run.session),
            (&before.0, &before.1),
            "{key}"
        );
        assert_eq!(bench.app.chrome.overlay, None, "{key}");
    }
    // The page's own keys do nothing elsewhere.
    bench.play("esc");
    bench.take_effects();
    bench.play(": type:filter-rows enter");
    assert!(!matches!(
        &bench.app.chrome.overlay,
        Some(Overlay::Prompt(_))
    ));
}

#[test]
fn a_run_that_cannot_be_read_says_so_in_one_place() {
    let mut bench = Bench::with_run(3, 10);
    hear(
        &mut bench,
        RunEvent::Failed("\"/runs/a/rows.jsonl\":7: \u{1b}[31mthis is no row".to_owned()),
    );
    for (width, height) in SIZES {
        let text = bench.text(width, height);
        assert!(text.contains("rows.jsonl\":7"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
    let mut bench = Bench::ready();
    bench.keys("D o ctrl-u type:/no enter");
    assert!(bench.text(80, 24).contains("Opening /no"));
    hear(
        &mut bench,
        RunEvent::Failed("there is no run in \"/no\"".to_owned()),
    );
    assert!(bench.text(80, 24).contains("there is no run"));
}

/// The states of the page.
fn states() -> impl Iterator<Item = (&'static str, Bench)> {
    let played = |keys: &str| {
        let mut bench = Bench::with_run(60, 100);
        bench.frame(120, 40);
        bench.keys(keys);
        bench
    };
    let mut refused = played("");
    if let Some(run) = &mut refused.app.dataset.run {
        run.items[0].refused = Some("the question is too long".to_owned());
    }
    let mut empty = Bench::with_run(0, 9);
    empty.keys("tab");
    let mut unasked = Bench::ready();
    unasked.keys("D");
    vec![
        ("table", played("j j")),
        ("figures", played("tab")),
        ("filter", played("/ type:steps>=")),
        ("wrong", played("/ type:steps>= enter")),
        ("start", played("n")),
        ("none", played("/ type:index>900 enter")),
        ("refused", refused),
        ("empty", empty),
        ("without", unasked),
    ]
    .into_iter()
}

#[test]
fn every_state_of_the_page_survives_every_size_and_theme() {
    for (name, mut bench) in states() {
        for width in (44..=130).step_by(3) {
            for height in 10..=46 {
                bench.frame(width, height);
            }
        }
        for (width, height) in SIZES {
            let text = bench.text(width, height);
            let footer = text.lines().last().unwrap_or_default();
            assert!(footer.contains("? help"), "{name}: {footer}");
            bench.theme = Theme::palette(&ASCII);
            let text = bench.text(width, height);
            let foreign: String = text.chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(foreign, "", "{name} at {width}x{height}\n{text}");
            bench.theme = Theme::plain(&UNICODE);
            let buffer = bench.frame(width, height);
            let colours = buffer
                .content
                .iter()
                .any(|c| (c.fg, c.bg) != (Color::Reset, Color::Reset));
            assert!(!colours, "{name} at {width}x{height}");
            if name == "table" {
                let reversed = buffer
                    .content
                    .iter()
                    .any(|c| c.modifier.contains(Modifier::REVERSED));
                assert!(reversed, "{name} shows what is selected");
            }
            bench.theme = Theme::palette(&UNICODE);
            for cell in &bench.frame(width, height).content {
                let allowed = [
                    Color::Reset,
                    Color::Cyan,
                    Color::LightBlue,
                    Color::Green,
                    Color::Red,
                    Color::Magenta,
                ];
                assert!(allowed.contains(&cell.fg), "{name}: {:?}", cell.fg);
            }
        }
    }
}

#[test]
fn foreign_text_in_a_run_stays_in_its_cells() {
    for text in [
        "\u{1b}[31mred\u{1b}[2J",
        "tab\there\n",
        "\u{202e}reversed",
        "日本語のとても長い文字列",
    ] {
        let mut bench = Bench::with_run(4, 9);
        if let Some(run) = &mut bench.app.dataset.run {
            run.folder = text.into();
            run.header.data.origin = text.to_owned();
            run.header.model.name = text.to_owned();
            run.header.model.sha256 = text.to_owned();
        }
        bench.app.dataset.failure = Some(text.to_owned());
        for (width, height) in SIZES {
            let drawn = bench.text(width, height);
            assert!(
                !drawn.chars().any(|c| c.is_control() && c != '\n'),
                "{text:?}"
            );
            for line in drawn.lines() {
                assert!(crate::core::text::width(line) <= width.into(), "{line}");
            }
        }
    }
}

#[test]
fn pictures_of_the_data_set() {
    for (width, height) in SIZES {
        let mut bench = Bench::with_run(412, 1000);
        bench.frame(width, height);
        bench.keys("j j j");
        picture(
            &format!("data_{width}x{height}"),
            &bench.snapshot(width, height),
        );
        bench.keys("tab");
        picture(
            &format!("data_figures_{width}x{height}"),
            &bench.text(width, height),
        );
    }
    let mut bench = Bench::with_run(412, 412);
    bench.theme = Theme::palette(&ASCII);
    filter(&mut bench, "rung>=PRESENT steps>=3");
    picture("data_ascii_120x40", &bench.text(120, 40));
    bench.theme = Theme::palette(&UNICODE);
    bench.keys("/ type:_steps=three enter");
    picture("data_wrong_filter_80x24", &bench.text(80, 24));
    let mut bench = Bench::ready();
    bench.keys("D");
    picture("data_without_run_80x24", &bench.text(80, 24));
    bench.keys("n");
    picture("data_start_80x24", &bench.text(80, 24));
    assert_eq!(header(3).data.n, 3);
}

#[test]
fn notes_of_earlier_sessions_are_counted_with_those_of_this_one() {
    let mut bench = Bench::with_run(10, 10);
    let on = item(2);
    let note = |text: &str, written_at| Note {
        target: Target::Problem,
        tag: None,
        text: text.to_owned(),
        author: "Ann".to_owned(),
        written_at,
    };
    let saved = |question: &str, notes: &[Note]| Noted {
        key: crate::explorer::session::SessionKey::of(Some(&model()), question),
        notes: notes.to_vec(),
    };
    let earlier = [note("look again", 5), note("as \u{1b}[31mred", 9)];
    let open = bench.app.run.session.question().to_owned();
    bench.send(Msg::Noted(vec![
        saved(&on.question, &earlier),
        // The same notes in another file, and some on the open problem that were removed here.
        saved(&on.question, &earlier[1..]),
        saved(&open, &earlier),
    ]));
    bench.keys("j j");
    assert_eq!(bench.app.dataset.item().map(|item| item.index), Some(2));
    let text = bench.text(160, 40);
    assert!(text.contains("2 notes, last “as ␛[31mred”"), "{text}");
    // A note of this session on the open problem counts too.
    bench.app.run.session.notes.push(note("mine", 10));
    let own = key(&open);
    bench.keys("D D");
    let count = |key| bench.app.dataset.notes.get(&key).map(Vec::len);
    assert_eq!((count(on.key), count(own)), (Some(2), Some(1)));
    bench.keys("left r");
    assert_eq!(bench.app.dataset.sort, Column::Notes);
    assert_eq!(bench.app.dataset.item().map(|item| item.key), Some(on.key));
}
