//! Pages and the manner of an ablation: requests, stale results, and navigation.

use std::collections::BTreeSet;

use crate::core::types::{
    Ablation, AblationValue, Direction, DonorRef, LatentIdx, Layers, Propagation, Site, Study,
    StudyKind,
};
use crate::explorer::app::Msg;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{JobState, Phase};
use crate::explorer::app::overlay::{ListKind, Overlay};
use crate::explorer::app::page::{Left, Page};
use crate::explorer::app::studies::{StudyEnd, Wish};
use crate::explorer::tests::fixture::studies;
use crate::explorer::tests::harness::Bench;
use crate::explorer::ui::fit;
use crate::explorer::worker::protocol::{Event, Request, RunId, StudyRequest};

const OPENED: [(&str, Page); 6] = [
    ("s", Page::Sweep),
    ("S", Page::Lattice),
    ("f", Page::Influence),
    ("E", Page::Exits),
    ("c", Page::Compare),
    ("L", Page::Layers),
];

fn set(latents: &[usize]) -> BTreeSet<LatentIdx> {
    latents.iter().copied().map(LatentIdx).collect()
}

fn asked_studies(bench: &mut Bench) -> Vec<(StudyKind, Ablation, Option<u32>)> {
    let requests = bench.take_requests().into_iter();
    requests
        .filter_map(|request| match request {
            Request::Study(StudyRequest {
                kind,
                manner,
                token,
                ..
            }) => Some((kind, manner, token)),
            _ => None,
        })
        .collect()
}

#[test]
fn every_part_of_the_manner_has_a_key_and_asks_again() {
    let mut bench = Bench::ready();
    bench.play("2 space");
    for (key, manner) in [
        ("v", "mean"),
        ("w", "mean at hidden"),
        ("d", "mean at hidden, direct"),
        ("w", "mean at kv, direct"),
        ("d", "mean at kv"),
        ("b", "mean at kv, denoising"),
        ("b", "mean at kv"),
    ] {
        bench.take_effects();
        bench.keys(key);
        assert_eq!(bench.app.run.ablation.manner(), manner);
        if bench.app.run.is_stale() {
            let wanted = Request::Ablate {
                id: bench.app.run.live.id,
                ablation: bench.app.run.ablation.clone(),
            };
            assert!(bench.take_requests().contains(&wanted), "{key}: {manner}");
            // The sets were computed for another manner and do not apply.
            assert!(bench.text(120, 40).contains("stale"), "{key}");
        }
        bench.settle();
        assert!(!bench.app.run.is_stale(), "{key}");
        assert!(bench.text(120, 40).contains(manner), "{key}");
    }
    bench.play("u u u u u u u u");
    assert_eq!(bench.app.run.ablation, Ablation::default());
}

#[test]
fn donors_are_matched_by_a_key_where_steps_are_known() {
    let mut bench = Bench::ready();
    bench.play("2 space");
    bench.take_effects();
    bench.keys("=");
    assert!(bench.app.run.ablation.matched);
    let wanted = Request::Ablate {
        id: bench.app.run.live.id,
        ablation: bench.app.run.ablation.clone(),
    };
    assert!(bench.take_requests().contains(&wanted));
    bench.settle();
    assert!(bench.text(120, 40).contains("resample matched"));
    // Only resample ablation has donors that can be matched.
    bench.play("v");
    assert!(!bench.app.run.ablation.matched);
    bench.play("=");
    assert!(!bench.app.run.ablation.matched && bench.notice().contains("resample"));
    bench.play("u =");
    assert!(
        !bench.app.run.ablation.matched,
        "the same key takes it back"
    );
    bench.play("=");
    assert!(bench.app.run.ablation.matched);
    // A typed question has no known steps: matching can be undone, but not requested again.
    bench.play("n type:Tom_has_2_pens. enter =");
    assert!(!bench.app.run.ablation.matched);
    bench.play("=");
    assert!(!bench.app.run.ablation.matched && bench.notice().contains("steps are not known"));
}

