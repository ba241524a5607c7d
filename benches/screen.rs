//! The explorer as a terminal sees it: first frame, key to frame while the model runs, toggle to answer, idle output.
//!
//! `cargo bench --bench screen` runs the real binary in a 120x40 pseudo-terminal and prints medians and 95th percentiles in milliseconds,
//! next to the time of `undertone --version` as the cost of a process start.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const BINARY: &str = env!("CARGO_BIN_EXE_undertone");
const PATIENCE: Duration = Duration::from_secs(20);

struct Screen {
    chunks: Receiver<(Instant, Vec<u8>)>,
    writer: Box<dyn Write + Send>,
    parser: vt100::Parser,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Screen {
    fn start(home: &std::path::Path) -> (Self, Instant) {
        let size = PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(BINARY);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        for variable in [
            "HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env(variable, home);
        }
        let mut reader = pair
            .master
            .try_clone_reader()
            .expect("the terminal can be read");
        let writer = pair
            .master
            .take_writer()
            .expect("the terminal can be written");
        let (sender, chunks) = channel();
        let began = Instant::now();
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || sender.send((Instant::now(), buffer[..n].to_vec())).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(cells(40), cells(120), 0);
        (
            Self {
                chunks,
                writer,
                parser,
                child,
                _master: pair.master,
            },
            began,
        )
    }

    /// Reads until the screen satisfies the condition; returns when it first did.
    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((at, bytes)) = self.chunks.recv_timeout(left) else {
                panic!("waited in vain for {what}:\n{}", self.text())
            };
            self.parser.process(&bytes);
            if holds(&self.text()) {
                return at;
            }
        }
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    fn press(&mut self, key: &str) -> Instant {
        let at = Instant::now();
        self.writer
            .write_all(key.as_bytes())
            .expect("the key is taken");
        self.writer.flush().expect("the key is taken");
        at
    }

    /// Counts the bytes that arrive within a time.
    fn listen(&mut self, time: Duration) -> usize {
        let deadline = Instant::now() + time;
        let mut bytes = 0;
        while let Ok((_, chunk)) = self
            .chunks
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.parser.process(&chunk);
            bytes += chunk.len();
        }
        bytes
    }
}

fn main() {
    let home = tempfile::tempdir().expect("a folder for state");
    let starts: Vec<f64> = (0..10)
        .map(|_| {
            let began = Instant::now();
            let status = Command::new(BINARY)
                .arg("--version")
                .output()
                .expect("the program starts")
                .status;
            assert!(status.success());
            ms(began.elapsed())
        })
        .collect();
    report("process start (--version)", &starts);

    let (mut first, mut ready, mut moves, mut toggles, mut cached) =
        (vec![], vec![], vec![], vec![], vec![]);
    let mut idle = 0;
    for round in 0..5 {
        let (mut screen, began) = Screen::start(home.path());
        let frame = screen.until("the first frame", |text| text.contains("undertone"));
        first.push(ms(frame - began));
        // Keys while the model loads and runs: help opens and closes.
        for _ in 0..5 {
            let pressed = screen.press("?");
            let shown = screen.until("help", |text| text.contains("Step one token to the left"));
            moves.push(ms(shown - pressed));
            screen.press("\x1b");
            screen.listen(Duration::from_millis(60));
        }
        let done = screen.until_verdict();
        ready.push(ms(done - began));
        screen.press("2");
        screen.listen(Duration::from_millis(300));
        for _ in 0..4 {
            // v changes the value, so each toggle is a new combination.
            let pressed = screen.press(" ");
            let answered = screen.until("the ablated answer", |text| {
                !text.contains("stale") && text.contains("sham")
            });
            toggles.push(ms(answered - pressed));
            screen.press(" ");
            screen.listen(Duration::from_millis(100));
            let pressed = screen.press(" ");
            let answered = screen.until("the answer from cache", |text| {
                !text.contains("stale") && text.contains("sham")
            });
            cached.push(ms(answered - pressed));
            screen.press(" ");
            screen.press("v");
            screen.listen(Duration::from_millis(150));
        }
        if round == 0 {
            screen.listen(Duration::from_millis(1500));
            idle = screen.listen(Duration::from_secs(3));
        }
        screen.press("q");
        let _ = screen.child.wait();
    }
    report("first frame from exec", &first);
    report("exec to the first verdict", &ready);
    report("key to frame, model busy", &moves);
    report("toggle to answer", &toggles);
    report("toggle to answer, seen before", &cached);
    println!("{:<32} {idle} bytes in 3 s", "idle");
}

impl Screen {
    fn until_verdict(&mut self) -> Instant {
        self.until("the verdict", |text| text.contains("PRESENT"))
    }
}

fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).expect("a terminal has cells")
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn report(name: &str, samples: &[f64]) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    println!(
        "{name:<32} median {:7.1} ms   p95 {:7.1} ms   n {}",
        at(50),
        at(95),
        sorted.len()
    );
}
