//! A folder that was opened for the stores in it: tells of those that are made below it later.
//!
//! Each folder that the search goes into is watched before it is listed, and a report leads back to the names that it
//! is about: what did not change is not looked at again.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Wake;
use super::inbox::{Act, Inbox, Notice, Waiting};
use super::pending::{Pending, Wanted, Whole};
use super::senses::{self, Depth, Senses};
use super::sight::path_of;
use crate::model::{Cancel, StoreInfo};
use crate::source::{Dir, FileType, open_parent, path_from_bytes};
use crate::stores::{
    Confidence, Follow, Ground, Part, Recognised, SEARCH, Search, own_names, recognise,
};
use crate::{Error, Result};

/// A store in the making is looked at once its maker pauses: SQLite's tables come one by one.
const QUIET: Duration = Duration::from_millis(500);
/// Where the system does not tell of everything, the folder is searched this often.
const POLL: Duration = Duration::from_secs(2);
/// A search of the whole folder takes at most one part in this many of the time.
const POLL_SHARE: u32 = 20;
/// Files that a program has made and not closed, as databases are, are looked at this often.
const AWAIT: Duration = Duration::from_secs(2);
/// So many of them at most.
const AWAITED: usize = 1000;

/// Hears of stores that are made below a folder, until it is dropped.
#[derive(Debug)]
pub struct Lookout {
    found: Arc<Mutex<Vec<Arc<StoreInfo>>>>,
    inbox: Arc<Inbox>,
    cancel: Cancel,
}

impl Lookout {
    /// Starts to look out below `folder`, the path that was opened with its links resolved; `known` are the stores that
    /// were found there. `wake` is called whenever there is something to drain.
    ///
    /// Of a folder that is a store itself nothing is told: what comes in it is the store's.
    ///
    /// # Errors
    /// If the system gives no thread. Where it gives no watches, the folder is searched from time to time.
    pub fn start(folder: &Path, known: &[Arc<StoreInfo>], wake: Wake) -> Result<Self> {
        let lookout = Self {
            found: Arc::default(),
            inbox: Arc::default(),
            cancel: Cancel::default(),
        };
        let run = Run {
            folder: folder.to_owned(),
            known: known
                .iter()
                .map(|info| (info.path.clone(), info.kind))
                .collect(),
            found: Arc::clone(&lookout.found),
            wake,
            inbox: Arc::clone(&lookout.inbox),
            cancel: lookout.cancel.clone(),
            senses: None,
            is_remote: false,
            pending: Pending::new(QUIET),
            awaited: BTreeSet::new(),
            await_at: None,
            poll_at: None,
        };
        std::thread::Builder::new()
            .name("lookout".to_owned())
            .spawn(move || run.until_closed())
            .map_err(|e| Error::io("Cannot look out for new caches", folder, e))?;
        Ok(lookout)
    }

    /// Stores that came since the last call; never waits.
    pub fn drain(&self) -> Vec<Arc<StoreInfo>> {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.inbox.close();
    }
}

/// Folders are watched as the search goes into them, and not by their names.
struct Surroundings;

impl Follow for Surroundings {
    fn part_at(&self, _path: &Path, _is_dir: bool) -> Option<Part> {
        None
    }
}

struct Run {
    folder: PathBuf,
    /// Stores that were told, by their own paths, with their kinds.
    known: HashMap<PathBuf, &'static str>,
    found: Arc<Mutex<Vec<Arc<StoreInfo>>>>,
    wake: Wake,
    inbox: Arc<Inbox>,
    cancel: Cancel,
    senses: Option<Box<dyn Senses>>,
    is_remote: bool,
    pending: Pending,
    /// Files that were made and not closed since, relative to the folder.
    awaited: BTreeSet<PathBuf>,
    /// When they are looked at.
    await_at: Option<Instant>,
    /// When the whole folder is searched unasked.
    poll_at: Option<Instant>,
}

impl Run {
    fn until_closed(mut self) {
        let itself = open_parent(&self.folder).and_then(|(parent, name)| recognise(&parent, &name));
        if !matches!(itself, Ok(None)) || Dir::open(&self.folder).is_err() {
            return;
        }
        // Sees what came since the folder was opened.
        self.look(&Wanted {
            whole: Whole::Look,
            parts: Vec::new(),
        });
        loop {
            let due = [self.pending.due(), self.poll_at, self.await_at];
            let waiting = self.inbox.wait(due.into_iter().flatten().min());
            if waiting.is_closed {
                return;
            }
            self.hear(waiting);
            let now = Instant::now();
            if self.poll_at.is_some_and(|at| at <= now) {
                self.poll_at = None;
                self.pending.want_whole(Whole::Look, now);
            }
            if self.await_at.is_some_and(|at| at <= now) {
                self.await_at = None;
                for path in &self.awaited {
                    self.pending.want(part_of(path), now);
                }
            }
            if self.pending.due().is_some_and(|due| due <= now) {
                let wanted = self.pending.take();
                self.look(&wanted);
            }
            if self.await_at.is_none() && !self.awaited.is_empty() {
                self.await_at = Some(Instant::now() + AWAIT);
            }
        }
    }

