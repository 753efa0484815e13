//! Clears on a disk that is full, on places that may not be written, and among other people's things: each entry has its
//! outcome, the exit code says so, and nothing outside of the plan is touched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cachescope_core::clear::QUARANTINE;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program::{self, Ran, Said};
use crate::support::strace;

/// Every path below a folder, with what it is.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for item in fs::read_dir(&folder)
            .expect("our folder")
            .map(|item| item.expect("our folder"))
        {
            let (path, kind) = (item.path(), item.file_type().expect("our folder"));
            let what = if kind.is_symlink() {
                let to = fs::read_link(&path).expect("our link");
                to.into_os_string().into_encoded_bytes()
            } else if kind.is_dir() {
                waiting.push(path.clone());
                b"folder".to_vec()
            } else {
                fs::read(&path).expect("our file")
            };
            tree.insert(path, what);
        }
    }
    tree
}

/// A copy of a committed store in a folder of its own.
fn copied(fixture: &str) -> (TempDir, PathBuf) {
    let all = fixtures::all();
    let made = all.iter().find(|f| f.opened().ends_with(fixture));
    made.expect("the fixture").copy()
}

fn run(path: &Path, words: &[&str]) -> Ran {
    let mut all = vec!["clear", path.to_str().expect("text")];
    all.extend(words);
    program::run(all)
}

fn outcomes(ran: &Ran) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for line in ran.of_type("removal") {
        let outcome = line["outcome"].as_str().expect("an outcome");
        *outcomes.entry(outcome.to_owned()).or_default() += 1;
        let has_reason = line["reason"].is_string();
        assert_eq!(has_reason, outcome != "removed", "{line}");
    }
    outcomes
}

/// A small disk of its own, unmounted when dropped; `None`, with the reason said, where that may not be.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with the reason printed, where nothing may be mounted: in most containers, CI's among them.
    fn mount(bytes: u32) -> Option<Self> {
        let at = TempDir::new().expect("a temporary folder");
        let size = format!("size={bytes},mode=755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at)),
            other => {
                eprintln!("skipped: no file system can be mounted here: {other:?}");
                None
            }
        }
    }

    fn remount(&self, how: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(self.0.path())
            .status();
        assert!(status.expect("mount starts").success());
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self) {
        self.fill_but(0);
    }

    /// Fills it up to so many bytes.
    fn fill_but(&self, room: u64) {
        let path = self.path().join("filler");
        let mut file = fs::File::create(path).expect("a file is made");
        std::io::copy(&mut std::io::repeat(1), &mut file).expect_err("the disk is full in the end");
        let len = file.metadata().expect("our file").len();
        file.set_len(len.saturating_sub(room))
            .expect("it gets shorter");
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).expect("our file");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).status());
    }
}

const STORES: [&str; 3] = ["joblib/1.6.0", "shelve/dumb-3.13/shelf", "shelve/gnu/shelf"];

fn onto(disk: &SmallDisk, fixture: &str) -> PathBuf {
    let (temp, path) = copied(fixture);
    let status = Command::new("cp")
        .arg("-a")
        .arg(temp.path())
        .arg(disk.path().join("x"))
        .status();
    assert!(status.expect("cp starts").success());
    disk.path()
        .join("x")
        .join(path.file_name().expect("a name"))
}

#[test]
fn on_a_full_disk_nothing_is_half_gone_and_permanent_still_makes_room() {
    for fixture in STORES {
        let Some(disk) = SmallDisk::mount(4 << 20) else {
            return;
        };
        let path = onto(&disk, fixture);
        disk.fill();
        let before = tree(disk.path());
        let refused = run(&path, &["--all", "--yes"]);
        assert_eq!(refused.code, 4, "{fixture}: {}", refused.said);
        assert!(
            refused.said.contains("--permanent"),
            "{fixture}: {}",
            refused.said
        );
        assert_eq!(tree(disk.path()), before, "{fixture}");
        let freed = run(&path, &["--all", "--yes", "--permanent"]);
        let outcomes = outcomes(&freed);
        if fixture.contains("dumb") {
            // Its index can only be replaced by a whole new one.
            assert_eq!(freed.code, 4, "{}", freed.said);
            assert_eq!(tree(disk.path()), before);
        } else {
            // What a program is writing stays.
            assert!(
                !outcomes.contains_key("failed"),
                "{fixture}: {outcomes:?} {}",
                freed.said
            );
            assert!(outcomes["removed"] > 3, "{fixture}: {outcomes:?}");
        }
    }
}

