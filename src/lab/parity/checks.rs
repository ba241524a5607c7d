//! The comparisons: ids, states, projections, answers, early stopping, modes and ablations.

use super::TOLERANCE;
use super::golden::{
    Generation, Golden, GoldenAblation, GoldenBaseline, GoldenQuestion, GoldenState, Vector,
};
use super::tally::{ComparedItem, Comparisons};
use crate::core::types::LatentIdx;
use crate::engine::model::{
    Branch, Cancel, Family, Intervention, Mode, Model, Overrides, Result, Rollout, Variant, Vectors,
};

/// Token limits of the recording.
const FREE_TOKENS: usize = 64;
const FORCED_TOKENS: usize = 32;

/// Compares everything in the recording.
pub(super) fn all(model: &Model, golden: &Golden, cancel: &Cancel) -> Result<Vec<ComparedItem>> {
    let mut check = Check {
        model,
        golden,
        cancel,
        tally: Comparisons::default(),
    };
    check.special_ids();
    for question in &golden.questions {
        if model.family().has_latents() {
            check.latent_question(question)?;
        } else {
            check.plain_question(question)?;
        }
    }
    Ok(check.tally.into_items())
}

struct Check<'a> {
    model: &'a Model,
    golden: &'a Golden,
    cancel: &'a Cancel,
    tally: Comparisons,
}

