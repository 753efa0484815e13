//! Snapshot to answers: sorted orders, queries, sums, the overview, checks.

pub mod check;
mod choose;
pub mod compare;
pub mod doctor;
mod each;
mod identify;
mod order;
mod overview;
pub mod policy;
pub mod query;
mod row_set;
pub(crate) mod sample;
mod snippet;
pub mod stats;
mod treemap;

pub use choose::{Ceiling, least_recently_used};
pub use each::{Control, Rows};
pub use identify::{Identity, identify};
pub use order::{Direction, Order, Sort, SortBy};
pub use overview::{AGE_EDGES, Bin, IDLE_S, Overview, SIZE_EDGES, Tally};
pub(crate) use row_set::RowSet;
pub use snippet::snippet;
pub use treemap::{Area, GroupArea, Layout, Part, StoreArea, Tile, TileArea, atlas, treemap};
