//! Everything that goes to the terminal, written by a thread of its own: a terminal that does not read never stops the program,
//! and one that is gone is noticed and nothing more.

use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Bytes written at once. Small enough to notice that a slow terminal still reads: a 9600-baud line takes them in a quarter of a
/// second.
const PORTION: usize = 256;
/// How long to wait where the terminal takes nothing and does not wait itself.
const AGAIN: Duration = Duration::from_millis(5);

/// What is on its way.
struct State {
    queue: Vec<u8>,
    is_writing: bool,
    /// Whether a write failed; nothing is written after that.
    is_gone: bool,
    /// Bytes that the terminal took so far.
    written: u64,
}

static STATE: Mutex<State> = Mutex::new(State {
    queue: Vec::new(),
    is_writing: false,
    is_gone: false,
    written: 0,
});
/// Something was sent or written.
static CHANGED: Condvar = Condvar::new();
/// Everything was written, or nothing can be.
static SETTLED: Notify = Notify::const_new();
static THREAD: Once = Once::new();

/// Puts bytes behind those that are on their way.
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

/// Whether something is still on its way.
pub(super) fn is_busy() -> bool {
    state().is_busy()
}

/// Whether the terminal can no longer be written to.
pub(super) fn is_gone() -> bool {
    state().is_gone
}

/// Waits until nothing is on its way, or the terminal is gone.
pub(super) async fn settled() {
    SETTLED.notified().await;
}

/// Waits until everything is written, but not longer than `patience` for a terminal that takes nothing. Whether it is written.
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

/// Writes what is sent, for as long as the process is there.
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

/// Tries again where a terminal was told not to wait.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
