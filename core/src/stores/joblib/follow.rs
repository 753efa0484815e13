//! How a joblib folder is followed: folders of functions for entries that come and go, entries' own for hits.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::names::{FileRole, METADATA, OUTPUT, is_entry_name, is_temporary};
use super::walk::Walk;
use super::{entry_path, is_orphan, read_below};
use crate::Result;
use crate::model::{EntryKey, Record};
use crate::source::FileType;
use crate::stores::{Detail, EntryFile, Follow, Part, Scan, Store};

pub(super) struct FollowJoblib;

impl Follow for FollowJoblib {
    fn folders_below(&self, store: &Store, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let dir = store.parent.open_dir(&store.name)?.open_below(folder)?;
        let mut folders = Vec::new();
        dir.list(|name, file_type| {
            if file_type == FileType::Dir && !is_entry_name(name.as_encoded_bytes()) {
                folders.push(folder.join(name));
            }
        })?;
        Ok(folders)
    }

    fn part_at(&self, path: &Path, is_dir: bool) -> Option<Part> {
        let locator = |path: &Path| path.as_os_str().as_encoded_bytes().into();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let folder = path.parent().unwrap_or(path);
        let entry = |group: &Path, key: Box<[u8]>| {
            Some(Part::Entry(EntryKey {
                group: locator(group),
                key,
                ordinal: 0,
            }))
        };
        if is_dir && is_entry_name(name) {
            entry(folder, name.into())
        } else if is_dir {
            Some(Part::Groups(locator(path)))
        } else if is_temporary(name) {
            // Left-over files are named by their path, in the group of the function.
            let is_inside = folder
                .file_name()
                .is_some_and(|name| is_entry_name(name.as_encoded_bytes()));
            let group = folder.parent().filter(|_| is_inside).unwrap_or(folder);
            entry(group, locator(path))
        } else {
            None
        }
    }

    fn entry_folder(&self, entry: &EntryKey) -> Option<PathBuf> {
        (!is_orphan(&entry.key)).then(|| entry_path(entry))
    }

    /// The last use is the access time of output.pkl, as joblib itself takes it.
    fn access_is_a_lookup(&self) -> bool {
        true
    }

    fn has_entry_folders(&self) -> bool {
        true
    }

    fn is_told_by_probes(&self) -> bool {
        true
    }

    fn lookup_files(&self) -> &'static [&'static str] {
        &[OUTPUT, METADATA]
    }

    fn entry_file(&self, name: &OsStr) -> EntryFile {
        match FileRole::of(name) {
            FileRole::Output => EntryFile::Value,
            FileRole::Metadata => EntryFile::Facts,
            _ => EntryFile::Other,
        }
    }

    /// joblib reads metadata.json before each load since 1.3, which is also when it began to record the time.
    fn reads_facts_first(&self, record: &Record<'_>) -> bool {
        record.created.is_some()
    }

    /// To joblib an entry exists once output.pkl does (`_store_backends.py: contains_item`).
    fn is_stored(&self, record: &Record<'_>) -> bool {
        record.bytes > record.side_bytes
    }

    fn read(&self, store: &Store, parts: &[Part], scan: &Scan<'_>) -> Result<()> {
        let mut entries = Vec::new();
        for part in parts {
            match part {
                Part::Store => return store.scan(scan),
                Part::Groups(locator) => read_below(store, locator, scan)?,
                Part::Entry(key) => entries.push(key),
            }
        }
        entries.sort_unstable();
        let walk = Walk::new(store.dir()?, &store.name, b"", scan)?;
        for entries in entries.chunk_by(|a, b| a.group == b.group) {
            if let Some(EntryKey { group, .. }) = entries.first() {
                walk.read_again(group, entries.iter().map(|entry| &*entry.key));
            }
        }
        scan.cancel.check()
    }

    fn look(&self) -> Detail {
        Detail::Sizes
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_touch_the_entry_or_the_groups_they_lie_in() {
        let hash = "0123456789abcdef0123456789abcdef";
        let check = |path: &str, is_dir: bool, expected: Option<Part>| {
            let part = FollowJoblib.part_at(Path::new(path), is_dir);
            assert_eq!(part, expected, "{path}");
        };
        let entry = |group: &str, key: &str| {
            Some(Part::Entry(EntryKey {
                group: group.as_bytes().into(),
                key: key.as_bytes().into(),
                ordinal: 0,
            }))
        };
        let groups = |locator: &str| Some(Part::Groups(locator.as_bytes().into()));
        check(&format!("pkg/f/{hash}"), true, entry("pkg/f", hash));
        check(hash, true, entry("", hash));
        check("pkg/f", true, groups("pkg/f"));
        check("", true, groups(""));
        check("pkg/f/func_code.py", false, None);
        check(&format!("pkg/f/{hash}/output.pkl"), false, None);
        let left_over = format!("pkg/f/{hash}/output.pkl.thread-1-pid-2");
        check(&left_over, false, entry("pkg/f", &left_over));
        let left_over = format!("pkg/f/func_code.py.{hash}-1-2");
        check(&left_over, false, entry("pkg/f", &left_over));
    }
}
