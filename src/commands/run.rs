//! `undertone run`: runs experiments over a data set, with one row per problem and experiment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::meter::Meter;
use super::{
    GENERATED, budget, ensure_reference, generated, gold, load_as, print, print_warning, written,
};
use crate::commands::cli::{ControlName, RunArgs};
use crate::core::error::{Error, Result};
use crate::core::file::{self, Outputs};
use crate::core::problem_file::{self, Solved, source};
use crate::core::text::Page;
use crate::engine::model::{Cancel, Checkpoint, Model};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::verdict::{Budget, TOP_K};
use crate::lab::batch::run::{BatchEnd, BatchProgress, How};
use crate::lab::batch::{self, BatchInput};
use crate::lab::rows::journal::Journal;
use crate::lab::rows::parquet;
use crate::lab::rows::{Protocol, RowsHeader, RunSettings};

/// The batch size for models that are not small.
const LARGE_BATCH: usize = 8;
/// Number of top tokens that the published searches read of a position.
const PAPER_TOP_K: usize = 10;

/// Starts or resumes a run; returns the exit code.
///
/// # Errors
/// When the model, the data or the folder cannot be used, the model fails, or the rows cannot be written.
pub fn run(args: &RunArgs) -> Result<u8> {
    let budget = budget(&args.budget)?;
    let control = args.control.map(|ControlName::RandomWeights| args.seed);
    let model = load_as(&args.model, |options| options.shuffled = control)?;
    let (origin, problems) = data(args, &model)?;
    let mut explorer = Workbench::bare(model);
    let header = header(args, &explorer, &budget, origin, &problems);
    spare_inputs(args, &header)?;
    let (mut journal, resumed) = Journal::open(&args.out, &header)?;
    if resumed.torn > 0 {
        print_warning(&format!(
            "the last row of {:?} was cut short; its {} bytes were removed and it is computed again",
            args.out.join(crate::lab::rows::FILE),
            resumed.torn
        ));
    }
    let jobs = args.jobs.unwrap_or_else(|| batch::jobs(explorer.model()));
    ensure_reference(&mut explorer)?;
    let work = BatchInput::new(&explorer, &header, &problems, &budget);
    let cancel = Cancel::new();
    let asked = Asked::listen(cancel.clone())?;
    let how = How {
        from: resumed.rows,
        jobs,
        stop: &asked.stop,
        cancel: &cancel,
    };
    let mut pace = Pace::new();
    let ended = batch::run::run(
        &work,
        &header,
        &mut |rows| journal.append(rows),
        &how,
        &mut |progress| pace.show(progress),
    );
    let synced = journal.sync();
    pace.meter.finish();
    let ended = ended?;
    synced?;
    // After a second signal the program ends at once.
    if args.parquet && !cancel.is_cancelled() {
        parquet::write(&args.out)?;
    }
    let said = print(&Page::new(pace.said(&args.out, ended)));
    match ended {
        BatchEnd::Whole => said.map(|()| 0),
        // After a hang-up the message cannot be printed, so that error is ignored.
        BatchEnd::Stopped => Ok(asked.exit_code()),
    }
}

/// Refuses a folder in which the run would overwrite its inputs.
fn spare_inputs(args: &RunArgs, header: &RowsHeader) -> Result<()> {
    let mut outputs = Outputs::new(true);
    let model = Checkpoint::files_of(&args.model.model);
    for path in model
        .iter()
        .chain(&args.data)
        .chain(&args.model.kind.tokenizer)
    {
        outputs.reads(path);
    }
    outputs.spares(&args.out.join(crate::lab::rows::FILE))?;
    if args.parquet {
        parquet::check()?;
        for path in parquet::paths(&args.out, header) {
            outputs.spares(&path)?;
        }
    }
    Ok(())
}

/// Returns the default batch size. Early stopping runs a batch together, which pays off if a pass reads many weights.
fn batch_size(model: &Model) -> usize {
    if model.info().parameters < batch::SMALL {
        1
    } else {
        LARGE_BATCH
    }
}

fn data(args: &RunArgs, model: &Model) -> Result<(String, Vec<Solved>)> {
    if let Some(path) = &args.data {
        let text = source::read_text(path)?;
        let mut problems = problem_file::parse_solved(&text, path)?;
        problems.truncate(args.limit.unwrap_or(usize::MAX));
        let dressed = match args.mode {
            Protocol::Paper => Vec::new(),
            Protocol::Default => {
                problem_file::plain_golds(problems.iter_mut().map(|solved| &mut solved.problem))
            }
        };
        let golds: Vec<_> = problems.iter().map(|solved| &solved.problem).collect();
        gold::note(model, &golds, &dressed);
        let name = path.file_name().unwrap_or(path.as_os_str());
        return Ok((name.to_string_lossy().into_owned(), problems));
    }
    let n = args.limit.unwrap_or(GENERATED);
    let (origin, made) = generated(model, args.split, n, args.seed)?;
    Ok((origin, made.into_iter().map(Solved::from).collect()))
}

