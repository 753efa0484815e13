//! What the system tests stand on.

pub(crate) mod dbm;
pub(crate) mod fixtures;
pub(crate) mod program;
pub(crate) mod python;
#[cfg(target_os = "linux")]
pub(crate) mod strace;
pub(crate) mod work;
