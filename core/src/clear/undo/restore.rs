//! Puts held entries back where they lay, unless the program has stored newer ones or changed its code.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::apply::{Outcome, Stays, read_guard};
use super::super::disk;
use super::super::journal::{self, Entry, Group, GuardText, Manifest};
use super::super::quarantine::{Quarantine, SCRAP, Shelf};
use super::Held;
use crate::model::{EntryKey, StoreInfo};
use crate::scan::{Cancel, Progress};
use crate::source::Dir;
use crate::stores::{Removal, Store};
use crate::{Error, Result};

/// An entry that was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEntry {
    /// Its identity in the store.
    pub key: EntryKey,
    /// The key as people read it.
    pub key_label: String,
    /// The group as people read it.
    pub group_label: String,
    /// Stored value bytes.
    pub bytes: u64,
}

/// What became of what was held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Entries that are back in the store.
    pub restored: usize,
    /// Their stored bytes.
    pub bytes: u64,
    /// Entries that are still held for a reason.
    pub skipped: usize,
    /// Entries that could not be brought back and are still held.
    pub failed: usize,
    /// Entries that were not reached before it was cancelled.
    pub not_tried: usize,
    /// Entries whose freeing had been cut short, and was finished: they do not come back.
    pub freed: usize,
}

/// Brings back what is held; `each` hears what became of every entry.
///
/// Cut short at any moment, it can be run again. What cannot come back stays held.
///
/// # Errors
/// If nothing could be done at all.
pub fn restore(
    held: &Held,
    cancel: &Cancel,
    progress: &Progress,
    each: &mut dyn FnMut(&HeldEntry, Outcome),
) -> Result<Restored> {
    let (quarantine, shelf) = held.open()?;
    progress.set_total(held.entries as u64);
    let mut restored = Restored::default();
    if shelf.is_doomed() {
        quarantine.free(shelf, cancel, |_| {
            restored.freed += 1;
            progress.add(1);
        })?;
        quarantine.tidy(cancel)?;
        return Ok(restored);
    }
    let fail = |e| Error::io("Cannot read what is held aside", shelf.dir.path(), e);
    let manifest = Manifest::read(&shelf.manifest)
        .map_err(fail)?
        .ok_or_else(|| fail(io::ErrorKind::UnexpectedEof.into()))?;
    let names = journal::held_names(&shelf.dir).map_err(fail)?;
    let present: BTreeSet<usize> = names
        .iter()
        .filter_map(|(name, _)| journal::entry_of(name))
        .collect();
    let mut back = Back {
        parent: quarantine.parent(),
        shelf: &shelf,
        manifest: &manifest,
        base: None,
        groups: BTreeMap::new(),
    };
    let mut outcomes: BTreeMap<usize, bool> = BTreeMap::new();
    for entry in &manifest.entries {
        let leader = entry.goes_with.unwrap_or(entry.n);
        if !present.contains(&leader) {
            continue;
        }
        if cancel.is_cancelled() {
            restored.not_tried += 1;
            continue;
        }
        let outcome = match outcomes.get(&leader) {
            Some(true) => Outcome::Done,
            Some(false) => Outcome::Skipped("its file is still held".to_owned()),
            None => back
                .put(entry)
                .map_or_else(Outcome::from, |()| Outcome::Done),
        };
        outcomes
            .entry(leader)
            .or_insert(matches!(outcome, Outcome::Done));
        match &outcome {
            Outcome::Done | Outcome::Ready => {
                restored.restored += 1;
                restored.bytes += entry.bytes;
            }
            Outcome::Skipped(_) => restored.skipped += 1,
            Outcome::Failed(_) => restored.failed += 1,
        }
        each(&HeldEntry::of(entry), outcome);
        progress.add(1);
    }
    back.sync()
        .map_err(|e| Error::io("Cannot wait for the disk", shelf.dir.path(), e))?;
    settle(&quarantine, shelf, manifest.is_finished)?;
    Ok(restored)
}

/// Throws the shelf away if nothing is held on it any more.
fn settle(quarantine: &Quarantine, shelf: Shelf, is_finished: bool) -> Result<()> {
    let fail = |e| Error::io("Cannot tidy up the quarantine", shelf.dir.path(), e);
    if journal::held_names(&shelf.dir).map_err(fail)?.is_empty() {
        quarantine.discard(shelf)?;
        return quarantine.tidy(&Cancel::default());
    }
    if !is_finished {
        journal::finish(&shelf.manifest).map_err(fail)?;
    }
    Ok(())
}

impl HeldEntry {
    fn of(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            key_label: entry.key_label.clone(),
            group_label: entry.group_label.clone(),
            bytes: entry.bytes,
        }
    }
}

/// The way back.
struct Back<'a> {
    parent: &'a Dir,
    shelf: &'a Shelf,
    manifest: &'a Manifest,
    base: Option<Arc<Dir>>,
    /// Folders that entries go back to, or the reason why none may.
    groups: BTreeMap<PathBuf, std::result::Result<Arc<Dir>, String>>,
}

