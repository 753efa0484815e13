//! joblib.Memory folders: `module/function/HASH/{output.pkl, metadata.json}`.
//!
//! Rules from `joblib/_store_backends.py` and `joblib/memory.py`, checked with joblib 0.7.1 to 1.6.0.

mod check;
mod code;
mod follow;
mod metadata;
mod names;
mod policy;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::python::{Script, path_literal};
use super::{
    Backend, Candidate, CheckOptions, Details, Follow, Guard, IsOwn, KeyScope, LibraryPolicy,
    NativeKey, PolicyChoice, PolicyLimits, Recognised, Removal, Scan, SourceToday, Store,
    ValueReader,
};
use crate::formats::compress::{Codec, SIGNATURE_LEN};
use crate::formats::python::BlockRule;
use crate::formats::{Carrier, SideFiles};
use crate::model::{Cancel, EntryKey, Finding, Group, GroupWord, Time};
use crate::source::{Dir, FileType, ReadAt, path_from_bytes};
use crate::{Error, Result};
use names::OUTPUT;
use shape::NEW_WRITERS;
use source::{Age, Sources};

pub(super) struct Joblib;

const KINDS: &[&str] = &["joblib"];
/// How a pickle begins that names its protocol.
const PROTOCOL_BYTES: usize = 2;
impl Backend for Joblib {
    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if !candidate.is_dir() {
            return Ok(None);
        }
        let path = candidate.path();
        let dir = candidate
            .parent
            .open_dir(candidate.name)
            .map_err(|e| Error::io("Cannot open the folder", &path, e))?;
        let shape = shape::of(&dir, candidate.name, shape::has_mark(candidate.parent));
        Ok(shape.map(|shape| Recognised {
            kind: "joblib",
            confidence: shape.confidence,
            writer: Some(shape.writer),
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        read_below(store, b"", scan)
    }

    /// `Memory(Path("x"))` keeps its modules right in `x`, beside whatever else lies there: a folder may be any of them.
    fn own_names(&self, _kind: &str) -> Option<IsOwn> {
        Some(|_, _, file_type| file_type == FileType::Dir)
    }

    fn follow(&self) -> &'static dyn Follow {
        &follow::FollowJoblib
    }

    fn native_key(&self, _store: &Store, entry: &EntryKey) -> Result<NativeKey> {
        Ok(NativeKey::Text(entry.key.to_vec()))
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Function
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let (dir, name) = if is_orphan(&entry.key) {
            orphan_file(store, entry)?
        } else {
            (entry_dir(store, entry)?, OUTPUT.into())
        };
        let path = dir.path().join(&name);
        let file = dir
            .open_file(&name)
            .map_err(|e| Error::io("Cannot open the stored value", &path, e))?;
        let mut reader = ValueReader::new(Arc::new(file), Carrier::Pickle, path);
        reader.side_files = Arc::new(EntryFolder(dir));
        Ok(reader)
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        if is_orphan(&entry.key) {
            let (dir, name) = orphan_file(store, entry)?;
            return Ok(Details {
                paths: vec![dir.path().join(name)],
                ..Details::default()
            });
        }
        let dir = entry_dir(store, entry)?;
        let names = dir
            .names()
            .map_err(|e| Error::io("Cannot list the entry", dir.path(), e))?;
        let mut details = Details {
            paths: names
                .iter()
                .map(|(name, _)| dir.path().join(name))
                .collect(),
            ..Details::default()
        };
        match function_dir(store, entry).and_then(|dir| code::read(&dir)) {
            Ok(source) => details.source = source,
            Err(error) => details
                .facts
                .push(("function's source".into(), error.to_string())),
        }
        details.facts.extend(packing(&dir));
        let mut text = Vec::new();
        if let Ok(Ok(metadata)) = check::read_metadata(&dir, &mut text) {
            let owned = metadata
                .args
                .into_iter()
                .map(|(n, t)| (n.into_owned(), t.into_owned()));
            details.args = owned.collect();
            let source = details.source.as_ref().map(|source| &*source.text);
            let ignored = source.map_or(Vec::new(), |text| ignored(text, &details.args));
            if !ignored.is_empty() {
                details
                    .facts
                    .push(("not part of the key".into(), ignored.join(", ")));
            }
        }
        Ok(details)
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        if is_orphan(&entry.key) {
            let (dir, name) = orphan_file(store, entry)?;
            let meta = dir
                .stat(&name)
                .map_err(|e| Error::io("Cannot read the file", &dir.path().join(&name), e))?;
            return Ok(vec![check::orphan(&meta, options)]);
        }
        let mut findings = check::entry(&entry_dir(store, entry)?, options);
        if let Some(folder) = &options.source {
            findings.extend(of_source(store, entry, folder)?.iter().cloned());
        }
        Ok(findings)
    }

    fn python(&self, store: &Store, entry: &EntryKey, _codec: &[String]) -> Result<Option<String>> {
        if is_orphan(&entry.key) {
            return Ok(None);
        }
        let file = store.info.path.join(entry_path(entry)).join(OUTPUT);
        let mut script = Script::new(&["joblib"]);
        script.line(&format!("value = joblib.load({})", path_literal(&file)));
        Ok(Some(script.finish()))
    }

    fn source_today(
        &self,
        store: &Store,
        entry: &EntryKey,
        folder: Option<&Path>,
    ) -> Result<Option<SourceToday>> {
        if is_orphan(&entry.key) {
            return Ok(None);
        }
        let Some(cached) = code::read(&function_dir(store, entry)?)? else {
            return Ok(None);
        };
        let sources = match folder {
            Some(folder) => Sources::open(folder)?,
            None => Sources::as_recorded(),
        };
        Ok(Some(sources.today(
            &entry.group,
            age_of(store, entry),
            &cached,
        )))
    }

    fn goes_by_access_times(&self) -> bool {
        true
    }

    fn removal(&self, store: &Store, entry: &EntryKey) -> Result<Removal> {
        if is_orphan(&entry.key) {
            let (dir, name) = orphan_file(store, entry)?;
            dir.stat(&name)
                .map_err(|e| Error::io("Cannot read the file", &dir.path().join(&name), e))?;
            return Ok(Removal::Files {
                paths: vec![path_from_bytes(&entry.key)],
                folders: 0,
            });
        }
        Ok(Removal::Folder {
            path: entry_path(entry),
            witness: OUTPUT.into(),
            owned: names::is_own_file,
            temporary: names::is_temporary_file,
            last: names::METADATA.into(),
            guard: Some(Guard {
                path: path_from_bytes(&entry.group).join(names::CODE),
                same: code::is_same,
            }),
        })
    }

    fn policies(&self) -> &'static [LibraryPolicy] {
        &policy::POLICIES
    }

