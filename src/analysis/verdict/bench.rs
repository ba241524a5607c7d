//! What the strategies share: runs of other questions, each made once, and values by decoder.

use std::collections::HashMap;

use crate::decode::phrase::Voice;
use crate::decode::spoken::Spoken;
use crate::model::{Cancel, Model, ModelError};
use crate::trace::{Task, TokenRead};
use crate::verify::Case;

use super::strategy::{Decoder, Strategy};
use crate::analysis::counterfactual::Subject;
use crate::analysis::thoughts::{Thought, Want, think};

/// Questions that run side by side before what they gave is looked at.
pub(super) const CHUNK: usize = 32;

type Reads = Vec<Vec<TokenRead>>;

/// The run that is judged, with every other run that was made for it.
pub(super) struct Bench<'a> {
    pub(super) of: Subject<'a>,
    pub(super) cancel: &'a Cancel,
    /// Runs of the model so far.
    pub(super) runs: usize,
    kept: HashMap<(Decoder, String), Option<Thought>>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(of: &Subject<'a>, cancel: &'a Cancel) -> Self {
        Self {
            of: *of,
            cancel,
            runs: 0,
            kept: HashMap::new(),
        }
    }

    pub(super) fn case(&self) -> Case<'a> {
        super::case(&self.of)
    }

    /// Whether a strategy makes sense for the model's task.
    pub(super) fn suits(&self, strategy: &Strategy) -> bool {
        let task = self.of.model.info().task;
        let more_operands = strategy.three_operands && task != Task::Math;
        let roll_out = strategy.decoder == Decoder::RollOut;
        !more_operands && (!roll_out || voice(self.of.model).is_some())
    }

    /// Whether a text is one token, so that it can stand in a top-k list; what is rolled out needs no such thing.
    pub(super) fn readable(&self, decoder: Decoder, text: &str) -> bool {
        let model = self.of.model;
        let single = |text: &str| {
            let ids = model.encode_text(text);
            ids.is_ok_and(|ids| matches!(ids.as_slice(), [id] if !model.is_unknown(*id)))
        };
        let known = |text: &str| {
            let ids = model.encode_text(text);
            ids.is_ok_and(|ids| !ids.iter().any(|id| model.is_unknown(*id)))
        };
        match decoder {
            Decoder::Projection => single(text) || single(&format!(" {text}")),
            Decoder::RollOut => known(text),
        }
    }

    /// Whether the model can say an answer.
    pub(super) fn sayable(&self, answer: &str) -> bool {
        let ids = self.of.model.encode_continuation(answer);
        ids.is_ok_and(|ids| !ids.is_empty() && !ids.iter().any(|id| self.of.model.is_unknown(*id)))
    }

    /// How often one value may be tried in a place: numbers are many, nodes that settle a question are few.
    pub(super) fn repeats(&self) -> usize {
        if self.of.model.info().task == Task::Math {
            1
        } else {
            usize::MAX
        }
    }

    /// Runs questions, or remembers their runs; none for one that the model cannot take.
    pub(super) fn think(
        &mut self,
        decoder: Decoder,
        questions: &[&str],
    ) -> Result<Vec<Option<Thought>>, ModelError> {
        let key = |question: &str| (decoder, question.to_owned());
        let mut new: Vec<&str> = Vec::new();
        for question in questions {
            if !self.kept.contains_key(&key(question)) && !new.contains(question) {
                new.push(question);
            }
        }
        let want = Want {
            latents: self.of.clean.fed.len(),
            answer: Some(self.of.clean.most_tokens),
            spoken: (decoder == Decoder::RollOut)
                .then(|| voice(self.of.model))
                .flatten(),
        };
        self.runs += new.len();
        for (question, thought) in new
            .iter()
            .zip(think(self.of.model, &new, &want, self.cancel)?)
        {
            self.kept.insert(key(question), thought);
        }
        Ok(questions
            .iter()
            .map(|q| self.kept[&key(q)].clone())
            .collect())
    }

    /// What a decoder reads in a thought.
    pub(super) fn reads(decoder: Decoder, thought: &Thought) -> Reads {
        match decoder {
            Decoder::Projection => thought.top.clone(),
            Decoder::RollOut => thought.spoken.clone(),
        }
    }

    /// What it reads in the run that is judged.
    pub(super) fn own(&mut self, decoder: Decoder) -> Result<Reads, ModelError> {
        let clean = self.of.clean;
        if decoder == Decoder::Projection && clean.top_k >= crate::analysis::reference::DEPTH {
            let tops = clean.run.latents().map(|(_, position)| {
                let projection = position.projection.as_ref();
                projection.map(|p| p.top.clone()).unwrap_or_default()
            });
            return Ok(tops.collect());
        }
        let thoughts = self.think(decoder, &[&clean.run.question])?;
        let own = thoughts.into_iter().next().flatten();
        Ok(own.map(|t| Self::reads(decoder, &t)).unwrap_or_default())
    }

    /// What it reads in the other problems of the reference set.
    pub(super) fn others(&mut self, decoder: Decoder) -> Result<Vec<Reads>, ModelError> {
        let (reference, question) = (self.of.reference, &self.of.clean.run.question);
        let latents = self.of.clean.fed.len();
        match decoder {
            Decoder::Projection => Ok(reference.others(question).map(|i| i.top.clone()).collect()),
            Decoder::RollOut => {
                let Some(how) = voice(self.of.model) else {
                    return Ok(Vec::new());
                };
                let made = reference.spoken(self.of.model, how, self.cancel)?;
                let others = reference.items().zip(made);
                Ok(others
                    .filter(|(item, _)| item.question.trim() != question.trim())
                    .map(|(_, reads)| reads.iter().take(latents).cloned().collect())
                    .collect())
            }
        }
    }
}

/// How the model says values from a latent; none if its task has none that take several tokens.
fn voice(model: &Model) -> Option<Spoken> {
    let task = model.info().task;
    if model.has_step_decoder() {
        Some(Spoken::Steps(Voice::StepDecoder, task))
    } else if model.info().phrase_decoder == "latent-prefix" {
        Some(Spoken::Steps(Voice::Model, task))
    } else {
        (task == Task::Math).then_some(Spoken::Numbers)
    }
}
