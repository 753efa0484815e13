//! Linux reports changes of single folders; this places the watches and turns the reports into notices.
//!
//! inotify(7), used directly: each folder gets only the events that it is watched for (a program that
//! reads another file costs us nothing), and a removed folder costs one look-up, however many are watched.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::inbox::{Act, Inbox, Notice};
use super::senses::{BUDGET, Depth, Placed, Reach, Senses};
use crate::source::{Dir, Ledger};
use crate::stores::{Follow, Ground, Part};
use crate::{Error, Result};

/// Room for about a thousand reports of joblib's names.
const BUFFER_BYTES: usize = 64 << 10;

/// Pause before the system is asked again for reports that it would not give.
const DEAF: Duration = Duration::from_secs(1);

/// Listeners of this process, one a store: the system gives 128 to all programs of a person together, by default.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// Entry folders watched by this process: the system's limit is one for all programs of a person.
static ENTRY_WATCHES: AtomicUsize = AtomicUsize::new(0);
/// Files watched by this process, see [`OF_FILE`].
static FILE_WATCHES: AtomicUsize = AtomicUsize::new(0);

/// Files that are watched at most: those of 10,000 entries.
const FILE_BUDGET: usize = 20_000;

const ALWAYS: WatchFlags = WatchFlags::ONLYDIR
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB);

/// Opens are asked for only where they are look-ups.
const OF_ENTRY: WatchFlags = ALWAYS.union(WatchFlags::OPEN);

/// Two reports in a row that are alike become one, so that of two programs that open a file at once one would
/// be lost. A watch on the file itself makes each open two reports that differ; the second is not listened to.
/// (What is left: two processors that open one file in the same microseconds may interleave theirs.)
const OF_FILE: WatchFlags = WatchFlags::OPEN.union(WatchFlags::DONT_FOLLOW);

/// SQLite keeps its files open, so that writes count and not closes.
const OF_FOLDER: WatchFlags = ALWAYS
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// What others write there all the time, a log say, tells of no new store.
const OF_SURROUNDINGS: WatchFlags = OF_FOLDER
    .difference(WatchFlags::MODIFY)
    .difference(WatchFlags::ATTRIB);

/// Of the folders above the store nothing but where they are.
const OF_ABOVE: WatchFlags = WatchFlags::ONLYDIR
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// The watches of one store.
pub(super) struct Inotify {
    shared: Arc<Shared>,
}

/// One of the listeners that this process allows itself.
struct Place;

