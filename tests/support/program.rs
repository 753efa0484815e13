//! The built program, run as a person's script would run it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use serde_json::Value;

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
    let output = Command::new(env!("CARGO_BIN_EXE_cachescope"))
        .args(args)
        .arg("--json")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let stdout = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
    };
    Ran {
        code: output.status.code().expect("the program ends by itself"),
        lines: stdout.lines().map(parse).collect(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ran {
    /// The lines of one type.
    pub(crate) fn of_type(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |line| line["type"] == name)
    }
}
