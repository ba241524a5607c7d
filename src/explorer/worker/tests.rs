//! The worker without its threads, on the toy model: which requests wait for the reference set.

use std::path::Path;

use tokio::sync::mpsc::{Receiver, channel};

use super::protocol::{Event, Request, RunId, RunRequest, StudyRequest};
use super::thread::{Stopped, Worker};
use crate::core::types::{Ablation, AblationValue, LatentIdx, Outcome, Study, StudyKind};
use crate::engine::model::{Cancel, Device, LoadOptions, Model, Placement, tiny};
use crate::engine::model_source::Opener;
use crate::lab::analysis::Workbench;

const ID: RunId = RunId(1);

struct Bench {
    worker: Worker,
    events: Receiver<Event>,
}

impl Bench {
    /// Creates the toy with its question run.
    fn new(cache: Option<&Path>) -> Self {
        let model = Model::load(
            &tiny::checkpoint(21),
            &LoadOptions::default(),
            &Device::Cpu,
            &mut |_| {},
        );
        let (out, events) = channel(1024);
        let mut worker = Worker::new(Placement::on(Device::Cpu), Opener::default(), cache, out);
        worker.explorer = Some(Workbench::bare(model.expect("the toy loads")));
        let mut bench = Self { worker, events };
        let run = Request::Run(RunRequest {
            id: ID,
            question: tiny::QUESTION.to_owned(),
            gold: None,
            steps: None,
            mode: None,
        });
        assert!(
            bench
                .told(&run)
                .iter()
                .any(|e| matches!(e, Event::RunDone { .. }))
        );
        bench
    }

    fn told(&mut self, request: &Request) -> Vec<Event> {
        self.told_unless(request, &Cancel::new())
            .expect("it goes well")
    }

    fn told_unless(&mut self, request: &Request, cancel: &Cancel) -> Result<Vec<Event>, Stopped> {
        let done = self.worker.perform(request, cancel);
        let mut told = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            told.push(event);
        }
        done.map(|()| told)
    }
}

fn off(value: AblationValue) -> Request {
    let ablation = Ablation {
        off: [LatentIdx(2)].into(),
        value,
        ..Ablation::default()
    };
    Request::Ablate { id: ID, ablation }
}

fn is_reference(event: &Event) -> bool {
    matches!(event, Event::Reference { .. })
}

