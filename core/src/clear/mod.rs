//! Command to disk: plans, the quarantine, undo. The only code that changes a store.

/// Name of the folder that holds what was moved aside; it lies beside a store and is never listed as one.
pub const QUARANTINE: &str = ".cachescope-quarantine";
