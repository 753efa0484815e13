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
    send: SyncSender<(Question, Answer)>,
    receive: Receiver<(Question, Answer)>,
    wake: Wake,
    /// The system's file dialog is open.
    is_asking: bool,
    /// What was not asked: why.
    refused: Vec<Answer>,
}

/// What a thread is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    /// A file dialog of the system, of which one at a time is open.
    File,
    /// Anything else.
    Other,
}

impl Dialogs {
    pub(crate) fn new(wake: Wake) -> Self {
        let (send, receive) = sync_channel(4);
        Self {
            send,
            receive,
            wake,
            is_asking: false,
            refused: Vec::new(),
        }
    }

    /// Lets the person choose a folder, unless a dialog is open already.
    pub(crate) fn ask(&mut self) {
        self.run("dialog", Question::File, || {
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
        self.run("dialog", Question::File, move || {
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
        self.run("reveal", Question::Other, move || {
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
            let why = match std::process::Command::new(program).arg(&folder).status() {
                // Explorer ends with 1 whatever happened.
                Ok(status) if status.success() || cfg!(windows) => return Answer::Nothing,
                Ok(status) => format!("{program} ended with {status}"),
                Err(why) => format!("{program}: {why}"),
            };
            Answer::Failed(format!(
                "Cannot open a file manager: {why}. Open the folder by hand: {}",
                cachescope_core::model::text::path(&folder)
            ))
        });
    }

    /// Makes the sample stores in our own folder.
    pub(crate) fn unpack_samples(&mut self, own: Option<StateDir>) {
        self.run("samples", Question::Other, move || {
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
        self.run("programs", Question::Other, move || {
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
        let mut answers = std::mem::take(&mut self.refused);
        for (question, answer) in self.receive.try_iter() {
            if question == Question::File {
                self.is_asking = false;
            }
            answers.push(answer);
        }
        answers
    }

    fn run(
        &mut self,
        name: &str,
        question: Question,
        ask: impl FnOnce() -> Answer + Send + 'static,
    ) {
        if question == Question::File && self.is_asking {
            let why = "A file dialog of the system is open already. Answer or close that one first";
            self.refused.push(Answer::Failed(why.to_owned()));
            (self.wake)();
            return;
        }
        let (send, wake) = (self.send.clone(), self.wake.clone());
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The window may be closed before the dialog is.
            if send.send((question, ask())).is_ok() {
                wake();
            }
        });
        match spawned {
            Ok(_) => self.is_asking |= question == Question::File,
            Err(why) => {
                let why = format!("The system gives no thread for this: {why}. Try again");
                self.refused.push(Answer::Failed(why));
                (self.wake)();
            }
        }
    }
}
