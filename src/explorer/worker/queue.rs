//! Waiting jobs: the newest of each kind, so that quick toggles coalesce and the last one wins.

use crate::core::types::{Ablation, LatentIdx};
use crate::explorer::worker::protocol::{Request, RunId, RunRequest, StudyRequest};

/// Waiting jobs. Pure: no channels, no model.
#[derive(Debug, Default)]
pub struct Queue {
    load: Option<String>,
    run: Option<RunRequest>,
    ablate: Option<(RunId, Ablation)>,
    early_exit: Option<RunId>,
    phrases: Option<(RunId, LatentIdx)>,
    verify: Option<RunId>,
    study: Option<StudyRequest>,
}

/// A job, in order of priority.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Load a model.
    Load(String),
    /// Run a question.
    Run(RunRequest),
    /// Run with some latents off.
    Ablate(RunId, Ablation),
    /// Early exits.
    EarlyExit(RunId),
    /// Phrases of one latent.
    Phrases(RunId, LatentIdx),
    /// A study.
    Study(StudyRequest),
    /// The verdict.
    Verify(RunId),
}

/// The effect of a request on the running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preemption {
    /// It continues.
    Keep,
    /// It is superseded and stops.
    Stop,
    /// It is interrupted while a quicker request is answered, and starts again afterwards.
    Yield,
}

impl Queue {
    /// Adds a request and returns its effect on the running job.
    pub fn push(&mut self, request: Request, in_hand: Option<&Job>) -> Preemption {
        match request {
            Request::Load { model } => {
                *self = Self {
                    load: Some(model),
                    ..Self::default()
                };
                return Preemption::Stop;
            }
            Request::Run(run) => {
                let load = self.load.take();
                *self = Self {
                    load,
                    run: Some(run),
                    ..Self::default()
                };
                return if matches!(in_hand, Some(Job::Load(_))) {
                    Preemption::Keep
                } else {
                    Preemption::Stop
                };
            }
            Request::Cancel => {
                *self = Self::default();
                return Preemption::Stop;
            }
            Request::Ablate { id, ablation } => {
                self.ablate = Some((id, ablation));
                match in_hand {
                    Some(Job::Ablate(..)) => return Preemption::Stop,
                    Some(Job::EarlyExit(_) | Job::Phrases(..) | Job::Verify(_) | Job::Study(_)) => {
                        return Preemption::Yield;
                    }
                    _ => {}
                }
            }
            Request::Study(study) => {
                self.study = Some(study);
                if matches!(in_hand, Some(Job::Study(_))) {
                    return Preemption::Stop;
                }
            }
            Request::EarlyExit { id } => {
                self.early_exit = Some(id);
                // Early exits are quick, and the others may wait for a reference set.
                if matches!(in_hand, Some(Job::Phrases(..) | Job::Verify(_))) {
                    return Preemption::Yield;
                }
            }
            Request::Phrases { id, latent } => self.phrases = Some((id, latent)),
            Request::Verify { id } => self.verify = Some(id),
        }
        Preemption::Keep
    }

    /// Puts an interrupted job back, unless a newer one of its kind waits. Loads, runs and ablations are not put back.
    pub fn put_back(&mut self, job: &Job) {
        match *job {
            Job::EarlyExit(id) => _ = self.early_exit.get_or_insert(id),
            Job::Phrases(id, latent) => _ = self.phrases.get_or_insert((id, latent)),
            Job::Verify(id) => _ = self.verify.get_or_insert(id),
            Job::Study(ref wanted) => _ = self.study.get_or_insert_with(|| wanted.clone()),
            Job::Load(_) | Job::Run(..) | Job::Ablate(..) => {}
        }
    }

    /// Returns whether another model is waiting to be loaded.
    pub fn has_load(&self) -> bool {
        self.load.is_some()
    }

    /// Returns the model waiting to be loaded.
    pub fn waiting_load(&self) -> Option<String> {
        self.load.clone()
    }

    /// Takes the next job.
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
        Request::Run(RunRequest {
            id: RunId(id),
            question: "q".to_owned(),
            gold: None,
            steps: None,
            mode: None,
        })
    }

    #[test]
    fn the_last_toggle_wins_and_goes_before_background_work() {
        let mut queue = Queue::default();
        assert_eq!(
            queue.push(Request::Verify { id: RunId(1) }, None),
            Preemption::Keep
        );
        queue.push(toggle(1), None);
        queue.push(toggle(2), None);
        let Some(job @ Job::Ablate(..)) = queue.pop() else {
            panic!("a toggle goes first")
        };
        assert_eq!(queue.push(toggle(3), Some(&job)), Preemption::Stop);
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
                Preemption::Yield
            );
        }
        // Early exits are quick, so they do not wait for jobs that may wait for a reference set.
        for (job, standing) in [
            (Job::Phrases(RunId(1), LatentIdx(1)), Preemption::Yield),
            (Job::Verify(RunId(1)), Preemption::Yield),
            (Job::EarlyExit(RunId(1)), Preemption::Keep),
        ] {
            let exits = Request::EarlyExit { id: RunId(1) };
            assert_eq!(Queue::default().push(exits, Some(&job)), standing);
        }
        let run = Job::Run(RunRequest {
            id: RunId(1),
            question: String::new(),
            gold: None,
            steps: None,
            mode: None,
        });
        assert_eq!(
            Queue::default().push(toggle(1), Some(&run)),
            Preemption::Keep
        );
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
            Preemption::Stop
        );
        assert_eq!(
            queue.push(question(3), Some(&Job::Load("m".to_owned()))),
            Preemption::Keep
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
