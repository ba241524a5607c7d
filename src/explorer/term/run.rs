//! The main loop: takes input, signals, worker events and time, performs effects, and draws a frame after changes, at most sixty per
//! second and none when idle.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::queue;
use crossterm::style::force_color_output;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::Terminal;
use ratatui::layout::{Position, Rect};
use tokio::time::{Instant, sleep_until};

use crate::core::error::FailureKind;
use crate::core::types::ModelInfo;
use crate::explorer::app::effect::{Export, ExportError, Save};
use crate::explorer::app::{self, App, Clock, Effect, Library, Msg, Overlay, Recalled, update};
use crate::explorer::session::{Session, SessionKey, Target};
use crate::explorer::term::clipboard::{self, Between};
use crate::explorer::term::input::{self, Batch, Keys};
use crate::explorer::term::output;
use crate::explorer::term::runs::{RunCommand, Runs};
use crate::explorer::term::screen::{self, Screen, install_panic_hook};
use crate::explorer::term::signal::{Signal, Signals, stop_process};
use crate::explorer::term::surface::{Surface, draw_doubtful_rows_whole};
use crate::explorer::ui::clipboard::as_text;
use crate::explorer::ui::glyphs::{ASCII, UNICODE};
use crate::explorer::ui::theme::Theme;
use crate::explorer::ui::{draw, fit};
use crate::explorer::worker::protocol::Event;
use crate::explorer::worker::{Link, Requests};

/// The minimum time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// Worker events handled before the keyboard is checked again.
const EVENT_BATCH: usize = 64;

/// File system operations that the caller performs for the explorer.
pub trait Performer {
    /// Loads the problems that suit a model; the text gives their origin.
    ///
    /// # Errors
    /// If there are none; one sentence with the reason.
    fn load_problems(&mut self, model: &ModelInfo) -> Result<Library, String>;

    /// Saves a session and returns the path of its file.
    ///
    /// # Errors
    /// If it was not written; one sentence with the reason.
    fn save(&mut self, save: &Save) -> Result<String, String>;

    /// Changes the key of a session that keeps its file.
    fn rekey(&mut self, before: &SessionKey, after: SessionKey);

    /// Returns the notes of earlier sessions about this key, given the model's present weights. Later saves of this key go to their file.
    fn recall(&mut self, key: &SessionKey, sha256: &str) -> Option<Recalled>;

    /// Writes an export and returns its path.
    ///
    /// # Errors
    /// If it cannot be written. An existing file is replaced only if that was allowed.
    fn export(&mut self, export: &Export) -> Result<String, ExportError>;

    /// Returns the command that computes a run of a model with these options.
    ///
    /// # Errors
    /// If the options are invalid; one sentence with the reason.
    fn run_command(&mut self, model: &str, options: &str) -> Result<RunCommand, String>;
}

/// Settings of the explorer.
#[derive(Debug)]
pub struct LoopOptions {
    /// The initial state.
    pub app: app::StartOptions,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether the chrome is ASCII only.
    pub ascii: bool,
    /// Target of standard error while the screen is ours.
    pub log: Option<File>,
    /// The folder in which sessions are saved.
    pub sessions: PathBuf,
}

/// How the explorer ended.
#[derive(Debug)]
pub struct Ending {
    /// The reason, or how the terminal failed.
    pub why: io::Result<LoopEnd>,
    /// Sessions that could not be saved.
    pub lost: Vec<Session>,
    /// Notes that were begun but never entered: target and text.
    pub drafts: Vec<(Target, String)>,
}

impl Ending {
    /// Returns the exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match &self.why {
            Ok(LoopEnd::Quit) if !self.lost.is_empty() => FailureKind::Io.exit_code(),
            Ok(why) => why.exit_code(),
            Err(_) => FailureKind::Internal.exit_code(),
        }
    }
}

/// Why the explorer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopEnd {
    /// The user quit.
    Quit,
    /// A signal with this number.
    Signal(u8),
}

impl LoopEnd {
    fn exit_code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Signal(number) => 128 + number,
        }
    }
}

/// The signal for a lost terminal.
const HANG_UP: u8 = 1;

/// How long to wait for a stop to take effect. PID 1 of a container cannot be stopped, so it takes its screen back.
const STOPS: Duration = Duration::from_millis(500);

