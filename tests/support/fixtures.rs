//! The committed stores of `tests/fixtures`, with what the libraries that wrote them say of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// One store as `tests/fixtures/manifest.json` describes it; `tests/fixtures/README.md` explains the members.
#[derive(Debug, Deserialize)]
pub(crate) struct Fixture {
    path: String,
    store: Option<String>,
    pub(crate) kind: String,
    pub(crate) entries: Vec<Reported>,
    n_entries: Option<usize>,
    #[serde(default)]
    pub(crate) side_files: Vec<String>,
}

/// An entry as its library reports it.
#[derive(Debug, Deserialize)]
pub(crate) struct Reported {
    /// Members of the entry's line in `ls --json`.
    #[serde(default)]
    pub(crate) entry: Value,
    /// Members of its line in `show --json`; null where the library itself cannot load it.
    #[serde(default)]
    pub(crate) value: Value,
    /// For stored responses of web servers: url, method, status, and length of the body.
    #[serde(default)]
    pub(crate) http: Value,
    /// Set where the entry is not whole.
    pub(crate) condition: Option<String>,
}

/// Every committed fixture, by path.
pub(crate) fn all() -> Vec<Fixture> {
    let text = fs::read(folder().join("manifest.json")).expect("the manifest");
    serde_json::from_slice(&text).expect("the manifest parses")
}

impl Fixture {
    /// What a person would open.
    pub(crate) fn opened(&self) -> PathBuf {
        folder().join(&self.path)
    }

    /// The store's own folder or file.
    pub(crate) fn store(&self) -> PathBuf {
        match &self.store {
            Some(below) => self.opened().join(below),
            None => self.opened(),
        }
    }

    /// How many entries there are; `entries` may name only some.
    pub(crate) fn n_entries(&self) -> usize {
        self.n_entries.unwrap_or(self.entries.len())
    }

    /// A copy that a test may change, and the path in it to open. With a file come those whose names begin as its does.
    pub(crate) fn copy(&self) -> (TempDir, PathBuf) {
        let temp = TempDir::new().expect("a temporary folder");
        let from = self.opened();
        let name = from.file_name().expect("a fixture has a name");
        if from.is_dir() {
            copy_tree(&from, &temp.path().join(name));
        } else {
            let stem = from
                .file_stem()
                .expect("a fixture has a name")
                .as_encoded_bytes();
            for item in fs::read_dir(from.parent().expect("a fixture has a folder"))
                .expect("a fixture is readable")
            {
                let item = item.expect("a fixture is readable");
                if item.file_name().as_encoded_bytes().starts_with(stem) {
                    fs::copy(item.path(), temp.path().join(item.file_name()))
                        .expect("a file is copied");
                }
            }
        }
        let path = temp.path().join(name);
        (temp, path)
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for item in fs::read_dir(from).expect("a fixture is readable") {
        let item = item.expect("a fixture is readable");
        let target = to.join(item.file_name());
        if item.file_type().expect("a fixture is readable").is_dir() {
            copy_tree(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).expect("a file is copied");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// dbm files are opened by a name to which the flavours add their own endings.
    fn is_there(path: &Path) -> bool {
        let endings = ["", ".dir", ".db", ".pag"];
        endings.iter().any(|ending| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            Path::new(&name).exists()
        })
    }

    #[test]
    fn the_manifest_names_stores_that_are_there() {
        for fixture in all() {
            assert!(is_there(&fixture.store()), "{fixture:?}");
            assert!(fixture.n_entries() >= fixture.entries.len(), "{fixture:?}");
            for name in &fixture.side_files {
                assert!(fixture.opened().with_file_name(name).exists(), "{name}");
            }
        }
    }

    #[test]
    fn every_committed_folder_is_in_the_manifest() {
        let opened: Vec<PathBuf> = all().iter().map(Fixture::opened).collect();
        let kinds = fs::read_dir(folder()).unwrap().map(Result::unwrap);
        for kind in kinds.filter(|item| item.path().is_dir() && item.file_name() != "writers") {
            for made in fs::read_dir(kind.path()).unwrap().map(Result::unwrap) {
                let made = made.path();
                assert!(
                    opened.iter().any(|path| path.starts_with(&made)),
                    "{made:?}"
                );
            }
        }
    }

    #[test]
    fn every_kind_that_is_written_to_disk_by_a_library_has_a_fixture() {
        let kinds: BTreeSet<String> = all().into_iter().map(|fixture| fixture.kind).collect();
        let expected = [
            "cachelib-file",
            "dbm-dumb",
            "dbm-gnu",
            "dbm-ndbm",
            "dbm-sqlite3",
            "diskcache",
            "diskcache-fanout",
            "django-db",
            "django-file",
            "hishel",
            "joblib",
            "joblib-dump",
            "langchain",
            "marshal",
            "pickle",
            "pyc",
            "requests-cache",
            "sqlite",
            "sqlitedict",
        ];
        assert!(
            expected.iter().all(|kind| kinds.contains(*kind)),
            "{kinds:?}"
        );
    }

    #[test]
    fn outputs_of_joblib_have_the_bytes_that_the_manifest_says() {
        let mut n_checked = 0;
        for fixture in all().iter().filter(|fixture| fixture.kind == "joblib") {
            for reported in fixture.entries.iter().filter(|r| r.condition.is_none()) {
                let member = |name: &str| reported.entry[name].as_str().unwrap();
                let folder = fixture.store().join(member("group")).join(member("key"));
                assert_eq!(reported.entry["bytes"], output_bytes(&folder), "{folder:?}");
                n_checked += 1;
            }
        }
        assert!(n_checked > 250, "{n_checked}");
    }

    fn output_bytes(entry_folder: &Path) -> u64 {
        fs::read_dir(entry_folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|file| file.file_name().to_string_lossy().starts_with("output.pkl"))
            .map(|file| file.metadata().unwrap().len())
            .sum()
    }

    #[test]
    fn a_copy_has_what_lies_beside_a_file_too() {
        let all = all();
        let fixture = all.iter().find(|f| !f.side_files.is_empty()).unwrap();
        let (_temp, copied) = fixture.copy();
        for name in &fixture.side_files {
            assert!(copied.with_file_name(name).exists(), "{name}");
        }
        assert!(
            fixture
                .entries
                .iter()
                .all(|reported| reported.value.is_object())
        );
    }
}
