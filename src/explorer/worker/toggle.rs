//! Toggles and the reference set: ablations that draw on other problems wait for the set, the others do not.

use super::cache::{Answered, CacheQuery};
use super::protocol::{Event, RunId};
use super::thread::{Stopped, Worker, no_model};
use crate::core::types::{Ablation, AblationValue};
use crate::engine::model::Cancel;
use crate::lab::reference_files;

impl Worker {
    /// Answers a toggle from the cache or by running it. Only values drawn from other problems wait for the reference set.
    pub(super) fn ablate(
        &mut self,
        id: RunId,
        ablation: &Ablation,
        cancel: &Cancel,
    ) -> Result<(), Stopped> {
        let key = self.key(id)?;
        let asked = CacheQuery::Ablation(ablation);
        if let Some(Answered::Outcome(outcome)) = self.cache.get(&key, &asked) {
            return self.tell(Event::Ablated {
                id,
                outcome,
                cached: true,
            });
        }
        if ablation.value.needs_others() {
            if ablation.value == AblationValue::Resample {
                self.go_ahead(id, ablation, cancel)?;
            }
            self.ensure_reference(cancel)?;
        }
        let (explorer, clean) = self.of(id)?;
        let outcome = explorer.ablate(clean, ablation, cancel)?;
        if explorer.has_reference() {
            let answered = Answered::Outcome(outcome.clone());
            self.cache.put(&key, &asked, &answered);
        } else {
            self.owed.retain(|owed| owed.ablation != *ablation);
            self.owed.push(outcome.clone());
        }
        self.tell(Event::Ablated {
            id,
            outcome,
            cached: false,
        })
    }

    /// Answers a resample ablation from the first donors drawn, while most of the reference set is still missing.
    fn go_ahead(&mut self, id: RunId, ablation: &Ablation, cancel: &Cancel) -> Result<(), Stopped> {
        let explorer = self.explorer.as_mut().ok_or_else(no_model)?;
        if explorer.has_reference() {
            return Ok(());
        }
        if reference_files::find(explorer, self.references.as_deref()) {
            return self.reference_is_there();
        }
        let (explorer, clean) = self.of(id)?;
        let mut on_part = |outcome| self.mention(Event::Ahead { id, outcome });
        explorer.ablate_ahead(clean, ablation, &mut on_part, cancel)?;
        Ok(())
    }

    /// Reads or computes the reference set and sends its progress.
    pub(super) fn ensure_reference(&mut self, cancel: &Cancel) -> Result<(), Stopped> {
        let explorer = self.explorer.as_mut().ok_or_else(no_model)?;
        if explorer.has_reference() {
            return Ok(());
        }
        let out = &self.out;
        let mut on_slice = |done, all| _ = out.blocking_send(Event::Reference { done, all });
        let folder = self.references.as_deref();
        reference_files::ensure_reference(explorer, folder, &mut on_slice, cancel)?;
        self.reference_is_there()
    }

    fn reference_is_there(&mut self) -> Result<(), Stopped> {
        let explorer = self.explorer.as_ref().ok_or_else(no_model)?;
        let n = explorer.reference().len();
        self.tell(Event::Reference { done: n, all: n })?;
        self.settle_owed()
    }

    /// Completes the outcomes sent before the reference set was ready.
    fn settle_owed(&mut self) -> Result<(), Stopped> {
        for mut outcome in std::mem::take(&mut self.owed) {
            let Some((id, clean)) = &self.clean else {
                return Ok(());
            };
            let id = *id;
            let explorer = self.explorer.as_ref().ok_or_else(no_model)?;
            outcome.effect.size_percentile = explorer.size_percentile(clean, &outcome.ablation)?;
            let asked = CacheQuery::Ablation(&outcome.ablation);
            let answered = Answered::Outcome(outcome.clone());
            let key = self.key(id)?;
            self.cache.put(&key, &asked, &answered);
            self.tell(Event::Ablated {
                id,
                outcome,
                cached: false,
            })?;
        }
        Ok(())
    }
}
