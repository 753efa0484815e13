//! requests-cache and aiohttp-client-cache with their file backends: a folder of one response a file, and a database of
//! redirects.
//!
//! `requests_cache/backends/filesystem.py`, checked with 0.7.0 to 1.3.3; aiohttp-client-cache 0.5.2, 0.8.2 and 0.13. A
//! redirect is no entry. 0.7.0, and aiohttp-client-cache of old, keep the redirects beside the folder, among whatever
//! else lies there: the database alone makes no folder a cache. A program may name the files itself (`key_fn`,
//! `extension`): beside the redirects, sound or not, what holds a response is one.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::files::{FileKind, FileStore, Front, LOOKED_INTO};
use super::http::Response;
use super::requests_cache::EXPIRED;
use super::{Candidate, LibraryPolicy, ValueTimes};
use crate::Result;
use crate::formats::{Carrier, Preview};
use crate::model::{Issue, Role};
use crate::source::{Dir, FileType};
use crate::sqlite;

pub(super) static REQUESTS_FILES: FileStore<RequestsFiles> = FileStore(RequestsFiles);

/// Responses of web servers.
pub(super) struct RequestsFiles;

/// Where redirects are kept, and from 1.3 on when files were last used; no response is named so.
const DATABASES: [&str; 2] = [REDIRECTS, "lru.db"];
const REDIRECTS: &str = "redirects.sqlite";
/// Hex digits of a key: blake2b of 8 bytes; SHA-256 in 0.7, and where the system forbids that (`cache_keys.py`).
const KEY_DIGITS: [usize; 2] = [16, 64];
/// What the serializers add to a key (`filesystem.py: _get_extension`); 0.7.0 adds nothing.
const SUFFIXES: [&[u8]; 6] = [b"", b"pkl", b"json", b"yaml", b"bson", b"dat"];
/// Bytes of a file that show what it is.
const HEAD_BYTES: usize = 4096;
/// Of these, bytes in which a dict's first key stands, or an object's module.
const FIRST_BYTES: usize = 40;
/// Modules of the classes of responses.
const WRITERS: [&[u8]; 2] = [b"requests_cache", b"aiohttp_client_cache"];
/// The first members of responses that have a body.
const BODIES: [&[u8]; 2] = [b"_content", b"_decoded_content"];

impl FileKind for RequestsFiles {
    const KIND: &'static [&'static str] = &["requests-cache"];
    const IS_OF_FOLDERS: bool = true;
    const HIDES_SECRETS: bool = true;
    const HAS_TIMES_IN_VALUES: bool = true;
    const POLICIES: &'static [LibraryPolicy] = &[EXPIRED];

    /// A folder with a response in it, or with nothing but what the library makes.
    fn writer(&self, dir: &Dir) -> io::Result<Option<String>> {
        let (mut keys, mut others) = (Vec::new(), Vec::new());
        let (mut has_database, mut is_alone) = (false, true);
        dir.list(|name, file_type| {
            let is_file = file_type == FileType::File;
            has_database |= is_file && name == REDIRECTS;
            let is_key = is_file && is_key(name);
            is_alone &= is_key || (is_file && is_beside(name));
            let found = if is_key { &mut keys } else { &mut others };
            if is_file && !is_beside(name) && found.len() < LOOKED_INTO {
                found.push(name.to_owned());
            }
        })?;
        let holds = |names: &[OsString]| names.iter().any(|name| holds_response(dir, name));
        let is_one =
            holds(&keys) || (has_database && (holds(&others) || is_alone && has_redirects(dir)));
        Ok(is_one.then(|| "requests-cache, filesystem".to_owned()))
    }

    /// What is neither named as the library names responses nor holds one is somebody's own.
    fn role(&self, dir: &Dir, name: &OsStr) -> Option<Role> {
        let is_named = || {
            !is_beside(name) && dir.stat(REDIRECTS.as_ref()).is_ok() && holds_response(dir, name)
        };
        (is_key(name) || is_named()).then_some(Role::Entry)
    }

    fn is_own(dir: &Dir, name: &OsStr) -> bool {
        is_beside(name) || RequestsFiles.role(dir, name).is_some()
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

    /// `base.py: get_response, _prune_redirects`.
    fn note(&self, dir: &Dir) -> Option<&'static str> {
        has_redirects(dir).then_some(
            "Redirects to these responses stay in redirects.sqlite: for requests-cache they lead nowhere, until it takes \
             them out at its own next delete or they are requested again",
        )
    }

    /// The library opens it before any response (`sqlite.py: SQLiteDict.__init__`); an empty one is as good as none.
    fn companion(&self, dir: &Dir) -> Option<Issue> {
        let there = dir.stat(REDIRECTS.as_ref()).ok()?;
        let same = dir.open_below("".as_ref()).ok()?;
        let read = sqlite::Shape::read(same, REDIRECTS.as_ref());
        let error = read.err().filter(|_| there.size > 0)?;
        let path = dir.path().join(REDIRECTS);
        let error = error.hint(
            "The responses are listed all the same; requests-cache makes it anew once it is gone",
        );
        Some(Issue::from_error(&error, &path))
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

/// A hash, and the ending of a serializer.
fn is_key(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let dot = name.iter().position(|b| *b == b'.');
    let (key, suffix) = match dot.and_then(|at| name.split_at_checked(at)) {
        // A name that ends in a dot is none of the library's.
        Some((_, b".")) => return false,
        Some((key, suffix)) => (key, suffix.strip_prefix(b".").unwrap_or(suffix)),
        None => (name, &b""[..]),
    };
    let is_hash = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    KEY_DIGITS.contains(&key.len()) && key.iter().all(is_hash) && SUFFIXES.contains(&suffix)
}

/// Databases with what SQLite puts beside them, locks and hidden files.
fn is_beside(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let is_database = DATABASES.iter().any(|own| name.starts_with(own.as_bytes()));
    is_database || name.starts_with(b".") || name.ends_with(b".lock")
}

/// A response of requests-cache 0.7 and of aiohttp-client-cache is pickled as an object; any other is a dict whose keys
/// stand in the alphabet's order, in whatever form (`models/response.py: CachedResponse`).
fn is_response(head: &[u8]) -> bool {
    let has = |part: &[u8], text: &[u8]| part.windows(text.len()).any(|window| window == text);
    let first = head.get(..FIRST_BYTES).unwrap_or(head);
    let is_object = head.starts_with(b"\x80") && WRITERS.iter().any(|writer| has(first, writer));
    let begins = BODIES.iter().any(|body| has_member(first, body))
        || (has(head, b"created_at") && has(head, b"elapsed"));
    // A body stands at the front and may be longer than the head.
    let is_cut = head.len() >= HEAD_BYTES;
    is_object || (begins && (is_cut || has(head, b"status_code")))
}

/// True where a member of that name begins: in JSON, YAML, BSON or a pickle, no letter stands before it.
fn has_member(part: &[u8], name: &[u8]) -> bool {
    let is_start = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| part.get(at));
        before.is_none_or(|b| !b.is_ascii_alphanumeric())
    };
    let mut windows = part.windows(name.len()).enumerate();
    windows.any(|(at, window)| window == name && is_start(at))
}

