//! `clear`, `undo` and `purge` as scripts drive them: what is planned is what goes, and comes back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program::{self, Ran};

/// A copy of a store that joblib 1.6 wrote, and a state folder of its own.
struct Bench {
    temp: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let made = fixtures::all()
            .into_iter()
            .find(|fixture| fixture.opened().ends_with("joblib/1.6.0"));
        let (temp, path) = made.expect("a store of joblib 1.6").copy();
        Self { temp, path }
    }

    /// The same store three days ago: nothing in it is work in progress.
    fn aged() -> Self {
        let bench = Self::new();
        let then = SystemTime::now() - Duration::from_hours(72);
        for (path, _) in bench.files() {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(then).unwrap();
        }
        bench
    }

    fn run(&self, command: &str, extra: &[&str]) -> Ran {
        let mut words = vec![command, self.path.to_str().unwrap()];
        words.extend(extra);
        self.run_bare(&words)
    }

    fn run_bare(&self, words: &[&str]) -> Ran {
        let state = self.temp.path().join("state");
        let mut words = words.to_vec();
        words.extend(["--state-dir", state.to_str().unwrap()]);
        program::run(words)
    }

    /// Group and key of each entry.
    fn names(&self) -> BTreeSet<(String, String)> {
        names(&self.run("ls", &[]), "entry")
    }

    /// Every path below the folder with its bytes.
    fn files(&self) -> BTreeSet<(PathBuf, Vec<u8>)> {
        let mut files = BTreeSet::new();
        let mut waiting = vec![self.path.clone()];
        while let Some(folder) = waiting.pop() {
            for item in fs::read_dir(&folder).unwrap() {
                let path = item.unwrap().path();
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    files.insert((path, bytes));
                }
            }
        }
        files
    }
}

fn names(ran: &Ran, line: &str) -> BTreeSet<(String, String)> {
    let name = |line: &Value| {
        let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
        (text("group"), text("key"))
    };
    ran.of_type(line).map(name).collect()
}

fn summary(ran: &Ran) -> &Value {
    ran.lines.last().expect("a summary")
}

#[test]
fn without_yes_nothing_changes() {
    let bench = Bench::new();
    let before = bench.files();
    for choice in [
        &["--all"][..],
        &["--query", "group:plain"],
        &["--condition", "corrupt"],
        &["--to-count", "3"],
    ] {
        let ran = bench.run("clear", choice);
        assert_eq!(ran.code, 0, "{choice:?}: {}", ran.said);
        assert!(ran.of_type("removal").count() > 0, "{choice:?}");
        assert!(
            ran.of_type("removal")
                .all(|line| line["outcome"] == "planned" || line["reason"].is_string()),
            "{choice:?}"
        );
        assert_eq!(
            (&summary(&ran)["bytes_held"], &summary(&ran)["bytes_freed"]),
            (&0.into(), &0.into())
        );
    }
    assert_eq!(bench.files(), before);
    assert!(!bench.path.with_file_name(".cachescope-quarantine").exists());
}

