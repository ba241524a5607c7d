//! Ablations and studies on the toy model: against a plain implementation, and against each other.

use std::collections::BTreeSet;

use super::*;
use crate::core::problem::Split;
use crate::core::types::{
    Ablation, AblationValue, Direction, DonorRef, LatentIdx, Lattice, Layers, Propagation, Role,
    Site, Sweep, Task,
};
use crate::engine::model::{Branch, Cancel, Device, LoadOptions, Mode, Model, Overrides, tiny};
use crate::lab::analysis::problems;
use crate::lab::analysis::reference::Reference;
use crate::lab::analysis::run::{Ask, run};
use crate::lab::analysis::thoughts::{Keep, think};

struct Bench {
    model: Model,
    clean: CleanRun,
    reference: Reference,
    cancel: Cancel,
}

fn bench(seed: u64) -> Bench {
    bench_of(seed, 4)
}

fn bench_of(seed: u64, n_latents: usize) -> Bench {
    let cancel = Cancel::new();
    let model = Model::load(
        &tiny::checkpoint(seed),
        &LoadOptions::default(),
        &Device::Cpu,
        &mut |_| {},
    )
    .expect("the toy loads");
    let problems = problems::for_task(Task::Math, Split::Train, 40, 5).expect("problems");
    let reference = Reference::build(&model, "forty", &problems, &cancel).expect("reference");
    assert!(reference.len() >= VARIANTS, "{}", reference.len());
    let ask = Ask {
        question: tiny::QUESTION,
        gold: Some("7"),
        steps: Some(2),
        mode: Mode::Latent,
        n_latents,
        top_k: 5,
        most_tokens: None,
    };
    let clean = run(&model, &ask, &cancel, &mut |_| ()).expect("clean");
    Bench {
        model,
        clean,
        reference,
        cancel,
    }
}

fn set(latents: &[usize]) -> BTreeSet<LatentIdx> {
    latents.iter().copied().map(LatentIdx).collect()
}

fn ablation(value: AblationValue, off: &[usize]) -> Ablation {
    Ablation {
        off: set(off),
        value,
        ..Ablation::default()
    }
}

impl Bench {
    fn subject(&self) -> Subject<'_> {
        Subject {
            model: &self.model,
            clean: &self.clean,
            reference: &self.reference,
        }
    }

    fn outcome(&self, ablation: &Ablation) -> Result<crate::core::types::Outcome, String> {
        ablate(&self.subject(), ablation, &self.cancel).map_err(|e| format!("{e}: {}", e.hint()))
    }

    /// Log-probability of the clean answer when these vectors are fed, each run separately from the prompt on.
    fn plainly(&self, writes: &[(usize, Vec<f32>)], latents: usize) -> f64 {
        let mut all = Overrides::none(1);
        for (latent, vector) in writes {
            all.set(0, LatentIdx(*latent), vector.clone());
        }
        let prompt = self
            .model
            .prefill(&[&self.clean.run.input_ids], &self.cancel)
            .expect("prefill");
        let rollout = self
            .model
            .rollout(&prompt, latents, &all, &self.cancel)
            .expect("rollout");
        self.score(rollout.last())
    }

    fn score(&self, end: &Branch) -> f64 {
        let forced = self.model.close(end, true, &self.cancel).expect("close");
        let target = std::slice::from_ref(&self.clean.answer_ids);
        let scores = self.model.score(&forced, target, &self.cancel);
        scores.expect("score").remove(0).logprob - self.clean.answer_logprob
    }

    fn fed(&self, latent: usize) -> Vec<f32> {
        self.clean.fed[latent - 1].to_vec()
    }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-3, "{a} and {b}");
}

