//! Finds a model by its name: a bundled name, a checkpoint folder or file, or a published id.
//!
//! A published checkpoint comes from the cache or is downloaded, as is the base model's tokenizer for a checkpoint without one.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::core::error;
use crate::core::paths;
use crate::core::text::nearest;
use crate::core::types::Task;
use crate::engine::hub::{self, Fetched, HubError};
use crate::engine::model::{self, Base, Checkpoint, LoadOptions, ModelError};

pub use crate::engine::hub::DownloadProgress;

/// The settings for opening models.
#[derive(Debug, Clone, Default)]
pub struct Opener {
    /// The model that the options apply to; others get only `precision` and `behaviour`.
    pub named: String,
    /// The user's options for it.
    pub options: LoadOptions,
    /// Its tokenizer.
    pub tokenizer: Option<PathBuf>,
    /// The source of published checkpoints.
    pub hub: hub::HubOptions,
    /// The folder that `~` in a name expands to.
    pub home: Option<PathBuf>,
}

/// The observer of a download, which can cancel it.
pub struct Watch<'a> {
    /// Receives each step.
    pub progress: &'a mut dyn FnMut(DownloadProgress<'_>),
    /// Is polled for cancellation.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Why a model cannot be opened.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OpenError {
    /// A file of the model is unreadable, or there is no such model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The hub could not supply it.
    #[error("{error}{}", if *is_no_file { "; there is no local file or folder of that name either" } else { "" })]
    Hub {
        /// The hub's error.
        error: HubError,
        /// Whether the name might have been meant as a path.
        is_no_file: bool,
    },
}

impl OpenError {
    /// Returns a hint for the user, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Model(error @ ModelError::UnknownModel { name }) => match similar_name(name) {
                Some(name) => format!("did you mean {name}? {}", error.hint()),
                None => error.hint(),
            },
            Self::Model(error) => error.hint(),
            Self::Hub { error, .. } => error.hint(),
        }
    }

    /// Returns the kind of error, which decides the exit code.
    #[must_use]
    pub fn kind(&self) -> error::FailureKind {
        match self {
            Self::Model(error) => match error.kind() {
                model::ErrorKind::Usage => error::FailureKind::Usage,
                _ => error::FailureKind::Model,
            },
            Self::Hub { error, .. } => error.kind(),
        }
    }

    /// Returns whether the work was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Model(ModelError::Cancelled)
                | Self::Hub {
                    error: HubError::Cancelled,
                    ..
                }
        )
    }
}

impl Opener {
    /// Finds a model's files and its load options; downloads missing files.
    ///
    /// # Errors
    /// If there is no such model, a file is unreadable, or a download fails.
    pub fn find(
        &self,
        name: &str,
        watch: &mut Watch<'_>,
    ) -> Result<(Checkpoint, LoadOptions), OpenError> {
        let is_named = name == self.named;
        // In a prompt, no shell has expanded the home folder.
        let expanded = paths::expand(self.home.as_deref(), Path::new(name));
        let expanded = expanded.to_str().unwrap_or(name);
        let mut options = if is_named {
            self.options.clone()
        } else {
            LoadOptions {
                precision: self.options.precision,
                behaviour: self.options.behaviour,
                ..LoadOptions::default()
            }
        };
        let mut checkpoint = match Checkpoint::open(expanded) {
            Err(ModelError::UnknownModel { .. }) if is_published_name(name) => {
                let fetched = hub::fetch(name, &self.hub, watch.progress, watch.cancelled);
                let fetched = fetched.map_err(|error| OpenError::Hub {
                    error,
                    is_no_file: !hub::KNOWN.iter().any(|known| name.starts_with(known.id)),
                })?;
                options.task = options.task.or_else(|| task_of(name));
                published(name, &fetched, self.tokenizer.is_some() && is_named)?
            }
            checkpoint => checkpoint?,
        };
        if let Some(path) = self.tokenizer.as_deref().filter(|_| is_named) {
            checkpoint = checkpoint.with_tokenizer(path)?;
        }
        if checkpoint.needs_tokenizer()
            && let Some((base, _)) = checkpoint.infer_kind()
        {
            let files = hub::base_files(hub_base(base), &self.hub, watch.progress, watch.cancelled);
            let files = files.map_err(|error| OpenError::Hub {
                error,
                is_no_file: false,
            })?;
            checkpoint = checkpoint.with_tokenizer(&files.tokenizer)?;
        }
        Ok((checkpoint, options))
    }
}

/// Suggests a bundled or published model with a similar name.
fn similar_name(name: &str) -> Option<&'static str> {
    let published = hub::KNOWN.iter().map(|known| known.id);
    nearest(name, model::bundled_names().into_iter().chain(published))
}

