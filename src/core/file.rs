//! The only module that opens, reads and writes files. Errors name the path.
//!
//! The kind of a file is checked before opening, so that no FIFO blocks the program and no device is mistaken for a file. All
//! reads are bounded. Regular files are replaced atomically; other outputs are written through. `tests/tidy.rs` keeps other
//! modules from calling the standard library directly.

mod foreign;
mod kind;
mod outputs;
mod prune;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use self::foreign::foreign;
pub use self::kind::{append, extend, open, update};
pub use self::outputs::Outputs;
pub use self::prune::prune;
pub use self::read::{
    MOST_VALUES, read_at_most, read_line, read_start, read_stdin, read_tail, read_text,
    read_text_at_most, read_whole, values_in,
};
pub use self::write::{write_atomic, write_new, write_out, write_streamed};
