//! Entries that are files of one folder: what stores of one value a file have in common.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::follow::WholeStore;
use super::python::{Script, path_literal};
use super::rows::expired;
use super::{
    Backend, Candidate, CheckOptions, Collector, Confidence, Detail, Details, Follow, IsOwn,
    LibraryPolicy, PolicyChoice, PolicyLimits, Recognised, Removal, Scan, Store, ValueReader,
    ValueTimes, policy,
};
use crate::formats::{Carrier, Options, Preview};
use crate::model::{
    Cancel, Condition, EntryKey, Finding, Group, Issue, Record, Role, Severity, Time,
};
use crate::source::{Dir, FileType, Range, path_from_bytes};
use crate::{Error, Result};

/// A kind of store whose entries are the files of one folder.
pub(super) trait FileKind: Send + Sync {
    /// Its name in queries and JSON.
    const KIND: &'static [&'static str];

    /// See [`Backend::is_of_folders`].
    const IS_OF_FOLDERS: bool;

    /// True where values hold credentials that are shown only when asked for.
    const HIDES_SECRETS: bool;

    /// See [`Backend::policies`]. All of them choose what is past its time.
    const POLICIES: &'static [LibraryPolicy] = &[];

    /// The library that wrote the folder, if it is of this kind.
    ///
    /// # Errors
    /// What the system said.
    fn writer(&self, dir: &Dir) -> io::Result<Option<String>>;

    /// What a file is; `None` where it belongs to the store and to no entry.
    fn role(&self, dir: &Dir, name: &OsStr) -> Option<Role>;

    /// True for files that belong to the store, whether they are entries or not.
    fn is_own(dir: &Dir, name: &OsStr) -> bool;

    /// Levels of folders below the store's own that hold entries too.
    const LEVELS: usize = 0;

    /// True for the name of such a folder.
    fn is_folder(_name: &OsStr) -> bool {
        false
    }

    /// See [`Backend::follow`].
    fn follow() -> &'static dyn Follow {
        &WholeStore
    }

    /// The key in an entry's name, where that is not the whole.
    fn key<'n>(&self, _name: &'n OsStr) -> Option<&'n str> {
        None
    }

    /// Where in a file its value begins, and what it is.
    ///
    /// # Errors
    /// If it cannot be read, or does not begin as files of this kind do.
    fn front(&self, dir: &Dir, name: &OsStr) -> Result<Front>;

    /// What the decoded value tells of the entry.
    fn facts(&self, _preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        Vec::new()
    }

    /// See [`Backend::glance`].
    fn glance(&self, _preview: &Preview) -> Option<String> {
        None
    }

    /// See [`Backend::notes`].
    fn note(&self, _dir: &Dir) -> Option<&'static str> {
        None
    }

    /// What cannot be read of a file that is no entry and that the library opens with the folder.
    fn companion(&self, _dir: &Dir) -> Option<Issue> {
        None
    }

    /// Python that loads the file of this name, whose value begins at that byte; the text stands in quotes.
    fn python(&self, file: &str, start: u64, codec: &[String]) -> Option<String> {
        let mut script = Script::default();
        // YAML is text there and stays it.
        let mode = if codec.iter().any(|word| word == "text") {
            "'r'"
        } else {
            "'rb'"
        };
        let value = script.decoded(codec, "file.read()")?;
        script.line(&format!("with open({file}, {mode}) as file:"));
        if start > 0 {
            script.line(&format!(
                "    file.seek({start})  # behind the time when it expires"
            ));
        }
        script.line(&format!("    value = {value}"));
        Some(script.finish())
    }

    /// True where [`Self::times`] has something to say.
    const HAS_TIMES_IN_VALUES: bool;

    /// When the entry was stored and when it expires by its value.
    fn times(&self, _preview: &Preview) -> ValueTimes {
        ValueTimes::default()
    }
}

/// The front of a file.
pub(super) struct Front {
    /// Bytes before the value.
    pub(super) start: u64,
    /// What the value is.
    pub(super) carrier: Carrier,
    /// When it expires, where that stands before the value.
    pub(super) expires: Option<Time>,
}

/// Files of a folder that are looked into for what it is: some may be torn.
pub(super) const LOOKED_INTO: usize = 8;

/// The names of some files that may be entries by their names.
///
/// # Errors
/// What the system said.
pub(super) fn some_names(dir: &Dir, may_be: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
    some_of(dir, FileType::File, may_be)
}

/// As [`some_names`], of what is of this type.
///
/// # Errors
/// What the system said.
pub(super) fn some_of(
    dir: &Dir,
    wanted: FileType,
    may_be: impl Fn(&OsStr) -> bool,
) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    dir.list(|name, file_type| {
        if names.len() < LOOKED_INTO && file_type == wanted && may_be(name) {
            names.push(name.to_owned());
        }
    })?;
    Ok(names)
}