#[test]
fn bench_and_convert_on_a_full_disk_name_what_helps_and_leave_nothing() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        return;
    };
    let path = onto(&disk, "shelve/dumb-3.13/shelf");
    let new = disk.path().join("x/new");
    let (path, new) = (path.to_str().expect("text"), new.to_str().expect("text"));
    disk.fill_but(8 << 10);
    let before = tree(disk.path());
    let folder = format!("File: {}", disk.path().join("x").display());
    for (args, helps, place) in [
        (&["bench", path][..], "--sample", &*folder),
        (
            &["convert", path, new, "--to", "sqlitedict"],
            "Make room",
            new,
        ),
    ] {
        let ran = program::run(args);
        assert_eq!(ran.code, 3, "{}", ran.said);
        for told in [helps, place] {
            assert!(ran.said.contains(told), "{told}: {}", ran.said);
        }
        assert!(!ran.said.contains("cachescope-new"), "{}", ran.said);
        assert_eq!(tree(disk.path()), before);
    }
}

/// Group, key and bytes of each entry.
fn entries(path: &Path) -> Vec<String> {
    let listed = program::run(["ls", path.to_str().expect("text")]);
    let name = |line: &Value| format!("{} {} {}", line["group"], line["key"], line["bytes"]);
    let mut entries: Vec<String> = listed.of_type("entry").map(name).collect();
    entries.sort();
    entries
}

/// SQLite itself meets the end of the disk: in our saving, in its journal, in its commit.
#[test]
fn rows_on_a_disk_that_fills_up_are_whole_or_held_and_each_has_its_outcome() {
    for fixture in [
        "sqlite/sqlitedict-2.1/two-tables.sqlite",
        "sqlite/diskcache-5.6",
    ] {
        for room in [0, 12 << 10, 40 << 10, 90 << 10, 400 << 10] {
            for more in [&[][..], &["--permanent"]] {
                let Some(disk) = SmallDisk::mount(4 << 20) else {
                    return;
                };
                let path = onto(&disk, fixture);
                let before = entries(&path);
                disk.fill_but(room);
                let at = format!("{fixture}, room {room}, {more:?}");
                let ran = run(&path, &[&["--all", "--yes"], more].concat());
                assert!([0, 1, 4].contains(&ran.code), "{at}: {}", ran.said);
                let outcomes = outcomes(&ran);
                let of = |outcome| outcomes.get(outcome).copied().unwrap_or(0);
                disk.make_room();
                let left = entries(&path);
                assert_eq!(
                    left.len() + of("removed"),
                    before.len(),
                    "{at}: {outcomes:?}"
                );
                assert!(left.iter().all(|entry| before.contains(entry)), "{at}");
                assert_eq!(ran.code == 0, left.is_empty(), "{at}: {}", ran.said);
                if more.is_empty() {
                    let undone = program::run(["undo", path.to_str().expect("text")]);
                    for held in undone.of_type("undo") {
                        let id = held["id"].as_str().expect("an id");
                        let back = program::run(["undo", path.to_str().expect("text"), id]);
                        assert_eq!(back.code, 0, "{at}: {}", back.said);
                    }
                    assert_eq!(entries(&path), before, "{at}");
                }
            }
        }
    }
}

