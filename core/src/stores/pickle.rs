//! Single files of pickles: one value, a dict whose keys are entries, or several pickles one after the other.
//!
//! A file with joblib's array block, or in one of joblib's compressions, is `joblib-dump`; any other is `pickle`.

mod parts;
mod unpacked;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parts::{Parts, UNREAD};

use super::python::{Script, path_literal};
use super::{
    Backend, Candidate, CheckOptions, Confidence, Details, NativeKey, Recognised, Removal, Scan,
    Store, ValueReader,
};
use crate::formats::compress::Codec;
use crate::formats::pickle;
use crate::formats::pyliteral;
use crate::formats::repr::{reads_like_repr, str_repr};
use crate::formats::{
    Carrier, Content, PickleFile, Problem, ProblemKind, SideFiles, is_one_pickle,
};
use crate::model::{EntryKey, Finding, Group, Issue, Limits, Record, Severity, text};
use crate::source::{Dir, FileReader, FileType, ReadAt};
use crate::{Error, Result};

pub(super) struct Pickle;

const PICKLE: &str = "pickle";
const JOBLIB_DUMP: &str = "joblib-dump";
/// Module of joblib's array wrappers, as a file names it before its first array.
const WRAPPER_MODULE: &[u8] = b"joblib.numpy_pickle";
/// How far into a file its first array is looked for.
const SEARCH_BYTES: usize = 1 << 20;
/// Protocols 0 and 1 have no header: of a file that takes long to read, this much decodes.
const ENOUGH_BYTES: u64 = 1 << 20;
/// Values in the first bytes of a packed one: no text is read as so many by chance.
const ENOUGH_VALUES: usize = 256;
/// Ordinal of the file's value as a whole; keys of one text count from 0.
const WHOLE: u32 = u32::MAX;

