//! The effect of switching one latent off on each later latent and on the answer.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::replacements::{Plan, Replacements, relative_change};
use super::{Subject, cell};
use crate::core::types::{
    Ablation, AnswerInfluence, Direction, Influence, LatentIdx, LatentInfluence, Propagation,
};
use crate::engine::model::{Cancel, ModelError, argmax};

/// Computes the influence matrix under one value and site.
///
/// # Errors
/// When the run has no latents, the ablation is refused, the model fails or the work is cancelled.
pub fn influence(
    subject: &Subject<'_>,
    manner: &Ablation,
    cancel: &Cancel,
) -> Result<Influence, ModelError> {
    let (model, clean) = (subject.model, subject.clean);
    let n = clean.fed.len();
    if n == 0 {
        return Err(ModelError::refused(
            "the run has no latents",
            "run it in a mode with latents, or choose a model that has them",
        ));
    }
    let with = |propagation| Ablation {
        propagation,
        direction: Direction::Noising,
        ..manner.with_off(BTreeSet::new())
    };
    let (total, direct) = (with(Propagation::Total), with(Propagation::Direct));
    let mut judge = Judge::new(subject, cancel);
    let own: Vec<Vec<f32>> = clean
        .rollout
        .latents
        .iter()
        .map(|latent| Ok(latent.state.row(0)?.to_vec()))
        .collect::<Result<_, ModelError>>()?;
    let own_top = clean.top_ids()?;
    let mut influence = Influence {
        manner: total.clone(),
        n_latents: n,
        latents: Vec::new(),
        answers: Vec::new(),
        sham_max_diff: 0.0,
        cost: judge.cost(),
    };
    let totals = Replacements::new(subject, &total)?;
    let directs = Replacements::new(subject, &direct)?;
    let plans = |replacements: &Replacements<'_>| {
        (1..=n)
            .map(|j| replacements.plan(&[LatentIdx(j)].into()))
            .collect::<Result<Vec<Plan>, _>>()
    };
    let (total_plans, direct_plans) = (plans(&totals)?, plans(&directs)?);
    let (sham, total_judged) = judge.plans(&totals, &total_plans, true)?;
    let whole = judge.whole.take();
    let (_, direct_judged) = judge.plans(&directs, &direct_plans, false)?;
    influence.sham_max_diff = sham;
    for (at, plan) in total_plans.iter().enumerate() {
        let from = LatentIdx(at + 1);
        influence.answers.push(AnswerInfluence {
            from,
            total: cell(clean, plan, &total_judged[at]),
            direct: cell(clean, &direct_plans[at], &direct_judged[at]),
        });
        let alone;
        let (unfolded, first) = if let Some(whole) = &whole {
            // The shams come first, then the plans.
            (whole, n + at * plan.variants.len())
        } else {
            alone = model.unfold(&clean.rollout, &plan.variants, &totals.layers, cancel)?;
            (&alone, 0)
        };
        let mut changes = vec![(0.0, 0usize); n];
        for to in at + 2..=n {
            let Some(states) = unfolded.states_at(LatentIdx(to)) else {
                continue;
            };
            let tops: Vec<u32> = model
                .project(states)?
                .iter()
                .map(|row| argmax(row))
                .collect();
            let states = states.to_rows()?;
            for variant in 0..plan.variants.len() {
                if let Some(row) = unfolded.row_at(first + variant, LatentIdx(to)) {
                    changes[to - 1].0 += relative_change(&own[to - 1], &states[row]);
                    changes[to - 1].1 += usize::from(tops[row] != own_top[to - 1]);
                }
            }
        }
        let count = plan.variants.len();
        for to in at + 2..=n {
            let (sum, top_changed) = changes[to - 1];
            #[expect(clippy::cast_precision_loss, reason = "a few dozen variants")]
            let relative_change = sum / count.max(1) as f64;
            influence.latents.push(LatentInfluence {
                from,
                to: LatentIdx(to),
                relative_change,
                top_changed,
                n: count,
            });
        }
    }
    influence.cost = judge.cost();
    Ok(influence)
}
