//! Caches whose folders and settings are not what a program leaves as a rule.

use std::path::Path;

use super::shard::name_of_shard;
use super::*;
use crate::formats::Options;
use crate::model::Record;
use crate::stores::rows::tests::opened;
use crate::stores::{open_all, open_all_telling};

/// A database as diskcache 5.6 makes it, without the triggers, and with one entry.
fn cache(folder: &Path) -> rusqlite::Connection {
    std::fs::create_dir_all(folder).unwrap();
    let connection = rusqlite::Connection::open(folder.join(DATABASE)).unwrap();
    let schema = "CREATE TABLE Settings (key TEXT NOT NULL UNIQUE, value);
        CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL,
            access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0,
            filename TEXT, value BLOB);
        INSERT INTO Settings VALUES ('eviction_policy', 'none');
        INSERT INTO Cache (key, raw, store_time, mode, value) VALUES ('k', 1, 1.5, 1, 2)";
    connection.execute_batch(schema).unwrap();
    connection
}

#[test]
fn shards_behind_a_missing_one_are_listed_and_it_is_told() {
    let temp = tempfile::tempdir().unwrap();
    for number in [0, 1, 4, 1000] {
        drop(cache(&temp.path().join(name_of_shard(number))));
    }
    // No names of shards.
    for name in ["0002", "02", "+03", "cache"] {
        drop(cache(&temp.path().join(name)));
    }
    let names = |numbers: &[usize]| -> Vec<String> {
        numbers
            .iter()
            .map(|number| name_of_shard(*number))
            .collect()
    };
    let found = ShardNames::of(&Dir::open(temp.path()).unwrap(), FANOUT).unwrap();
    assert_eq!(found.found, names(&[0, 1, 4, 1000]));
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    std::fs::remove_dir_all(temp.path().join("1000")).unwrap();
    let (store, snapshot) = opened(temp.path());
    assert_eq!((store.info.kind, snapshot.records().count()), (FANOUT, 3));
    let told: Vec<_> = snapshot
        .issues
        .iter()
        .map(|issue| issue.path.clone())
        .collect();
    let root = &store.info.path;
    assert_eq!(told, [root.join("002"), root.join("003")]);
}

#[test]
fn a_size_limit_that_is_a_float_is_a_limit() {
    let temp = tempfile::tempdir().unwrap();
    let connection = cache(temp.path());
    let limit = "INSERT INTO Settings VALUES ('size_limit', 1e6)";
    connection.execute_batch(limit).unwrap();
    let (store, _) = opened(temp.path());
    let said: Vec<String> = store.advice().into_iter().map(|a| a.message).collect();
    assert!(
        said.iter().any(|m| m.contains("size limit of 1.0 MB")),
        "{said:?}"
    );
}

/// `Disk.fetch` opens the file as text: Python reads every line end as a line feed.
#[test]
fn text_in_a_value_file_has_pythons_line_ends() {
    let temp = tempfile::tempdir().unwrap();
    let connection = cache(temp.path());
    let rows = "INSERT INTO Cache (key, raw, mode, filename, value) VALUES
        ('file', 1, 3, 'ab/cd/0123456789abcdef0123456789ab.val', NULL), ('row', 1, 1, NULL, 'a' || char(13, 10))";
    connection.execute_batch(rows).unwrap();
    let folder = temp.path().join("ab/cd");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("0123456789abcdef0123456789ab.val");
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    std::fs::write(file, b"a\r\nb\rc\n").unwrap();
    let (store, snapshot) = opened(temp.path());
    let repr = |key: &str| {
        let is_it = |(_, record): &(_, Record<'_>)| record.key_text() == key;
        let (_, record) = snapshot.records().find(is_it).unwrap();
        let value = store.open_value(&record.entry_key()).unwrap();
        let preview = value.preview(&Options::GLANCE).unwrap();
        preview.value.repr(preview.node, 80).text
    };
    assert_eq!(repr("file"), r"'a\nb\nc\n'");
    assert_eq!(repr("row"), r"'a\r\n'");
}

#[test]
fn the_caches_inside_a_fanout_are_found_and_told_where_it_is_opened() {
    let temp = tempfile::tempdir().unwrap();
    let fanout = temp.path().join("fan");
    for name in ["000", "001", "cache/sub", "deque/q", "index/i"] {
        drop(cache(&fanout.join(name)));
    }
    let found = open_all(temp.path()).unwrap();
    let root = temp.path().canonicalize().unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|info| (info.kind, info.path.strip_prefix(&root).unwrap()))
        .collect();
    let expected = [
        (FANOUT, "fan"),
        (CACHE, "fan/cache/sub"),
        (CACHE, "fan/deque/q"),
        (CACHE, "fan/index/i"),
    ];
    assert_eq!(names, expected.map(|(kind, name)| (kind, Path::new(name))));
    let mut told = Vec::new();
    let opened = open_all_telling(&fanout, &Cancel::default(), &mut |i| told.push(i.message));
    assert_eq!(opened.unwrap().len(), 1);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].ends_with("cache/sub (diskcache), deque/q (diskcache), index/i (diskcache)"),
        "{told:?}"
    );
}

