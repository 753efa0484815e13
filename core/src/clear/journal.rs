//! The manifest of one clear: what was meant to go and where it lay, written whole before anything moves.
//!
//! JSON Lines: a head, then groups and entries, and an end once nothing more will be moved. What is held is not
//! written down: entry `n` is held exactly if something is called `n` (or `n.0`, `n.1`, …) beside the manifest.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead as _, Read as _, Seek as _};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::Act;
use super::{disk, wire};
use crate::model::{EntryKey, Time};
use crate::source::{Dir, FileType};
use crate::stores::Removal;

/// Its name in the folder of one clear.
pub(super) const MANIFEST: &str = "manifest.jsonl";
/// Version of the form.
const VERSION: u32 = 1;
/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;
/// A line holds one key or one function's source.
const MAX_LINE_BYTES: u64 = 256 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
enum Line {
    Head(Head),
    Group(Group),
    Entry(Entry),
    End,
}

/// What was cleared, where and when. Paths are relative to the folder that the quarantine lies in,
/// so that the two can be moved together, and so that no manifest can name a place outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) id: String,
    pub(super) cleared: Time,
    pub(super) kind: String,
    /// What was done with the entries.
    #[serde(default, skip_serializing_if = "Act::is_clear")]
    pub(super) act: Act,
    /// The store itself.
    #[serde(with = "wire::path")]
    pub(super) store: PathBuf,
    /// The path that was opened.
    #[serde(with = "wire::path")]
    pub(super) opened: PathBuf,
    /// The folder that paths of entries are relative to.
    #[serde(with = "wire::path")]
    pub(super) base: PathBuf,
    /// Names what one command cleared in several stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) together: Option<String>,
}

/// Which mechanism takes an entry out and brings it back: one file each in `apply` and in `undo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// Folders and files, moved.
    #[default]
    Files,
    /// Rows of SQLite databases, saved and deleted.
    Rows,
    /// Keys of dbm files, saved and removed.
    Keys,
}

impl By {
    /// The mechanism for a removal.
    pub(super) fn of(removal: &Removal) -> Self {
        match removal {
            Removal::Folder { .. } | Removal::Files { .. } | Removal::Shared { .. } => Self::Files,
            Removal::Row(_) => Self::Rows,
            Removal::Key(_) => Self::Keys,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_files(&self) -> bool {
        *self == Self::Files
    }
}

/// A folder that entries lay in, and what their worth depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    #[serde(with = "wire::path")]
    pub(super) dir: PathBuf,
    pub(super) mode: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) guard: Option<GuardText>,
}

/// The guard as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GuardText {
    #[serde(with = "wire::path")]
    pub(super) path: PathBuf,
    pub(super) mode: Option<u32>,
    #[serde(with = "wire::bytes")]
    pub(super) text: Box<[u8]>,
}

/// One entry that was meant to go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) n: usize,
    #[serde(default, skip_serializing_if = "By::is_files")]
    pub(super) by: By,
    /// The entry whose files hold this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) goes_with: Option<usize>,
    #[serde(with = "wire::key")]
    pub(super) key: EntryKey,
    pub(super) key_label: String,
    pub(super) group_label: String,
    pub(super) bytes: u64,
    pub(super) is_folder: bool,
    /// Where its folder or its files lay, relative to the base.
    #[serde(with = "wire::paths")]
    pub(super) paths: Vec<PathBuf>,
}

impl Entry {
    /// The names under which its parts are held, and where each belongs; the part that makes it an entry comes first.
    pub(super) fn parts(&self) -> impl DoubleEndedIterator<Item = (OsString, &Path)> {
        self.paths
            .iter()
            .enumerate()
            .map(|(k, path)| (part_name(self.n, self.is_folder, k), &**path))
    }
}

/// `7` for a folder, `7.0` for the first of several files.
pub(super) fn part_name(n: usize, is_folder: bool, part: usize) -> OsString {
    if is_folder {
        n.to_string().into()
    } else {
        format!("{n}.{part}").into()
    }
}

