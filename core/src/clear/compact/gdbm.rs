//! A gdbm file: every key is stored into a new file of the same form, compared, and the two trade their names.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;

use gdbm_native::{BlockSize, CharSign, Endian, Layout, OpenOptions};
use xxhash_rust::xxh3::xxh3_128;

use super::super::apply::Site;
use super::super::dbm_file::DbmFile;
use super::super::disk;
use super::super::quarantine::{SCRAP, Shelf};
use super::{Gain, cannot};
use crate::formats::Problem;
use crate::formats::dbm::gdbm::{self, Form};
use crate::formats::dbm::{Extent, Item, Sink, Stop};
use crate::scan::Cancel;
use crate::source::ReadAt;
use crate::{Error, Result};

/// Header and directory of a new file, one block each.
const FIRST_BLOCKS: u64 = 2;
/// Buckets of a new file are split when they are full, and are then half full: about 0.7 of their room is used.
const FILL: f64 = 0.7;

pub(super) fn predict(site: &Site, name: &OsStr) -> Result<Gain> {
    let fail = |e| Error::io("Cannot read the file", &site.store.info.path, e);
    let file = site.base.open_file(name).map_err(fail)?;
    let stopped = |stop| match stop {
        Stop::Io(e) => fail(e),
        Stop::Damaged(problem) => cannot(problem.to_string(), site),
    };
    let form = gdbm::form(&file).map_err(stopped)?;
    let items = list(&file, site, &Cancel::default())?;
    let block = u64::from(form.block_bytes);
    let live: u64 = items
        .iter()
        .map(|(key, value)| key.len() as u64 + value.len())
        .sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate of a number of blocks"
    )]
    let buckets = (items.len() as f64 / (f64::from(form.bucket_slots) * FILL))
        .ceil()
        .max(1.0) as u64;
    let after = (FIRST_BLOCKS + buckets) * block + live.next_multiple_of(block);
    let bytes_before = file.meta().size;
    Ok(Gain {
        bytes_before,
        bytes_after: after.min(bytes_before),
    })
}

pub(super) fn compact(site: &Site, name: &OsStr, shelf: &Shelf, cancel: &Cancel) -> Result<Gain> {
    let old = DbmFile::open(&site.base, name)?;
    old.lock()?;
    let stopped = |stop| old.stopped(stop);
    let form = gdbm::form(&old).map_err(stopped)?;
    let items = list(&old, site, cancel)?;
    let sums = rewrite(site, &old, &form, &items, shelf, cancel)?;
    let new = DbmFile::open(&shelf.dir, SCRAP.as_ref())?;
    if let Some(n) = form.n_changes {
        let patch = gdbm::set_count(&new, n.wrapping_add(1)).map_err(stopped)?;
        new.write(&[patch])?;
    }
    compare(site, &new, &sums, cancel)?;
    let gain = Gain {
        bytes_before: old.len(),
        bytes_after: new.len(),
    };
    if gain.bytes() == 0 {
        return Ok(Gain {
            bytes_after: gain.bytes_before,
            ..gain
        });
    }
    // A program that opens it from now on finds a file that is locked until this function ends.
    new.lock()?;
    let fail = |e| old.fail(e);
    disk::take_after(new.file(), &site.base, name).map_err(fail)?;
    new.sync()?;
    swap(site, name, shelf).map_err(fail)?;
    // One that had opened it before the swap, and waits for the lock, would write into the old file.
    if !old.holders()?.is_empty() {
        swap(site, name, shelf).map_err(fail)?;
        return Err(super::changed(site));
    }
    disk::sync_dir(&site.base).map_err(fail)?;
    Ok(gain)
}

type Items = BTreeMap<Vec<u8>, Extent>;

