//! The screen guard: whatever it switches on it switches off again, on every way out, once.
//!
//! While the screen is ours, file descriptor 2 goes to the log, so that no library can write over the panes.

use std::fs::File;
use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Whether the screen is ours; the panic hook has no other way to know.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Leaves the screen when it is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    log: Option<File>,
    stderr: Option<Stderr>,
}

impl Screen {
    /// Takes the screen.
    ///
    /// # Errors
    /// The terminal's, with the screen given back.
    pub(super) fn enter(log: Option<File>) -> io::Result<Self> {
        let mut screen = Self { log, stderr: None };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes the screen again after `leave`.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        ENTERED.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        self.stderr = self.log.as_ref().and_then(Stderr::redirect);
        Ok(())
    }

    /// Gives the screen back; doing so twice does nothing.
    pub(super) fn leave(&mut self) {
        leave();
        self.stderr = None;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Undoes everything that `resume` switched on. Errors are ignored: on a terminal that hung up nothing can be undone.
fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(out, DisableBracketedPaste, Show, LeaveAlternateScreen);
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// Puts a panic of this thread on a screen that can show it. Panics of other threads are logged and leave the
/// screen alone: the worker catches its own and reports them.
pub(super) fn install_panic_hook() {
    let (owner, previous) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        tracing::error!("{info}");
        if thread::current().id() == owner {
            leave();
            previous(info);
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
