//! gdbm files: under gdbm's own lock, one write a removal.

use std::ffi::OsString;
use std::io;

use super::super::compact::gdbm::Rebuild;
use super::super::dbm_file::DbmFile;
use super::super::quarantine::Shelf;
use super::{Coming, For, Found, Insert, Keys, Leaving};
use crate::formats::dbm::{Extent, gdbm};
use crate::model::Cancel;
use crate::source::Dir;
use crate::{Error, Result};

pub(super) struct Gdbm<'s> {
    dir: Dir,
    name: OsString,
    shelf: Option<&'s Shelf>,
    /// Why it cannot be gone on with, where it was written anew and the new one could not be opened.
    file: Result<DbmFile>,
    is_changed: bool,
}

impl<'s> Gdbm<'s> {
    pub(super) fn open(dir: Dir, name: OsString, purpose: For<'s>) -> Result<Self> {
        let file = match purpose {
            For::Looking => DbmFile::open_to_look(&dir, &name)?,
            For::Changing { .. } => DbmFile::open_locked(&dir, &name)?,
        };
        Ok(Self {
            dir,
            name,
            shelf: match purpose {
                For::Changing { shelf, .. } => shelf,
                For::Looking => None,
            },
            file: Ok(file),
            is_changed: false,
        })
    }

    fn file(&self) -> Result<&DbmFile> {
        self.file.as_ref().map_err(Error::repeated)
    }

    fn remove_one(&mut self, leaving: &Leaving<'_>) -> Result<bool> {
        if self.find(leaving.key)?.as_ref() != Some(leaving.found) {
            return Ok(false);
        }
        let file = self.file()?;
        let patch = gdbm::remove(file, leaving.key).map_err(|stop| file.stopped(stop))?;
        let written = file.write(patch.as_slice());
        self.is_changed = true;
        written?;
        Ok(patch.is_some())
    }

    fn insert_one(&mut self, coming: &Coming<'_>) -> Result<Insert> {
        let file = self.file()?;
        let hash = u32::try_from(coming.mark)
            .map_err(|_damaged| file.fail(io::ErrorKind::InvalidData.into()))?;
        let insert = gdbm::insert(file, coming.key, hash, coming.value)
            .map_err(|stop| file.stopped(stop))?;
        match insert {
            gdbm::Insert::Patches(patches) => {
                let written = file.write_in_order(&patches);
                self.is_changed = true;
                written.map(|()| Insert::Done)
            }
            gdbm::Insert::IsThere => Ok(Insert::IsThere),
            gdbm::Insert::IsFull => Ok(Insert::NoRoom),
        }
    }
}

impl Keys for Gdbm<'_> {
    fn find(&mut self, key: &[u8]) -> Result<Option<Found>> {
        let file = self.file()?;
        let place = gdbm::find(file, key).map_err(|stop| file.stopped(stop))?;
        Ok(place.and_then(|place| match place.value {
            Extent::Range { offset, len } => Some(Found {
                at: offset,
                len,
                mark: place.hash.into(),
            }),
            Extent::Pages { .. } => None,
        }))
    }

    fn value(&mut self, _key: &[u8], found: &Found) -> Result<Vec<u8>> {
        let file = self.file()?;
        let bytes = file.bytes(found.at, found.len);
        bytes.map_err(|e| file.fail(e))
    }

    fn remove(&mut self, keys: &[Leaving<'_>]) -> Vec<Result<bool>> {
        keys.iter()
            .map(|leaving| self.remove_one(leaving))
            .collect()
    }

    /// Where buckets are full, which only gdbm itself splits, the whole file is written anew.
    fn insert(&mut self, keys: &[Coming<'_>]) -> Vec<Result<Insert>> {
        let mut outcomes: Vec<Result<Insert>> =
            keys.iter().map(|coming| self.insert_one(coming)).collect();
        let is_left = |outcome: &Result<Insert>| matches!(outcome, Ok(Insert::NoRoom));
        let left = keys
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| is_left(outcome));
        let left: Vec<(&[u8], &[u8])> =
            left.map(|(coming, _)| (coming.key, coming.value)).collect();
        let (false, Some(shelf), Ok(old)) = (left.is_empty(), self.shelf, &self.file) else {
            return outcomes;
        };
        let rebuild = Rebuild {
            dir: &self.dir,
            name: &self.name,
            old,
            shelf,
            cancel: &Cancel::default(),
        };
        let rebuilt = rebuild.run(&left, |_| true);
        for outcome in outcomes.iter_mut().filter(|outcome| is_left(outcome)) {
            *outcome = match &rebuilt {
                Ok(_) => Ok(Insert::Done),
                Err(error) => Err(error.repeated()),
            };
        }
        if rebuilt.is_ok() {
            // What is done next is done to the new file, never to the old one, which nobody can open any more.
            self.is_changed = false;
            self.file = DbmFile::open(&self.dir, &self.name);
        }
        outcomes
    }

    fn sync(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.is_changed) {
            return Ok(());
        }
        let file = self.file()?;
        let count = gdbm::count_change(file).map_err(|stop| file.stopped(stop))?;
        file.write(count.as_slice())?;
        file.sync()
    }
}