#[test]
fn zero_mean_skip_and_token_equal_the_plain_way() {
    let bench = bench(3);
    let width = bench.model.width();
    for off in [vec![1], vec![3], vec![2, 4], vec![1, 2, 3, 4]] {
        let zero = bench
            .outcome(&ablation(AblationValue::Zero, &off))
            .expect("zero");
        let zeros: Vec<_> = off.iter().map(|j| (*j, vec![0.0; width])).collect();
        close(zero.effect.delta_logprob, bench.plainly(&zeros, 4));
        assert_eq!(zero.effect.relative_size, Some(1.0));
        assert!(zero.effect.sham_max_diff <= SHAM_TOLERANCE);

        let mean = bench
            .outcome(&ablation(AblationValue::Mean, &off))
            .expect("mean");
        let of_set = |j: usize| {
            bench
                .reference
                .fed(LatentIdx(j))
                .expect("mean")
                .mean
                .to_vec()
        };
        let means: Vec<_> = off.iter().map(|j| (*j, of_set(*j))).collect();
        close(mean.effect.delta_logprob, bench.plainly(&means, 4));

        let skip = bench
            .outcome(&ablation(AblationValue::Skip, &off))
            .expect("skip");
        close(skip.effect.delta_logprob, bench.plainly(&[], 4 - off.len()));
        assert_eq!(skip.latents_after.len(), 4 - off.len());
        assert_eq!(skip.effect.relative_size, None);

        let token = bench
            .outcome(&ablation(AblationValue::Token, &off))
            .expect("token");
        let embedding = |j: usize| {
            let position = bench.clean.run.latents().nth(j - 1).expect("latent").1;
            let top = position.projection.as_ref().expect("read").top[0].id;
            bench.model.embedding(top).expect("embedding")
        };
        let tokens: Vec<_> = off.iter().map(|j| (*j, embedding(*j))).collect();
        close(token.effect.delta_logprob, bench.plainly(&tokens, 4));
    }
}

#[test]
fn resample_is_the_mean_over_its_donors() {
    let bench = bench(4);
    let outcome = bench
        .outcome(&ablation(AblationValue::Resample, &[2, 3]))
        .expect("resample");
    let donors = outcome.effect.donors.as_ref().expect("a distribution");
    assert_eq!(donors.n, VARIANTS);
    assert_eq!(
        donors.answers.iter().map(|(_, n)| n).sum::<usize>(),
        donors.n
    );
    let deltas: Vec<f64> = bench
        .reference
        .donors(tiny::QUESTION, VARIANTS, None, 0)
        .into_iter()
        .map(|item| {
            let writes = [2, 3].map(|j| (j, item.fed[j - 1].to_vec()));
            bench.plainly(&writes, 4)
        })
        .collect();
    close(outcome.effect.delta_logprob, stats::mean(&deltas));
    // Matching on steps changes the donors.
    let matched = Ablation {
        matched: true,
        variants: Some(3),
        ..ablation(AblationValue::Resample, &[2])
    };
    let matched = bench.outcome(&matched).expect("matched");
    assert_eq!(matched.effect.donors.expect("three").n, 3);
    let item = bench.reference.donors("", 3, Some(2), 0);
    assert!(item.iter().all(|item| item.steps == 2));
}

#[test]
fn direct_holds_later_latents_and_total_does_not() {
    let bench = bench(5);
    let width = bench.model.width();
    let total = ablation(AblationValue::Zero, &[2]);
    let direct = Ablation {
        propagation: Propagation::Direct,
        ..total.clone()
    };
    let writes = [(2, vec![0.0; width]), (3, bench.fed(3)), (4, bench.fed(4))];
    let total = bench.outcome(&total).expect("total").effect.delta_logprob;
    let direct = bench.outcome(&direct).expect("direct").effect.delta_logprob;
    close(total, bench.plainly(&writes[..1], 4));
    close(direct, bench.plainly(&writes, 4));
    assert!((total - direct).abs() > 1e-6, "they ask different things");
}

#[test]
fn denoising_restores_clean_values() {
    let bench = bench(6);
    let width = bench.model.width();
    let restored = Ablation {
        direction: Direction::Denoising,
        ..ablation(AblationValue::Zero, &[1, 2, 4])
    };
    let zero = vec![0.0; width];
    let writes = [
        (1, zero.clone()),
        (2, zero.clone()),
        (3, bench.fed(3)),
        (4, zero),
    ];
    let outcome = bench.outcome(&restored).expect("denoising");
    close(outcome.effect.delta_logprob, bench.plainly(&writes, 4));
}

#[test]
fn every_value_and_site_runs_or_says_why_not() {
    let bench = bench(7);
    for value in AblationValue::ALL {
        for site in Site::ALL {
            for propagation in [Propagation::Total, Propagation::Direct] {
                for direction in [Direction::Noising, Direction::Denoising] {
                    let ablation = Ablation {
                        site,
                        propagation,
                        direction,
                        donor: (value == AblationValue::Donor).then_some(DonorRef {
                            problem: 3,
                            latent: Some(LatentIdx(2)),
                        }),
                        ..ablation(value, &[1, 3])
                    };
                    match bench.outcome(&ablation) {
                        Ok(outcome) => {
                            assert!(outcome.effect.delta_logprob.is_finite());
                            assert!(outcome.effect.sham_max_diff <= SHAM_TOLERANCE);
                            let has_size = outcome.effect.relative_size.is_some();
                            assert_eq!(outcome.effect.size_percentile.is_some(), has_size);
                            let again = bench.outcome(&ablation).expect("again");
                            assert_eq!(again, outcome, "the same request, the same numbers");
                        }
                        Err(why) => assert!(
                            why.contains("use ") || why.contains("hold"),
                            "{value} at {site:?}: {why}"
                        ),
                    }
                }
            }
        }
    }
}

