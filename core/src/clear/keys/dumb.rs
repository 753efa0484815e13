//! `dbm.dumb` shelves: lines of the index go and come; the file of values only ever grows.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;

use super::super::disk;
use super::super::dumb::{DATA, Files};
use super::super::quarantine::Shelf;
use super::{Coming, For, Found, Insert, Keys, Leaving};
use crate::formats::dbm::dumb::{self, BLOCK_BYTES, Index, Place};
use crate::source::{Dir, ReadAt as _};
use crate::{Error, Result};

pub(super) struct Dumb<'s> {
    dir: Dir,
    base: OsString,
    shelf: Option<&'s Shelf>,
    is_unused: bool,
    /// The index as it was last read.
    index: Option<Index>,
}

impl<'s> Dumb<'s> {
    pub(super) fn new(dir: Dir, base: OsString, purpose: For<'s>) -> Self {
        let (shelf, is_unused) = match purpose {
            For::Looking => (None, false),
            For::Changing { shelf, is_unused } => (shelf, is_unused),
        };
        Self {
            dir,
            base,
            shelf,
            is_unused,
            index: None,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join(&self.base)
    }

    fn files(&self) -> Files<'_> {
        Files {
            dir: &self.dir,
            base: &self.base,
        }
    }

    fn fail(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::ResourceBusy => Error::refused(
                "The shelf is not changed",
                "a program is at work on it: its values and its index do not belong together yet",
            )
            .at(&self.path()),
            _ => Error::io("Cannot change the shelf", &self.path(), error),
        }
    }

    fn index(&mut self) -> Result<&Index> {
        if self.index.is_none() {
            let text = self.files().index().map_err(|e| self.fail(e))?;
            self.index =
                Some(checked(dumb::read(&text)).map_err(|why| {
                    Error::refused("The shelf is not changed", why).at(&self.path())
                })?);
        }
        self.index
            .as_ref()
            .ok_or_else(|| self.fail(io::ErrorKind::NotFound.into()))
    }

    /// The bytes at a place in the file of values.
    fn bytes(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let data = self.dir.open_file(&self.files().named(DATA))?;
        let there = data.len().saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(len.min(there)).map_err(io::Error::other)?];
        let n = data.read_full_at(offset, &mut bytes)?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// Which of the keys still stand and hold what was saved of them.
    fn still(&self, index: &Index, keys: &[Leaving<'_>]) -> io::Result<Vec<bool>> {
        let is_still = |leaving: &Leaving<'_>| {
            if index.place(leaving.key).map(found).as_ref() != Some(leaving.found) {
                return Ok(false);
            }
            let saved = leaving.value.map(|saved| {
                let now = self.bytes(leaving.found.at, leaving.found.len)?;
                Ok(now == saved)
            });
            saved.unwrap_or(Ok(true))
        };
        keys.iter().map(is_still).collect()
    }

    /// The line that brings a key back; `None` if it is there.
    ///
    /// The old place is good as long as the value lies there untouched: the library never uses space again.
    fn line_of(
        &self,
        index: &Index,
        taken: &BTreeMap<u64, u64>,
        coming: &Coming<'_>,
    ) -> io::Result<Option<Vec<u8>>> {
        if index.place(coming.key).is_some() {
            return Ok(None);
        }
        let len = coming.value.len() as u64;
        let old = u64::try_from(coming.mark).unwrap_or(u64::MAX);
        let before = taken.range(..end_of(old, len)).next_back();
        let is_free = before.is_none_or(|(_, end)| *end <= old);
        let is_untouched = is_free && self.bytes(old, len).is_ok_and(|now| now == coming.value);
        let offset = if is_untouched {
            old
        } else {
            self.append(coming.value)?
        };
        Ok(Some(dumb::line_of(coming.key, Place { offset, len })))
    }

    fn all_fail<T>(&self, n: usize, error: &io::Error) -> Vec<Result<T>> {
        let again = || io::Error::new(error.kind(), error.to_string());
        (0..n).map(|_| Err(self.fail(again()))).collect()
    }

    /// The value behind the last one; returns where it lies.
    fn append(&self, value: &[u8]) -> io::Result<u64> {
        let name = self.files().named(DATA);
        let file = disk::open_existing(&self.dir, &name)?;
        let start = file.metadata()?.len();
        let offset = start.next_multiple_of(BLOCK_BYTES);
        let padding = vec![0; usize::try_from(offset - start).map_err(io::Error::other)?];
        disk::append(&file, &[&padding, value].concat())?;
        disk::sync_file(&file)?;
        // A program that adds a value at this moment may have been first, or may have written over ours.
        if file.metadata()?.len() != offset + value.len() as u64
            || self.bytes(offset, value.len() as u64)? != value
        {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        Ok(offset)
    }
}

