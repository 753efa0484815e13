//! What the system tests stand on.

pub(crate) mod dbm;
pub(crate) mod fixtures;
pub(crate) mod program;
pub(crate) mod python;
#[cfg(target_os = "linux")]
pub(crate) mod strace;
pub(crate) mod work;

/// True where CI runs: what a test needs must be there, and is not left out in silence.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}
