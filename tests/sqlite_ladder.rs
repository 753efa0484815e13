//! Looking at an SQLite store changes nothing in its folder, whatever state real writers left it in.
//!
//! The eight states, each made by a real Python `sqlite3` process: clean write-ahead file, live writer,
//! stale `-shm`, `-wal` without `-shm`, live journal, hot journal, journal that names a super-journal,
//! read-only folder. Each folder is compared before, during and after the look, and after the writer's exit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use cachescope_core::model::{Cancel, EntryKey, Issue, Progress, Record, Severity, Time};
use cachescope_core::source::Dir;
use cachescope_core::stores::{Collector, Detail, Scan, Store, open_all};
use tempfile::TempDir;

use crate::support::program;
use crate::support::python::{Python, Running};

/// Makes a database of 100 committed rows and then does as it is told on its stdin, a Python line a time.
const WRITER: &str = r#"
import os, sqlite3, sys
path, mode = sys.argv[1], sys.argv[2]
db = sqlite3.connect(path, isolation_level=None, timeout=0)
db.execute("PRAGMA journal_mode=" + mode)
db.execute("CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, value BLOB)")
db.execute("BEGIN")
for n in range(100):
    db.execute("INSERT INTO cache VALUES (?, ?)", ("k%03d" % n, b"v" * 2000))
db.execute("COMMIT")
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
db.close()
"#;

/// A file as others see it: bytes and time of the last change.
type Files = BTreeMap<String, (Vec<u8>, Time)>;

/// Read through the core, which knows that closing a file gives up this process's SQLite locks on it.
fn files(folder: &Path) -> Files {
    let dir = Dir::open(folder).unwrap();
    let mut files = Files::new();
    for (name, _) in dir.names().unwrap() {
        let mut bytes = Vec::new();
        dir.read_small(&name, 1 << 30, &mut bytes).unwrap();
        let modified = dir.stat(&name).unwrap().modified;
        files.insert(name.to_string_lossy().into_owned(), (bytes, modified));
    }
    files
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

/// What a look found, and the folder while its connection was open.
#[derive(Default)]
struct Look {
    keys: Vec<String>,
    issues: Vec<Issue>,
    during: Vec<Files>,
}

struct Into<'a> {
    /// Compared while the connection is open; not where a writer is busy in it.
    folder: Option<&'a Path>,
    look: &'a Mutex<Look>,
}

impl Collector for Into<'_> {
    fn record(&mut self, record: &Record<'_>) {
        let mut look = self.look.lock().unwrap();
        look.keys.push(record.key_text().into_owned());
        if let Some(folder) = self.folder.filter(|_| look.during.is_empty()) {
            look.during.push(files(folder));
        }
    }

    fn issue(&mut self, issue: Issue) {
        self.look.lock().unwrap().issues.push(issue);
    }
}

fn look_at(path: &Path, folder: Option<&Path>) -> cachescope_core::Result<Look> {
    let stores = open_all(path)?;
    let store = Store::open(stores.first().expect("a store"))?;
    let look = Mutex::new(Look::default());
    let collector = || -> Box<dyn Collector> {
        Box::new(Into {
            folder,
            look: &look,
        })
    };
    store.scan(&Scan {
        detail: Detail::Full,
        cancel: &Cancel::default(),
        progress: &Progress::default(),
        threads: 1,
        collector: &collector,
    })?;
    if let Some(key) = look.lock().unwrap().keys.first() {
        let entry = EntryKey {
            group: b"cache".as_slice().into(),
            key: key.as_bytes().into(),
            ordinal: 0,
        };
        let value = store.open_value(&entry)?;
        assert_eq!(value.bytes.len(), 2000);
    }
    Ok(look.into_inner().unwrap())
}

/// Looks, and asserts that it showed `n` rows and that nothing in the folder moved.
fn look_and_compare(path: &Path, n: usize) -> Look {
    let folder = path.parent().unwrap();
    let before = files(folder);
    let look = look_at(path, Some(folder)).unwrap();
    assert_eq!(look.keys.len(), n, "rows shown of {:?}", before.keys());
    assert_eq!(look.issues, [], "{:?}", before.keys());
    for during in &look.during {
        assert_same(during, &before, "during the look");
    }
    assert_same(&files(folder), &before, "after the look");
    look
}

fn assert_same(now: &Files, before: &Files, when: &str) {
    assert_eq!(
        now.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>(),
        "{when}"
    );
    for (name, file) in now {
        assert!(file == &before[name], "{name} changed {when}");
    }
}

/// Who writes a database, and where it is to be; `None` without that Python.
fn cache() -> Option<(Python, TempDir, PathBuf)> {
    let python = Python::env("python-3.8")?;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cache.db");
    Some((python, folder, path))
}

/// A writer that has made its database and waits.
fn writer(python: &Python, path: &Path, mode: &str) -> Running {
    let mut writer = python.spawn(WRITER, [path.as_os_str(), mode.as_ref()]);
    assert_eq!(writer.line().as_deref(), Some("ready"));
    writer
}

