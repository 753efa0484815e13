//! requests-cache with its file backend: a folder of one response a file, and a database of redirects.
//!
//! `requests_cache/backends/filesystem.py`, checked with 0.7.5 to 1.3.3. A redirect is no entry.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::files::{FileKind, FileStore, Front};
use super::http::Response;
use super::requests_cache::EXPIRED;
use super::{LibraryPolicy, ValueTimes};
use crate::Result;
use crate::formats::{Carrier, Preview};
use crate::model::Role;
use crate::source::Dir;
use crate::sqlite;

pub(super) static REQUESTS_FILES: FileStore<RequestsFiles> = FileStore(RequestsFiles);

/// Responses of web servers.
pub(super) struct RequestsFiles;

/// Where redirects are kept, and from 1.3 on when files were last used; no response is named so.
const DATABASES: [&str; 2] = ["redirects.sqlite", "lru.db"];

impl FileKind for RequestsFiles {
    const KIND: &'static [&'static str] = &["requests-cache"];
    const IS_OF_FOLDERS: bool = true;
    const HIDES_SECRETS: bool = true;
    const HAS_TIMES_IN_VALUES: bool = true;
    const POLICIES: &'static [LibraryPolicy] = &[EXPIRED];

    fn writer(&self, dir: &Dir) -> io::Result<Option<String>> {
        let [redirects, _] = DATABASES;
        let mut head = Vec::new();
        let read = dir.read_small(redirects.as_ref(), sqlite::MAGIC.len(), &mut head);
        let is_one = read.is_ok() && head.starts_with(sqlite::MAGIC);
        Ok(is_one.then(|| "requests-cache, filesystem".to_owned()))
    }

    /// Neither a database, nor a lock or a hidden file is a response.
    fn role(&self, name: &OsStr) -> Option<Role> {
        let name = name.as_encoded_bytes();
        let is_database = DATABASES.iter().any(|own| name.starts_with(own.as_bytes()));
        let is_other = is_database || name.starts_with(b".") || name.ends_with(b".lock");
        (!is_other).then_some(Role::Entry)
    }

    fn key<'n>(&self, name: &'n OsStr) -> Option<&'n str> {
        Path::new(name).file_stem().and_then(OsStr::to_str)
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
