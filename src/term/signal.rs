//! Signals that end or suspend the program, as a stream; nothing elsewhere.

use std::io;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// End, with this signal number.
    End(u8),
    /// Suspend.
    Suspend,
}

#[cfg(unix)]
mod unix {
    use super::{Signal, io};
    use rustix::process::{Signal as Number, kill_current_process_group};
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    /// The signals we listen to.
    #[derive(Debug)]
    pub(in crate::term) struct Signals {
        terminate: Stream,
        hang_up: Stream,
        interrupt: Stream,
        suspend: Stream,
    }

    impl Signals {
        /// Listens; from here on none of these ends the process by itself.
        pub(in crate::term) fn listen() -> io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                suspend: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            })
        }

        /// The next signal.
        pub(in crate::term) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.terminate.recv() => Signal::End(15),
                _ = self.hang_up.recv() => Signal::End(1),
                _ = self.interrupt.recv() => Signal::End(2),
                _ = self.suspend.recv() => Signal::Suspend,
            }
        }
    }

    /// Stops the process group until it is continued, as the shell's job control expects.
    pub(in crate::term) fn stop_process() -> io::Result<()> {
        kill_current_process_group(Number::STOP).map_err(io::Error::from)
    }
}

#[cfg(unix)]
pub(super) use unix::{Signals, stop_process};

#[cfg(not(unix))]
mod elsewhere {
    use super::{Signal, io};

    /// No signals.
    #[derive(Debug)]
    pub(in crate::term) struct Signals;

    impl Signals {
        pub(in crate::term) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::term) async fn next(&mut self) -> Signal {
            std::future::pending().await
        }
    }

    pub(in crate::term) fn stop_process() -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

#[cfg(not(unix))]
pub(super) use elsewhere::{Signals, stop_process};