#[test]
fn what_was_planned_goes_and_undo_brings_it_back_byte_for_byte() {
    let bench = Bench::new();
    let (before, all) = (bench.files(), bench.names());
    let planned = bench.run("clear", &["--query", "group:plain"]);
    let done = bench.run("clear", &["--query", "group:plain", "--yes"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(names(&planned, "removal"), names(&done, "removal"));
    assert!(
        done.of_type("removal")
            .all(|line| line["outcome"] == "removed")
    );
    let sums = summary(&done);
    assert_eq!(sums["entries"], done.of_type("removal").count());
    assert_eq!(sums["bytes"], sums["bytes_held"], "moved aside, not freed");
    assert_eq!(sums["bytes_freed"], 0);
    let left: BTreeSet<_> = all.difference(&names(&done, "removal")).cloned().collect();
    assert_eq!(bench.names(), left);

    let held = bench.run_bare(&["undo"]);
    assert_eq!(
        held.lines.len(),
        1,
        "without PATH it is remembered: {}",
        held.said
    );
    for member in ["id", "time", "path", "entries", "bytes"] {
        assert!(!held.lines[0][member].is_null(), "{member}");
    }
    assert_eq!(held.lines[0]["id"], sums["undo_ids"][0]);
    assert_eq!(held.lines[0]["entries"], sums["entries"]);
    // Named twice it is brought back once.
    let id = sums["undo_ids"][0].as_str().unwrap();
    let back = bench.run_bare(&["undo", id, id]);
    assert_eq!(back.code, 0, "{}", back.said);
    assert_eq!(summary(&back)["entries"], sums["entries"]);
    assert_eq!(bench.files(), before);
    assert_eq!(bench.run_bare(&["undo"]).lines.len(), 0);
}

#[test]
fn undo_finds_what_is_held_without_our_own_folder() {
    let bench = Bench::aged();
    let before = bench.files();
    assert_eq!(bench.run("clear", &["--all", "--yes"]).code, 0);
    assert_eq!(bench.names().len(), 0);
    fs::remove_dir_all(bench.temp.path().join("state")).unwrap();
    assert_eq!(bench.run_bare(&["undo"]).lines.len(), 0);
    assert_eq!(bench.run("undo", &[]).lines.len(), 1);
    assert_eq!(bench.run("undo", &["--last"]).code, 0);
    assert_eq!(bench.files(), before);
    assert_eq!(
        bench.run("undo", &["--last"]).code,
        2,
        "there is nothing more"
    );
}

/// Copies of two stores in one folder, and what `ls` says of both.
fn folder_of_two() -> (TempDir, PathBuf) {
    let temp = TempDir::new().unwrap();
    let path = temp.path().canonicalize().unwrap().join("both");
    fs::create_dir(&path).unwrap();
    for name in ["shelve/dumb-3.13/shelf", "shelve/gnu/shelf"] {
        let all = fixtures::all();
        let made = all.iter().find(|f| f.opened().ends_with(name));
        let (from, opened) = made.unwrap().copy();
        let to = path.join(name.split('/').nth(1).unwrap());
        fs::create_dir(&to).unwrap();
        let files = opened.parent().unwrap();
        for item in fs::read_dir(files).unwrap().map(Result::unwrap) {
            if item.file_name().to_str().unwrap().starts_with("shelf") {
                fs::copy(item.path(), to.join(item.file_name())).unwrap();
            }
        }
        drop(from);
    }
    (temp, path)
}

/// What one command cleared in several stores is one thing to bring back.
#[test]
fn undo_last_brings_back_all_stores_that_one_clear_emptied() {
    let (temp, path) = folder_of_two();
    let bench = Bench { temp, path };
    // The two hold the same keys.
    let entries = || -> BTreeSet<(String, String)> {
        let listed = bench.run("ls", &[]);
        let text = |line: &Value, member| line[member].as_str().unwrap().to_owned();
        let name = |line| (text(line, "store"), text(line, "key"));
        listed.of_type("entry").map(name).collect()
    };
    let all = entries();
    // One of them before, by a command of its own.
    let one = bench.path.join("gnu").to_str().unwrap().to_owned();
    let first = bench.run_bare(&["ls", &one]).lines[1]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(bench.run_bare(&["clear", &one, &first, "--yes"]).code, 0);
    let without_one = entries();
    let cleared = bench.run("clear", &["--all", "--yes"]);
    assert_eq!(cleared.code, 0, "{}", cleared.said);
    let n_stores = summary(&cleared)["undo_ids"].as_array().unwrap().len();
    assert!(n_stores >= 2, "{n_stores}");
    assert!(entries().is_empty());
    let back = bench.run("undo", &["--last"]);
    assert_eq!(back.code, 0, "{}", back.said);
    assert_eq!(
        summary(&back)["entries"].as_u64(),
        Some(without_one.len() as u64)
    );
    assert_eq!(entries(), without_one);
    // The clear before it is the last one now.
    assert_eq!(bench.run("undo", &["--last"]).code, 0);
    assert_eq!(entries(), all);
}

#[test]
fn purge_frees_only_with_yes() {
    let bench = Bench::new();
    let cleared = bench.run("clear", &["--query", "group:array", "--yes"]);
    let held = summary(&cleared)["bytes_held"].clone();
    let listed = bench.run("purge", &[]);
    assert_eq!(
        (
            listed.of_type("undo").count(),
            &summary(&listed)["bytes_freed"]
        ),
        (1, &0.into())
    );
    assert_eq!(bench.run("undo", &[]).lines.len(), 1);
    let purged = bench.run("purge", &["--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.said);
    assert_eq!(summary(&purged)["bytes_freed"], held);
    assert_eq!(bench.run("undo", &[]).lines.len(), 0);
    assert!(!bench.temp.path().join(".cachescope-quarantine").exists());
}

#[test]
fn permanent_frees_at_once() {
    let bench = Bench::aged();
    let ran = bench.run("clear", &["--all", "--yes", "--permanent"]);
    assert_eq!(ran.code, 0, "{}", ran.said);
    let sums = summary(&ran);
    assert_eq!(
        (&sums["bytes_held"], &sums["bytes_freed"]),
        (&0.into(), &sums["bytes"])
    );
    assert_eq!(bench.names().len(), 0);
    assert_eq!(bench.run("undo", &[]).lines.len(), 0);
}

#[test]
fn several_choices_must_all_hold() {
    let bench = Bench::new();
    let listed = bench.run("ls", &[]);
    let entries: Vec<&Value> = listed.of_type("entry").collect();
    let chosen = |extra: &[&str]| names(&bench.run("clear", extra), "removal");
    let expected: BTreeSet<_> = entries
        .iter()
        .filter(|e| e["bytes"].as_u64().unwrap() > 100 && e["group"] == "analysis.report.plain")
        .map(|e| {
            (
                e["group"].as_str().unwrap().to_owned(),
                e["key"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(
        chosen(&["--query", "group:plain", "--larger-than", "100"]),
        expected
    );
    assert_eq!(chosen(&["--query", "group:plain size>100"]), expected);
    assert_eq!(chosen(&["--all", "--older-than", "1000y"]).len(), 0);
    let one = entries[0];
    let key = format!(
        "{}/{}",
        one["group"].as_str().unwrap(),
        one["key"].as_str().unwrap()
    );
    assert_eq!(chosen(&[&key]).len(), 1);
    assert_eq!(chosen(&[&key, "--query", "size>1T"]).len(), 0);
}

#[test]
fn a_store_is_brought_down_to_a_size_or_a_count() {
    let bench = Bench::aged();
    let n = bench.names().len();
    let bytes = bench.run("ls", &[]).lines[0]["bytes"].as_u64().unwrap();
    assert_eq!(
        bench
            .run("clear", &["--to-size", "1G"])
            .of_type("removal")
            .count(),
        0
    );
    let to_size = bench.run("clear", &["--to-size", "5k", "--yes"]);
    assert_eq!(to_size.code, 0, "{}", to_size.said);
    let left = bench.run("ls", &[]).lines[0]["bytes"].as_u64().unwrap();
    // No more than had to go: with the last of them back it would be too large.
    let sizes = to_size.of_type("removal");
    let largest = sizes.map(|line| line["bytes"].as_u64().unwrap()).max();
    assert!(
        (1..=5000).contains(&left) && left + largest.unwrap() > 5000,
        "{left} of {bytes}"
    );
    bench.run("undo", &["--last"]);
    assert_eq!(bench.names().len(), n);
    bench.run("clear", &["--to-count", "7", "--yes"]);
    assert_eq!(bench.names().len(), 7);
}

#[test]
fn conditions_choose_what_a_check_finds() {
    let bench = Bench::new();
    let checked = bench.run("check", &[]);
    let corrupt: BTreeSet<_> = names(&checked, "entry")
        .into_iter()
        .filter(|(group, _)| group == "features.embed")
        .collect();
    assert_eq!(corrupt.len(), 1);
    let ran = bench.run("clear", &["--condition", "corrupt", "--yes"]);
    assert_eq!(names(&ran, "removal"), corrupt);
    let expired = bench.run("clear", &["--condition", "expired", "--expires-after", "0"]);
    assert!(expired.of_type("removal").count() > 10);
    let never = bench.run(
        "clear",
        &["--condition", "expired", "--expires-after", "1000y"],
    );
    assert_eq!((never.code, never.of_type("removal").count()), (0, 0));
}

#[test]
fn fresh_left_overs_are_somebodys_work_and_stay() {
    let bench = Bench::new();
    let before = bench.files();
    let ran = bench.run("clear", &["--condition", "orphan", "--yes"]);
    assert_eq!(ran.code, 4, "all of them are refused: {}", ran.said);
    assert!(ran.of_type("removal").count() > 0);
    for line in ran.of_type("removal") {
        assert_eq!(line["outcome"], "skipped");
        assert!(
            line["reason"].as_str().unwrap().contains("24 hours"),
            "{line}"
        );
    }
    assert_eq!(bench.files(), before);
}

#[test]
fn a_saved_plan_is_applied_later_and_skips_what_changed() {
    let bench = Bench::new();
    let file = bench.temp.path().join("plan.json");
    let file = file.to_str().unwrap();
    let saved = bench.run("clear", &["--query", "group:plain", "--save-plan", file]);
    assert_eq!(saved.code, 0, "{}", saved.said);
    let again = bench.run("clear", &["--query", "group:plain", "--save-plan", file]);
    assert_eq!(again.code, 2, "never over a file that is there");

    let changed = names(&saved, "removal").into_iter().next().unwrap();
    let output = store_of(&bench.path)
        .join(changed.0.replace('.', "/"))
        .join(&changed.1)
        .join("output.pkl");
    fs::write(&output, b"\x80\x04K\x07.").unwrap();

    let shown = bench.run_bare(&["clear", "--plan", file]);
    let outcome = |ran: &Ran, name: &str| {
        ran.of_type("removal")
            .filter(|l| l["outcome"] == name)
            .count()
    };
    let n = names(&saved, "removal").len();
    assert_eq!(
        (outcome(&shown, "planned"), outcome(&shown, "skipped")),
        (n - 1, 1)
    );
    let done = bench.run_bare(&["clear", "--plan", file, "--yes"]);
    assert_eq!(done.code, 1, "one was skipped: {}", done.said);
    assert_eq!(
        (outcome(&done, "removed"), outcome(&done, "skipped")),
        (n - 1, 1)
    );
    assert!(output.exists());
    let other = Bench::new();
    assert_eq!(
        other.run("clear", &["--plan", file]).code,
        2,
        "it is for another cache"
    );
}

fn store_of(path: &Path) -> PathBuf {
    path.join("joblib")
}

#[test]
fn a_choice_that_is_none_or_makes_no_sense_is_usage() {
    let bench = Bench::new();
    for (extra, part) in [
        (&[][..], "Nothing is chosen"),
        (&["--query", ""], "Nothing is chosen"),
        (&["--expires-after", "7d"], "--condition expired"),
        (&["--condition", "old"], "stale"),
        (&["--to-size", "big"], "number"),
        (&["--query", "siez>1"], "did you mean size?"),
        (&["nokey"], "nokey"),
        (&["--all", "--plan", "x"], "--plan"),
        (&["--key-base64", "%"], "base64"),
    ] {
        let ran = bench.run("clear", extra);
        assert_eq!(ran.code, 2, "{extra:?}: {}", ran.said);
        assert!(
            ran.said.contains(part),
            "{extra:?} says {part}: {}",
            ran.said
        );
        assert_eq!(ran.lines.len(), 0);
    }
    let missing = bench.run_bare(&["clear", "--plan", "/nowhere/plan.json"]);
    assert_eq!(missing.code, 3, "{}", missing.said);
    assert!(missing.said.contains("/nowhere/plan.json"));
}

#[cfg(unix)]
#[test]
fn where_nothing_can_be_moved_aside_it_refuses_and_offers_permanent() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::aged();
    let Some(nobody) = program::as_nobody(bench.temp.path()) else {
        return;
    };
    // The store itself is everybody's; the folder it lies in is not.
    let everybody = |path: &Path| {
        let mut waiting = vec![path.to_owned()];
        while let Some(path) = waiting.pop() {
            let mode = if path.is_dir() { 0o777 } else { 0o666 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            if path.is_dir() {
                waiting.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|item| item.unwrap().path()),
                );
            }
        }
    };
    everybody(&bench.path);
    let path = bench.path.to_str().unwrap();
    let before = bench.files();
    let refused = nobody.run([
        "clear",
        path,
        "--all",
        "--yes",
        "--state-dir",
        "/nonexistent",
    ]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("--permanent"), "{}", refused.stderr);
    assert_eq!(bench.files(), before);
    let freed = nobody.run(["clear", path, "--all", "--yes", "--permanent"]);
    assert_eq!(freed.code, 0, "{}", freed.stderr);
    assert_eq!(bench.names().len(), 0);
}

#[test]
fn what_is_held_goes_by_the_bare_name_of_a_cache_that_is_gone() {
    let temp = tempfile::TempDir::new().unwrap();
    let all = crate::support::fixtures::all();
    let shelf = all.iter().find(|f| f.opened().ends_with("dumb-3.13/shelf"));
    let (_shelf, shelf) = shelf.expect("a shelf").copy();
    let folder = shelf.parent().unwrap();
    fs::write(folder.join("one.pkl"), b"\x80\x04K\x01.").unwrap();
    let run = |args: &[&str]| {
        let mut command = program::program();
        command.current_dir(folder).args(args).arg("--state-dir");
        let output = command.arg(temp.path()).output().expect("it starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for (cleared, names) in [
        ("one.pkl", &["one.pkl"][..]),
        ("shelf", &["shelf", "shelf.dat"]),
    ] {
        for name in names {
            let (code, said) = run(&["clear", cleared, "--all", "--yes"]);
            assert_eq!(code, Some(0), "{cleared}: {said}");
            let (code, said) = run(&["undo", name, "--last"]);
            assert_eq!(code, Some(0), "{name}: {said}");
        }
    }
    let (code, said) = run(&["undo", "nothing", "--last"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("neither an id"), "{said}");
}

/// What a clear of responses does not reach is said before it is done.
#[test]
fn redirects_that_stay_and_expiries_that_nobody_recorded_are_said() {
    let of = |name: &str| {
        let made = fixtures::all().into_iter();
        let mut found = made.filter(|fixture| fixture.opened().ends_with(name));
        found.next().expect("the fixture").opened()
    };
    let folder = of("requests-cache-0.9/json-filesystem");
    let ran = program::run(["clear", folder.to_str().unwrap(), "--all"]);
    assert!(ran.said.contains("redirects.sqlite"), "{}", ran.said);
    let old = of("requests-cache-0.5/cache.sqlite");
    let policy = ["--policy", "requests-cache:expired"];
    let ran = program::run(["clear", old.to_str().unwrap()].iter().chain(&policy));
    assert_eq!((ran.code, ran.of_type("removal").count()), (0, 0));
    assert!(ran.said.contains("--older-than"), "{}", ran.said);
}
