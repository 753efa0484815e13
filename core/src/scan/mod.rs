//! Disk to snapshot: the records of a scan become chunks, and a computer's folders become stores.

mod collect;
mod find;

pub(crate) use collect::in_batches;
pub use collect::{Batch, scan_to_snapshot};
pub use find::{Finds, find_below, find_on_this_computer};
