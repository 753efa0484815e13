//! Programs traced and killed at a call that changes the disk, before the call is carried out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::in_ci;
use super::program::{self, Ran, with_own_folder};

/// Calls that change the disk, as Linux names them.
const CALLS: [&str; 13] = [
    "renameat2",
    "renameat",
    "rename",
    "unlinkat",
    "unlink",
    "mkdirat",
    "mkdir",
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "linkat",
];

/// How many kills at one call are asked for: `KILLS`, or what is given; `KILLS=all` is each of them, an hour's work.
pub(crate) fn kills(otherwise: usize) -> usize {
    match std::env::var("KILLS").as_deref() {
        Ok("all") => usize::MAX,
        Ok(n) => n.parse().expect("KILLS is a number, or all"),
        Err(_) => otherwise,
    }
}

/// True if programs may be traced here.
pub(crate) fn can_trace() -> bool {
    let run = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "inject=fsync:signal=KILL:when=1",
            "true",
        ])
        .stderr(Stdio::null())
        .status();
    let can = run.as_ref().is_ok_and(std::process::ExitStatus::success);
    if !can {
        assert!(!in_ci(), "CI needs strace and the right to trace: {run:?}");
        eprintln!("skipped: strace cannot trace a program here: {run:?}");
    }
    can
}

/// Runs `cachescope WORDS…`, which ends by a kill or by itself; the calls go into `log`.
fn run(words: &[String], log: &Path, strace: &[&str]) {
    let mut run = Command::new("timeout");
    run.args(["300", "strace", "-f", "-qq", "-o"])
        .arg(log)
        .args(strace)
        .arg(env!("CARGO_BIN_EXE_cachescope"))
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    with_own_folder(&mut run);
    let status = run.status().expect("strace starts");
    assert_ne!(status.code(), Some(124), "{words:?} hangs");
}

/// Runs a command that is killed at its `n`th such call.
pub(crate) fn run_killed(words: &[String], log: &Path, call: &str, n: usize) {
    let inject = format!("inject={call}:signal=KILL:when={n}");
    run(words, log, &["-e", &format!("trace={call}"), "-e", &inject]);
}

/// Runs `cachescope WORDS… --json`, whose `n`th such call the disk refuses; `None` if it makes fewer.
pub(crate) fn run_refused(words: &[&str], log: &Path, call: &str, n: usize) -> Option<Ran> {
    let inject = format!("inject={call}:error=EIO:when={n}");
    let mut run = Command::new("timeout");
    with_own_folder(&mut run);
    let child = run
        .args(["300", "strace", "-f", "-qq", "-o"])
        .arg(log)
        .args(["-e", &format!("trace={call}"), "-e", &inject])
        .arg(env!("CARGO_BIN_EXE_cachescope"))
        .args(words)
        .arg("--json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let ran = program::end(child.expect("strace starts"));
    let log = fs::read_to_string(log).expect("strace writes");
    log.contains("(INJECTED)").then_some(ran)
}

/// Runs a command to its end: how often each call is made by the thread that makes it most.
pub(crate) fn calls(words: &[String], log: &Path) -> BTreeMap<String, usize> {
    run(words, log, &["-e", &format!("trace={}", CALLS.join(","))]);
    let log = fs::read_to_string(log).expect("strace writes");
    let mut by_thread: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_default();
        let call = rest.trim_start().split('(').next().unwrap_or_default();
        if CALLS.contains(&call) {
            *by_thread
                .entry((thread.to_owned(), call.to_owned()))
                .or_default() += 1;
        }
    }
    let mut calls = BTreeMap::new();
    for ((_, call), n) in by_thread {
        let most = calls.entry(call).or_insert(0);
        *most = n.max(*most);
    }
    calls
}
