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
        let name = |p: &Path| {
            p.file_name()
                .map(|n| super::text::from_bytes(n.as_encoded_bytes()).into_owned())
        };
        let own = name(&self.path);
        match (own.as_deref(), self.path.parent().and_then(name)) {
            // joblib's Memory("x") keeps its store in x/joblib: x is the name people chose.
            (Some("joblib"), Some(parent)) => parent,
            // The program and its number: train.py-4711.
            (Some(own), _) if self.kind == "probe" => own.trim_end_matches(".json").to_owned(),
            (Some(_), _) => own.unwrap_or_default(),
            (None, _) => "/".to_owned(),
        }
    }
}
