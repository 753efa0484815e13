//! Entries to new stores: one writer per kind, each onto a path that does not exist, and the one list of them.
//!
//! Writers work in a `Stage` beside the place that was asked for and are moved there when they are
//! whole: nothing half written ever stands under a name that a person or a program knows.

pub mod bench;
mod convert;
mod dbm_sqlite;
mod diskcache;
mod dumb;
mod equal_keys;
mod gdbm;
mod joblib;
mod leftovers;
mod loss;
mod pickle;
mod rows;
mod settle;
mod shelf;
mod sqlite;
mod sqlitedict;
mod stage;

pub use convert::{Converted, Options, can_convert, convert};
pub use joblib::Companions;
pub use leftovers::Leftovers;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::formats::compress::Codec;
use crate::model::Time;
use crate::stores::{KeyTypes, NativeKey, Payload};
use crate::{Error, Result};

/// One entry on its way into a new store.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its group, as the new store is to name it; empty where it has none.
    pub group: &'a str,
    /// Its key.
    pub key: &'a NativeKey,
    /// Its value.
    pub value: &'a Payload,
    /// When it was stored, where that is known.
    pub created: Option<Time>,
    /// When it expires.
    pub expires: Option<Time>,
    /// Its tag, in diskcache's sense.
    pub tag: Option<NativeKey>,
    /// What joblib keeps beside its value, where it comes from joblib.
    pub companions: Option<&'a Companions>,
}

/// A store in the making.
pub trait Writer {
    /// Takes over what a program set for a whole store of the same kind; see `Backend::settings`.
    ///
    /// # Errors
    /// What the system said.
    fn set(&mut self, _settings: &[(&'static str, Payload)]) -> Result<()> {
        Ok(())
    }

    /// Adds an entry; its key was not added before.
    ///
    /// # Errors
    /// [`Error::is_refused`] if this kind of store cannot carry it; else what the system said.
    fn add(&mut self, entry: &Entry<'_>) -> Result<()>;

    /// Completes the store; what its library would not wait for may still be on its way to the disk.
    ///
    /// # Errors
    /// What the system said.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What a kind of store holds of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Bytes, whatever they are: a pickle of the value in a shelf.
    Bytes,
    /// A Python object: bytes of a dbm are told apart into pickles and plain bytes.
    Objects,
}

/// Who reads a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBy {
    /// Whoever asks for it.
    Caller,
    /// A thread of the library's own, which each read is handed to.
    Thread,
}

/// Begins a store at a path, with its values compressed or not.
type Create = fn(&Path, Option<Codec>) -> Result<Box<dyn Writer>>;

/// A kind of store that can be written.
pub struct Target {
    /// Kind, as everywhere.
    pub kind: &'static str,
    /// Compression of the values; `None` for none.
    pub codec: Option<Codec>,
    /// What becomes of values.
    pub holds: Holds,
    /// Whether text and bytes are two keys.
    pub key_types: KeyTypes,
    /// True if it keeps an entry's expiry and tag.
    pub keeps_expiry: bool,
    /// True if its groups are tables or folders of their own.
    pub has_groups: bool,
    /// True if it makes a folder with files for each entry.
    pub is_folder_each: bool,
    /// Who reads its values in Python, and in `bench`.
    pub read_by: ReadBy,
    /// What Python's library takes for each read beyond what reading takes here, where that is most of its time.
    pub in_python: Option<&'static str>,
    /// Names of what it makes, by the name that it is given; the last one makes it a store.
    pub(crate) names: fn(&OsStr) -> Vec<OsString>,
    pub(crate) create: Create,
}

impl Target {
    /// Kind and compression: `joblib`, `joblib zlib`.
    pub fn title(&self) -> String {
        match self.codec {
            Some(codec) => format!("{} {}", self.kind, codec.name()),
            None => self.kind.to_owned(),
        }
    }
}

/// Every kind of store that can be written.
pub static TARGETS: &[Target] = &[
    joblib::PLAIN,
    joblib::ZLIB,
    joblib::GZIP,
    joblib::LZ4,
    pickle::TARGET,
    dumb::TARGET,
    dbm_sqlite::TARGET,
    gdbm::TARGET,
    diskcache::TARGET,
    sqlitedict::TARGET,
    sqlite::TARGET,
];

/// The target of that kind and compression.
///
/// # Errors
/// [`Error::is_usage`] with the kinds that there are.
pub fn target(kind: &str, codec: Option<&str>) -> Result<&'static Target> {
    let is_it = |target: &&Target| target.kind == kind && target.codec.map(Codec::name) == codec;
    TARGETS.iter().find(is_it).ok_or_else(|| {
        let of_kind: Vec<String> = TARGETS
            .iter()
            .filter(|target| target.kind == kind)
            .filter_map(|target| target.codec)
            .map(|codec| codec.name().to_owned())
            .collect();
        let why = match (of_kind.is_empty(), codec) {
            (_, None) => format!(
                "there is no writer for \"{kind}\"; there is one for {}",
                kinds().join(", ")
            ),
            (true, Some(codec)) => format!("{kind} is not written with {codec}"),
            (false, Some(codec)) => format!(
                "{kind} is not written with {codec}, only with {}",
                of_kind.join(", ")
            ),
        };
        Error::usage("Cannot write such a store", why)
    })
}

/// Each kind once.
pub fn kinds() -> Vec<&'static str> {
    let mut kinds: Vec<&'static str> = TARGETS.iter().map(|target| target.kind).collect();
    kinds.dedup();
    kinds
}

/// A store that is one file or folder of its own name.
fn itself(name: &OsStr) -> Vec<OsString> {
    vec![name.to_owned()]
}

/// An entry that a kind of store cannot carry.
fn unfit(entry: &Entry<'_>, why: &str) -> Error {
    let what = format!("Cannot carry the key {}", entry.key.shown());
    Error::refused(what, why.to_owned())
}

/// The bytes of a key in a dbm.
fn dbm_key<'e>(entry: &Entry<'e>) -> Result<&'e [u8]> {
    match entry.key {
        NativeKey::Text(bytes) | NativeKey::Bytes(bytes) | NativeKey::Untyped(bytes) => Ok(bytes),
        _ => Err(unfit(entry, "a dbm takes text and bytes only")),
    }
}

/// The text of a key, where a store takes no other.
fn text_key<'e>(entry: &Entry<'e>, why: &str) -> Result<&'e str> {
    match entry.key {
        NativeKey::Text(bytes) | NativeKey::Untyped(bytes) => {
            std::str::from_utf8(bytes).map_err(|_not_utf8| unfit(entry, "it is not valid text"))
        }
        _ => Err(unfit(entry, why)),
    }
}

/// What could not be written, and where.
fn failed(path: &Path, cause: std::io::Error) -> Error {
    Error::io("Cannot write the new store", path, cause)
}
