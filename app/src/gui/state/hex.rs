//! The hex view's state: which bytes, the pages read of them, and where they end.

use std::collections::BTreeMap;

use cachescope_core::formats::Content;
use cachescope_core::jobs::{JobId, PAGE, Page};

use crate::gui::widgets::table::Scroll;

/// Bytes of one line.
pub(crate) const LINE: u64 = 16;
/// Pages that are kept; older ones are read again.
const KEPT: usize = 64;

/// Which bytes of an entry are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Layer {
    /// As they are stored.
    #[default]
    Stored,
    /// Behind their compression.
    Unpacked,
}

/// Pages of one layer.
#[derive(Default)]
pub(crate) struct Hex {
    pub(crate) layer: Layer,
    pages: BTreeMap<u64, Vec<u8>>,
    /// Length, where it is known.
    len: Option<u64>,
    /// The page on its way.
    pub(crate) job: Option<JobId>,
    /// Why the last page could not be read.
    pub(crate) failure: Option<String>,
    pub(crate) scroll: Scroll,
}

impl Hex {
    /// Starts at the front of a layer.
    pub(crate) fn new(layer: Layer, content: Option<&Content>) -> Self {
        Self {
            layer,
            len: content.and_then(Content::len),
            ..Self::default()
        }
    }

    /// Lines that are there, or may be.
    pub(crate) fn n_lines(&self) -> usize {
        let known = self.pages.last_key_value();
        // Behind compression the end shows only when it is reached: offer one page more than was read.
        let read = known.map_or(0, |(offset, bytes)| offset + bytes.len() as u64);
        let len = self.len.unwrap_or(read + PAGE as u64);
        usize::try_from(len.div_ceil(LINE)).unwrap_or(usize::MAX)
    }

    /// The bytes of a line; `None` if its page was not read yet.
    pub(crate) fn line(&self, line: usize) -> Option<&[u8]> {
        let offset = line as u64 * LINE;
        let page = self.pages.get(&page_of(offset))?;
        let start = usize::try_from(offset - page_of(offset)).ok()?;
        let end = page.len().min(start + usize::try_from(LINE).ok()?);
        Some(page.get(start..end).unwrap_or_default())
    }

    /// Where the page of a line begins.
    pub(crate) fn page_of_line(line: usize) -> u64 {
        page_of(line as u64 * LINE)
    }

    /// Takes a page in.
    pub(crate) fn insert(&mut self, page: Page) {
        if page.bytes.len() < PAGE {
            self.len = Some(page.offset + page.bytes.len() as u64);
        }
        if self.pages.len() >= KEPT {
            // The farthest page is the one least likely to be scrolled to next.
            let far = self
                .pages
                .keys()
                .copied()
                .max_by_key(|o| o.abs_diff(page.offset));
            far.and_then(|offset| self.pages.remove(&offset));
        }
        self.pages.insert(page.offset, page.bytes);
    }
}

fn page_of(offset: u64) -> u64 {
    offset - offset % PAGE as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(offset: u64, n: usize) -> Page {
        let bytes = vec![7; n];
        Page { offset, bytes }
    }

    #[test]
    fn the_end_of_packed_bytes_shows_when_it_is_reached() {
        let mut hex = Hex::default();
        assert_eq!(hex.n_lines(), PAGE / 16);
        hex.insert(page(0, PAGE));
        assert_eq!(hex.n_lines(), 2 * PAGE / 16);
        hex.insert(page(PAGE as u64, 17));
        assert_eq!(hex.n_lines(), PAGE / 16 + 2);
        assert_eq!(hex.line(PAGE / 16 + 1), Some(&[7][..]));
    }

    #[test]
    fn old_pages_make_room() {
        let mut hex = Hex::default();
        for n in 0..100 {
            hex.insert(page(n * PAGE as u64, PAGE));
        }
        assert_eq!(hex.pages.len(), KEPT);
        assert!(hex.line(0).is_none());
        assert!(hex.line(99 * PAGE / 16).is_some());
    }
}
