//! A page of a value's bytes, for the hex view.

use super::Outcome;
use super::context::Context;
use crate::formats::Content;
use crate::{Error, Result};

/// Bytes of one page.
pub const PAGE: usize = 1 << 16;

/// A page of bytes.
#[derive(Debug)]
pub struct Page {
    /// Where it begins.
    pub offset: u64,
    /// Up to [`PAGE`] bytes; fewer at the end.
    pub bytes: Vec<u8>,
}

pub(super) fn run(content: &Content, offset: u64, context: &Context) -> Result<()> {
    let mut bytes = vec![0; PAGE];
    let n = content
        .read_at(offset, &mut bytes)
        .map_err(|e| Error::of_bytes("Cannot read these bytes", &e))?;
    bytes.truncate(n);
    context.report(Outcome::Bytes(Page { offset, bytes }))
}
