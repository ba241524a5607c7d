//! Messages in, state and effects out, without terminal or runtime.

use std::collections::BTreeSet;

use crate::core::types::{Ablation, AblationValue, LatentIdx};
use crate::explorer::app::action::Context;
use crate::explorer::app::action::{Ablate, Action, Program};
use crate::explorer::app::effect::{Effect, ExportError, Save};
use crate::explorer::app::live::{JobState, Phase};
use crate::explorer::app::overlay::{Overlay, PromptKind};
use crate::explorer::app::{App, ModelState, Msg};
use crate::explorer::session::{Note, Session};
use crate::explorer::tests::fixture::outcome;
use crate::explorer::tests::harness::Bench;
use crate::explorer::worker::protocol::{Event, Request, RunId, RunRequest, StudyRequest};

#[test]
fn the_first_problem_runs_as_soon_as_the_model_is_ready() {
    let mut bench = Bench::starting();
    assert_eq!(
        bench.take_requests(),
        [Request::Load {
            model: "mini-math".to_owned()
        }]
    );
    bench.hear(3);
    assert!(matches!(
        bench.take_requests().as_slice(),
        [Request::Run(RunRequest { id: RunId(1), gold: Some(gold), .. })] if gold == "8"
    ));
    bench.settle();
    let id = RunId(1);
    assert_eq!(
        bench.take_requests(),
        [
            Request::Phrases {
                id,
                latent: LatentIdx(1)
            },
            Request::EarlyExit { id },
            Request::Verify { id },
            Request::Study(StudyRequest {
                id,
                kind: crate::core::types::StudyKind::Lattice,
                manner: Ablation::default(),
                token: None,
            }),
        ]
    );
    assert_eq!(bench.app.run.latent_under_cursor(), Some(LatentIdx(1)));
    assert!(!bench.app.is_busy());
}

#[test]
fn the_cursor_follows_the_run_until_it_is_moved() {
    let mut bench = Bench::starting();
    bench.hear(3);
    while bench.app.run.live.n_latents() < 2 {
        bench.hear(1);
    }
    assert_eq!(bench.app.run.latent_under_cursor(), Some(LatentIdx(2)));
    bench.keys("left");
    bench.settle();
    assert_eq!(bench.app.run.latent_under_cursor(), Some(LatentIdx(1)));
}

#[test]
fn a_toggle_is_asked_for_at_once_and_shown_as_stale_until_it_lands() {
    let mut bench = Bench::ready();
    bench.keys("2");
    bench.settle();
    bench.take_effects();
    bench.keys("space");
    assert_eq!(
        bench.take_requests(),
        [Request::Ablate {
            id: RunId(1),
            ablation: Ablation::new([2], AblationValue::Resample)
        }]
    );
    assert!(bench.app.run.is_stale());
    bench.settle();
    assert!(!bench.app.run.is_stale());
    assert!(
        bench
            .app
            .run
            .shown_outcome()
            .is_some_and(|o| o.effect.flipped)
    );
}

#[test]
fn quick_toggles_coalesce_and_the_last_one_wins() {
    let mut bench = Bench::ready();
    bench.keys("1 space 2 space 3 space");
    let wanted = Ablation::new([1, 2, 3], AblationValue::Resample);
    let id = bench.app.run.live.id;
    // The worker runs the first and the last; the one between was replaced before it started.
    for ablation in [Ablation::new([1], AblationValue::Resample), wanted.clone()] {
        assert!(bench.app.run.is_stale());
        bench.send(Msg::Worker(Event::Ablated {
            id,
            outcome: outcome(&ablation, Some("8")),
            cached: false,
        }));
    }
    assert_eq!(bench.app.run.shown, wanted);
    assert_eq!(bench.app.run.live.ablation, JobState::Done);
    bench.take_effects();
    bench.keys("2 space 3 space");
    assert!(!bench.app.run.is_stale(), "off 1 was seen before");
    let asked = bench.take_requests();
    let ablations: Vec<_> = asked
        .iter()
        .filter(|request| matches!(request, Request::Ablate { .. }))
        .collect();
    assert_eq!(ablations.len(), 1, "only off 1, 3 is new: {asked:?}");
}

