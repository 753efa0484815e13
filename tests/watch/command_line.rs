//! `cachescope watch`: the lines that it prints, and how it ends.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::{DEADLINE, joblib, tell};
use crate::support::fixtures;
use crate::support::program::{program, run};

/// The folder of an entry of joblib's.
fn entry_below(folder: &Path) -> Option<PathBuf> {
    if folder.join("output.pkl").exists() {
        return Some(folder.to_owned());
    }
    let items = std::fs::read_dir(folder).ok()?.flatten();
    items.into_iter().find_map(|item| entry_below(&item.path()))
}

#[test]
fn what_another_process_of_this_program_reads_is_no_hit() {
    let all = fixtures::all();
    let made = all.iter().find(|f| f.opened().ends_with("joblib/1.6.0"));
    let (temp, path) = made.expect("a store of joblib 1.6").copy();
    // An entry that comes whole, behind all that is read below.
    let entry = entry_below(&path).expect("an entry");
    let new = temp.path().join("new");
    std::fs::create_dir(&new).expect("it is made");
    for name in ["metadata.json", "output.pkl"] {
        std::fs::copy(entry.join(name), new.join(name)).expect("it is copied");
    }
    let mut command = Command::start(&path, &[]);
    let own = command.own.path().to_owned();
    let read = |words: &[&str]| {
        let (name, more) = words.split_first().expect("a command");
        let words = [*name, "--state-dir"].map(OsStr::new);
        let more = more.iter().map(OsStr::new);
        run(words
            .into_iter()
            .chain([own.as_os_str(), path.as_os_str()])
            .chain(more))
    };
    assert_eq!(read(&["check", "--deep"]).code, 1);
    assert_eq!(read(&["ls", "--types"]).code, 0);
    std::fs::rename(&new, entry.with_file_name("0".repeat(32))).expect("it is moved");
    let first = command.event();
    assert_eq!(first["event"], "stored", "{first}");
    assert_eq!(command.interrupt(), Some(0));
}

/// The built program watching a store, with what it prints.
struct Command {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    own: TempDir,
}

impl Command {
    fn start(path: &Path, options: &[&str]) -> Self {
        use std::io::BufRead as _;
        use std::process::Stdio;
        let own = TempDir::new().expect("a temporary folder");
        let mut child = program()
            .args(["watch", "--json", "--state-dir"])
            .arg(own.path())
            .args(options)
            .arg(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut said = std::io::BufReader::new(stderr).lines();
        let first = said.next().expect("a line").expect("text");
        assert!(first.starts_with("Watching "), "{first}");
        let stdout = child.stdout.take().expect("stdout is piped");
        Self {
            lines: std::io::BufReader::new(stdout).lines(),
            child,
            own,
        }
    }

    /// What Ctrl+C does; the exit code.
    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(kill.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }

    fn event(&mut self) -> serde_json::Value {
        let line = self.lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    }
}

#[test]
fn the_command_line_prints_events_until_it_is_interrupted() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut command = Command::start(folder.path(), &[]);
    tell(&mut program, "load(100)");
    let stored = command.event();
    assert_eq!(stored["type"], "event");
    assert_eq!(stored["event"], "stored");
    assert!(stored["bytes"].as_u64() > Some(10), "{stored}");
    assert_eq!(stored["key"].as_str().map(str::len), Some(32));
    tell(&mut program, "load(100)");
    let hit = command.event();
    assert_eq!(
        (&hit["event"], &hit["key"]),
        (&"hit".into(), &stored["key"])
    );
    tell(&mut program, "load.clear(warn=False)");
    let removed: Vec<_> = (0..6).map(|_| command.event()["event"].clone()).collect();
    assert!(
        removed.iter().all(|event| event == "removed"),
        "{removed:?}"
    );

    assert_eq!(command.interrupt(), Some(0));
    assert!(command.lines.next().is_none());
    // What was seen is remembered, beside nothing else.
    let args = [
        "stats".as_ref(),
        folder.path().as_os_str(),
        "--state-dir".as_ref(),
        command.own.path().as_os_str(),
    ];
    let stats = run(args);
    let counters = stats.lines[0]["counters"].as_array().expect("counters");
    let [observed] = counters.as_slice() else {
        panic!("one counter: {counters:?}")
    };
    assert_eq!(observed["source"], "observed");
    assert_eq!(
        (&observed["hits"], &observed["misses"]),
        (&1.into(), &1.into())
    );
    assert_eq!(observed["lower_bound"], false);
}

#[test]
fn the_command_line_ends_when_nobody_reads_it_any_more() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut command = Command::start(folder.path(), &[]);
    tell(&mut program, "load(100)");
    assert_eq!(command.event()["event"], "stored");
    let Command {
        mut child, lines, ..
    } = command;
    drop(lines);
    let deadline = Instant::now() + DEADLINE;
    for n in 101.. {
        tell(&mut program, &format!("load({n})"));
        if let Some(status) = child.try_wait().expect("it is a child") {
            assert_eq!(status.code(), Some(0));
            return;
        }
        assert!(Instant::now() < deadline, "it goes on");
    }
}

#[test]
fn the_command_line_prints_what_the_query_asks_for() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut command = Command::start(folder.path(), &["--query", "size>1kB"]);
    tell(&mut program, "load(100); load(101, size=2000); other(1)");
    let event = command.event();
    assert_eq!(event["event"], "stored");
    assert!(event["bytes"].as_u64() > Some(1000), "{event}");
    assert_eq!(command.interrupt(), Some(0));
    assert!(command.lines.next().is_none());
}

#[test]
fn the_command_line_watches_for_as_long_as_it_is_told() {
    let Some((folder, _program)) = joblib("joblib-new") else {
        return;
    };
    let mut command = Command::start(folder.path(), &["--for", "0.2s"]);
    assert!(command.lines.next().is_none());
    assert_eq!(command.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_command_line_watches_a_cache_that_is_made_in_the_folder_later() {
    let all = fixtures::all();
    let copy_of = |name: &str| {
        let made = all.iter().find(|f| f.opened().ends_with(name));
        made.expect("the fixture is there").copy()
    };
    let (_first, first) = copy_of("dict-protocol4.pickle");
    let (_other, other) = copy_of("joblib/1.6.0");
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::copy(first, folder.path().join("first.pickle")).expect("it is copied");
    let mut command = Command::start(folder.path(), &[]);
    let new = folder.path().join("below");
    std::fs::rename(other, &new).expect("it is moved");
    let event = command.event();
    assert_eq!(event["event"], "stored", "{event}");
    let store = event["store"].as_str().map(Path::new);
    let new = new.canonicalize().expect("it is there");
    assert!(
        store.is_some_and(|store| store.starts_with(&new)),
        "{event}"
    );
    assert_eq!(command.interrupt(), Some(0));
}