#[test]
fn a_toggle_that_needs_no_other_problems_is_answered_ahead_of_them_and_completed_after() {
    let mut bench = Bench::new(None);
    let told = bench.told(&off(AblationValue::Zero));
    let [Event::Ablated { outcome: early, .. }] = told.as_slice() else {
        panic!("one answer and nothing about a reference set: {told:?}")
    };
    assert_eq!(early.effect.size_percentile, None);

    let told = bench.told(&off(AblationValue::Resample));
    let told = told.iter().filter(|e| !matches!(e, Event::Ahead { .. }));
    let (sets, answers): (Vec<_>, Vec<_>) = told.partition(|e| is_reference(e));
    assert!(sets.len() > 2);
    assert!(sets.windows(2).all(|two| match two {
        [
            Event::Reference { done: a, .. },
            Event::Reference { done: b, .. },
        ] => a <= b,
        _ => false,
    }));
    let whole = |e: &&&Event| matches!(e, Event::Reference { done, all } if done == all);
    assert!(sets.last().is_some_and(|last| whole(&last)));
    let [
        Event::Ablated { outcome: late, .. },
        Event::Ablated {
            outcome: resampled, ..
        },
    ] = answers.as_slice()
    else {
        panic!("the zero again, then the resample: {answers:?}")
    };
    assert_eq!(late.ablation, early.ablation);
    assert!(late.effect.size_percentile.is_some());
    let mut same = late.clone();
    same.effect.size_percentile = None;
    assert_eq!(&same, early, "nothing else changes");
    assert!(resampled.effect.donors.is_some());

    // The cached answer is complete, and equals one that waited.
    let told = bench.told(&off(AblationValue::Zero));
    let [
        Event::Ablated {
            outcome, cached, ..
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert!(*cached && outcome == late);
    let mut waited = Bench::new(None);
    waited.told(&off(AblationValue::Resample));
    let told = waited.told(&off(AblationValue::Zero));
    assert!(
        matches!(told.as_slice(), [Event::Ablated { outcome, cached: false, .. }] if outcome == late)
    );
}

/// Returns the preliminary outcomes sent ahead of the set.
fn ahead(told: &[Event]) -> Vec<&Outcome> {
    let parts = told.iter().filter_map(|event| match event {
        Event::Ahead { outcome, .. } => Some(outcome),
        _ => None,
    });
    parts.collect()
}

fn answer(told: &[Event]) -> &Outcome {
    match told.last() {
        Some(Event::Ablated { outcome, .. }) => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_first_resample_is_told_from_its_first_donors_and_ends_as_if_it_had_waited() {
    let cache = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::new(Some(cache.path()));
    let told = bench.told(&off(AblationValue::Resample));
    let n = |outcome: &Outcome| outcome.effect.variants().n;
    let parts = ahead(&told);
    assert_eq!(parts.iter().map(|o| n(o)).collect::<Vec<_>>(), [4, 16]);
    assert!(parts.iter().all(|o| o.effect.size_percentile.is_none()));
    // The first part precedes the reference set, which is computed after the last.
    assert!(matches!(told[0], Event::Ahead { .. }) && is_reference(&told[2]));
    // The same sixteen donors give the same answers; another batch may round differently.
    let last = answer(&told);
    let donors = |o: &Outcome| o.effect.donors.clone().expect("a distribution");
    let counted = |o: &Outcome| {
        let mut answers = donors(o).answers;
        answers.sort();
        answers
    };
    assert_eq!(counted(parts[1]), counted(last));
    let apart = parts[1].effect.delta_logprob - last.effect.delta_logprob;
    assert!(apart.abs() < 1e-4, "{apart}");
    // Bit-identical to the outcome computed with the set present.
    let mut waited = Bench::new(None);
    waited.told(&off(AblationValue::Mean));
    let told = waited.told(&off(AblationValue::Resample));
    assert!(
        ahead(&told).is_empty(),
        "nothing goes ahead of what is there"
    );
    assert_eq!(answer(&told), last);
    // Preliminary outcomes are not cached, the final one is.
    let told = Bench::new(Some(cache.path())).told(&off(AblationValue::Resample));
    assert!(
        matches!(told.as_slice(), [Event::Ablated { outcome, cached: true, .. }] if outcome == last)
    );
}

#[test]
fn a_resample_that_is_stopped_while_the_set_is_made_is_completed_when_it_is_asked_for_again() {
    let mut bench = Bench::new(None);
    // A channel of one event, so that the worker cannot finish before it is stopped.
    let (out, mut events) = channel(1);
    let all = std::mem::replace(&mut bench.worker.out, out);
    let cancel = Cancel::new();
    let heard = std::thread::scope(|scope| {
        let hears = scope.spawn(|| {
            let mut heard = Vec::new();
            while let Some(event) = events.blocking_recv() {
                if is_reference(&event) {
                    cancel.cancel();
                }
                heard.push(event);
            }
            heard
        });
        let stopped = bench.worker.perform(&off(AblationValue::Resample), &cancel);
        assert!(matches!(stopped, Err(Stopped::Cancelled)), "{stopped:?}");
        bench.worker.out = all;
        hears.join().expect("it hears")
    });
    assert_eq!(ahead(&heard).len(), 2, "{heard:?}");
    assert!(!heard.iter().any(|e| matches!(e, Event::Ablated { .. })));
    let told = bench.told(&off(AblationValue::Resample));
    let mut whole = Bench::new(None);
    assert_eq!(
        answer(&told),
        answer(&whole.told(&off(AblationValue::Resample)))
    );
}

#[test]
fn a_set_that_is_read_completes_what_went_ahead_of_it() {
    let cache = tempfile::tempdir().expect("a folder");
    Bench::new(Some(cache.path())).told(&off(AblationValue::Mean));
    let mut bench = Bench::new(Some(cache.path()));
    bench.told(&off(AblationValue::Zero));
    let told = bench.told(&off(AblationValue::Resample));
    assert!(ahead(&told).is_empty(), "the set is as near");
    let zero = told.iter().find_map(|event| match event {
        Event::Ablated { outcome, .. } if outcome.ablation.value == AblationValue::Zero => {
            Some(outcome)
        }
        _ => None,
    });
    assert!(
        zero.is_some_and(|o| o.effect.size_percentile.is_some()),
        "{told:?}"
    );
}

#[test]
fn answers_and_the_set_are_there_in_a_later_session() {
    let cache = tempfile::tempdir().expect("a folder");
    let mut first = Bench::new(Some(cache.path()));
    let told = first.told(&off(AblationValue::Resample));
    let Some(Event::Ablated { outcome: made, .. }) = told.last() else {
        panic!("{told:?}")
    };
    // A cached answer needs no reference set; another one reads the set without computing it.
    let mut second = Bench::new(Some(cache.path()));
    let told = second.told(&off(AblationValue::Resample));
    assert!(
        matches!(told.as_slice(), [Event::Ablated { outcome, cached: true, .. }] if outcome == made)
    );
    let told = second.told(&off(AblationValue::Mean));
    let whole = |e: &Event| matches!(e, Event::Reference { done, all } if done == all);
    assert!(told.len() == 2 && whole(&told[0]), "{told:?}");
    let other = first.told(&off(AblationValue::Mean));
    assert!(matches!(
        (told.last(), other.last()),
        (Some(Event::Ablated { outcome: a, .. }), Some(Event::Ablated { outcome: b, cached: true, .. })) if a == b
    ));
}

#[test]
fn a_study_by_zero_waits_for_nothing_and_one_that_stepped_aside_goes_on() {
    let mut bench = Bench::new(None);
    let study = |kind, value| {
        Request::Study(StudyRequest {
            id: ID,
            kind,
            manner: Ablation {
                value,
                ..Ablation::default()
            },
            token: None,
        })
    };
    let told = bench.told(&study(StudyKind::Lattice, AblationValue::Zero));
    assert!(!told.iter().any(is_reference), "{told:?}");
    // Stopped while the set is computed: it resumes from there, with the same result.
    let sweep = study(StudyKind::Sweep, AblationValue::Zero);
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(
        bench.told_unless(&sweep, &cancel),
        Err(Stopped::Cancelled)
    ));
    let told = bench.told(&sweep);
    assert!(
        matches!(told.last(), Some(Event::Study { study, .. }) if matches!(&**study, Study::Sweep(s) if s.complete))
    );
}

/// Creates a folder with the files of a bundled model.
fn folder(name: &str, damaged: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets/models")
        .join(name);
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let mut bytes = std::fs::read(from.join(file)).expect("bundled");
        if damaged && file == "model.safetensors" {
            bytes.truncate(bytes.len() / 2);
        }
        std::fs::write(folder.path().join(file), bytes).expect("written");
    }
    folder
}

#[test]
fn a_model_that_is_not_loaded_leaves_the_one_before_with_its_run() {
    let mut bench = Bench::new(None);
    let before = bench.told(&off(AblationValue::Zero));
    let load = |path: &Path| Request::Load {
        model: path.display().to_string(),
    };
    let damaged = folder("mini-math", true);
    for job in [load(Path::new("/no/such/folder")), load(damaged.path())] {
        let failed = bench.told_unless(&job, &Cancel::new());
        assert!(matches!(failed, Err(Stopped::Failed { .. })), "{failed:?}");
    }
    let whole = folder("mini-math", false);
    let cancelled = Cancel::new();
    cancelled.cancel();
    let stopped = bench.told_unless(&load(whole.path()), &cancelled);
    assert!(matches!(stopped, Err(Stopped::Cancelled)), "{stopped:?}");
    // The run answers as before.
    while bench.events.try_recv().is_ok() {}
    let after = bench.told(&off(AblationValue::Zero));
    let outcome = |told: &[Event]| match told {
        [Event::Ablated { outcome, .. }] => outcome.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(outcome(&after), outcome(&before));
    // A model that loads replaces it, and the old run is gone.
    let told = bench.told(&load(whole.path()));
    assert!(matches!(told.last(), Some(Event::Ready { info, .. }) if info.family != "fuzz"));
    let gone = bench.told_unless(&off(AblationValue::Zero), &Cancel::new());
    assert!(matches!(gone, Err(Stopped::Cancelled)), "{gone:?}");
}

#[test]
fn a_large_model_that_gave_way_is_brought_back_with_its_run() {
    let mut bench = Bench::new(None);
    let whole = folder("mini-math", false);
    let told = bench.told(&Request::Load {
        model: whole.path().display().to_string(),
    });
    assert!(matches!(told.last(), Some(Event::Ready { .. })));
    let run = Request::Run(RunRequest {
        id: ID,
        question: "Tom has 3 apples and buys 4 more. How many apples does Tom have now?".to_owned(),
        gold: None,
        steps: None,
        mode: None,
    });
    bench.told(&run);
    let ask = off(AblationValue::Zero);
    let before = bench.told(&ask);
    bench.worker.explorer = None;
    bench.worker.forget();
    bench.worker.bring_back();
    let after = bench.told(&ask);
    assert!(
        matches!((before.as_slice(), after.as_slice()), ([Event::Ablated { outcome: a, .. }], [Event::Ablated { outcome: b, .. }]) if a == b),
        "{before:?} {after:?}"
    );
}
