//! Real Pythons with pinned libraries, found or made once and shared by all tests, and scripts run in them.
//!
//! `tests/pythons.toml` says which there are. A test opens with
//! `let Some(python) = Python::env("joblib-new") else { return };`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::in_ci;

/// No script of a test takes longer; one that does hangs, and its test fails.
const DEADLINE: Duration = Duration::from_mins(2);

/// An interpreter with the libraries of one environment.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    program: PathBuf,
}

impl Python {
    /// The environment called `name` in `tests/pythons.toml`.
    ///
    /// `None`, with the reason printed, where the interpreter or the package registry cannot be had.
    /// Under `CI=true` that is a failure instead, unless the environment is marked as optional.
    pub(crate) fn env(name: &str) -> Option<Self> {
        let spec = Spec::load(name);
        match spec.make(name) {
            Ok(program) => Some(Self { program }),
            Err(reason) => {
                assert!(
                    spec.optional || !in_ci(),
                    "CI needs the Python environment {name}: {reason}"
                );
                eprintln!("skipped, no Python environment {name}: {reason}");
                None
            }
        }
    }

    /// The interpreter itself.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a script to its end and hands back what it printed.
    ///
    /// # Panics
    /// If it exits with anything but 0; the message holds its stderr.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        script: &str,
        args: impl IntoIterator<Item = A>,
    ) -> String {
        self.spawn(script, args).finish()
    }

    /// Starts a script that goes on while the test does, such as a writer at work.
    ///
    /// Its folder is the working folder and the first place where it imports from.
    pub(crate) fn spawn<A: AsRef<OsStr>>(
        &self,
        script: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Running {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("script.py");
        fs::write(&path, script).expect("the script is written");
        let mut command = clean_command(&self.program);
        command.arg(&path).args(args).current_dir(folder.path());
        Running::start(command, folder)
    }

    /// Runs a script that stands in a file, for functions that must come from a module or path of their own.
    pub(crate) fn run_file<A: AsRef<OsStr>>(
        &self,
        path: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> String {
        self.spawn_file(path, args).finish()
    }

    /// As [`Python::run_file`], for a script that goes on while the test does.
    pub(crate) fn spawn_file<A: AsRef<OsStr>>(
        &self,
        path: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Running {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = clean_command(&self.program);
        command.arg(path).args(args);
        Running::start(command, folder)
    }
}

/// A script at work; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: PathBuf,
    /// Holds the script and its stderr for as long as it runs.
    _folder: TempDir,
}

impl Running {
    fn start(mut command: Command, folder: TempDir) -> Self {
        let stderr = folder.path().join("stderr.txt");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&stderr).expect("a file for stderr"))
            .spawn()
            .expect("the interpreter starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = sync_channel(1024);
        std::thread::Builder::new()
            .name("python stdout".to_owned())
            .spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            })
            .expect("a thread starts");
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            stderr,
            _folder: folder,
        }
    }

    /// The next line that the script prints; it must flush. `None` once it printed its last.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the script hangs; {}", self.stderr_text()),
        }
    }

    /// Sends the script a line on its stdin.
    pub(crate) fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open until the end");
        writeln!(stdin, "{line}").expect("the script reads its stdin");
    }

    /// Closes the script's stdin, waits for its end and hands back the lines not yet read.
    ///
    /// # Panics
    /// If it exits with anything but 0.
    pub(crate) fn finish(mut self) -> String {
        self.stdin = None;
        let mut rest = String::new();
        while let Some(line) = self.line() {
            rest.push_str(&line);
            rest.push('\n');
        }
        let status = self.child.wait().expect("the script can be waited for");
        assert!(
            status.success(),
            "the script ended with {status}; {}",
            self.stderr_text()
        );
        rest
    }

    /// Ends the script the way a crash or a kill does, with nothing cleaned up.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the script can be killed");
        self.child.wait().expect("the script can be waited for");
    }

    fn stderr_text(&self) -> String {
        let text = fs::read(&self.stderr).unwrap_or_default();
        format!("its stderr:\n{}", String::from_utf8_lossy(&text))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended already, which is just as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One table of `tests/pythons.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    python: Vec<String>,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    optional: bool,
}

impl Spec {
    fn load(name: &str) -> Self {
        let text = fs::read_to_string(tests_folder().join("pythons.toml")).expect("pythons.toml");
        let mut specs: BTreeMap<String, Self> = toml::from_str(&text).expect("pythons.toml parses");
        specs
            .remove(name)
            .unwrap_or_else(|| panic!("tests/pythons.toml has no table {name}"))
    }

    /// The interpreter to run: the bare one, or that of a virtual environment, made now if need be.
    fn make(&self, name: &str) -> Result<PathBuf, String> {
        let base = self
            .python
            .iter()
            .find_map(|wanted| find_interpreter(wanted, &self.modules))
            .ok_or_else(|| format!("no Python {} here", self.python.join(" or ")))?;
        let requirements = tests_folder()
            .join("requirements")
            .join(format!("{name}.txt"));
        let Ok(pins) = fs::read(&requirements) else {
            return Ok(base);
        };
        let mut hasher = DefaultHasher::new();
        (&base, &pins).hash(&mut hasher);
        let folder = pythons_folder().join(format!("{name}-{:016x}", hasher.finish()));
        let program = folder.join(if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        });
        let stamp = folder.join("complete");
        if !stamp.exists() {
            make_venv(&base, &folder, &program, &requirements, &stamp)?;
        }
        Ok(program)
    }
}

/// Makes a virtual environment while no other test does; the stamp says that it is complete.
fn make_venv(
    base: &Path,
    folder: &Path,
    program: &Path,
    requirements: &Path,
    stamp: &Path,
) -> Result<(), String> {
    fs::create_dir_all(pythons_folder()).map_err(|e| e.to_string())?;
    let lock = File::create(folder.with_added_extension("lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    if stamp.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|e| e.to_string())?;
    }
    output_of(clean_command(base).args(["-m", "venv"]).arg(folder))?;
    let mut pip = clean_command(program);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--only-binary", ":all:"])
        .args(["--retries", "2", "--requirement"])
        .arg(requirements);
    output_of(&mut pip)?;
    fs::write(stamp, "").map_err(|e| e.to_string())
}

/// The first interpreter of version `wanted` ("3.8", or an absolute path) that runs and has `modules`.
fn find_interpreter(wanted: &str, modules: &[String]) -> Option<PathBuf> {
    let candidates = if Path::new(wanted).is_absolute() {
        vec![PathBuf::from(wanted)]
    } else {
        let mut candidates = pyenv_interpreters(wanted);
        candidates.push(PathBuf::from(format!("python{wanted}")));
        candidates.push(PathBuf::from("python3"));
        candidates.push(PathBuf::from("python"));
        candidates
    };
    let probe = "import sys\nfor name in sys.argv[1:]: __import__(name)\n\
                 print('%d.%d' % sys.version_info[:2])";
    candidates.into_iter().find(|candidate| {
        let version = output_of(clean_command(candidate).args(["-c", probe]).args(modules));
        version.is_ok_and(|version| candidate.is_absolute() || version.trim() == wanted)
    })
}

/// Interpreters of that version under pyenv, the newest patch release first.
fn pyenv_interpreters(version: &str) -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    let Some(versions) = root.and_then(|root| fs::read_dir(root.join("versions")).ok()) else {
        return Vec::new();
    };
    let prefix = format!("{version}.");
    let mut patches: Vec<(u32, PathBuf)> = versions
        .filter_map(Result::ok)
        .filter_map(|folder| {
            let patch = folder
                .file_name()
                .to_str()?
                .strip_prefix(&prefix)?
                .parse()
                .ok()?;
            Some((patch, folder.path().join("bin/python")))
        })
        .collect();
    patches.sort_unstable();
    patches.into_iter().rev().map(|(_, path)| path).collect()
}

/// A command that no Python setting of the person's own environment reaches.
fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    command
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONIOENCODING", "utf-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONNOUSERSITE", "1");
    command
}

/// Runs a command to its end; its stderr is the error.
fn output_of(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{} says: {}", output.status, stderr.trim()))
    }
}

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests")
}

/// Where environments are kept between runs.
fn pythons_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../pythons")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every environment has the versions that its requirements pin, whichever interpreter was found for it.
    #[test]
    fn environments_hold_their_pinned_versions() {
        let list = "import sys\nfrom importlib import import_module\n\
                    for n in sys.argv[1:]: print(n + '==' + import_module(n).__version__)";
        for name in ["joblib-new", "joblib-1.2", "joblib-old", "diskcache-5.6"] {
            let Some(python) = Python::env(name) else {
                continue;
            };
            let pins = fs::read_to_string(tests_folder().join(format!("requirements/{name}.txt")))
                .unwrap();
            let names = pins.lines().filter_map(|line| line.split("==").next());
            assert_eq!(python.run(list, names), pins, "{name}");
        }
    }

    #[test]
    fn bare_interpreters_are_of_their_version() {
        for version in ["2.7", "3.8", "3.13"] {
            let Some(python) = Python::env(&format!("python-{version}")) else {
                continue;
            };
            let script = "import sys; print('%d.%d' % sys.version_info[:2])";
            assert_eq!(python.run(script, [""; 0]), format!("{version}\n"));
        }
    }

    #[test]
    fn gdbm_and_ndbm_of_the_system_can_be_written() {
        let Some(python) = Python::env("gdbm") else {
            return;
        };
        let script = "import dbm.gnu, dbm.ndbm\n\
                      dbm.gnu.open('g', 'c')[b'k'] = b'v'\ndbm.ndbm.open('n', 'c')[b'k'] = b'v'\n\
                      import dbm; print(dbm.whichdb('g'), dbm.whichdb('n'))";
        assert_eq!(python.run(script, [""; 0]), "dbm.gnu dbm.ndbm\n");
    }

    #[test]
    fn a_writer_at_work_answers_line_by_line_and_can_be_killed() {
        let Some(python) = Python::env("python-3.8") else {
            return;
        };
        let echo = "import sys\nfor line in iter(sys.stdin.readline, ''):\n    \
                    print(line.strip().upper(), flush=True)";
        let mut running = python.spawn(echo, [""; 0]);
        running.send("ready");
        assert_eq!(running.line().as_deref(), Some("READY"));
        running.send("more");
        assert_eq!(running.finish(), "MORE\n");
        python.spawn(echo, [""; 0]).kill();
    }

    #[test]
    fn a_script_of_its_own_file_imports_what_lies_beside_it() {
        let Some(python) = Python::env("python-3.8") else {
            return;
        };
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("features.py"), "def embed(): return 3").unwrap();
        let script = folder.path().join("run.py");
        fs::write(
            &script,
            "import features, sys; print(features.embed(), *sys.argv[1:])",
        )
        .unwrap();
        assert_eq!(python.run_file(&script, ["a b"]), "3 a b\n");
    }
}
