//! Terminal output, written by a separate thread: a terminal that does not read never blocks the program, and a lost one is only noticed.

use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Bytes per write. Small enough to notice that a slow terminal still reads: at 9600 baud it takes a quarter of a second.
const PORTION: usize = 256;
/// Pause between attempts on a non-blocking terminal that accepts nothing.
const AGAIN: Duration = Duration::from_millis(5);

/// The state of the writer thread.
struct State {
    queue: Vec<u8>,
    is_writing: bool,
    /// Whether a write failed; nothing more is written then.
    is_gone: bool,
    /// Bytes accepted by the terminal so far.
    written: u64,
}

static STATE: Mutex<State> = Mutex::new(State {
    queue: Vec::new(),
    is_writing: false,
    is_gone: false,
    written: 0,
});
/// Signals that something was sent or written.
static CHANGED: Condvar = Condvar::new();
/// Signals that everything was written, or nothing can be.
static SETTLED: Notify = Notify::const_new();
static THREAD: Once = Once::new();

/// Appends bytes to the output queue.
pub(super) fn send(bytes: &[u8]) {
    THREAD.call_once(|| {
        let started = thread::Builder::new()
            .name("screen".to_owned())
            .spawn(write);
        if started.is_err() {
            state().is_gone = true;
        }
    });
    let mut state = state();
    if !state.is_gone {
        state.queue.extend_from_slice(bytes);
        CHANGED.notify_all();
    }
}

/// Whether output is pending.
pub(super) fn is_busy() -> bool {
    state().is_busy()
}

/// Whether the terminal can no longer be written to.
pub(super) fn is_gone() -> bool {
    state().is_gone
}

/// Waits until no output is pending, or the terminal is gone.
pub(super) async fn settled() {
    SETTLED.notified().await;
}

/// Waits until everything is written, at most `patience` without progress. Returns whether everything was written.
pub(super) fn drain(patience: Duration) -> bool {
    let mut state = state();
    let mut seen = state.written;
    let mut deadline = Instant::now() + patience;
    while state.is_busy() {
        if state.written != seen {
            seen = state.written;
            deadline = Instant::now() + patience;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        (state, _) = CHANGED
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner);
    }
    !state.is_gone
}

impl State {
    fn is_busy(&self) -> bool {
        !self.is_gone && (self.is_writing || !self.queue.is_empty())
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the queue for the lifetime of the process.
fn write() {
    loop {
        let mut now = state();
        while now.queue.is_empty() {
            now = CHANGED.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        let bytes = std::mem::take(&mut now.queue);
        now.is_writing = true;
        drop(now);
        let done = bytes.chunks(PORTION).try_for_each(write_portion);
        let mut now = state();
        now.is_writing = false;
        if let Err(error) = done {
            tracing::info!("the terminal is gone: {error}");
            now.is_gone = true;
            now.queue.clear();
        }
        let is_settled = !now.is_busy();
        drop(now);
        CHANGED.notify_all();
        if is_settled {
            SETTLED.notify_one();
        }
    }
}

fn write_portion(mut bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    while !bytes.is_empty() {
        let n = patiently(|| out.write(bytes))?;
        bytes = &bytes[n..];
        if n == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        patiently(|| out.flush())?;
        state().written += n as u64;
        CHANGED.notify_all();
    }
    Ok(())
}

/// Retries on a non-blocking terminal.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