/// A commit may fail and be found in the log all the same: then the entry is out, and told to be.
#[test]
fn what_is_told_of_entries_whose_commit_the_disk_refuses_is_so() {
    if !strace::can_trace() {
        return;
    }
    let mut n_unconfirmed = 0;
    for n in 1.. {
        let (temp, path) = copied("sqlite/diskcache-5.6");
        let text = |path: PathBuf| path.into_os_string().into_string().expect("text");
        let (log, state) = (temp.path().join("log"), text(temp.path().join("state")));
        let at = text(path.clone());
        let before = entries(&path);
        let clear = ["clear", &at, "--all", "--yes", "--state-dir", &state];
        let Some(ran) = strace::run_refused(&clear, &log, "fsync", n) else {
            assert!(n > 10, "the refusals do not reach it");
            break;
        };
        let left = entries(&path);
        let removed = outcomes(&ran).remove("removed").unwrap_or(0);
        assert_eq!(left.len() + removed, before.len(), "{n}: {}", ran.said);
        n_unconfirmed += usize::from(ran.said.contains("did not confirm it"));
        if left != before {
            let undone = program::run(["undo", &at, "--last", "--state-dir", &state]);
            assert_eq!(undone.code, 0, "{n}: {}", undone.said);
            assert_eq!(entries(&path), before, "{n}");
        }
    }
    assert!(n_unconfirmed > 0, "no commit was refused");
}

/// Out of the cache and not freed is no success, and nothing that undo could bring back.
#[test]
fn what_the_disk_does_not_free_is_told_and_freed_by_the_next_purge() {
    if !strace::can_trace() {
        return;
    }
    let (temp, path) = copied("joblib/1.6.0");
    let (log, state) = (temp.path().join("log"), temp.path().join("state"));
    let (at, state) = (path.to_str().expect("text"), state.to_str().expect("text"));
    let chosen = ["--query", "group:plain*", "--yes", "--permanent"];
    let words = [&["clear", at, "--state-dir", state], &chosen[..]].concat();
    let ran = strace::run_refused(&words, &log, "unlinkat", 1).expect("something is freed");
    assert_eq!(ran.code, 1, "{}", ran.said);
    assert!(ran.said.contains("Cannot free"), "{}", ran.said);
    let n_removed = ran.outcomes("removal", "removed");
    let summary = ran.lines.last().expect("a summary");
    assert!(
        n_removed > 1 && summary["bytes_held"].as_u64() > Some(0),
        "{summary}"
    );
    assert_eq!(summary["undo_ids"], serde_json::json!([]));
    let purged = program::run(["purge", at, "--yes", "--state-dir", state]);
    assert_eq!(purged.code, 0, "{}", purged.said);
    assert!(!temp.path().join(QUARANTINE).exists());
}

/// A log that does not fit into its database is left beside it by SQLite, without a word.
#[test]
fn a_new_store_that_does_not_fit_on_the_disk_is_not_kept() {
    let Some(disk) = SmallDisk::mount(6 << 20) else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    // {0: b'…', 1: b'…', …}, as pickle writes it.
    let mut pickle = b"\x80\x04}(".to_vec();
    for n in 0..200 {
        pickle.extend([b'K', n, b'B']);
        pickle.extend(20_000_u32.to_le_bytes());
        pickle.extend(vec![n; 20_000]);
    }
    pickle.extend(b"u.");
    let (from, to) = (temp.path().join("from"), disk.path().join("new"));
    fs::write(&from, pickle).expect("a file is written");
    for kind in ["diskcache", "sqlite"] {
        let words = [from.as_os_str(), to.as_os_str()];
        let ran = program::run(
            ["convert", "--to", kind]
                .map(AsRef::as_ref)
                .iter()
                .chain(&words)
                .copied(),
        );
        let names = tree(disk.path());
        assert_eq!(ran.code == 0, kind == "sqlite", "{kind}: {}", ran.said);
        assert_eq!(to.exists(), kind == "sqlite", "{kind}: {:?}", names.keys());
        assert!(names.len() < 2, "{kind}: {:?}", names.keys());
    }
}

