//! `undertone run`: experiments over a data set, a row for each problem and experiment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{budget, ensure_reference, load_as, print, print_note, print_warning};
use crate::analysis::verdict::{Budget, Strategy, TOP_K};
use crate::analysis::{Explorer, problems};
use crate::batch::run::{Ended, How, Progress};
use crate::batch::{self, Work};
use crate::cli::{ControlName, RunArgs};
use crate::data::manifest::sha256;
use crate::error::{Error, Result};
use crate::model::{Cancel, Model};
use crate::problem_file::{self, Solved, source};
use crate::rows::header;
use crate::rows::journal::Journal;
use crate::rows::parquet;
use crate::rows::{Data, Experiment, Header, Protocol, SCHEMA, Settings};
use crate::text::{Page, sanitize};

/// What the exit code is after an interrupt, as shells have it.
const INTERRUPTED: u8 = 130;
/// Problems that are generated unless asked otherwise.
const GENERATED: usize = 1000;
/// A model with fewer parameters leaves cores idle, so that batches are worked on side by side.
const SMALL: usize = 20_000_000;
/// Problems of a batch for a model that is not small.
const LARGE_BATCH: usize = 8;
/// How many tokens the published searches read of a position.
const PAPER_TOP_K: usize = 10;

/// Runs, or goes on with a run; gives the exit code.
///
/// # Errors
/// When the model, the data or the folder cannot be used, the model fails, or the rows cannot be written.
pub fn run(args: &RunArgs) -> Result<u8> {
    let budget = budget(&args.budget)?;
    let control = args.control.map(|ControlName::RandomWeights| args.seed);
    let model = load_as(&args.model, |options| options.shuffled = control)?;
    let (origin, problems) = data(args, &model)?;
    let mut explorer = Explorer::bare(model);
    let header = header(args, &explorer, &budget, origin, &problems);
    let (mut journal, resumed) = Journal::open(&args.out, &header)?;
    if resumed.torn > 0 {
        print_warning(&format!(
            "the last row of {:?} was cut short; its {} bytes were removed and it is computed again",
            args.out.join(crate::rows::FILE),
            resumed.torn
        ));
    }
    let jobs = args.jobs.unwrap_or_else(|| jobs(explorer.model()));
    ensure_reference(&mut explorer)?;
    let work = Work::new(&explorer, &header, &problems, &budget);
    let (stop, cancel) = (Arc::new(AtomicBool::new(false)), Cancel::new());
    listen(Arc::clone(&stop), cancel.clone())?;
    let how = How {
        from: resumed.rows,
        jobs,
        stop: &stop,
        cancel: &cancel,
    };
    let mut meter = Meter::new();
    let ended = batch::run::run(&work, &header, &mut journal, &how, &mut |progress| {
        meter.show(progress);
    });
    meter.finish();
    let ended = ended?;
    if args.parquet {
        parquet::write(&args.out)?;
    }
    print(&Page::of(meter.said(&args.out, ended)))?;
    if ended == Ended::Stopped {
        return Ok(INTERRUPTED);
    }
    Ok(0)
}

/// Batches side by side: on a processor as many as there are cores for a model that does not fill one, else one at a time.
fn jobs(model: &Model) -> usize {
    let small = model.info().parameters < SMALL && model.info().device == "cpu";
    if small {
        rayon::current_num_threads()
    } else {
        1
    }
}

/// Problems of a batch: early stopping runs those of one side by side, which pays where a pass reads many weights.
fn batch(model: &Model) -> usize {
    if model.info().parameters < SMALL {
        1
    } else {
        LARGE_BATCH
    }
}

/// The problems and where they come from.
fn data(args: &RunArgs, model: &Model) -> Result<(String, Vec<Solved>)> {
    if let Some(path) = &args.data {
        let text = source::read_text(path)?;
        let mut problems = problem_file::parse_solved(&text, path)?;
        problems.truncate(args.limit.unwrap_or(usize::MAX));
        let name = path.file_name().unwrap_or(path.as_os_str());
        return Ok((name.to_string_lossy().into_owned(), problems));
    }
    let (n, split) = (args.limit.unwrap_or(GENERATED), args.split.into());
    let made = problems::for_task(model.info().task, split, n, args.seed)
        .map_err(|e| Error::usage(e.to_string()))?;
    if made.is_empty() {
        return Err(Error::usage(
            "this model's task is not known, so no problems can be generated: pass --data FILE",
        ));
    }
    let origin = format!("generated {split} problems, seed {}", args.seed);
    Ok((origin, made.into_iter().map(Solved::from).collect()))
}

