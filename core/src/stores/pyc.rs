//! Compiled modules: a `__pycache__` folder, or a single `.pyc` file.
//!
//! An entry is a file; it is valid by the rule that its own header states (PEP 3147, PEP 552).

mod names;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use names::{is_compiled, is_left_over, module_of, python_file, stem_of};

use super::python::{Script, path_literal};
use super::{
    Backend, Candidate, CheckOptions, Collector, Confidence, Details, Recognised, Removal, Scan,
    Store, ValueReader,
};
use crate::formats::Carrier;
use crate::formats::pyc::{HEADER_BYTES, Header, Origin};
use crate::model::{
    Condition, EntryKey, Finding, Group, GroupWord, Issue, Record, Role, Time, text,
};
use crate::source::{Dir, FileReader, FileType, Meta, open_parent, path_from_bytes};
use crate::{Error, Result};

pub(super) struct Pyc;

/// Folder that Python 3.2 and newer keep compiled modules in (PEP 3147).
const FOLDER: &str = "__pycache__";
/// A longer source is no person's code, and its hash is not taken.
const SOURCE_BYTES: u64 = 64 << 20;

impl Backend for Pyc {
    fn kinds(&self) -> &'static [&'static str] {
        &["pyc"]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let path = candidate.path();
        let writer = if candidate.is_file() {
            let header = Header::parse(&candidate.head).map(Writer::Known);
            header.or_else(|| Writer::unknown(candidate.name, &candidate.head))
        } else if candidate.is_dir() && candidate.name == FOLDER {
            let dir = candidate.parent.open_dir(candidate.name);
            let dir = dir.map_err(|e| Error::io("Cannot open the folder", &path, e))?;
            let names = dir
                .names()
                .map_err(|e| Error::io("Cannot list the folder", &path, e))?;
            let compiled = names.iter().filter(|(name, _)| is_compiled(name));
            let mut unknown = None;
            let known = compiled
                .filter_map(|(name, _)| writer_of(&dir, name).ok()?)
                .find(|writer| match writer {
                    Writer::Known(_) => true,
                    Writer::Unknown(_) => {
                        unknown.get_or_insert(*writer);
                        false
                    }
                });
            known.or(unknown)
        } else {
            None
        };
        Ok(writer.map(|writer| Recognised {
            kind: "pyc",
            confidence: match writer {
                Writer::Known(_) => Confidence::Certain,
                Writer::Unknown(_) => Confidence::Likely,
            },
            writer: Some(writer.to_string()),
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let fail = |e| Error::io("Cannot list the compiled modules", &store.info.path, e);
        let files = Files::of(store)?;
        let mut collector = (scan.collector)();
        for (name, file_type) in files.names(store).map_err(fail)? {
            scan.cancel.check()?;
            if file_type != FileType::File {
                collector.unopened(files.dir.path().join(&name), file_type);
                continue;
            }
            match files.dir.stat(&name) {
                Ok(meta) => record(&files, &name, &meta, &mut *collector),
                // Python replaces these files while programs start: gone is no problem.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    let path = files.dir.path().join(&name);
                    collector.issue(Issue::from_error(
                        &Error::io("Cannot read the file", &path, e),
                        &path,
                    ));
                }
            }
            scan.progress.add(1);
        }
        Ok(())
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let files = Files::of(store)?;
        let (name, path) = files.entry(entry);
        let fail = |e| Error::io("Cannot open the compiled module", &path, e);
        let file = files.dir.open_file(&name).map_err(fail)?;
        let is_known = !matches!(
            writer_of(&files.dir, &name).map_err(fail)?,
            Some(Writer::Unknown(_))
        );
        // How an unknown Python lays out its code is not known either.
        let carrier = if is_known {
            Carrier::Pyc
        } else {
            Carrier::Bytes
        };
        Ok(ValueReader::new(Arc::new(file), carrier, path))
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let files = Files::of(store)?;
        let (name, path) = files.entry(entry);
        let mut details = Details::default();
        let writer = writer_of(&files.dir, &name)
            .map_err(|e| Error::io("Cannot read the compiled module", &path, e))?;
        let mut fact = |name: &'static str, text: String| details.facts.push((name.into(), text));
        if let Some(Writer::Unknown(magic)) = writer {
            fact("python", format!("not known (magic {magic})"));
        }
        if let Some(Writer::Known(header)) = writer {
            fact(
                "python",
                format!("{} (magic {})", header.python(), header.magic),
            );
            match header.origin {
                Origin::Source { mtime, size } => {
                    fact("source changed", Time::from_unix(mtime.into(), 0).rfc3339());
                    if let Some(size) = size {
                        fact("source size", format!("{size} B"));
                    }
                }
                Origin::Hash { hash, is_checked } => {
                    fact("source hash", format!("{:016x}", u64::from_be_bytes(hash)));
                    fact(
                        "compared at import",
                        if is_checked { "yes" } else { "no" }.to_owned(),
                    );
                }
            }
            fact(
                "source",
                files.source_path(&name).to_string_lossy().into_owned(),
            );
        }
        details.paths.push(path);
        Ok(details)
    }

    fn python(&self, store: &Store, entry: &EntryKey, _codec: &[String]) -> Result<Option<String>> {
        let files = Files::of(store)?;
        let name = path_from_bytes(&entry.key);
        let path = files.dir.path().join(&name);
        let writer = writer_of(&files.dir, name.as_os_str())
            .map_err(|e| Error::io("Cannot read the compiled module", &path, e))?;
        let Some(Writer::Known(header)) = writer else {
            return Ok(None);
        };
        let mut script = Script::new(&["marshal"]);
        script.line(&format!(
            "with open({}, 'rb') as file:",
            path_literal(&path)
        ));
        script.line(&format!(
            "    file.seek({})  # the header of Python {}, which alone can load it",
            header.len,
            header.python()
        ));
        script.line("    value = marshal.load(file)");
        Ok(Some(script.finish()))
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        _options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let files = Files::of(store)?;
        let (name, path) = files.entry(entry);
        if is_left_over(&name) {
            let evidence = "Python wrote it and did not come to move it into place";
            return Ok(vec![Finding::new(Condition::Orphan, evidence)]);
        }
        let writer = writer_of(&files.dir, &name)
            .map_err(|e| Error::io("Cannot read the compiled module", &path, e))?;
        let finding = match writer {
            Some(Writer::Known(header)) => files.compare_with_source(&name, &header)?,
            Some(Writer::Unknown(magic)) => {
                let evidence = format!(
                    "compiled by a Python that Cachescope does not know (magic {magic}: PyPy, or a newer one)"
                );
                Some(Finding::new(Condition::Unread, evidence))
            }
            None => {
                let evidence = "its first bytes are no header of a .pyc file: Python would compile the source again";
                Some(Finding::new(Condition::Corrupt, evidence))
            }
        };
        Ok(finding.into_iter().collect())
    }

    fn goes_by_access_times(&self) -> bool {
        true
    }

    fn removal(&self, _store: &Store, entry: &EntryKey) -> Result<Removal> {
        Ok(Removal::Files {
            paths: vec![name_of(entry).into()],
            folders: 0,
        })
    }

    fn group_word(&self) -> GroupWord {
        GroupWord::PACKAGE
    }
}

/// Who compiled a module.
#[derive(Clone, Copy)]
enum Writer {
    Known(Header),
    /// The magic number of a Python whose header and code may be laid out in any way.
    Unknown(u16),
}

impl Writer {
    /// Two bytes alone make no `.pyc`: the name has to say it too.
    fn unknown(name: &OsStr, head: &[u8]) -> Option<Self> {
        let magic = Header::unknown_magic(head).filter(|_| is_compiled(name));
        magic.map(Self::Unknown)
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(header) => write!(f, "Python {}", header.python()),
            Self::Unknown(magic) => write!(f, "a Python of magic {magic}"),
        }
    }
}

