//! Freed where it lies, because nothing can be moved aside: under a name of ours in the same folder, then gone.
//!
//! No system removes a name only if it still means what was looked at. So a thing first leaves its name for one that
//! no program uses, and is looked at there; what came in between goes back.

use std::ffi::{OsStr, OsString};
use std::io;

use super::disk;
use crate::source::{Dir, path_from_bytes};

/// Begins our names. The rest is the name that a thing had, so that whoever finds it can put it back.
const PREFIX: &str = ".cachescope~";
/// Begins the names of folders that were looked at and are being freed.
const DOOMED: &str = ".cachescope-freed~";

/// What became of a thing that was to leave its name.
pub(super) enum Taken {
    /// It has this name now.
    Apart(OsString),
    /// Another one had come under its name, and has it still.
    Other,
}

/// Takes what is called `name` from there; `is_it` looks at it under its new name.
///
/// # Errors
/// "Already exists" if it was another thing and a third one took its place meanwhile, or what the system said.
pub(super) fn take(
    dir: &Dir,
    name: &OsStr,
    is_it: impl FnOnce(&OsStr) -> bool,
) -> io::Result<Taken> {
    let apart = with(PREFIX, name);
    match disk::rename(dir, name, dir, &apart) {
        // It is looked at where it is then, as shortly before its removal as can be.
        Err(e) if e.kind() == io::ErrorKind::InvalidFilename => {
            return Ok(if is_it(name) {
                Taken::Apart(name.to_owned())
            } else {
                Taken::Other
            });
        }
        other => other?,
    }
    if is_it(&apart) {
        return Ok(Taken::Apart(apart));
    }
    disk::rename(dir, &apart, dir, name)?;
    Ok(Taken::Other)
}

/// Says for good that a folder that was taken apart is being freed, which takes several steps; returns its name.
///
/// # Errors
/// What the system said: then it has its name again, as far as that is free.
pub(super) fn doom(dir: &Dir, apart: &OsStr, name: &OsStr) -> io::Result<OsString> {
    let doomed = with(DOOMED, name);
    match disk::rename(dir, apart, dir, &doomed) {
        Ok(()) => Ok(doomed),
        Err(e) => {
            give_back(dir, apart, name);
            Err(e)
        }
    }
}

/// Gives a thing its name again, as far as that is free.
pub(super) fn give_back(dir: &Dir, apart: &OsStr, name: &OsStr) {
    if apart != name
        && let Err(e) = disk::rename(dir, apart, dir, name)
    {
        // The program has stored a newer one: which of the two was meant to go nobody can say now.
        log::warn!("{}: {e}", dir.path().join(apart).display());
    }
}

/// True for a name of ours, which only a clear that was cut short leaves behind.
pub(super) fn is_ours(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    was_called(name).is_some() || bytes.starts_with(DOOMED.as_bytes())
}

/// Finishes what a clear was at in a folder when it was cut short: what was being freed goes, all else gets its name.
pub(super) fn tidy(dir: &Dir) {
    let mut left = Vec::new();
    let listed = dir.list(|name, file_type| {
        if is_ours(name) {
            left.push((name.to_owned(), file_type));
        }
    });
    if let Err(e) = listed {
        log::warn!("{}: {e}", dir.path().display());
    }
    for (name, file_type) in left {
        if let Some(was) = was_called(&name) {
            give_back(dir, &name, &was);
        } else if let Err(e) = disk::remove_tree(dir, &name, file_type) {
            log::warn!("{}: {e}", dir.path().join(name).display());
        }
    }
}

fn was_called(name: &OsStr) -> Option<OsString> {
    let bytes = name.as_encoded_bytes().strip_prefix(PREFIX.as_bytes())?;
    (!bytes.is_empty()).then(|| path_from_bytes(bytes).into())
}

fn with(prefix: &str, name: &OsStr) -> OsString {
    let mut whole = OsString::from(prefix);
    whole.push(name);
    whole
}
