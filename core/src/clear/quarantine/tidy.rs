//! What is held no longer: shelves freed, thrown away, and the quarantine itself removed once it is empty.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::super::journal::{self, MANIFEST, Manifest};
use super::super::saved::{self, Saved};
use super::super::{QUARANTINE, disk, recover};
use super::lock::{lock, try_lock};
use super::{LOCK, Purpose, Quarantine, SCRAPS, Shelf, TAG};
use crate::model::Cancel;
use crate::source::Dir;
use crate::{Error, Result};

impl Quarantine {
    /// Says for good that nothing on the shelf comes back.
    pub(in super::super) fn doom(&self, shelf: &mut Shelf) -> Result<()> {
        if Self::is_doomed(&shelf.name) {
            return Ok(());
        }
        let doomed = Self::doomed(&shelf.name);
        disk::rename(&self.dir, shelf.name.as_ref(), &self.dir, doomed.as_ref())
            .and_then(|()| disk::sync_dir(&self.dir))
            .map_err(|e| Error::io("Cannot free what was moved aside", shelf.dir.path(), e))?;
        shelf.name = doomed;
        Ok(())
    }

    /// Frees what lies on a doomed shelf and throws the shelf away; `freed` hears the number of each entry's thing.
    pub(in super::super) fn free(
        &self,
        shelf: Shelf,
        cancel: &Cancel,
        mut freed: impl FnMut(usize),
    ) -> Result<()> {
        debug_assert!(
            Self::is_doomed(&shelf.name),
            "only doomed shelves are freed"
        );
        let fail = |e| Error::io("Cannot free what was moved aside", shelf.dir.path(), e);
        for (name, file_type) in journal::held_names(&shelf.dir).map_err(fail)? {
            cancel.check()?;
            disk::remove_tree(&shelf.dir, &name, file_type).map_err(fail)?;
            if let Some(n) = journal::entry_of(&name) {
                freed(n);
            }
        }
        if let Err(error) = self.discard(shelf) {
            // All of it is freed, and the next command tidies.
            log::warn!("{error}");
        }
        Ok(())
    }

    /// Throws away a shelf on which nothing is held; one with strangers' things on it is left alone.
    pub(in super::super) fn discard(&self, shelf: Shelf) -> Result<()> {
        let Shelf {
            name,
            dir,
            manifest,
            ..
        } = shelf;
        let path = dir.path().to_owned();
        let fail = |e| cannot_tidy(e, &path);
        let names = dir.names().map_err(fail)?;
        let own = |name: &OsStr| SCRAPS.iter().chain(&saved::NAMES).any(|own| name == *own);
        if names.iter().any(|(name, _)| name != MANIFEST && !own(name)) {
            return Ok(());
        }
        for (name, _) in names.iter().filter(|(name, _)| own(name)) {
            disk::remove_file(&dir, name).map_err(fail)?;
        }
        disk::remove_file(&dir, MANIFEST.as_ref()).map_err(fail)?;
        // Closed first: NFS keeps a removed file in its folder for as long as it is open.
        drop(manifest);
        disk::remove_dir(&self.dir, name.as_ref()).map_err(fail)
    }

    /// Finishes what was cut short, and removes the whole quarantine if nothing is held in it.
    ///
    /// What somebody else is at work on is left to them.
    pub(in super::super) fn tidy(&self, cancel: &Cancel) -> Result<()> {
        let fail = |e| cannot_tidy(e, self.dir.path());
        let lock_file = match disk::open_or_create(&self.dir, LOCK.as_ref()) {
            // Another Cachescope removed the whole of it meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(fail)?,
        };
        match lock(&lock_file) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other.map_err(fail)?,
        }
        if !self.is_in_place(&lock_file) {
            return Ok(());
        }
        for name in self.shelf_names()? {
            self.tidy_shelf(&name, cancel)?;
        }
        let names = self.dir.names().map_err(fail)?;
        if names.iter().any(|(name, _)| name != LOCK && name != TAG) {
            return Ok(());
        }
        if names.iter().any(|(name, _)| name == TAG) {
            disk::remove_file(&self.dir, TAG.as_ref()).map_err(fail)?;
        }
        disk::remove_file(&self.dir, LOCK.as_ref()).map_err(fail)?;
        drop(lock_file);
        match disk::remove_dir(&self.parent, QUARANTINE.as_ref()) {
            // Somebody began to use it at this very moment, or removed it.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound
                ) =>
            {
                Ok(())
            }
            other => other.map_err(fail),
        }
    }

    fn tidy_shelf(&self, name: &str, cancel: &Cancel) -> Result<()> {
        let path = self.dir.path().join(name);
        let fail = |e| cannot_tidy(e, &path);
        let dir = match self.dir.open_dir(name.as_ref()) {
            // Another Cachescope threw it away meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(fail)?,
        };
        let Ok(manifest) = disk::open_existing(&dir, MANIFEST.as_ref()) else {
            // It was being made or thrown away when its owner ended.
            if dir.names().map_err(fail)?.is_empty() {
                disk::remove_dir(&self.dir, name.as_ref()).map_err(fail)?;
            }
            return Ok(());
        };
        // Not waited for: everybody else waits for our own lock meanwhile. Whoever had it before may have thrown it
        // away just then.
        if try_lock(&manifest).is_err() || !disk::is_named(&manifest, &dir, MANIFEST.as_ref()) {
            return Ok(());
        }
        let shelf = Shelf {
            name: name.to_owned(),
            dir,
            manifest,
            purpose: Purpose::Undo,
        };
        if Self::is_doomed(name) {
            return self.free(shelf, cancel, |_| {});
        }
        if let Ok(Some(manifest)) = Manifest::read(&shelf.manifest)
            && let Err(error) = recover::rows(&self.parent, &shelf.dir, &manifest)
        {
            // The store cannot be read for now; the next time tells.
            log::warn!("{error}");
        }
        if is_empty(&shelf.dir)? {
            return self.discard(shelf);
        }
        Ok(())
    }
}

/// Tidies the quarantine in `parent`, if there is one; what cannot be done now is done the next time.
pub(in super::super) fn tidy_in(parent: &Dir) {
    let found = match parent.open_below(Path::new("")) {
        Ok(parent) => Quarantine::find(parent),
        Err(e) => Err(cannot_tidy(e, parent.path())),
    };
    let tidied = found.and_then(|found| found.map_or(Ok(()), |q| q.tidy(&Cancel::default())));
    if let Err(error) = tidied {
        log::warn!("{error}");
    }
}

/// True if nothing is held on a shelf.
pub(in super::super) fn is_empty(shelf: &Dir) -> Result<bool> {
    let fail = |e| Error::io("Cannot read what is held aside", shelf.path(), e);
    let has_things = !journal::held_names(shelf).map_err(fail)?.is_empty();
    Ok(!has_things
        && match Saved::find(shelf)? {
            Some(saved) => saved.is_empty()?,
            None => true,
        })
}

pub(in super::super) fn cannot_tidy(error: io::Error, path: &Path) -> Error {
    Error::io("Cannot tidy up the quarantine", path, error)
        .hint("The next clear, undo or purge does it")
}