    fn hear(&mut self, waiting: Waiting) {
        if waiting.is_lossy {
            self.pending.want_whole(Whole::Lost, Instant::now());
        }
        for notice in waiting.notices {
            self.hear_one(&notice);
        }
    }

    fn hear_one(&mut self, notice: &Notice) {
        let path = path_of(&notice.folder, &notice.name);
        let (is_dir, is_in_the_making) = match notice.act {
            Act::Came { is_dir, is_moved } => (is_dir, !is_dir && !is_moved),
            Act::Written => (false, false),
            Act::Gone { .. } => {
                self.awaited.remove(&path);
                return;
            }
            Act::FolderGone => {
                if path.as_os_str().is_empty() {
                    // It may come again, under the same name.
                    self.senses = None;
                    self.pending.want_whole(Whole::Look, notice.at);
                }
                return;
            }
            Act::Opened => return,
        };
        if self.belongs_to_a_store(&path, is_dir) {
            return;
        }
        if !is_in_the_making {
            self.awaited.remove(&path);
        } else if self.awaited.len() < AWAITED {
            self.awaited.insert(path.clone());
        }
        self.pending.want(part_of(&path), notice.at);
    }

    /// True for what changes in a store that is known: it has a watcher of its own.
    fn belongs_to_a_store(&self, path: &Path, is_dir: bool) -> bool {
        let path = self.folder.join(path);
        let mut above = path.ancestors();
        let Some((store, kind)) = above.find_map(|path| self.known.get_key_value(path)) else {
            return false;
        };
        let Ok(below) = path.strip_prefix(store) else {
            return false;
        };
        let mut names = below.components();
        let Some(name) = names.next() else {
            return !is_dir;
        };
        let Some(is_own) = own_names(kind) else {
            return true;
        };
        let file_type = if is_dir || names.next().is_some() {
            FileType::Dir
        } else {
            FileType::File
        };
        Dir::open(store).is_ok_and(|dir| is_own(&dir, name.as_os_str(), file_type))
    }

    fn look(&mut self, wanted: &Wanted) {
        let started = Instant::now();
        let is_whole = wanted.whole != Whole::No;
        if is_whole && self.senses.is_none() {
            self.start_senses();
        }
        // A folder that is gone is looked for again, like one that is not wholly in sight.
        let found = self.find(&wanted.parts);
        let cost = started.elapsed();
        if is_whole {
            self.pending.rest_after(cost);
            let is_in_sight = found.is_ok() && self.is_in_sight();
            self.poll_at = (!is_in_sight).then(|| Instant::now() + POLL.max(POLL_SHARE * cost));
        }
        self.tell(found.unwrap_or_default());
    }

    fn start_senses(&mut self) {
        let ground = Ground {
            folder: self.folder.clone(),
            prefix: None,
            poll: None,
        };
        self.is_remote = Dir::open(&self.folder).is_ok_and(|dir| dir.is_on_network());
        self.senses = senses::start(&ground, &Surroundings, &self.inbox).ok();
    }

    /// True if the system tells of all that comes.
    fn is_in_sight(&self) -> bool {
        let senses = self.senses.as_ref();
        !self.is_remote && senses.is_some_and(|senses| senses.reach().folders_are_whole)
    }

    /// The stores that are not known yet: at these parts, or all.
    fn find(&self, parts: &[Part]) -> Result<Vec<Recognised>> {
        let (parent, name) = open_parent(&self.folder)?;
        let root = parent
            .open_dir(&name)
            .map_err(|e| Error::io("Cannot look into the folder", &self.folder, e))?;
        let ways = ways_to(parts);
        let search = Search {
            is_cancelled: &|| self.cancel.is_cancelled(),
            enters: &|folder| {
                if let Some(senses) = &self.senses {
                    senses.watch(folder, Depth::Around);
                }
            },
            only: &|folder| Some(ways.get(folder)?.iter().cloned().collect()),
            ..SEARCH
        };
        let mut found = Vec::new();
        let mut keep = |one: Recognised| {
            let is_known = self.known.get(&one.path) == Some(&one.kind);
            if one.confidence > Confidence::Possible && !is_known {
                found.push(one);
            }
        };
        // What cannot be looked into was told when the folder was opened.
        search.run_from((&parent, &name), &root, &mut keep, &mut |_| {});
        Ok(found)
    }

    fn tell(&mut self, found: Vec<Recognised>) {
        if found.is_empty() || self.cancel.is_cancelled() {
            return;
        }
        let mut told = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for one in found {
            told.push(Arc::new(StoreInfo::new(
                &one.path,
                &self.folder,
                one.kind,
                one.writer,
            )));
            self.known.insert(one.path, one.kind);
        }
        drop(told);
        let (folder, known) = (&self.folder, &self.known);
        self.awaited
            .retain(|path| !known.contains_key(&folder.join(path)));
        (self.wake)();
    }
}

