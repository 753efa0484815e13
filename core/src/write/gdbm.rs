//! Writes gdbm files (`dbm.gnu`), in the standard format that Python makes.

use std::path::{Path, PathBuf};

use gdbm_native::{BlockSize, Gdbm, OpenOptions};

use super::{Entry, Holds, ReadBy, Target, Writer, dbm_key, itself, stage};
use crate::formats::compress::Codec;
use crate::stores::KeyTypes;
use crate::{Error, Result};

pub(super) const TARGET: Target = Target {
    kind: "dbm-gnu",
    codec: None,
    holds: Holds::Bytes,
    key_types: KeyTypes::Alike,
    keeps_expiry: false,
    has_groups: false,
    is_folder_each: false,
    read_by: ReadBy::Caller,
    in_python: None,
    names: itself,
    create,
};

struct Gnu {
    path: PathBuf,
    file: Gdbm,
}

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    let opened = OpenOptions::new()
        .create(true)
        // Python asks for no extended header, and before 1.24 `dbm.whichdb` does not know it.
        .numsync(false)
        .block_size(BlockSize::Filesystem)
        .open(path);
    Ok(Box::new(Gnu {
        file: opened.map_err(|e| failed(path, &e))?,
        path: path.to_owned(),
    }))
}

impl Writer for Gnu {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let key = dbm_key(entry)?;
        let inserted = self.file.insert(key, &*entry.value.stored());
        inserted.map_err(|e| failed(&self.path, &e))?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let path = self.path;
        self.file.close().map_err(|e| failed(&path, &e))?;
        stage::sync(&path)
    }
}

fn failed(path: &Path, error: &gdbm_native::Error) -> Error {
    Error::unavailable("Cannot write the new store", error.to_string()).at(path)
}
