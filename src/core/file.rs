//! Files: the one place that opens, reads and writes them. Errors name the path.
//!
//! What stands at a path is looked at before it is opened, so that no FIFO makes the program wait and no device is taken for
//! a file; everything that is read has a bound; files are replaced atomically, and what is no regular file is written
//! through. `tests/tidy.rs` keeps other modules from the calls of the standard library.

mod foreign;
mod kind;
mod outputs;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use self::foreign::foreign;
pub use self::kind::{append, extend, open, update};
pub use self::outputs::Outputs;
pub use self::read::{
    MOST_VALUES, read_at_most, read_line, read_start, read_stdin, read_tail, read_text,
    read_text_at_most, read_whole, values_in,
};
pub use self::write::{write_atomic, write_new, write_out, write_streamed};