/// Runs the explorer on this thread until it ends.
///
/// # Errors
/// Only terminal errors; all others are shown on screen.
pub fn run(options: LoopOptions, link: Link, performer: &mut dyn Performer) -> io::Result<Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let glyphs = if options.ascii { &ASCII } else { &UNICODE };
    let theme = if options.colour {
        Theme::palette(glyphs)
    } else {
        Theme::plain(glyphs)
    };
    // The theme decides about colour. With NO_COLOR set, crossterm would write bare resets in place of each
    // colour, which also erase reverse and bold.
    force_color_output(true);
    install_panic_hook(options.app.log_path.clone());
    let _guard = runtime.enter();
    let (runs, heard) = Runs::new(options.sessions);
    // Before entering the screen: a signal in between would leave it unrestored.
    let signals = Signals::listen()?;
    let mut event_loop = EventLoop {
        app: App::new(options.app),
        theme,
        screen: Screen::enter(options.log)?,
        terminal: Terminal::new(Surface::new())?,
        between: Between::find(),
        requests: link.requests,
        performer,
        runs,
        last_frame: None,
        began: Instant::now(),
        is_suspended: false,
        resumes: None,
        is_done: false,
    };
    event_loop.tick();
    // Without an alternate screen, its old contents would show through blank cells.
    event_loop.terminal.clear()?;
    event_loop.draw()?;
    let effects = event_loop.app.start();
    event_loop.perform(effects)?;
    let why = runtime.block_on(event_loop.run(signals, link.events, heard));
    if why.is_err() {
        // The terminal failed; unsaved work is still saved.
        let _ = event_loop.send(Msg::Terminated);
    }
    screen::leave();
    let lost = event_loop.app.lost().map(|lost| lost.session.clone());
    let lost = lost.collect();
    Ok(Ending {
        why,
        lost,
        drafts: event_loop.app.drafted(),
    })
}

struct EventLoop<'a> {
    app: App,
    theme: Theme,
    screen: Screen,
    terminal: Terminal<Surface>,
    between: Between,
    requests: Requests,
    performer: &'a mut dyn Performer,
    runs: Runs,
    last_frame: Option<Instant>,
    began: Instant,
    /// Whether the shell owns the screen until a signal to continue arrives.
    is_suspended: bool,
    /// When to take the screen back without a signal to continue; `None` while it is ours.
    resumes: Option<Instant>,
    is_done: bool,
}

