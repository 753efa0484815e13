//! Files that SQLite has open in this process, and handles to them that must not be closed yet.
//!
//! SQLite locks with POSIX record locks, which belong to the process: closing *any* handle of a file
//! drops them all, also those of another connection, and a writer elsewhere then believes that it is
//! alone. So a handle that is closed while a connection is open is parked until the last one has gone.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Device and inode: what the locks are counted by.
pub(crate) type FileId = (u64, u64);

/// One for the process, because the locks are the process's.
static OPEN: RwLock<Option<HashMap<FileId, Held>>> = RwLock::new(None);

#[derive(Default)]
struct Held {
    connections: usize,
    #[cfg_attr(not(unix), expect(dead_code, reason = "no handle is parked there"))]
    parked: Vec<Box<dyn Any + Send + Sync>>,
}

/// Held while a connection to the file is open; the last one out closes what was parked.
#[derive(Debug)]
pub(crate) struct Pass(FileId);

impl Pass {
    /// Announces a connection. `first` runs if there is no other one, before any other thread can open one.
    pub(crate) fn enter(file: FileId, first: impl FnOnce()) -> Self {
        let mut open = write();
        let held = open.get_or_insert_default().entry(file).or_default();
        if held.connections == 0 {
            first();
        }
        held.connections += 1;
        Self(file)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = write();
        let Some(files) = open.as_mut() else { return };
        if let Some(held) = files.get_mut(&self.0) {
            held.connections -= 1;
            if held.connections == 0 {
                // Dropped before the lock is let go: nobody can take locks in between.
                files.remove(&self.0);
            }
        }
        if files.is_empty() {
            *open = None;
        }
    }
}

/// Closes a handle of `file`, now or when the last connection to it has gone.
///
/// `file` is asked only if there is any connection at all.
#[cfg(unix)]
pub(crate) fn close<T: Any + Send + Sync>(handle: T, file: impl FnOnce(&T) -> Option<FileId>) {
    let open = read();
    let Some(files) = open.as_ref() else {
        // The read lock is still held: no connection can come before this handle has gone.
        drop(handle);
        return;
    };
    let id = file(&handle);
    if !id.is_some_and(|id| files.contains_key(&id)) {
        drop(handle);
        return;
    }
    drop(open);
    let mut open = write();
    let held = open
        .as_mut()
        .and_then(|files| id.and_then(|id| files.get_mut(&id)));
    match held {
        Some(held) => held.parked.push(Box::new(handle)),
        None => drop(handle),
    }
}

fn write() -> RwLockWriteGuard<'static, Option<HashMap<FileId, Held>>> {
    OPEN.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn read() -> std::sync::RwLockReadGuard<'static, Option<HashMap<FileId, Held>>> {
    OPEN.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_handle_is_closed_when_the_last_connection_has_gone() {
        let file = (u64::MAX, 7);
        let is_open = |handle: &Arc<()>| Arc::strong_count(handle) == 2;
        let close_one = || {
            let handle = Arc::new(());
            close(Arc::clone(&handle), |_| Some(file));
            handle
        };
        assert!(!is_open(&close_one()));
        let (a, b) = (Pass::enter(file, || ()), Pass::enter(file, || panic!()));
        let parked = close_one();
        assert!(is_open(&parked));
        drop(a);
        assert!(is_open(&parked));
        drop(b);
        assert!(!is_open(&parked));
    }
}
