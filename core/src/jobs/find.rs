//! A run of bytes to the place where it stands next, for the hex view.

use std::io::Read as _;

use super::Outcome;
use super::context::Context;
use crate::formats::Content;
use crate::{Error, Result};

/// Bytes read at a time; whether to go on is asked in between.
const CHUNK: usize = 1 << 18;
/// Longer runs are not looked for.
const MAX_NEEDLE: usize = 1 << 12;

/// Where a run of bytes stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBytes {
    /// What was looked for.
    pub needle: Vec<u8>,
    /// Where it begins; `None` if it does not stand there or behind.
    pub offset: Option<u64>,
}

pub(super) fn run(content: &Content, needle: Vec<u8>, from: u64, context: &Context) -> Result<()> {
    let found = find(content, &needle, from, &mut || context.cancel.check());
    let offset = found?;
    context.report(Outcome::FoundBytes(FoundBytes { needle, offset }))
}

fn find(
    content: &Content,
    needle: &[u8],
    from: u64,
    go_on: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<u64>> {
    if needle.is_empty() || needle.len() > MAX_NEEDLE {
        return Ok(None);
    }
    let fail = |e| Error::of_bytes("Cannot search these bytes", &e);
    let mut reader = content.open(from).map_err(fail)?;
    let mut window = Vec::new();
    let mut start = from;
    loop {
        go_on()?;
        let n_before = window.len();
        let n_read = reader
            .by_ref()
            .take(CHUNK as u64)
            .read_to_end(&mut window)
            .map_err(fail)?;
        if let Some(at) = window.windows(needle.len()).position(|part| part == needle) {
            return Ok(Some(start.saturating_add(at as u64)));
        }
        if n_read == 0 {
            return Ok(None);
        }
        // The end may be the beginning of what is looked for.
        let kept = window.len().min(needle.len() - 1);
        let dropped = n_before + n_read - kept;
        window.drain(..dropped);
        start = start.saturating_add(dropped as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_over_the_edge_of_two_reads() {
        let mut bytes = vec![7; 2 * CHUNK + 100];
        bytes.splice(CHUNK - 2..CHUNK + 2, *b"abcd");
        let content = Content::of_bytes(bytes);
        let at = |needle: &[u8], from| find(&content, needle, from, &mut || Ok(())).unwrap();
        assert_eq!(at(b"abcd", 0), Some(CHUNK as u64 - 2));
        assert_eq!(at(b"abcd", CHUNK as u64 - 1), None);
        assert_eq!(at(b"bc", 5), Some(CHUNK as u64 - 1));
        assert_eq!(at(b"", 0), None);
    }
}
