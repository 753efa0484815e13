//! Writes `dbm.dumb` (`Lib/dbm/dumb.py` of CPython 3.13): values in blocks of 512 bytes, an index of Python text.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::{Entry, Holds, ReadBy, Target, Writer, dbm_key, failed, stage};
use crate::Result;
use crate::formats::compress::Codec;
use crate::formats::dbm::dumb::{BLOCK_BYTES, Place, line_of};
use crate::stores::KeyTypes;

pub(super) const TARGET: Target = Target {
    kind: "dbm-dumb",
    codec: None,
    holds: Holds::Bytes,
    key_types: KeyTypes::Alike,
    keeps_expiry: false,
    has_groups: false,
    is_folder_each: false,
    read_by: ReadBy::Caller,
    // `__getitem__` of `Lib/dbm/dumb.py`.
    in_python: Some(
        "dbm.dumb opens its file anew for each value, which takes longer than reading a small one",
    ),
    names,
    create,
};

const DATA: &str = ".dat";
const BACKUP: &str = ".bak";
const INDEX: &str = ".dir";

/// In the order in which they get their names: without the values the index is no store, to Python neither, while the
/// values alone read as pickles.
const SUFFIXES: [&str; 3] = [BACKUP, INDEX, DATA];

struct Dumb {
    path: PathBuf,
    data: BufWriter<File>,
    at: u64,
    index: Vec<u8>,
}

fn names(name: &OsStr) -> Vec<OsString> {
    SUFFIXES.iter().map(|suffix| with(name, suffix)).collect()
}

fn with(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}

/// One of the files of the shelf at `path`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    with(path.as_os_str(), suffix).into()
}

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    let path = path.to_owned();
    Ok(Box::new(Dumb {
        data: BufWriter::new(stage::create(&beside(&path, DATA))?),
        path,
        at: 0,
        index: Vec::new(),
    }))
}

impl Writer for Dumb {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let key = dbm_key(entry)?;
        let value = entry.value.stored();
        let start = self.at.next_multiple_of(BLOCK_BYTES);
        let gap = usize::try_from(start - self.at).unwrap_or(0);
        self.data
            .write_all(&vec![0; gap])
            .and_then(|()| self.data.write_all(&value))
            .map_err(|e| failed(&self.path, e))?;
        self.at = start + value.len() as u64;
        let place = Place {
            offset: start,
            len: value.len() as u64,
        };
        self.index.extend(line_of(key, place));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        stage::close(self.data, &self.path)?;
        // Python leaves the index before as a backup; of a new store that is the same.
        for suffix in [BACKUP, INDEX] {
            let path = beside(&self.path, suffix);
            if suffix == INDEX || !self.index.is_empty() {
                stage::write(&path, &self.index)?;
            }
        }
        Ok(())
    }
}