#[test]
fn what_is_told_ahead_is_shown_and_not_kept() {
    let mut bench = Bench::ready();
    bench.keys("2 space");
    let wanted = Ablation::new([2], AblationValue::Resample);
    let id = bench.app.run.live.id;
    let says = |ablation: &Ablation, value: &str| {
        let mut outcome = outcome(ablation, None);
        outcome.answer.value = Some(value.to_owned());
        outcome
    };
    let ahead = |ablation: &Ablation, value| {
        let outcome = says(ablation, value);
        Msg::Worker(Event::Ahead { id, outcome })
    };
    bench.send(ahead(&Ablation::new([1], AblationValue::Resample), "7"));
    assert!(bench.app.run.is_stale(), "not what is asked for");
    bench.send(ahead(&wanted, "8"));
    assert!(!bench.app.run.is_stale() && bench.app.run.lacks_answer());
    let said = |bench: &Bench| {
        bench
            .app
            .run
            .shown_outcome()
            .and_then(|o| o.answer.value.clone())
    };
    assert_eq!(said(&bench).as_deref(), Some("8"));
    assert!(bench.app.run.session.outcomes.is_empty() && bench.app.is_busy());
    let shows = |bench: &mut Bench, mark: &str| {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let text = bench.text(width, height);
            assert!(text.contains(mark), "{text}");
        }
    };
    let donors = says(&wanted, "8").effect.variants().n;
    shows(&mut bench, &format!("so far, {donors} donors"));
    // After stopping there, it is requested again.
    bench.keys("esc");
    assert!(bench.app.run.lacks_answer() && !bench.app.is_busy());
    shows(&mut bench, "so far, r completes");
    bench.take_effects();
    bench.keys("r");
    assert!(
        bench
            .take_requests()
            .iter()
            .any(|r| matches!(r, Request::Ablate { .. }))
    );
    bench.send(Msg::Worker(Event::Ablated {
        id,
        outcome: says(&wanted, "9"),
        cached: false,
    }));
    assert!(!bench.app.run.lacks_answer());
    assert_eq!(said(&bench).as_deref(), Some("9"));
    bench.send(ahead(&wanted, "8"));
    assert_eq!(said(&bench).as_deref(), Some("9"), "too late");
    assert!(!bench.text(80, 24).contains("so far"));
}

#[test]
fn a_combination_seen_before_needs_no_request() {
    let mut bench = Bench::ready();
    bench.play("2 space space");
    bench.take_effects();
    bench.play("space");
    assert_eq!(bench.take_requests(), []);
    assert_eq!(
        bench.app.run.shown,
        Ablation::new([2], AblationValue::Resample)
    );
}

#[test]
fn events_of_an_older_run_change_nothing() {
    let mut bench = Bench::ready();
    bench.play("]");
    assert_eq!(bench.app.run.live.id, RunId(2));
    let before = format!("{:?}", bench.app.run.session);
    let stale = RunId(1);
    for event in [
        Event::Ablated {
            id: stale,
            outcome: outcome(&Ablation::new([1], AblationValue::Zero), None),
            cached: false,
        },
        Event::Cancelled { id: stale },
        Event::EarlyExit {
            id: stale,
            exits: Vec::new(),
        },
        Event::Failed {
            id: Some(stale),
            work: crate::explorer::worker::protocol::JobKind::Run,
            message: "old".to_owned(),
            hint: "old".to_owned(),
        },
    ] {
        bench.send(Msg::Worker(event));
    }
    assert_eq!(format!("{:?}", bench.app.run.session), before);
    assert_eq!(bench.app.chrome.failure, None);
    assert_eq!(bench.app.run.live.phase, Phase::Done);
}

