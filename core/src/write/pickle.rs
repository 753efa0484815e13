//! Writes one file with a pickled dict of all entries.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::{Entry, Holds, ReadBy, Target, Writer, failed, itself, stage};
use crate::formats::Content;
use crate::formats::compress::Codec;
use crate::formats::pickle::plain::{Place, Plain};
use crate::formats::pickle::{emit, key};
use crate::stores::{KeyTypes, NativeKey, Payload};
use crate::{Error, Result};

pub(super) const KIND: &str = "pickle";

pub(super) const TARGET: Target = Target {
    kind: KIND,
    codec: None,
    holds: Holds::Objects,
    key_types: KeyTypes::Apart,
    keeps_expiry: false,
    has_groups: false,
    is_folder_each: false,
    read_by: ReadBy::Caller,
    in_python: Some("the whole file is loaded for the first value, and later ones cost nothing"),
    names: itself,
    create,
};

/// Items of one SETITEMS (`Lib/pickle.py: _BATCHSIZE`).
const BATCH: u32 = 1000;
/// Bytes gathered before they are written.
const GATHERED: usize = 1 << 20;

struct PickleFile {
    path: PathBuf,
    file: BufWriter<File>,
    plain: Plain,
    n_in_batch: u32,
}

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    let mut plain = Plain::default();
    plain.out.extend(emit::HEAD);
    plain.out.extend(emit::EMPTY_DICT);
    Ok(Box::new(PickleFile {
        path: path.to_owned(),
        file: BufWriter::new(stage::create(path)?),
        plain,
        n_in_batch: 0,
    }))
}

impl PickleFile {
    /// Appends what a pickle of its own makes.
    fn inline(&mut self, pickle: &[u8]) -> Result<()> {
        let content = Content::of_bytes(pickle);
        self.plain
            .append(&Place::Front(content))
            .map_err(|problem| Error::damaged("Cannot carry the value", problem.to_string()))
    }

    fn key(&mut self, key: &NativeKey) -> Result<()> {
        let out = &mut self.plain.out;
        match key {
            NativeKey::Text(bytes) => emit::text(bytes, out),
            // Programs give a dbm's keys as text or as bytes; text is what shelves hand out.
            NativeKey::Untyped(bytes) if std::str::from_utf8(bytes).is_ok() => {
                emit::text(bytes, out);
            }
            NativeKey::Bytes(bytes) | NativeKey::Untyped(bytes) => emit::bytes(bytes, out),
            NativeKey::Int(n) => emit::int(*n, out),
            NativeKey::Float(x) => emit::float(*x, out),
            NativeKey::Pickled(pickle) if key::append(pickle, out) => {}
            NativeKey::Pickled(pickle) => self.inline(pickle)?,
        }
        Ok(())
    }

    fn value(&mut self, value: &Payload) -> Result<()> {
        let out = &mut self.plain.out;
        match value {
            Payload::Pickle(pickle) => self.inline(pickle)?,
            Payload::Raw(bytes) | Payload::Foreign(bytes) | Payload::Bytes(bytes) => {
                emit::bytes(bytes, out);
            }
            Payload::Text(bytes) => emit::text(bytes, out),
            Payload::Int(n) => emit::int(*n, out),
            Payload::Float(x) => emit::float(*x, out),
            Payload::None => emit::none(out),
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        let written = self.file.write_all(&self.plain.out);
        self.plain.out.clear();
        written.map_err(|e| failed(&self.path, e))
    }
}

impl Writer for PickleFile {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        if self.n_in_batch == 0 {
            self.plain.out.extend(emit::MARK);
        }
        self.key(entry.key)?;
        self.value(entry.value)?;
        self.n_in_batch += 1;
        if self.n_in_batch == BATCH {
            self.plain.out.extend(emit::SETITEMS);
            self.n_in_batch = 0;
        }
        if self.plain.out.len() >= GATHERED {
            self.drain()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.n_in_batch > 0 {
            self.plain.out.extend(emit::SETITEMS);
        }
        self.plain.out.extend(emit::STOP);
        self.drain()?;
        stage::close(self.file, &self.path)
    }
}