/// Writes a manifest, line by line.
pub(super) struct Writer<'a> {
    file: &'a File,
    waiting: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self {
            file,
            waiting: Vec::new(),
        }
    }

    pub(super) fn head(&mut self, mut head: Head) -> io::Result<()> {
        head.version = VERSION;
        self.line(&Line::Head(head))
    }

    pub(super) fn group(&mut self, group: Group) -> io::Result<()> {
        self.line(&Line::Group(group))
    }

    pub(super) fn entry(&mut self, entry: Entry) -> io::Result<()> {
        self.line(&Line::Entry(entry))
    }

    /// Waits until all of it is on the disk.
    pub(super) fn sync(mut self) -> io::Result<()> {
        self.flush()?;
        disk::sync_file(self.file)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, line)?;
        self.waiting.push(b'\n');
        if self.waiting.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        disk::append(self.file, &self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

/// Says that nothing more will be moved.
pub(super) fn finish(file: &File) -> io::Result<()> {
    let mut writer = Writer::new(file);
    writer.line(&Line::End)?;
    writer.sync()
}

/// A manifest as it was read back.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) head: Head,
    pub(super) groups: BTreeMap<PathBuf, Group>,
    pub(super) entries: Vec<Entry>,
    /// False if the clear that wrote it was cut short.
    pub(super) is_finished: bool,
}

impl Manifest {
    /// Reads a manifest; `None` if it was cut off before its head was whole, so that nothing was moved yet.
    ///
    /// A last line that is torn is left out: it was not yet synced, so nothing of it was moved. So is a line that is
    /// damaged: it keeps no other entry back, and what it names stays held.
    pub(super) fn read(mut file: &File) -> io::Result<Option<Self>> {
        file.rewind()?;
        let mut lines = io::BufReader::new(file);
        let mut text = Vec::new();
        let mut next = || -> io::Result<Option<Result<Line, serde_json::Error>>> {
            text.clear();
            lines
                .by_ref()
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut text)?;
            let is_whole = text.last() == Some(&b'\n');
            Ok(is_whole.then(|| serde_json::from_slice(&text)))
        };
        let head = match next()?.transpose()? {
            Some(Line::Head(head)) if head.version == VERSION => head,
            Some(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "another version wrote it",
                ));
            }
            None => return Ok(None),
        };
        for path in [&head.store, &head.opened, &head.base] {
            stays_inside(path)?;
        }
        let mut manifest = Self {
            head,
            groups: BTreeMap::new(),
            entries: Vec::new(),
            is_finished: false,
        };
        while let Some(line) = next()? {
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    log::warn!("a line of a manifest cannot be read: {error}");
                    continue;
                }
            };
            match line {
                Line::Group(group) => {
                    stays_inside(&group.dir)?;
                    group
                        .guard
                        .as_ref()
                        .map_or(Ok(()), |guard| stays_inside(&guard.path))?;
                    manifest.groups.insert(group.dir.clone(), group);
                }
                Line::Entry(entry) => {
                    entry.paths.iter().try_for_each(|path| stays_inside(path))?;
                    manifest.entries.push(entry);
                }
                Line::End => manifest.is_finished = true,
                Line::Head(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        Ok(Some(manifest))
    }
}

/// A path in a manifest is made of plain names: no root, no `..`.
fn stays_inside(path: &Path) -> io::Result<()> {
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    plain.then_some(()).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "it names a place outside its own folder",
        )
    })
}

/// Names of the things held in the folder of one clear.
pub(super) fn held_names(dir: &Dir) -> io::Result<Vec<(OsString, FileType)>> {
    let mut names = Vec::new();
    dir.list(|name, file_type| {
        if is_held_name(name) {
            names.push((name.to_owned(), file_type));
        }
    })?;
    Ok(names)
}

/// The number of the entry that a held thing belongs to.
pub(super) fn entry_of(name: &OsStr) -> Option<usize> {
    let name = name.to_str()?;
    name.split('.').next()?.parse().ok()
}

fn is_held_name(name: &OsStr) -> bool {
    name.as_encoded_bytes()
        .first()
        .is_some_and(u8::is_ascii_digit)
}
