//! Waiting requests: the newest of each kind, so that quick toggles coalesce and the last one wins.

use std::collections::BTreeMap;

use crate::explorer::worker::protocol::Request;

/// Waiting requests, by rank. Pure: no channels, no model.
#[derive(Debug, Default)]
pub struct Queue(BTreeMap<u8, Request>);

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

/// Returns the rank of a kind of request: lower ones are answered first.
fn rank(request: &Request) -> u8 {
    match request {
        Request::Cancel => 0,
        Request::Load { .. } => 1,
        Request::Run(_) => 2,
        Request::Ablate { .. } => 3,
        Request::EarlyExit { .. } => 4,
        Request::Phrases { .. } => 5,
        Request::Study(_) => 6,
        Request::Verify { .. } => 7,
    }
}

impl Queue {
    /// Adds a request and returns its effect on the running job. A cancellation takes effect at once and does not wait.
    pub fn push(&mut self, request: Request, current: Option<&Request>) -> Preemption {
        use Request::{Ablate, Cancel, EarlyExit, Load, Phrases, Run, Study, Verify};
        let preemption = match (&request, current) {
            (Run(_), Some(Load { .. })) => Preemption::Keep,
            (Load { .. } | Run(_) | Cancel, _)
            | (Ablate { .. }, Some(Ablate { .. }))
            | (Study(_), Some(Study(_))) => Preemption::Stop,
            (Ablate { .. }, Some(EarlyExit { .. } | Phrases { .. } | Verify { .. } | Study(_)))
            // Early exits are quick, and the others may wait for a reference set.
            | (EarlyExit { .. }, Some(Phrases { .. } | Verify { .. })) => Preemption::Yield,
            _ => Preemption::Keep,
        };
        match &request {
            Load { .. } | Cancel => self.0.clear(),
            Run(_) => self.0.retain(|_, waiting| matches!(waiting, Load { .. })),
            _ => {}
        }
        if request != Cancel {
            self.0.insert(rank(&request), request);
        }
        preemption
    }

    /// Puts an interrupted request back, unless a newer one of its kind waits. Loads, runs and ablations are not put back.
    pub fn put_back(&mut self, request: Request) {
        if !matches!(
            request,
            Request::Load { .. } | Request::Run(_) | Request::Ablate { .. }
        ) {
            self.0.entry(rank(&request)).or_insert(request);
        }
    }

    /// Returns the model waiting to be loaded.
    pub fn waiting_load(&self) -> Option<&str> {
        self.0.values().find_map(|waiting| match waiting {
            Request::Load { model } => Some(model.as_str()),
            _ => None,
        })
    }

    /// Takes the next request.
    pub fn pop(&mut self) -> Option<Request> {
        self.0.pop_first().map(|(_, request)| request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{Ablation, AblationValue, LatentIdx};
    use crate::explorer::worker::protocol::{RunId, RunRequest};

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

    fn load() -> Request {
        Request::Load {
            model: "m".to_owned(),
        }
    }

    fn phrases(latent: usize) -> Request {
        Request::Phrases {
            id: RunId(1),
            latent: LatentIdx(latent),
        }
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
        let Some(job @ Request::Ablate { .. }) = queue.pop() else {
            panic!("a toggle goes first")
        };
        assert_eq!(queue.push(toggle(3), Some(&job)), Preemption::Stop);
        assert_eq!(queue.pop(), Some(toggle(3)));
        assert_eq!(queue.pop(), Some(Request::Verify { id: RunId(1) }));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn background_work_steps_aside_for_a_toggle() {
        for job in [
            Request::Verify { id: RunId(1) },
            Request::EarlyExit { id: RunId(1) },
            phrases(1),
        ] {
            assert_eq!(
                Queue::default().push(toggle(1), Some(&job)),
                Preemption::Yield
            );
        }
        // Early exits are quick, so they do not wait for jobs that may wait for a reference set.
        for (job, standing) in [
            (phrases(1), Preemption::Yield),
            (Request::Verify { id: RunId(1) }, Preemption::Yield),
            (Request::EarlyExit { id: RunId(1) }, Preemption::Keep),
        ] {
            let exits = Request::EarlyExit { id: RunId(1) };
            assert_eq!(Queue::default().push(exits, Some(&job)), standing);
        }
        assert_eq!(
            Queue::default().push(toggle(1), Some(&question(1))),
            Preemption::Keep
        );
    }

    #[test]
    fn a_new_question_drops_everything_about_the_old_one_but_not_a_load() {
        let mut queue = Queue::default();
        queue.push(load(), None);
        queue.push(toggle(1), None);
        assert_eq!(
            queue.push(question(2), Some(&Request::Verify { id: RunId(1) })),
            Preemption::Stop
        );
        assert_eq!(queue.push(question(3), Some(&load())), Preemption::Keep);
        assert_eq!(queue.pop(), Some(load()));
        assert_eq!(queue.pop(), Some(question(3)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn work_put_back_yields_to_newer_work_of_its_kind() {
        let mut queue = Queue::default();
        queue.push(phrases(2), None);
        queue.put_back(phrases(1));
        assert_eq!(queue.pop(), Some(phrases(2)));
        queue.put_back(Request::Verify { id: RunId(1) });
        queue.push(Request::Cancel, None);
        assert_eq!(queue.pop(), None);
    }
}