/// A backend over a [`FileKind`].
pub(super) struct FileStore<K>(pub(super) K);

impl<K: FileKind> FileStore<K> {
    fn value(&self, dir: &Dir, name: &OsStr) -> Result<ValueReader> {
        let path = dir.path().join(name);
        let front = self.0.front(dir, name)?;
        let file = dir
            .open_file(name)
            .map_err(|e| Error::io("Cannot open the stored value", &path, e))?;
        let bytes = Range::new(Arc::new(file), front.start, u64::MAX);
        let mut reader = ValueReader::new(Arc::new(bytes), front.carrier, path);
        reader.hides_secrets = K::HIDES_SECRETS;
        Ok(reader)
    }

    /// What a file says of its times, wherever they stand.
    fn times(&self, dir: &Dir, name: &OsStr) -> Result<ValueTimes> {
        if !K::HAS_TIMES_IN_VALUES {
            return Ok(ValueTimes {
                created: None,
                expires: self.0.front(dir, name)?.expires,
            });
        }
        let mut reader = self.value(dir, name)?;
        // Times are no secrets, and hiding takes as long as decoding.
        reader.hides_secrets = false;
        Ok(self.0.times(&reader.preview(&Options::GLANCE)?))
    }

    /// Hands a file over; false for one that is none of the store's.
    fn list(
        &self,
        dir: &Dir,
        group: &Arc<Group>,
        (below, name): (&Path, &OsStr),
        detail: Detail,
        collector: &mut dyn Collector,
    ) -> bool {
        let path = || dir.path().join(name);
        let meta = match dir.stat(name) {
            Ok(meta) => meta,
            // Expired and deleted at this moment.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return true,
            Err(e) => {
                let error = Error::io("Cannot read the entry", &path(), e);
                collector.issue(Issue::from_error(&error, &path()));
                return true;
            }
        };
        let Some(role) = self.0.role(dir, name) else {
            collector.overhead(meta.disk_bytes);
            return K::is_own(dir, name);
        };
        let key = below.join(name);
        let mut record = Record::new(group, key.as_os_str().as_encoded_bytes());
        record.label = self.0.key(name);
        record.role = role;
        record.bytes = meta.size;
        record.disk_bytes = meta.disk_bytes;
        record.files = 1;
        record.modified = Some(meta.modified);
        record.accessed = Some(meta.accessed);
        record.dev = meta.dev;
        record.ident = meta.ino;
        if role == Role::Entry && detail == Detail::Full {
            match self.times(dir, name) {
                Ok(times) => {
                    record.created = times.created;
                    record.expires = times.expires;
                }
                Err(e) => {
                    let message = format!("{e}. The entry is shown without its expiry");
                    collector.issue(Issue::new(Severity::Warning, path(), message));
                }
            }
        }
        collector.record(&record);
        true
    }
}

/// Files of a folder that are none of the store's: somebody's own, or damaged where they would tell what they are.
#[derive(Default)]
struct Others {
    n: u64,
    first: Option<PathBuf>,
}

impl Others {
    fn add(&mut self, path: impl FnOnce() -> PathBuf) {
        self.n += 1;
        self.first.get_or_insert_with(path);
    }

    /// What is said of them, all at once: there may be very many.
    fn issue(self) -> Option<Issue> {
        let first = self.first?;
        let message = match self.n {
            1 => "This file is not listed: it is none of the cache's, or its beginning is damaged"
                .to_owned(),
            n => format!(
                "This file and {} others are not listed: they are none of the cache's, or their beginnings are damaged",
                n - 1
            ),
        };
        Some(Issue::new(Severity::Note, first, message))
    }
}

