//! Cachescope's core: recognises, lists, decodes, checks and clears the caches that Python programs leave on disk.
//!
//! The modules stand in the order in which data passes through them; each uses those above it and none below.
#![warn(missing_docs)]

pub mod error;
pub mod model;

pub mod source;

pub mod own;

pub mod sqlite;

pub mod formats;

pub mod stores;

pub mod scan;

pub mod watch;

pub mod ops;

pub mod clear;

pub mod write;

pub mod jobs;

#[cfg(test)]
mod layers;

pub use error::{Error, Result};
