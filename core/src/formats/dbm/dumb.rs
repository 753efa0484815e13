//! `dbm.dumb`'s index: lines of Python text that say where each key's value lies in the data file.
//!
//! A line is the `repr` of the key, a comma, and two integers in parentheses (`Lib/dbm/dumb.py: _commit`,
//! CPython 3.13; `Lib/dumbdbm.py` of 2.7 writes the same). The key's characters are its bytes in Latin-1.
//! Read by a grammar of our own; what Python would evaluate beyond it is a problem of that line.

mod edit;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::formats::{Problem, ProblemKind};

pub use edit::{line_of, without};

/// Values begin at multiples of this (`dumb.py: _BLOCKSIZE`).
pub const BLOCK_BYTES: u64 = 512;

/// Problems told one by one; a file that is no index at all has one in every line.
const PROBLEMS: usize = 20;

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Offset in the data file, in bytes.
    pub offset: u64,
    /// Length, in bytes.
    pub len: u64,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The key's bytes.
    pub key: Cow<'a, [u8]>,
    /// Where its value lies.
    pub place: Place,
}

/// An index as it was read, in columns: a hostile one has a key in every 12 bytes.
#[derive(Debug, Default)]
pub struct Index {
    /// The keys one behind the other, and where each ends.
    keys: Vec<u8>,
    ends: Vec<u32>,
    places: Vec<Place>,
    /// Numbers of the keys, by their hashes.
    table: HashTable<u32>,
    hasher: RandomState,
    /// Lines that are none.
    pub problems: Vec<Problem>,
    /// Number of lines that are none.
    pub n_bad: usize,
    /// True if the last line has no end: it was being written, or its writer was killed.
    pub is_torn: bool,
}

impl Index {
    /// For each key the number of the one on whose bytes its value lies; its own number where it lies on nobody's.
    ///
    /// No two values that Python wrote meet: it gives each blocks of its own, and one that outgrows them new ones
    /// (`dumb.py: __setitem__`). Of those that do as many as can be are taken to be right, so that one wrong length
    /// speaks against no other key. These have no byte in common.
    pub fn overlaps(&self) -> Vec<u32> {
        let span = |n: &u32| {
            let place = self.places.get(*n as usize);
            place.map_or((0, 0), |p| (p.offset, p.offset.saturating_add(p.len)))
        };
        let mut found: Vec<u32> = (0..).take(self.places.len()).collect();
        let mut by_end = found.clone();
        by_end.sort_unstable_by_key(|n| {
            let (start, end) = span(n);
            (end, Reverse(start), *n)
        });
        let mut right: Option<(u64, u32)> = None;
        for n in by_end {
            let (start, end) = span(&n);
            match right {
                _ if start == end => {}
                Some((taken, other)) if start < taken => {
                    if let Some(found) = found.get_mut(n as usize) {
                        *found = other;
                    }
                }
                _ => right = Some((end, n)),
            }
        }
        found
    }

    /// The number of a key, in the order of [`Index::slots`]; `None` if it is not there.
    pub fn number(&self, key: &[u8]) -> Option<u32> {
        let is_it = |n: &u32| self.key(*n) == key;
        let found = self.table.find(self.hasher.hash_one(key), is_it);
        found.copied()
    }

    /// The key of a number; empty where there is none.
    pub fn key(&self, n: u32) -> &[u8] {
        key_at(&self.keys, &self.ends, n)
    }

    /// Where the value of a key lies; `None` if it is not there.
    pub fn place(&self, key: &[u8]) -> Option<Place> {
        let n = self.number(key)?;
        self.places.get(n as usize).copied()
    }

