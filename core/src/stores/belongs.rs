//! A file's name to the cache that a file of that name would be a part of: nothing else may be written there.

use std::path::{Path, PathBuf};

use super::Confidence;
use super::recognise::{by_stem, recognise};
use crate::Result;
use crate::source::{open_parent, path_from_bytes};

/// Endings of files that SQLite keeps beside a database (<https://www.sqlite.org/tempfiles.html>).
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Endings of the files that a dbm of a bare name consists of (`CPython`'s dbm/dumb.py; the compatibility files of gdbm).
const OF_STEM: [&str; 4] = [".dir", ".dat", ".bak", ".pag"];

/// The cache that the file is, that it is a part of, or that it would become a part of if it were made now.
///
/// # Errors
/// If a file of that name is there and cannot be read, so that nobody can tell.
pub fn cache_with(path: &Path) -> Result<Option<PathBuf>> {
    let itself = match open_parent(path) {
        Ok((parent, name)) => recognise(&parent, &name)?.map(|found| found.path),
        Err(_) => None,
    };
    Ok(itself.or_else(|| beside(path)).or_else(|| around(path)))
}

/// The cache of a shorter name, whose own files have this one's ending.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_encoded_bytes();
    let shorter = |ending: &&str| {
        let stem = name.strip_suffix(ending.as_bytes())?;
        (!stem.is_empty()).then(|| path.with_file_name(path_from_bytes(stem)))
    };
    let of_database = BESIDE.iter().filter_map(shorter).find_map(|stem| {
        let (parent, name) = open_parent(&stem).ok()?;
        let is_file = stem.is_file();
        recognise(&parent, &name).ok()?.filter(|_| is_file)
    });
    let of_stem = || {
        OF_STEM.iter().filter_map(shorter).find_map(|stem| {
            // A file or folder of the bare name is none of a dbm's.
            let (parent, name) = by_stem(&stem).filter(|_| !stem.exists())?;
            recognise(&parent, &name).ok()?
        })
    };
    Some(of_database.or_else(of_stem)?.path)
}

/// The cache in whose folder it lies, however deep.
fn around(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    let real = folder.unwrap_or(".".as_ref()).canonicalize().ok()?;
    real.ancestors().find_map(|folder| {
        let (parent, name) = open_parent(folder).ok()?;
        let found = recognise(&parent, &name).ok()??;
        // What could be anything is no cache to stay out of, and a cache may be called by the folder above it.
        let is_cache = found.confidence > Confidence::Possible && real.starts_with(&found.path);
        is_cache.then_some(found.path)
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_cache_and_beside_it_are_told_from_others() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        std::fs::write(root.join("dd.dir"), "'k', (0, 1)\n").unwrap();
        std::fs::write(root.join("dd.dat"), "x").unwrap();
        std::fs::write(root.join("q.pkl"), b"\x80\x04K\x01.").unwrap();
        std::fs::write(root.join("plain.txt"), "words\n").unwrap();
        let compiled = root.join("__pycache__");
        std::fs::create_dir(&compiled).unwrap();
        let pyc = [b"\xf3\x0d\x0d\x0a".as_slice(), &[0; 12], b"N"].concat();
        std::fs::write(compiled.join("m.cpython-313.pyc"), pyc).unwrap();
        for (name, cache) in [
            ("dd.dir", Some("dd")),
            ("dd.dat", Some("dd")),
            ("dd.bak", Some("dd")),
            ("q.pkl", Some("q.pkl")),
            ("q.pkl-wal", Some("q.pkl")),
            ("__pycache__/report.csv", Some("__pycache__")),
            ("plain.txt", None),
            ("plain.txt-wal", None),
            ("new.db", None),
            ("dd.csv", None),
            ("dd.db", None),
            ("report.html", None),
        ] {
            let found = cache_with(&root.join(name)).unwrap();
            assert_eq!(found, cache.map(|cache| root.join(cache)), "{name}");
        }
    }
}