#[test]
fn what_means_nothing_is_refused() {
    let bench = bench(8);
    let refused = |ablation: &Ablation| bench.outcome(ablation).expect_err("refused");
    assert!(refused(&ablation(AblationValue::Zero, &[])).contains("nothing is switched off"));
    assert!(refused(&ablation(AblationValue::Zero, &[5])).contains("no latent 5"));
    assert!(refused(&ablation(AblationValue::Permute, &[2])).contains("cannot be permuted"));
    assert!(refused(&ablation(AblationValue::Donor, &[2])).contains("no donor is given"));
    let layers = |first, last, site| Ablation {
        layers: Some(Layers { first, last }),
        site,
        ..ablation(AblationValue::Zero, &[1])
    };
    assert!(refused(&layers(1, 2, Site::Input)).contains("layer range"));
    assert!(refused(&layers(1, 9, Site::Kv)).contains("no layers 1-9"));
    assert!(refused(&layers(0, 1, Site::Kv)).contains("no layers"));
    // A latent replaced by itself: the question is in the set, and is requested by number.
    let same = Ablation {
        donor: Some(DonorRef {
            problem: 999,
            latent: None,
        }),
        ..ablation(AblationValue::Donor, &[1])
    };
    assert!(refused(&same).contains("no problem 999"));
}

#[test]
fn the_layers_of_a_key_value_change_matter() {
    let bench = bench(9);
    let at = |layers: Option<Layers>, value| {
        let ablation = Ablation {
            site: Site::Kv,
            layers,
            ..ablation(value, &[2])
        };
        bench.outcome(&ablation).expect("kv").effect.delta_logprob
    };
    for value in [
        AblationValue::Mean,
        AblationValue::Zero,
        AblationValue::KvBlock,
    ] {
        let all = at(None, value);
        close(all, at(Some(Layers { first: 1, last: 2 }), value));
        let first = at(Some(Layers { first: 1, last: 1 }), value);
        assert!((all - first).abs() > 1e-7, "{value}: {all} {first}");
    }
}

#[test]
fn the_lattice_holds_what_each_set_gives_alone() {
    let bench = bench(10);
    for value in [AblationValue::Zero, AblationValue::Resample] {
        let manner = Ablation {
            variants: Some(4),
            ..ablation(value, &[1])
        };
        let mut parts = Vec::new();
        let lattice = lattice(
            &bench.subject(),
            None,
            &manner,
            &mut |part| parts.push((part.cells.len(), part.complete)),
            &bench.cancel,
        )
        .expect("lattice");
        // Singles, alone and all; the remaining pairs; with four latents no set is left.
        assert_eq!(parts, [(10, false), (16, true)]);
        assert_eq!(lattice.cells.len(), 16);
        for cell in lattice.cells.iter().skip(1) {
            let alone = bench
                .outcome(&manner.with_off(cell.off.clone()))
                .expect("alone");
            close(cell.delta_logprob, alone.effect.delta_logprob);
            assert_eq!(cell.answer, alone.answer.value, "{:?}", cell.off);
            assert_eq!(cell.flipped, alone.effect.flipped);
        }
        let cost = lattice.cost;
        assert!(cost.latent_steps < cost.latent_steps_alone, "{cost:?}");
    }
}

