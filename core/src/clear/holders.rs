//! Programs that have a file open, as far as the system lets us see: those of the same person, or all for root.

use std::fs::File;
use std::io;

/// The programs other than this one that have the file open, named for people; empty where nobody can tell.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
pub(super) fn of(_file: &File) -> io::Result<Vec<String>> {
    Ok(Vec::new())
}

/// The programs other than this one that have the file open, named for people; empty where nobody can tell.
#[cfg(unix)]
pub(super) fn of(file: &File) -> io::Result<Vec<String>> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = file.metadata()?;
    let id = (meta.dev(), meta.ino());
    let me = std::process::id().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Ok(Vec::new());
    };
    let mut holders = Vec::new();
    for process in processes.flatten() {
        let name = process.file_name();
        let is_other = name
            .to_str()
            .is_some_and(|n| n.parse::<u32>().is_ok() && n != me);
        // A process may end at any moment, and other people's may not be looked into.
        let Some(open) = is_other
            .then(|| std::fs::read_dir(process.path().join("fd")).ok())
            .flatten()
        else {
            continue;
        };
        let is_it = |fd: std::fs::DirEntry| {
            std::fs::metadata(fd.path()).is_ok_and(|m| (m.dev(), m.ino()) == id)
        };
        if open.flatten().any(is_it) {
            let command = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            holders.push(format!(
                "{} (process {})",
                command.trim(),
                name.to_string_lossy()
            ));
        }
    }
    Ok(holders)
}

/// `python3 (process 12) and 2 more`.
pub(super) fn named(holders: &[String]) -> Option<String> {
    let (first, rest) = holders.split_first()?;
    Some(match rest.len() {
        0 => first.clone(),
        n => format!("{first} and {n} more"),
    })
}

/// Rings at each opening of a file from now on: who opens it while its holders are counted is missed by the count.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct Doorbell(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Doorbell {
    /// Watches the door of an open file.
    pub(super) fn at(file: &File) -> io::Result<Self> {
        use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
        use std::os::fd::AsRawFd as _;
        let bell = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let door = format!("/proc/self/fd/{}", file.as_raw_fd());
        inotify::add_watch(&bell, door, WatchFlags::OPEN)?;
        Ok(Self(bell))
    }

    /// True if it rang since the last time that it was asked.
    pub(super) fn has_rung(&self) -> bool {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 512];
        let mut rings = rustix::fs::inotify::Reader::new(&self.0, &mut buffer);
        let mut has_rung = false;
        while rings.next().is_ok() {
            has_rung = true;
        }
        has_rung
    }
}

/// Elsewhere nothing rings: a file without locks is changed only at a person's word that nobody uses it.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Doorbell;

#[cfg(not(target_os = "linux"))]
impl Doorbell {
    pub(super) fn at(_file: &File) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) fn has_rung(&self) -> bool {
        true
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Doorbell;

    #[test]
    fn a_bell_rings_once_for_what_was_opened_since() {
        let temp = tempfile::tempdir().unwrap();
        let file = tempfile::NamedTempFile::new_in(temp.path()).unwrap();
        let bell = Doorbell::at(file.as_file()).unwrap();
        assert!(!bell.has_rung());
        drop(file.reopen().unwrap());
        assert!(bell.has_rung());
        assert!(!bell.has_rung());
    }
}
