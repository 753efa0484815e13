//! Django's file cache: a folder of `<md5>.djcache`, each a pickled expiry and then a zlib-packed pickle. Up to 1.6 the
//! MD5 is cut into two levels of folders and a name without an ending, and the second pickle is not packed.
//!
//! Rules from `django/core/cache/backends/filebased.py`, checked with Django 1.4 to 6.1.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::Follow;
use super::Store;
use super::files::{FileKind, FileStore, Front, some_names, some_of};
use crate::formats::{Carrier, Preview, pickle};
use crate::model::value::Leaf;
use crate::model::{Role, Time};
use crate::source::{Dir, FileType};
use crate::{Error, Result};

pub(super) static DJANGO_FILE: FileStore<DjangoFile> = FileStore(DjangoFile);

/// Values by the MD5 of their keys.
pub(super) struct DjangoFile;

const SUFFIX: &[u8] = b".djcache";
/// Django writes into a file of `tempfile.mkstemp` and moves it into place.
const TEMPORARY: &[u8] = b"tmp";
/// More than a pickled float or None of any protocol takes.
const EXPIRY_BYTES: usize = 64;
/// First byte of a zlib stream, which follows the expiry.
const ZLIB: u8 = 0x78;
/// First byte of a pickle of protocol 2 or later, which followed it up to Django 1.6.
const PROTO: u8 = 0x80;
/// Digits of an MD5 in the name of a folder, and those that are left for the file's.
const FOLDER_DIGITS: usize = 2;
const FILE_DIGITS: usize = 28;

impl FileKind for DjangoFile {
    const KIND: &'static [&'static str] = &["django-file"];
    const IS_OF_FOLDERS: bool = false;
    const HIDES_SECRETS: bool = false;
    const HAS_TIMES_IN_VALUES: bool = false;
    const LEVELS: usize = 2;

    fn is_folder(name: &OsStr) -> bool {
        is_hex(name, FOLDER_DIGITS)
    }

    fn follow() -> &'static dyn Follow {
        &FollowFolders
    }

    fn writer(&self, dir: &Dir) -> io::Result<Option<String>> {
        let names = some_names(dir, |name| name.as_encoded_bytes().ends_with(SUFFIX))?;
        if names.iter().any(|name| holds_entry(dir, name)) {
            return Ok(Some("Django".to_owned()));
        }
        Ok(holds_old_entries(dir)?.then(|| "Django up to 1.6".to_owned()))
    }

    /// A person's own file may have the name of a temporary one: its bytes have to be those of an entry, or none yet.
    fn role(&self, dir: &Dir, name: &OsStr) -> Option<Role> {
        if name.as_encoded_bytes().ends_with(SUFFIX) || is_old(dir, name) {
            return Some(Role::Entry);
        }
        let is_empty = || dir.stat(name).is_ok_and(|meta| meta.size == 0);
        let is_left_over = is_temporary(name) && (is_empty() || holds_entry(dir, name));
        is_left_over.then_some(Role::Orphan)
    }

    fn is_own(_dir: &Dir, name: &OsStr) -> bool {
        name.as_encoded_bytes().ends_with(SUFFIX) || is_temporary(name)
    }

    fn front(&self, dir: &Dir, name: &OsStr) -> Result<Front> {
        let path = dir.path().join(name);
        let head = head_of(dir, name).map_err(|e| Error::io("Cannot read the entry", &path, e))?;
        head.ok_or_else(|| {
            Error::damaged(
                "Cannot read the stored value",
                "it does not begin with an expiry and a value",
            )
            .at(&path)
        })
    }

    fn facts(&self, _preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        let fact = "Django keeps only the MD5 of the key".to_owned();
        vec![("key".into(), fact)]
    }
}

/// `tempfile.mkstemp`: eight characters, before Python 3 six, capitals among them (`_RandomNameSequence`).
fn is_temporary(name: &OsStr) -> bool {
    let random = name.as_encoded_bytes().strip_prefix(TEMPORARY);
    let is_small = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    random.is_some_and(|random| match random.len() {
        8 => random.iter().all(is_small),
        6 => random.iter().all(|b| is_small(b) || b.is_ascii_uppercase()),
        _ => false,
    })
}

fn is_hex(name: &OsStr, n_digits: usize) -> bool {
    let name = name.as_encoded_bytes();
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    name.len() == n_digits && name.iter().all(is_digit)
}

/// True for a file of Django up to 1.6, by its name and those of the two folders above it.
fn is_old(dir: &Dir, name: &OsStr) -> bool {
    let mut above = dir.path().components().rev().take(DjangoFile::LEVELS);
    is_hex(name, FILE_DIGITS) && above.all(|part| DjangoFile::is_folder(part.as_os_str()))
}