fn tell(writer: &mut Running, line: &str) {
    writer.send(line);
    assert_eq!(writer.line().as_deref(), Some("done"), "{line}");
}

const INSERT: &str = "db.execute(\"INSERT INTO cache VALUES ('new', x'00')\")";

#[test]
fn a_clean_wal_file_is_read_without_side_files() {
    let Some((python, folder, path)) = cache() else {
        return;
    };
    writer(&python, &path, "wal").finish();
    assert_eq!(names(folder.path()), ["cache.db"]);
    look_and_compare(&path, 100);
    assert_eq!(names(folder.path()), ["cache.db"]);
}

#[test]
fn a_live_wal_writer_is_not_disturbed_and_tidies_up_after_itself() {
    let Some((python, folder, path)) = cache() else {
        return;
    };
    let mut writer = writer(&python, &path, "wal");
    assert_eq!(
        names(folder.path()),
        ["cache.db", "cache.db-shm", "cache.db-wal"]
    );
    look_and_compare(&path, 100);
    tell(&mut writer, INSERT);
    look_and_compare(&path, 101);
    // An open transaction of another program is not seen, and not held up.
    tell(
        &mut writer,
        "db.execute('BEGIN IMMEDIATE'); db.execute('DELETE FROM cache')",
    );
    look_and_compare(&path, 101);
    tell(&mut writer, "db.execute('COMMIT')");
    tell(
        &mut writer,
        "assert db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0] == 0",
    );
    look_and_compare(&path, 0);
    writer.finish();
    assert_eq!(names(folder.path()), ["cache.db"]);
}

#[test]
fn a_stale_index_is_not_believed() {
    let Some((python, folder, path)) = cache() else {
        return;
    };
    let mut writer = writer(&python, &path, "wal");
    let old_index = files(folder.path())["cache.db-shm"].0.clone();
    tell(&mut writer, INSERT);
    writer.kill();
    look_and_compare(&path, 101);
    std::fs::write(folder.path().join("cache.db-shm"), old_index).unwrap();
    look_and_compare(&path, 101);
    std::fs::write(folder.path().join("cache.db-shm"), b"").unwrap();
    look_and_compare(&path, 101);
}

#[test]
fn a_log_without_index_is_read_to_its_end() {
    let Some((python, _folder, path)) = cache() else {
        return;
    };
    log_without_index(&python, &path);
    look_and_compare(&path, 101);
}

/// 100 rows in the database, and one more in a log that lost its index.
pub(crate) fn log_without_index(python: &Python, path: &Path) {
    let mut writer = writer(python, path, "wal");
    tell(
        &mut writer,
        "assert db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0] == 0",
    );
    tell(&mut writer, INSERT);
    writer.kill();
    std::fs::remove_file(path.with_extension("db-shm")).unwrap();
}

#[test]
fn a_live_journal_shows_the_state_before_its_transaction() {
    let Some((python, folder, path)) = cache() else {
        return;
    };
    let mut writer = writer(&python, &path, "delete");
    look_and_compare(&path, 100);
    tell(
        &mut writer,
        "db.execute('BEGIN IMMEDIATE'); db.execute('DELETE FROM cache')",
    );
    assert_eq!(names(folder.path()), ["cache.db", "cache.db-journal"]);
    look_and_compare(&path, 100);
    tell(&mut writer, "db.execute('COMMIT')");
    look_and_compare(&path, 0);
    writer.finish();
    assert_eq!(names(folder.path()), ["cache.db"]);
}

/// Ends with a transaction half written to the database, as a killed program leaves it.
const SPILL: &str = "db.execute('PRAGMA cache_size=2'); db.execute('PRAGMA cache_spill=1'); \
                     db.execute('BEGIN'); db.execute(\"UPDATE cache SET value = zeroblob(2000)\")";