impl Place {
    /// Takes one of `budget`; `None` where all are taken.
    fn take(budget: usize) -> Option<Self> {
        let more = |n: usize| (n < budget).then_some(n + 1);
        let taken = LISTENERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Shared {
    _place: Place,
    inotify: OwnedFd,
    /// Becomes readable when the reading thread is to end.
    stop: OwnedFd,
    ground: Ground,
    follow: &'static dyn Follow,
    ledger: Arc<Ledger>,
    inbox: Arc<Inbox>,
    watches: Mutex<Watches>,
    /// Entry folders that all watchers of this process may watch.
    entry_budget: usize,
    /// Files, likewise.
    file_budget: usize,
}

#[derive(Default)]
struct Watches {
    by_descriptor: HashMap<i32, Watch>,
    by_path: HashMap<Arc<Path>, i32>,
    /// Entry folders, those watched longest first; some may be gone.
    entries: VecDeque<i32>,
    n_files: usize,
    reach: Reach,
}

struct Watch {
    path: Arc<Path>,
    kind: WatchKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatchKind {
    Of(Depth),
    /// Keeps reports apart.
    File,
    /// A folder above the store: renamed, it takes the store along.
    Above,
}

impl Inotify {
    /// Starts to listen; nothing is watched yet.
    ///
    /// # Errors
    /// If half of the person's listeners are in use by this process, or the system gives no more listeners or threads.
    pub(super) fn start(
        ground: &Ground,
        follow: &'static dyn Follow,
        inbox: &Arc<Inbox>,
    ) -> Result<Self> {
        let fail = |e: std::io::Error| Error::io("Cannot watch the store", &ground.folder, e);
        let limit = limit("max_user_watches").unwrap_or(2 * BUDGET);
        let listeners = limit_of_listeners();
        let place = Place::take(listeners).ok_or_else(|| {
            let why = format!("{listeners} stores are, and other programs need to watch as well");
            Error::refused("This store is not watched", why).at(&ground.folder)
        })?;
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let shared = Arc::new(Shared {
            _place: place,
            inotify: inotify::init(flags).map_err(|e| fail(e.into()))?,
            stop: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .map_err(|e| fail(e.into()))?,
            ground: ground.clone(),
            follow,
            ledger: Ledger::of(&ground.folder),
            inbox: Arc::clone(inbox),
            watches: Mutex::default(),
            // Half of what a person may watch, so that editors and browsers still can.
            entry_budget: BUDGET.min(limit / 2),
            file_budget: FILE_BUDGET.min(limit / 8),
        });
        shared.watches().place_above(&shared);
        let reading = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("watch reports".to_owned())
            .spawn(move || reading.read_until_stopped())
            .map_err(fail)?;
        Ok(Self { shared })
    }
}

impl Senses for Inotify {
    fn watch(&self, path: &Path, depth: Depth) -> Placed {
        self.shared.watches().place(&self.shared, path, depth)
    }

    fn reach(&self) -> Reach {
        self.shared.watches().reach
    }
}

impl Drop for Inotify {
    fn drop(&mut self) {
        // Fails only if the counter were full: then the thread has been told already.
        rustix::io::write(&self.shared.stop, &1_u64.to_ne_bytes()).ok();
    }
}

/// What the system gives a person of one thing.
fn limit(name: &str) -> Option<usize> {
    let mut text = Vec::new();
    let dir = Dir::open(Path::new("/proc/sys/fs/inotify")).ok()?;
    dir.read_small(name.as_ref(), 32, &mut text).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}

/// True if this process may listen to one more store.
pub(super) fn has_room() -> bool {
    LISTENERS.load(Ordering::Relaxed) < limit_of_listeners()
}

/// Half of what a person may have, so that editors and desktops still can.
fn limit_of_listeners() -> usize {
    limit("max_user_instances").unwrap_or(128) / 2
}

impl Shared {
    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if a value in a new folder was opened before anybody listened: reading it moves its access time past its
    /// writing, where the disk keeps one, once the clock of such times has gone on.
    fn was_read(&self, path: &Path) -> bool {
        let dir = Dir::open(&self.ground.folder.join(path));
        let files = self.follow.lookup_files().iter();
        let mut metas = files.filter_map(|name| dir.as_ref().ok()?.stat(name.as_ref()).ok());
        metas.any(|meta| meta.accessed > meta.modified)
    }

    fn read_until_stopped(&self) {
        let mut buffer = vec![MaybeUninit::<u8>::uninit(); BUFFER_BYTES];
        let mut batch = Vec::new();
        loop {
            let mut fds = [
                PollFd::new(&self.inotify, PollFlags::IN),
                PollFd::new(&self.stop, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Err(Errno::INTR) => continue,
                Err(_) if self.is_stopped() => return,
                Err(_) => {
                    self.lose_for_now();
                    continue;
                }
                Ok(_) => {}
            }
            let [_, stop] = &fds;
            if !stop.revents().is_empty() {
                return;
            }
            let read = self.read(&mut buffer, &mut batch);
            self.inbox.push(&mut batch);
            if read.is_err() {
                self.lose_for_now();
            }
        }
    }

    /// For when the system does not wait for us.
    fn is_stopped(&self) -> bool {
        rustix::io::read(&self.stop, &mut [0; 8]).is_ok()
    }

    /// The system does not let us listen, for want of memory say: the store is read anew until it does.
    fn lose_for_now(&self) {
        self.inbox.lose();
        std::thread::sleep(DEAF);
    }

    /// Reads one buffer full of reports.
    fn read(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        batch: &mut Vec<Notice>,
    ) -> std::result::Result<(), Errno> {
        let mut reports = inotify::Reader::new(&self.inotify, buffer);
        let at = Instant::now();
        // Held over the whole buffer: a watch that is being placed is in the tables before its reports are looked up.
        let mut watches = None;
        loop {
            match reports.next() {
                Ok(report) => watches
                    .get_or_insert_with(|| self.watches())
                    .hear(self, &report, at, batch),
                Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                Err(error) => return Err(error),
            }
            if reports.is_buffer_empty() {
                return Ok(());
            }
        }
    }
}

impl Watches {
    fn hear(
        &mut self,
        shared: &Shared,
        report: &inotify::Event<'_>,
        at: Instant,
        batch: &mut Vec<Notice>,
    ) {
        let events = report.events();
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return shared.inbox.lose();
        }
        if events.contains(ReadFlags::IGNORED) {
            return self.forget(report.wd());
        }
        let Some(watch) = self.by_descriptor.get(&report.wd()) else {
            return;
        };
        let kind = watch.kind;
        if kind == WatchKind::File {
            return;
        }
        let folder = Arc::clone(&watch.path);
        let name = report.file_name().map_or(&b""[..], |name| name.to_bytes());
        let name = OsStr::from_bytes(name);
        let is_strange = |prefix| !name.as_encoded_bytes().starts_with(prefix);
        let prefix = shared.ground.prefix.as_deref().unwrap_or_default();
        if !name.is_empty() && is_strange(prefix.as_encoded_bytes()) {
            return;
        }
        let Some(act) = act_of(events) else { return };
        match act {
            Act::Opened
                if shared
                    .ledger
                    .take(&shared.ground.folder.join(&folder), name) =>
            {
                return;
            }
            Act::Came { is_dir: true, .. } => self.follow_into(shared, &folder.join(name)),
            Act::Gone { is_dir: true } => self.leave(shared, &folder.join(name)),
            Act::Came { is_dir: false, .. } if kind == WatchKind::Of(Depth::Entry) => {
                self.keep_apart(shared, &folder, name);
            }
            _ => {}
        }
        batch.push(Notice {
            folder,
            name: name.to_owned(),
            act,
            at,
        });
    }

    /// Watches a new folder at once: its maker goes on at once, too.
    fn follow_into(&mut self, shared: &Shared, path: &Path) {
        match shared.follow.part_at(path, true) {
            Some(Part::Entry(_)) => {
                self.place(shared, path, Depth::Entry);
                self.reach.misses_opens |= shared.was_read(path);
            }
            Some(Part::Groups(_)) => {
                self.place(shared, path, Depth::Folder);
            }
            Some(Part::Store) | None => {}
        }
    }

    /// Watches the folders above the store for their own names. Where the system will not, their moves show late.
    fn place_above(&mut self, shared: &Shared) {
        for folder in shared.ground.folder.ancestors().skip(1) {
            if let Ok(descriptor) = inotify::add_watch(&shared.inotify, folder, OF_ABOVE) {
                let path = Path::new("").into();
                let kind = WatchKind::Above;
                self.by_descriptor.insert(descriptor, Watch { path, kind });
            }
        }
    }

    fn place(&mut self, shared: &Shared, path: &Path, depth: Depth) -> Placed {
        if depth == Depth::Entry && !self.make_room(shared) {
            self.reach.is_full = true;
            return Placed::Refused;
        }
        let flags = match depth {
            Depth::Around => OF_SURROUNDINGS,
            Depth::Folder => OF_FOLDER,
            Depth::Entry => OF_ENTRY,
        };
        match inotify::add_watch(&shared.inotify, shared.ground.folder.join(path), flags) {
            Ok(descriptor) => {
                self.remember(descriptor, path, WatchKind::Of(depth));
                if depth == Depth::Entry {
                    for name in shared.follow.lookup_files() {
                        self.keep_apart(shared, path, name.as_ref());
                    }
                }
                Placed::Watched
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Placed::Gone,
            Err(_) => {
                match depth {
                    Depth::Around | Depth::Folder => self.reach.folders_are_whole = false,
                    Depth::Entry => self.reach.is_full = true,
                }
                Placed::Refused
            }
        }
    }

    /// Makes sure that no open of a file that tells of look-ups is merged with another.
    fn keep_apart(&mut self, shared: &Shared, folder: &Path, name: &OsStr) {
        if !shared
            .follow
            .lookup_files()
            .iter()
            .any(|file| name == *file)
        {
            return;
        }
        if FILE_WATCHES.load(Ordering::Relaxed) >= shared.file_budget {
            self.reach.misses_opens = true;
            return;
        }
        let path = folder.join(name);
        match inotify::add_watch(&shared.inotify, shared.ground.folder.join(&path), OF_FILE) {
            Ok(descriptor) => self.remember(descriptor, &path, WatchKind::File),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(_) => self.reach.misses_opens = true,
        }
    }

    /// Gives up the entry folder that was watched longest, if the budget is spent; false if there is none to give up.
    fn make_room(&mut self, shared: &Shared) -> bool {
        while ENTRY_WATCHES.load(Ordering::Relaxed) >= shared.entry_budget {
            let Some(oldest) = self.entries.pop_front() else {
                return false;
            };
            if let Some(watch) = self.by_descriptor.get(&oldest) {
                self.reach.is_full = true;
                let path = Arc::clone(&watch.path);
                self.leave(shared, &path);
            }
        }
        true
    }

    fn remember(&mut self, descriptor: i32, path: &Path, kind: WatchKind) {
        let known = self.by_descriptor.get(&descriptor);
        if known.is_some_and(|watch| *watch.path == *path && watch.kind == kind) {
            return;
        }
        // What was moved keeps its descriptor and gets a new path.
        self.forget(descriptor);
        match kind {
            WatchKind::Of(Depth::Entry) => {
                if self.entries.len() > 2 * self.by_descriptor.len() + 1024 {
                    let known = &self.by_descriptor;
                    self.entries.retain(|one| known.contains_key(one));
                }
                self.entries.push_back(descriptor);
                ENTRY_WATCHES.fetch_add(1, Ordering::Relaxed);
                self.reach.n_entries += 1;
            }
            WatchKind::Of(Depth::Around | Depth::Folder) | WatchKind::Above => {}
            WatchKind::File => {
                FILE_WATCHES.fetch_add(1, Ordering::Relaxed);
                self.n_files += 1;
            }
        }
        let path: Arc<Path> = path.into();
        self.by_path.insert(Arc::clone(&path), descriptor);
        self.by_descriptor.insert(descriptor, Watch { path, kind });
    }

    fn forget(&mut self, descriptor: i32) {
        let Some(watch) = self.by_descriptor.remove(&descriptor) else {
            return;
        };
        if self.by_path.get(&watch.path) == Some(&descriptor) {
            self.by_path.remove(&watch.path);
        }
        match watch.kind {
            WatchKind::Of(Depth::Entry) => {
                ENTRY_WATCHES.fetch_sub(1, Ordering::Relaxed);
                self.reach.n_entries -= 1;
            }
            WatchKind::Of(Depth::Around | Depth::Folder) | WatchKind::Above => {}
            WatchKind::File => {
                FILE_WATCHES.fetch_sub(1, Ordering::Relaxed);
                self.n_files -= 1;
            }
        }
    }

    /// A folder that was moved away takes its watches along: ends them.
    fn leave(&mut self, shared: &Shared, path: &Path) {
        let gone: Vec<i32> = match shared.follow.part_at(path, true) {
            Some(Part::Entry(_)) => {
                let names = shared.follow.lookup_files().iter();
                let files = names.filter_map(|name| self.by_path.get(&*path.join(name)));
                self.by_path
                    .get(path)
                    .into_iter()
                    .chain(files)
                    .copied()
                    .collect()
            }
            _ => self
                .by_descriptor
                .iter()
                .filter(|(_, watch)| watch.path.starts_with(path))
                .map(|(descriptor, _)| *descriptor)
                .collect(),
        };
        for descriptor in gone {
            self.forget(descriptor);
            // Where the folder was removed, the system has ended it already.
            inotify::remove_watch(&shared.inotify, descriptor).ok();
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        let n_entries = usize::try_from(self.reach.n_entries).unwrap_or(0);
        ENTRY_WATCHES.fetch_sub(n_entries, Ordering::Relaxed);
        FILE_WATCHES.fetch_sub(self.n_files, Ordering::Relaxed);
    }
}

fn act_of(events: ReadFlags) -> Option<Act> {
    let has = |flag| events.intersects(flag);
    let is_dir = has(ReadFlags::ISDIR);
    if has(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT) {
        Some(Act::FolderGone)
    } else if has(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        let is_moved = has(ReadFlags::MOVED_TO);
        Some(Act::Came { is_dir, is_moved })
    } else if has(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        Some(Act::Gone { is_dir })
    } else if is_dir {
        // Opens of folders, and their permissions: nothing that is listed.
        None
    } else if has(ReadFlags::OPEN) {
        Some(Act::Opened)
    } else {
        Some(Act::Written)
    }
}

#[cfg(test)]
mod tests;
