//! What only the whole can prove: the built program and the core against stores that real Python libraries write.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test fails by panicking, says why it skips, and prepares its own folders"
)]

mod backends;
#[cfg(target_os = "linux")]
mod budgets;
mod clear;
mod cli;
mod cli_clear;
mod cli_folders;
mod compact;
mod compare;
mod convert;
mod dbm_clear;
mod docs;
mod export;
#[cfg(target_os = "linux")]
mod faults;
mod gui;
#[cfg(target_os = "linux")]
mod half_made;
mod hostile;
mod https;
mod joblib;
#[cfg(target_os = "linux")]
mod kills;
mod own_files;
mod policies;
mod private_copies;
mod probe;
mod readonly;
mod rows;
mod samples;
mod save;
mod snippets;
mod sqlite_ladder;
mod staleness;
mod support;
mod swaps;
mod together;
mod watch;
mod whole_files;
