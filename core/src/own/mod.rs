//! Cachescope's own folder: what is remembered between runs, never anything that a store needs.

mod earned;
mod month;
mod page;
mod probe;
mod state;

pub(crate) use earned::Book;
pub use earned::{Earned, History, day_of};
pub use state::StateDir;
