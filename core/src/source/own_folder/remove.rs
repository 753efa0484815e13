//! A folder of our own to nothing: every name in it goes, relative to open folders and by several threads.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::super::{Dir, FileType};

/// Folders in one from which on threads share them: below, starting threads takes longer than the work.
const WORTH_SHARING: usize = 64;

/// What is told of a removal while it goes on, and whether it is to go on.
#[derive(Clone, Copy)]
pub(crate) struct Watched<'a> {
    /// Called with every name that is gone; false ends it there.
    pub(crate) goes_on: &'a (dyn Fn() -> bool + Sync),
    /// Threads to use at most.
    pub(crate) threads: usize,
}

/// Removes all that is in the folder but the name `last`, which the caller removes.
///
/// Links are removed and never followed.
///
/// # Errors
/// The first name that could not be removed; `Interrupted` if it was not to go on. All others are tried.
pub(super) fn empty(dir: &Dir, last: Option<&OsStr>, watched: Watched<'_>) -> io::Result<()> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    dir.list(|name, file_type| match file_type {
        _ if Some(name) == last => {}
        FileType::Dir => folders.push(name.to_owned()),
        _ => files.push(name.to_owned()),
    })?;
    let mut done = Ok(());
    for name in files {
        keep_first(&mut done, step(watched, unlink(dir, &name)));
        if is_ended(&done) {
            return done;
        }
    }
    keep_first(&mut done, all(dir, &folders, watched));
    done
}

/// Removes folders of one folder, each with all that is in it.
fn all(dir: &Dir, folders: &[OsString], watched: Watched<'_>) -> io::Result<()> {
    let one_by_one = |watched: Watched<'_>, next: &AtomicUsize| {
        let mut done = Ok(());
        while let Some(name) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
            keep_first(&mut done, one(dir, name, watched));
            if is_ended(&done) {
                break;
            }
        }
        done
    };
    let next = AtomicUsize::new(0);
    if folders.len() < WORTH_SHARING || watched.threads < 2 {
        return one_by_one(watched, &next);
    }
    let alone = Watched {
        threads: 1,
        ..watched
    };
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..watched.threads)
            .filter_map(|n| {
                let helper = thread::Builder::new().name(format!("tidy {n}"));
                helper.spawn_scoped(scope, || one_by_one(alone, &next)).ok()
            })
            .collect();
        let mut done = one_by_one(alone, &next);
        for helper in helpers {
            let theirs = helper.join();
            keep_first(
                &mut done,
                theirs.unwrap_or_else(|_| Err(io::Error::other("a thread failed"))),
            );
        }
        done
    })
}

fn one(parent: &Dir, name: &OsStr, watched: Watched<'_>) -> io::Result<()> {
    empty(&parent.open_dir(name)?, None, watched)?;
    step(watched, remove_dir(parent, name))
}

/// What became of one name, or that it was the last one.
fn step(watched: Watched<'_>, removed: io::Result<()>) -> io::Result<()> {
    if (watched.goes_on)() {
        removed
    } else {
        Err(io::ErrorKind::Interrupted.into())
    }
}

fn is_ended(done: &io::Result<()>) -> bool {
    matches!(done, Err(e) if e.kind() == io::ErrorKind::Interrupted)
}

/// Keeps the first error, but for an end that was asked for: nothing more is done then.
fn keep_first(done: &mut io::Result<()>, next: io::Result<()>) {
    if done.is_ok() || is_ended(&next) {
        *done = next;
    }
}

#[cfg(unix)]
pub(super) fn unlink(dir: &Dir, name: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(
        dir,
        name,
        rustix::fs::AtFlags::empty(),
    )?)
}

#[cfg(unix)]
pub(super) fn remove_dir(dir: &Dir, name: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(
        dir,
        name,
        rustix::fs::AtFlags::REMOVEDIR,
    )?)
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "a folder of our own")]
pub(super) fn unlink(dir: &Dir, name: &OsStr) -> io::Result<()> {
    std::fs::remove_file(dir.path().join(name))
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "a folder of our own")]
pub(super) fn remove_dir(dir: &Dir, name: &OsStr) -> io::Result<()> {
    std::fs::remove_dir(dir.path().join(name))
}
