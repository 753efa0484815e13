//! The folder that writing happened in, once it is done or was told to stop: its removal is a step of its own.
//!
//! A million names take the system minutes to remove. Nobody should wait for that to learn that something was
//! stopped or what was measured, so whoever asked removes it afterwards, where a person can see it.

use std::io;
use std::path::Path;

use super::stage::{self, Stage};
use crate::model::{Cancel, Progress};
use crate::own::StateDir;
use crate::{Error, Result};

/// What is still to be removed; goes, however long it takes, when this is dropped.
#[derive(Debug, Default)]
pub struct Leftovers {
    stage: Option<Stage>,
    state: Option<StateDir>,
}

impl Leftovers {
    /// Nothing yet; what a kill leaves behind is remembered in Cachescope's own folder, for [`Leftovers::sweep`].
    pub fn remembered_in(state: Option<StateDir>) -> Self {
        Self { stage: None, state }
    }

    /// Takes over the folder that is worked in.
    pub(super) fn hold(&mut self, stage: Stage) -> &Stage {
        if let Some(state) = &self.state {
            // Without it the next run beside the folder sweeps it all the same.
            state.remember_unfinished(stage.path()).ok();
        }
        self.stage.insert(stage)
    }

    /// Where it is; `None` if nothing was begun.
    pub fn path(&self) -> Option<&Path> {
        self.stage.as_ref().map(Stage::path)
    }

    /// The error of a job, where what it says of the folder is said of `place`.
    pub(super) fn named(&self, error: Error, place: &Path) -> Error {
        match self.path() {
            Some(folder) => error.lifted(folder, place),
            None => error,
        }
    }

    /// Removes it, counting the names that are gone, until `cancel` asks to leave it to the next run.
    ///
    /// # Errors
    /// That something stays, and where.
    pub fn remove(self, cancel: &Cancel, progress: &Progress) -> Result<()> {
        let Some(stage) = self.stage else {
            return Ok(());
        };
        progress.begin_tidying();
        let path = stage.path().to_owned();
        let removed = stage.remove(&|| {
            progress.add(1);
            !cancel.is_cancelled()
        });
        if removed.is_ok()
            && let Some(state) = &self.state
        {
            state.forget_unfinished(&path);
        }
        removed.map_err(|cause| {
            let what = "Cannot remove all of what was written";
            let error = match cause.kind() {
                io::ErrorKind::Interrupted => Error::unavailable(what, "it was told to stop"),
                _ => Error::io(what, &path, cause),
            };
            error
                .at(&path)
                .hint("The next bench or convert removes the rest, and so does the window")
        })
    }

    /// Removes what runs left behind that were killed, wherever they worked.
    pub fn sweep(state: &StateDir) {
        for path in state.unfinished() {
            if let Some(parent) = path.parent() {
                stage::sweep(parent);
            }
            if path.symlink_metadata().is_err() {
                state.forget_unfinished(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_leaves_behind_is_removed_by_the_next_start() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path().join("own"));
        let beside = temp.path().join("caches");
        std::fs::create_dir(&beside).unwrap();
        let mut used = Leftovers::remembered_in(Some(state.clone()));
        used.hold(Stage::new_in(&beside).unwrap());
        let path = used.path().unwrap().to_owned();
        assert_eq!(state.unfinished(), std::slice::from_ref(&path));
        // One at work is left alone.
        Leftovers::sweep(&state);
        assert!(path.exists());
        used.remove(&Cancel::default(), &Progress::default())
            .unwrap();
        assert_eq!(state.unfinished(), Vec::<std::path::PathBuf>::new());

        let dead = beside.join(".cachescope-new-dead");
        std::fs::create_dir(&dead).unwrap();
        std::fs::File::create_new(dead.join("lock")).unwrap();
        state.remember_unfinished(&dead).unwrap();
        Leftovers::sweep(&state);
        assert!(!dead.exists());
        assert_eq!(state.unfinished(), Vec::<std::path::PathBuf>::new());
    }
}