#[test]
fn the_sweep_asks_necessary_and_sufficient() {
    let bench = bench(11);
    let manner = Ablation {
        variants: Some(3),
        ..ablation(AblationValue::Mean, &[])
    };
    let values = [
        AblationValue::Mean,
        AblationValue::Permute,
        AblationValue::KvBlock,
    ];
    let sweep = sweep(
        &bench.subject(),
        None,
        &manner,
        &values,
        &mut |_| (),
        &bench.cancel,
    )
    .expect("sweep");
    assert_eq!(sweep.cells.len(), 3 * 2 * 4);
    assert!(sweep.complete && sweep.pairs.len() == 6);
    let single = |role, value| sweep.cell(LatentIdx(2), role, value).expect("a cell");
    let necessary = single(Role::Necessary, AblationValue::Mean)
        .cell
        .clone()
        .expect("ran");
    let alone = bench
        .outcome(&ablation(AblationValue::Mean, &[2]))
        .expect("alone");
    close(necessary.delta_logprob, alone.effect.delta_logprob);
    let sufficient = single(Role::Sufficient, AblationValue::Mean)
        .cell
        .clone()
        .expect("ran");
    let restored = Ablation {
        direction: Direction::Denoising,
        ..ablation(AblationValue::Mean, &[1, 3, 4])
    };
    let restored = bench.outcome(&restored).expect("restored");
    close(sufficient.delta_logprob, restored.effect.delta_logprob);
    let refused = single(Role::Necessary, AblationValue::Permute);
    assert!(refused.cell.is_none() && refused.refused.is_some());
    for pair in &sweep.pairs {
        let (i, j) = pair.latents;
        let together = bench
            .outcome(&manner.with_off([i, j].into()))
            .expect("together");
        close(pair.cell.delta_logprob, together.effect.delta_logprob);
    }
}

/// Cancels a study after its first part and returns that part.
fn first_part<T: Clone>(
    run: impl FnOnce(&mut dyn FnMut(&T), &Cancel) -> Result<T, crate::engine::model::ModelError>,
) -> T {
    let (cancel, mut part) = (Cancel::new(), None);
    let ended = run(
        &mut |study: &T| {
            part = Some(study.clone());
            cancel.cancel();
        },
        &cancel,
    );
    assert!(matches!(
        ended,
        Err(crate::engine::model::ModelError::Cancelled)
    ));
    part.expect("a part was handed out")
}

#[test]
fn a_study_that_stepped_aside_keeps_its_sham_and_its_cost() {
    let bench = bench(16);
    let subject = bench.subject();
    let manner = ablation(AblationValue::Mean, &[]);
    let values = [AblationValue::Mean, AblationValue::Zero];
    let mut part: Sweep = first_part(|on, stop| sweep(&subject, None, &manner, &values, on, stop));
    assert!(part.cells.len() == 8 && !part.complete);
    // Larger than any later difference, so that it can be recognised.
    part.sham_max_diff = 5e-4;
    let whole = sweep(&subject, None, &manner, &values, &mut |_| (), &bench.cancel).expect("whole");
    let on = &mut |_: &Sweep| ();
    let resumed =
        sweep(&subject, Some(&part), &manner, &values, on, &bench.cancel).expect("resumed");
    assert_eq!(resumed.sham_max_diff.to_bits(), 5e-4f64.to_bits());
    assert_eq!(
        (&resumed.cells, &resumed.pairs),
        (&whole.cells, &whole.pairs)
    );
    assert_eq!(resumed.cost.runs, whole.cost.runs);
    assert_eq!(resumed.cost.latent_steps, whole.cost.latent_steps);
    assert!(resumed.cost.elapsed_ms > part.cost.elapsed_ms);
    // A part in another manner is not resumed.
    let zero = ablation(AblationValue::Zero, &[]);
    let other = sweep(&subject, Some(&part), &zero, &values, on, &bench.cancel).expect("other");
    assert!(other.sham_max_diff < 5e-4);

    let mut part: Lattice = first_part(|on, stop| lattice(&subject, None, &manner, on, stop));
    part.sham_max_diff = 5e-4;
    let on = &mut |_: &Lattice| ();
    let whole = lattice(&subject, None, &manner, on, &bench.cancel).expect("whole");
    let resumed = lattice(&subject, Some(&part), &manner, on, &bench.cancel).expect("resumed");
    assert_eq!(resumed.sham_max_diff.to_bits(), 5e-4f64.to_bits());
    assert_eq!(resumed.cells, whole.cells);
    assert_eq!(resumed.cost.runs, whole.cost.runs);
    assert_eq!(resumed.cost.latent_steps, whole.cost.latent_steps);
    assert!(resumed.complete && resumed.keeps == whole.keeps);
    let again = lattice(&subject, Some(&whole), &manner, on, &bench.cancel).expect("known");
    assert_eq!((again.complete, &again.keeps), (true, &whole.keeps));
}

