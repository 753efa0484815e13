//! Writes `joblib.Memory` folders: `joblib/module/function/HASH/{output.pkl, metadata.json}` (joblib 1.6).

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::{Entry, Holds, ReadBy, Target, Writer, failed, itself, stage, unfit};
use crate::formats::compress::{Codec, pack};
use crate::model::EntryKey;
use crate::source::path_from_bytes;
use crate::stores::{KeyTypes, NativeKey, Store};
use crate::{Error, Result};

/// What [`Target::kind`] is, and the only kind that one is converted from: keys are hashes of arguments.
pub(super) const KIND: &str = "joblib";

pub(super) const PLAIN: Target = Target {
    kind: KIND,
    codec: None,
    holds: Holds::Objects,
    key_types: KeyTypes::Apart,
    keeps_expiry: false,
    has_groups: true,
    is_folder_each: true,
    read_by: ReadBy::Caller,
    in_python: None,
    names: itself,
    create,
};

pub(super) const ZLIB: Target = Target {
    codec: Some(Codec::Zlib),
    ..PLAIN
};

pub(super) const GZIP: Target = Target {
    codec: Some(Codec::Gzip),
    ..PLAIN
};

pub(super) const LZ4: Target = Target {
    codec: Some(Codec::Lz4),
    in_python: Some(
        "joblib reads lz4 through Python code of its own, which takes longer than the value's bytes do",
    ),
    ..PLAIN
};

/// `_store_backends.py: configure`: version control is to leave the folder alone.
const IGNORE: &[u8] = b"# Created by joblib automatically.\n*\n";
const OUTPUT: &str = "output.pkl";
const METADATA: &str = "metadata.json";
const CODE: &str = "func_code.py";
/// Metadata and sources above this are no work of joblib's.
const COMPANION_BYTES: usize = 64 << 20;

struct Memory {
    store: PathBuf,
    codec: Option<Codec>,
    functions: HashSet<PathBuf>,
}

fn create(path: &Path, codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    // `Memory("x")` keeps its store in x/joblib.
    let store = path.join(KIND);
    stage::make_dirs(&store)?;
    stage::write(&path.join(".gitignore"), IGNORE)?;
    Ok(Box::new(Memory {
        store,
        codec,
        functions: HashSet::new(),
    }))
}

impl Writer for Memory {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let NativeKey::Text(hash) = entry.key else {
            return Err(unfit(entry, "joblib's keys are hashes"));
        };
        let function = self.store.join(entry.group);
        let folder = function.join(path_from_bytes(hash));
        stage::make_dirs(&folder)?;
        let path = folder.join(OUTPUT);
        let bytes = entry.value.pickled();
        let mut file = BufWriter::new(stage::create(&path)?);
        match self.codec {
            None => file.write_all(&bytes),
            Some(codec) => pack(codec, &bytes, &mut file),
        }
        .and_then(|()| file.flush())
        .map_err(|e| failed(&path, e))?;
        // What a call took and was given: nothing is known of an entry that was no call.
        let plain = Companions::default();
        let companions = entry.companions.unwrap_or(&plain);
        stage::write(&folder.join(METADATA), &companions.metadata)?;
        if self.functions.insert(function.clone())
            && let Some(code) = &companions.code
        {
            stage::write(&function.join(CODE), code)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        // A torn entry is a miss to joblib: its files are left to the system, as joblib leaves them.
        let synced = File::open(&self.store).and_then(|dir| dir.sync_all());
        synced.map_err(|e| failed(&self.store, e))
    }
}

/// What joblib keeps beside a value.
#[derive(Debug, Clone)]
pub struct Companions {
    metadata: Vec<u8>,
    /// The function's source, where it is kept.
    code: Option<Vec<u8>>,
}

impl Default for Companions {
    fn default() -> Self {
        Self {
            metadata: b"{\"duration\": 0.0, \"input_args\": {}}".to_vec(),
            code: None,
        }
    }
}

impl Companions {
    /// Reads what lies beside an entry of a joblib store.
    ///
    /// # Errors
    /// If something is there that cannot be read.
    pub(super) fn read(store: &Store, entry: &EntryKey) -> Result<Self> {
        let function = path_from_bytes(&entry.group);
        let folder = function.join(path_from_bytes(&entry.key));
        let mut companions = Self::default();
        let metadata = [METADATA, "input_args.json"]
            .into_iter()
            .find_map(|name| read(store, &folder, name).transpose());
        if let Some(metadata) = metadata {
            companions.metadata = metadata?;
        }
        companions.code = read(store, &function, CODE)?;
        Ok(companions)
    }
}

/// A small file of a store; `None` if it is not there.
fn read(store: &Store, folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = store
        .dir()?
        .open_below(folder)
        .and_then(|dir| dir.read_small(name.as_ref(), COMPANION_BYTES, &mut bytes));
    match read {
        Ok(()) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => {
            let path = store.info.path.join(folder).join(name);
            Err(Error::io(
                "Cannot read what lies beside the value",
                &path,
                e,
            ))
        }
    }
}