#[test]
fn all_latents_go_off_and_on_together_and_the_value_cycles() {
    let mut bench = Bench::ready();
    bench.play("a");
    let all: BTreeSet<LatentIdx> = (1..=4).map(LatentIdx).collect();
    assert_eq!(bench.app.run.ablation.off, all);
    for value in [
        AblationValue::Mean,
        AblationValue::Zero,
        AblationValue::Noise,
        AblationValue::Permute,
        AblationValue::Skip,
        AblationValue::Token,
        AblationValue::Donor,
        AblationValue::KvBlock,
        AblationValue::Resample,
    ] {
        bench.play("v");
        assert_eq!(bench.app.run.shown.value, value);
    }
    bench.play("a");
    assert!(bench.app.run.ablation.is_clean() && !bench.app.run.is_stale());
}

#[test]
fn undo_and_redo_cover_ablations_and_notes() {
    let mut bench = Bench::ready();
    bench.play("2 space i type:odd enter t enter esc");
    assert_eq!(bench.app.run.session.notes.len(), 2);
    let last = (
        bench.app.run.session.clone(),
        bench.app.run.ablation.clone(),
    );
    bench.play("u u u");
    assert!(bench.app.run.session.notes.is_empty() && bench.app.run.ablation.is_clean());
    assert!(!bench.app.run.is_stale());
    bench.play("u");
    assert_eq!(bench.notice(), "nothing to undo");
    bench.play("ctrl-r ctrl-r ctrl-r");
    assert_eq!(
        (
            bench.app.run.session.clone(),
            bench.app.run.ablation.clone()
        ),
        last
    );
}

#[test]
fn escape_and_ctrl_c_close_then_cancel_and_never_quit_by_accident() {
    let idle = Bench::ready;
    let running = || {
        let mut bench = Bench::starting();
        bench.hear(3);
        bench.hear(2);
        bench.effects.clear();
        bench
    };
    let loading = || {
        let mut bench = Bench::starting();
        bench.effects.clear();
        bench
    };
    let ablating = || {
        let mut bench = Bench::ready();
        bench.keys("2 space");
        bench.effects.clear();
        bench
    };
    let verifying = || {
        let mut bench = Bench::starting();
        bench.hear(3);
        while bench.app.run.live.verdict != JobState::Waiting {
            bench.hear(1);
        }
        bench.effects.clear();
        bench
    };
    let cancel = [Effect::Send(Request::Cancel)];
    let rows: [(&str, &dyn Fn() -> Bench, bool); 5] = [
        ("idle", &idle, false),
        ("running", &running, true),
        ("loading", &loading, true),
        ("ablating", &ablating, true),
        ("verifying", &verifying, true),
    ];
    for (name, state, is_busy) in rows {
        for key in ["esc", "ctrl-c"] {
            let mut bench = state();
            bench.keys(key);
            let expected = if is_busy { &cancel[..] } else { &[] };
            assert_eq!(bench.take_effects(), expected, "{name} {key}");
            assert!(!bench.app.run.live.is_busy(), "{name} {key}");

            let mut bench = state();
            bench.keys("?");
            bench.take_effects();
            bench.keys(key);
            assert_eq!(bench.app.chrome.overlay, None, "{name} {key}");
            assert_eq!(
                bench.take_effects(),
                [],
                "{name} {key} closes the overlay only"
            );
        }
    }
    let mut bench = idle();
    bench.keys("ctrl-c ctrl-c");
    assert_eq!(bench.take_effects(), [Effect::Quit]);
    let mut bench = idle();
    bench.keys("ctrl-c left ctrl-c");
    assert!(
        !bench.effects.contains(&Effect::Quit),
        "another key disarms"
    );
}

