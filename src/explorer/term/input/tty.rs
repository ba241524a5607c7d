//! Reads the terminal on a separate thread, so that every read gets its arrival time.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep_until;

use super::Batch;
use super::parser::{Parser, Unit};
use crate::explorer::app::Msg;

/// Maximum bytes per read.
const READ: usize = 1 << 16;
/// Capacity of the queue of unprocessed reads.
const WAITING: usize = 64;
/// In canonical mode Ctrl-D gives an empty read. This many in a row mean that the terminal is gone.
const NOTHING: usize = 3;

/// The key reader; dropping it ends the thread.
#[derive(Debug)]
pub(in crate::explorer::term) struct Keys {
    reads: Receiver<(Vec<u8>, Instant)>,
    parser: Parser,
    began: Instant,
    batches: VecDeque<Vec<Unit>>,
    /// Dropping it tells the thread to stop, so that later input is left to the shell.
    _alive: UnixStream,
}

impl Keys {
    /// Starts reading.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(in crate::explorer::term) fn listen() -> io::Result<Self> {
        let (alive, ended) = UnixStream::pair()?;
        let (sender, reads) = channel(WAITING);
        thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read(&ended, &sender))?;
        Ok(Self {
            reads,
            parser: Parser::new(),
            began: Instant::now(),
            batches: VecDeque::new(),
            _alive: alive,
        })
    }

    /// Waits for the next input; returns `None` when the terminal is gone. Cancel-safe.
    pub(in crate::explorer::term) async fn next(&mut self) -> Option<Batch> {
        loop {
            if let Some(units) = self.batches.pop_front() {
                return Some(units.into_iter().map(message).collect());
            }
            let due = self.parser.due().map(|due| self.began + due);
            tokio::select! {
                biased;
                read = self.reads.recv() => {
                    let (bytes, at) = read?;
                    let (earlier, now) = self.parser.feed(&bytes, at.saturating_duration_since(self.began));
                    self.keep(earlier);
                    self.keep(now);
                }
                () = sleep_until(due.unwrap_or(self.began).into()), if due.is_some() => {
                    let units = self.parser.lapse(self.began.elapsed());
                    self.keep(units);
                }
            }
        }
    }

    fn keep(&mut self, units: Vec<Unit>) {
        if !units.is_empty() {
            self.batches.push_back(units);
        }
    }
}

fn message(unit: Unit) -> Msg {
    match unit {
        Unit::Key(key) => Msg::Key(key),
        Unit::Paste(text) => Msg::Paste(text),
    }
}

/// Reads until the terminal or the loop is gone.
fn read(ended: &UnixStream, sender: &Sender<(Vec<u8>, Instant)>) {
    let stdin = rustix::stdio::stdin();
    let mut buffer = vec![0; READ];
    let mut nothing = 0;
    while nothing < NOTHING {
        let mut ready = [
            PollFd::from_borrowed_fd(stdin, PollFlags::IN),
            PollFd::new(ended, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) => {}
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(_) => return,
        }
        if !ready[1].revents().is_empty() {
            return;
        }
        match rustix::io::read(stdin, &mut buffer) {
            Ok(0) => nothing += 1,
            Ok(n) => {
                nothing = 0;
                let read = (buffer[..n].to_vec(), Instant::now());
                if sender.blocking_send(read).is_err() {
                    return;
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}
