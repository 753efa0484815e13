//! A `dbm.dumb` shelf: the values are copied behind the last one, then to the front, and the index changes in between.
//!
//! At every moment the index on the disk names places that hold the values: a crash leaves dead space, nothing else.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use xxhash_rust::xxh3::Xxh3;

use super::super::apply::Site;
use super::super::disk;
use super::super::dumb::{DATA, Files};
use super::super::quarantine::Shelf;
use super::{Gain, cannot, changed};
use crate::formats::dbm::dumb::{self, BLOCK_BYTES, Index, Place};
use crate::model::{Cancel, text};
use crate::{Error, Result};

/// Bytes copied at a time.
const STEP: usize = 1 << 20;

pub(super) fn predict(site: &Site, base: &OsStr) -> Result<Gain> {
    let files = Files {
        dir: &site.base,
        base,
    };
    let data = site
        .base
        .open_file(&files.named(DATA))
        .map_err(|e| fail(site, e))?;
    let text = files.index().map_err(|e| fail(site, e))?;
    let bytes_before = data.meta().size;
    let index = index_of(site, &text, bytes_before)?;
    Ok(Gain {
        bytes_before,
        bytes_after: packed_from(site, index.places(), 0)?.1.min(bytes_before),
    })
}

pub(super) fn compact(site: &Site, base: &OsStr, shelf: &Shelf, cancel: &Cancel) -> Result<Gain> {
    let files = Files {
        dir: &site.base,
        base,
    };
    let text = files.index().map_err(|e| fail(site, e))?;
    let data = disk::open_to_change(&site.base, &files.named(DATA)).map_err(|e| fail(site, e))?;
    let bytes_before = data.metadata().map_err(|e| fail(site, e))?.len();
    let index = index_of(site, &text, bytes_before)?;
    let (front, bytes_after) = packed_from(site, index.places(), 0)?;
    if bytes_after >= bytes_before {
        return Ok(Gain {
            bytes_before,
            bytes_after: bytes_before,
        });
    }
    let shelved = Moving {
        site,
        files,
        shelf,
        data: &data,
        index: &index,
        cancel,
    };
    let start = bytes_before.next_multiple_of(BLOCK_BYTES);
    let (behind, _) = packed_from(site, index.places(), start)?;
    let text = match shelved.step(&text, index.places(), &behind) {
        Ok(text) => text,
        Err(error) => {
            // The index still names the old places, so what was copied is nobody's.
            if files.index().is_ok_and(|now| now == text) {
                disk::truncate(&data, bytes_before).ok();
            }
            return Err(error);
        }
    };
    shelved.step(&text, &behind, &front)?;
    disk::truncate(&data, bytes_after)
        .and_then(|()| files.settle(&data))
        .and_then(|()| disk::sync_file(&data))
        .map_err(|e| fail(site, e))?;
    Ok(Gain {
        bytes_before,
        bytes_after,
    })
}

/// The index, if every line of it is one and names a place among the `n_bytes` of the file of values.
fn index_of(site: &Site, text: &[u8], n_bytes: u64) -> Result<Index> {
    let index = dumb::read(text);
    if index.n_bad > 0 || index.is_torn {
        return Err(cannot(
            "a line of its index cannot be read, so nobody knows which bytes are dead",
            &site.store.info.path,
        ));
    }
    let is_whole = |place: Place| {
        let end = place.offset.checked_add(place.len);
        end.is_some_and(|end| end <= n_bytes)
    };
    if let Some(slot) = index.slots().find(|slot| !is_whole(slot.place)) {
        let key = text::quoted(&text::from_bytes(&slot.key));
        return Err(cannot(
            format!("the value of {key} is cut off"),
            &site.store.info.path,
        ));
    }
    Ok(index)
}

/// The values in their order on the disk without gaps from `start` on, and where the last one ends.
///
/// # Errors
/// If no file could be as large: places may overlap, so that whole values may add up to more than there is.
fn packed_from(site: &Site, places: &[Place], start: u64) -> Result<(Vec<Place>, u64)> {
    let too_large = || {
        let why = "its index names more bytes than a file can hold";
        cannot(why, &site.store.info.path)
    };
    let mut packed = places.to_vec();
    let mut order: Vec<&mut Place> = packed.iter_mut().collect();
    order.sort_by_key(|place| place.offset);
    let (mut at, mut end) = (start, start);
    for place in order {
        place.offset = at;
        end = at.checked_add(place.len).ok_or_else(too_large)?;
        at = end
            .checked_next_multiple_of(BLOCK_BYTES)
            .ok_or_else(too_large)?;
    }
    Ok((packed, end))
}

