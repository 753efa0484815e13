//! The check right before a removal: an entry's folder or file is what was listed, and nothing but the entry's own.

use std::ffi::{OsStr, OsString};
use std::io;

use super::super::disk;
use super::super::plan::Fresh;
use super::{Job, Stays};
use crate::Error;
use crate::model::{Fingerprint, Time, text};
use crate::source::{Dir, FileType, Meta};
use crate::stores::Removal;

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// Temporary files that are younger belong to somebody at work.
const FRESH_SECS: f64 = 24.0 * 3600.0;
/// An entry that was finished longer ago is not being written any more.
const SETTLED_SECS: f64 = 60.0;

/// An entry's folder, open, as it was when it was checked.
pub(super) struct SeenFolder {
    dir: Dir,
    meta: Meta,
    witness: Option<(OsString, Meta)>,
    /// Names of its files, the one that makes it an entry first.
    pub(super) files: Vec<OsString>,
}

impl SeenFolder {
    /// Opens and checks the folder `name` of an entry; `dev` is the device that it must lie on.
    pub(super) fn look(
        job: &Job<'_>,
        outer: &Dir,
        name: &OsStr,
        dev: u64,
        (now, fresh): (Time, Fresh),
    ) -> Result<Self> {
        let Removal::Folder {
            witness,
            owned,
            temporary,
            last,
            ..
        } = &job.removal
        else {
            return Err(Stays::because("it has no folder of its own"));
        };
        let path = outer.path().join(name);
        let fail = |e| failed(e, &path);
        let dir = outer.open_dir(name).map_err(fail)?;
        let meta = dir.stat_self().map_err(fail)?;
        check_place(&meta, dev, name)?;
        let mut seen = Self {
            dir,
            meta,
            witness: None,
            files: Vec::new(),
        };
        // Written when the rest is done: what was begun before it, and never renamed, nobody goes on with.
        let done = seen.dir.stat(last).ok().map(|meta| meta.modified);
        let done = done.filter(|time| time.age_secs(now) > SETTLED_SECS);
        for (file, file_type) in seen.dir.names().map_err(fail)? {
            if !owned(&file) || file_type != FileType::File {
                return Err(Stays::because(format!(
                    "its folder holds {}, which is not the cache's own",
                    quoted(&file)
                )));
            }
            let meta = seen.dir.stat(&file).map_err(fail)?;
            check_place(&meta, dev, &file)?;
            let is_left_over = fresh == Fresh::Goes
                || meta.modified.age_secs(now) >= FRESH_SECS
                || done.is_some_and(|done| meta.modified <= done);
            if temporary(&file) && !is_left_over {
                return Err(Stays::in_progress(
                    "a program is writing it, or stopped half-way less than 24 hours ago",
                ));
            }
            if file == *witness {
                seen.witness = Some((file.clone(), meta));
            }
            seen.files.push(file);
        }
        seen.files.sort_by_key(|name| name != witness);
        let stands_for_it = seen.witness.as_ref().map_or(&seen.meta, |(_, meta)| meta);
        check_same(stands_for_it, &job.planned.fingerprint)?;
        Ok(seen)
    }

    /// True if what stands at `name` is this folder and nothing in it was added, replaced or written since.
    pub(super) fn is_still(&self, dir: &Dir, name: &OsStr) -> bool {
        // A folder's own time changes with every name in it, and not when it is renamed.
        dir.stat(name).is_ok_and(|meta| is_same(&meta, &self.meta))
            && self.witness.as_ref().is_none_or(|(name, seen)| {
                self.dir.stat(name).is_ok_and(|meta| is_same(&meta, seen))
            })
    }

    /// The open folder.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }
}

/// Checks the files of an entry, and returns what was seen of each.
pub(super) fn look_at_files(
    job: &Job<'_>,
    outer: &Dir,
    names: &[&OsStr],
    dev: u64,
) -> Result<Vec<Meta>> {
    let mut metas = Vec::new();
    for name in names {
        let meta = outer
            .stat(name)
            .map_err(|e| failed(e, &outer.path().join(name)))?;
        if meta.file_type != FileType::File {
            return Err(Stays::because(format!(
                "{} is no plain file now",
                quoted(name)
            )));
        }
        check_place(&meta, dev, name)?;
        metas.push(meta);
    }
    let Some(first) = metas.first() else {
        return Err(Stays::because("it has no file of its own"));
    };
    let mut pinned = job.planned.fingerprint;
    if matches!(job.removal, Removal::Shared { .. }) {
        // The entry's own size is a part of the file's.
        pinned.size = first.size;
    }
    check_same(first, &pinned)?;
    Ok(metas)
}

/// True if nothing happened to a file or folder between two looks.
pub(in super::super) fn is_same(a: &Meta, b: &Meta) -> bool {
    (a.dev, a.ino, a.modified, a.file_type) == (b.dev, b.ino, b.modified, b.file_type)
        && (a.file_type == FileType::Dir || a.size == b.size)
}

/// The system said no, or the entry is not there any more.
pub(in super::super) fn failed(error: io::Error, path: &std::path::Path) -> Stays {
    match error.kind() {
        io::ErrorKind::NotFound => Stays::because("it is gone already"),
        _ if disk::is_no_folder(&error) => {
            Stays::because("a link or a file stands in its place now")
        }
        io::ErrorKind::ResourceBusy => Stays::because("something is mounted on it"),
        _ => Stays::Failed(Error::io("Cannot clear the entry", path, error)),
    }
}

pub(super) fn changed() -> Stays {
    Stays::because("it changed since it was listed")
}

fn check_same(meta: &Meta, pinned: &Fingerprint) -> Result {
    // A folder's size says nothing, and listings do not keep it.
    let size_fits = meta.file_type == FileType::Dir || pinned.size == meta.size;
    let same =
        (pinned.dev, pinned.ident, pinned.modified) == (meta.dev, meta.ino, meta.modified.packed());
    (same && size_fits).then_some(()).ok_or_else(changed)
}

fn check_place(meta: &Meta, dev: u64, name: &OsStr) -> Result {
    if meta.is_mount_root || meta.dev != dev {
        return Err(Stays::because(format!(
            "{} lies on another file system, or something is mounted on it",
            quoted(name)
        )));
    }
    Ok(())
}

fn quoted(name: &OsStr) -> String {
    let name = text::from_bytes(name.as_encoded_bytes());
    format!("\"{}\"", text::shown(&name))
}