    fn choose(
        &self,
        store: &Store,
        _policy: &LibraryPolicy,
        limits: &PolicyLimits,
        now: Time,
        cancel: &Cancel,
    ) -> Result<PolicyChoice> {
        policy::choose(store, limits, names_alone(store), now, cancel)
    }

    fn group_title(&self, group: &Group) -> String {
        names::title(&group.locator)
    }

    fn group_word(&self) -> GroupWord {
        GroupWord::FUNCTION
    }
}

/// True if joblib before 1.3 wrote the store, as far as its entries tell.
fn names_alone(store: &Store) -> bool {
    let writer = store.info.writer.as_deref().unwrap_or_default();
    !NEW_WRITERS.iter().any(|new| writer.ends_with(new))
}

/// What the joblib and the Python that wrote the entry mean: the `inspect` of that Python cut out the function's text.
fn age_of(store: &Store, entry: &EntryKey) -> Age {
    let names_alone = names_alone(store);
    let mut head = Vec::new();
    let dir = entry_dir(store, entry);
    let read = dir.map(|dir| dir.read_small(OUTPUT.as_ref(), PROTOCOL_BYTES, &mut head));
    // `pickle.DEFAULT_PROTOCOL` of Python 2, and of 3.0 to 3.7.
    let is_of_old_python =
        matches!(read, Ok(Ok(()))) && matches!(&*head, b"\x80\x02" | b"\x80\x03");
    let is_of_joblib_0_7 = || {
        let writer = store.info.writer.as_deref().unwrap_or_default();
        writer.ends_with("0.7")
    };
    Age {
        names_alone,
        rules: if is_of_old_python || is_of_joblib_0_7() {
            &BlockRule::ALL
        } else {
            &BlockRule::TODAY
        },
    }
}

/// What today's source, in `folder`, says of the entry's function.
fn of_source(store: &Store, entry: &EntryKey, folder: &Path) -> Result<Arc<[Finding]>> {
    let mut sources = store.kept(|| Sources::open(folder))?;
    if !sources.is_of(folder) {
        sources = Arc::new(Sources::open(folder)?);
    }
    let age = || age_of(store, entry);
    Ok(sources.findings(&entry.group, age, || {
        code::read(&function_dir(store, entry)?)
    }))
}

