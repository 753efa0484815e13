//! Programs that have a file open, as far as the system lets us see: those of the same person, or all for root.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// The programs other than this one that have the file open, named for people; empty where nobody can tell.
pub(super) fn of(file: &File) -> io::Result<Vec<String>> {
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