/// The folder that a store's files lie in, and the one file that was asked for.
struct Files {
    dir: Dir,
    only: Option<OsString>,
    group: Arc<Group>,
}

impl Files {
    fn of(store: &Store) -> Result<Self> {
        let is_folder = store
            .parent
            .stat(&store.name)
            .is_ok_and(|m| m.file_type == FileType::Dir);
        let (dir, only) = if is_folder {
            (store.dir()?, None)
        } else {
            let dir = store.parent.open_below(Path::new(""));
            let dir =
                dir.map_err(|e| Error::io("Cannot open the folder", store.parent.path(), e))?;
            (dir, Some(store.name.clone()))
        };
        // The package is the folder of the sources.
        let package = if dir.path().file_name() == Some(FOLDER.as_ref()) {
            dir.path().parent()
        } else {
            Some(dir.path())
        };
        let package = package.and_then(Path::file_name).unwrap_or_default();
        let group = Group::named(&text::from_bytes(package.as_encoded_bytes()));
        Ok(Self { dir, only, group })
    }

    fn names(&self, _store: &Store) -> std::io::Result<Vec<(OsString, FileType)>> {
        match &self.only {
            Some(name) => Ok(vec![(name.clone(), FileType::File)]),
            None => self.dir.names(),
        }
    }

    fn entry(&self, entry: &EntryKey) -> (OsString, PathBuf) {
        let name = name_of(entry);
        let path = self.dir.path().join(&name);
        (name, path)
    }

