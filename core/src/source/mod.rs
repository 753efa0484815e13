//! The disk: open folder handles, reads that leave no trace, counts of what was done.

mod read_at;

pub use read_at::{MemoryReader, ReadAt};