fn header(
    args: &RunArgs,
    explorer: &Workbench,
    budget: &Budget,
    origin: String,
    problems: &[Solved],
) -> RowsHeader {
    let (model, mode) = (explorer.model(), args.mode);
    let settings = RunSettings {
        mode,
        latents: args.model.latents.unwrap_or_else(|| model.n_latents()),
        most_tokens: crate::lab::analysis::run::MAX_NEW_TOKENS,
        top_k: args.top_k.unwrap_or(match mode {
            Protocol::Default => TOP_K,
            Protocol::Paper => PAPER_TOP_K,
        }),
        value: args.value,
        batch: args.batch.unwrap_or_else(|| batch_size(model)),
        seed: args.seed,
        reference: explorer.reference_origin().to_owned(),
        verdict: written(budget),
    };
    RowsHeader {
        control: args
            .control
            .map(|ControlName::RandomWeights| "random-weights".to_owned()),
        shard: args.shard,
        ..batch::header(model, origin, problems, &args.experiments, settings)
    }
}

/// The state of received signals.
struct Asked {
    /// Set to stop after the current batches.
    stop: Arc<AtomicBool>,
    /// The number of the last signal.
    signal: Arc<AtomicU8>,
}

impl Asked {
    /// Listens for SIGINT, SIGTERM and SIGHUP. The first lets the current batches finish, the second cancels them.
    fn listen(cancel: Cancel) -> Result<Self> {
        let (stop, signal) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU8::new(0)));
        let asked = Self {
            stop: Arc::clone(&stop),
            signal: Arc::clone(&signal),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|why| Error::internal(why.to_string()))?;
        let mut signals = {
            let _entered = runtime.enter();
            Signals::new().map_err(|why| Error::internal(why.to_string()))?
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                while let Some(number) = signals.next().await {
                    signal.store(number, Ordering::Relaxed);
                    if stop.swap(true, Ordering::Relaxed) {
                        cancel.cancel();
                    }
                }
            });
        });
        Ok(asked)
    }

    /// Returns the exit code of a stopped run: 128 plus the signal's number, as in shells.
    fn exit_code(&self) -> u8 {
        const INTERRUPT: u8 = 2;
        let number = self.signal.load(Ordering::Relaxed);
        128 + if number == 0 { INTERRUPT } else { number }
    }
}

/// The signals that stop a run.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            // Under `nohup` the run must outlive its terminal.
            hang_up: if hang_up_is_ignored() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        })
    }

    /// Waits for the next signal and returns its number; `None` if none can arrive.
    async fn next(&mut self) -> Option<u8> {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            came = self.interrupt.recv() => came.map(|()| 2),
            came = self.terminate.recv() => came.map(|()| 15),
            came = hang_up => came.map(|()| 1),
        }
    }
}

/// Returns whether the process was started with hang-ups ignored; always false except on Linux.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    let status = file::read_text("/proc/self/status".as_ref()).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// The signals that stop a run.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next signal and returns its number; `None` if none can arrive.
    async fn next(&mut self) -> Option<u8> {
        tokio::signal::ctrl_c().await.is_ok().then_some(2)
    }
}

/// The pace of a run, shown while it goes and summed up at its end.
struct Pace {
    meter: Meter,
    began: Instant,
    first: Option<usize>,
    last: BatchProgress,
    said: Duration,
}

impl Pace {
    /// The interval between lines without a terminal.
    const EVERY: Duration = Duration::from_secs(10);

    fn new() -> Self {
        Self {
            meter: Meter::with_bar(),
            began: Instant::now(),
            first: None,
            last: BatchProgress { done: 0, of: 0 },
            said: Duration::ZERO,
        }
    }

    fn show(&mut self, progress: BatchProgress) {
        let BatchProgress { done, of } = progress;
        let first = *self.first.get_or_insert(done);
        self.last = progress;
        let elapsed = self.began.elapsed();
        let is_due = elapsed >= self.said + Self::EVERY;
        if is_due {
            self.said = elapsed;
        }
        self.meter.fill(done, of);
        let rate = rate(done - first, of - done, elapsed);
        self.meter
            .line(&format!("{done} of {of} problems, {rate}"), is_due);
    }

    fn said(&self, out: &std::path::Path, ended: BatchEnd) -> String {
        let BatchProgress { done, of } = self.last;
        let before = self.first.unwrap_or(0);
        let elapsed = self.began.elapsed().as_secs_f64();
        let path = out.join(crate::lab::rows::FILE);
        let mut text = format!(
            "{done} of {of} problems in {path:?}: {before} were there, {} computed in {elapsed:.1} s",
            done - before
        );
        if ended == BatchEnd::Stopped {
            text += "\nstopped; the same command resumes from here";
        }
        text
    }
}

/// Formats the problems per second and the remaining time at that rate.
fn rate(made: usize, left: usize, elapsed: Duration) -> String {
    if made == 0 {
        return "no rate yet".to_owned();
    }
    let elapsed = elapsed.as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "counts of problems")]
    let (made, left) = (made as f64, left as f64);
    format!(
        "{:.2} a second, {:.0} s left",
        made / elapsed,
        left * elapsed / made
    )
}
