//! What only the system can ask or a folder of our own can give, off the UI thread: the open dialog, the samples.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use cachescope_core::jobs::Wake;
use cachescope_core::own::StateDir;
use cachescope_core::stores::running_programs;

/// Where no dialog can be shown, rfd answers "nothing chosen" at once; no person is that quick.
const NO_DIALOG: Duration = Duration::from_millis(300);

/// An answer.
pub(crate) enum Answer {
    /// Open this.
    Open(Vec<PathBuf>),
    /// Write under this name.
    Name(PathBuf),
    /// Nothing was chosen.
    Nothing,
    /// It could not be asked: why, and what to do instead.
    Failed(String),
}

/// Questions under way and their answers.
pub(crate) struct Dialogs {
    send: SyncSender<Answer>,
    receive: Receiver<Answer>,
    wake: Wake,
    n_open: usize,
}

impl Dialogs {
    pub(crate) fn new(wake: Wake) -> Self {
        let (send, receive) = sync_channel(4);
        Self {
            send,
            receive,
            wake,
            n_open: 0,
        }
    }

    /// Lets the person choose a folder, unless a dialog is open already.
    pub(crate) fn ask(&mut self) {
        self.run("dialog", || {
            let asked = Instant::now();
            match rfd::FileDialog::new().set_title("Open a cache").pick_folder() {
                Some(path) => Answer::Open(vec![path]),
                None if asked.elapsed() < NO_DIALOG => Answer::Failed(
                    "This desktop has no file dialog for us. Drop the folder on the window, or type its path".to_owned(),
                ),
                None => Answer::Nothing,
            }
        });
    }

    /// Lets the person choose a name for a new file, unless a dialog is open already.
    pub(crate) fn ask_name(&mut self, proposed: String) {
        self.run("dialog", move || {
            let asked = Instant::now();
            match rfd::FileDialog::new().set_file_name(proposed).save_file() {
                Some(path) => Answer::Name(path),
                None if asked.elapsed() < NO_DIALOG => Answer::Failed(
                    "This desktop has no file dialog for us. Type the name".to_owned(),
                ),
                None => Answer::Nothing,
            }
        });
    }

    /// Opens a folder in the system's file manager; of a file the folder that it lies in.
    pub(crate) fn reveal(&mut self, path: PathBuf) {
        self.run("reveal", move || {
            let folder = if path.is_dir() {
                path
            } else {
                path.parent().map(PathBuf::from).unwrap_or_default()
            };
            let program = if cfg!(windows) {
                "explorer"
            } else if cfg!(target_vendor = "apple") {
                "open"
            } else {
                "xdg-open"
            };
            match std::process::Command::new(program).arg(&folder).status() {
                Ok(_) => Answer::Nothing,
                Err(why) => Answer::Failed(format!(
                    "Cannot open a file manager: {program}: {why}. Folder: {}",
                    cachescope_core::model::text::path(&folder)
                )),
            }
        });
    }

    /// Makes the sample stores in our own folder.
    pub(crate) fn unpack_samples(&mut self, own: Option<StateDir>) {
        self.run("samples", move || {
            let Some(own) = own else {
                let why = "There is no folder for the sample stores. Set HOME, or name one with --state-dir";
                return Answer::Failed(why.to_owned());
            };
            // Made by its own rules first: closed to others.
            let unpacked = own
                .folder("")
                .map_err(anyhow::Error::from)
                .and_then(|folder| crate::samples::unpack_into(&folder));
            match unpacked {
                Ok(paths) => Answer::Open(paths),
                Err(error) => Answer::Failed(format!("{error:#}")),
            }
        });
    }

    /// Finds the programs that run with the probe now.
    pub(crate) fn find_programs(&mut self, own: Option<&StateDir>) {
        let runs = own.map(StateDir::runs);
        self.run("programs", move || {
            let running = runs.map_or_else(Vec::new, |runs| running_programs(&runs));
            if running.is_empty() {
                let why = "No program runs with the probe now. Start one: cachescope run -- python script.py";
                return Answer::Failed(why.to_owned());
            }
            Answer::Open(running)
        });
    }

    /// Answers that came in.
    pub(crate) fn poll(&mut self) -> Vec<Answer> {
        let answers: Vec<_> = self.receive.try_iter().collect();
        self.n_open = self.n_open.saturating_sub(answers.len());
        answers
    }

    fn run(&mut self, name: &str, ask: impl FnOnce() -> Answer + Send + 'static) {
        if self.n_open > 0 {
            return;
        }
        let (send, wake) = (self.send.clone(), self.wake.clone());
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The window may be closed before the dialog is.
            if send.send(ask()).is_ok() {
                wake();
            }
        });
        self.n_open += usize::from(spawned.is_ok());
    }
}
