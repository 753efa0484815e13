//! Snapshot to answers: sorted orders, queries, sums. Nothing here touches the disk.

mod order;
pub mod query;

pub use order::{Direction, Order, Sort, SortBy};