#[test]
fn what_was_stopped_stays_and_goes_on_with_r() {
    let mut bench = Bench::starting();
    bench.hear(3);
    while bench.app.run.live.n_latents() < 3 {
        bench.hear(1);
    }
    let arrived = bench.app.run.live.positions.len();
    bench.keys("esc");
    assert_eq!(bench.app.run.live.phase, Phase::Stopped);
    assert_eq!(bench.app.run.live.positions.len(), arrived);
    bench.keys("r");
    bench.settle();
    assert_eq!(bench.app.run.live.phase, Phase::Done);
    assert!(bench.app.run.session.verdict.is_some());
}

#[test]
fn a_failure_stays_until_it_is_retried() {
    let mut bench = Bench::starting();
    bench.send(Msg::Worker(not_loaded("mini-math", false)));
    assert_eq!(bench.app.model.state, ModelState::Failed);
    assert!(bench.app.chrome.failure.is_some());
    bench.take_effects();
    bench.keys("r");
    assert_eq!(
        bench.take_requests(),
        [Request::Load {
            model: "mini-math".to_owned()
        }]
    );
    bench.settle();
    assert!(bench.app.chrome.failure.is_none() && bench.app.run.session.run.is_some());
}

fn not_loaded(model: &str, kept: bool) -> Event {
    Event::NotLoaded {
        model: model.to_owned(),
        message: "cannot read weights".to_owned(),
        hint: "check the folder".to_owned(),
        kept,
    }
}

/// The state that a failed load must not change.
fn on_screen(app: &App) -> String {
    format!(
        "{:?}",
        (
            &app.model.name,
            &app.model.state,
            &app.library,
            &app.run.session,
            &app.run.live,
            &app.run.ablation,
            &app.run.shown
        )
    )
}

#[test]
fn a_model_that_is_not_loaded_leaves_everything_as_it_was() {
    let mut bench = Bench::ready();
    bench.play("2 space i");
    bench.keys("type:mine enter");
    bench.settle();
    let before = on_screen(&bench.app);
    bench.take_effects();
    // The script would load it; the worker refuses instead.
    let fails = |bench: &mut Bench| {
        bench.keys("m down enter");
        bench.drop_pending();
        assert!(matches!(bench.app.model.state, ModelState::Loading { .. }));
        bench.send(Msg::Worker(not_loaded("mini-math-sim", true)));
    };
    fails(&mut bench);
    assert_eq!(on_screen(&bench.app), before);
    let failure = bench.app.chrome.failure.clone().expect("it is said");
    assert_eq!(failure.message, "cannot read weights");
    assert!(
        failure
            .hint
            .contains("check the folder; mini-math stays loaded"),
        "{}",
        failure.hint
    );
    // Only the pending requests are sent again; the model answers.
    assert!(matches!(
        bench.take_requests().as_slice(),
        [Request::Load { .. }]
    ));
    bench.keys("esc");
    assert_eq!(
        (bench.app.chrome.failure.clone(), on_screen(&bench.app)),
        (None, before.clone())
    );
    bench.play("3 space");
    assert!(!bench.app.run.is_stale());
    bench.play("space");
    // Back with r too, which tries the same model again.
    fails(&mut bench);
    bench.take_effects();
    bench.keys("r");
    assert_eq!(
        bench.take_requests(),
        [Request::Load {
            model: "mini-math-sim".to_owned()
        }]
    );
    bench.settle();
    assert_eq!(bench.app.model.name, "mini-math-sim");
    assert!(bench.app.chrome.failure.is_none() && bench.app.run.session.notes.is_empty());
    // The previous session was kept.
    bench.play("m up enter");
    assert_eq!(bench.app.run.session.notes.len(), 1);
}

