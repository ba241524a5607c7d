//! Studies on the worker: looked up in the cache, sent in parts, and resumed after an interruption.

use super::cache::{Answered, CacheQuery as Question};
use super::protocol::{Event, StudyRequest};
use super::thread::{Stopped, Worker};
use crate::core::types::{Lattice, Study, StudyKind, Sweep};
use crate::engine::model::Cancel;
use crate::lab::analysis::counterfactual::VALUES;

impl Worker {
    /// Computes a study, or finds it in the cache, and sends partial results. An interrupted study is resumed.
    pub(super) fn study(&mut self, wanted: &StudyRequest, cancel: &Cancel) -> Result<(), Stopped> {
        let (id, manner) = (wanted.id, &wanted.manner);
        let key = self.key(id)?;
        let asked = Question::Study(wanted.kind, manner, wanted.token);
        if let Some(Answered::Study(study)) = self.cache.get(&key, &asked) {
            let study = Box::new(study);
            return self.tell(Event::Study { id, study });
        }
        let draws_on_others = match wanted.kind {
            StudyKind::Sweep => true,
            StudyKind::Lattice | StudyKind::Influence => manner.value.needs_others(),
            StudyKind::Layers => false,
        };
        if draws_on_others {
            self.ensure_reference(cancel)?;
        }
        let before = self.partial.take().filter(|(of, _)| of == wanted);
        let before = before.map(|(_, study)| study);
        let (explorer, clean) = self.of(id)?;
        let mut last = before.clone();
        let mut tell = |study: Study| {
            last = Some(study.clone());
            let study = Box::new(study);
            self.mention(Event::Study { id, study });
        };
        let made = match (wanted.kind, &before) {
            (StudyKind::Sweep, before) => {
                let known = match before {
                    Some(Study::Sweep(sweep)) => Some(sweep),
                    _ => None,
                };
                let mut part = |sweep: &Sweep| tell(Study::Sweep(sweep.clone()));
                let asked = (manner, &VALUES[..]);
                let sweep = explorer.sweep(clean, known, asked, &mut part, cancel);
                sweep.map(Study::Sweep)
            }
            (StudyKind::Lattice, before) => {
                let known = match before {
                    Some(Study::Lattice(lattice)) => Some(lattice),
                    _ => None,
                };
                let mut part = |lattice: &Lattice| tell(Study::Lattice(lattice.clone()));
                let lattice = explorer.lattice(clean, known, manner, &mut part, cancel);
                lattice.map(Study::Lattice)
            }
            (StudyKind::Influence, _) => {
                let influence = explorer.influence(clean, manner, cancel);
                influence.map(Study::Influence).inspect(|s| tell(s.clone()))
            }
            (StudyKind::Layers, _) => {
                let layers = explorer.layers(clean, wanted.token, cancel);
                layers.map(Study::Layers).inspect(|s| tell(s.clone()))
            }
        };
        match made {
            Ok(study) => {
                self.cache.put(&key, &asked, &Answered::Study(study));
                Ok(())
            }
            Err(why) => {
                self.partial = last.map(|study| (wanted.clone(), study));
                Err(why.into())
            }
        }
    }
}