    /// Each key once, with its last line's place, in the order in which keys first appear.
    pub fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        (0..).zip(&self.places).map(|(n, place)| Slot {
            key: self.key(n).into(),
            place: *place,
        })
    }

    /// Where the values lie, in the order of [`Index::slots`].
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Adds a key, or gives it a new place; false if there is no room for it.
    fn put(&mut self, slot: &Slot<'_>) -> bool {
        let (Ok(n), Ok(end)) = (
            u32::try_from(self.places.len()),
            u32::try_from(self.keys.len() + slot.key.len()),
        ) else {
            return false;
        };
        let (keys, ends, hasher) = (&self.keys, &self.ends, &self.hasher);
        let key = |n: &u32| key_at(keys, ends, *n);
        let entry = self.table.entry(
            hasher.hash_one(&*slot.key),
            |n| key(n) == &*slot.key,
            |n| hasher.hash_one(key(n)),
        );
        match entry {
            Entry::Occupied(there) => {
                if let Some(place) = self.places.get_mut(*there.get() as usize) {
                    *place = slot.place;
                }
            }
            Entry::Vacant(free) => {
                free.insert(n);
                self.keys.extend_from_slice(&slot.key);
                self.ends.push(end);
                self.places.push(slot.place);
            }
        }
        true
    }
}

/// The key of this number.
fn key_at<'a>(keys: &'a [u8], ends: &[u32], n: u32) -> &'a [u8] {
    let n = n as usize;
    let start = n.checked_sub(1).map_or(Some(&0), |before| ends.get(before));
    match (start, ends.get(n)) {
        (Some(start), Some(end)) => keys.get(*start as usize..*end as usize).unwrap_or_default(),
        _ => &[],
    }
}

/// A line of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it stands in the text, its end of line included.
    pub range: Range<usize>,
    /// What it says; `None` if it is no line of an index.
    pub slot: Option<Slot<'a>>,
}

/// True if the text begins as an index does, or is empty (`dbm/__init__.py: whichdb`).
pub fn is_likely(head: &[u8]) -> bool {
    match head.first() {
        None => true,
        Some(b'\'' | b'"') => match head.iter().position(|b| *b == b'\n') {
            Some(end) => head.get(..end).and_then(slot).is_some(),
            // A first key longer than the head.
            None => true,
        },
        Some(_) => false,
    }
}

/// The lines of an index, in order.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let len = rest
            .iter()
            .position(|b| *b == b'\n')
            .map_or(rest.len(), |end| end + 1);
        let range = start..start + len;
        start = range.end;
        let content = rest.get(..len)?;
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        Some(Line {
            range,
            slot: slot(content),
        })
    })
}

/// Reads an index of less than 4 GiB.
pub fn read(text: &[u8]) -> Index {
    let mut index = Index::default();
    for line in lines(text) {
        let is_last = line.range.end == text.len();
        if line.slot.is_some_and(|slot| index.put(&slot)) {
            continue;
        }
        if is_last && text.last() != Some(&b'\n') {
            index.is_torn = true;
            continue;
        }
        index.n_bad += 1;
        if index.problems.len() < PROBLEMS {
            let message = "a line is not a quoted key, a comma and two numbers in parentheses";
            let offset = line.range.start as u64;
            index
                .problems
                .push(Problem::new(ProblemKind::Damaged, offset, message));
        }
    }
    index
}

/// `'key', (offset, len)`.
fn slot(line: &[u8]) -> Option<Slot<'_>> {
    let (key, rest) = literal(line)?;
    let rest = rest.trim_ascii_start().strip_prefix(b",")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"(")?;
    let (offset, rest) = number(rest)?;
    let rest = rest.trim_ascii_start().strip_prefix(b",")?;
    let (len, rest) = number(rest)?;
    let rest = rest.trim_ascii_start().strip_prefix(b")")?;
    let is_whole = rest.trim_ascii().is_empty() && offset.checked_add(len).is_some();
    let place = Place { offset, len };
    is_whole.then_some(Slot { key, place })
}

/// A string literal on one line: each character is one byte.
fn literal(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let (quote, body) = text
        .split_first()
        .filter(|(q, _)| matches!(q, b'\'' | b'"'))?;
    let n_plain = body.iter().position(|b| b == quote || *b == b'\\')?;
    let (plain, mut rest) = body.split_at_checked(n_plain)?;
    if let Some(rest) = rest.strip_prefix(&[*quote]) {
        return Some((plain.into(), rest));
    }
    let mut key = plain.to_vec();
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        if byte == quote {
            return Some((key.into(), rest));
        }
        if *byte != b'\\' {
            key.push(*byte);
            continue;
        }
        let (escape, behind) = rest.split_first()?;
        rest = behind;
        match escape {
            b'n' => key.push(b'\n'),
            b'r' => key.push(b'\r'),
            b't' => key.push(b'\t'),
            b'x' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                let digits = std::str::from_utf8(digits).ok()?;
                // `from_str_radix` would take a sign.
                let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
                key.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
            }
            b'\\' | b'\'' | b'"' => key.push(*escape),
            // `repr` writes no other escape.
            _ => return None,
        }
    }
}

