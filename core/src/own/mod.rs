//! Cachescope's own folder: what is remembered between runs, never anything that a store needs.

mod state;

pub use state::StateDir;