/// How the value is compressed, and whether `mmap_mode` has an effect on it (`numpy_pickle.py: load`).
fn packing(entry: &Dir) -> Vec<(Cow<'static, str>, String)> {
    let mut head = Vec::new();
    if entry
        .read_small(OUTPUT.as_ref(), SIGNATURE_LEN, &mut head)
        .is_err()
    {
        return Vec::new();
    }
    let codec = Codec::detect(&head);
    let mapping = match codec {
        None => "arrays can be read with mmap_mode".to_owned(),
        Some(codec) => format!("mmap_mode has no effect: compressed with {codec}"),
    };
    let compressor = codec.map_or("none", Codec::name);
    vec![
        ("compressor".into(), compressor.to_owned()),
        ("memory-mapping".into(), mapping),
    ]
}

/// Parameters that the function has and the record has not: `ignore=` kept them out of the key.
fn ignored(source: &str, args: &[(String, String)]) -> Vec<String> {
    let is_recorded = |name: &String| args.iter().any(|(recorded, _)| recorded == name);
    let parameters = code::parameters(source).unwrap_or_default();
    // Callables that joblib cannot inspect are recorded as `*` and `**` alone, whatever they are called with.
    if !parameters.iter().any(is_recorded) {
        return Vec::new();
    }
    parameters
        .into_iter()
        .filter(|name| !is_recorded(name))
        .collect()
}

/// Reads the group at `start` and all below it.
fn read_below(store: &Store, start: &[u8], scan: &Scan<'_>) -> Result<()> {
    let walk = walk::Walk::new(store.dir()?, &store.name, start, scan)?;
    std::thread::scope(|scope| {
        for n in 1..scan.threads {
            // Without a helper thread the first one does all the work.
            std::thread::Builder::new()
                .name(format!("scan {n}"))
                .spawn_scoped(scope, || walk.run())
                .ok();
        }
        walk.run();
    });
    scan.cancel.check()
}

/// Entries are named by their folder, left-over files by their path in the store.
fn is_orphan(key: &[u8]) -> bool {
    !names::is_entry_name(key) || key.contains(&b'/')
}

fn entry_path(entry: &EntryKey) -> PathBuf {
    path_from_bytes(&entry.group).join(path_from_bytes(&entry.key))
}

fn function_dir(store: &Store, entry: &EntryKey) -> Result<Dir> {
    let path = path_from_bytes(&entry.group);
    store.dir()?.open_below(&path).map_err(|e| {
        Error::io(
            "Cannot open the function's folder",
            &store.info.path.join(path),
            e,
        )
    })
}

fn entry_dir(store: &Store, entry: &EntryKey) -> Result<Dir> {
    let path = entry_path(entry);
    store
        .dir()?
        .open_below(&path)
        .map_err(|e| Error::io("Cannot open the entry", &store.info.path.join(path), e))
}

/// The folder of a left-over file, and its name there.
fn orphan_file(store: &Store, entry: &EntryKey) -> Result<(Dir, std::ffi::OsString)> {
    let path = path_from_bytes(&entry.key);
    let not_one = || Error::not_found("There is no such entry", "its name is none of joblib's");
    let name = path.file_name().ok_or_else(not_one)?.to_owned();
    if !names::is_temporary(name.as_encoded_bytes()) {
        return Err(not_one().at(&store.info.path.join(&path)));
    }
    let folder = path.parent().unwrap_or("".as_ref());
    let dir = store
        .dir()?
        .open_below(folder)
        .map_err(|e| Error::io("Cannot open the folder", &store.info.path.join(folder), e))?;
    Ok((dir, name))
}

/// Opens the arrays that joblib before 0.10 kept beside `output.pkl`.
struct EntryFolder(Dir);

impl SideFiles for EntryFolder {
    fn open_side_file(&self, name: &str) -> Result<Arc<dyn ReadAt>> {
        let path = self.0.path().join(name);
        let is_bare = path.parent() == Some(self.0.path()) && !name.contains(['/', '\\']);
        if !is_bare || names::FileRole::of(name.as_ref()) != names::FileRole::SideFile {
            return Err(Error::refused(
                format!(
                    "Cannot open the side file {}",
                    crate::model::text::quoted(name)
                ),
                "its name is none that joblib gives",
            )
            .at(self.0.path()));
        }
        let file = self.0.open_file(name.as_ref());
        let file = file.map_err(|e| Error::io("Cannot open the side file", &path, e))?;
        Ok(Arc::new(file))
    }
}