#[test]
fn a_load_that_is_stopped_or_replaced_goes_back_to_the_model_that_was_there() {
    let mut bench = Bench::ready();
    let before = on_screen(&bench.app);
    bench.keys("m down enter");
    bench.drop_pending();
    bench.keys("m down enter");
    bench.drop_pending();
    bench.keys("esc");
    bench.send(Msg::Worker(not_loaded("mini-math-idle", true)));
    assert_eq!(on_screen(&bench.app), before);
    // Without the previous model nothing can be restored, but nothing is lost, saved or not.
    bench.disk = Err("the disk is full".to_owned());
    bench.keys("2 i type:mine enter m down enter");
    bench.drop_pending();
    bench.send(Msg::Worker(not_loaded("mini-math-sim", false)));
    assert_eq!(bench.app.model.state, ModelState::Failed);
    assert_eq!(bench.app.lost().count(), 1);
    bench.play("m up enter");
    assert_eq!(bench.app.model.name, "mini-math");
    assert_eq!(bench.app.run.session.notes.len(), 1);
}

/// Late events of a model that was replaced by another choice are ignored.
#[test]
fn a_model_that_is_ready_too_late_is_not_taken() {
    let mut bench = Bench::ready();
    bench.keys("m down enter");
    let late = std::mem::take(&mut bench.pending);
    bench.keys("m down enter");
    let asked = bench.app.model.name.clone();
    assert_ne!(asked, "mini-math-sim");
    for event in late {
        bench.send(Msg::Worker(event));
    }
    assert!(matches!(bench.app.model.state, ModelState::Loading { .. }));
    bench.settle();
    assert_eq!(bench.app.model.info().map(|info| &info.name), Some(&asked));
}

#[test]
fn work_that_was_dropped_for_a_model_that_is_not_loaded_is_asked_for_again() {
    let mut bench = Bench::starting();
    while bench.app.run.live.verdict != JobState::Waiting {
        bench.hear(1);
    }
    bench.keys("m down enter");
    bench.drop_pending();
    bench.take_effects();
    bench.send(Msg::Worker(not_loaded("mini-math-sim", true)));
    let id = bench.app.run.live.id;
    let asked = bench.take_requests();
    assert!(asked.contains(&Request::Verify { id }), "{asked:?}");
    bench.settle();
    assert_eq!(bench.app.run.live.verdict, JobState::Done);
    assert!(bench.app.run.session.verdict.is_some());
    // An interrupted run is run again.
    let mut bench = Bench::starting();
    while bench.app.run.live.n_latents() < 2 {
        bench.hear(1);
    }
    bench.keys("m down enter");
    bench.drop_pending();
    bench.send(Msg::Worker(not_loaded("mini-math-sim", true)));
    bench.settle();
    assert_eq!(bench.app.run.live.phase, Phase::Done);
    assert!(bench.app.run.session.verdict.is_some());
}

#[test]
fn a_failed_ablation_can_be_asked_for_again() {
    let mut bench = Bench::ready();
    bench.keys("2 space");
    bench.send(Msg::Worker(Event::Failed {
        id: Some(bench.app.run.live.id),
        work: crate::explorer::worker::protocol::JobKind::Ablation,
        message: "the worker panicked".to_owned(),
        hint: "try again".to_owned(),
    }));
    assert!(bench.app.run.is_stale());
    bench.take_effects();
    bench.keys("r");
    assert!(bench.take_requests().contains(&Request::Ablate {
        id: bench.app.run.live.id,
        ablation: Ablation::new([2], AblationValue::Resample)
    }));
}

/// The save and quit effects, without the previous state of the disk.
fn saves(bench: &mut Bench) -> Vec<Effect> {
    let effects = bench.take_effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Save(save) => Some(save_effect(save.session)),
            Effect::Quit => Some(Effect::Quit),
            _ => None,
        })
        .collect()
}

fn save_of(bench: &Bench) -> Effect {
    save_effect(bench.app.run.session.clone())
}

fn save_effect(session: Session) -> Effect {
    let base = Vec::new();
    Effect::Save(Box::new(Save { session, base }))
}