struct Moving<'a> {
    site: &'a Site,
    files: Files<'a>,
    shelf: &'a Shelf,
    data: &'a File,
    index: &'a Index,
    cancel: &'a Cancel,
}

impl Moving<'_> {
    /// Copies all values, compares each, and makes the index, which is `text`, name the new places.
    fn step(&self, text: &[u8], from: &[Place], to: &[Place]) -> Result<Vec<u8>> {
        let fail = |e| fail(self.site, e);
        let mut sums = Vec::with_capacity(from.len());
        for (from, to) in from.iter().zip(to) {
            self.cancel.check()?;
            sums.push(self.copy(*from, *to).map_err(fail)?);
        }
        disk::sync_file(self.data).map_err(fail)?;
        for (place, sum) in to.iter().zip(sums) {
            if self.each_step(*place, |_, _| Ok(())).map_err(fail)? != sum {
                return Err(changed(self.site));
            }
        }
        let lines = self.index.slots().zip(to);
        let new: Vec<u8> = lines
            .flat_map(|(slot, place)| dumb::line_of(&slot.key, *place))
            .collect();
        let mut is_changed = false;
        self.files
            .change_index(self.shelf, true, |now| {
                is_changed = now != text;
                Ok((!is_changed).then(|| new.clone()))
            })
            .map_err(fail)?;
        if is_changed {
            return Err(changed(self.site));
        }
        Ok(new)
    }

    fn copy(&self, from: Place, to: Place) -> io::Result<u128> {
        self.each_step(from, |at, bytes| {
            disk::write_at(self.data, to.offset + at, bytes)
        })
    }

    /// Reads a value piece by piece, and returns its sum.
    fn each_step(
        &self,
        place: Place,
        mut each: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<u128> {
        let mut sum = Xxh3::new();
        let mut buffer = vec![0; STEP.min(usize::try_from(place.len).unwrap_or(STEP))];
        let mut done = 0;
        while done < place.len {
            let left = usize::try_from(place.len - done).unwrap_or(usize::MAX);
            let n = left.min(buffer.len());
            let piece = buffer.get_mut(..n).unwrap_or_default();
            disk::read_exact_at(self.data, piece, place.offset + done)?;
            sum.update(piece);
            each(done, piece)?;
            done += n as u64;
        }
        Ok(sum.digest128())
    }
}

fn fail(site: &Site, error: io::Error) -> Error {
    Error::io("Cannot compact the store", &site.store.info.path, error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests play the stranger")]

    use super::super::{Word, compact, predict};
    use crate::model::Cancel;

    #[test]
    fn values_that_reach_beyond_their_file_are_refused() {
        for (places, word) in [
            (["0, 9223372036854775808"; 3], "cut off"),
            (["0, 17"; 3], "cut off"),
            // On a file with a hole as large as the system takes it.
            (["0, 9223372036854775000"; 3], "than a file can hold"),
        ] {
            let temp = tempfile::tempdir().unwrap();
            let data = std::fs::File::create(temp.path().join("s.dat")).unwrap();
            let is_large = word != "cut off" && data.set_len(9_223_372_036_854_775_000).is_ok();
            if !is_large {
                data.set_len(16).unwrap();
            }
            let lines = ["a", "b", "c"].iter().zip(places);
            let lines: Vec<String> = lines
                .map(|(key, place)| format!("'{key}', ({place})\n"))
                .collect();
            std::fs::write(temp.path().join("s.dir"), lines.concat()).unwrap();
            let info = crate::stores::open_all(&temp.path().join("s"))
                .unwrap()
                .remove(0);
            let cancel = Cancel::default();
            for result in [
                predict(&info),
                compact(&info, Word::NoProgramUsesIt, &cancel),
            ] {
                let error = result.unwrap_err();
                let word = if is_large { word } else { "cut off" };
                assert!(
                    error.is_refused() && error.to_string().contains(word),
                    "{error}"
                );
            }
        }
    }
}