    /// `pkg/__pycache__/my.mod.cpython-311.opt-1.pyc` comes from `pkg/my.mod.py`, `pkg/my.mod.pyc` from `pkg/my.mod.py`;
    /// where `PYTHONPYCACHEPREFIX` is `/cache`, `/cache/home/me/mod.cpython-311.pyc` comes from `/home/me/mod.py`.
    fn source_path(&self, name: &OsStr) -> PathBuf {
        let stem = stem_of(name);
        let module = module_of(stem);
        let dir = self.dir.path();
        let tagged = python_file(module.unwrap_or(stem));
        if dir.file_name() == Some(FOLDER.as_ref()) {
            return dir.parent().unwrap_or(dir).join(tagged);
        }
        let beside = dir.join(python_file(stem));
        if module.is_none() || is_there(&beside) {
            return beside;
        }
        let whole = std::path::absolute(dir.join(&tagged)).unwrap_or_default();
        let parts: Vec<_> = whole.components().collect();
        let (root, below) = parts.split_at(parts.len().min(1));
        (0..below.len())
            .filter_map(|n| Some(root.iter().chain(below.get(n..)?).collect::<PathBuf>()))
            .find(|path| is_there(path))
            .unwrap_or_else(|| dir.join(tagged))
    }

    /// True where Python reads the file only beside its source: in `__pycache__`, and below `PYTHONPYCACHEPREFIX`, where
    /// names have a tag. `pkg/mod.pyc` is a module by itself (PEP 3147, `SourcelessFileLoader`).
    fn needs_source(&self, name: &OsStr) -> bool {
        self.dir.path().file_name() == Some(FOLDER.as_ref()) || module_of(stem_of(name)).is_some()
    }

    /// What is to say of a file by its source.
    ///
    /// # Errors
    /// If the source is there and cannot be read.
    fn compare_with_source(&self, name: &OsStr, header: &Header) -> Result<Option<Finding>> {
        let path = self.source_path(name);
        let shown = text::path(&path);
        let source = match open_source(&path) {
            Ok(source) => source,
            Err(error) if error.is_not_found() => {
                let finding = if self.needs_source(name) {
                    let evidence = format!("its source is not there: {shown}");
                    Finding::new(Condition::SourceGone, evidence)
                } else {
                    let evidence =
                        format!("Python imports it without a source, and {shown} is not there");
                    Finding::new(Condition::Fresh, evidence)
                };
                return Ok(Some(finding));
            }
            Err(error) => return Err(error),
        };
        let meta = source.meta();
        let evidence = match header.origin {
            Origin::Source { .. } if header.is_from(meta.modified, meta.size) => None,
            Origin::Source { mtime, size } => {
                let recorded = size.map_or(String::new(), |size| format!(", {size} B"));
                let compiled = Time::from_unix(mtime.into(), 0).rfc3339();
                Some(format!(
                    "compiled from a source of {compiled}{recorded}; {shown} is of {}, {} B",
                    meta.modified.rfc3339(),
                    meta.size
                ))
            }
            // Python itself does not compare an unchecked hash, so a difference makes nothing stale.
            Origin::Hash {
                is_checked: false, ..
            } => None,
            Origin::Hash { hash, .. } => {
                let is_same = hash_of(&source, &path, header)? == hash;
                (!is_same).then(|| format!("the hash of {shown} is another one"))
            }
        };
        Ok(evidence.map(|evidence| Finding::new(Condition::Stale, evidence)))
    }
}

const SOURCE: &str = "Cannot read the source that it was compiled from";

/// Opens a source as an import does: where it is a link, that is followed.
fn open_source(path: &Path) -> Result<FileReader> {
    let (dir, name) = open_parent(path).map_err(|e| e.while_doing(SOURCE))?;
    let file = dir.open_file(&name);
    file.map_err(|e| Error::io(SOURCE, path, e))
}

/// The hash that the Python of `header` would write for a source.
fn hash_of(source: &FileReader, path: &Path, header: &Header) -> Result<[u8; 8]> {
    if source.meta().size > SOURCE_BYTES {
        let why = format!("it is larger than {}", text::size(SOURCE_BYTES));
        return Err(Error::limit(SOURCE, why).at(path));
    }
    let hash = header.hash_of(source);
    hash.map_err(|e| Error::io(SOURCE, path, e))
}

fn record(files: &Files, name: &OsStr, meta: &Meta, collector: &mut dyn Collector) {
    let mut record = Record::new(&files.group, name.as_encoded_bytes());
    if is_left_over(name) {
        record.role = Role::Orphan;
    } else if files.only.is_none() && !is_compiled(name) {
        return;
    }
    record.bytes = meta.size;
    record.disk_bytes = meta.disk_bytes;
    record.files = 1;
    record.modified = Some(meta.modified);
    record.accessed = Some(meta.accessed);
    record.dev = meta.dev;
    record.ident = meta.ino;
    record.value_type = Some("code");
    collector.record(&record);
}

fn is_there(path: &Path) -> bool {
    open_parent(path).is_ok_and(|(dir, name)| dir.stat(&name).is_ok())
}

/// `None` where the file does not begin as a `.pyc`.
fn writer_of(dir: &Dir, name: &OsStr) -> std::io::Result<Option<Writer>> {
    let mut head = Vec::with_capacity(HEADER_BYTES);
    dir.read_small(name, HEADER_BYTES, &mut head)?;
    let header = Header::parse(&head).map(Writer::Known);
    Ok(header.or_else(|| Writer::unknown(name, &head)))
}

fn name_of(entry: &EntryKey) -> OsString {
    path_from_bytes(&entry.key).into_os_string()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