/// The note texts of every save: those on disk before, and those to be written.
fn changes(bench: &mut Bench) -> Vec<(Vec<String>, Vec<String>)> {
    let texts = |notes: &[Note]| notes.iter().map(|note| note.text.clone()).collect();
    let effects = bench.take_effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Save(save) => Some((texts(&save.base), texts(&save.session.notes))),
            _ => None,
        })
        .collect()
}

#[test]
fn a_save_says_what_was_on_disk_before() {
    let texts =
        |texts: &[&str]| -> Vec<String> { texts.iter().map(|&text| text.to_owned()).collect() };
    let mut bench = Bench::ready();
    bench.keys("2 i type:one enter");
    assert_eq!(changes(&mut bench), [(texts(&[]), texts(&["one"]))]);
    bench.disk = Err("the disk is full".to_owned());
    bench.keys("3 i type:two enter");
    let two = (texts(&["one"]), texts(&["one", "two"]));
    assert_eq!(changes(&mut bench), std::slice::from_ref(&two));
    // On another problem, and back.
    bench.play("] [");
    bench.disk = Ok("here.jsonl".to_owned());
    bench.tick(1_005_000);
    assert_eq!(changes(&mut bench).last(), Some(&two));
    bench.keys("u");
    let undone = (texts(&["one", "two"]), texts(&["one"]));
    assert_eq!(changes(&mut bench), [undone]);
}

/// The notes of a session opened from a file survive a change to another model and back, at any moment.
#[test]
fn a_recording_keeps_its_notes_under_other_models() {
    let recorded = crate::explorer::session::sample::session();
    for wait in ["", "esc"] {
        let mut bench = Bench::opening(recorded.clone());
        if wait.is_empty() {
            bench.settle();
        } else {
            bench.hear(4);
            bench.drop_pending();
            bench.keys("esc");
        }
        bench.play("m down enter");
        assert_eq!(bench.app.model.name, "mini-math-sim");
        assert!(
            bench.app.run.session.notes.is_empty(),
            "they are of the other"
        );
        assert_eq!(bench.app.run.session.origin, recorded.origin);
        assert_eq!(bench.app.run.session.problem, recorded.problem);
        bench.play("m up enter");
        assert_eq!(bench.app.run.session.notes, recorded.notes);
        bench.take_effects();
        bench.keys("home i type:new enter");
        let [(base, own)] = changes(&mut bench).try_into().expect("one save");
        assert_eq!(base.len(), recorded.notes.len());
        assert_eq!(own.len(), base.len() + 1);
    }
}

#[test]
fn notes_and_tags_are_saved_at_once_and_results_with_them_within_two_seconds() {
    let mut bench = Bench::ready();
    bench.keys("2 space");
    bench.settle();
    assert_eq!(saves(&mut bench), [], "nothing was written yet");
    bench.keys("i type:why enter");
    assert_eq!(saves(&mut bench), [save_of(&bench)]);
    bench.keys("t enter");
    assert_eq!(saves(&mut bench), [save_of(&bench)]);
    assert!(
        bench.app.chrome.overlay.is_none(),
        "the list of tags is closed"
    );
    assert_eq!(saves(&mut bench), []);
    // However many results follow one another, the first is on disk after two seconds.
    for (latent, at) in [("1", 1_000_900), ("3", 1_001_800)] {
        bench.keys(latent);
        bench.keys("space");
        bench.settle();
        bench.tick(at);
        assert_eq!(saves(&mut bench), []);
    }
    bench.tick(1_002_000);
    assert_eq!(saves(&mut bench), [save_of(&bench)]);
    bench.keys("q");
    assert_eq!(saves(&mut bench), [Effect::Quit]);
}

