//! A store as it changes: a thread that hears of changes, reads again what they touched and hands on new generations.
//!
//! Watching is a hint, scanning is the truth: reports only say where to look, and wherever one may have been
//! lost the store is looked at as a whole.
//!
//! ```no_run
//! use std::sync::Arc;
//! use cachescope_core::model::{Cancel, Progress, Snapshot};
//! use cachescope_core::stores::{Store, open_all};
//! use cachescope_core::watch::Watcher;
//!
//! # fn main() -> cachescope_core::Result<()> {
//! for info in open_all("cache".as_ref())? {
//!     let snapshot = Snapshot::read(&Store::open(&info)?, &Cancel::default(), &Progress::default())?;
//!     let watcher = Watcher::start(snapshot, Arc::new(|| { /* ask for a repaint */ }))?;
//!     for update in watcher.drain() {
//!         println!("{} entries", update.snapshot.totals.entries);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod difference;
mod earned;
mod inbox;
#[cfg(target_os = "linux")]
mod inotify;
mod kept;
mod lookout;
mod lookups;
mod observed;
mod outbox;
mod pending;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
mod run;
mod senses;
mod sight;

pub use earned::Earned;
pub use kept::{History, day_of};
pub use lookout::Lookout;
pub use observed::Observed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::model::{Cancel, EntryKey, Merged, Record, Snapshot, Time};
use crate::own::StateDir;
use crate::stores::{Counted, Counters, follow_of};
use crate::{Error, Result};
use inbox::Inbox;
use kept::Book;
use outbox::Outbox;

/// Tells the owner of a watcher that there is something to drain; called on the watcher's own threads.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Something that happened in a watched store.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was seen.
    pub time: Time,
    /// What it was.
    pub kind: EventKind,
    /// The entry it happened to; `None` where it concerns the whole store.
    pub entry: Option<EntryKey>,
    /// The entry's key as people read it.
    pub label: Box<str>,
    /// The label of the entry's group.
    pub group: Box<str>,
    /// Names and recorded texts of the call's arguments, cut; empty where none are recorded.
    pub args: Box<[(Box<str>, Box<str>)]>,
    /// Stored value bytes, of a removed entry those it had; `None` where they are not known.
    pub bytes: Option<u64>,
    /// Seconds that computing the value took, as recorded: what a hit saved at most.
    pub duration_s: Option<f64>,
    /// How many look-ups it stands for; 1 for everything else.
    pub n: u64,
    /// Who says so.
    pub source: Counted,
}

impl Event {
    /// An event that concerns the whole store.
    pub fn of_store(kind: EventKind, time: Time) -> Self {
        Self {
            time,
            kind,
            entry: None,
            label: "".into(),
            group: "".into(),
            args: Box::default(),
            bytes: None,
            duration_s: None,
            n: 1,
            source: Counted::Observed,
        }
    }

    /// Of the entry as it is listed.
    fn of_record(kind: EventKind, time: Time, record: &Record<'_>) -> Self {
        Self {
            time,
            kind,
            entry: Some(record.entry_key()),
            label: record.key_text().into(),
            group: record.group.label.clone(),
            args: arguments(record),
            bytes: Some(record.bytes),
            duration_s: record.duration_s,
            n: 1,
            source: Counted::Observed,
        }
    }

    /// `path='a.csv', model='base'`.
    pub fn args_text(&self) -> String {
        let one = |(name, text): &(Box<str>, Box<str>)| format!("{name}={text}");
        self.args.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Seconds that its hits saved at most: loading took time as well.
    #[expect(clippy::cast_precision_loss, reason = "hits are far fewer than 2^52")]
    pub fn saved_s(&self) -> Option<f64> {
        let is_hit = self.kind == EventKind::Hit;
        self.duration_s
            .filter(|_| is_hit)
            .map(|s| s * self.n as f64)
    }
}

/// Characters of arguments that an event carries: a line on a screen.
const ARGS_CHARS: usize = 200;

/// Names and texts of the arguments, cut.
fn arguments(record: &Record<'_>) -> Box<[(Box<str>, Box<str>)]> {
    let mut left = ARGS_CHARS;
    let mut cut = |text: &str| -> Box<str> {
        let kept: String = text.chars().take(left).collect();
        left = left.saturating_sub(kept.chars().count());
        kept.into()
    };
    record
        .args
        .iter()
        .take(ARGS_CHARS)
        .map(|(name, text)| (cut(name), cut(text)))
        .take_while(|(name, _)| !name.is_empty())
        .collect()
}

/// What can happen in a watched store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A program loaded the stored value.
    Hit,
    /// A program looked it up in vain and began to compute it.
    Miss,
    /// There is a value now where there was none.
    Stored,
    /// The stored value is another one.
    Changed,
    /// The stored value is gone.
    Removed,
    /// Changes may have been missed, or the owner asked: the whole store was looked at again.
    Rescan,
}

