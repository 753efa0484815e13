//! Compiled modules beside sources of all sorts.

#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::model::{Cancel, Progress, Snapshot};
use crate::stores::open_all;

/// What stands behind a header: `marshal.dumps(None)`.
const NONE: &[u8] = b"N";
/// Magic number of CPython 3.11.
const MAGIC: &[u8] = b"\xa7\r\r\n";

/// A `.pyc` of Python 3.11: flags, and the two words or the hash behind them.
fn compiled(flags: u8, origin: [u8; 8]) -> Vec<u8> {
    [MAGIC, &[flags, 0, 0, 0], &origin, NONE].concat()
}

/// What a check says of each file in the `__pycache__` of `package`.
fn conditions(package: &Path) -> Vec<(String, Condition)> {
    let info = open_all(&package.join(FOLDER)).unwrap().remove(0);
    let store = Store::open(&info).unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    let options = CheckOptions::default();
    let mut found: Vec<_> = snapshot
        .records()
        .map(|(_, record)| {
            let verdict = crate::ops::check::entry(&store, &record, &options).unwrap();
            (record.key_text().into_owned(), verdict.condition)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_source_is_gone_only_where_nothing_leads_to_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = |name: &str| temp.path().join(name);
    fs::create_dir(path(FOLDER)).unwrap();
    fs::write(path("real.txt"), "x = 1\n").unwrap();
    let mtime = fs::metadata(path("real.txt")).unwrap().modified().unwrap();
    let mtime = mtime
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mtime = u32::try_from(mtime).unwrap().to_le_bytes();
    let origin = [mtime, 6_u32.to_le_bytes()].concat().try_into().unwrap();
    for name in ["linked", "dangling", "missing"] {
        let pyc = path(FOLDER).join(format!("{name}.cpython-311.pyc"));
        fs::write(pyc, compiled(0, origin)).unwrap();
    }
    symlink("real.txt", path("linked.py")).unwrap();
    symlink("nowhere.txt", path("dangling.py")).unwrap();
    // Its hash would take it into memory whole.
    let vast = fs::File::create(path("vast.py")).unwrap();
    vast.set_len(SOURCE_BYTES + 1).unwrap();
    fs::write(
        path("__pycache__/vast.cpython-311.pyc"),
        compiled(3, [0; 8]),
    )
    .unwrap();
    fs::write(path("__pycache__/linked.cpython-311.pyc.139"), b"").unwrap();
    fs::write(path("__pycache__/no.cpython-311.pyc.bak"), b"").unwrap();
    let expected = [
        ("dangling.cpython-311.pyc", Condition::SourceGone),
        ("linked.cpython-311.pyc", Condition::Fresh),
        ("linked.cpython-311.pyc.139", Condition::Orphan),
        ("missing.cpython-311.pyc", Condition::SourceGone),
        ("vast.cpython-311.pyc", Condition::Unread),
    ];
    assert_eq!(
        conditions(temp.path()),
        expected.map(|(name, found)| (name.to_owned(), found))
    );
}

/// What a check says of the one file at `path`.
fn condition(path: &Path) -> (Condition, String) {
    let info = open_all(path).unwrap().remove(0);
    let store = Store::open(&info).unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    let (_, record) = snapshot.records().next().unwrap();
    let verdict = crate::ops::check::entry(&store, &record, &CheckOptions::default()).unwrap();
    (verdict.condition, verdict.evidence.concat())
}

/// `compileall -b` and the sources removed: Python imports these files as the modules themselves.
#[test]
fn a_module_without_a_source_is_no_left_over() {
    let temp = tempfile::tempdir().unwrap();
    for (name, expected) in [
        ("pkg/core.pyc", Condition::Fresh),
        ("pkg/my.core.pyo", Condition::Fresh),
        ("pkg/core.cpython-311.pyc", Condition::SourceGone),
        ("pkg/__pycache__/core.pyc", Condition::SourceGone),
    ] {
        let path = temp.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, compiled(0, [0; 8])).unwrap();
        let (found, evidence) = condition(&path);
        assert_eq!(found, expected, "{name}");
        assert!(evidence.contains("core.py"), "{evidence}");
    }
}

#[test]
fn what_an_unknown_python_compiled_is_listed_and_not_called_damaged() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join(FOLDER);
    fs::create_dir(&folder).unwrap();
    fs::write(temp.path().join("mod.py"), b"").unwrap();
    let unknown = [b"\x50\x01\r\n", &compiled(0, [0; 8])[4..]].concat();
    fs::write(folder.join("mod.pypy39.pyc"), &unknown).unwrap();
    let info = open_all(&folder).unwrap().remove(0);
    assert_eq!(info.writer.as_deref(), Some("a Python of magic 336"));
    fs::write(folder.join("mod.cpython-311.pyc"), compiled(1, [0; 8])).unwrap();
    fs::write(folder.join("torn.cpython-311.pyc"), b"\x50\x01\n\n").unwrap();
    let expected = [
        ("mod.cpython-311.pyc", Condition::Fresh),
        ("mod.pypy39.pyc", Condition::Unread),
        ("torn.cpython-311.pyc", Condition::Corrupt),
    ];
    assert_eq!(
        conditions(temp.path()),
        expected.map(|(name, found)| (name.to_owned(), found))
    );
    let info = open_all(&folder).unwrap().remove(0);
    assert_eq!(info.writer.as_deref(), Some("Python 3.11"));
    let (found, evidence) = condition(&folder.join("mod.pypy39.pyc"));
    assert_eq!(found, Condition::Unread);
    assert!(evidence.contains("magic 336"), "{evidence}");
    // Any text may begin so.
    fs::write(temp.path().join("list.txt"), b"no\r\nyes\r\n").unwrap();
    assert!(open_all(&temp.path().join("list.txt")).is_err());
}

