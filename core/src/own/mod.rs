//! Cachescope's own folder: what is remembered between runs, never anything that a store needs.

mod probe;
mod state;

pub use state::StateDir;
pub(crate) use state::file_name_for;
