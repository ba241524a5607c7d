//! The screen guard: whatever it switches on it switches off again, on every way out, once.
//!
//! While the screen is ours, file descriptor 2 goes to the log, so that no library can write over the panes.

use std::fs::File;
use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::output;

/// How long a terminal may take nothing before it is left as it is.
const PATIENCE: Duration = Duration::from_millis(700);
/// Below the last row of any terminal.
const LAST_ROW: u16 = 9_998;

/// Whether the screen is ours; the panic hook has no other way to know.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// File descriptor 2 as it was, while it goes to the log; the panic hook puts it back before anything is printed.
static STDERR: Mutex<Option<Stderr>> = Mutex::new(None);

/// Leaves the screen when it is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    log: Option<File>,
}

impl Screen {
    /// Takes the screen.
    ///
    /// # Errors
    /// The terminal's, with the screen given back.
    pub(super) fn enter(log: Option<File>) -> io::Result<Self> {
        let mut screen = Self { log };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes the screen again, after `leave` or after others may have used it. The next frame has to be whole.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        // The mode may no longer be the one that was set: a shell sets its own while we are stopped.
        disable_raw_mode()?;
        enable_raw_mode()?;
        let was_ours = ENTERED.swap(true, Ordering::SeqCst);
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        output::send(&bytes);
        if !was_ours {
            *stderr_slot() = self.log.as_ref().and_then(Stderr::redirect);
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the screen back: undoes everything that `resume` switched on, once. A terminal that hung up or does not read is not waited for.
pub(super) fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = Vec::new();
    // Where there is no alternate screen, the shell goes on below the page.
    let left = queue!(
        bytes,
        MoveTo(0, LAST_ROW),
        Clear(ClearType::CurrentLine),
        DisableBracketedPaste,
        Show,
        LeaveAlternateScreen
    );
    if left.is_ok() {
        output::send(&bytes);
    }
    if !output::drain(PATIENCE) {
        tracing::warn!("the terminal does not read");
    }
    let _ = disable_raw_mode();
    // Dropping it puts the descriptor back.
    stderr_slot().take();
}

fn stderr_slot() -> MutexGuard<'static, Option<Stderr>> {
    STDERR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a panic of this thread on a screen that can show it, with the place of the log. Panics of other threads are logged and leave the
/// screen alone: the worker catches its own and reports them.
pub(super) fn install_panic_hook(log_path: Option<String>) {
    let (owner, previous) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        tracing::error!("{info}");
        if thread::current().id() == owner {
            leave();
            previous(info);
            if let Some(path) = &log_path {
                let _ = writeln!(io::stderr(), "log: {}", crate::core::text::sanitize(path));
            }
        }
    }));
}

/// File descriptor 2, kept to be put back.
#[cfg(unix)]
#[derive(Debug)]
struct Stderr(std::os::fd::OwnedFd);

#[cfg(unix)]
impl Stderr {
    fn redirect(log: &File) -> Option<Self> {
        let original = rustix::io::dup(rustix::stdio::stderr()).ok()?;
        rustix::stdio::dup2_stderr(log).ok()?;
        Some(Self(original))
    }
}

#[cfg(unix)]
impl Drop for Stderr {
    fn drop(&mut self) {
        let _ = rustix::stdio::dup2_stderr(&self.0);
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Stderr;

#[cfg(not(unix))]
impl Stderr {
    fn redirect(_: &File) -> Option<Self> {
        None
    }
}