impl<K: FileKind> Backend for FileStore<K> {
    fn kinds(&self) -> &'static [&'static str] {
        K::KIND
    }

    fn is_of_folders(&self) -> bool {
        K::IS_OF_FOLDERS
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if !candidate.is_dir() {
            return Ok(None);
        }
        let path = candidate.path();
        let fail = |e| Error::io("Cannot list the folder", &path, e);
        let dir = candidate.parent.open_dir(candidate.name).map_err(fail)?;
        let writer = self.0.writer(&dir).map_err(fail)?;
        Ok(writer.and_then(|writer| {
            Some(Recognised {
                kind: K::KIND.first()?,
                confidence: Confidence::Certain,
                writer: Some(writer),
                path,
            })
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let group = Group::named("");
        let mut collector = (scan.collector)();
        let mut others = Others::default();
        let folder = store.dir()?;
        if let Some(issue) = self.0.companion(&folder) {
            collector.issue(issue);
        }
        let mut waiting = vec![(PathBuf::new(), folder)];
        while let Some((below, dir)) = waiting.pop() {
            let names = match dir.names() {
                Ok(names) => names,
                Err(e) => {
                    let error = Error::io("Cannot list the folder", dir.path(), e);
                    if below.as_os_str().is_empty() {
                        return Err(error);
                    }
                    collector.issue(Issue::from_error(&error, dir.path()));
                    continue;
                }
            };
            for (name, file_type) in names {
                scan.cancel.check()?;
                if file_type == FileType::File {
                    let place = (&*below, &*name);
                    if !self.list(&dir, &group, place, scan.detail, &mut *collector) {
                        others.add(|| dir.path().join(&name));
                    }
                    scan.progress.add(1);
                } else if below.components().count() < K::LEVELS
                    && file_type == FileType::Dir
                    && K::is_folder(&name)
                {
                    match dir.open_dir(&name) {
                        Ok(inner) => waiting.push((below.join(&name), inner)),
                        // The last entry expired, and its folder went with it.
                        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                        Err(e) => {
                            let path = dir.path().join(&name);
                            let error = Error::io("Cannot open the folder", &path, e);
                            collector.issue(Issue::from_error(&error, &path));
                        }
                    }
                } else {
                    collector.unopened(dir.path().join(&name), file_type);
                }
            }
        }
        others
            .issue()
            .into_iter()
            .for_each(|issue| collector.issue(issue));
        Ok(())
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let (dir, name) = place_of(store, entry)?;
        self.value(&dir, &name)
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let preview = self.open_value(store, entry)?.preview(&Options::GLANCE)?;
        Ok(Details {
            facts: self.0.facts(&preview),
            paths: vec![store.info.path.join(path_of(entry))],
            ..Details::default()
        })
    }

    fn glance(&self, preview: &Preview) -> Option<String> {
        self.0.glance(preview)
    }

    fn python(&self, store: &Store, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        let (dir, name) = place_of(store, entry)?;
        let start = self.0.front(&dir, &name)?.start;
        let path = store.info.path.join(path_of(entry));
        Ok(self.0.python(&path_literal(&path), start, codec))
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let (dir, name) = place_of(store, entry)?;
        if self.0.role(&dir, &name) == Some(Role::Orphan) {
            let evidence = "a program wrote it and did not come to move it into place";
            return Ok(vec![Finding::new(Condition::Orphan, evidence)]);
        }
        let times = self.times(&dir, &name)?;
        Ok(expired(times.expires, options).into_iter().collect())
    }

    fn goes_by_access_times(&self) -> bool {
        true
    }

    fn removal(&self, _store: &Store, entry: &EntryKey) -> Result<Removal> {
        let path = path_of(entry);
        Ok(Removal::Files {
            folders: path.components().count().saturating_sub(1),
            paths: vec![path],
        })
    }

    fn own_names(&self, _kind: &str) -> Option<IsOwn> {
        Some(|dir, name, file_type| match file_type {
            FileType::File => K::is_own(dir, name),
            FileType::Dir => K::LEVELS > 0 && K::is_folder(name),
            _ => false,
        })
    }

    fn follow(&self) -> &'static dyn Follow {
        K::follow()
    }

    fn policies(&self) -> &'static [LibraryPolicy] {
        K::POLICIES
    }

    fn choose(
        &self,
        store: &Store,
        _policy: &LibraryPolicy,
        _limits: &PolicyLimits,
        now: Time,
        cancel: &Cancel,
    ) -> Result<PolicyChoice> {
        policy::expired(store, now.unix_f64(), cancel)
    }

    fn notes(&self, store: &Store, _entries: &[&EntryKey]) -> Result<Vec<String>> {
        let note = self.0.note(&store.dir()?);
        Ok(note.map(str::to_owned).into_iter().collect())
    }
}

/// Where an entry's file lies in the store's folder.
fn path_of(entry: &EntryKey) -> PathBuf {
    path_from_bytes(&entry.key)
}

/// The folder that an entry's file lies in, and its name there.
fn place_of(store: &Store, entry: &EntryKey) -> Result<(Dir, OsString)> {
    let path = path_of(entry);
    let name = path.file_name().unwrap_or_default().to_owned();
    let below = path.parent().unwrap_or(Path::new(""));
    let dir = store.dir()?.open_below(below);
    let fail = |e| {
        Error::io(
            "Cannot open the entry's folder",
            &store.info.path.join(below),
            e,
        )
    };
    Ok((dir.map_err(fail)?, name))
}