/// True for a file whose beginning is that of a response.
fn holds_response(dir: &Dir, name: &OsStr) -> bool {
    let mut head = Vec::new();
    let read = dir.read_small(name, HEAD_BYTES, &mut head);
    read.is_ok() && is_response(&head)
}

fn has_redirects(dir: &Dir) -> bool {
    let look = Candidate::look(dir, REDIRECTS.as_ref());
    look.is_ok_and(|database| match database.shape() {
        Some(shape) => shape.table("redirects", &["key", "value"]).is_some(),
        None => database.head.starts_with(sqlite::MAGIC),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_told_from_other_files_by_their_names() {
        for (name, is_one) in [
            ("0989a0ddf4237c56.json", true),
            ("0989a0ddf4237c56.pkl", true),
            ("0989a0ddf4237c56", true),
            (
                "7c33514bc8bb1b755f49e850485db7afb30f62b564a0a262ba348dc4aa41822a",
                true,
            ),
            ("0989a0ddf4237c56.bak", false),
            ("0989a0ddf4237c56.json.bak", false),
            ("0989a0ddf4237c56.", false),
            ("0989A0DDF4237C56.json", false),
            ("0989a0ddf4237c5.json", false),
            ("package.json", false),
            ("redirects.sqlite", false),
            ("", false),
        ] {
            assert_eq!(is_key(name.as_ref()), is_one, "{name}");
        }
    }

    /// Beginnings as requests-cache 0.7 to 1.3 and aiohttp-client-cache 0.5.2 write them, and others'.
    #[test]
    fn responses_are_told_from_other_files_by_their_beginnings() {
        let long = [&b"{\n  \"_content\": \""[..], &[b'a'; HEAD_BYTES]].concat();
        for (head, is_one) in [
            (&b"\x80\x04\x95\x06\x02\0\0\0\0\0\0\x8c\x1daiohttp_client_cache.response\x94"[..], true),
            (b"\x80\x04\x95V\x0a\0\0\0\0\0\0\x8c\x1erequests_cache.models.response\x94", true),
            (b"{\"_decoded_content\": {\"a\": 1}, \"status_code\": 200}", true),
            (b"_content: !!binary |\n  e30=\nstatus_code: 200\n", true),
            (b"\x80\x04}\x94(\x8c\x08_content\x94C\x02{}\x94\x8c\x0bstatus_code\x94K\xc8u.", true),
            (b"{\"cookies\": {}, \"created_at\": \"2022\", \"elapsed\": 1.5, \"status_code\": 200}", true),
            (&long[..HEAD_BYTES], true),
            (b"{\"page_content\": \"a\", \"status_code\": 200}", false),
            (b"{\"_content\": \"a\", \"metadata\": {}}", false),
            (b"{\"created_at\": \"2020\", \"elapsed\": 1}", false),
            (b"\x80\x04\x95\x06\x02\0\0\0\0\0\0\x8c\x08aiohttp_\x94", false),
        ] {
            assert_eq!(is_response(head), is_one, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
