//! Shared state of the strategies: cached runs of other questions, and values by decoder.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::core::types::{Task, TokenRead};
use crate::engine::decode::phrase::Voice;
use crate::engine::decode::spoken::Spoken;
use crate::engine::model::{Cancel, Model, ModelError};
use crate::verify::Case;

use super::strategy::{Decoder, Strategy};
use crate::lab::analysis::counterfactual::Subject;
use crate::lab::analysis::group::DEPTH;
use crate::lab::analysis::learned::Learned;
use crate::lab::analysis::thoughts::{Keep, Thought, before_last, think};

/// Questions per batch before the results are examined.
pub(super) const CHUNK: usize = 32;

type Reads = Vec<Vec<TokenRead>>;

/// The judged run, with every other run made for it.
pub(super) struct QuestionCache<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) cancel: &'a Cancel,
    /// The number of model runs so far.
    pub(super) runs: usize,
    learned: Option<&'a Learned>,
    others: HashMap<Decoder, Rc<[Reads]>>,
    thoughts: HashMap<(Decoder, String), Option<Thought>>,
    /// Cached tokenizations: edits look up the same few numbers thousands of times.
    texts: RefCell<HashMap<String, Known>>,
}

/// The model's tokenization of a text.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Whether it is one token, with or without a space before it.
    single: bool,
    /// Whether it consists of tokens of the vocabulary.
    whole: bool,
}

