//! A gdbm file: every key is stored into a new file of the same form, compared, and the two trade their names.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use gdbm_native::{BlockSize, CharSign, Endian, Layout, OpenOptions};
use xxhash_rust::xxh3::xxh3_128;

use super::super::apply::Site;
use super::super::dbm_file::DbmFile;
use super::super::disk;
use super::super::quarantine::{SCRAP, Shelf};
use super::{Gain, cannot};
use crate::error::without_number;
use crate::formats::Problem;
use crate::formats::dbm::gdbm::{self, Form};
use crate::formats::dbm::{Extent, Item, Sink, Stop};
use crate::model::Cancel;
use crate::source::{Dir, ReadAt};
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
        Stop::Damaged(problem) => cannot(problem.to_string(), &site.store.info.path),
    };
    let form = gdbm::form(&file).map_err(stopped)?;
    let items = list(&file, &site.store.info.path, &Cancel::default())?;
    let block = u64::from(form.block_bytes);
    let live: u64 = items
        .iter()
        .map(|(key, value)| value.len().saturating_add(key.len() as u64))
        .fold(0, u64::saturating_add);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate of a number of blocks"
    )]
    let buckets = (items.len() as f64 / (f64::from(form.bucket_slots) * FILL))
        .ceil()
        .max(1.0) as u64;
    let after = (FIRST_BLOCKS + buckets)
        .saturating_mul(block)
        .saturating_add(live);
    let bytes_before = file.meta().size;
    Ok(Gain {
        bytes_before,
        bytes_after: after.min(bytes_before),
    })
}

pub(super) fn compact(site: &Site, name: &OsStr, shelf: &Shelf, cancel: &Cancel) -> Result<Gain> {
    let old = DbmFile::open_locked(&site.base, name)?;
    let rebuild = Rebuild {
        dir: &site.base,
        name,
        old: &old,
        shelf,
        cancel,
    };
    rebuild.run(&[], |gain| gain.bytes() > 0)
}

/// A file that is ours alone, to be written anew.
pub(in super::super) struct Rebuild<'a> {
    pub(in super::super) dir: &'a Dir,
    pub(in super::super) name: &'a OsStr,
    /// Opened and locked.
    pub(in super::super) old: &'a DbmFile,
    /// Where the new one is written first.
    pub(in super::super) shelf: &'a Shelf,
    pub(in super::super) cancel: &'a Cancel,
}

impl Rebuild<'_> {
    /// Puts a new file with every key, and with `more`, in the old one's place, if it is wanted.
    pub(in super::super) fn run(
        &self,
        more: &[(&[u8], &[u8])],
        is_wanted: impl FnOnce(Gain) -> bool,
    ) -> Result<Gain> {
        let (old, shelf) = (self.old, self.shelf);
        let form = gdbm::form(old).map_err(|stop| old.stopped(stop))?;
        let items = list(old, old.path(), self.cancel)?;
        let sums = self.rewrite(&form, &items, more)?;
        let new = DbmFile::open(&shelf.dir, SCRAP.as_ref())?;
        if let Some(n) = form.n_changes {
            let patch = gdbm::set_count(&new, n.wrapping_add(1));
            new.write(&[patch.map_err(|stop| new.stopped(stop))?])?;
        }
        self.compare(&new, &sums)?;
        let gain = Gain {
            bytes_before: old.len(),
            bytes_after: new.len(),
        };
        if !is_wanted(gain) {
            return Ok(Gain {
                bytes_after: gain.bytes_before,
                ..gain
            });
        }
        // A program that opens it from now on finds a file that is locked until this function ends.
        new.lock()?;
        let fail = |e| old.fail(e);
        disk::take_after(new.file()?, self.dir, self.name).map_err(fail)?;
        new.sync()?;
        let can_go_back = self.swap().map_err(fail)?;
        // One that had opened it before the swap, and waits for the lock, would write into the old file.
        if can_go_back && !old.holders()?.is_empty() {
            self.swap().map_err(fail)?;
            return Err(cannot("a program opened it meanwhile", old.path()));
        }
        disk::sync_dir(self.dir).map_err(fail)?;
        Ok(gain)
    }

    /// Stores every key into a new file on the shelf; returns the sum of each value.
    fn rewrite(
        &self,
        form: &Form,
        items: &Items,
        more: &[(&[u8], &[u8])],
    ) -> Result<BTreeMap<Vec<u8>, u128>> {
        let (old, shelf) = (self.old, self.shelf);
        let fail = |e: gdbm_native::Error| {
            let why = e.to_string();
            cannot(
                format!("a new file cannot be written: {}", without_number(&why)),
                old.path(),
            )
        };
        match disk::remove_file(&shelf.dir, SCRAP.as_ref()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(old.fail(e)),
            _ => {}
        }
        drop(disk::create(&shelf.dir, SCRAP.as_ref()).map_err(|e| old.fail(e))?);
        let mut options = options_of(form);
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
            self.cancel.check()?;
            let value = value_of(old, *extent).map_err(|e| old.fail(e))?;
            new.insert(key, &value).map_err(fail)?;
            sums.insert(key.clone(), xxh3_128(&value));
        }
        for (key, value) in more {
            new.insert(*key, *value).map_err(fail)?;
            sums.insert(key.to_vec(), xxh3_128(value));
        }
        new.close().map_err(fail)?;
        Ok(sums)
    }

    /// Reads the new file back.
    fn compare(&self, new: &DbmFile, sums: &BTreeMap<Vec<u8>, u128>) -> Result<()> {
        let path = self.old.path();
        let items = list(new, path, self.cancel)?;
        let is_same = |(key, sum): (&Vec<u8>, &u128)| -> io::Result<bool> {
            let Some(extent) = items.get(key) else {
                return Ok(false);
            };
            let is_found =
                gdbm::find(new, key).is_ok_and(|place| place.is_some_and(|p| p.value == *extent));
            Ok(is_found && xxh3_128(&value_of(new, *extent)?) == *sum)
        };
        for pair in sums {
            self.cancel.check()?;
            if !is_same(pair).map_err(|e| new.fail(e))? {
                let why = "the new file does not hold every value of the old one";
                return Err(cannot(why, path));
            }
        }
        if items.len() != sums.len() {
            return Err(cannot(
                "the new file holds other keys than the old one",
                path,
            ));
        }
        Ok(())
    }

    /// The new file and the old one trade their names; false where the system cannot do that, and the old one is gone.
    fn swap(&self) -> io::Result<bool> {
        let shelf = &self.shelf.dir;
        match disk::exchange(shelf, SCRAP.as_ref(), self.dir, self.name) {
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                disk::replace(shelf, SCRAP.as_ref(), self.dir, self.name).map(|()| false)
            }
            other => other.map(|()| true),
        }
    }
}

/// What a new file needs for the same programs to read it.
fn options_of(form: &Form) -> OpenOptions {
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
    options
}

type Items = BTreeMap<Vec<u8>, Extent>;

/// Every key; none may be hidden by damage.
fn list(reader: &dyn ReadAt, path: &Path, cancel: &Cancel) -> Result<Items> {
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
            return Err(Error::io("Cannot read the file", path, e));
        }
        Err(Stop::Damaged(problem)) => all.problem = Some(problem.to_string()),
    }
    match all.problem {
        Some(problem) => Err(cannot(problem, path)),
        None => Ok(all.items),
    }
}

fn value_of(file: &DbmFile, extent: Extent) -> io::Result<Vec<u8>> {
    match extent {
        Extent::Range { offset, len } => file.bytes(offset, len),
        Extent::Pages { .. } => Err(io::ErrorKind::InvalidData.into()),
    }
}