impl EventLoop<'_> {
    async fn run(
        &mut self,
        mut signals: Signals,
        mut events: tokio::sync::mpsc::Receiver<Event>,
        mut heard: tokio::sync::mpsc::Receiver<Msg>,
    ) -> io::Result<LoopEnd> {
        let mut keys = Keys::listen()?;
        let mut worker_is_there = true;
        while !self.is_done {
            if output::is_gone() {
                return self.hang_up();
            }
            let due = self.frame_due();
            if due.is_some_and(|due| due <= Instant::now()) {
                self.draw()?;
            }
            let (due, tick) = (self.frame_due(), self.tick_due());
            let resumes = self.resumes;
            tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    Signal::End(number) => {
                        self.send(Msg::Terminated)?;
                        return Ok(LoopEnd::Signal(number));
                    }
                    Signal::Suspend => self.suspend()?,
                    Signal::Continue => if !self.goes_on() {
                        return self.hang_up();
                    },
                    Signal::Resize => self.send(Msg::Resized)?,
                    Signal::Unheeded => {}
                },
                batch = keys.next() => {
                    // The end of input means that the terminal is gone.
                    let Some(batch) = batch else {
                        return self.hang_up();
                    };
                    self.take(batch)?;
                }
                event = events.recv(), if worker_is_there => {
                    let mut next = event;
                    worker_is_there = next.is_some();
                    if !worker_is_there {
                        self.send(Msg::WorkerLost)?;
                    }
                    for _ in 0..EVENT_BATCH {
                        let Some(event) = next else { break };
                        self.send(Msg::Worker(event))?;
                        next = events.try_recv().ok();
                    }
                    // The last event received must not be lost.
                    if let Some(event) = next {
                        self.send(Msg::Worker(event))?;
                    }
                }
                Some(msg) = heard.recv() => self.send(msg)?,
                () = output::settled() => {}
                () = sleep_until(resumes.unwrap_or_else(Instant::now)), if resumes.is_some() => if !self.goes_on() {
                    return self.hang_up();
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                () = sleep_until(tick.unwrap_or_else(Instant::now)), if tick.is_some() => self.tick(),
            }
        }
        Ok(LoopEnd::Quit)
    }

    /// Saves unsaved work after the terminal is gone.
    fn hang_up(&mut self) -> io::Result<LoopEnd> {
        self.send(Msg::Terminated)?;
        Ok(LoopEnd::Signal(HANG_UP))
    }

    /// Handles a batch of input. Input after an Escape that closed a text box was typed into the box, so it is not a command.
    fn take(&mut self, batch: Batch) -> io::Result<()> {
        let mut is_closed = false;
        for msg in batch {
            if self.is_done {
                break;
            }
            if is_closed && !input::is_interrupt(&msg) {
                continue;
            }
            let has_box = |app: &App| matches!(app.chrome.overlay, Some(Overlay::Prompt(_)));
            let closes = has_box(&self.app) && input::is_escape(&msg);
            self.send(msg)?;
            is_closed |= closes && !has_box(&self.app);
        }
        Ok(())
    }

    /// When the next frame may be drawn; `None` if nothing changed, the last frame is still being written, or the screen is not ours.
    fn frame_due(&self) -> Option<Instant> {
        if self.is_suspended || output::is_busy() {
            return None;
        }
        let earliest = self
            .last_frame
            .map_or_else(Instant::now, |last| last + FRAME);
        self.app.chrome.dirty.then_some(earliest)
    }

    /// When the state needs the next tick; `None` if it does not depend on time.
    fn tick_due(&self) -> Option<Instant> {
        let wait = self.app.next_tick_ms()?.saturating_sub(self.clock_ms());
        Some(Instant::now() + Duration::from_millis(wait))
    }

    /// Monotonic time, so that deadlines do not depend on the system clock.
    fn clock_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tick(&mut self) {
        let clock = Clock {
            now_ms: self.clock_ms(),
            unix_s: unix_s(),
        };
        let effects = update(&mut self.app, Msg::Tick(clock));
        // A tick only saves, and a failed save is shown on screen.
        let _ = self.perform(effects);
    }

    fn send(&mut self, msg: Msg) -> io::Result<()> {
        self.tick();
        let effects = update(&mut self.app, msg);
        self.perform(effects)
    }

    fn draw(&mut self) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let (app, theme) = (&self.app, &self.theme);
        self.terminal.draw(|frame| {
            draw(app, theme, frame);
            draw_doubtful_rows_whole(frame.buffer_mut());
        })?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().send();
        self.app.chrome.dirty = false;
        self.last_frame = Some(Instant::now());
        Ok(())
    }

    fn perform(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            let reply = match effect {
                Effect::Send(request) => {
                    // A lost worker is noticed at the end of its events.
                    self.requests.send(request);
                    None
                }
                Effect::Save(save) => {
                    let result = self.performer.save(&save);
                    Some(Msg::Saved { save, result })
                }
                Effect::Rekey { before, after } => {
                    self.performer.rekey(&before, after);
                    None
                }
                Effect::Recall { key, sha256 } => {
                    self.performer.recall(&key, &sha256).map(Msg::Recalled)
                }
                Effect::Export(export) => Some(Msg::Exported(self.performer.export(&export))),
                Effect::LoadProblems(model) => {
                    Some(Msg::Problems(self.performer.load_problems(&model)))
                }
                Effect::Measure(movement) => {
                    let area = Rect::from((Position::ORIGIN, self.terminal.size()?));
                    let fit = fit(&self.app, &self.theme, area);
                    Some(Msg::Measured { movement, fit })
                }
                Effect::Copy(pane) => {
                    let text = as_text(&self.app, pane, &self.theme);
                    let out = self.terminal.backend_mut();
                    let copied = clipboard::copy(out, &text, self.between);
                    out.send();
                    Some(Msg::Copied(copied))
                }
                Effect::Redraw => {
                    self.terminal.clear()?;
                    None
                }
                Effect::Runs(request) => self.runs.perform(request, self.performer),
                Effect::Suspend => {
                    self.suspend()?;
                    None
                }
                Effect::Quit => {
                    self.is_done = true;
                    None
                }
            };
            if let Some(msg) = reply {
                let effects = update(&mut self.app, msg);
                self.perform(effects)?;
            }
        }
        Ok(())
    }

    /// Gives the screen back and stops; SIGCONT takes it again.
    fn suspend(&mut self) -> io::Result<()> {
        screen::leave();
        self.is_suspended = true;
        self.resumes = Some(Instant::now() + STOPS);
        if let Err(error) = stop_process() {
            tracing::warn!("cannot suspend: {error}");
            self.resume()?;
        }
        Ok(())
    }

    /// Takes the screen back. Returns whether the terminal is still there.
    fn goes_on(&mut self) -> bool {
        let resumed = self.resume();
        if let Err(error) = &resumed {
            tracing::info!("the terminal is gone: {error}");
        }
        resumed.is_ok()
    }

    /// Takes the screen again, whatever happened to it meanwhile.
    fn resume(&mut self) -> io::Result<()> {
        self.screen.resume()?;
        self.is_suspended = false;
        self.resumes = None;
        self.terminal.clear()?;
        self.send(Msg::Resumed)
    }
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn unix_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
