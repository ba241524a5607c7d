//! What waits to be done: the newest of each kind, so that quick toggles coalesce and the last one wins.

use crate::core::types::{Ablation, LatentIdx, Mode, StudyKind};
use crate::explorer::worker::protocol::{Request, RunId};

/// Pending work. Pure: no channels, no model.
#[derive(Debug, Default)]
pub struct Queue {
    load: Option<String>,
    run: Option<Asked>,
    ablate: Option<(RunId, Ablation)>,
    early_exit: Option<RunId>,
    phrases: Option<(RunId, LatentIdx)>,
    verify: Option<RunId>,
    study: Option<Wanted>,
}

/// A study to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The run it belongs to.
    pub id: RunId,
    /// Which study.
    pub kind: StudyKind,
    /// How latents are switched off.
    pub manner: Ablation,
    /// The token to follow, in the lens by layer.
    pub token: Option<u32>,
}

/// A question to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its number.
    pub id: RunId,
    /// The question.
    pub question: String,
    /// The gold answer, if known.
    pub gold: Option<String>,
    /// How many steps the gold solution has, if known.
    pub steps: Option<usize>,
    /// How it is to be answered; none for the model's usual mode.
    pub mode: Option<Mode>,
}

/// The next thing to do, in the order in which an analyst waits for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Load a model.
    Load(String),
    /// Run a question.
    Run(Asked),
    /// Run with latents off.
    Ablate(RunId, Ablation),
    /// Early exits.
    EarlyExit(RunId),
    /// Phrases of one latent.
    Phrases(RunId, LatentIdx),
    /// A study.
    Study(Wanted),
    /// The verdict.
    Verify(RunId),
}

/// What a request means for the job in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Keep,
    /// It is superseded: stop it.
    Stop,
    /// It waits while a toggle is answered, and starts again after.
    StepAside,
}

impl Queue {
    /// Takes a request in, and says whether the job in hand is superseded by it.
    pub fn push(&mut self, request: Request, in_hand: Option<&Job>) -> Standing {
        match request {
            Request::Load { model } => {
                *self = Self {
                    load: Some(model),
                    ..Self::default()
                };
                return Standing::Stop;
            }
            Request::Run {
                id,
                question,
                gold,
                steps,
                mode,
            } => {
                let load = self.load.take();
                *self = Self {
                    load,
                    run: Some(Asked {
                        id,
                        question,
                        gold,
                        steps,
                        mode,
                    }),
                    ..Self::default()
                };
                return if matches!(in_hand, Some(Job::Load(_))) {
                    Standing::Keep
                } else {
                    Standing::Stop
                };
            }
            Request::Cancel => {
                *self = Self::default();
                return Standing::Stop;
            }
            Request::Ablate { id, ablation } => {
                self.ablate = Some((id, ablation));
                match in_hand {
                    Some(Job::Ablate(..)) => return Standing::Stop,
                    Some(Job::EarlyExit(_) | Job::Phrases(..) | Job::Verify(_) | Job::Study(_)) => {
                        return Standing::StepAside;
                    }
                    _ => {}
                }
            }
            Request::Study {
                id,
                kind,
                manner,
                token,
            } => {
                self.study = Some(Wanted {
                    id,
                    kind,
                    manner,
                    token,
                });
                if matches!(in_hand, Some(Job::Study(_))) {
                    return Standing::Stop;
                }
            }
            Request::EarlyExit { id } => {
                self.early_exit = Some(id);
                // These are there at once, and the others may wait for a reference set.
                if matches!(in_hand, Some(Job::Phrases(..) | Job::Verify(_))) {
                    return Standing::StepAside;
                }
            }
            Request::Phrases { id, latent } => self.phrases = Some((id, latent)),
            Request::Verify { id } => self.verify = Some(id),
        }
        Standing::Keep
    }

    /// Puts the job in hand back, unless something newer of its kind waits: a toggle goes before a verdict.
    pub fn put_back(&mut self, job: &Job) {
        match *job {
            Job::EarlyExit(id) => _ = self.early_exit.get_or_insert(id),
            Job::Phrases(id, latent) => _ = self.phrases.get_or_insert((id, latent)),
            Job::Verify(id) => _ = self.verify.get_or_insert(id),
            Job::Study(ref wanted) => _ = self.study.get_or_insert_with(|| wanted.clone()),
            Job::Load(_) | Job::Run(..) | Job::Ablate(..) => {}
        }
    }

    /// Whether another model is to be loaded.
    pub fn has_load(&self) -> bool {
        self.load.is_some()
    }

