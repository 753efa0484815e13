//! Who in this process views a database through its log's index, and how they give way to a change of ours.
//!
//! A view that is read no more is closed within a moment: a program that ends meanwhile would leave its log behind.
//!
//! SQLite shares one handle of an index among all connections of a process. A view opens it so that it cannot be
//! written, and as long as one is open no connection of the process can write either.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use super::database::LOCK_TIME;
use crate::source::gate::FileId;

static VIEWERS: Mutex<Viewers> = Mutex::new(Viewers {
    viewing: Vec::new(),
    changing: Vec::new(),
    n_entered: 0,
    are_tended: false,
});

struct Viewers {
    viewing: Vec<(FileId, Weak<dyn View>)>,
    /// Files whose index is being opened to be written.
    changing: Vec<FileId>,
    /// How often one was announced.
    n_entered: u64,
    /// True while a thread closes those that are over.
    are_tended: bool,
}

/// Somebody who may hold a connection.
pub(super) trait View: Send + Sync {
    /// Closes it, once what is being read was read.
    fn give_way(&self);

    /// Closes it if its time is over; true if one is open still.
    fn close_if_over(&self) -> bool;
}

/// Announces a view that is about to be opened; false if it must wait.
pub(super) fn enter(file: FileId, view: &Weak<dyn View>) -> bool {
    let mut viewers = viewers();
    if viewers.changing.contains(&file) {
        return false;
    }
    viewers
        .viewing
        .retain(|(of, other)| other.strong_count() > 0 && !(*of == file && other.ptr_eq(view)));
    viewers.viewing.push((file, Weak::clone(view)));
    viewers.n_entered += 1;
    if !viewers.are_tended {
        let tending = thread::Builder::new().name("databases".to_owned());
        // Without it a view is closed by the end of its job.
        viewers.are_tended = tending.spawn(tend).is_ok();
    }
    true
}

/// Closes what is over, until nothing is open.
fn tend() {
    loop {
        thread::sleep(LOCK_TIME);
        let seen = viewers();
        let (viewing, n_entered) = (seen.viewing.clone(), seen.n_entered);
        drop(seen);
        let still_open = |view: &Weak<dyn View>| view.upgrade().is_some_and(|v| v.close_if_over());
        let n_open = viewing.iter().filter(|(_, view)| still_open(view)).count();
        let mut viewers = viewers();
        if n_open == 0 && viewers.n_entered == n_entered {
            viewers.are_tended = false;
            return;
        }
    }
}

/// Closes all views of a file; none is opened as long as the result lives.
pub(super) fn make_way(file: FileId) -> Way {
    let mut viewers = viewers();
    viewers.changing.push(file);
    let there: Vec<_> = viewers
        .viewing
        .extract_if(.., |(of, _)| *of == file)
        .collect();
    // Whoever is just opening one is waited for, and must get in here meanwhile.
    drop(viewers);
    for view in there.iter().filter_map(|(_, view)| view.upgrade()) {
        view.give_way();
    }
    Way(file)
}

/// See [`make_way`].
pub(super) struct Way(FileId);

impl Drop for Way {
    fn drop(&mut self) {
        let mut viewers = viewers();
        if let Some(at) = viewers.changing.iter().position(|file| *file == self.0) {
            viewers.changing.swap_remove(at);
        }
    }
}

fn viewers() -> MutexGuard<'static, Viewers> {
    VIEWERS.lock().unwrap_or_else(PoisonError::into_inner)
}