impl Backend for Pickle {
    fn kinds(&self) -> &'static [&'static str] {
        &[PICKLE, JOBLIB_DUMP]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let packed = Codec::detect_strictly(&candidate.head);
        let may_be = packed.is_some()
            || pickle::is_likely_head(&candidate.head)
            || candidate.head.first() == Some(&b'(');
        if !candidate.is_file() || !may_be {
            return Ok(None);
        }
        let path = candidate.path();
        let file = candidate.parent.open_file(candidate.name);
        let file = file.map_err(|e| Error::io("Cannot read the file", &path, e))?;
        let content = Content::plain(Arc::new(file)).peel(Codec::detect_strictly);
        let head = content.head(SEARCH_BYTES);
        let Some(confidence) = confidence(&content, &head) else {
            return Ok(None);
        };
        // joblib has no zstd: somebody packed a pickle of their own.
        let is_joblib = packed.is_some_and(|c| c != Codec::Zstd) || has_wrappers(&content, &head);
        Ok(Some(Recognised {
            kind: if is_joblib { JOBLIB_DUMP } else { PICKLE },
            confidence,
            writer: Some(writer(is_joblib, packed, &head)),
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let parts = Parts::of(store, scan.cancel)?;
        let mut collector = (scan.collector)();
        let group = Group::named("");
        let meta = &parts.meta;
        let is_whole = parts.list.len() == 1;
        for part in &parts.list {
            scan.cancel.check()?;
            let mut record = Record::new(&group, part.label.as_bytes());
            record.ordinal = part.ordinal;
            record.bytes = if is_whole { meta.size } else { part.len };
            record.disk_bytes = if is_whole { meta.disk_bytes } else { 0 };
            record.files = u32::from(is_whole);
            record.modified = Some(meta.modified);
            record.accessed = Some(meta.accessed);
            record.dev = meta.dev;
            record.ident = meta.ino;
            collector.record(&record);
            scan.progress.add(1);
        }
        if !is_whole {
            collector.overhead(meta.disk_bytes);
        }
        let path = &store.info.path;
        let skim = &parts.file.skim;
        for problem in skim.problems.iter().filter(|p| p.kind != ProblemKind::Note) {
            let message = format!(
                "Cannot list the file to its end: {problem}. What was read before it is shown"
            );
            collector.issue(Issue::new(Severity::Error, path, message));
        }
        if parts.n_unread_keys > 0 {
            let message = format!(
                "{} keys are shown as {UNREAD}: they are no plain text, and lie too deep in compressed bytes to be read one \
                 by one. Save the file uncompressed to see them",
                parts.n_unread_keys,
            );
            collector.issue(Issue::new(Severity::Warning, path, message));
        }
        if let Some(offset) = skim.trailing {
            let message = format!(
                "Behind the last pickle, from byte {offset} on, stand bytes that are no pickle"
            );
            collector.issue(Issue::new(Severity::Warning, path, message));
        }
        Ok(())
    }

    fn whole(&self, store: &Store) -> Result<Option<EntryKey>> {
        let is_one = is_one_pickle(Arc::new(open(store)?));
        Ok(is_one.then(|| EntryKey {
            group: Box::default(),
            key: Box::default(),
            ordinal: WHOLE,
        }))
    }

    fn native_key(&self, store: &Store, entry: &EntryKey) -> Result<NativeKey> {
        let parts = Parts::of(store, &store.cancel)?;
        let key = parts.native_key(&entry.key, entry.ordinal, &store.cancel);
        key.ok_or_else(|| {
            let why = "the file does not hold it any more, or it refers to the dict that holds it";
            Error::not_found("Cannot read the key", why).at(&store.info.path)
        })
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let path = store.info.path.clone();
        let file = Arc::new(open(store)?);
        let mut reader = ValueReader::new(file, Carrier::Pickle, path);
        let folder = store.parent.open_below(Path::new(""));
        let folder =
            folder.map_err(|e| Error::io("Cannot open the folder", store.parent.path(), e))?;
        reader.side_files = Arc::new(Beside {
            folder,
            stem: store.name.clone(),
        });
        if entry.ordinal != WHOLE {
            reader.part = Parts::of(store, &store.cancel)?.find(entry, &store.cancel)?;
        }
        Ok(reader)
    }

    fn python(&self, store: &Store, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        let part = match entry.ordinal {
            WHOLE => None,
            _ => Parts::of(store, &store.cancel)?.find(entry, &store.cancel)?,
        };
        let is_item = part.as_ref().is_some_and(|part| part.item.is_some());
        let mut script = Script::default();
        let key = if is_item {
            // Most labels are the key as Python writes it, or its text.
            let label = text::from_bytes(&entry.key);
            let key = match reads_like_repr(&label) {
                false => Some(str_repr(&label)),
                true if pyliteral::is_literal(&label) => Some(label.into_owned()),
                true => script.key(&self.native_key(store, entry)?),
            };
            let Some(key) = key else {
                return Ok(None);
            };
            format!("[{key}]")
        } else {
            String::new()
        };
        let file = path_literal(&store.info.path);
        let is_joblib = store.info.kind == JOBLIB_DUMP;
        let place = part.map(|part| (part.pickle, part.file.skim.shares_memo(part.pickle)));
        match place {
            Some((n, shares_memo)) if n > 0 => {
                let load = match (shares_memo, is_joblib) {
                    // One pickler wrote them all, so one unpickler reads them.
                    (true, _) => "unpickler.load()",
                    (false, true) => "joblib.load(file)",
                    (false, false) => "pickle.load(file)",
                };
                if open_stream(&mut script, &file, codec).is_none() {
                    return Ok(None);
                }
                if shares_memo {
                    script.line("    unpickler = pickle.Unpickler(file)");
                }
                script.import(if load.starts_with("joblib") {
                    "joblib"
                } else {
                    "pickle"
                });
                script.line(&format!("    for _ in range({}):", n.saturating_add(1)));
                script.line(&format!("        value = {load}"));
            }
            _ if is_joblib => {
                script.import("joblib");
                script.line(&format!("value = joblib.load({file}){key}"));
                return Ok(Some(script.finish()));
            }
            _ => {
                let Some(value) = loaded(&mut script, codec) else {
                    return Ok(None);
                };
                script.line(&format!("with open({file}, 'rb') as file:"));
                script.line(&format!("    value = {value}"));
            }
        }
        if is_item {
            script.line(&format!("value = value{key}"));
        }
        Ok(Some(script.finish()))
    }

    fn details(&self, store: &Store, _entry: &EntryKey) -> Result<Details> {
        Ok(Details {
            paths: vec![store.info.path.clone()],
            ..Details::default()
        })
    }

    fn check(
        &self,
        store: &Store,
        _entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let limits = if options.is_deep {
            Limits::DEEP
        } else {
            Limits::QUICK
        };
        Ok(Parts::of(store, &store.cancel)?
            .code_beside(&limits)
            .to_vec())
    }

    fn goes_by_access_times(&self) -> bool {
        true
    }

    /// The whole file goes, so all that is in it must have been there to choose.
    fn removal(&self, store: &Store, _entry: &EntryKey) -> Result<Removal> {
        let files = OwnFiles::of(store)?;
        match &files.cut {
            Some(why) => {
                Err(Error::refused("Cannot clear the entry", why.clone()).at(&store.info.path))
            }
            None => Ok(Removal::Shared {
                paths: files.paths.clone(),
            }),
        }
    }
}

/// The only pickle of the open `file`, as Python loads it.
fn loaded(script: &mut Script, codec: &[String]) -> Option<String> {
    if codec.len() == 1 {
        script.import("pickle");
        return Some("pickle.load(file)".to_owned());
    }
    script.decoded(codec, "file.read()")
}

/// A `with` whose `file` gives one pickle after the other; `None` where no library of Python's does.
fn open_stream(script: &mut Script, path: &str, codec: &[String]) -> Option<()> {
    let is_packing = |word: &&String| !word.starts_with("pickle") && *word != "ndarray";
    let packing: Vec<String> = codec.iter().take_while(is_packing).cloned().collect();
    let module = match packing.as_slice() {
        [one] => match one.as_str() {
            "gzip" => Some("gzip"),
            "bz2" => Some("bz2"),
            "xz" | "lzma" => Some("lzma"),
            "lz4" => Some("lz4.frame"),
            _ => None,
        },
        _ => None,
    };
    match module {
        Some(module) => {
            script.import(module);
            script.line(&format!("with {module}.open({path}, 'rb') as file:"));
        }
        None if packing.is_empty() => {
            script.line(&format!("with open({path}, 'rb') as file:"));
        }
        None => {
            let bytes = script.decoded(&packing, "packed.read()")?;
            script.import("io");
            script.line(&format!("with open({path}, 'rb') as packed:"));
            // joblib looks ahead, which only a buffer can.
            script.line(&format!(
                "    file = io.BufferedReader(io.BytesIO({bytes}))"
            ));
        }
    }
    Some(())
}

fn open(store: &Store) -> Result<FileReader> {
    let file = store.parent.open_file(&store.name);
    file.map_err(|e| Error::io("Cannot open the file", &store.info.path, e))
}

/// The file with those beside it, found once for all entries of a plan: the folder may hold many others.
struct OwnFiles {
    paths: Vec<PathBuf>,
    /// Why not all that the file holds was listed.
    cut: Option<String>,
}

impl OwnFiles {
    fn of(store: &Store) -> Result<Arc<Self>> {
        store.kept(|| {
            let mut paths = vec![store.name.clone().into()];
            // A pickle that is none of joblib's has no files beside it, whatever they are called.
            if store.info.kind == JOBLIB_DUMP {
                let listed = store.parent.list(|name, file_type| {
                    if file_type == FileType::File && is_side_file(&store.name, name) {
                        paths.push(name.into());
                    }
                });
                listed.map_err(|e| Error::io("Cannot list the folder", store.parent.path(), e))?;
            }
            let file = PickleFile::open(Arc::new(open(store)?), &Limits::DEEP);
            let is_cut =
                |p: &&Problem| matches!(p.kind, ProblemKind::Limit | ProblemKind::Unreadable);
            let cut = file.skim.problems.iter().find(is_cut);
            let cut = cut.map(|p| format!("its file holds more than could be listed: {p}"));
            Ok(Self { paths, cut })
        })
    }
}

/// How sure it is that the bytes are pickles; `None` if they are none.
fn confidence(content: &Content, head: &[u8]) -> Option<Confidence> {
    if head.first() == Some(&0x80) && pickle::is_likely(head) {
        let is_sound = !pickle::decode(&Content::of_bytes(head), &Limits::PREVIEW)
            .problems
            .iter()
            .any(|problem| problem.is_damage() && !problem.is_early_end());
        // Two bytes are soon met by chance: what follows has to be opcodes as far as it is here.
        return Some(if is_sound {
            Confidence::Likely
        } else {
            Confidence::Possible
        });
    }
    headerless(content, head)
}

/// Protocols 0 and 1 have no header and read much like text: what there is time for must be pickles, with nothing behind.
fn headerless(content: &Content, head: &[u8]) -> Option<Confidence> {
    let Some(len) = content.len() else {
        if !pickle::is_likely_head(head) {
            return None;
        }
        let decoded = pickle::decode(&Content::of_bytes(head), &Limits::PREVIEW);
        return (decoded.value.n_nodes() >= ENOUGH_VALUES).then_some(Confidence::Likely);
    };
    let skim = pickle::skim(content, &Limits::PREVIEW);
    if skim.trailing.is_some() || skim.problems.iter().any(Problem::is_damage) {
        return None;
    }
    let n_read = skim.pickles.last().map_or(0, |pickle| pickle.end);
    let has_end = || {
        let mut stop = [0];
        content.read_at(len.saturating_sub(1), &mut stop).is_ok() && stop == *b"."
    };
    let is_limit = |problem: &Problem| problem.kind == ProblemKind::Limit;
    let is_enough = n_read >= ENOUGH_BYTES && skim.problems.iter().any(is_limit);
    (skim.is_complete || is_enough && has_end()).then_some(Confidence::Likely)
}

/// True if an array of joblib's stands in it, and not only the name in some text.
fn has_wrappers(content: &Content, head: &[u8]) -> bool {
    let is_named = head
        .windows(WRAPPER_MODULE.len())
        .any(|bytes| bytes == WRAPPER_MODULE);
    if !is_named {
        return false;
    }
    let checked = pickle::check(content, &Limits::PREVIEW);
    let is_wrapper =
        |name: &String| name.starts_with("joblib.numpy_pickle") && name.ends_with("ArrayWrapper");
    // Damage further on says nothing of what stands here.
    !checked.is_read_to_end || checked.globals.iter().any(is_wrapper)
}

fn writer(is_joblib: bool, packed: Option<Codec>, head: &[u8]) -> String {
    let has = |name: &[u8]| head.windows(name.len()).any(|bytes| bytes == name);
    if !is_joblib {
        let protocol = head.get(1).filter(|_| head.first() == Some(&0x80));
        return protocol.map_or_else(
            || "Python pickle, protocol 0 or 1".to_owned(),
            |protocol| format!("Python pickle, protocol {protocol}"),
        );
    }
    let is_old = matches!(packed, Some(Codec::ZFile { .. })) || has(b"NDArrayWrapper");
    if is_old {
        "joblib before 0.10"
    } else if has(b"numpy_array_alignment_bytes") {
        "joblib 1.2 or newer"
    } else {
        "joblib"
    }
    .to_owned()
}

/// `NAME_01.npy` or `NAME_01.npy.z`, as joblib before 0.10 calls the arrays of `NAME`.
fn is_side_file(stem: &OsStr, name: &OsStr) -> bool {
    let rest = name
        .as_encoded_bytes()
        .strip_prefix(stem.as_encoded_bytes());
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix(b"_")) else {
        return false;
    };
    let n_digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    n_digits > 0 && matches!(rest.get(n_digits..), Some(b".npy" | b".npy.z"))
}

/// Files of joblib before 0.10 lie beside the dump: `NAME_01.npy`.
struct Beside {
    folder: Dir,
    stem: OsString,
}

impl SideFiles for Beside {
    fn open_side_file(&self, name: &str) -> Result<Arc<dyn ReadAt>> {
        let path = self.folder.path().join(name);
        if !is_side_file(&self.stem, name.as_ref()) {
            let what = format!("Cannot open the side file {}", text::quoted(name));
            let error = Error::refused(what, "its name is none that joblib gives");
            return Err(error.at(self.folder.path()));
        }
        let file = self.folder.open_file(name.as_ref());
        Ok(Arc::new(file.map_err(|e| {
            Error::io("Cannot open the side file", &path, e)
        })?))
    }
}

#[cfg(test)]
mod tests;