#[test]
fn a_hot_journal_is_left_to_its_owner() {
    let Some((python, folder, path)) = cache() else {
        return;
    };
    let mut writer = writer(&python, &path, "delete");
    tell(&mut writer, SPILL);
    writer.kill();
    assert_eq!(names(folder.path()), ["cache.db", "cache.db-journal"]);
    let before = files(folder.path());
    look_and_compare(&path, 100);
    assert!(
        before["cache.db"].0.windows(50).any(|w| w == [0; 50]),
        "nothing was spilled"
    );
    // The value shown is the one before the transaction, and Python rolls back to the same.
    let store = Store::open(&open_all(&path).unwrap()[0]).unwrap();
    let entry = EntryKey {
        group: b"cache".as_slice().into(),
        key: b"k000".as_slice().into(),
        ordinal: 0,
    };
    let mut head = [0; 2000];
    let value = store.open_value(&entry).unwrap();
    value.bytes.read_full_at(0, &mut head).unwrap();
    assert_eq!(head, [b'v'; 2000]);
    let count = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(\
                 \"SELECT count(*) FROM cache WHERE value = CAST(? AS BLOB)\", ('v' * 2000,)).fetchone()[0])";
    assert_eq!(python.run(count, [&path]), "100\n");
}

#[test]
fn a_file_that_a_journal_names_survives() {
    let Some((python, folder, path)) = cache() else {
        return;
    };
    let mut writer = writer(&python, &path, "delete");
    tell(&mut writer, SPILL);
    writer.kill();
    // The record that `pager.c: writeSuperJournal` appends, with the name of a stranger's file.
    let victim = folder.path().join("precious-mj00000A9BC");
    std::fs::write(&victim, "do not delete").unwrap();
    let name = victim.to_str().unwrap().as_bytes();
    let sum = name.iter().map(|b| u32::from(*b)).sum::<u32>();
    let journal = folder.path().join("cache.db-journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes.extend(0x4000_0001_u32.to_be_bytes());
    bytes.extend(name);
    bytes.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    bytes.extend(sum.to_be_bytes());
    bytes.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    std::fs::write(&journal, bytes).unwrap();
    look_and_compare(&path, 100);
    assert!(victim.exists());
    // Once the super-journal is gone its transaction counts as committed: nothing is rolled back.
    std::fs::remove_file(&victim).unwrap();
    look_and_compare(&path, 100);
}

#[test]
fn a_read_only_folder_is_no_obstacle() {
    use std::os::unix::fs::PermissionsExt;
    let Some((python, folder, path)) = cache() else {
        return;
    };
    writer(&python, &path, "wal").finish();
    let mode = |mode| std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode));
    mode(0o555).unwrap();
    look_and_compare(&path, 100);
    // Nothing is closed to root, which tests may run as.
    let home = TempDir::new().unwrap();
    if let Some(nobody) = program::as_nobody(home.path()) {
        let before = files(folder.path());
        let said = nobody.run(["ls".as_ref(), "--json".as_ref(), path.as_os_str()]);
        let count = |kind: &str| said.stdout.matches(&format!("\"type\":\"{kind}\"")).count();
        assert_eq!(
            (said.code, count("entry"), count("issue")),
            (0, 100, 0),
            "{}",
            said.stderr
        );
        assert_same(&files(folder.path()), &before, "after nobody's look");
    }
    mode(0o755).unwrap();
}

/// Programs that open, write and close again and again are the common case: whatever moment a look
/// falls into, they meet no error, and no file is left behind that they would not leave themselves.
#[test]
fn short_lived_writers_are_never_in_the_way_of_each_other() {
    const BUSY: &str = r#"
import select, sqlite3, sys
print("ready", flush=True)
n = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    n += 1
    db = sqlite3.connect(sys.argv[1], timeout=10)
    with db:
        db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?)", ("k%03d" % (n % 100), b"v" * 2000))
    db.close()
"#;
    let Some((python, folder, path)) = cache() else {
        return;
    };
    writer(&python, &path, "wal").finish();
    let mut busy = python.spawn(BUSY, [&path]);
    assert_eq!(busy.line().as_deref(), Some("ready"));
    for _ in 0..200 {
        let look = look_at(&path, None).unwrap();
        assert_eq!((look.keys.len(), look.issues), (100, vec![]));
    }
    // Panics with the writer's own words if it met a lock of ours.
    busy.finish();
    python.run("import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM cache').fetchall()", [&path]);
    assert_eq!(names(folder.path()), ["cache.db"]);
}

#[test]
fn a_locked_database_is_named_as_such() {
    let Some((python, _folder, path)) = cache() else {
        return;
    };
    let mut writer = writer(&python, &path, "delete");
    tell(&mut writer, "db.execute('BEGIN EXCLUSIVE')");
    let began = std::time::Instant::now();
    let error = look_at(&path, None).map(|look| look.keys).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(
        error.to_string().contains("another program holds its lock"),
        "{error}"
    );
    writer.kill();
    look_and_compare(&path, 100);
}

#[test]
fn what_is_no_database_any_more_is_told_in_a_sentence() {
    let Some((python, _folder, path)) = cache() else {
        return;
    };
    writer(&python, &path, "delete").finish();
    let whole = std::fs::read(&path).unwrap();
    let check = |bytes: &[u8], expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let said = match look_at(&path, None) {
            Ok(look) => {
                let errors = look.issues.iter().filter(|i| i.severity == Severity::Error);
                errors.map(|i| i.message.clone()).collect::<String>()
            }
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{said}");
    };
    check(b"", "the file is empty");
    check(&whole[..5000], "damaged");
    check(&whole[..whole.len() / 2], "damaged");
    let mut encrypted = whole.clone();
    for byte in &mut encrypted[100..] {
        *byte ^= 0x5a;
    }
    check(&encrypted, "damaged");
}
