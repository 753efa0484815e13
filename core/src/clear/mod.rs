//! Command to disk: plans, the quarantine, undo. The only code that changes a store.
//!
//! A [`Plan`] says what is to go; [`apply`] checks each entry again and moves it aside or frees it;
//! [`undo`] brings back what was moved aside. Each step is one rename or one removal relative to an
//! open folder, so that a crash at any moment leaves every entry whole or gone.

mod apart;
mod apply;
pub mod compact;
mod dbm_file;
mod disk;
mod dumb;
mod holders;
mod insertion;
mod journal;
#[cfg(test)]
mod key_tests;
mod keys;
mod pace;
mod plan;
mod quarantine;
mod recover;
#[cfg(test)]
mod row_tests;
mod rows;
mod saved;
#[cfg(test)]
mod tests;
pub mod undo;
mod value_file;
mod wire;

pub use crate::source::own_folder::QUARANTINE;
pub use apply::{Applied, How, Outcome, Why, apply, can_keep};
pub use disk::free_bytes;
pub(crate) use disk::rename;
pub use plan::{Act, Base, Fresh, Plan, Planned, Refusal, Totals};