/// Every key; none may be hidden by damage.
fn list(reader: &dyn ReadAt, site: &Site, cancel: &Cancel) -> Result<Items> {
    struct All<'c> {
        items: Items,
        problem: Option<String>,
        cancel: &'c Cancel,
    }
    impl Sink for All<'_> {
        fn item(&mut self, item: Item<'_>) -> ControlFlow<()> {
            if self.items.insert(item.key.to_vec(), item.value).is_some() {
                self.problem = Some("a key is in it twice".to_owned());
            }
            if self.cancel.is_cancelled() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }

        fn problem(&mut self, problem: Problem) {
            self.problem = Some(problem.to_string());
        }
    }
    let mut all = All {
        items: Items::new(),
        problem: None,
        cancel,
    };
    match gdbm::list(reader, &mut all) {
        Ok(()) => cancel.check()?,
        Err(Stop::Io(e)) => {
            return Err(Error::io("Cannot read the file", &site.store.info.path, e));
        }
        Err(Stop::Damaged(problem)) => all.problem = Some(problem.to_string()),
    }
    match all.problem {
        Some(problem) => Err(cannot(problem, site)),
        None => Ok(all.items),
    }
}

/// Stores every key into a new file on the shelf; returns the sum of each value.
fn rewrite(
    site: &Site,
    old: &DbmFile,
    form: &Form,
    items: &Items,
    shelf: &Shelf,
    cancel: &Cancel,
) -> Result<BTreeMap<Vec<u8>, u128>> {
    let fail = |e: gdbm_native::Error| cannot(format!("a new file cannot be written: {e}"), site);
    drop(disk::create(&shelf.dir, SCRAP.as_ref()).map_err(|e| old.fail(e))?);
    let mut options = OpenOptions::new();
    options
        .create(true)
        .numsync(form.n_changes.is_some())
        .block_size(BlockSize::Exactly(form.block_bytes))
        .endian(if form.is_big_endian {
            Endian::Big
        } else {
            Endian::Little
        })
        .layout(match (form.offset_bytes, form.align) {
            (4, _) => Layout::Off32,
            (_, 4) => Layout::Off64Align4,
            _ => Layout::Off64Align8,
        });
    for key in items.keys().filter(|key| !key.is_ascii()) {
        let place = gdbm::find(old, key).map_err(|stop| old.stopped(stop))?;
        if let Some(is_signed) = place.and_then(|place| gdbm::is_signed(key, place.hash)) {
            options.char_sign(if is_signed {
                CharSign::Signed
            } else {
                CharSign::Unsigned
            });
            break;
        }
    }
    let mut new = options.open(shelf.dir.path().join(SCRAP)).map_err(fail)?;
    let mut sums = BTreeMap::new();
    for (key, extent) in items {
        cancel.check()?;
        let value = value_of(old, *extent).map_err(|e| old.fail(e))?;
        new.insert(key, &value).map_err(fail)?;
        sums.insert(key.clone(), xxh3_128(&value));
    }
    new.close().map_err(fail)?;
    Ok(sums)
}

/// Reads the new file back.
fn compare(
    site: &Site,
    new: &DbmFile,
    sums: &BTreeMap<Vec<u8>, u128>,
    cancel: &Cancel,
) -> Result<()> {
    let items = list(new, site, cancel)?;
    let is_same = |(key, sum): (&Vec<u8>, &u128)| -> io::Result<bool> {
        let Some(extent) = items.get(key) else {
            return Ok(false);
        };
        let is_found =
            gdbm::find(new, key).is_ok_and(|place| place.is_some_and(|p| p.value == *extent));
        Ok(is_found && xxh3_128(&value_of(new, *extent)?) == *sum)
    };
    for pair in sums {
        cancel.check()?;
        if !is_same(pair).map_err(|e| new.fail(e))? {
            return Err(cannot(
                "the new file does not hold every value of the old one",
                site,
            ));
        }
    }
    if items.len() != sums.len() {
        return Err(cannot(
            "the new file holds other keys than the old one",
            site,
        ));
    }
    Ok(())
}

fn value_of(file: &DbmFile, extent: Extent) -> io::Result<Vec<u8>> {
    match extent {
        Extent::Range { offset, len } => file.bytes(offset, len),
        Extent::Pages { .. } => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn swap(site: &Site, name: &OsStr, shelf: &Shelf) -> io::Result<()> {
    match disk::exchange(&shelf.dir, SCRAP.as_ref(), &site.base, name) {
        Err(e) if e.kind() == io::ErrorKind::Unsupported => {
            disk::replace(&shelf.dir, SCRAP.as_ref(), &site.base, name)
        }
        other => other,
    }
}
