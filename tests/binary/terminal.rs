//! Runs the real binary in a pseudo-terminal: keys in, screen and raw bytes out. Waits for the expected screen.

#![allow(dead_code, reason = "each file of tests uses its part")]

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::binary::{self, FOLDERS, patience, wait};

/// Commands to the reader thread.
const READ: u8 = 0;
const WAIT: u8 = 1;
const END: u8 = 2;

/// The exit code of a child killed by a signal.
pub const KILLED: u32 = 1;

pub struct Terminal {
    chunks: Receiver<Vec<u8>>,
    reading: Arc<AtomicU8>,
    reader: Option<JoinHandle<()>>,
    writer: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    /// The terminal modes before the program started.
    modes: String,
    pub child: Box<dyn Child + Send + Sync>,
    pub parser: vt100::Parser,
    /// Every byte written so far.
    pub raw: Vec<u8>,
}

impl Terminal {
    /// Starts `undertone` with these arguments in a terminal of this size, with its files under `home`.
    pub fn start(home: &Path, rows: u16, cols: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_sized(home, (rows, cols), args, env)
    }

    /// Like `start`, with rows and columns as a pair. Zero rows and columns report no size; the screen is then parsed as 24 by 80.
    pub fn start_sized(home: &Path, of: (u16, u16), args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_undertone"));
        command.args(args);
        Self::run(home, of, command, env)
    }

    /// Like `start`, with files limited to this many KiB, as on a full disk.
    pub fn start_on_full_disk(
        home: &Path,
        rows: u16,
        cols: u16,
        kib: u64,
        env: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new("bash");
        let limited = format!("ulimit -f {kib}; exec \"$0\"");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_undertone")]);
        Self::run(home, (rows, cols), command, env)
    }

    fn run(
        home: &Path,
        (rows, cols): (u16, u16),
        mut command: CommandBuilder,
        env: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(size(rows, cols)).unwrap();
        let (rows, cols) = if rows == 0 { (24, 80) } else { (rows, cols) };
        let modes = modes(pair.master.as_ref());
        command.cwd(home);
        command.env_remove("NO_COLOR");
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LC_ALL", "C.UTF-8"),
            ("UNDERTONE_AUTHOR", "test"),
        ] {
            command.env(name, value);
        }
        for name in FOLDERS {
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
        let reading = Arc::new(AtomicU8::new(READ));
        let told = Arc::clone(&reading);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                match told.load(Ordering::SeqCst) {
                    END => return,
                    WAIT => thread::sleep(Duration::from_millis(5)),
                    _ => match reader.read(&mut buffer) {
                        Ok(n) if n > 0 && sender.send(buffer[..n].to_vec()).is_ok() => {}
                        _ => return,
                    },
                }
            }
        });
        let parser = vt100::Parser::new(cells(rows), cells(cols), 0);
        Self {
            chunks,
            reading,
            reader: Some(reader),
            writer: Some(writer),
            master: Some(pair.master),
            modes,
            child,
            parser,
            raw: Vec::new(),
        }
    }

    /// The screen as text without trailing blanks, written or not.
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

    pub fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    /// Sends bytes as the terminal would.
    pub fn send(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("the terminal is there");
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    pub fn signal(&self, name: &str) {
        binary::signal(name, self.child.process_id().unwrap());
    }

    /// Waits until the program is stopped.
    pub fn stops(&self) {
        let stat = format!("/proc/{}/stat", self.child.process_id().unwrap());
        wait("a stopped program", || {
            let stat = fs::read_to_string(&stat).unwrap();
            // The state follows the name, which is in parentheses.
            stat.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('T'))
        });
    }

    /// Stops reading what the program writes, like a connection that hangs.
    pub fn stop_reading(&mut self) {
        self.tell(WAIT);
    }

    /// Closes the terminal, as closing its window does.
    pub fn close(&mut self) {
        self.tell(END);
        self.reader.take().unwrap().join().unwrap();
        self.writer = None;
        self.master = None;
    }

    /// Waits for the program to end without reading what it still writes.
    pub fn is_over(&mut self) -> u32 {
        let mut code = None;
        wait("the end of the program", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().exit_code()
    }

    /// Tells the reader thread what to do, and wakes it.
    fn tell(&mut self, what: u8) {
        self.reading.store(what, Ordering::SeqCst);
        let path = self.master.as_ref().unwrap().tty_name().unwrap();
        if let Ok(mut tty) = OpenOptions::new().write(true).open(path) {
            let _ = tty.write_all(b"\0");
        }
    }

    /// Whether the terminal has the modes it had before the program started.
    pub fn has_its_modes(&self) -> bool {
        modes(self.master.as_ref().unwrap().as_ref()) == self.modes
    }

    /// Sets the modes that a shell sets for itself.
    pub fn be_cooked(&self) {
        let path = self.master.as_ref().unwrap().tty_name().unwrap();
        let tty = fs::File::open(path).unwrap();
        let set = std::process::Command::new("stty")
            .arg("sane")
            .stdin(tty)
            .status();
        assert!(set.unwrap().success());
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

    /// Waits for a text on the screen.
    pub fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Waits for the first byte.
    pub fn begins(&mut self) {
        let deadline = Instant::now() + patience();
        while self.raw.is_empty() {
            assert!(self.take(deadline), "nothing is ever written");
        }
    }

    /// Whether nothing is written for this long.
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

    /// Waits for the program to end and reads its remaining output.
    pub fn ends(&mut self) -> u32 {
        let deadline = Instant::now() + patience();
        while self.take(deadline) {}
        assert!(
            Instant::now() < deadline,
            "it does not end; the screen is:\n{}",
            self.text()
        );
        self.child.wait().unwrap().exit_code()
    }

    /// Quits with `q`, without an error and with the terminal restored; returns what the terminal shows afterwards.
    pub fn quits(&mut self) -> String {
        self.press("q");
        assert_eq!(self.ends(), 0);
        assert!(self.is_restored());
        self.text()
    }

    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.parser.screen_mut().set_size(cells(rows), cells(cols));
        let master = self.master.as_ref().expect("the terminal is there");
        master.resize(size(rows, cols)).unwrap();
    }

    /// Whether the terminal is as a shell expects it: original modes, main screen, visible cursor, no mouse or paste mode.
    pub fn is_restored(&self) -> bool {
        let screen = self.parser.screen();
        self.has_its_modes()
            && !screen.alternate_screen()
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

/// The modes of a terminal, for comparison.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has modes"))
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
