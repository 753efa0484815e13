//! Conditions as glyph and word.

use cachescope_core::model::Condition;

/// The glyph that stands for a condition wherever it shows; told apart without colour.
pub fn glyph(condition: Condition) -> &'static str {
    match condition {
        Condition::CallsCode => "▲",
        Condition::Corrupt => "✕",
        Condition::Incomplete => "◐",
        Condition::Orphan => "○",
        Condition::SourceGone => "∅",
        Condition::Stale => "≠",
        Condition::Expired => "◷",
        Condition::Unread => "·",
        Condition::Fresh => "●",
    }
}

/// The word beside it.
pub fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::CallsCode => "calls code",
        Condition::SourceGone => "source gone",
        other => other.name(),
    }
}
