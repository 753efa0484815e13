//! hishel 0.x with its file storage: a folder of one response a file, under the hash of its request.
//!
//! `hishel/_sync/_storages.py: FileStorage`, checked with 0.0.11, 0.0.33 and 0.1.5. The serializer is not recorded,
//! each value shows it.

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

pub(super) static HISHEL_FILES: FileStore<HishelFiles> = FileStore(HishelFiles);

/// Responses of web servers.
pub(super) struct HishelFiles;

/// Written into the folder from 0.0.22 on.
const IGNORE: (&str, &[u8]) = (".gitignore", b"# Automatically created by Hishel");
/// A response begins so as JSON, as YAML, and as a pickle of any protocol (behind its header).
const BEGINS: [&[u8]; 2] = [b"{\n    \"response\": {", b"response:\n"];
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
        let is_response = some_names(dir, is_key)?.iter().any(|name| {
            head.clear();
            let read = dir.read_small(name, HEAD_BYTES, &mut head);
            read.is_ok() && is_response(&head)
        });
        Ok((is_tagged || is_response).then(|| "hishel 0.x, files".to_owned()))
    }

    fn role(&self, _dir: &Dir, name: &OsStr) -> Option<Role> {
        is_key(name).then_some(Role::Entry)
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

fn is_response(head: &[u8]) -> bool {
    let is_pickle =
        head.starts_with(b"\x80") && head.windows(PICKLED.len()).any(|part| part == PICKLED);
    is_pickle || BEGINS.iter().any(|front| head.starts_with(front))
}