#[test]
fn the_comparison_shows_no_clean_figures_in_place_of_those_to_come() {
    let mut bench = Bench::ready();
    bench.play("c");
    let both_clean = bench.text(120, 40);
    assert_eq!(both_clean.matches("correct").count(), 3, "{both_clean}");
    bench.play("c");
    bench.keys("2 space c");
    let text = bench.text(120, 40);
    assert!(text.contains("off 2, not computed yet"), "{text}");
    assert_eq!(
        text.matches("correct").count(),
        2,
        "the label and the left side"
    );
    assert!(
        !text
            .lines()
            .any(|line| line.starts_with('\u{2260}') && line.contains("latent"))
    );
    bench.settle();
    assert!(!bench.text(120, 40).contains("not computed"));
}

#[test]
fn who_waits_for_the_reference_set_sees_how_far_it_is() {
    let mut bench = Bench::ready();
    bench.keys("2 space");
    bench.send(Msg::Worker(Event::Reference { done: 37, all: 256 }));
    let text = bench.text(120, 40);
    assert!(text.contains("recomputing · reference set 37 of 256 · esc stops"));
    assert!(bench.text(80, 24).contains("reference set 37 of 256"));
    bench.send(Msg::Worker(Event::Reference {
        done: 256,
        all: 256,
    }));
    assert!(!bench.text(120, 40).contains("reference set 256"));
    assert!(bench.text(120, 40).contains("recomputing"));
    bench.settle();
    assert!(!bench.app.run.is_stale());
    // A page that waits for the reference set shows that too.
    let mut bench = Bench::ready();
    bench.keys("s");
    bench.send(Msg::Worker(Event::Reference { done: 3, all: 256 }));
    assert!(bench.text(120, 40).contains("reference set 3 of 256"));
}

#[test]
fn the_list_of_values_and_the_prompts_set_the_manner() {
    let mut bench = Bench::ready();
    bench.play("V");
    let Some(Overlay::List(list)) = &bench.app.chrome.overlay else {
        panic!("the list is open");
    };
    assert_eq!(list.kind, ListKind::Values);
    assert_eq!(list.len(&bench.app), AblationValue::ALL.len());
    bench.play("type:permute enter");
    assert_eq!(bench.app.run.ablation.value, AblationValue::Permute);
    bench.play("B type:12/3 enter");
    let donor = DonorRef {
        problem: 12,
        latent: Some(LatentIdx(3)),
    };
    assert_eq!(bench.app.run.ablation.value, AblationValue::Donor);
    assert_eq!(bench.app.run.ablation.donor, Some(donor));
    bench.play("B ctrl-u type:x enter");
    assert_eq!(
        bench.app.run.ablation.donor,
        Some(donor),
        "nonsense is refused"
    );
    bench.play("esc v");
    assert_eq!(bench.app.run.ablation.value, AblationValue::KvBlock);
    assert_eq!(bench.app.run.ablation.donor, None);
    bench.play("K type:3-5 enter");
    let layers = Layers { first: 3, last: 5 };
    assert_eq!(bench.app.run.ablation.layers, Some(layers));
    bench.play("v");
    assert_eq!(
        bench.app.run.ablation.layers, None,
        "resample has no layers"
    );
    bench.play("K");
    assert_eq!(bench.app.chrome.overlay, None);
    assert!(bench.notice().contains("kv"));
    bench.play("w w K type:2 enter K ctrl-u enter");
    assert_eq!(
        (bench.app.run.ablation.site, bench.app.run.ablation.layers),
        (Site::Kv, None)
    );
    for _ in 0..7 {
        bench.play("v");
    }
    assert_eq!(
        bench.app.run.ablation.donor,
        Some(donor),
        "the donor is remembered"
    );
}

#[test]
fn an_impossible_manner_says_why_and_another_one_goes_on() {
    let mut bench = Bench::ready();
    bench.play("2 space");
    let good = bench.app.run.shown.clone();
    bench.keys("v");
    bench.app.run.live.exits = JobState::Done;
    bench.send(Msg::Worker(Event::Failed {
        id: Some(bench.app.run.live.id),
        work: crate::explorer::worker::protocol::JobKind::Ablation,
        message: "mean is not there".to_owned(),
        hint: "v takes another value".to_owned(),
    }));
    assert_eq!(bench.app.run.shown, good, "the last good answer stays");
    assert!(bench.app.run.is_stale() && !bench.app.run.live.is_busy());
    for size in [(80, 24), (120, 40)] {
        let text = bench.text(size.0, size.1);
        assert!(text.contains("mean is not there"), "{text}");
        assert!(text.contains("stale"), "{text}");
    }
    bench.keys("v");
    assert_eq!(bench.app.chrome.failure, None);
    assert!(bench.app.run.is_stale() && bench.app.run.live.ablation == JobState::Waiting);
}