    /// The model that is to be loaded, if it was not begun yet.
    pub fn waiting_load(&self) -> Option<String> {
        self.load.clone()
    }

    /// Takes the next job out.
    pub fn pop(&mut self) -> Option<Job> {
        if let Some(model) = self.load.take() {
            return Some(Job::Load(model));
        }
        if let Some(asked) = self.run.take() {
            return Some(Job::Run(asked));
        }
        if let Some((id, ablation)) = self.ablate.take() {
            return Some(Job::Ablate(id, ablation));
        }
        if let Some(id) = self.early_exit.take() {
            return Some(Job::EarlyExit(id));
        }
        if let Some((id, latent)) = self.phrases.take() {
            return Some(Job::Phrases(id, latent));
        }
        if let Some(wanted) = self.study.take() {
            return Some(Job::Study(wanted));
        }
        self.verify.take().map(Job::Verify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::AblationValue;

    fn toggle(latent: usize) -> Request {
        let ablation = Ablation {
            off: [LatentIdx(latent)].into(),
            value: AblationValue::Zero,
            ..Ablation::default()
        };
        Request::Ablate {
            id: RunId(1),
            ablation,
        }
    }

    fn question(id: u64) -> Request {
        Request::Run {
            id: RunId(id),
            question: "q".to_owned(),
            gold: None,
            steps: None,
            mode: None,
        }
    }

    #[test]
    fn the_last_toggle_wins_and_goes_before_background_work() {
        let mut queue = Queue::default();
        assert_eq!(
            queue.push(Request::Verify { id: RunId(1) }, None),
            Standing::Keep
        );
        queue.push(toggle(1), None);
        queue.push(toggle(2), None);
        let Some(job @ Job::Ablate(..)) = queue.pop() else {
            panic!("a toggle goes first")
        };
        assert_eq!(queue.push(toggle(3), Some(&job)), Standing::Stop);
        assert!(matches!(queue.pop(), Some(Job::Ablate(_, a)) if a.off.contains(&LatentIdx(3))));
        assert_eq!(queue.pop(), Some(Job::Verify(RunId(1))));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn background_work_steps_aside_for_a_toggle() {
        for job in [
            Job::Verify(RunId(1)),
            Job::EarlyExit(RunId(1)),
            Job::Phrases(RunId(1), LatentIdx(1)),
        ] {
            assert_eq!(
                Queue::default().push(toggle(1), Some(&job)),
                Standing::StepAside
            );
        }
        // Early exits are there at once, so they do not wait for what may wait for a reference set.
        for (job, standing) in [
            (Job::Phrases(RunId(1), LatentIdx(1)), Standing::StepAside),
            (Job::Verify(RunId(1)), Standing::StepAside),
            (Job::EarlyExit(RunId(1)), Standing::Keep),
        ] {
            let exits = Request::EarlyExit { id: RunId(1) };
            assert_eq!(Queue::default().push(exits, Some(&job)), standing);
        }
        let run = Job::Run(Asked {
            id: RunId(1),
            question: String::new(),
            gold: None,
            steps: None,
            mode: None,
        });
        assert_eq!(Queue::default().push(toggle(1), Some(&run)), Standing::Keep);
    }

    #[test]
    fn a_new_question_drops_everything_about_the_old_one_but_not_a_load() {
        let mut queue = Queue::default();
        queue.push(
            Request::Load {
                model: "m".to_owned(),
            },
            None,
        );
        queue.push(toggle(1), None);
        assert_eq!(
            queue.push(question(2), Some(&Job::Verify(RunId(1)))),
            Standing::Stop
        );
        assert_eq!(
            queue.push(question(3), Some(&Job::Load("m".to_owned()))),
            Standing::Keep
        );
        assert_eq!(queue.pop(), Some(Job::Load("m".to_owned())));
        assert!(matches!(queue.pop(), Some(Job::Run(asked)) if asked.id == RunId(3)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn work_put_back_yields_to_newer_work_of_its_kind() {
        let mut queue = Queue::default();
        queue.push(
            Request::Phrases {
                id: RunId(1),
                latent: LatentIdx(2),
            },
            None,
        );
        queue.put_back(&Job::Phrases(RunId(1), LatentIdx(1)));
        assert_eq!(queue.pop(), Some(Job::Phrases(RunId(1), LatentIdx(2))));
        queue.put_back(&Job::Verify(RunId(1)));
        queue.push(Request::Cancel, None);
        assert_eq!(queue.pop(), None);
    }
}
