//! The sweep: every latent, necessary and sufficient, under every value, and pairs under the chosen one.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::replacements::{Plan, Replacements};
use super::{Subject, cell};
use crate::core::types::{
    Ablation, AblationValue, AnswerOutcome, Direction, LatentIdx, Pair, Role, StudyCell, Sweep,
    SweepCell,
};
use crate::engine::model::{Cancel, ModelError};

/// The values that need no further choice.
pub const VALUES: [AblationValue; 6] = [
    AblationValue::Resample,
    AblationValue::Mean,
    AblationValue::Zero,
    AblationValue::Noise,
    AblationValue::Token,
    AblationValue::KvBlock,
];

/// Sweeps over values; pairs use the manner's own value. `on_part` receives the partial sweep after each value.
///
/// An interrupted sweep `before` of the same manner is resumed: its values are not recomputed, and their sham differences and cost
/// are kept.
///
/// # Errors
/// When the run has no latents, the model fails or the work is cancelled. A value that does not go with the site is not an error:
/// its cells give the reason.
pub fn sweep(
    subject: &Subject<'_>,
    before: Option<&Sweep>,
    manner: &Ablation,
    values: &[AblationValue],
    on_part: &mut dyn FnMut(&Sweep),
    cancel: &Cancel,
) -> Result<Sweep, ModelError> {
    let n = subject.clean.fed.len();
    if n == 0 {
        return Err(ModelError::refused(
            "the run has no latents to sweep over",
            "run it in a mode with latents, or choose a model that has them",
        ));
    }
    let manner = Ablation {
        direction: Direction::Noising,
        ..manner.with_off(BTreeSet::new())
    };
    let before = before.filter(|before| before.manner == manner && before.n_latents == n);
    let mut judge = Judge::new(subject, cancel);
    judge.resume_cost(before.map(|before| before.cost));
    let mut sweep = Sweep {
        manner: manner.clone(),
        n_latents: n,
        clean_answer: subject.clean.run.answer.value.clone(),
        cells: Vec::new(),
        pairs: Vec::new(),
        complete: false,
        sham_max_diff: before.map_or(0.0, |before| before.sham_max_diff),
        cost: judge.cost(),
    };
    // The chosen value first: it is the one on screen.
    let mut order: Vec<AblationValue> = values.to_vec();
    order.sort_by_key(|value| *value != manner.value);
    for value in order {
        let cells = before.iter().flat_map(|before| &before.cells);
        let cells: Vec<SweepCell> = cells.filter(|cell| cell.value == value).cloned().collect();
        if cells.len() == 2 * n {
            sweep.cells.extend(cells);
            continue;
        }
        for role in [Role::Necessary, Role::Sufficient] {
            add_row(subject, (value, role), &mut judge, &mut sweep)?;
        }
        sweep.cost = judge.cost();
        let place = |value: AblationValue| values.iter().position(|v| *v == value);
        sweep
            .cells
            .sort_by_key(|c| (place(c.value), c.role, c.latent));
        on_part(&sweep);
    }
    add_pairs(subject, &mut judge, &mut sweep)?;
    sweep.cost = judge.cost();
    sweep.complete = true;
    on_part(&sweep);
    Ok(sweep)
}

/// The set that is off when a latent is tested in a role.
fn off(n: usize, latent: LatentIdx, role: Role) -> BTreeSet<LatentIdx> {
    match role {
        Role::Necessary => [latent].into(),
        Role::Sufficient => (1..=n).map(LatentIdx).filter(|j| *j != latent).collect(),
    }
}

fn add_row(
    subject: &Subject<'_>,
    (value, role): (AblationValue, Role),
    judge: &mut Judge<'_>,
    sweep: &mut Sweep,
) -> Result<(), ModelError> {
    let n = sweep.n_latents;
    let manner = Ablation {
        value,
        direction: match role {
            Role::Necessary => Direction::Noising,
            Role::Sufficient => Direction::Denoising,
        },
        ..sweep.manner.clone()
    };
    let refused = |why: &ModelError, latent| SweepCell {
        latent,
        role,
        value,
        cell: None,
        refused: Some(format!("{why}: {}", why.hint())),
    };
    let replacements = match Replacements::new(subject, &manner) {
        Err(why) if is_refusal(&why) => {
            let all = (1..=n).map(|j| refused(&why, LatentIdx(j)));
            sweep.cells.extend(all);
            return Ok(());
        }
        replacements => replacements?,
    };
    let (mut plans, mut latents): (Vec<Plan>, Vec<LatentIdx>) = (Vec::new(), Vec::new());
    for latent in (1..=n).map(LatentIdx) {
        match replacements.plan(&off(n, latent, role)) {
            Err(why) if is_refusal(&why) => sweep.cells.push(refused(&why, latent)),
            plan => {
                plans.push(plan?);
                latents.push(latent);
            }
        }
    }
    if plans.is_empty() {
        return Ok(());
    }
    let (sham, judged) = judge.plans(&replacements, &plans, true)?;
    sweep.sham_max_diff = sweep.sham_max_diff.max(sham);
    for ((plan, judged), latent) in plans.iter().zip(&judged).zip(latents) {
        sweep.cells.push(SweepCell {
            latent,
            role,
            value,
            cell: Some(cell(subject.clean, plan, judged)),
            refused: None,
        });
    }
    Ok(())
}

/// Whether an error means that the combination is meaningless, rather than that something failed.
fn is_refusal(error: &ModelError) -> bool {
    matches!(error, ModelError::Input { .. })
}

/// Adds the comparison of every pair of latents off together with each alone.
fn add_pairs(
    subject: &Subject<'_>,
    judge: &mut Judge<'_>,
    sweep: &mut Sweep,
) -> Result<(), ModelError> {
    let (n, value) = (sweep.n_latents, sweep.manner.value);
    let manner = sweep.manner.clone();
    let replacements = match Replacements::new(subject, &manner) {
        Err(why) if is_refusal(&why) => return Ok(()),
        replacements => replacements?,
    };
    let mut plans = Vec::new();
    for i in 1..=n {
        for j in i + 1..=n {
            match replacements.plan(&[LatentIdx(i), LatentIdx(j)].into()) {
                Err(why) if is_refusal(&why) => {}
                plan => plans.push(plan?),
            }
        }
    }
    if plans.is_empty() {
        return Ok(());
    }
    let (_, judged) = judge.plans(&replacements, &plans, false)?;
    for (plan, judged) in plans.iter().zip(&judged) {
        let (Some(&first), Some(&second)) = (plan.off.first(), plan.off.last()) else {
            continue;
        };
        let single = |latent| {
            let single = sweep.cell(latent, Role::Necessary, value);
            single.and_then(|single| single.cell.as_ref())
        };
        // Values that cannot be applied to a single latent have nothing to add up.
        let (Some(a), Some(b)) = (single(first), single(second)) else {
            continue;
        };
        let together = cell(subject.clean, plan, judged);
        let sum_of_singles = a.delta_logprob + b.delta_logprob;
        let keeps = |cell: &StudyCell| cell.variants().outcome() == AnswerOutcome::Stands;
        let flips_only_together = together.flipped && keeps(a) && keeps(b);
        sweep.pairs.push(Pair {
            value,
            latents: (first, second),
            non_additive: flips_only_together
                || (together.delta_logprob - sum_of_singles).abs() > Pair::ADDITIVE,
            sum_of_singles,
            cell: together,
        });
    }
    Ok(())
}