#[test]
fn a_lattice_of_one_latent_is_refused_where_it_would_change_places() {
    let bench = bench_of(17, 1);
    let on = &mut |_: &Lattice| ();
    let manner = ablation(AblationValue::Permute, &[]);
    let refused = lattice(&bench.subject(), None, &manner, on, &bench.cancel).expect_err("refused");
    assert!(
        refused.to_string().contains("cannot be permuted"),
        "{refused}"
    );
    let zero = ablation(AblationValue::Zero, &[]);
    let whole = lattice(&bench.subject(), None, &zero, on, &bench.cancel).expect("two sets");
    assert!(whole.complete && whole.cells.len() == 2 && whole.sham_max_diff <= SHAM_TOLERANCE);
}

#[test]
fn influence_is_nothing_backwards_and_direct_leaves_later_latents() {
    let bench = bench(12);
    let influence = influence(
        &bench.subject(),
        &ablation(AblationValue::Zero, &[]),
        &bench.cancel,
    )
    .expect("influence");
    assert_eq!(influence.latents.len(), 6, "pairs i < j of four");
    assert!(
        influence
            .latents
            .iter()
            .all(|l| l.from < l.to && l.relative_change > 0.0)
    );
    for answer in &influence.answers {
        let total = ablation(AblationValue::Zero, &[answer.from.0]);
        let direct = Ablation {
            propagation: Propagation::Direct,
            ..total.clone()
        };
        let delta = |a: &Ablation| bench.outcome(a).expect("alone").effect.delta_logprob;
        close(answer.total.delta_logprob, delta(&total));
        close(answer.direct.delta_logprob, delta(&direct));
    }
}

#[test]
fn the_last_layer_is_the_models_own_output() {
    let bench = bench(13);
    let lens = layers(&bench.model, &bench.clean, None, &bench.cancel).expect("lens");
    assert_eq!(lens.rows.len(), bench.model.info().layers);
    assert_eq!(Some(&lens.token), bench.clean.answer_ids.first());
    assert!(
        lens.rows
            .iter()
            .all(|row| row.cells.len() == lens.columns.len())
    );
    let last = lens.rows.last().expect("layers");
    // The start marker's position reads the first latent, and so on.
    for (cell, (_, latent)) in last.cells.iter().zip(bench.clean.run.latents()) {
        let read = latent.projection.as_ref().expect("read");
        assert_eq!(cell.top.id, read.top[0].id);
        assert!((cell.top.prob - read.top[0].prob).abs() < 1e-4);
        assert!(cell.rank > 0 || cell.top.id == lens.token);
    }
    assert_eq!(lens.inputs.len(), 4);
    let nearest = &lens.inputs[0].nearest;
    assert!(nearest.windows(2).all(|w| w[0].prob >= w[1].prob));
    assert!(layers(&bench.model, &bench.clean, Some(u32::MAX), &bench.cancel).is_err());
}

#[test]
fn without_an_answer_the_lens_follows_the_first_latents_top_token() {
    let mut bench = bench(18);
    bench.clean.answer_ids.clear();
    let lens = layers(&bench.model, &bench.clean, None, &bench.cancel).expect("lens");
    assert_eq!(
        lens.token,
        bench
            .clean
            .top_ids()
            .expect("read")
            .first()
            .copied()
            .expect("a latent")
    );
}

#[test]
fn a_cancelled_study_ends_at_once() {
    let bench = bench(14);
    let cancel = Cancel::new();
    cancel.cancel();
    let manner = ablation(AblationValue::Zero, &[]);
    let ended = lattice(&bench.subject(), None, &manner, &mut |_| (), &cancel);
    assert!(matches!(
        ended,
        Err(crate::engine::model::ModelError::Cancelled)
    ));
}

#[test]
fn early_stopping_alone_says_what_the_run_says() {
    let bench = bench(15);
    let of_run =
        crate::lab::analysis::early_exit::early_exits(&bench.model, &bench.clean, &bench.cancel)
            .expect("of the run");
    let want = Keep {
        latents: 4,
        answer: Some(bench.clean.most_tokens),
        exits: true,
        ..Keep::default()
    };
    let alone = think(&bench.model, &[tiny::QUESTION], &want, &bench.cancel).expect("alone");
    let alone = alone[0].as_ref().expect("a question that it can take");
    assert_eq!(alone.said, bench.clean.run.answer.ids);
    let alone = &alone.exits;
    assert_eq!(alone.len(), 5);
    for (alone, of_run) in alone.iter().zip(&of_run) {
        assert_eq!((alone.k, &alone.value), (of_run.k, &of_run.value));
        close(
            alone.logprob.unwrap_or_default(),
            of_run.logprob.unwrap_or_default(),
        );
    }
}
