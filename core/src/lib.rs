//! Cachescope's core: recognises, lists, decodes, checks and clears the caches that Python programs leave on disk.
//!
//! The modules stand in the order in which data passes through them.
#![warn(missing_docs)]

pub mod error;
pub mod model;

pub mod source;

pub mod sqlite;

pub mod formats;

pub mod stores;

pub mod scan;

pub mod watch;

pub mod ops;

pub mod own;

pub mod clear;

pub mod write;

pub mod jobs;

pub use error::{Error, Result};