/// Decimal digits; Python 2 may write an `L` behind.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.trim_ascii_start();
    let n = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(n)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest.strip_prefix(b"L").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[u8], expected: Option<(&[u8], u64, u64)>) {
        let expected = expected.map(|(key, offset, len)| Slot {
            key: key.into(),
            place: Place { offset, len },
        });
        assert_eq!(slot(line), expected, "{}", line.escape_ascii());
    }

    #[test]
    fn lines_that_python_writes_are_read() {
        // dbm.dumb of CPython 3.13 and dumbdbm of 2.7
        check(b"'plain', (0, 3)", Some((b"plain", 0, 3)));
        check(b"\"it's\", (512, 5)", Some((b"it's", 512, 5)));
        check(b"'say \"hi\"', (1024, 0)", Some((b"say \"hi\"", 1024, 0)));
        check(b"'a\\'b\"c', (0, 1)", Some((b"a'b\"c", 0, 1)));
        check(b"'caf\xc3\xa9', (0, 3)", Some(("café".as_bytes(), 0, 3)));
        check(
            b"'\\x00\\x80\\xff\\t\\n\\r\\\\', (0, 3L)",
            Some((b"\0\x80\xff\t\n\r\\", 0, 3)),
        );
        check(b"'', (0, 3)", Some((b"", 0, 3)));
    }

    #[test]
    fn lines_that_python_would_evaluate_or_fail_on_are_refused() {
        for line in [
            &b""[..],
            b"'a'",
            b"'a', (0)",
            b"'a', (0, 1",
            b"'a', (0, 1) + x",
            b"'a', (-1, 1)",
            b"'a', (0x10, 1)",
            b"'a', (99999999999999999999, 1)",
            b"'a', (18446744073709551615, 1)",
            b"'a\\u0041', (0, 1)",
            b"'a\\x+1', (0, 1)",
            b"'a\\x4', (0, 1)",
            b"b'a', (0, 1)",
            b"__import__('os').system('x'), (0, 1)",
            b"'a' 'b', (0, 1)",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn later_lines_win_and_a_torn_last_line_is_no_damage() {
        let index = read(b"'a', (0, 1)\n'b', (512, 2)\n\n'a', (1024, 3)\n'c', (20");
        let place = |offset, len| Place { offset, len };
        let slot = |key: &'static [u8], place| Slot {
            key: key.into(),
            place,
        };
        let found: Vec<_> = index.slots().collect();
        let (a, b) = (place(1024, 3), place(512, 2));
        assert_eq!(found, [slot(b"a", a), slot(b"b", b)]);
        assert_eq!(
            [&b"a"[..], b"b", b"c", b""].map(|key| index.place(key)),
            [Some(a), Some(b), None, None]
        );
        assert!(index.is_torn);
        assert_eq!((index.n_bad, index.problems.len()), (1, 1));
        assert_eq!(index.problems.first().map(|p| p.offset), Some(26));
    }

    #[test]
    fn values_on_bytes_of_others_are_told() {
        let index = read(
            b"'a', (512, 100)\n'b', (0, 6000)\n'c', (512, 100)\n'd', (1024, 5)\n'e', (1024, 0)\n'f', (590, 100)\n",
        );
        // 'a' ends first, and 'b' reaches beyond 'd'.
        let expected = [0, 3, 0, 3, 4, 0];
        assert_eq!(index.overlaps(), expected);
    }

    #[test]
    fn an_index_is_told_from_gdbms_pair() {
        assert!(is_likely(b"") && is_likely(b"'a', (0, 1)\n") && is_likely(b"'a"));
        assert!(!is_likely(b"GDBM\0\0\0\x01") && !is_likely(b"'a', oops\n"));
    }
}