#[test]
fn the_sets_are_computed_once_unasked_and_answer_a_toggle_at_once() {
    let mut bench = Bench::starting();
    bench.settle();
    let asked = asked_studies(&mut bench);
    assert_eq!(asked, [(StudyKind::Lattice, Ablation::default(), None)]);
    assert!(!bench.app.is_busy());
    bench.keys("2");
    bench.settle();
    bench.keys("space");
    assert!(bench.app.run.is_stale());
    let text = bench.text(120, 40);
    assert!(text.contains("from the lattice, details coming"), "{text}");
    assert!(
        text.contains("✗ flipped") && text.contains("−6.21"),
        "{text}"
    );
    bench.settle();
    assert!(!bench.text(120, 40).contains("from the lattice"));
    bench.play("v space");
    assert_eq!(
        asked_studies(&mut bench),
        [],
        "another manner is not computed unasked"
    );
}

#[test]
fn a_page_asks_for_its_study_unless_it_is_here() {
    for (key, page) in OPENED {
        let mut bench = Bench::ready();
        bench.play(key);
        assert_eq!(bench.app.chrome.page, page);
        let asked: Vec<StudyKind> = asked_studies(&mut bench).into_iter().map(|a| a.0).collect();
        // The sets are computed before they are requested.
        let expected = page.study().filter(|kind| *kind != StudyKind::Lattice);
        assert_eq!(asked, expected.into_iter().collect::<Vec<_>>(), "{key}");
        bench.play(key);
        assert_eq!(bench.app.chrome.page, Page::Run, "{key} again goes back");
        bench.play(key);
        assert_eq!(asked_studies(&mut bench), [], "{key}: it is held");
        bench.play("esc");
        assert_eq!(bench.app.chrome.page, Page::Run);
        assert!(!bench.app.is_busy());
    }
}

#[test]
fn a_study_of_another_manner_is_stale_and_asked_for_again() {
    for (key, kind) in [
        ("S", StudyKind::Lattice),
        ("s", StudyKind::Sweep),
        ("f", StudyKind::Influence),
    ] {
        let mut bench = Bench::ready();
        bench.play(key);
        bench.take_effects();
        bench.keys("v");
        let manner = Ablation {
            value: AblationValue::Mean,
            ..Ablation::default()
        };
        assert_eq!(asked_studies(&mut bench), [(kind, manner.clone(), None)]);
        assert!(bench.text(80, 24).contains("stale"), "{key}");
        let wish = Wish::new(kind, &manner, None);
        assert!(!bench.app.run.studies.has(&wish));
        bench.hear(1);
        assert!(
            !bench.app.run.studies.has(&wish),
            "{key}: only a part is here"
        );
        assert!(!bench.text(80, 24).contains("stale"), "{key}");
        bench.settle();
        assert!(bench.app.run.studies.has(&wish));
        assert!(!bench.app.is_busy());
        bench.play("u");
        assert_eq!(bench.app.run.ablation, Ablation::default());
        assert!(
            !bench.text(80, 24).contains("stale"),
            "{key}: it was asked again"
        );
    }
    let mut bench = Bench::ready();
    bench.play("L");
    bench.take_effects();
    bench.keys("v");
    assert_eq!(
        asked_studies(&mut bench),
        [],
        "the layers are of the clean run"
    );
    bench.keys("T");
    assert!(matches!(
        asked_studies(&mut bench).as_slice(),
        [(StudyKind::Layers, _, Some(_))]
    ));
    assert!(bench.text(80, 24).contains("stale"));
}

#[test]
fn a_study_of_an_older_run_is_dropped_and_a_new_run_forgets_all() {
    let mut bench = Bench::ready();
    bench.play("s");
    assert!(bench.app.run.sweep().is_some());
    bench.keys("]");
    assert!(bench.app.run.sweep().is_none() && bench.app.run.lattice().is_none());
    assert_eq!(bench.app.chrome.page, Page::Sweep, "the page stays open");
    bench.send(Msg::Worker(Event::Study {
        id: RunId(1),
        study: Box::new(Study::Sweep(studies::sweep(&Ablation::default()))),
    }));
    assert!(bench.app.run.sweep().is_none());
    bench.settle();
    assert!(bench.app.run.sweep().is_some_and(|sweep| sweep.complete));
}

