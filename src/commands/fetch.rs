//! `undertone fetch`: downloads a published checkpoint to the cache and prints its path and the next command.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde::Serialize;

use super::meter::Meter;
use super::{hub_error, hub_options, print, print_error, print_warning, to_json};
use crate::commands::cli::FetchArgs;
use crate::core::error::Result;
use crate::core::text::{Page, megabytes, sanitize};
use crate::engine::hub::{self, Fetched, HubError, Verified};

/// The exit code after Ctrl-C, as in shells.
const INTERRUPTED: u8 = 130;

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    id: String,
    revision: String,
    weights: PathBuf,
    shards: Vec<PathBuf>,
    bytes: u64,
    sha256: Option<String>,
    /// The weights files whose SHA-256 was computed now and matches the hub's.
    verified: Vec<String>,
    /// The weights files for which the hub states no hash.
    unverified: Vec<String>,
    /// Files that were damaged in the cache and downloaded again.
    mended: Vec<String>,
    base: Option<String>,
    config: Option<PathBuf>,
    tokenizer: Option<PathBuf>,
    tokenizer_config: Option<PathBuf>,
    /// Why the files of the base are missing.
    problem: Option<Problem>,
    /// The next command to run.
    next: String,
}

/// Something that is missing.
#[derive(Debug, Serialize)]
struct Problem {
    message: String,
    hint: String,
}

/// Fetches a checkpoint. After Ctrl-C the exit code is 130, and the next run resumes the download.
///
/// # Errors
/// When the checkpoint or the files of its base cannot be fetched, or the output cannot be written.
pub fn run(args: &FetchArgs) -> Result<u8> {
    let options = hub_options(args.offline);
    let interrupted = on_interrupt();
    let mut meter = Meter::new();
    let found = hub::fetch_verified(&args.id, &options, &mut |step| meter.show(step), &|| {
        interrupted.load(Ordering::Relaxed)
    });
    meter.finish();
    match found {
        Ok(found) => {
            for name in &found.mended {
                print_warning(&format!(
                    "{name} was damaged in the cache and was downloaded again"
                ));
            }
            let problem = found.fetched.base_error.clone();
            print(&if args.json {
                to_json(&report(found))?
            } else {
                Page::new(text(&found))
            })?;
            // The weights are present but unusable without the missing files.
            problem.map_or(Ok(0), |problem| Err(hub_error(problem)))
        }
        Err(error @ HubError::Cancelled) => {
            print_error(&error.to_string(), Some(&error.hint()));
            Ok(INTERRUPTED)
        }
        Err(error) => Err(hub_error(error)),
    }
}

/// Returns a flag that Ctrl-C sets instead of ending the process.
fn on_interrupt() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // Without the thread Ctrl-C ends the process, and the partial file can still be resumed.
    let _ = thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime
                && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
            {
                flag.store(true, Ordering::Relaxed);
            }
        });
    interrupted
}

fn next(id: &str) -> String {
    format!("undertone --model {id}")
}

fn report(found: Verified) -> Report {
    let fetched = found.fetched;
    Report {
        schema: "undertone.fetch/1",
        next: next(&fetched.id),
        id: fetched.id,
        revision: fetched.revision,
        weights: fetched.weights,
        shards: fetched.shards,
        bytes: fetched.bytes,
        sha256: fetched.sha256,
        verified: found.same,
        unverified: found.unstated,
        mended: found.mended,
        base: fetched.base.map(|base| base.to_string()),
        config: fetched.config,
        tokenizer: fetched.tokenizer,
        tokenizer_config: fetched.tokenizer_config,
        problem: fetched.base_error.map(|error| Problem {
            message: error.to_string(),
            hint: error.hint(),
        }),
    }
}

fn text(found: &Verified) -> String {
    let fetched: &Fetched = &found.fetched;
    let mut rows = vec![
        ("checkpoint", fetched.id.clone()),
        ("revision", fetched.revision.clone()),
    ];
    let base = fetched.base.map_or_else(
        || "told from the weights when it is opened".to_owned(),
        |base| base.to_string(),
    );
    rows.push(("base", base));
    let weights = format!(
        "{} ({})",
        fetched.weights.display(),
        megabytes(fetched.bytes)
    );
    rows.push(("weights", weights));
    if let Some(sha256) = &fetched.sha256 {
        rows.push(("sha256", sha256.clone()));
    }
    let verified = match (found.same.len(), found.unstated.len()) {
        (_, 0) => "yes: the weights have the SHA-256 that the hub states".to_owned(),
        (0, _) => "no: the hub states no SHA-256 for the weights".to_owned(),
        (same, unstated) => format!(
            "in part: {same} of {} files have the SHA-256 that the hub states; it states none for the others",
            same + unstated
        ),
    };
    rows.push(("verified", verified));
    for (name, path) in [
        ("config", &fetched.config),
        ("tokenizer", &fetched.tokenizer),
    ] {
        let path = path
            .as_ref()
            .map_or_else(|| "none".to_owned(), |path| path.display().to_string());
        rows.push((name, path));
    }
    let mut text = String::new();
    for (name, value) in rows {
        text += &format!("{name:<10}  {}\n", sanitize(&value));
    }
    text + &format!("\nnext: {}", sanitize(&next(&fetched.id)))
}
