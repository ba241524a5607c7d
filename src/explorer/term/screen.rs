//! The screen guard: undoes everything it switched on, on every exit path, exactly once.
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

/// How long a terminal may accept nothing before it is left as it is.
const PATIENCE: Duration = Duration::from_millis(700);
/// Below the last row of any terminal.
const LAST_ROW: u16 = 9_998;

/// Whether the screen is ours; the panic hook has no other way to know.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// File descriptor 2 as it was, while it goes to the log; the panic hook puts it back before anything is printed.
static STDERR: Mutex<Option<Stderr>> = Mutex::new(None);

/// Leaves the screen on drop.
#[derive(Debug)]
pub(super) struct Screen {
    log: Option<File>,
}

impl Screen {
    /// Takes the screen.
    ///
    /// # Errors
    /// On terminal errors; the screen has then been given back.
    pub(super) fn enter(log: Option<File>) -> io::Result<Self> {
        let mut screen = Self { log };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes the screen again, after `leave` or after others may have used it. The next frame must be drawn in full.
    ///
    /// # Errors
    /// On terminal errors.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        // The mode may have changed: a shell sets its own while we are stopped.
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

/// Gives the screen back: undoes everything that `resume` switched on, once. Gives up on a terminal that reads nothing for `PATIENCE`.
pub(super) fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = Vec::new();
    // Without an alternate screen, the shell continues below the page.
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
    // Dropping it restores the descriptor.
    stderr_slot().take();
}

fn stderr_slot() -> MutexGuard<'static, Option<Stderr>> {
    STDERR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints panics of this thread on the restored screen, with the path of the log. Panics of other threads are only logged: the worker
/// catches and reports its own.
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

/// A saved file descriptor 2, to be restored.
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