#[test]
fn escape_on_a_page_stops_its_study_first() {
    let mut bench = Bench::ready();
    bench.keys("s");
    bench.hear(1);
    bench.take_effects();
    bench.keys("esc");
    assert_eq!(bench.take_effects(), [Effect::Send(Request::Cancel)]);
    assert_eq!(bench.app.chrome.page, Page::Sweep);
    assert!(!bench.app.is_busy());
    assert_eq!(
        bench.app.run.sweep().map(|sweep| sweep.cells.len()),
        Some(27)
    );
    let wish = bench.app.wish().expect("a page with a study");
    assert_eq!(bench.app.run.studies.ended(&wish), Some(&StudyEnd::Stopped));
    assert!(bench.text(80, 24).contains("stopped, r resumes"));
    bench.keys("r");
    assert_eq!(asked_studies(&mut bench).len(), 1);
    bench.keys("esc esc");
    assert_eq!(bench.app.chrome.page, Page::Run);
    bench.take_effects();
    bench.keys("esc");
    assert_eq!(bench.take_effects(), []);
}

#[test]
fn a_study_that_cannot_be_made_says_why_on_its_page_alone() {
    let mut bench = Bench::ready();
    bench.keys("f");
    bench.send(Msg::Worker(Event::Failed {
        id: Some(bench.app.run.live.id),
        work: crate::explorer::worker::protocol::JobKind::Study,
        message: "permute needs two latents".to_owned(),
        hint: "v takes another value".to_owned(),
    }));
    assert_eq!(bench.app.chrome.failure, None);
    assert!(!bench.app.is_busy());
    assert!(bench.text(80, 24).contains("permute needs two latents"));
    bench.take_effects();
    bench.keys("v");
    assert_eq!(asked_studies(&mut bench).len(), 1);
    bench.keys("esc esc");
    assert!(!bench.text(80, 24).contains("permute needs"));
}

#[test]
fn a_superseded_study_ends_nothing_else() {
    let mut bench = Bench::ready();
    bench.play("2 space s");
    bench.keys("v");
    let id = bench.app.run.live.id;
    bench.send(Msg::Worker(Event::Cancelled { id }));
    assert_eq!(bench.app.run.live.ablation, JobState::Waiting);
    assert!(bench.app.run.studies.asked().is_some());
    bench.settle();
    assert!(!bench.app.is_busy() && !bench.app.run.is_stale());
}

#[test]
fn enter_goes_to_the_run_with_the_latents_of_the_cell_off_and_can_be_undone() {
    let mut bench = Bench::ready();
    bench.frame(80, 24);
    bench.play("s right down");
    bench.keys("enter");
    assert_eq!(bench.app.chrome.page, Page::Run);
    assert_eq!(bench.app.run.ablation.off, set(&[1, 3, 4]));
    assert_eq!(bench.app.run.ablation.direction, Direction::Denoising);
    bench.settle();
    assert!(!bench.app.run.is_stale());
    bench.play("u");
    assert_eq!(bench.app.run.ablation, Ablation::default());

    bench.play("s up down down enter");
    assert_eq!(bench.app.run.ablation.off, set(&[2]));
    assert_eq!(bench.app.run.ablation.value, AblationValue::Mean);
    assert_eq!(bench.app.run.ablation.direction, Direction::Noising);

    // A cell that cannot be ablated shows why, and the page stays.
    bench.play("u s g down down down down down down down down enter");
    assert_eq!(bench.app.chrome.page, Page::Sweep);
    assert_eq!(bench.notice(), "one latent cannot be permuted");
    // The last row is the pair of 3 and 4.
    bench.play("G enter");
    assert_eq!(bench.app.run.ablation.off, set(&[3, 4]));

    bench.play("a S G enter");
    assert_eq!(bench.app.run.ablation.off, set(&[1, 2, 3, 4]));
    bench.play("u f down enter");
    assert_eq!(bench.app.run.ablation.off, set(&[2]));
    bench.play("E G enter");
    assert_eq!(bench.app.run.latent_under_cursor(), Some(LatentIdx(4)));
    bench.play("L right right enter");
    assert_eq!(bench.app.run.latent_under_cursor(), Some(LatentIdx(2)));
    bench.play("c enter");
    assert_eq!(
        bench.app.chrome.page,
        Page::Compare,
        "there is nothing to go to"
    );
}