fn header(
    args: &RunArgs,
    explorer: &Explorer,
    budget: &Budget,
    origin: String,
    problems: &[Solved],
) -> Header {
    let model = explorer.model();
    let asked: Vec<Experiment> = args.experiments.iter().map(|e| (*e).into()).collect();
    let is_asked = |e: &Experiment| *e == Experiment::Problem || asked.contains(e);
    let mode: Protocol = args.mode.into();
    let texts: Vec<_> = problems.iter().map(|s| s.problem.clone()).collect();
    let others: Vec<_> = problems.iter().map(|s| &s.others).collect();
    let mut hashed = problem_file::to_jsonl(&texts);
    if others.iter().any(|others| !others.is_empty()) {
        hashed += &format!("{others:?}");
    }
    Header {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model.info().clone(),
        control: args
            .control
            .map(|ControlName::RandomWeights| "random-weights".to_owned()),
        data: Data {
            origin,
            sha256: sha256(hashed.as_bytes()),
            n: problems.len(),
            task: model.info().task,
        },
        experiments: Experiment::ALL.into_iter().filter(is_asked).collect(),
        settings: Settings {
            mode,
            latents: args.model.latents.unwrap_or_else(|| model.n_latents()),
            most_tokens: crate::analysis::run::MAX_NEW_TOKENS,
            top_k: args.top_k.unwrap_or(match mode {
                Protocol::Default => TOP_K,
                Protocol::Paper => PAPER_TOP_K,
            }),
            value: args.value.into(),
            batch: args.batch.unwrap_or_else(|| batch(model)),
            seed: args.seed,
            reference: explorer.reference_origin().to_owned(),
            verdict: header::Budget {
                strategies: budget.strategies.iter().map(Strategy::asked_as).collect(),
                edits: budget.edits,
                more_edits: budget.more_edits,
                donors: budget.donors,
                traces: budget.traces,
            },
        },
        shard: args.shard,
    }
}

/// The first interrupt, or request to end, lets the batches in hand finish; the second gives them up.
fn listen(stop: Arc<AtomicBool>, cancel: Cancel) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Error::internal(why.to_string()))?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            while asked_to_end().await {
                if stop.swap(true, Ordering::Relaxed) {
                    cancel.cancel();
                }
            }
        });
    });
    Ok(())
}

/// Waits for a signal to end; false if none can come.
#[cfg(unix)]
async fn asked_to_end() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.is_ok();
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
        came = terminate.recv() => came.is_some(),
    }
}

/// Waits for a signal to end; false if none can come.
#[cfg(not(unix))]
async fn asked_to_end() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}

/// How far the run is, with its rate and what is left, on standard error: a bar on a terminal, else a line now and then.
struct Meter {
    bar: indicatif::ProgressBar,
    began: std::time::Instant,
    first: Option<usize>,
    last: Option<Progress>,
    said: std::time::Duration,
}

impl Meter {
    /// How often a line is written where there is no terminal.
    const EVERY: Duration = Duration::from_secs(10);

    fn new() -> Self {
        let bar = indicatif::ProgressBar::new(0);
        let style = "{bar:32} {pos} of {len} problems, {per_sec}, {eta} left";
        if let Ok(style) = indicatif::ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            bar,
            began: std::time::Instant::now(),
            first: None,
            last: None,
            said: Duration::ZERO,
        }
    }

    fn show(&mut self, progress: Progress) {
        let (done, of) = (progress.done as u64, progress.of as u64);
        if self.first.is_none() {
            self.first = Some(progress.done);
            self.bar.set_length(of);
            self.bar.set_position(done);
            self.bar.reset_eta();
        }
        self.bar.set_position(done);
        self.last = Some(progress);
        let elapsed = self.began.elapsed();
        if self.bar.is_hidden() && elapsed >= self.said + Self::EVERY {
            self.said = elapsed;
            let line = format!("{done} of {of} problems, {}", self.rate());
            print_note(&sanitize(&line));
        }
    }

    /// Problems a second since the run was begun here, and what is left at that rate.
    fn rate(&self) -> String {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return String::new();
        };
        let elapsed = self.began.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "counts of problems")]
        let (made, left) = ((last.done - first) as f64, (last.of - last.done) as f64);
        if made == 0.0 {
            return "no rate yet".to_owned();
        }
        format!(
            "{:.2} a second, {:.0} s left",
            made / elapsed,
            left * elapsed / made
        )
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn said(&self, out: &std::path::Path, ended: Ended) -> String {
        let last = self.last.unwrap_or(Progress { done: 0, of: 0 });
        let before = self.first.unwrap_or(0);
        let elapsed = self.began.elapsed().as_secs_f64();
        let path = out.join(crate::rows::FILE);
        let mut text = format!(
            "{} of {} problems in {path:?}: {before} were there, {} computed in {elapsed:.1} s",
            last.done,
            last.of,
            last.done - before
        );
        if ended == Ended::Stopped {
            text += "\nstopped; the same command goes on from here";
        }
        text
    }
}