/// Names as `importlib.util.cache_from_source` of CPython 2.7 to 3.13 and `PyPy`, and pytest make them.
#[test]
fn names_lead_to_the_source() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().canonicalize().unwrap();
    let below = root.strip_prefix("/").unwrap();
    let prefixed = |name: &str| Path::new("prefix").join(below).join(name);
    let cases = [
        ("__pycache__/mod.cpython-313.pyc".into(), "mod.py"),
        ("__pycache__/mod.cpython-34.pyo".into(), "mod.py"),
        (
            "__pycache__/my.mod.cpython-313.opt-2.pyc".into(),
            "my.mod.py",
        ),
        ("__pycache__/my.v-2.pypy39.pyc".into(), "my.v-2.py"),
        (
            "__pycache__/mod.cpython-311-pytest-8.3.4.pyc".into(),
            "mod.py",
        ),
        ("__pycache__/mod.pyc".into(), "mod.py"),
        ("mod.pyc".into(), "mod.py"),
        ("mod.pyo".into(), "mod.py"),
        ("mod.pyc.bak".into(), "mod.py"),
        ("mod".into(), "mod.py"),
        ("my.mod.pyc".into(), "my.mod.py"),
        ("my.v-2.pyc".into(), "my.v-2.py"),
        (prefixed("my.mod.cpython-313.opt-1.pyc"), "my.mod.py"),
    ];
    for source in ["mod.py", "my.mod.py", "my.v-2.py"] {
        fs::write(root.join(source), b"").unwrap();
    }
    for (compiled, source) in cases {
        let path = root.join(&compiled);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Unchecked: whatever the source says, it is fresh where it is found.
        fs::write(&path, self::compiled(1, [0; 8])).unwrap();
        let info = open_all(&path).unwrap().remove(0);
        let files = Files::of(&Store::open(&info).unwrap()).unwrap();
        assert_eq!(
            files.source_path(path.file_name().unwrap()),
            root.join(source),
            "{compiled:?}"
        );
        let snapshot = Snapshot::read(
            &Store::open(&info).unwrap(),
            &Cancel::default(),
            &Progress::default(),
        );
        assert_eq!(snapshot.unwrap().records().count(), 1, "{compiled:?}");
    }
}