impl<'a> QuestionCache<'a> {
    pub(super) fn new(
        subject: &Subject<'a>,
        learned: Option<&'a Learned>,
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            subject: *subject,
            cancel,
            runs: 0,
            learned,
            others: HashMap::new(),
            thoughts: HashMap::new(),
            texts: RefCell::default(),
        }
    }

    /// The question and the model's answer, as the verifier takes them.
    pub(super) fn case(&self) -> Case<'a> {
        let run = &self.subject.clean.run;
        Case {
            task: self.subject.model.info().task,
            question: &run.question,
            unknown_words: &run.unknown_words,
            answer: run.answer.value.as_deref(),
        }
    }

    /// Whether a strategy suits the model's task and decoders.
    pub(super) fn suits(&self, strategy: &Strategy) -> bool {
        let task = self.subject.model.info().task;
        let suits_task = task == Task::Math || !strategy.three_operands;
        let has_decoder = match strategy.decoder {
            Decoder::Projection => true,
            Decoder::RollOut => voice(self.subject.model).is_some(),
            Decoder::Learned => self
                .learned
                .is_some_and(|lens| lens.reads_runs(self.subject.model)),
            Decoder::Before(layers) => layers < self.subject.model.info().layers,
        };
        suits_task && has_decoder
    }

    /// Whether a text can be read by a decoder: top-k lists need a single token, roll-outs do not.
    pub(super) fn readable(&self, decoder: Decoder, text: &str) -> bool {
        let tokens = self.tokenization(text);
        match decoder {
            Decoder::Projection | Decoder::Learned | Decoder::Before(_) => tokens.single,
            Decoder::RollOut => tokens.whole,
        }
    }

    fn tokenization(&self, text: &str) -> Known {
        if let Some(tokens) = self.texts.borrow().get(text) {
            return *tokens;
        }
        let model = self.subject.model;
        let ids = model.encode_text(text).ok();
        let is_single = |ids: Option<&[u32]>| matches!(ids, Some([id]) if !model.is_unknown(*id));
        let spaced = || model.encode_text(&format!(" {text}")).ok();
        let tokens = Known {
            single: is_single(ids.as_deref()) || is_single(spaced().as_deref()),
            whole: ids.is_some_and(|ids| !ids.iter().any(|id| model.is_unknown(*id))),
        };
        self.texts.borrow_mut().insert(text.to_owned(), tokens);
        tokens
    }

    /// Whether the model can generate an answer: it consists of tokens of the vocabulary.
    pub(super) fn sayable(&self, answer: &str) -> bool {
        let ids = self.subject.model.encode_continuation(answer);
        ids.is_ok_and(|ids| {
            !ids.is_empty() && !ids.iter().any(|id| self.subject.model.is_unknown(*id))
        })
    }

    /// Maximum number of trials of one value at a place: numbers are many, nodes that settle a question are few.
    pub(super) fn repeats(&self) -> usize {
        if self.subject.model.info().task == Task::Math {
            1
        } else {
            usize::MAX
        }
    }

    /// Runs questions, with a cache; returns `None` for one that the model cannot take.
    pub(super) fn think(
        &mut self,
        decoder: Decoder,
        questions: &[&str],
    ) -> Result<Vec<Option<Thought>>, ModelError> {
        let key = |question: &str| (decoder, question.to_owned());
        let mut new: Vec<&str> = Vec::new();
        for question in questions {
            if !self.thoughts.contains_key(&key(question)) && !new.contains(question) {
                new.push(question);
            }
        }
        let spoken = (decoder == Decoder::RollOut)
            .then(|| voice(self.subject.model))
            .flatten();
        let thoughts = if decoder == Decoder::Projection || spoken.is_some() {
            let want = Keep {
                latents: self.subject.clean.fed.len(),
                top: true,
                answer: Some(self.subject.clean.most_tokens),
                spoken,
                exits: false,
            };
            self.runs += new.len();
            think(self.subject.model, &new, &want, self.cancel)?
        } else {
            self.reread(decoder, &new)?
        };
        for (question, thought) in new.iter().zip(thoughts) {
            self.thoughts.insert(key(question), thought);
        }
        Ok(questions
            .iter()
            .map(|q| self.thoughts[&key(q)].clone())
            .collect())
    }

    /// Applies a decoder that needs no extra run to cached runs of questions.
    fn reread(
        &mut self,
        decoder: Decoder,
        questions: &[&str],
    ) -> Result<Vec<Option<Thought>>, ModelError> {
        let mut thoughts = self.think(Decoder::Projection, questions)?;
        let pairs = questions.iter().zip(&mut thoughts);
        let mut runs: Vec<(&str, &mut Thought)> = pairs
            .filter_map(|(question, thought)| Some((*question, thought.as_mut()?)))
            .collect();
        let model = self.subject.model;
        let reads = match (decoder, self.learned) {
            (Decoder::Learned, Some(lens)) => {
                let states: Vec<&[_]> = runs.iter().map(|(_, t)| t.states.as_slice()).collect();
                lens.tops(model, &states, DEPTH, self.cancel)?
            }
            (Decoder::Before(layers), _) => {
                let fed: Vec<_> = runs.iter().map(|(q, t)| (*q, t.fed.as_slice())).collect();
                before_last(model, &fed, layers, self.cancel)?
            }
            _ => return Ok(thoughts),
        };
        for ((_, thought), read) in runs.iter_mut().zip(reads) {
            thought.decoded = read;
        }
        Ok(thoughts)
    }

    pub(super) fn reads(decoder: Decoder, thought: &Thought) -> Reads {
        match decoder {
            Decoder::Projection => thought.top.clone(),
            Decoder::RollOut | Decoder::Learned | Decoder::Before(_) => thought.decoded.clone(),
        }
    }

    /// A decoder's readings in the judged run.
    pub(super) fn own(&mut self, decoder: Decoder) -> Result<Reads, ModelError> {
        let clean = self.subject.clean;
        if decoder == Decoder::Projection && clean.top_k >= DEPTH {
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

    /// A decoder's readings in the other problems of the reference set.
    pub(super) fn others(&mut self, decoder: Decoder) -> Result<Rc<[Reads]>, ModelError> {
        if let Some(reads) = self.others.get(&decoder) {
            return Ok(Rc::clone(reads));
        }
        let (model, reference) = (self.subject.model, self.subject.reference);
        let question = &self.subject.clean.run.question;
        let latents = self.subject.clean.fed.len();
        let without_own = |all: &[Reads]| -> Vec<Reads> {
            let pairs = reference.items().zip(all);
            pairs
                .filter(|(item, _)| item.question.trim() != question.trim())
                .map(|(_, reads)| reads.clone())
                .collect()
        };
        let mut reads: Vec<Reads> = match (decoder, voice(model), self.learned) {
            (Decoder::Projection, ..) => {
                reference.others(question).map(|i| i.top.clone()).collect()
            }
            (Decoder::RollOut, Some(roll_out), _) => {
                without_own(reference.spoken(model, roll_out, self.cancel)?)
            }
            (Decoder::Before(layers), ..) => {
                without_own(reference.before_last(model, layers, self.cancel)?)
            }
            (Decoder::Learned, _, Some(lens)) => {
                lens.others(model, reference, question, DEPTH, self.cancel)?
            }
            _ => Vec::new(),
        };
        for read in &mut reads {
            read.truncate(latents);
        }
        let reads: Rc<[Reads]> = reads.into();
        self.others.insert(decoder, Rc::clone(&reads));
        Ok(reads)
    }
}

/// The roll-out of values from a latent; `None` if the task has no multi-token values.
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
