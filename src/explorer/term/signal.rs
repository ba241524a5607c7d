//! Signals that end, suspend or continue the program, as a stream; empty on other systems.

use std::io;

/// The meaning of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// End, with this signal number.
    End(u8),
    Suspend,
    /// Take the screen again: the process was stopped, by itself or by others, and continues.
    Continue,
    /// The terminal was resized.
    Resize,
    /// Ignored: a file exceeded its size limit, and the failed write reports that itself.
    Unheeded,
}

#[cfg(unix)]
mod unix {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::{Signal, io};
    use rustix::process::{Signal as Number, kill_current_process_group};
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    /// Signals that would end the process without restoring the terminal.
    const ENDS: [Number; 11] = [
        Number::HUP,
        Number::TERM,
        Number::INT,
        Number::QUIT,
        Number::USR1,
        Number::USR2,
        Number::ALARM,
        Number::VTALARM,
        Number::PROF,
        Number::IO,
        Number::XCPU,
    ];

    #[derive(Debug)]
    pub(in crate::explorer::term) struct Signals(Vec<(Stream, Signal)>);

    impl Signals {
        /// Starts listening; from then on none of these ends the process by itself.
        pub(in crate::explorer::term) fn listen() -> io::Result<Self> {
            let ends = ENDS
                .into_iter()
                .filter_map(|n| Some((n, Signal::End(n.as_raw().try_into().ok()?))));
            let others = [
                (Number::TSTP, Signal::Suspend),
                (Number::CONT, Signal::Continue),
                (Number::WINCH, Signal::Resize),
                (Number::XFSZ, Signal::Unheeded),
            ];
            let streams = ends.chain(others).map(|(number, meaning)| {
                let stream = signal(SignalKind::from_raw(number.as_raw()))?;
                Ok((stream, meaning))
            });
            streams.collect::<io::Result<_>>().map(Self)
        }

        pub(in crate::explorer::term) async fn next(&mut self) -> Signal {
            poll_fn(|context| {
                let mut streams = self.0.iter_mut();
                streams
                    .find_map(|(stream, meaning)| {
                        stream.poll_recv(context).is_ready().then_some(*meaning)
                    })
                    .map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }
    }

    /// Stops the process group until it is continued, as the shell's job control expects. Other threads may run on for a moment.
    pub(in crate::explorer::term) fn stop_process() -> io::Result<()> {
        kill_current_process_group(Number::STOP).map_err(io::Error::from)
    }
}

#[cfg(unix)]
pub(super) use unix::{Signals, stop_process};

#[cfg(not(unix))]
mod elsewhere {
    use super::{Signal, io};

    #[derive(Debug)]
    pub(in crate::explorer::term) struct Signals;

    impl Signals {
        pub(in crate::explorer::term) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::explorer::term) async fn next(&mut self) -> Signal {
            std::future::pending().await
        }
    }

    pub(in crate::explorer::term) fn stop_process() -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

#[cfg(not(unix))]
pub(super) use elsewhere::{Signals, stop_process};