#[test]
fn a_failed_save_is_tried_again_and_keeps_the_user() {
    let mut bench = Bench::ready();
    bench.disk = Err("the disk is full".to_owned());
    bench.keys("i type:why enter");
    assert_eq!(saves(&mut bench), [save_of(&bench)]);
    // On another problem it is still unsaved, and still shown as such.
    bench.play("]");
    saves(&mut bench);
    bench.tick(1_005_000);
    assert_eq!(saves(&mut bench).len(), 1, "tried again after five seconds");
    bench.keys("q");
    assert_eq!(saves(&mut bench).len(), 1, "tried again, and not left");
    let said = "1 note change is not saved, q again leaves without, x exports: the disk is full";
    assert_eq!(bench.notice(), said);
    bench.keys("1 q");
    assert!(
        !saves(&mut bench).contains(&Effect::Quit),
        "another key stays"
    );
    bench.keys("q");
    assert_eq!(saves(&mut bench), [Effect::Quit]);
    assert_eq!(bench.app.lost().count(), 1);

    let mut bench = Bench::ready();
    bench.disk = Err("the disk is full".to_owned());
    bench.keys("i type:why enter");
    bench.disk = Ok("here.jsonl".to_owned());
    saves(&mut bench);
    bench.keys("q");
    assert_eq!(saves(&mut bench), [save_of(&bench), Effect::Quit]);
    assert_eq!(bench.app.lost().count(), 0);
}

#[test]
fn earlier_notes_are_shown_and_nothing_is_saved_for_that() {
    let mut bench = Bench::ready();
    let key = bench.app.run.session.key();
    let mut notes = crate::explorer::session::sample::session().notes;
    let recalled = |notes: &[crate::explorer::session::Note]| {
        Msg::Recalled(crate::explorer::app::Recalled {
            key: key.clone(),
            notes: notes.to_vec(),
            path: "earlier.jsonl".to_owned(),
            other_weights: false,
        })
    };
    bench.send(recalled(&notes));
    assert_eq!(bench.app.run.session.notes, notes);
    bench.keys("2 space");
    bench.settle();
    bench.tick(1_100_000);
    assert_eq!(saves(&mut bench), [], "looking changes nothing");
    // Notes written meanwhile are not replaced.
    notes.pop();
    let before = bench.app.run.session.notes.clone();
    bench.send(recalled(&notes));
    assert_eq!(bench.app.run.session.notes, before);
}

#[test]
fn a_note_is_about_what_is_under_the_cursor() {
    let mut bench = Bench::ready();
    for (keys, expected) in [
        ("2 i", "Note(Latent(LatentIdx(2)))"),
        ("home i", "Note(Problem)"),
        ("3 tab tab i", "Note(Verdict)"),
    ] {
        bench.play(keys);
        let Some(Overlay::Prompt(prompt)) = &bench.app.chrome.overlay else {
            panic!("{keys} opens a prompt");
        };
        assert_eq!(format!("{:?}", prompt.kind), expected, "{keys}");
        bench.play("esc");
    }
}

#[test]
fn work_on_a_problem_is_there_when_it_is_opened_again() {
    let mut bench = Bench::ready();
    bench.play("2 space i type:note enter ]");
    assert!(bench.app.run.session.notes.is_empty());
    bench.play("[");
    assert_eq!(bench.app.run.session.notes.len(), 1);
    assert!(bench.app.run.ablation.is_clean(), "latents start on");
    bench.take_effects();
    bench.play("2 space");
    assert_eq!(bench.take_requests(), [], "the outcome is still known");
}

#[test]
fn an_edited_question_loses_its_gold_answer_and_its_place_in_the_list() {
    let mut bench = Bench::ready();
    bench.keys("e type:_Really? enter");
    assert!(matches!(
        bench.take_requests().as_slice(),
        [Request::Run(RunRequest { question, gold: None, .. })] if question.ends_with("now? Really?")
    ));
    assert_eq!(bench.app.library.open, None);
    bench.settle();
    assert_eq!(bench.app.run.session.origin, "typed");
}

