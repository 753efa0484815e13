//! hishel 0.x with its file storage: a folder of one response a file, under the hash of its request.
//!
//! `hishel/_sync/_storages.py: FileStorage`, checked with 0.0.11, 0.0.33 and 0.1.5. The serializer is not recorded,
//! each value shows it. 1.x and 2.x put the same tag beside their database (`_core/_storages/_base.py`): there it makes
//! no store of the folder.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;

use super::ValueTimes;
use super::files::{FileKind, FileStore, Front, some_names};
use super::http::Response;
use crate::Result;
use crate::formats::{Carrier, Preview};
use crate::model::Role;
use crate::source::Dir;
use crate::sqlite;

pub(super) static HISHEL_FILES: FileStore<HishelFiles> = FileStore(HishelFiles);

/// Responses of web servers.
pub(super) struct HishelFiles;

/// Written into the folder from 0.0.22 on.
const IGNORE: (&str, &[u8]) = (".gitignore", b"# Automatically created by Hishel");
/// A response begins so as JSON, as YAML, and as a pickle of any protocol (behind its header).
const BEGINS: [&[u8]; 2] = [
    b"{\n    \"response\": {\n        \"status\": ",
    b"response:\n  status: ",
];
const PICKLED: &[u8] = b"httpcore";
/// Bytes of a file that show what it is.
const HEAD_BYTES: usize = 64;

impl FileKind for HishelFiles {
    const KIND: &'static [&'static str] = &["hishel"];
    const IS_OF_FOLDERS: bool = true;
    const HIDES_SECRETS: bool = true;
    const HAS_TIMES_IN_VALUES: bool = true;

    fn writer(&self, dir: &Dir) -> io::Result<Option<String>> {
        let (ignore, text) = IGNORE;
        let mut head = Vec::new();
        let is_tagged = dir
            .read_small(ignore.as_ref(), text.len(), &mut head)
            .is_ok_and(|()| head == text);
        let keys = some_names(dir, is_key)?;
        let is_response = keys.iter().any(|name| {
            head.clear();
            let read = dir.read_small(name, HEAD_BYTES, &mut head);
            read.is_ok() && is_response(&head)
        });
        let is_one = is_response || (is_tagged && (!keys.is_empty() || !has_database(dir)?));
        Ok(is_one.then(|| "hishel 0.x, files".to_owned()))
    }

    fn role(&self, _dir: &Dir, name: &OsStr) -> Option<Role> {
        is_key(name).then_some(Role::Entry)
    }

    fn is_own(_dir: &Dir, name: &OsStr) -> bool {
        is_key(name) || name == IGNORE.0
    }

    fn front(&self, _dir: &Dir, _name: &OsStr) -> Result<Front> {
        Ok(Front {
            start: 0,
            carrier: Carrier::Response,
            expires: None,
        })
    }

    fn facts(&self, preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        Response::of(preview).facts()
    }

    fn glance(&self, preview: &Preview) -> Option<String> {
        Response::of(preview).line()
    }

    fn times(&self, preview: &Preview) -> ValueTimes {
        Response::of(preview).times()
    }
}

/// Files are named by a hash: blake2b of 16 bytes, or SHA-256 where the system forbids that (`hishel/_utils.py`).
fn is_key(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    matches!(name.len(), 32 | 64) && name.iter().all(u8::is_ascii_hexdigit)
}

/// True where what the tag speaks of is a database, or a file that nobody can look into.
fn has_database(dir: &Dir) -> io::Result<bool> {
    let others = some_names(dir, |name| !name.as_encoded_bytes().starts_with(b"."))?;
    Ok(others.iter().any(|name| {
        let mut head = Vec::new();
        let read = dir.read_small(name, sqlite::MAGIC.len(), &mut head);
        read.is_err() || head == sqlite::MAGIC
    }))
}

fn is_response(head: &[u8]) -> bool {
    let is_pickle =
        head.starts_with(b"\x80") && head.windows(PICKLED.len()).any(|part| part == PICKLED);
    is_pickle || BEGINS.iter().any(|front| head.starts_with(front))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their own files")]

    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::stores::open_all;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");

    #[test]
    fn the_tag_beside_a_database_makes_no_folder_of_files() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join(".cache/hishel");
        fs::create_dir_all(&folder).unwrap();
        let tag = [IGNORE.1, b"\n*\n"].concat();
        fs::write(folder.join(".gitignore"), tag).unwrap();
        let names = |path: &Path| -> Vec<_> {
            let found = open_all(path).unwrap();
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            found
                .iter()
                .map(|info| (info.kind, name(&info.path)))
                .collect()
        };
        // Before the first response nothing tells the two apart.
        assert_eq!(names(&folder), [("hishel", "hishel".to_owned())]);
        let database = Path::new(FIXTURES).join("sqlite/hishel-1.1/cache.db");
        fs::copy(database, folder.join("hishel_cache.db")).unwrap();
        for place in [&folder, &temp.path().to_owned()] {
            let expected = [("hishel", "hishel_cache.db".to_owned())];
            assert_eq!(names(place), expected, "{}", place.display());
        }
    }

    #[test]
    fn a_response_is_more_than_a_member_of_that_name() {
        for (head, is_one) in [
            (
                &b"{\n    \"response\": {\n        \"status\": 200,"[..],
                true,
            ),
            (b"{\n    \"response\": {\n        \"text\": 200,", false),
            (b"response:\n  status: 200\n", true),
            (b"response:\n  text: a\n", false),
            (
                b"\x80\x04\x95\xde\x02\0\0\0\0\0\0\x8c\x08httpcore\x94",
                true,
            ),
        ] {
            assert_eq!(is_response(head), is_one, "{head:?}");
        }
    }
}