impl Check<'_> {
    fn special_ids(&mut self) {
        let (markers, special) = (self.model.markers(), &self.golden.special_ids);
        let is_codi = self.model.family() == Family::Codi;
        let end = if is_codi { special.eot } else { special.eocot };
        let expected = (
            special.bocot,
            end,
            special.eot.filter(|_| !is_codi),
            &self.golden.delimiter_ids,
            &self.golden.stop_ids,
        );
        let actual = (
            markers.start,
            markers.end,
            markers.turn_end,
            &markers.delimiter,
            &markers.stop,
        );
        self.tally.same(
            "special ids",
            "start, end, turn end, delimiter, stop",
            &actual,
            &expected,
        );
        let sizes = (self.model.vocab(), self.model.n_latents());
        let expected = (self.golden.vocab_rows, self.golden.num_latents);
        self.tally
            .same("special ids", "rows, latents", &sizes, &expected);
        if let Some(limit) = self.golden.generation_vocab_limit {
            self.tally.same(
                "special ids",
                "generation limit",
                &markers.answer_vocab,
                &limit,
            );
        }
    }

    fn latent_question(&mut self, question: &GoldenQuestion) -> Result<()> {
        let (model, cancel, k) = (self.model, self.cancel, self.model.n_latents());
        let prompt = model.prompt(&question.question, Mode::Latent)?;
        let sequence = |k: usize| shown_ids(model, &prompt.ids, k);
        let id = question.id.as_str();
        self.tally.same(
            "input ids",
            id,
            &self.recorded_input(&prompt.ids, k),
            &question.input_ids,
        );
        let start = model.prefill(&[&prompt.ids], cancel)?;
        let rollout = model.rollout(&start, k, &Overrides::none(1), cancel)?;
        let deep = model.last_block(&prompt.ids, &rollout)?;
        for (j, state) in question.latent_positions.iter().enumerate() {
            let place = format!("{id}, after latent {j}");
            let branch = rollout.after(j).ok_or_else(|| missing(&place))?;
            self.tally
                .same("positions", &place, &(branch.len() - 1), &state.position);
            self.state(&place, &branch.hidden(), state)?;
            self.vector(
                "hidden states before the norm",
                &place,
                &deep[state.position],
                &state.hidden_pre_norm,
            );
            if let (Some(latent), Some(next)) = (rollout.latents.get(j), &state.next_input) {
                self.vector("latents fed", &place, &latent.fed.row(0)?, next);
            }
        }

        let closed = model.close(rollout.last(), false, cancel)?;
        let ids = self.generation("answers", id, &closed, FREE_TOKENS, &question.full)?;
        let value = model.extract_value(&ids)?;
        self.tally
            .same("answers", id, &value, &question.final_answer);
        let output = [sequence(k), ids].concat();
        self.tally
            .same("output ids", id, &output, &question.output_ids);

        self.early_stopping(question, &rollout, &prompt.ids)?;
        self.modes(question)?;
        self.ablations(question, &rollout)?;
        super::counterfactual::check(
            model,
            question,
            &prompt.ids,
            &rollout,
            &mut self.tally,
            cancel,
        )
    }

    /// Returns the input ids as recorded: with placeholders for latents and the end marker, except in the CODI families.
    fn recorded_input(&self, prompt: &[u32], k: usize) -> Vec<u32> {
        match self.model.family() {
            // Its generator adds the markers.
            Family::MultimodeCodi => {
                prompt[..prompt.len() - self.markers_after_question()].to_vec()
            }
            Family::Codi => prompt.to_vec(),
            _ => shown_ids(self.model, prompt, k),
        }
    }

    fn markers_after_question(&self) -> usize {
        1 + usize::from(self.model.markers().turn_end.is_some())
    }

    fn early_stopping(
        &mut self,
        question: &GoldenQuestion,
        rollout: &Rollout,
        prompt: &[u32],
    ) -> Result<()> {
        let (model, cancel) = (self.model, self.cancel);
        for stop in question
            .early_stop
            .iter()
            .chain(&question.early_stop_forced)
        {
            let place = format!("{}, k = {}", question.id, stop.k);
            let forced = stop.forced_delimiter.unwrap_or(true);
            let branch = rollout.after(stop.k).ok_or_else(|| missing(&place))?;
            let closed = model.close(branch, forced, cancel)?;
            let ids = self.generation(
                "early stopping",
                &place,
                &closed,
                FORCED_TOKENS,
                &stop.generation,
            )?;
            let delimiter: &[u32] = if forced {
                &model.markers().delimiter
            } else {
                &[]
            };
            let whole = [delimiter, &ids].concat();
            let value = model.extract_value(&whole)?;
            if let Some(answer) = &stop.answer {
                self.tally.same("early stopping", &place, &value, answer);
            }
            if !stop.output_ids.is_empty() {
                let output = [shown_ids(model, prompt, stop.k), whole].concat();
                self.tally
                    .same("output ids", &place, &output, &stop.output_ids);
            }
        }
        Ok(())
    }

    fn modes(&mut self, question: &GoldenQuestion) -> Result<()> {
        let Some(modes) = &question.modes else {
            return Ok(());
        };
        let runs = [
            (Mode::Direct, &modes.direct),
            (Mode::Written, &modes.verbalized),
        ];
        for (mode, run) in runs {
            let Some(run) = run else { continue };
            let place = format!("{}, {} mode", question.id, mode.as_str());
            let prompt = self.model.prompt(&question.question, mode)?;
            let input = match self.model.family() {
                Family::MultimodeCodi => {
                    &prompt.ids[..prompt.ids.len() - self.markers_after_question()]
                }
                _ => &prompt.ids,
            };
            self.tally
                .same("input ids", &place, &input, &run.input_ids.as_slice());
            let start = self.model.prefill(&[&prompt.ids], self.cancel)?;
            let ids = self.generation("modes", &place, &start, FREE_TOKENS, &run.generation)?;
            let value = self.model.extract_value(&ids)?;
            self.tally.same("modes", &place, &value, &run.answer);
            let output = [prompt.ids.as_slice(), &ids].concat();
            self.tally
                .same("output ids", &place, &output, &run.output_ids);
        }
        Ok(())
    }

    /// Compares all ablations of a question, run as one tree.
    fn ablations(&mut self, question: &GoldenQuestion, clean: &Rollout) -> Result<()> {
        let (model, cancel, ablations) = (self.model, self.cancel, &question.ablations);
        let Some(baseline) = question
            .ablation_baseline
            .as_ref()
            .filter(|_| !ablations.is_empty())
        else {
            return Ok(());
        };
        let mut variants = Vec::with_capacity(ablations.len());
        for ablation in ablations {
            let vector = match ablation.replaced_by.as_str() {
                "zero" => vec![0.0; model.width()],
                _ => self
                    .golden
                    .mean_latent_inputs
                    .get(ablation.latent)
                    .cloned()
                    .ok_or_else(|| missing("mean latent"))?,
            };
            variants.push(Variant {
                latents: model.n_latents(),
                interventions: [(
                    LatentIdx(ablation.latent + 1),
                    Intervention::Fed(vector.into()),
                )]
                .into(),
            });
        }
        let ablated = model.unfold(clean, &variants, &(0..0), cancel)?;
        let forced = baseline.forced_delimiter.unwrap_or(true);
        let closed = model.close(&ablated.ends, forced, cancel)?;
        let free = model.close(&ablated.ends, false, cancel)?;
        for (ablation, &row) in ablations.iter().zip(&ablated.rows) {
            let place = format!(
                "{}, latent {} by {}",
                question.id,
                ablation.latent + 1,
                ablation.replaced_by
            );
            let branch = closed.select(&[row])?;
            self.generation(
                "ablations",
                &place,
                &branch,
                FORCED_TOKENS,
                &ablation.generation,
            )?;
            self.first_answer(&place, &branch, baseline, ablation)?;
            if forced && !ablation.free_generated_ids.is_empty() {
                let generation = model
                    .generate(
                        &free.select(&[row])?,
                        FORCED_TOKENS.max(FREE_TOKENS),
                        &mut |_| (),
                        cancel,
                    )?
                    .remove(0);
                self.tally.same(
                    "ablations",
                    &place,
                    &generation.ids,
                    &ablation.free_generated_ids,
                );
            }
        }
        Ok(())
    }

    /// Compares the logit of the clean run's first answer token at the step where the clean run chose it.
    fn first_answer(
        &mut self,
        place: &str,
        branch: &Branch,
        baseline: &GoldenBaseline,
        ablation: &GoldenAblation,
    ) -> Result<()> {
        let Some(expected) = ablation.baseline_first_answer_logit else {
            return Ok(());
        };
        let lead = ablation
            .generation
            .generated_ids
            .get(..baseline.first_answer_step);
        let lead = lead.ok_or_else(|| missing(place))?;
        let at = self.model.advance(branch, lead, self.cancel)?;
        let logits = self.model.logits(&at)?.remove(0);
        let actual = logits.get(baseline.first_answer_id as usize).copied();
        let actual = f64::from(actual.unwrap_or(f32::NAN));
        self.tally
            .number("ablations, first answer logit", place, actual, expected);
        Ok(())
    }

    /// Compares plain generation of CoT and No-CoT, and the answer after every prefix of the reasoning.
    fn plain_question(&mut self, question: &GoldenQuestion) -> Result<()> {
        let (model, cancel) = (self.model, self.cancel);
        let id = question.id.as_str();
        let prompt = model.prompt(&question.question, model.main_mode())?;
        self.tally
            .same("input ids", id, &prompt.ids, &question.input_ids);
        let start = model.prefill(&[&prompt.ids], cancel)?;
        let ids = self.generation("answers", id, &start, FREE_TOKENS, &question.full)?;
        let output = [prompt.ids.as_slice(), &ids].concat();
        self.tally
            .same("output ids", id, &output, &question.output_ids);
        let value = model.extract_value(&ids)?;
        let stops = question
            .final_answer
            .as_deref()
            .map(|a| self.without_stop(a));
        self.tally.same("answers", id, &value, &stops);

        let mut branch = start;
        for k in 0..=question.reasoning_ids.len() {
            if let Some(state) = question.reasoning_positions.get(k) {
                let place = format!("{id}, written token {}", k + 1);
                let next = question.reasoning_ids.get(k..=k).unwrap_or_default();
                let after = model.advance(&branch, next, cancel)?;
                self.tally
                    .same("positions", &place, &(after.len() - 1), &state.position);
                self.state(&place, &after.hidden(), state)?;
            }
            if let Some(stop) = question.early_stop.iter().find(|stop| stop.k == k) {
                let place = format!("{id}, k = {k}");
                let forced = model.advance(&branch, &model.markers().delimiter, cancel)?;
                let ids = self.generation(
                    "early stopping",
                    &place,
                    &forced,
                    FORCED_TOKENS,
                    &stop.generation,
                )?;
                let whole = [model.markers().delimiter.as_slice(), &ids].concat();
                let value = model.extract_value(&whole)?;
                if let Some(answer) = &stop.answer {
                    let expected = answer.as_deref().map(|a| self.without_stop(a));
                    self.tally.same("early stopping", &place, &value, &expected);
                }
            }
            if let Some(next) = question.reasoning_ids.get(k..=k) {
                branch = model.advance(&branch, next, cancel)?;
            }
        }
        Ok(())
    }

    /// Removes the end tokens that the reference decodes into some answers (docs/methods.md M3.6).
    fn without_stop(&self, answer: &str) -> String {
        let stops = self.model.markers().stop.iter();
        stops.fold(answer.to_owned(), |answer, &id| {
            answer.replace(&self.model.token_text(id), "")
        })
    }

    /// Generates greedily and compares ids, logits, log-probabilities and the stop. Returns the generated ids, with the end
    /// token if the recording keeps it.
    fn generation(
        &mut self,
        name: &'static str,
        place: &str,
        branch: &Branch,
        limit: usize,
        golden: &Generation,
    ) -> Result<Vec<u32>> {
        let out = self
            .model
            .generate(branch, limit, &mut |_| (), self.cancel)?
            .remove(0);
        let mut ids = out.ids.clone();
        // Recordings of CoT and No-CoT have the end token among the ids, and no stop.
        let kept = golden.stopped_on.is_none() && out.stop == golden.generated_ids.last().copied();
        if kept {
            ids.extend(out.stop);
        } else {
            self.tally.same(name, place, &out.stop, &golden.stopped_on);
        }
        // A greedy choice between logits closer than the tolerance may differ; no recording is that close so far.
        let undecided = golden
            .top1_margin
            .iter()
            .position(|margin| *margin <= TOLERANCE)
            .unwrap_or(usize::MAX);
        let until = |ids: &[u32]| {
            ids.get(..undecided.min(ids.len()))
                .unwrap_or_default()
                .to_vec()
        };
        self.tally
            .same(name, place, &until(&ids), &until(&golden.generated_ids));
        let agree = ids
            .iter()
            .zip(&golden.generated_ids)
            .take_while(|(a, b)| a == b)
            .count();
        for i in 0..agree.min(out.ids.len()) {
            let place = format!("{place}, token {}", i + 1);
            if let (Some(&actual), Some(&expected)) =
                (out.logits.get(i), golden.token_logits.get(i))
            {
                self.tally
                    .number("token logits", &place, f64::from(actual), expected);
            }
            if let (Some(&actual), Some(&expected)) =
                (out.logprobs.get(i), golden.token_logprobs.get(i))
            {
                self.tally
                    .number("token log-probabilities", &place, actual, expected);
            }
        }
        Ok(ids)
    }

    fn state(&mut self, place: &str, state: &Vectors, golden: &GoldenState) -> Result<()> {
        self.vector("hidden states", place, &state.row(0)?, &golden.hidden);
        let logits = self.model.project(state)?.remove(0);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let recorded = &golden.top10.logits;
        for (rank, (&id, &expected)) in golden.top10.ids.iter().zip(recorded).enumerate() {
            let place = format!("{place}, rank {}", rank + 1);
            let actual = logits.get(id as usize).copied().unwrap_or(f32::NAN);
            self.tally
                .number("top-10 logits", &place, f64::from(actual), expected);
            // Neighbours closer than the tolerance may be in either order.
            let scale = TOLERANCE * expected.abs().max(1.0);
            let near = |other: Option<&f64>| other.is_some_and(|o| (o - expected).abs() <= scale);
            let last = rank + 1 == recorded.len();
            let is_tied = near(recorded.get(rank + 1)) || rank > 0 && near(recorded.get(rank - 1));
            // The eleventh is not recorded; our own logit decides whether it is close.
            let eleventh = order.get(recorded.len()).map(|&i| f64::from(logits[i]));
            if is_tied || last && near(eleventh.as_ref()) {
                continue;
            }
            self.tally.same(
                "top-10 ids",
                &place,
                &order.get(rank).copied(),
                &Some(id as usize),
            );
        }
        Ok(())
    }

    fn vector(&mut self, name: &'static str, place: &str, actual: &[f32], golden: &Vector) {
        for (i, expected) in golden.first8.iter().enumerate() {
            let actual = actual.get(i).copied().unwrap_or(f32::NAN);
            let place = format!("{place}, value {i}");
            self.tally
                .number(name, &place, f64::from(actual), *expected);
        }
        let squares: f64 = actual.iter().map(|&x| f64::from(x).powi(2)).sum();
        self.tally
            .number(name, &format!("{place}, norm"), squares.sqrt(), golden.l2);
    }
}

/// Returns the ids of a run as the reference shows them: placeholders for latents, then the end marker.
fn shown_ids(model: &Model, prompt: &[u32], k: usize) -> Vec<u32> {
    let markers = model.markers();
    let placeholder = markers.latent.or(markers.start);
    let latents = std::iter::repeat_n(placeholder, k).flatten();
    prompt
        .iter()
        .copied()
        .chain(latents)
        .chain(markers.end)
        .collect()
}

fn missing(what: &str) -> crate::engine::model::ModelError {
    crate::engine::model::ModelError::refused(
        format!("the recording lacks {what}"),
        "record the checkpoint again with assets/reference",
    )
}
