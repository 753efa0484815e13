//! The hex view's state: which bytes, the pages read of them, and where they end.

use std::collections::BTreeMap;

use cachescope_core::formats::Content;
use cachescope_core::jobs::{FoundBytes, JobId, PAGE, Page};

use crate::gui::widgets::table::Scroll;

/// Bytes of one line, before it is known what fits.
const LINE: u64 = 16;
/// Pages that are kept; older ones are read again.
const KEPT: usize = 64;

/// Which bytes of an entry are shown: so many of its compressions are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Layer(pub(crate) usize);

/// A search through the bytes.
#[derive(Default)]
pub(crate) struct Search {
    /// As typed: text, or bytes in hex after `0x`.
    pub(crate) text: String,
    /// As typed: an offset, in hex after `0x`.
    pub(crate) offset: String,
    /// The job that looks.
    pub(crate) job: Option<JobId>,
    /// Where it stands, and how long it is.
    pub(crate) found: Option<(u64, u64)>,
    /// What came of it, in words.
    pub(crate) words: String,
}

impl Search {
    /// Says what came of it.
    pub(crate) fn say(&mut self, words: &str) {
        words.clone_into(&mut self.words);
    }

    /// The bytes that are looked for; `None` if they cannot be read.
    pub(crate) fn needle(&self) -> Option<Vec<u8>> {
        let Some(digits) = self.text.strip_prefix("0x") else {
            return Some(self.text.clone().into_bytes()).filter(|bytes| !bytes.is_empty());
        };
        let digits: Vec<u32> = digits
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()?;
        if digits.is_empty() || digits.len() % 2 == 1 {
            return None;
        }
        let byte = |pair: &[u32]| {
            let value = pair.iter().fold(0, |sum, digit| sum * 16 + digit);
            u8::try_from(value).ok()
        };
        digits.chunks(2).map(byte).collect()
    }

    /// The offset that was typed.
    pub(crate) fn target(&self) -> Option<u64> {
        let text = self.offset.trim();
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.replace(',', "").parse().ok(),
        }
    }
}

/// Pages of one layer.
pub(crate) struct Hex {
    pub(crate) layer: Layer,
    /// Bytes of one line.
    pub(crate) per_line: u64,
    pages: BTreeMap<u64, Vec<u8>>,
    /// Length, where it is known.
    len: Option<u64>,
    /// The farthest offset that is known to be there.
    reached: u64,
    /// The page on its way.
    pub(crate) job: Option<JobId>,
    /// Why the last page could not be read.
    pub(crate) failure: Option<String>,
    pub(crate) scroll: Scroll,
    pub(crate) search: Search,
}

impl Default for Hex {
    fn default() -> Self {
        Self {
            layer: Layer::default(),
            per_line: LINE,
            pages: BTreeMap::new(),
            len: None,
            reached: 0,
            job: None,
            failure: None,
            scroll: Scroll::default(),
            search: Search::default(),
        }
    }
}

impl Hex {
    /// Makes lines of so many bytes; what stands on top of the screen stays there.
    pub(crate) fn fit(&mut self, per_line: u64) {
        if self.per_line != per_line {
            let first = self.scroll.first_line();
            let offset = first as u64 * self.per_line;
            self.per_line = per_line;
            self.scroll.shift_lines(self.line_of(offset), first);
        }
    }

    fn line_of(&self, offset: u64) -> usize {
        usize::try_from(offset / self.per_line).unwrap_or(usize::MAX)
    }

    /// Starts at the front of a layer.
    pub(crate) fn new(layer: Layer, content: Option<&Content>) -> Self {
        Self {
            layer,
            len: content.and_then(Content::len),
            ..Self::default()
        }
    }

    /// Brings an offset on screen.
    pub(crate) fn go_to(&mut self, offset: u64) {
        self.scroll.show_line(self.line_of(offset));
        self.reached = self.reached.max(offset);
    }

    /// Brings the byte at an offset on screen and marks it.
    pub(crate) fn mark(&mut self, offset: u64) {
        if let Some(len) = self.len.filter(|len| offset >= *len) {
            self.search.found = None;
            let last = len.saturating_sub(1);
            return self
                .search
                .say(&format!("The last byte is at {last} (0x{last:x})"));
        }
        self.search.found = Some((offset, 1));
        self.search.say(&format!("at {offset} (0x{offset:x})"));
        self.go_to(offset);
    }

    /// Takes in what a search found.
    pub(crate) fn searched(&mut self, found: &FoundBytes) {
        match found.offset {
            Some(offset) => {
                self.search.found = Some((offset, found.needle.len() as u64));
                self.search.words = format!("at {offset} (0x{offset:x})");
                self.go_to(offset);
            }
            None if self.search.found.take().is_some() => {
                self.search
                    .say("No more; the next search begins at the front");
            }
            None => self.search.say("Not found"),
        }
    }

    /// Lines that are there, or may be.
    pub(crate) fn n_lines(&self) -> usize {
        let known = self.pages.last_key_value();
        // Behind compression the end shows only when it is reached: offer one page more than was read.
        let read = known.map_or(0, |(offset, bytes)| offset + bytes.len() as u64);
        let read = read.max(self.reached);
        let len = self.len.unwrap_or(read + PAGE as u64);
        usize::try_from(len.div_ceil(self.per_line)).unwrap_or(usize::MAX)
    }

    /// The bytes of a line; `None` if its page was not read yet.
    pub(crate) fn line(&self, line: usize) -> Option<&[u8]> {
        let offset = line as u64 * self.per_line;
        let page = self.pages.get(&page_of(offset))?;
        let start = usize::try_from(offset - page_of(offset)).ok()?;
        let end = page.len().min(start + usize::try_from(self.per_line).ok()?);
        Some(page.get(start..end).unwrap_or_default())
    }

    /// Where the page of a line begins.
    pub(crate) fn page_of_line(&self, line: usize) -> u64 {
        page_of(line as u64 * self.per_line)
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
    fn short_lines_keep_their_place() {
        let mut hex = Hex::default();
        hex.insert(page(0, 160));
        hex.scroll.shift_lines(3, 0);
        hex.fit(8);
        assert_eq!((hex.n_lines(), hex.scroll.first_line()), (20, 6));
        assert_eq!(hex.line(19).map(<[u8]>::len), Some(8));
        hex.fit(16);
        assert_eq!((hex.n_lines(), hex.scroll.first_line()), (10, 3));
    }

    #[test]
    fn a_search_is_text_or_bytes_in_hex() {
        let needle = |text: &str| {
            let text = text.to_owned();
            Search {
                text,
                ..Search::default()
            }
            .needle()
        };
        assert_eq!(needle("def"), Some(b"def".to_vec()));
        assert_eq!(needle("0x80 04"), Some(vec![0x80, 4]));
        assert_eq!(needle("0x8"), None);
        assert_eq!(needle("0xzz"), None);
        assert_eq!(needle(""), None);
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
