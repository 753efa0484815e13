//! Conditions as glyph and word, as everywhere.

pub(crate) use crate::text::condition::{glyph, word};
