//! Snapshot to answers: sorted orders, queries, sums, checks.

pub mod check;
mod each;
mod identify;
mod order;
pub mod query;
pub mod stats;

pub use each::{Control, Rows};
pub use identify::{Identity, identify};
pub use order::{Direction, Order, Sort, SortBy};