impl Keys for Dumb<'_> {
    fn find(&mut self, key: &[u8]) -> Result<Option<Found>> {
        Ok(self.index()?.place(key).map(found))
    }

    fn value(&mut self, _key: &[u8], found: &Found) -> Result<Vec<u8>> {
        self.bytes(found.at, found.len).map_err(|e| self.fail(e))
    }

    fn remove(&mut self, keys: &[Leaving<'_>]) -> Vec<Result<bool>> {
        self.index = None;
        let mut outcomes = vec![false; keys.len()];
        let changed = match self.shelf {
            None => Err(io::ErrorKind::Unsupported.into()),
            Some(shelf) => self.files().change_index(shelf, self.is_unused, |text| {
                let index = checked(dumb::read(text)).map_err(io::Error::other)?;
                outcomes = self.still(&index, keys)?;
                let leaving = keys
                    .iter()
                    .zip(&outcomes)
                    .filter(|(_, is_still)| **is_still);
                let gone: HashSet<&[u8]> = leaving.map(|(leaving, _)| leaving.key).collect();
                Ok((!gone.is_empty()).then(|| dumb::without(text, |key| gone.contains(key))))
            }),
        };
        match changed {
            Ok(()) => outcomes.into_iter().map(Ok).collect(),
            Err(e) => self.all_fail(keys.len(), &e),
        }
    }

    fn insert(&mut self, keys: &[Coming<'_>]) -> Vec<Result<Insert>> {
        self.index = None;
        let mut outcomes: Vec<io::Result<Insert>> = Vec::new();
        let changed = match self.shelf {
            None => Err(io::ErrorKind::Unsupported.into()),
            Some(shelf) => self.files().change_index(shelf, self.is_unused, |text| {
                let index = checked(dumb::read(text)).map_err(io::Error::other)?;
                outcomes.clear();
                let places = index.places().iter();
                let taken: BTreeMap<u64, u64> = places
                    .map(|place| (place.offset, end_of(place.offset, place.len)))
                    .collect();
                let mut new = text.to_vec();
                for coming in keys {
                    let line = self.line_of(&index, &taken, coming);
                    outcomes.push(line.map(|line| match line {
                        Some(line) => {
                            new.extend(line);
                            Insert::Done
                        }
                        None => Insert::IsThere,
                    }));
                }
                Ok((new.len() > text.len()).then_some(new))
            }),
        };
        match changed {
            Ok(()) => outcomes
                .into_iter()
                .map(|o| o.map_err(|e| self.fail(e)))
                .collect(),
            Err(e) => self.all_fail(keys.len(), &e),
        }
    }

    /// Every change is on the disk before it is told of.
    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}

fn found(place: Place) -> Found {
    Found {
        at: place.offset,
        len: place.len,
        mark: i64::try_from(place.offset).unwrap_or(-1),
    }
}

/// An index in which no line is hidden.
fn checked(index: Index) -> std::result::Result<Index, &'static str> {
    if index.is_torn {
        return Err("a program is writing the last line of its index, or was stopped while it did");
    }
    if index.n_bad > 0 {
        return Err("a line of its index cannot be read, and Python cannot open it either");
    }
    Ok(index)
}

/// Where the blocks of a value end.
fn end_of(offset: u64, len: u64) -> u64 {
    let blocks = len.div_ceil(BLOCK_BYTES).max(1);
    offset.saturating_add(blocks.saturating_mul(BLOCK_BYTES))
}
