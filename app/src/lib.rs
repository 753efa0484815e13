//! Cachescope's two faces over the core: the command line and the window.

pub mod samples;