/// `Cache(folder)` and `Memory(folder)`; a file beside the database may be a value that a Disk of one's own named so.
#[test]
fn what_others_put_into_the_folder_of_a_cache_is_found() {
    let temp = tempfile::tempdir().unwrap();
    drop(cache(&temp.path().join("app")));
    let entry = temp
        .path()
        .join("app/joblib/mod/f")
        .join("0123456789abcdef".repeat(2));
    std::fs::create_dir_all(&entry).unwrap();
    let files: [(_, &[u8]); 3] = [
        (entry.join("output.pkl"), b"\x80\x04K\x01."),
        (temp.path().join("app/model.pkl"), b"\x80\x04K\x01."),
        (temp.path().join("app/joblib/own.pkl"), b"\x80\x04K\x01."),
    ];
    for (path, bytes) in files {
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        std::fs::write(path, bytes).unwrap();
    }
    let root = temp.path().canonicalize().unwrap();
    let found = open_all(temp.path()).unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|info| info.path.strip_prefix(&root).unwrap())
        .collect();
    let expected = ["app", "app/joblib", "app/joblib/own.pkl"];
    assert_eq!(names, expected.map(Path::new));
    let mut told = Vec::new();
    let tell = &mut |issue: Issue| told.push(issue.message);
    open_all_telling(&root.join("app"), &Cancel::default(), tell).unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("joblib (joblib)"), "{told:?}");
}

#[test]
fn an_expiry_that_no_clock_reaches_is_never() {
    let temp = tempfile::tempdir().unwrap();
    let connection = cache(temp.path());
    // 9999-12-31T23:59:59, as a float and as an integer; then 2033.
    let rows = "INSERT INTO Cache (key, raw, expire_time, mode) VALUES
        (1, 1, 253402300799.0, 1), (2, 1, 253402300799, 1), (3, 1, 2e9, 1)";
    connection.execute_batch(rows).unwrap();
    let (_, snapshot) = opened(temp.path());
    let expires: Vec<_> = snapshot
        .records()
        .map(|(_, record)| record.expires)
        .collect();
    let some = Time::from_unix_f64(2e9);
    assert_eq!(expires, [None, None, None, some]);
}

#[test]
fn a_shard_without_its_settings_hides_no_other_and_makes_hits_a_lower_bound() {
    let temp = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let connection = cache(&temp.path().join(name_of_shard(number)));
        let counted = "INSERT INTO Settings VALUES ('statistics', 1), ('hits', 5), ('misses', 2)";
        connection.execute_batch(counted).unwrap();
        match number {
            1 => connection.execute_batch("DROP TABLE Settings").unwrap(),
            2 => {
                let no_number = "UPDATE Settings SET value = 'many' WHERE key = 'hits'";
                connection.execute_batch(no_number).unwrap();
            }
            _ => {}
        }
    }
    let (store, snapshot) = opened(temp.path());
    assert_eq!(snapshot.records().count(), 2);
    let told: Vec<_> = snapshot.issues.iter().map(|issue| &issue.path).collect();
    assert_eq!(told, [&store.info.path.join("001").join(DATABASE)]);
    let counters = store.counters().unwrap();
    let counted: Vec<_> = counters.iter().map(|c| (c.hits, c.misses)).collect();
    assert_eq!(counted, [(5, 2)]);
    assert!(counters[0].is_lower_bound);
}
