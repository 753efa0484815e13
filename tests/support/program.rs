//! The built program, run as a person's script would run it.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::in_ci;

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its JSON lines.
    pub(crate) lines: Vec<Value>,
    /// What it said on stderr.
    pub(crate) said: String,
}

/// Runs `cachescope ARGS… --json` to its end.
///
/// # Panics
/// If it was killed, or printed anything on stdout that is no JSON line.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    end(start(args))
}

/// The program with a folder of its own, so that no test meets what another kept, or what a person keeps.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachescope"));
    with_own_folder(&mut command);
    command
}

/// Gives a command the place of a new own folder, which is made when something is kept in it.
pub(crate) fn with_own_folder(command: &mut Command) {
    /// Folders of this run of the tests; those of earlier ones go.
    static ALL: LazyLock<PathBuf> = LazyLock::new(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own");
        for old in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            std::fs::remove_dir_all(old.path()).ok();
        }
        all.join(std::process::id().to_string())
    });
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let own = ALL.join(RUNS.fetch_add(1, Ordering::Relaxed).to_string());
    let place = match () {
        () if cfg!(windows) => "LOCALAPPDATA",
        () if cfg!(target_vendor = "apple") => "HOME",
        () => "XDG_DATA_HOME",
    };
    command.env(place, own);
}

/// Starts `cachescope ARGS… --json` beside others.
pub(crate) fn start<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Child {
    program()
        .args(args)
        .arg("--json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits for a started one to end.
///
/// # Panics
/// As [`run`].
pub(crate) fn end(child: Child) -> Ran {
    let output = child.wait_with_output().expect("the program ends");
    let code = code_of(&output);
    let stdout = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
    };
    Ran {
        code,
        lines: stdout.lines().map(parse).collect(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Its exit code.
///
/// # Panics
/// If it was killed, with the signal and what it had said.
fn code_of(output: &Output) -> i32 {
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    code.unwrap_or_else(|| {
        panic!(
            "the program did not end by itself: {} {}",
            output.status,
            said()
        )
    })
}

impl Ran {
    /// The lines of one type.
    pub(crate) fn of_type(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |line| line["type"] == name)
    }

    /// How many lines of a type tell this outcome.
    pub(crate) fn outcomes(&self, name: &str, outcome: &str) -> usize {
        let lines = self.of_type(name);
        lines.filter(|line| line["outcome"] == outcome).count()
    }
}

/// What a run gave as people see it.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it said on the side.
    pub(crate) stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: code_of(&output),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

/// The program on a machine without a display.
fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    for display in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(display);
    }
    command.stdin(Stdio::null());
    with_own_folder(&mut command);
    command
}

/// Runs `cachescope ARGS…` with nobody at the other end of its stdout and stderr; its exit code.
#[cfg(unix)]
pub(crate) fn run_into_nothing<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> i32 {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = command(env!("CARGO_BIN_EXE_cachescope").as_ref())
        .args(args)
        .stdout(writer.try_clone().expect("a second end"))
        .stderr(writer)
        .status();
    let status = status.expect("the program starts");
    status.code().expect("the program ends by itself")
}

/// Runs `cachescope ARGS…` to its end.
pub(crate) fn say<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Said {
    let output = command(env!("CARGO_BIN_EXE_cachescope").as_ref())
        .args(args)
        .output();
    Said::from(output.expect("the program starts"))
}

/// Runs it with a reader that goes away after one byte, as `| head` does.
pub(crate) fn say_into_closed_pipe<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Said {
    let mut child = command(env!("CARGO_BIN_EXE_cachescope").as_ref())
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    stdout.read_exact(&mut [0]).expect("there is output");
    drop(stdout);
    Said::from(child.wait_with_output().expect("the program ends"))
}

/// The program as run by a user who owns nothing.
#[cfg(unix)]
pub(crate) struct Nobody {
    program: std::path::PathBuf,
}

/// Where tests run as root, permissions are tried as nobody; `None`, with the reason said, where that cannot be.
#[cfg(unix)]
pub(crate) fn as_nobody(folder: &std::path::Path) -> Option<Nobody> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let ran = |program: &OsStr, args: &[&OsStr]| {
        let output = command(program).args(args).output();
        output.is_ok_and(|output| output.status.success())
    };
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, open).expect("our own folder");
    // The build folder may be closed to others.
    let program = folder.join("cachescope");
    std::fs::copy(env!("CARGO_BIN_EXE_cachescope"), &program).expect("the program is copied");
    let nobody = Nobody { program };
    let words: Vec<_> = nobody.words().chain(["--version".as_ref()]).collect();
    // A copy cannot be run while another test's program, started meanwhile, still holds it open for writing.
    for _ in 0..20 {
        if ran("setpriv".as_ref(), &words) {
            return Some(nobody);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    assert!(
        !(is_root && in_ci()),
        "CI needs setpriv, and a root that may become nobody"
    );
    eprintln!("skipped: this user may not run programs as nobody");
    None
}

#[cfg(unix)]
impl Nobody {
    fn words(&self) -> impl Iterator<Item = &OsStr> {
        let setpriv = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        setpriv
            .into_iter()
            .map(OsStr::new)
            .chain([self.program.as_os_str()])
    }

    /// Runs `cachescope ARGS…` to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Said {
        let output = command("setpriv".as_ref())
            .args(self.words())
            .args(args)
            .output();
        Said::from(output.expect("setpriv starts"))
    }
}