impl Back<'_> {
    fn put(&mut self, entry: &Entry) -> std::result::Result<(), Stays> {
        let Some(first) = entry.paths.first() else {
            return Err(Stays::because("its manifest does not say where it lay"));
        };
        let outer = self.group(outer_of(first), entry)?;
        let taken = "the program has stored a newer one since";
        if let Some(name) = first.file_name()
            && outer.stat(name).is_ok()
        {
            return Err(Stays::because(taken));
        }
        // The part that makes it an entry comes last, so that the store never has half of one.
        for (held, path) in entry.parts().rev() {
            let Some(name) = path
                .file_name()
                .filter(|_| outer_of(path) == outer_of(first))
            else {
                return Err(Stays::because("its manifest is damaged"));
            };
            match disk::rename(&self.shelf.dir, &held, &outer, name) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Stays::because(taken));
                }
                // Brought back already, by an undo that was cut short.
                Err(e) if e.kind() == io::ErrorKind::NotFound && path != first => {}
                Err(e) => return Err(fail(e, &outer.path().join(name))),
            }
        }
        Ok(())
    }

    /// The folder that an entry goes back to: as it is, or made again as it was.
    fn group(&mut self, path: &Path, entry: &Entry) -> std::result::Result<Arc<Dir>, Stays> {
        if let Some(known) = self.groups.get(path) {
            return known.clone().map_err(Stays::Skipped);
        }
        let base = self.base()?;
        let line = self.manifest.groups.get(path);
        let made = match line.and_then(|g| g.guard.as_ref()) {
            Some(guard) => self.check_guard(&base, guard, entry)?,
            None => Ok(()),
        };
        let group = match made {
            Ok(()) => Ok(Arc::new(
                make_below(&base, path, line).map_err(|e| fail(e, &base.path().join(path)))?,
            )),
            Err(reason) => Err(reason),
        };
        if let (Ok(dir), Some(guard)) = (&group, line.and_then(|g| g.guard.as_ref())) {
            self.put_guard(&base, dir, path, guard)?;
        }
        self.groups.insert(path.to_owned(), group.clone());
        group.map_err(Stays::Skipped)
    }

    fn base(&mut self) -> std::result::Result<Arc<Dir>, Stays> {
        if self.base.is_none() {
            let path = &self.manifest.head.base;
            let base = make_below(self.parent, path, None)
                .map_err(|e| fail(e, &self.parent.path().join(path)))?;
            self.base = Some(Arc::new(base));
        }
        self.base
            .clone()
            .ok_or_else(|| Stays::because("its store is gone"))
    }

    /// `Ok(Err(reason))` if the values would be taken for those of other code.
    fn check_guard(
        &self,
        base: &Dir,
        guard: &GuardText,
        entry: &Entry,
    ) -> std::result::Result<std::result::Result<(), String>, Stays> {
        let now = match read_guard(base, &guard.path) {
            Ok(now) => now,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Ok(())),
            Err(e) => return Err(fail(e, &base.path().join(&guard.path))),
        };
        if now == *guard.text || self.means_the_same(entry, &guard.text, &now) {
            return Ok(Ok(()));
        }
        let name = guard
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Err(format!(
            "{name} is another one since: the program would take the old value for its new code's"
        )))
    }

    /// Asks the backend, whose rule it is.
    fn means_the_same(&self, entry: &Entry, then: &[u8], now: &[u8]) -> bool {
        let head = &self.manifest.head;
        let Some(kind) = crate::stores::kinds().find(|kind| *kind == head.kind) else {
            return false;
        };
        let path = |below: &Path| self.parent.path().join(below);
        let info = Arc::new(StoreInfo::new(
            &path(&head.store),
            &path(&head.opened),
            kind,
            None,
        ));
        let removal = Store::open(&info).and_then(|store| store.removal(&entry.key));
        matches!(removal, Ok(Removal::Folder { guard: Some(guard), .. }) if (guard.same)(then, now))
    }

    /// A guard that is gone comes back before the entries that it guards.
    fn put_guard(
        &self,
        base: &Dir,
        group: &Dir,
        path: &Path,
        guard: &GuardText,
    ) -> std::result::Result<(), Stays> {
        let Some(name) = guard
            .path
            .file_name()
            .filter(|_| outer_of(&guard.path) == path)
        else {
            return Ok(());
        };
        if group.stat(name).is_ok() {
            return Ok(());
        }
        let shelf = &self.shelf.dir;
        let written = (|| {
            match disk::remove_file(shelf, SCRAP.as_ref()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let file = disk::create(shelf, SCRAP.as_ref())?;
            disk::append(&file, &guard.text)?;
            disk::set_mode(&file, guard.mode.unwrap_or(0o644))?;
            disk::sync_file(&file)?;
            match disk::rename(shelf, SCRAP.as_ref(), group, name) {
                // The program wrote its own at this moment; the next look compares them.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    disk::remove_file(shelf, SCRAP.as_ref())
                }
                other => other,
            }
        })();
        written.map_err(|e| fail(e, &base.path().join(&guard.path)))
    }

    fn sync(&self) -> io::Result<()> {
        self.groups
            .values()
            .flatten()
            .try_for_each(|dir| disk::sync_dir(dir))
    }
}

/// Opens a folder some levels below, making what is missing of the way.
fn make_below(base: &Dir, path: &Path, line: Option<&Group>) -> io::Result<Dir> {
    let mut dir = base.open_below(Path::new(""))?;
    for part in path.components() {
        let name = part.as_os_str();
        dir = match dir.open_dir(name) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                match disk::make_dir(&dir, name, line.and_then(|g| g.mode).unwrap_or(0o777)) {
                    Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                    _ => dir.open_dir(name)?,
                }
            }
            other => other?,
        };
    }
    Ok(dir)
}

fn fail(error: io::Error, path: &Path) -> Stays {
    Stays::Failed(
        Error::io("Cannot bring the entry back", path, error).hint("It is still held aside"),
    )
}

fn outer_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