#[test]
fn the_sets_are_walked_in_columns() {
    let mut bench = Bench::ready();
    bench.play("S");
    bench.frame(80, 24);
    let rows = fit(&bench.app, &bench.theme, bench.screen).rows;
    assert_eq!(rows, 8);
    bench.play("down right");
    assert_eq!(bench.app.cursor().row, 9);
    bench.play("right");
    assert_eq!(bench.app.cursor().row, 9, "there is no third column");
    bench.play("left up up");
    assert_eq!(bench.app.cursor().row, 0);
}

#[test]
fn what_belongs_to_the_run_waits_for_the_run() {
    let mut bench = Bench::ready();
    bench.play("2 s");
    let before = (
        bench.app.run.live.cursor,
        bench.app.run.ablation.clone(),
        bench.app.chrome.focus,
    );
    bench.play("space a 3 tab z");
    let after = (
        bench.app.run.live.cursor,
        bench.app.run.ablation.clone(),
        bench.app.chrome.focus,
    );
    assert_eq!(before, after);
    assert_eq!(bench.app.chrome.page, Page::Sweep);
    assert!(!bench.app.chrome.zoomed);
}

#[test]
fn the_run_before_can_be_put_at_the_left() {
    let mut bench = Bench::ready();
    assert!(bench.app.run.other.is_none());
    bench.play("c C");
    assert_eq!(bench.app.run.left, Left::Clean, "nothing was open before");
    bench.play("e type:_Really? enter");
    assert_eq!(bench.app.chrome.page, Page::Compare);
    bench.play("C");
    assert_eq!(bench.app.run.left, Left::Previous);
    let text = bench.text(120, 40);
    assert!(text.contains("[Really?]"), "{text}");
    bench.play("esc m down enter c");
    let text = bench.text(120, 40);
    assert!(text.contains("mini-math-sim"), "{text}");
    assert_eq!(bench.app.run.live.phase, Phase::Done);
}

#[test]
fn a_switched_off_latent_shows_in_the_comparison() {
    let mut bench = Bench::ready();
    bench.play("2 space c");
    let text = bench.text(120, 40);
    assert!(text.contains("off 2, resample"), "{text}");
    assert!(text.contains('≠'), "{text}");
    bench.play("d");
    assert_eq!(bench.app.run.ablation.propagation, Propagation::Direct);
    assert!(bench.text(120, 40).contains("off 2, resample, direct"));
}

#[test]
fn any_keys_on_any_page_never_panic() {
    const KEYS: [&str; 52] = [
        "left",
        "right",
        "up",
        "down",
        "home",
        "end",
        "pageup",
        "pagedown",
        "g",
        "G",
        "enter",
        "esc",
        "s",
        "S",
        "f",
        "E",
        "c",
        "L",
        "C",
        "T",
        "v",
        "w",
        "d",
        "b",
        "V",
        "B",
        "K",
        "space",
        "a",
        "1",
        "3",
        "tab",
        "z",
        "u",
        "ctrl-r",
        "r",
        "]",
        "[",
        "M",
        "?",
        ":",
        "i",
        "t",
        "x",
        "backspace",
        "h",
        "j",
        "k",
        "l",
        "2",
        "-",
        "/",
    ];
    let mut bench = Bench::ready();
    let mut seed: u32 = 11;
    let mut random = move |n: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(seed >> 8).unwrap_or(0) % n
    };
    for i in 0..3_000 {
        let name = KEYS[random(KEYS.len())];
        let name = if name == "-" { "minus" } else { name };
        bench.keys(name);
        match random(4) {
            0 => bench.settle(),
            1 => bench.hear(1 + random(3)),
            _ => {}
        }
        if i % 3 == 0 {
            let (width, height) = [(50, 12), (80, 24), (120, 40), (200, 60), (99, 13)][random(5)];
            bench.frame(width, height);
        }
    }
    bench.settle();
}