/// Files out of a container, or of a group that one has left: what the library does with them, a clear does too.
#[test]
fn what_is_ones_own_is_changed_whatever_group_it_has() {
    for (fixture, name) in [
        ("shelve/dumb-3.13/shelf", "shelf.dir"),
        ("shelve/gnu/shelf", "shelf"),
    ] {
        let (temp, path) = copied(fixture);
        let Some(nobody) = program::as_nobody(temp.path()) else {
            return;
        };
        chown(temp.path(), Some(65534), Some(65534)).expect("root may give");
        let folder = path.parent().expect("its folder");
        let files = fs::read_dir(folder).expect("our folder");
        let files = files.map(|file| file.expect("our file").path());
        for file in files.filter(|file| file.file_stem() == Some("shelf".as_ref())) {
            chown(&file, Some(65534), Some(0)).expect("root may give");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).expect("our file");
        }
        chown(folder, Some(65534), Some(65534)).expect("root may give");
        let state = temp.path().join("state");
        let run = |words: &[&str]| {
            let all = words.iter().map(AsRef::as_ref);
            nobody.run(all.chain([path.as_os_str(), "--state-dir".as_ref(), state.as_os_str()]))
        };
        let cleared = run(&["clear", "--larger-than", "60", "--yes"]);
        assert_eq!(cleared.code, 0, "{fixture}: {}", cleared.stderr);
        let compacted = run(&["compact", "--yes", "--no-program-uses-it"]);
        assert_eq!(compacted.code, 0, "{fixture}: {}", compacted.stderr);
        let mode = fs::metadata(folder.join(name))
            .expect("it is there")
            .permissions()
            .mode();
        // Those of the group that it has now may do what everybody may.
        assert_eq!(mode & 0o777, 0o644, "{fixture}");
    }
}

/// It could be read, so that is no "nothing could be read", and every entry is as it was.
#[test]
fn a_compact_that_the_disk_refuses_has_failed() {
    if !strace::can_trace() {
        return;
    }
    let (temp, path) = copied("shelve/dumb-3.13/shelf");
    let (log, at) = (temp.path().join("log"), path.to_str().expect("text"));
    let thinned = run(&path, &["--larger-than", "60", "--yes", "--permanent"]);
    assert!(
        thinned.outcomes("removal", "removed") > 0,
        "{}",
        thinned.said
    );
    let before = entries(&path);
    let compact = ["compact", at, "--yes", "--no-program-uses-it"];
    let mut n_failed = 0;
    for n in 1.. {
        let Some(ran) = strace::run_refused(&compact, &log, "fsync", n) else {
            break;
        };
        assert!([0, 1].contains(&ran.code), "{n}: {} {}", ran.code, ran.said);
        n_failed += usize::from(ran.code == 1);
        assert_eq!(entries(&path), before, "{n}");
    }
    assert!(n_failed > 0, "no call was refused before the end");
}

#[test]
fn on_a_medium_that_may_not_be_written_nothing_changes_and_the_exit_code_says_so() {
    for fixture in STORES {
        let Some(disk) = SmallDisk::mount(4 << 20) else {
            return;
        };
        let path = onto(&disk, fixture);
        disk.remount("ro");
        let before = tree(disk.path());
        let refused = run(&path, &["--all", "--yes"]);
        assert_eq!(refused.code, 4, "{fixture}: {}", refused.said);
        let refused = run(&path, &["--all", "--yes", "--permanent"]);
        assert!(
            [1, 4].contains(&refused.code),
            "{fixture}: {} {}",
            refused.code,
            refused.said
        );
        assert!(!outcomes(&refused).contains_key("removed"), "{fixture}");
        assert_eq!(tree(disk.path()), before, "{fixture}");
    }
}

#[test]
fn what_is_mounted_in_a_store_stays() {
    let (_temp, path) = copied("joblib/1.6.0");
    let entry = an_entry(&path);
    let Some(disk) = SmallDisk::mount(1 << 20) else {
        return;
    };
    fs::write(disk.path().join("output.pkl"), "mine").expect("it is written");
    let bound = Command::new("mount")
        .arg("--bind")
        .arg(disk.path())
        .arg(&entry)
        .status();
    assert!(bound.expect("mount starts").success());
    let ran = run(&path, &["--all", "--yes", "--permanent"]);
    let unbound = Command::new("umount").arg(&entry).status();
    assert!(unbound.expect("umount starts").success());
    assert_eq!(ran.code, 1, "{}", ran.said);
    let outcomes = outcomes(&ran);
    let is_told = |l: &&Value| l["reason"].as_str().is_some_and(|r| r.contains("mounted"));
    assert_eq!(
        ran.of_type("removal").filter(is_told).count(),
        1,
        "{outcomes:?}"
    );
    assert!(outcomes["removed"] > 10);
    assert_eq!(
        fs::read_to_string(disk.path().join("output.pkl")).expect("it is there"),
        "mine"
    );
    assert!(
        entry.join("output.pkl").exists(),
        "what lay beneath is as it was"
    );
}

