//! What a decoder may spend on bytes that a stranger wrote.

use std::time::Duration;

/// Bounds handed to every decoder; reaching one gives a partial result that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Decoded bytes that may be produced, in bytes.
    pub output_bytes: u64,
    /// Values that may be built.
    pub nodes: u32,
    /// Wall time that may pass.
    pub time: Duration,
}

impl Limits {
    /// One preview in the window: 64 MiB of output, one million nodes, two seconds.
    pub const PREVIEW: Self = Self {
        output_bytes: 64 << 20,
        nodes: 1_000_000,
        time: Duration::from_secs(2),
    };

    /// Checking an entry where nobody asked for all of it.
    pub const QUICK: Self = Self {
        output_bytes: 4 << 20,
        nodes: 50_000,
        time: Duration::from_millis(250),
    };

    /// Reading an entry to its end for a check: bounded by memory only through `nodes`.
    pub const DEEP: Self = Self {
        output_bytes: 1 << 40,
        nodes: 24_000_000,
        time: Duration::from_mins(10),
    };
}