/// Looks into some folders. Those that are gone meanwhile or cannot be read, which may be another program's, hold none.
fn holds_old_entries(dir: &Dir) -> io::Result<bool> {
    let below = |dir: &Dir| some_of(dir, FileType::Dir, DjangoFile::is_folder);
    for outer in below(dir)? {
        let Ok(outer) = dir.open_dir(&outer) else {
            continue;
        };
        for inner in below(&outer).unwrap_or_default() {
            let Ok(inner) = outer.open_dir(&inner) else {
                continue;
            };
            let names = some_names(&inner, |name| is_old(&inner, name)).unwrap_or_default();
            if names.iter().any(|name| holds_entry(&inner, name)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Files of Django up to 1.6 come and go in folders of their own.
struct FollowFolders;

impl Follow for FollowFolders {
    fn folders_below(&self, store: &Store, folder: &Path) -> io::Result<Vec<PathBuf>> {
        if folder.components().count() >= DjangoFile::LEVELS {
            return Ok(Vec::new());
        }
        let dir = store.dir().map_err(io::Error::other)?.open_below(folder)?;
        let mut below = Vec::new();
        dir.list(|name, file_type| {
            if file_type == FileType::Dir && DjangoFile::is_folder(name) {
                below.push(folder.join(name));
            }
        })?;
        Ok(below)
    }
}

fn holds_entry(dir: &Dir, name: &OsStr) -> bool {
    head_of(dir, name).is_ok_and(|head| head.is_some())
}

/// Reads the expiry; `None` if the file does not begin with one.
fn head_of(dir: &Dir, name: &OsStr) -> io::Result<Option<Front>> {
    let mut bytes = Vec::with_capacity(EXPIRY_BYTES);
    dir.read_small(name, EXPIRY_BYTES, &mut bytes)?;
    let decoded = pickle::decode_bytes(&bytes);
    let value = &decoded.value;
    let expires = match value.leaf(value.root()) {
        Some(Leaf::Float(secs)) => Time::from_store(secs),
        // `timeout=None` never expires.
        None if value.repr(value.root(), 8).text == "None" => None,
        _ => return Ok(None),
    };
    let first = if is_old(dir, name) { PROTO } else { ZLIB };
    let is_front = usize::try_from(decoded.end).is_ok_and(|end| bytes.get(end) == Some(&first));
    Ok(is_front.then_some(Front {
        start: decoded.end,
        carrier: Carrier::Pickle,
        expires,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::files::LOOKED_INTO;
    use crate::model::{Cancel, Condition, Progress, Snapshot};
    use crate::ops::check;
    use crate::stores::{CheckOptions, Store, open_all};

    /// `pickle.dumps(None, 5)` and `zlib.compress(pickle.dumps(1, 5))`, CPython 3.13.
    const ENTRY: &[u8] = b"\x80\x05N.\x78\x9c\x6b\x60\xf5\x66\xd4\x03\x00\x03\xaa\x01\x00";

    #[test]
    fn torn_entries_hide_no_store_and_only_files_of_the_library_are_left_over() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
            std::fs::write(temp.path().join(name), bytes).unwrap();
        };
        let entry = |n: usize| format!("{n:032x}.djcache");
        for n in 0..LOOKED_INTO - 1 {
            write(&entry(n), b"");
        }
        write(&entry(LOOKED_INTO), ENTRY);
        write("tmpab_0z9q1", ENTRY);
        write("tmpaB3dE5", b"");
        // A person's own.
        for name in [
            "tmp_notes.txt",
            "tmpfiles.csv",
            "tmp_notes",
            "tmpmy_notes",
            "tmp",
        ] {
            write(name, b"my notes");
        }
        let info = open_all(temp.path()).unwrap().remove(0);
        let store = Store::open(&info).unwrap();
        assert_eq!(info.kind, "django-file");
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let snapshot = Snapshot::read(&store, &cancel, &progress).unwrap();
        let options = CheckOptions::default();
        let mut found: Vec<_> = snapshot
            .records()
            .map(|(_, record)| {
                let verdict = check::entry(&store, &record, &options).unwrap();
                (record.key_text().into_owned(), verdict.condition)
            })
            .filter(|(_, condition)| *condition != Condition::Unread)
            .collect();
        found.sort();
        let expected = [
            (entry(LOOKED_INTO), Condition::Fresh),
            ("tmpaB3dE5".to_owned(), Condition::Orphan),
            ("tmpab_0z9q1".to_owned(), Condition::Orphan),
        ];
        assert_eq!(found, expected);
    }
}
