//! What of a store is in sight: places the watches, and says in words what they do not cover.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::difference::Uses;
use super::inbox::Inbox;
use super::senses::{self, Depth, Placed, Reach, Senses};
use super::{Coverage, View};
use crate::model::{Cancel, EntryKey, Fingerprint, Snapshot, Time};
use crate::source::Dir;
use crate::stores::{Follow, Ground, Store};

/// Changes that no report tells of are looked for this often, if a look is cheap.
const POLL: Duration = Duration::from_secs(2);
/// Entries' own folders beyond the budget: only values written anew hide there.
const POLL_ENTRIES: Duration = Duration::from_secs(30);
/// A look takes at most one part in this many of the time.
const POLL_SHARE: u32 = 20;
/// Stores that the system tells nothing of are looked at one by one, so far apart on average at least.
const BLIND_PACE: Duration = Duration::from_millis(20);
/// How many there are of them.
static N_BLIND: AtomicU32 = AtomicU32::new(0);

/// Counts a store that the system tells nothing of.
struct Blind;

impl Blind {
    fn new() -> Self {
        N_BLIND.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Blind {
    fn drop(&mut self) {
        N_BLIND.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The watches of a store and how much they show.
pub(super) struct Sight {
    follow: &'static dyn Follow,
    inbox: Arc<Inbox>,
    senses: Option<Box<dyn Senses>>,
    /// Why there are no senses, in words.
    refusal: Option<(String, Blind)>,
    ground: Option<Ground>,
    /// Device that the store lies on.
    home: Option<u64>,
    is_remote: bool,
    lookups_since: Option<Time>,
    /// Since look-ups are counted, reports were lost, came before a new folder was watched, or may tell of reads by
    /// another process of this program.
    pub(super) is_lossy: bool,
    /// The store could not be read the last time: why.
    pub(super) trouble: Option<String>,
    /// Since when the store is not there; `None` while it is.
    pub(super) away_since: Option<Time>,
}

impl Sight {
    pub(super) fn new(follow: &'static dyn Follow, inbox: &Arc<Inbox>) -> Self {
        Self {
            follow,
            inbox: Arc::clone(inbox),
            senses: None,
            refusal: None,
            ground: None,
            home: None,
            is_remote: false,
            lookups_since: None,
            is_lossy: false,
            trouble: None,
            away_since: None,
        }
    }

    /// Where paths of notices begin.
    pub(super) fn ground(&self) -> Option<&Ground> {
        self.ground.as_ref()
    }

    /// Places every watch, from the root down and then on entries, those used last first.
    pub(super) fn place(&mut self, store: &Store, snapshot: &Snapshot, cancel: &Cancel) {
        let ground = self.follow.ground(store);
        self.home = device_of(&ground.folder);
        self.is_remote = Dir::open(&ground.folder).is_ok_and(|dir| dir.is_on_network());
        (self.senses, self.refusal) = (None, None);
        match senses::start(&ground, self.follow, &self.inbox) {
            Ok(senses) => self.senses = Some(senses),
            Err(error) => self.refusal = Some((error.message(), Blind::new())),
        }
        self.ground = Some(ground);
        self.place_below(store, Path::new(""), cancel);
        self.place_entries(snapshot, cancel);
        if self.senses.is_some() || self.lookups_since.is_none() {
            self.lookups_since = self.follow.has_entry_folders().then(Time::now);
        }
    }

    /// True if the system would not tell of the store when it was asked, and may do so now.
    pub(super) fn may_be_placed_again(&self) -> bool {
        self.refusal.is_some() && senses::have_room()
    }

    /// Since when look-ups are counted; `None` where nobody sees them.
    pub(super) fn lookups_since(&self) -> Option<Time> {
        self.lookups_since
    }

    /// More look-ups may have happened than were seen.
    pub(super) fn is_lower_bound(&self) -> bool {
        let reach = self.reach();
        self.is_lossy || !self.sees_opens() || reach.is_none_or(|r| r.misses_opens || r.is_full)
    }

    /// True if each open of an entry's file is reported.
    fn sees_opens(&self) -> bool {
        senses::SEES_OPENS && self.senses.is_some()
    }

    /// How hits show in what is read.
    pub(super) fn uses(&self) -> Uses {
        Uses {
            source: self.follow.hits_source(),
            by_access: self.follow.access_is_a_lookup()
                && !(self.sees_opens() && self.follow.has_entry_folders()),
        }
    }

    /// Watches a folder and those below it that tell of entries. Each is watched before it is listed:
    /// what comes in between is heard of.
    pub(super) fn place_below(&self, store: &Store, folder: &Path, cancel: &Cancel) {
        let Some(senses) = &self.senses else { return };
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            if cancel.is_cancelled() {
                return;
            }
            if senses.watch(&folder, Depth::Folder) != Placed::Gone {
                // Gone or not to be listed: the scan says so.
                let below = self.follow.folders_below(store, &folder);
                waiting.extend(below.unwrap_or_default());
            }
        }
    }

    /// Watches the entry's own folder.
    pub(super) fn place_entry(&self, entry: &EntryKey) {
        if let (Some(senses), Some(folder)) = (&self.senses, self.follow.entry_folder(entry)) {
            senses.watch(&folder, Depth::Entry);
        }
    }

    fn place_entries(&self, snapshot: &Snapshot, cancel: &Cancel) {
        if !self.follow.has_entry_folders() || self.senses.is_none() {
            return;
        }
        let mut by_use: Vec<_> = snapshot
            .records()
            .map(|(row, record)| (record.accessed.max(record.modified), row))
            .collect();
        by_use.sort_unstable();
        // The newest are watched last: over budget the one watched longest is given up.
        let skipped = by_use.len().saturating_sub(senses::BUDGET);
        for (_, row) in by_use.into_iter().skip(skipped) {
            if cancel.is_cancelled() {
                return;
            }
            if let Some(record) = snapshot.record(row) {
                self.place_entry(&record.entry_key());
            }
        }
    }

    fn reach(&self) -> Option<Reach> {
        self.senses.as_ref().map(|senses| senses.reach())
    }

    /// True if the store's place is on another device than it was: unmounted, or mounted over.
    pub(super) fn is_elsewhere(&self) -> bool {
        let Some(ground) = &self.ground else {
            return false;
        };
        let now = ground.folder.ancestors().find_map(device_of);
        self.home.is_some() && now != self.home
    }

    /// When the store is to be looked at unasked; `None` where every change is reported.
    pub(super) fn poll_at(&self, n_entries: u64, cost: Duration) -> Option<Instant> {
        let every = self.poll_every(n_entries)?;
        Some(Instant::now() + every.max(POLL_SHARE * cost))
    }

    fn poll_every(&self, n_entries: u64) -> Option<Duration> {
        let is_blind = self.reach().is_none_or(|reach| !reach.folders_are_whole);
        let is_mapped = self.ground.as_ref().and_then(|ground| ground.poll);
        if self.refusal.is_some() {
            Some(blind_pace())
        } else if self.away_since.is_some() || self.is_remote || self.trouble.is_some() || is_blind
        {
            Some(POLL)
        } else if is_mapped.is_some() {
            is_mapped
        } else {
            let is_unseen = self.follow.has_entry_folders() && !self.sees_opens();
            (is_unseen || self.has_hidden_entries(n_entries)).then_some(POLL_ENTRIES)
        }
    }

    /// Identity, size and times of a store's files, where it is no folder: the same again means that a look
    /// would find nothing.
    pub(super) fn stamp(&self, store: &Store) -> Option<Vec<Option<Fingerprint>>> {
        let prefix = self.ground.as_ref()?.prefix.as_ref()?;
        let own = store.name.as_os_str();
        let beside = [".db", ".dir", ".pag", ".dat", "-wal"].map(|end| {
            let mut name = prefix.clone();
            name.push(end);
            name
        });
        let names = [own].into_iter().chain(beside.iter().map(|name| &**name));
        let stat = |name| Some(store.parent.stat(name).ok()?.fingerprint());
        let stamp: Vec<_> = names.map(stat).collect();
        stamp.iter().any(Option::is_some).then_some(stamp)
    }

    fn has_hidden_entries(&self, n_entries: u64) -> bool {
        let is_over = n_entries > senses::BUDGET as u64;
        self.follow.has_entry_folders()
            && self
                .reach()
                .is_some_and(|reach| reach.n_entries < n_entries && (is_over || reach.is_full))
    }

    /// What is to be said of the view.
    pub(super) fn coverage(&self, n_entries: u64) -> Coverage {
        let (view, why) = self.view(n_entries);
        let misses_opens = self.reach().is_some_and(|reach| reach.misses_opens);
        let is_whole = view == View::Live && self.sees_opens() && !self.is_lossy && !misses_opens;
        Coverage {
            view,
            why,
            lookups_since: self.lookups_since,
            is_lower_bound: !is_whole,
        }
    }

    fn view(&self, n_entries: u64) -> (View, Option<String>) {
        if self.away_since.is_some() {
            let why = "The store is not there any more: what was read last is shown".to_owned();
            return (View::Away, Some(why));
        }
        if let Some(trouble) = &self.trouble {
            return (View::Polling, Some(trouble.clone()));
        }
        let Some(reach) = self.reach() else {
            let Some((why, _)) = &self.refusal else {
                return (View::Starting, None);
            };
            let soon = if blind_pace() > POLL {
                "within a minute or so"
            } else {
                "every few seconds"
            };
            return (View::Polling, Some(format!("{why}. Changes show {soon}")));
        };
        if !reach.folders_are_whole {
            let why = "The system gives no more watches (see fs.inotify.max_user_watches): \
                       some changes show every few seconds";
            return (View::Partial, Some(why.to_owned()));
        }
        if self.is_remote {
            let why = "The store lies on a network disk, which does not tell of other computers' \
                       changes: they show every few seconds";
            return (View::Partial, Some(why.to_owned()));
        }
        if self.has_hidden_entries(n_entries) {
            let why = format!(
                "{} of {n_entries} entry folders are watched, those used last: hits of the others are \
                 not counted, and values computed again show within a minute",
                reach.n_entries
            );
            return (View::Partial, Some(why));
        }
        (View::Live, None)
    }
}

/// How often each of the stores is looked at that the system tells nothing of.
fn blind_pace() -> Duration {
    POLL.max(BLIND_PACE * N_BLIND.load(Ordering::Relaxed))
}

fn device_of(path: &Path) -> Option<u64> {
    let (parent, name) = (path.parent()?, path.file_name()?);
    let dir = Dir::open(parent).ok()?;
    dir.stat(name).ok().map(|meta| meta.dev)
}

/// The path of a name in a folder of the ground.
pub(super) fn path_of(folder: &Path, name: &std::ffi::OsStr) -> PathBuf {
    if name.is_empty() {
        folder.to_owned()
    } else {
        folder.join(name)
    }
}