/// Returns a published checkpoint; its base's files may be missing if a tokenizer is given.
fn published(name: &str, fetched: &Fetched, has_tokenizer: bool) -> Result<Checkpoint, OpenError> {
    if let Some(error) = &fetched.base_error
        && !has_tokenizer
    {
        return Err(OpenError::Hub {
            error: error.clone(),
            is_no_file: false,
        });
    }
    let checkpoint = Checkpoint::from_files(
        name,
        &fetched.weights,
        fetched.config.as_deref(),
        fetched.tokenizer.as_deref(),
    )?;
    Ok(checkpoint.with_stated_sha256(fetched.stated_sha256()))
}

/// Returns whether a name can be a hub id: `OWNER/NAME` and not clearly a path.
fn is_published_name(name: &str) -> bool {
    let is_path = Path::new(name).is_absolute() || name.starts_with('.') || name.starts_with('~');
    !is_path && hub::Id::parse(name).is_ok()
}

/// Returns the task of a known checkpoint's data set; its name may not reveal it.
fn task_of(name: &str) -> Option<Task> {
    let id = hub::Id::parse(name).ok()?;
    let known = hub::find_known(&id.repo, &id.folder)?;
    Some(model::task_in(known.data_set))
}

fn hub_base(base: Base) -> hub::PretrainedBase {
    match base {
        Base::Gpt2 => hub::PretrainedBase::Gpt2,
        Base::Llama32 => hub::PretrainedBase::Llama,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(opener: &Opener, name: &str) -> Result<(Checkpoint, LoadOptions), OpenError> {
        let mut watch = Watch {
            progress: &mut |_| (),
            cancelled: &|| false,
        };
        opener.find(name, &mut watch)
    }

    #[test]
    fn names_paths_and_ids_are_told_apart() {
        for (name, expected) in [
            ("zen-E/CODI-gpt2", true),
            ("bmarti44/coconut-curriculum-checkpoints/coconut", true),
            ("https://huggingface.co/zen-E/CODI-gpt2", true),
            ("./zen-E/CODI-gpt2", false),
            ("../x/y", false),
            ("/x/y", false),
            ("~/x/y", false),
            ("mini-mathh", false),
        ] {
            assert_eq!(is_published_name(name), expected, "{name}");
        }
        assert_eq!(task_of("zen-E/CODI-gpt2"), Some(Task::Math));
        assert_eq!(
            task_of("bmarti44/coconut-curriculum-checkpoints/coconut"),
            Some(Task::Logic)
        );
        assert_eq!(task_of("somebody/else"), None);
    }

    #[test]
    fn a_leading_tilde_is_the_home_folder_and_a_slip_is_told() {
        let home = tempfile::tempdir().expect("temporary folder");
        std::fs::create_dir(home.path().join("ckpt")).expect("folder");
        let opener = Opener {
            home: Some(home.path().to_owned()),
            ..Opener::default()
        };
        // The folder exists but is empty.
        let error = find(&opener, "~/ckpt").expect_err("empty");
        assert!(
            error.to_string().contains("it holds no model.safetensors"),
            "{error}"
        );
        let error = find(&opener, "~/other").expect_err("missing");
        assert!(
            error
                .to_string()
                .contains(&format!("{:?}", home.path().join("other"))),
            "{error}"
        );
        for (typed, says) in [
            ("mini-mathh", "did you mean mini-math?"),
            ("Mini-Logic", "did you mean mini-logic?"),
            ("CODI-gpt2", "did you mean zen-E/CODI-gpt2?"),
        ] {
            let error = find(&opener, typed).expect_err(typed);
            assert_eq!(error.kind().exit_code(), 2);
            assert!(error.hint().starts_with(says), "{}", error.hint());
        }
        let error = find(&opener, "something else").expect_err("unknown");
        assert!(!error.hint().contains("did you mean"), "{}", error.hint());
    }

    #[test]
    fn options_hold_for_the_model_they_were_given_with() {
        let opener = Opener {
            named: "mini-math".to_owned(),
            options: LoadOptions {
                latents: Some(2),
                ..LoadOptions::default()
            },
            ..Opener::default()
        };
        let latents = |name| find(&opener, name).map(|(_, options)| options.latents);
        assert_eq!(latents("mini-math"), Ok(Some(2)));
        assert_eq!(latents("mini-math-sim"), Ok(None));
    }

    #[test]
    fn what_is_neither_here_nor_in_the_cache_is_said() {
        let cache = tempfile::tempdir().expect("temporary folder");
        let opener = Opener {
            hub: hub::HubOptions {
                offline: true,
                cache: Some(cache.path().to_owned()),
                ..hub::HubOptions::default()
            },
            ..Opener::default()
        };
        for (name, expected) in [
            ("zen-E/CODI-gpt2", "not in the cache"),
            ("runs/mine", "no local file or folder of that name either"),
            ("mini-mathh", "no model called"),
        ] {
            let error = find(&opener, name).expect_err(name);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.hint().is_empty() && !error.is_cancelled());
        }
    }
}