/// What changed at a path, in the words of [`Pending`].
fn part_of(path: &Path) -> Part {
    Part::Groups(path.as_os_str().as_encoded_bytes().into())
}

/// The names that lead to each of the parts, by the folder that they lie in.
fn ways_to(parts: &[Part]) -> HashMap<PathBuf, BTreeSet<OsString>> {
    let mut ways: HashMap<PathBuf, BTreeSet<OsString>> = HashMap::new();
    for part in parts {
        let Part::Groups(path) = part else { continue };
        let path = path_from_bytes(path);
        for step in path.ancestors() {
            if let (Some(folder), Some(name)) = (step.parent(), step.file_name()) {
                let names = ways.entry(folder.to_owned()).or_default();
                names.insert(name.to_owned());
            }
        }
    }
    ways
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use std::fs;
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;
    use crate::stores::open_all;

    /// `pickle.dumps({1: 2}, 4)`.
    const PICKLE: &[u8] = b"\x80\x04}\x94K\x01K\x02s.";
    const DEADLINE: Duration = Duration::from_mins(1);

    struct Heard {
        lookout: Lookout,
        woken: Receiver<()>,
        root: PathBuf,
    }

    impl Heard {
        fn start(folder: &Path) -> Self {
            let (wake, woken) = sync_channel(1);
            let wake = Arc::new(move || {
                wake.try_send(()).ok();
            });
            let known = open_all(folder).unwrap();
            let root = known[0].opened_as.clone();
            Self {
                lookout: Lookout::start(&root, &known, wake).unwrap(),
                woken,
                root,
            }
        }

        /// Kind and path of what is told next.
        fn next(&self) -> Vec<(&'static str, String)> {
            let deadline = Instant::now() + DEADLINE;
            loop {
                let found = self.lookout.drain();
                if !found.is_empty() {
                    let below = |info: &StoreInfo| {
                        let path = info.path.strip_prefix(&self.root).unwrap();
                        path.to_str().unwrap().to_owned()
                    };
                    return found.iter().map(|info| (info.kind, below(info))).collect();
                }
                let left = deadline.saturating_duration_since(Instant::now());
                self.woken.recv_timeout(left).unwrap();
            }
        }
    }

    fn joblib(folder: &Path, n: usize) {
        let entry = folder.join(format!("joblib/mod/f/{n:032x}"));
        fs::create_dir_all(&entry).unwrap();
        fs::write(entry.join("output.pkl"), b"\x80\x04K\x01.").unwrap();
    }

    #[test]
    fn stores_that_come_below_a_folder_are_told_once() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("a.pkl"), PICKLE).unwrap();
        let heard = Heard::start(temp.path());
        joblib(&temp.path().join("one/two"), 0);
        assert_eq!(heard.next(), [("joblib", "one/two/joblib".to_owned())]);
        // What is known, and what changes in it, is not told again.
        joblib(&temp.path().join("one/two"), 1);
        fs::write(temp.path().join("a.pkl"), PICKLE).unwrap();
        fs::write(temp.path().join("one/b.pkl"), PICKLE).unwrap();
        assert_eq!(heard.next(), [("pickle", "one/b.pkl".to_owned())]);
        // Moved here whole, and behind a name that was here before.
        let other = tempfile::tempdir_in(temp.path().parent().unwrap()).unwrap();
        joblib(other.path(), 0);
        fs::rename(other.path(), temp.path().join("one/moved")).unwrap();
        assert_eq!(heard.next(), [("joblib", "one/moved/joblib".to_owned())]);
    }

    #[test]
    fn a_file_that_its_maker_keeps_open_is_told() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("a.pkl"), PICKLE).unwrap();
        let heard = Heard::start(temp.path());
        fs::write(temp.path().join("b.pkl"), PICKLE).unwrap();
        heard.next();
        let mut kept = fs::File::create(temp.path().join("late.pkl")).unwrap();
        // Later than the first look at it.
        fs::write(temp.path().join("c.pkl"), PICKLE).unwrap();
        heard.next();
        std::io::Write::write_all(&mut kept, PICKLE).unwrap();
        assert_eq!(heard.next(), [("pickle", "late.pkl".to_owned())]);
    }

    #[test]
    fn only_the_ways_to_what_changed_are_gone() {
        let ways = ways_to(&[part_of("a/b/c".as_ref()), part_of("a/d".as_ref())]);
        let names = |folder: &str| -> Option<Vec<_>> {
            let names = ways.get(Path::new(folder))?.iter();
            Some(names.map(|name| name.to_str().unwrap()).collect())
        };
        assert_eq!(names(""), Some(vec!["a"]));
        assert_eq!(names("a"), Some(vec!["b", "d"]));
        assert_eq!(names("a/b"), Some(vec!["c"]));
        assert_eq!(names("a/b/c"), None);
    }
}
