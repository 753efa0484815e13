//! Snapshot to answers: sorted orders, sums. Nothing here touches the disk.

mod order;

pub use order::{Direction, Order, Sort, SortBy};
