//! Limits on data files: the size and number of rows, and the memory that they take.

/// The largest row, in bytes; published rows stay below 10 kB.
pub(crate) const MAX_ROW_BYTES: usize = 1 << 20;
/// The most memory for the rows of a file, in bytes; those of GSM8k-Aug's training set take half of it.
pub(crate) const MOST_KEPT: usize = 384 << 20;
/// The most rows; GSM8k-Aug's training set has 385,620.
pub(crate) const MAX_ROWS: usize = 1_000_000;
/// The most steps per row; published rows have at most a few dozen.
pub(super) const MAX_STEPS: usize = 10_000;

/// The memory that the rows of a file take, in bytes.
#[derive(Default)]
pub(super) struct Kept(usize);

impl Kept {
    /// Memory of a short text in addition to its bytes.
    const EACH: usize = 56;

    /// Adds a row of `size` bytes in `count` texts; fails if the limit is exceeded.
    pub(super) fn add(&mut self, size: usize, count: usize) -> Result<(), String> {
        self.0 = self.0.saturating_add(size + count * Self::EACH);
        if self.0 <= MOST_KEPT {
            return Ok(());
        }
        Err(format!(
            "the rows up to this line exceed the memory limit of {} MiB",
            MOST_KEPT >> 20
        ))
    }
}

/// Returns the message for a row that is too long.
pub(super) fn too_long(bytes: usize) -> String {
    format!("the row has {bytes} bytes; at most {MAX_ROW_BYTES} are read")
}

/// Returns the message for a file with too many rows.
pub(super) fn too_many() -> String {
    format!("too many rows; the limit is {MAX_ROWS}")
}
