//! The real binary in a pseudo-terminal: keys in, screen and raw bytes out. Waits for what it wants to see.

#![allow(dead_code, reason = "each file of tests uses its part")]

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take on a busy machine; overridden by `UNDERTONE_PATIENCE_S`.
fn patience() -> Duration {
    let seconds = std::env::var("UNDERTONE_PATIENCE_S")
        .ok()
        .and_then(|s| s.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

/// A running explorer.
pub struct Terminal {
    chunks: Receiver<Vec<u8>>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    pub parser: vt100::Parser,
    /// Every byte written so far.
    pub raw: Vec<u8>,
}

impl Terminal {
    /// Starts `undertone` with these arguments in a terminal of this size, with its files under `home`.
    pub fn start(home: &Path, rows: u16, cols: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_undertone"));
        command.args(args);
        Self::run(home, rows, cols, command, env)
    }

    /// The same where no file may grow beyond this many KiB, as on a disk that is full.
    pub fn start_on_full_disk(
        home: &Path,
        rows: u16,
        cols: u16,
        kib: u64,
        env: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new("bash");
        // Without the signal a write fails as it does on a full disk.
        let limited = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\"");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_undertone")]);
        Self::run(home, rows, cols, command, env)
    }

    fn run(
        home: &Path,
        rows: u16,
        cols: u16,
        mut command: CommandBuilder,
        env: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(size(rows, cols)).unwrap();
        command.cwd(home);
        command.env_remove("NO_COLOR");
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LC_ALL", "C.UTF-8"),
            ("UNDERTONE_AUTHOR", "test"),
        ] {
            command.env(name, value);
        }
        for name in [
            "HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env(name, home);
        }
        for (name, value) in env {
            command.env(name, value);
        }
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (sender, chunks) = channel();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(cells(rows), cells(cols), 0);
        Self {
            chunks,
            writer,
            master: pair.master,
            child,
            parser,
            raw: Vec::new(),
        }
    }

    /// The screen as text; blank cells at the end of a row do not count, whether they were written or never touched.
    pub fn text(&self) -> String {
        let contents = self.parser.screen().contents();
        contents
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
            .trim_end()
            .to_owned()
    }

    /// Types keys.
    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until the screen satisfies the condition.
    pub fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + patience();
        while !holds(&self.text()) {
            assert!(
                self.take(deadline),
                "waited in vain for {what}; the screen is:\n{}",
                self.text()
            );
        }
    }

    /// Waits for a text.
    pub fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Whether nothing at all is written for this long.
    pub fn is_still(&mut self, time: Duration) -> bool {
        match self.chunks.recv_timeout(time) {
            Ok(bytes) => {
                self.keep(&bytes);
                false
            }
            Err(_) => true,
        }
    }

    /// Waits until nothing has been written for a moment.
    pub fn settles(&mut self) {
        let deadline = Instant::now() + patience();
        while !self.is_still(Duration::from_millis(400)) {
            assert!(
                Instant::now() < deadline,
                "the screen never settles:\n{}",
                self.text()
            );
        }
    }

    /// Waits for the program to end and reads what it still writes.
    pub fn ends(&mut self) -> u32 {
        let deadline = Instant::now() + patience();
        while self.take(deadline) {}
        self.child.wait().unwrap().exit_code()
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.parser.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(size(rows, cols)).unwrap();
    }

    /// Whether the terminal is as a shell expects it: main screen, cursor visible, no mouse or paste mode.
    pub fn is_restored(&self) -> bool {
        let screen = self.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    fn take(&mut self, deadline: Instant) -> bool {
        match self
            .chunks
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(bytes) => {
                self.keep(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.raw.extend_from_slice(bytes);
    }
}

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}
