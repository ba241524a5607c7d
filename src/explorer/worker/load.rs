//! Loading a model: the previous one keeps answering until the new one is ready, or is loaded again if that fails.

use std::time::{Duration, Instant};

use super::protocol::{Event, RunRequest};
use super::thread::{Stopped, Worker, clean_run};
use crate::engine::model::{Cancel, Checkpoint, LoadOptions};
use crate::engine::model_source::{DownloadProgress, Watch};
use crate::lab::analysis::Workbench;

/// The largest checkpoint, in bytes, that is loaded beside the previous model. Larger ones never share memory.
const BESIDE: u64 = 1 << 30;

/// The information needed to load the present model again.
pub(super) struct Loaded {
    checkpoint: Checkpoint,
    options: LoadOptions,
    /// The last question run.
    pub(super) asked: Option<RunRequest>,
}

/// Describes a step of a download, with its progress.
fn said_of(step: DownloadProgress<'_>) -> (String, Option<(u64, Option<u64>)>) {
    match step {
        DownloadProgress::Looking { repo } => (format!("asking for {repo}"), None),
        DownloadProgress::Waiting { name } => (
            format!("waiting for another program that downloads {name}"),
            None,
        ),
        DownloadProgress::Verifying { name } => (format!("verifying {name}"), None),
        DownloadProgress::File {
            name, done, total, ..
        } => (format!("downloading {name}"), Some((done, total))),
    }
}

/// Returns whether a step is worth an event: all steps, except that a file in progress gets at most one per 100 ms.
fn is_due(shown: &mut Option<Instant>, step: DownloadProgress<'_>) -> bool {
    const APART: Duration = Duration::from_millis(100);
    let now = Instant::now();
    let is_whole = matches!(step, DownloadProgress::File { done, total, .. } if done == 0 || Some(done) == total);
    let is_due = is_whole
        || !matches!(step, DownloadProgress::File { .. })
        || shown.is_none_or(|then| now - then >= APART);
    if is_due {
        *shown = Some(now);
    }
    is_due
}

impl Worker {
    /// Loads a model in place of the present one, which is kept or loaded again if that fails.
    pub(super) fn load(&mut self, name: &str, cancel: &Cancel) -> Result<(), Stopped> {
        let began = Instant::now();
        let out = self.out.clone();
        let tell = |stage: &str, bytes| {
            let event = Event::Loading {
                model: name.to_owned(),
                stage: stage.to_owned(),
                bytes,
            };
            let _ = out.blocking_send(event);
        };
        tell("reading", None);
        let mut shown = None;
        let mut watch = Watch {
            progress: &mut |step| {
                let (stage, bytes) = said_of(step);
                if is_due(&mut shown, step) {
                    tell(&stage, bytes);
                }
            },
            cancelled: &|| cancel.is_cancelled(),
        };
        let (checkpoint, options) = self.opener.find(name, &mut watch)?;
        let gave_way = self.explorer.is_some() && checkpoint.weights_bytes() > BESIDE;
        if gave_way {
            self.explorer = None;
            self.forget();
        }
        let mut stage = |stage: &'static str| tell(stage, None);
        let loaded = self.placement.load(&checkpoint, &options, &mut stage);
        let loaded = loaded.and_then(|loaded| cancel.check().map(|()| loaded));
        let (model, note) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                if gave_way {
                    self.bring_back();
                }
                return Err(error.into());
            }
        };
        self.forget();
        let explorer = Workbench::bare(model);
        let info = explorer.model().info().clone();
        self.explorer = Some(explorer);
        self.loaded = Some(Loaded {
            checkpoint,
            options,
            asked: None,
        });
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tell(Event::Ready {
            model: name.to_owned(),
            info,
            elapsed_ms,
            note,
        })
    }

    /// Loads the model again that gave way to one that failed to load, and runs its question without events: the screen still shows
    /// its results. If that fails too, no model is loaded.
    pub(super) fn bring_back(&mut self) {
        let Some(loaded) = &self.loaded else {
            return;
        };
        let (checkpoint, options) = (&loaded.checkpoint, &loaded.options);
        let asked = loaded.asked.clone();
        match self.placement.load(checkpoint, options, &mut |_| ()) {
            Ok((model, _)) => self.explorer = Some(Workbench::bare(model)),
            Err(error) => {
                tracing::warn!(%error, "the model before cannot be loaded again");
                return;
            }
        }
        if let (Some(asked), Some(explorer)) = (asked, &self.explorer) {
            let run = clean_run(explorer, &asked, &mut |_| (), &Cancel::new());
            self.clean = run.ok().map(|clean| (asked.id, clean));
        }
    }
}
