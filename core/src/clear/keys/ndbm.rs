//! Berkeley hash files as `dbm.ndbm` writes them: no lock at all, so they are changed only while nobody is seen using them.

use std::ffi::OsStr;

use super::super::dbm_file::DbmFile;
use super::{Coming, For, Found, Insert, Keys, Leaving};
use crate::Result;
use crate::formats::dbm::ndbm;
use crate::source::Dir;

pub(super) struct Ndbm {
    file: DbmFile,
    /// Pages that no key leads to any more.
    pages: Vec<u32>,
}

impl Ndbm {
    pub(super) fn open(dir: &Dir, name: &OsStr, purpose: For<'_>) -> Result<Self> {
        let file = match purpose {
            For::Looking => DbmFile::open_to_look(dir, name)?,
            For::Changing { is_unused, .. } => {
                let file = DbmFile::open(dir, name)?;
                if !is_unused {
                    file.refuse_if_open()?;
                }
                file
            }
        };
        Ok(Self {
            file,
            pages: Vec::new(),
        })
    }

    fn remove_one(&mut self, leaving: &Leaving<'_>) -> Result<bool> {
        if self.find(leaving.key)?.as_ref() != Some(leaving.found) {
            return Ok(false);
        }
        let removal =
            ndbm::remove(&self.file, leaving.key).map_err(|stop| self.file.stopped(stop))?;
        let Some(removal) = removal else {
            return Ok(false);
        };
        self.file.write(removal.patch.as_slice())?;
        self.pages.extend(removal.pages);
        Ok(true)
    }

    fn insert_one(&mut self, coming: &Coming<'_>) -> Result<Insert> {
        let insert = ndbm::insert(&self.file, coming.key, coming.value);
        match insert.map_err(|stop| self.file.stopped(stop))? {
            ndbm::Insert::Patches(patches) => {
                self.file.write_in_order(&patches)?;
                Ok(Insert::Done)
            }
            ndbm::Insert::IsThere => Ok(Insert::IsThere),
            ndbm::Insert::NoRoom => Ok(Insert::NoRoom),
        }
    }
}

impl Keys for Ndbm {
    fn find(&mut self, key: &[u8]) -> Result<Option<Found>> {
        let place = ndbm::find(&self.file, key).map_err(|stop| self.file.stopped(stop))?;
        Ok(place.map(|place| Found {
            at: place.ident,
            len: place.value.len(),
            mark: 0,
        }))
    }

    fn value(&mut self, key: &[u8], _found: &Found) -> Result<Vec<u8>> {
        let place = ndbm::find(&self.file, key).map_err(|stop| self.file.stopped(stop))?;
        let place = place.ok_or_else(|| self.file.fail(std::io::ErrorKind::NotFound.into()))?;
        ndbm::read_extent(&self.file, place.value).map_err(|e| self.file.fail(e))
    }

    fn remove(&mut self, keys: &[Leaving<'_>]) -> Vec<Result<bool>> {
        keys.iter()
            .map(|leaving| self.remove_one(leaving))
            .collect()
    }

    fn insert(&mut self, keys: &[Coming<'_>]) -> Vec<Result<Insert>> {
        keys.iter().map(|coming| self.insert_one(coming)).collect()
    }

    /// Pages are freed only when no key leads to them on the disk, and in nobody's memory: else they stay unused.
    fn sync(&mut self) -> Result<()> {
        self.file.sync()?;
        let pages = std::mem::take(&mut self.pages);
        if pages.is_empty() || !self.file.holders()?.is_empty() {
            return Ok(());
        }
        let patches = ndbm::free(&self.file, &pages).map_err(|stop| self.file.stopped(stop))?;
        self.file.write(&patches)?;
        self.file.sync()
    }
}
