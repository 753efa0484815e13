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
        let is_done = self.change(&removal.change)?;
        if is_done {
            self.pages.extend(removal.pages);
        }
        Ok(is_done)
    }

    fn is_open_elsewhere(&self) -> Result<bool> {
        Ok(!self.file.holders()?.is_empty() || self.file.refuse_if_opened_since().is_err())
    }

    /// Writes a page, unless a program has written it since it was read.
    fn change(&self, page: &ndbm::PageChange) -> Result<bool> {
        let now = self
            .file
            .bytes(page.patch.offset, page.was.len() as u64)
            .map_err(|e| self.file.fail(e))?;
        if now != page.was {
            return Ok(false);
        }
        self.file.refuse_if_opened_since()?;
        self.file.write(std::slice::from_ref(&page.patch))?;
        Ok(true)
    }

    fn insert_one(&mut self, coming: &Coming<'_>) -> Result<Insert> {
        let insert = ndbm::insert(&self.file, coming.key, coming.value);
        match insert.map_err(|stop| self.file.stopped(stop))? {
            ndbm::Insert::Change(before, page) => {
                if !before.is_empty() {
                    // They lie where a program that is at work would put its own.
                    self.file.refuse_if_opened_since()?;
                    self.file.write(&before)?;
                    self.file.sync()?;
                }
                if self.change(&page)? {
                    Ok(Insert::Done)
                } else {
                    Err(self.file.changed_meanwhile())
                }
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
        // What somebody opened meanwhile keeps its pages: they are leaked.
        if pages.is_empty() || self.is_open_elsewhere()? {
            return Ok(());
        }
        let (patches, head) =
            ndbm::free(&self.file, &pages).map_err(|stop| self.file.stopped(stop))?;
        self.file.write(&patches)?;
        if !self.is_open_elsewhere()? {
            match self.change(&head) {
                // Somebody opened it just now: the keys are out, and only their pages are leaked.
                Err(error) if error.is_refused() => {}
                other => drop(other?),
            }
        }
        self.file.sync()
    }
}
