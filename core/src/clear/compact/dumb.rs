//! A `dbm.dumb` shelf: the values are copied behind the last one, then to the front, and the index changes in between.
//!
//! At every moment the index on the disk names places that hold the values: a crash leaves dead space, nothing else.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use xxhash_rust::xxh3::Xxh3;

use super::super::apply::Site;
use super::super::disk;
use super::super::dumb::{DATA, Files};
use super::super::quarantine::Shelf;
use super::{Gain, cannot, changed};
use crate::formats::dbm::dumb::{self, BLOCK_BYTES, Index, Slot};
use crate::scan::Cancel;
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
    let index = index_of(site, &files.index().map_err(|e| fail(site, e))?)?;
    Ok(Gain {
        bytes_before: data.meta().size,
        bytes_after: packed_from(&index.slots, 0).1.min(data.meta().size),
    })
}

pub(super) fn compact(site: &Site, base: &OsStr, shelf: &Shelf, cancel: &Cancel) -> Result<Gain> {
    let files = Files {
        dir: &site.base,
        base,
    };
    let text = files.index().map_err(|e| fail(site, e))?;
    let slots = index_of(site, &text)?.slots;
    let data = disk::open_to_change(&site.base, &files.named(DATA)).map_err(|e| fail(site, e))?;
    let bytes_before = data.metadata().map_err(|e| fail(site, e))?.len();
    if let Some(slot) = slots
        .iter()
        .find(|slot| slot.offset + slot.len > bytes_before)
    {
        let key = crate::model::text::from_bytes(&slot.key).into_owned();
        let key = crate::model::text::shown(&key);
        return Err(cannot(
            format!("the value of \"{key}\" is cut off"),
            &site.store.info.path,
        ));
    }
    let (front, bytes_after) = packed_from(&slots, 0);
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
        cancel,
    };
    let (behind, _) = packed_from(&slots, bytes_before.next_multiple_of(BLOCK_BYTES));
    let text = match shelved.step(&text, &slots, &behind) {
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

/// The index, if every line of it is one.
fn index_of(site: &Site, text: &[u8]) -> Result<Index> {
    let index = dumb::read(text);
    if index.n_bad > 0 || index.is_torn {
        return Err(cannot(
            "a line of its index cannot be read, so nobody knows which bytes are dead",
            &site.store.info.path,
        ));
    }
    Ok(index)
}

/// The values in their order on the disk without gaps from `start` on, and where the last one ends.
fn packed_from(slots: &[Slot], start: u64) -> (Vec<Slot>, u64) {
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_by_key(|n| slots.get(*n).map(|slot| slot.offset));
    let mut packed = slots.to_vec();
    let (mut at, mut end) = (start, start);
    for n in order {
        if let Some(slot) = packed.get_mut(n) {
            slot.offset = at;
            end = at + slot.len;
            at = end.next_multiple_of(BLOCK_BYTES);
        }
    }
    (packed, end)
}

struct Moving<'a> {
    site: &'a Site,
    files: Files<'a>,
    shelf: &'a Shelf,
    data: &'a File,
    cancel: &'a Cancel,
}

impl Moving<'_> {
    /// Copies all values, compares each, and makes the index, which is `text`, name the new places.
    fn step(&self, text: &[u8], from: &[Slot], to: &[Slot]) -> Result<Vec<u8>> {
        let fail = |e| fail(self.site, e);
        let mut sums = Vec::with_capacity(from.len());
        for (from, to) in from.iter().zip(to) {
            self.cancel.check()?;
            sums.push(self.copy(from, to).map_err(fail)?);
        }
        disk::sync_file(self.data).map_err(fail)?;
        for (slot, sum) in to.iter().zip(sums) {
            if self.each_step(slot, |_, _| Ok(())).map_err(fail)? != sum {
                return Err(changed(self.site));
            }
        }
        let new: Vec<u8> = to.iter().flat_map(dumb::line_of).collect();
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

    fn copy(&self, from: &Slot, to: &Slot) -> io::Result<u128> {
        self.each_step(from, |at, bytes| {
            disk::write_at(self.data, to.offset + at, bytes)
        })
    }

    /// Reads a value piece by piece, and returns its sum.
    fn each_step(
        &self,
        slot: &Slot,
        mut each: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<u128> {
        let mut sum = Xxh3::new();
        let mut buffer = vec![0; STEP.min(usize::try_from(slot.len).unwrap_or(STEP))];
        let mut done = 0;
        while done < slot.len {
            let left = usize::try_from(slot.len - done).unwrap_or(usize::MAX);
            let n = left.min(buffer.len());
            let piece = buffer.get_mut(..n).unwrap_or_default();
            self.data.read_exact_at(piece, slot.offset + done)?;
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
