//! One cache on disk, as recognised: where it is, what it is, who wrote it.

use std::path::{Path, PathBuf};

/// Identity of an open store within this process: its path and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId(u64);

/// What recognition found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// Identity for selections and jobs.
    pub id: StoreId,
    /// The store's own folder or file, absolute, links resolved.
    pub path: PathBuf,
    /// The path that the person opened; its parent holds the quarantine.
    pub opened_as: PathBuf,
    /// Kind as in queries and JSON: `joblib`, `pickle`, `diskcache`, ….
    pub kind: &'static str,
    /// Library and version as far as the bytes tell.
    pub writer: Option<String>,
}

impl StoreInfo {
    /// A store of `kind` at `path`, found by opening `opened_as`.
    pub fn new(path: &Path, opened_as: &Path, kind: &'static str, writer: Option<String>) -> Self {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(b"\0");
        hash.update(kind.as_bytes());
        Self {
            id: StoreId(hash.digest()),
            path: path.to_owned(),
            opened_as: opened_as.to_owned(),
            kind,
            writer,
        }
    }

    /// The last part of the path that tells stores apart: `features` for `…/features/joblib`.
    pub fn title(&self) -> String {
        let Some(name) = self.chosen().file_name() else {
            return "/".to_owned();
        };
        let name = super::text::from_bytes(name.as_encoded_bytes());
        if self.kind == "probe" {
            // The program and its number: train.py-4711.
            return name.trim_end_matches(".json").to_owned();
        }
        name.into_owned()
    }

    /// The folder in which the store lies as a whole: files put there are none of the store's. Empty for `/`.
    pub fn folder_beside(&self) -> &Path {
        self.chosen().parent().unwrap_or(Path::new(""))
    }

    /// The path that people chose: of joblib's `Memory("x")`, which keeps its store in `x/joblib`, that is `x`.
    fn chosen(&self) -> &Path {
        let parent = self.path.parent().filter(|p| p.file_name().is_some());
        match parent {
            Some(parent) if self.path.file_name().is_some_and(|n| n == "joblib") => parent,
            _ => &self.path,
        }
    }
}
