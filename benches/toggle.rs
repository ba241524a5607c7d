//! Time from a toggle to its answer, against one forward pass of the same prompt in the same run.
//!
//! `cargo bench --bench toggle` measures the worker's computation when a latent is switched off, on the default bundled model.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use undertone::core::problem::Split;
use undertone::core::types::{Ablation, AblationValue, LatentIdx, Task};
use undertone::engine::model::{Cancel, Checkpoint, LoadOptions, Mode, Model, Placement};
use undertone::lab::analysis::Workbench;
use undertone::lab::analysis::problems::for_task;
use undertone::lab::analysis::run::{Ask, CleanRun};
use undertone::lab::analysis::verdict::Budget;

struct Ready {
    explorer: Workbench,
    clean: CleanRun,
}

static READY: LazyLock<Ready> = LazyLock::new(|| {
    let checkpoint = Checkpoint::bundled("mini-math").expect("mini-math is bundled");
    let model = Model::load(
        &checkpoint,
        &LoadOptions::default(),
        &Placement::best().device,
        &mut |_| (),
    )
    .expect("mini-math loads");
    let mut explorer = Workbench::bare(model);
    explorer
        .ensure_reference(&mut |_, _| (), &Cancel::new())
        .expect("the reference set runs");
    let problem = for_task(Task::Math, Split::Test, 20, 7).expect("problems can be generated");
    let longest = problem
        .iter()
        .max_by_key(|p| p.question.len())
        .expect("there are twenty problems");
    let n = explorer.model().n_latents();
    let clean = explorer
        .run(&ask(&longest.question, n), &Cancel::new(), &mut |_| ())
        .expect("the clean run works");
    Ready { explorer, clean }
});

fn ask(question: &str, n_latents: usize) -> Ask<'_> {
    Ask {
        question,
        gold: None,
        mode: Mode::Latent,
        n_latents,
        steps: None,
        most_tokens: None,
        top_k: 10,
    }
}

fn main() {
    LazyLock::force(&READY);
    divan::main();
}

fn toggle(value: AblationValue, off: impl IntoIterator<Item = usize>) {
    let off: BTreeSet<LatentIdx> = off.into_iter().map(LatentIdx).collect();
    let outcome = READY.explorer.ablate(
        &READY.clean,
        &Ablation {
            off,
            value,
            ..Ablation::default()
        },
        &Cancel::new(),
    );
    divan::black_box(outcome.expect("the ablation runs"));
}

/// The baseline: one forward pass over the prompt.
#[divan::bench]
fn reference_prompt_pass() {
    let model = READY.explorer.model();
    let prompt = model
        .prompt(&READY.clean.run.question, Mode::Latent)
        .expect("the prompt fits");
    divan::black_box(
        model
            .prefill(&[&prompt.ids], &Cancel::new())
            .expect("the prompt runs"),
    );
}

#[divan::bench]
fn clean_run() {
    let (model, question) = (READY.explorer.model(), &READY.clean.run.question);
    let ask = ask(question, model.n_latents());
    let run = READY.explorer.run(&ask, &Cancel::new(), &mut |_| ());
    divan::black_box(run.expect("the clean run works"));
}

#[divan::bench]
fn toggle_one_zero() {
    toggle(AblationValue::Zero, [2]);
}

#[divan::bench]
fn toggle_one_mean() {
    toggle(AblationValue::Mean, [2]);
}

#[divan::bench]
fn toggle_one_resample_16_donors() {
    toggle(AblationValue::Resample, [2]);
}

#[divan::bench]
fn toggle_all_resample_16_donors() {
    toggle(AblationValue::Resample, 1..=4);
}

#[divan::bench]
fn toggle_one_skip() {
    toggle(AblationValue::Skip, [2]);
}

#[divan::bench]
fn phrases_of_one_latent() {
    let phrases = READY
        .explorer
        .phrases(&READY.clean, LatentIdx(2), &Cancel::new());
    divan::black_box(phrases.expect("phrases decode"));
}

#[divan::bench]
fn verdict_with_null_of_255() {
    let cancel = Cancel::new();
    let exits = READY
        .explorer
        .early_exits(&READY.clean, &cancel)
        .expect("early exits run");
    divan::black_box(
        READY
            .explorer
            .verdict(
                &READY.clean,
                &exits,
                &Budget::default(),
                &mut |_| (),
                &cancel,
            )
            .expect("the verdict runs"),
    );
}