/// The folder of one whole entry.
fn an_entry(store: &Path) -> PathBuf {
    let is_whole = |path: &&PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let names = ["output.pkl", "metadata.json"];
        name.is_some_and(|name| name.len() == 32)
            && path.to_string_lossy().contains("plain")
            && names.iter().all(|name| path.join(name).is_file())
    };
    let tree = tree(store);
    tree.keys().find(is_whole).expect("an entry").clone()
}

#[test]
fn entries_in_a_folder_of_somebody_else_fail_and_the_others_go() {
    let (temp, path) = copied("joblib/1.6.0");
    let Some(nobody) = program::as_nobody(temp.path()) else {
        return;
    };
    let theirs = an_entry(&path)
        .parent()
        .expect("a function's folder")
        .to_owned();
    for item in tree(&path)
        .into_keys()
        .chain([path.clone(), temp.path().to_owned()])
    {
        let is_theirs = item.starts_with(&theirs);
        chown(&item, Some(if is_theirs { 0 } else { 65534 }), Some(65534)).expect("root may");
        let mode = if item.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(&item, fs::Permissions::from_mode(mode)).expect("root may");
    }
    let before = tree(&theirs);
    let said: Said = nobody.run([
        "clear",
        path.to_str().expect("text"),
        "--all",
        "--yes",
        "--json",
        "--state-dir",
        "/nonexistent",
    ]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let lines: Vec<Value> = said
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let with = |outcome: &str| lines.iter().filter(|l| l["outcome"] == outcome).count();
    assert!(
        with("failed") > 0 && with("removed") > 10,
        "{}",
        said.stdout
    );
    let is_told = |l: &&Value| {
        l["reason"]
            .as_str()
            .is_some_and(|r| r.contains("permission denied"))
    };
    assert_eq!(lines.iter().filter(is_told).count(), with("failed"));
    assert_eq!(tree(&theirs), before);
}

#[test]
fn links_and_strangers_things_in_a_store_stay_and_so_does_what_they_lead_to() {
    let (temp, path) = copied("joblib/1.6.0");
    let outside = temp.path().join("outside");
    fs::create_dir(&outside).expect("a folder is made");
    fs::write(outside.join("output.pkl"), "mine").expect("it is written");
    let entry = an_entry(&path);
    let function = entry.parent().expect("a function's folder");
    symlink(&outside, function.join("f".repeat(32))).expect("a link is made");
    fs::write(entry.join("notes.txt"), "mine").expect("it is written");
    let mine = [&outside.join("output.pkl"), &entry.join("notes.txt")];
    for words in [&["--all", "--yes"][..], &["--all", "--yes", "--permanent"]] {
        let ran = run(&path, words);
        assert_eq!(ran.code, 1, "{}", ran.said);
        for file in mine {
            assert_eq!(fs::read_to_string(file).expect("it is there"), "mine");
        }
        assert!(function.join("f".repeat(32)).is_symlink());
    }
}

/// Files with a second name may be somebody else's: they are not changed where they lie.
#[test]
fn a_dbm_file_with_two_names_is_not_changed() {
    for (fixture, file) in [
        ("shelve/gnu/shelf", "shelf"),
        ("shelve/ndbm/shelf", "shelf.db"),
    ] {
        let (temp, path) = copied(fixture);
        fs::hard_link(temp.path().join(file), temp.path().join("other name"))
            .expect("a link is made");
        let before = tree(temp.path());
        for words in [&["--all", "--yes"][..], &["--all", "--yes", "--permanent"]] {
            let ran = run(&path, words);
            assert_eq!(ran.code, 4, "{fixture}: {}", ran.said);
            assert!(ran.said.contains("second name"), "{}", ran.said);
        }
        assert_eq!(tree(temp.path()), before);
    }
}
