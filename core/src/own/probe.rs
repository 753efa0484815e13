//! The probe in Cachescope's own folder: unpacked where Python finds it, and a folder for each run's snapshots.

use std::path::{Path, PathBuf};

use super::StateDir;
use crate::Result;
use crate::model::Time;

/// The probe, and the module that Python imports by itself at its start.
const FILES: [(&str, &str); 2] = [
    (
        "cachescope_probe.py",
        include_str!("../../../assets/probe/cachescope_probe.py"),
    ),
    (
        "sitecustomize.py",
        include_str!("../../../assets/probe/sitecustomize.py"),
    ),
];
const PYTHON: &str = "python";
const RUNS: &str = "probe";

impl StateDir {
    /// Unpacks the probe; the folder is to be the first on `PYTHONPATH`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn unpack_probe(&self) -> Result<PathBuf> {
        let folder = self.folder(PYTHON)?;
        for (name, text) in FILES {
            // A program that is starting reads these now: what is right stays untouched.
            let is_there = std::fs::read(folder.join(name)).is_ok_and(|old| old == text.as_bytes());
            if !is_there {
                self.write(PYTHON, name, text.as_bytes())?;
            }
        }
        Ok(folder)
    }

    /// A new folder for the snapshots of one run and its child processes.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new_run(&self) -> Result<PathBuf> {
        let digits: String = Time::now()
            .rfc3339()
            .chars()
            .filter(char::is_ascii_digit)
            .take("YYYYMMDDhhmmss".len())
            .collect();
        let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
        self.folder(&format!("{RUNS}/{day}-{time}-{}", std::process::id()))
    }

    /// Takes back the folder of a run that did not come to be, unless something is in it.
    pub fn forget_run(&self, folder: &Path) {
        #[expect(clippy::disallowed_methods, reason = "our own folder")]
        std::fs::remove_dir(folder).ok();
    }

    /// Where the folders of runs lie; it need not exist.
    pub fn runs(&self) -> PathBuf {
        self.path().join(RUNS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_is_unpacked_once_and_mended() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path().join("own"));
        let folder = state.unpack_probe().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(read("cachescope_probe.py").contains("def start("));
        let changed = |name: &str| folder.join(name).metadata().unwrap().modified().unwrap();
        let before = changed("sitecustomize.py");
        state.write(PYTHON, "cachescope_probe.py", b"old").unwrap();
        state.unpack_probe().unwrap();
        assert!(read("cachescope_probe.py").contains("def start("));
        assert_eq!(changed("sitecustomize.py"), before);
    }

    #[test]
    fn each_run_has_a_folder() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path().join("own"));
        let run = state.new_run().unwrap();
        assert!(run.is_dir() && run.parent() == Some(&state.runs()));
        state.forget_run(&run);
        assert!(!run.exists());
    }
}
