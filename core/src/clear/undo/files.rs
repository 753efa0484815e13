//! Folders and files: renamed back to where they lay, unless something newer stands there or the code is another's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::apply::{Stays, read_guard};
use super::super::disk;
use super::super::journal::{Entry, Group, GuardText};
use super::super::quarantine::SCRAP;
use super::{Mechanism, Way};
use crate::Error;
use crate::model::StoreInfo;
use crate::source::Dir;
use crate::stores::{Removal, Store};

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// How often the folder that an entry goes back to may be thrown away under our hands.
const TRIES: usize = 10;

/// The mechanism for [`Removal::Folder`], [`Removal::Files`] and [`Removal::Shared`].
pub(super) struct Files<'a> {
    way: Way<'a>,
    base: Option<Arc<Dir>>,
    /// Folders that entries go back to, or the reason why none may.
    groups: BTreeMap<PathBuf, Result<Arc<Dir>, String>>,
}

impl Mechanism for Files<'_> {
    fn put(&mut self, entries: &[&Entry]) -> Vec<Result> {
        entries.iter().map(|entry| self.put_one(entry)).collect()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.groups
            .values()
            .flatten()
            .try_for_each(|dir| disk::sync_dir(dir))
    }
}

impl<'a> Files<'a> {
    pub(super) fn new(way: Way<'a>) -> Self {
        Self {
            way,
            base: None,
            groups: BTreeMap::new(),
        }
    }

    fn put_one(&mut self, entry: &Entry) -> Result {
        let Some(first) = entry.paths.first() else {
            return Err(Stays::because("its manifest does not say where it lay"));
        };
        for _ in 0..TRIES {
            let outer = self.group(outer_of(first), entry)?;
            if self.put_into(&outer, first, entry)? {
                return Ok(());
            }
            self.groups.remove(outer_of(first));
        }
        Err(Stays::because(
            "a program throws its folder away again and again",
        ))
    }

    /// False if the folder was thrown away meanwhile, as programs do with one that they find empty.
    fn put_into(&self, outer: &Dir, first: &Path, entry: &Entry) -> Result<bool> {
        let shelf = &self.way.shelf.dir;
        let taken = || Stays::because("the program has stored a newer one since");
        if let Some(name) = first.file_name()
            && outer.stat(name).is_ok()
        {
            return Err(taken());
        }
        // The part that makes it an entry comes last, so that the store never has half of one.
        for (held, path) in entry.parts().rev() {
            let Some(name) = path
                .file_name()
                .filter(|_| outer_of(path) == outer_of(first))
            else {
                return Err(Stays::because("its manifest is damaged"));
            };
            match disk::rename(shelf, &held, outer, name) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(taken()),
                Err(e) if e.kind() == io::ErrorKind::NotFound && shelf.stat(&held).is_ok() => {
                    return Ok(false);
                }
                // Brought back already, by an undo that was cut short.
                Err(e) if e.kind() == io::ErrorKind::NotFound && path != first => {}
                Err(e) => return Err(fail(e, &outer.path().join(name))),
            }
        }
        Ok(true)
    }

    /// The folder that an entry goes back to: as it is, or made again as it was.
    fn group(&mut self, path: &Path, entry: &Entry) -> Result<Arc<Dir>> {
        if let Some(known) = self.groups.get(path) {
            return known.clone().map_err(Stays::because);
        }
        let base = self.base()?;
        let line = self.way.manifest.groups.get(path);
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
        group.map_err(Stays::because)
    }

    fn base(&mut self) -> Result<Arc<Dir>> {
        if self.base.is_none() {
            let path = &self.way.manifest.head.base;
            let base = make_below(self.way.parent, path, None)
                .map_err(|e| fail(e, &self.way.parent.path().join(path)))?;
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
    ) -> Result<Result<(), String>> {
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
        let head = &self.way.manifest.head;
        let Some(kind) = crate::stores::kinds().find(|kind| *kind == head.kind) else {
            return false;
        };
        let path = |below: &Path| self.way.parent.path().join(below);
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
    fn put_guard(&self, base: &Dir, group: &Dir, path: &Path, guard: &GuardText) -> Result {
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
        let shelf = &self.way.shelf.dir;
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
}

/// Opens a folder some levels below, making what is missing of the way.
///
/// Programs throw folders away that they find empty: one that goes before it is opened is made again.
pub(in super::super) fn make_below(
    base: &Dir,
    path: &Path,
    line: Option<&Group>,
) -> io::Result<Dir> {
    let mut made = Err(io::ErrorKind::NotFound.into());
    for _ in 0..TRIES {
        made = try_make_below(base, path, line);
        if !matches!(&made, Err(e) if e.kind() == io::ErrorKind::NotFound) {
            break;
        }
    }
    made
}

fn try_make_below(base: &Dir, path: &Path, line: Option<&Group>) -> io::Result<Dir> {
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
