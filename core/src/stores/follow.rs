//! How a store is followed while it is watched: where changes show, what they touch, how that is read again.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Counted, Detail, Scan, Store};
use crate::Result;
use crate::model::{EntryKey, Record};
use crate::source::FileType;

/// A part of a store's listing that can be read again by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it.
    Store,
    /// The group of this locator, and every group whose locator goes on with a `/`.
    Groups(Box<[u8]>),
    /// One entry.
    Entry(EntryKey),
}

impl Part {
    /// True if the record belongs to this part.
    pub fn holds(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Store | Self::Groups(_) => self.holds_group(&record.group.locator),
            Self::Entry(key) => {
                record.key == &*key.key
                    && record.ordinal == key.ordinal
                    && record.group.locator == key.group
            }
        }
    }

    /// True if everything in the group of this locator belongs to this part.
    pub fn holds_group(&self, locator: &[u8]) -> bool {
        match self {
            Self::Store => true,
            Self::Groups(above) => locator
                .strip_prefix(&**above)
                .is_some_and(|rest| above.is_empty() || matches!(rest.first(), None | Some(b'/'))),
            Self::Entry(_) => false,
        }
    }
}

/// What a file in an entry's own folder is to a program that looks the entry up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryFile {
    /// The stored value: loading it ends a hit, renaming it into place ends a computation.
    Value,
    /// What is read before the value, to see whether it is still good.
    Facts,
    /// Anything else.
    Other,
}

/// Where watching a store begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The folder that is watched first: the store's own, or the one that its files lie in.
    pub folder: PathBuf,
    /// Only names that begin like this are the store's; `None` where the folder is its own.
    pub prefix: Option<OsString>,
    /// Programs change it through a memory map, which no system reports: its files' times are looked at this often.
    pub poll: Option<Duration>,
}

/// The rules by which a kind of store is followed; the defaults look at the store's own files and read all of it again.
///
/// Paths are relative to [`Ground::folder`].
pub trait Follow: Send + Sync {
    /// Where watching begins.
    fn ground(&self, store: &Store) -> Ground {
        let meta = store.parent.stat(&store.name);
        if meta.is_ok_and(|meta| meta.file_type == FileType::Dir) {
            Ground {
                folder: store.info.path.clone(),
                prefix: None,
                poll: None,
            }
        } else {
            Ground {
                folder: store.parent.path().to_owned(),
                prefix: Some(common_name(&store.name)),
                poll: None,
            }
        }
    }

    /// The folders directly below `folder` whose contents tell of changes as well; entries' own folders are not among them.
    ///
    /// # Errors
    /// If it is gone or may not be listed.
    fn folders_below(&self, _store: &Store, _folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// What a change at `path` touches; `None` where nothing that is listed depends on it.
    fn part_at(&self, path: &Path, _is_dir: bool) -> Option<Part> {
        // SQLite's -shm changes with every reader; what is stored changes with the other files.
        let is_index = path.as_os_str().as_encoded_bytes().ends_with(b"-shm");
        (!is_index).then_some(Part::Store)
    }

    /// The folder that belongs to the entry alone; watched so that look-ups are seen, as far as the budget goes.
    fn entry_folder(&self, _entry: &EntryKey) -> Option<PathBuf> {
        None
    }

    /// Who counts the hits that an entry's record carries.
    fn hits_source(&self) -> Counted {
        Counted::Recorded
    }

    /// True if the probes of programs that `cachescope run` starts tell of its look-ups.
    fn is_told_by_probes(&self) -> bool {
        false
    }

    /// True if an entry's last use moves with look-ups alone, so that a later one is a hit.
    fn access_is_a_lookup(&self) -> bool {
        false
    }

    /// True if entries have folders of their own.
    fn has_entry_folders(&self) -> bool {
        false
    }

    /// Names of the files in an entry's own folder that are opened by a look-up.
    fn lookup_files(&self) -> &'static [&'static str] {
        &[]
    }

    /// What a file in an entry's own folder is.
    fn entry_file(&self, _name: &OsStr) -> EntryFile {
        EntryFile::Other
    }

    /// True if a program that finds this entry reads its facts before its value.
    fn reads_facts_first(&self, _record: &Record<'_>) -> bool {
        false
    }

    /// False while a program is still storing the entry: then nobody is told of it yet.
    fn is_stored(&self, _record: &Record<'_>) -> bool {
        true
    }

    /// True if what lies at `path` belongs to this part, which is not the whole store.
    fn is_within(&self, part: &Part, path: &Path) -> bool {
        let mut above = path.ancestors().filter_map(|path| self.part_at(path, true));
        above.any(|touched| touched == *part)
    }

    /// Hands what these parts hold to the scan's collectors, and nothing that they do not hold.
    ///
    /// # Errors
    /// As [`super::Backend::scan`].
    fn read(&self, store: &Store, _parts: &[Part], scan: &Scan<'_>) -> Result<()> {
        store.scan(scan)
    }

    /// How much a look has to read to see which entries changed; with [`Detail::Sizes`] only those are read in full.
    fn look(&self) -> Detail {
        Detail::Full
    }

    /// How long a store must be quiet before what changed is read, so that one commit is read once.
    fn quiet(&self) -> Duration {
        Duration::from_millis(150)
    }
}

/// What the names of a store's files begin with: `shelf` of `shelf.dir`, which has `shelf.dat` beside it.
fn common_name(name: &OsStr) -> OsString {
    let path = Path::new(name);
    let parts = ["dir", "dat", "bak", "pag"];
    match (path.extension(), path.file_stem()) {
        (Some(part), Some(stem)) if parts.iter().any(|one| part == *one) => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// The defaults: for stores that are a few files and are read as a whole.
pub(super) struct WholeStore;

impl Follow for WholeStore {}

/// The same for files that programs write to through a memory map, as gdbm does.
pub(super) struct MappedStore;

impl Follow for MappedStore {
    fn ground(&self, store: &Store) -> Ground {
        Ground {
            poll: Some(Duration::from_millis(500)),
            ..WholeStore.ground(store)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Group;

    #[test]
    fn parts_of_a_shelf_have_a_name_in_common() {
        for (name, expected) in [
            ("shelf.dir", "shelf"),
            ("a.b.pag", "a.b"),
            ("cache.db", "cache.db"),
            ("shelf", "shelf"),
        ] {
            assert_eq!(common_name(name.as_ref()), expected);
        }
    }

    #[test]
    fn groups_hold_what_lies_in_and_below_them() {
        let check = |part: &str, group: &str, expected: bool| {
            let group = Group::named(group);
            let part = Part::Groups(part.as_bytes().into());
            assert_eq!(
                part.holds(&Record::new(&group, b"k")),
                expected,
                "{group:?}"
            );
        };
        check("pkg/f", "pkg/f", true);
        check("pkg", "pkg/f", true);
        check("", "pkg/f", true);
        check("pkg/f", "pkg/far", false);
        check("pkg/f", "pkg", false);
    }
}