impl EventKind {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stored => "stored",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Rescan => "rescan",
        }
    }
}

/// How much of a store is in sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The kind of view.
    pub view: View,
    /// Why it is not live, or not wholly: a sentence for people.
    pub why: Option<String>,
    /// Since when look-ups are counted; `None` where they cannot be seen.
    pub lookups_since: Option<Time>,
    /// More look-ups may have happened than were seen.
    pub is_lower_bound: bool,
}

/// The kind of view that a watcher has of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The watches are being placed.
    Starting,
    /// Changes show at once.
    Live,
    /// Some changes show at once, the others when the store is looked at from time to time.
    Partial,
    /// The store is looked at from time to time.
    Polling,
    /// The store is not there: removed, or its disk unmounted. The last generation stands.
    Away,
    /// Nothing watches any more: the watch came upon a fault of its own. The last generation stands.
    Ended,
}

/// What a watcher hands on.
#[derive(Debug)]
pub struct Update {
    /// The newest generation.
    pub snapshot: Arc<Snapshot>,
    /// What changed since the update before, for orders to be merged; `None` means: sort anew.
    pub merged: Option<Merged>,
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// Events that were not kept because nobody drained them.
    pub n_events_lost: u64,
    /// How much is in sight now.
    pub coverage: Coverage,
    /// Hits and misses that the store itself keeps, as of the last time it was read.
    pub counters: Arc<[Counters]>,
    /// How often the store's own file was seen to be written since watching began. Values whose time is not recorded
    /// may be others since, though the listing is the same.
    pub n_writes: u64,
}

/// Watches one store until it is dropped; its threads then end by themselves.
#[derive(Debug)]
pub struct Watcher {
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    cancel: Cancel,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts to watch the snapshot's store; `wake` is called whenever there is something to drain.
    ///
    /// What changed between the snapshot's scan and now comes with the first update.
    ///
    /// # Errors
    /// If no backend answers for the store's kind, or the system gives no thread. Where it gives no
    /// watches the store is polled, and the coverage says so.
    pub fn start(snapshot: Arc<Snapshot>, wake: Wake) -> Result<Self> {
        Self::start_keeping(snapshot, None, wake)
    }

    /// The same, and keeps what the cache earns in Cachescope's own folder.
    ///
    /// # Errors
    /// As [`Watcher::start`].
    pub fn start_keeping(
        snapshot: Arc<Snapshot>,
        state: Option<StateDir>,
        wake: Wake,
    ) -> Result<Self> {
        let (inbox, outbox) = (Arc::new(Inbox::default()), Arc::new(Outbox::new(wake)));
        let (cancel, path) = (Cancel::default(), snapshot.store.path.clone());
        let follow = follow_of(snapshot.store.kind)?;
        let book = state.map(|state| Book::open(state, &path, snapshot.store.kind));
        let work = {
            let (inbox, outbox, cancel) = (inbox.clone(), outbox.clone(), cancel.clone());
            move || {
                let last = Arc::clone(&snapshot);
                let run = || {
                    run::Run::new(snapshot, follow, book, &inbox, &outbox, &cancel).until_closed();
                };
                // Whoever looks at the store must not go on believing that it is watched.
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    outbox.end(last);
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(work)
            .map_err(|e| Error::io("Cannot watch the store", &path, e))?;
        Ok(Self {
            inbox,
            outbox,
            cancel,
            thread: Some(thread),
        })
    }

    /// What came since the last call, oldest first; never waits.
    pub fn drain(&self) -> Vec<Update> {
        self.outbox.take()
    }

    /// Looks at the whole store again, whatever was reported: the manual refresh.
    pub fn look_again(&self) {
        self.inbox.ask();
    }

    /// Ends the watch and waits until its thread has; dropping does not wait.
    pub fn finish(mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A panic in it was shown where it happened.
            thread.join().ok();
        }
    }

    /// Asks the watch to end; true once its thread has, so that everything is kept.
    pub fn ends(&self) -> bool {
        self.close();
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// How often the watching thread has woken up: an idle store leaves it asleep.
    pub fn wakeups(&self) -> u64 {
        self.inbox.wakeups()
    }

    fn close(&self) {
        self.cancel.cancel();
        self.inbox.close();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.close();
    }
}
