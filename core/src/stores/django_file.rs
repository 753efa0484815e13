//! Django's file cache: a folder of `<md5>.djcache`, each a pickled expiry and then a zlib-packed pickle.
//!
//! Rules from `django/core/cache/backends/filebased.py`, checked with Django 1.8 to 6.1.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;

use super::files::{FileKind, FileStore, Front};
use super::python::Script;
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

impl FileKind for DjangoFile {
    const KIND: &'static [&'static str] = &["django-file"];
    const IS_OF_FOLDERS: bool = false;
    const HIDES_SECRETS: bool = false;
    const HAS_TIMES_IN_VALUES: bool = false;

    fn writer(&self, dir: &Dir) -> io::Result<Option<String>> {
        let mut first = None;
        dir.list(|name, file_type| {
            if first.is_none()
                && file_type == FileType::File
                && name.as_encoded_bytes().ends_with(SUFFIX)
            {
                first = Some(name.to_owned());
            }
        })?;
        let is_one = first.is_some_and(|name| head_of(dir, &name).is_ok_and(|head| head.is_some()));
        Ok(is_one.then(|| "Django".to_owned()))
    }

    fn role(&self, _dir: &Dir, name: &OsStr) -> Option<Role> {
        let name = name.as_encoded_bytes();
        if name.ends_with(SUFFIX) {
            Some(Role::Entry)
        } else {
            name.starts_with(TEMPORARY).then_some(Role::Orphan)
        }
    }

    fn front(&self, dir: &Dir, name: &OsStr) -> Result<Front> {
        let path = dir.path().join(name);
        let head = head_of(dir, name).map_err(|e| Error::io("Cannot read the entry", &path, e))?;
        head.ok_or_else(|| {
            Error::damaged(
                "Cannot read the stored value",
                "it does not begin with an expiry and packed bytes",
            )
            .at(&path)
        })
    }

    fn facts(&self, _preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        let fact = "Django keeps only the MD5 of the key".to_owned();
        vec![("key".into(), fact)]
    }

    fn python(&self, file: &str, codec: &[String]) -> Option<String> {
        let mut script = Script::new(&["pickle"]);
        let value = script.decoded(codec, "file.read()")?;
        script.line(&format!("with open({file}, 'rb') as file:"));
        script.line("    pickle.load(file)  # when it expires");
        script.line(&format!("    value = {value}"));
        Some(script.finish())
    }
}

/// Reads the expiry; `None` if the file does not begin with one.
fn head_of(dir: &Dir, name: &OsStr) -> io::Result<Option<Front>> {
    let mut bytes = Vec::with_capacity(EXPIRY_BYTES);
    dir.read_small(name, EXPIRY_BYTES, &mut bytes)?;
    let decoded = pickle::decode_bytes(&bytes);
    let value = &decoded.value;
    let expires = match value.leaf(value.root()) {
        Some(Leaf::Float(secs)) => Time::from_unix_f64(secs),
        // `timeout=None` never expires.
        None if value.repr(value.root(), 8).text == "None" => None,
        _ => return Ok(None),
    };
    let is_packed = usize::try_from(decoded.end).is_ok_and(|end| bytes.get(end) == Some(&ZLIB));
    Ok(is_packed.then_some(Front {
        start: decoded.end,
        carrier: Carrier::Pickle,
        expires,
    }))
}