#[test]
fn a_paste_never_runs_commands() {
    let mut bench = Bench::ready();
    let run = bench.app.run.live.id;
    bench.keys("i");
    bench.send(Msg::Paste("q\u{1b}[A\nx".to_owned()));
    let Some(Overlay::Prompt(prompt)) = &bench.app.chrome.overlay else {
        panic!("the note is still open");
    };
    assert_eq!(prompt.field.text(), "q[A\nx");
    bench.keys("esc");
    bench.send(Msg::Paste("q\nHow many?".to_owned()));
    let Some(Overlay::Prompt(prompt)) = &bench.app.chrome.overlay else {
        panic!("a paste outside a field is offered as a new question");
    };
    assert_eq!(prompt.kind, PromptKind::NewQuestion);
    assert_eq!(prompt.field.text(), "q How many?");
    assert_eq!(bench.take_effects(), []);
    assert_eq!(bench.app.run.live.id, run);
}

#[test]
fn an_export_asks_before_it_replaces_a_file() {
    let mut bench = Bench::ready();
    bench.keys("x tab enter");
    let path = "mini-math-tom-has-12-apples.json".to_owned();
    let exports = |bench: &mut Bench| -> Vec<(String, bool)> {
        bench
            .take_effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Export(export) => Some((export.path, export.overwrite)),
                _ => None,
            })
            .collect()
    };
    assert_eq!(exports(&mut bench), [(path.clone(), false)]);
    let exists = || Msg::Exported(Err(ExportError::Exists { path: path.clone() }));
    bench.send(exists());
    bench.keys("type:no enter");
    assert_eq!(exports(&mut bench), []);
    bench.keys("x tab enter");
    bench.take_effects();
    bench.send(exists());
    bench.keys("type:yes enter");
    assert_eq!(exports(&mut bench), [(path.clone(), true)]);
    bench.send(Msg::Exported(Ok(path.clone())));
    assert_eq!(bench.app.chrome.overlay, None);
    assert!(bench.notice().contains(&path));
}

#[test]
fn another_model_answers_the_same_question() {
    let mut bench = Bench::ready();
    bench.play("m down enter");
    assert_eq!(bench.app.model.name, "mini-math-sim");
    let question = bench
        .app
        .run
        .session
        .problem
        .as_ref()
        .map(|p| p.question.clone());
    assert_eq!(
        question.as_deref(),
        Some(crate::explorer::tests::fixture::QUESTION)
    );
    assert_eq!(bench.app.run.live.phase, Phase::Done);
    assert_eq!(bench.app.library.open, Some(0));
}

#[test]
fn every_action_of_the_explorer_is_in_the_palette_and_says_why_it_is_disabled() {
    let mut bench = Bench::starting();
    bench.keys(":");
    let Some(Overlay::List(list)) = &bench.app.chrome.overlay else {
        panic!("the palette is open");
    };
    let entries = list.entries(&bench.app, 0..list.len(&bench.app));
    let main = Action::ALL
        .iter()
        .filter(|a| a.spec().context == Context::Main && **a != Action::Program(Program::Palette));
    assert_eq!(entries.len(), main.count());
    let toggle = entries
        .iter()
        .find(|e| e.text == Action::Ablate(Ablate::Toggle).spec().doc)
        .expect("listed");
    assert_eq!(toggle.disabled, Some("the cursor is not on a latent"));
    bench.keys("type:replaces");
    let Some(Overlay::List(list)) = &bench.app.chrome.overlay else {
        panic!("still open");
    };
    assert_eq!(
        list.entries(&bench.app, 0..1)
            .first()
            .map(|e| e.text.as_str()),
        Some(Action::Ablate(Ablate::Value).spec().doc)
    );
}

#[test]
fn idle_asks_for_no_ticks() {
    let mut bench = Bench::ready();
    assert_eq!(bench.app.next_tick_ms(), None);
    bench.app.chrome.dirty = false;
    bench.tick(2_000_000);
    assert!(!bench.app.chrome.dirty);
}
