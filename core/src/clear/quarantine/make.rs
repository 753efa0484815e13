//! A new shelf, in a quarantine that is made where there is none.

use std::fs::File;
use std::io;
use std::path::Path;

use super::super::journal::MANIFEST;
use super::super::{QUARANTINE, disk};
use super::lock::lock;
use super::{LOCK, Purpose, Quarantine, Shelf, TAG, tidy_in};
use crate::source::Dir;
use crate::{Error, Result};

/// Version control leaves the folder alone.
const LOCK_TEXT: &[u8] = b"*\n";
/// Back-up programs leave it out: <https://bford.info/cachedir/>.
const TAG_TEXT: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n\
# Cachescope moved cache entries aside into this folder; `cachescope undo` brings them back.\n";
/// A new shelf called `id` in the quarantine of `parent`, which is made if there is none.
pub(in super::super) fn new_shelf(
    parent: &Dir,
    id: &str,
    purpose: Purpose,
) -> Result<(Quarantine, Shelf)> {
    let path = parent.path().join(QUARANTINE);
    // Another Cachescope may throw an empty quarantine away between two of our steps: then once more.
    for _ in 0..20 {
        match try_new_shelf(parent, id, purpose) {
            Ok(Some(made)) => return Ok(made),
            Ok(None) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => {
                let error = cannot_make(&path, e, purpose);
                tidy_in(parent);
                return Err(error);
            }
        }
    }
    Err(cannot_make(
        &path,
        io::ErrorKind::ResourceBusy.into(),
        purpose,
    ))
}

fn try_new_shelf(
    parent: &Dir,
    id: &str,
    purpose: Purpose,
) -> io::Result<Option<(Quarantine, Shelf)>> {
    match disk::make_dir(parent, QUARANTINE.as_ref(), 0o700) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    let quarantine = Quarantine {
        parent: parent.open_below(Path::new(""))?,
        dir: parent.open_dir(QUARANTINE.as_ref())?,
    };
    if !disk::is_ours(&quarantine.dir, parent)? {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "somebody else owns it or may write into it",
        ));
    }
    let lock_file = disk::open_or_create(&quarantine.dir, LOCK.as_ref())?;
    lock(&lock_file)?;
    if !quarantine.is_in_place(&lock_file) {
        return Ok(None);
    }
    fill_if_empty(&lock_file, LOCK_TEXT)?;
    fill_if_empty(
        &disk::open_or_create(&quarantine.dir, TAG.as_ref())?,
        TAG_TEXT,
    )?;
    let name = make_shelf_dir(&quarantine.dir, id)?;
    let dir = quarantine.dir.open_dir(name.as_ref())?;
    let manifest = disk::create(&dir, MANIFEST.as_ref())?;
    lock(&manifest)?;
    Ok(Some((
        quarantine,
        Shelf {
            name,
            dir,
            manifest,
            purpose,
        },
    )))
}

/// Makes `ID`, or `ID-2`, `ID-3`, … where a plan is applied more than once.
fn make_shelf_dir(dir: &Dir, id: &str) -> io::Result<String> {
    for n in 1..10_000 {
        let name = if n == 1 {
            id.to_owned()
        } else {
            format!("{id}-{n}")
        };
        // A shelf that is doomed later must find its new name free.
        if dir.stat(Quarantine::doomed(&name).as_ref()).is_ok() {
            continue;
        }
        match disk::make_dir(dir, name.as_ref(), 0o700) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|()| name),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn fill_if_empty(file: &File, text: &[u8]) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        disk::append(file, text)?;
    }
    Ok(())
}

fn cannot_make(path: &Path, error: io::Error, purpose: Purpose) -> Error {
    let what = "the folder for them cannot be made";
    let why = if error.kind() == io::ErrorKind::WouldBlock {
        Error::refused(what, "another Cachescope is at work there")
    } else {
        Error::io(what, path, error)
    };
    if purpose == Purpose::Free {
        // What can be done without is the caller's to say.
        return why;
    }
    Error::refused(
        "Nothing is cleared, as entries cannot be moved aside for undo",
        why.message(),
    )
    .at(path)
    .hint("--permanent clears without undo")
}
