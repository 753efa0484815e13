//! Cachescope's two faces over the core: the command line and the window.

pub mod cli;
mod difference;
pub mod gui;
pub mod samples;
pub mod text;
