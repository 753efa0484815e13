//! `cachescope watch`: what happens in caches, as it happens.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use cachescope_core::model::{
    Cancel, EntryId, Progress, Record, Role, Snapshot, StoreInfo, Time, text,
};
use cachescope_core::ops::query::{Query, units};
use cachescope_core::own::StateDir;
use cachescope_core::watch::{Event, EventKind, Lookout, Update, Wake, Watcher};

use super::lines::{EventLine, path_text};
use super::out::{self, Exit, Failure, tell};
use super::{Global, interrupt, open};
use crate::text as figures;

/// Print what happens in a cache, as it happens.
///
/// A line for each change and each observed hit, until it is interrupted. Caches that are made below a folder later are
/// watched as well. Nothing in a cache changes by being watched.
#[derive(Debug, clap::Args)]
pub(super) struct WatchArgs {
    /// Folders or files of caches, or a folder that holds some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Stop after this time, such as 10s or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    duration: Option<Duration>,
}

fn span(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(units::span_secs(text)?).map_err(|e| e.to_string())
}

pub(super) fn run(args: &WatchArgs, global: &Global) -> Result<Exit, Failure> {
    let query = global.query()?;
    let needs = query.needs();
    if needs.conditions || needs.types {
        return Err(Failure::usage(
            "watch looks into no value and checks none, so condition:, type: and codec: choose nothing here. \
             `check --query` and `ls --query` take them",
        ));
    }
    let bell = Bell::hang()?;
    if let Some(own) = global.state() {
        own.merge_days();
    }
    let found = open::find(&args.paths, global)?;
    let lookouts = look_out(&found, &bell)?;
    let mut watched = start(&found, &query, global, &bell)?;
    // Too long a time to be a moment is no end.
    let end = args
        .duration
        .and_then(|duration| Instant::now().checked_add(duration));
    let mut page = Vec::new();
    let mut is_over = false;
    let mut printed = Ok(());
    while !is_over {
        is_over = !bell.wait(end);
        for info in lookouts.iter().flat_map(Lookout::drain) {
            match Watched::start_new(&info, &query, global.state(), &bell) {
                Ok(store) => watched.push(store),
                Err(failure) => open::report_failure(failure, &info, global)?,
            }
        }
        for store in &mut watched {
            store.print(&query, global.json, &mut page);
        }
        if !page.is_empty() {
            printed = out::print(&page);
            page.clear();
        }
        is_over |= printed.is_err();
    }
    for store in watched {
        // What was counted is kept before we go.
        store.watcher.finish();
    }
    printed.map(|()| Exit::Done)
}

/// Looks out for stores that are made below the folders that were named.
///
/// # Errors
/// If the system gives no thread.
fn look_out(found: &[Arc<StoreInfo>], bell: &Bell) -> Result<Vec<Lookout>, Failure> {
    let mut folders: Vec<&Path> = found.iter().map(|info| &*info.opened_as).collect();
    folders.sort_unstable();
    folders.dedup();
    let start = |folder: &Path| Ok(Lookout::start(folder, found, bell.wake())?);
    folders.into_iter().map(start).collect()
}

/// Begins to watch each store; one that cannot be read is told, and hides no other.
///
/// # Errors
/// If none can be watched.
fn start(
    found: &[Arc<StoreInfo>],
    query: &Query,
    global: &Global,
    bell: &Bell,
) -> Result<Vec<Watched>, Failure> {
    let mut watched = Vec::new();
    let mut failed = Vec::new();
    for info in found {
        let read = open::open(info).and_then(|store| {
            let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default())?;
            Watched::start(snapshot, query, global.state(), bell)
        });
        match read {
            Ok(store) => watched.push(store),
            Err(failure) => failed.push((info, failure)),
        }
    }
    if watched.is_empty()
        && let Some((_, failure)) = failed.pop()
    {
        return Err(failure);
    }
    for (info, failure) in failed {
        open::report_failure(failure, info, global)?;
    }
    Ok(watched)
}

/// Rings when a watcher has news, or when the person has seen enough.
struct Bell {
    ring: SyncSender<()>,
    rung: Receiver<()>,
    is_over: Arc<AtomicBool>,
}

impl Bell {
    fn hang() -> Result<Self, Failure> {
        let (ring, rung) = sync_channel(1);
        let is_over = Arc::new(AtomicBool::new(false));
        // It did what it was asked for: the watch ends with 0.
        interrupt::then({
            let (ring, is_over) = (ring.clone(), Arc::clone(&is_over));
            move || {
                is_over.store(true, Ordering::Relaxed);
                // A bell that is ringing needs no second pull.
                ring.try_send(()).ok();
            }
        })?;
        Ok(Self {
            ring,
            rung,
            is_over,
        })
    }

    /// What rings it.
    fn wake(&self) -> Wake {
        let ring = self.ring.clone();
        Arc::new(move || {
            ring.try_send(()).ok();
        })
    }

    /// False once it is over.
    fn wait(&self, end: Option<Instant>) -> bool {
        let heard = match end {
            Some(end) => self
                .rung
                .recv_timeout(end.saturating_duration_since(Instant::now()))
                .is_ok(),
            None => self.rung.recv().is_ok(),
        };
        let is_late = end.is_some_and(|end| end <= Instant::now());
        heard && !is_late && !self.is_over.load(Ordering::Relaxed)
    }
}

/// A store with what the query lets through of it.
struct Watched {
    path: String,
    watcher: Watcher,
    wanted: Option<HashSet<EntryId>>,
    said: Option<String>,
    is_started: bool,
}

impl Watched {
    fn start(
        snapshot: Arc<Snapshot>,
        query: &Query,
        state: Option<StateDir>,
        bell: &Bell,
    ) -> Result<Self, Failure> {
        let mut wanted = (!query.is_empty()).then(HashSet::new);
        want(
            &mut wanted,
            query,
            snapshot.records().map(|(_, record)| record),
        );
        Ok(Self {
            path: path_text(&snapshot.store.path),
            watcher: Watcher::start_keeping(snapshot, state, bell.wake())?,
            wanted,
            said: None,
            is_started: false,
        })
    }

    /// Of a store that came while its folder is watched all entries are news.
    fn start_new(
        info: &Arc<StoreInfo>,
        query: &Query,
        state: Option<StateDir>,
        bell: &Bell,
    ) -> Result<Self, Failure> {
        let nothing = Snapshot::empty(Arc::clone(info)).extended(Vec::new(), Vec::new(), true);
        Self::start(Arc::new(nothing), query, state, bell)
    }

    /// Appends what came since the last time.
    fn print(&mut self, query: &Query, is_json: bool, page: &mut Vec<u8>) {
        for update in self.watcher.drain() {
            self.say(&update);
            // What is gone is judged by what it was, what came by what it is.
            let (removed, others): (Vec<_>, Vec<_>) = update
                .events
                .iter()
                .partition(|event| event.kind == EventKind::Removed);
            self.push_events(&removed, is_json, page);
            let snapshot = &update.snapshot;
            match &update.merged {
                Some(merged) => {
                    let came = merged.came.iter().filter_map(|row| snapshot.record(*row));
                    want(&mut self.wanted, query, came);
                }
                None => want(
                    &mut self.wanted,
                    query,
                    snapshot.records().map(|(_, record)| record),
                ),
            }
            self.push_events(&others, is_json, page);
            if update.n_events_lost > 0 {
                let lost = Event::of_store(EventKind::Rescan, Time::now());
                self.push_events(&[&lost], is_json, page);
            }
        }
    }

    fn push_events(&self, events: &[&Event], is_json: bool, page: &mut Vec<u8>) {
        for event in events.iter().filter(|event| self.is_wanted(event)) {
            if is_json {
                out::push_line(page, &EventLine::new(&self.path, event));
            } else {
                page.extend_from_slice(for_people(event).as_bytes());
            }
        }
    }

    fn is_wanted(&self, event: &Event) -> bool {
        // A miss is told when its value is stored.
        event.kind != EventKind::Miss
            && match (&self.wanted, &event.entry) {
                (Some(wanted), Some(entry)) => wanted.contains(&entry.id()),
                _ => true,
            }
    }

    /// Says on stderr when watching begins, and what it does not cover, once.
    fn say(&mut self, update: &Update) {
        if !self.is_started {
            self.is_started = true;
            tell!(
                "Watching {} of {}; Ctrl+C ends it",
                figures::counted(update.snapshot.totals.entries, "entry", "entries"),
                text::shown(&self.path)
            );
        }
        if self.said != update.coverage.why {
            self.said.clone_from(&update.coverage.why);
            if let Some(why) = &self.said {
                tell!(
                    "note: {}. File: {}",
                    text::shown(why),
                    text::shown(&self.path)
                );
            }
        }
    }
}

/// Notes which of the records match.
fn want<'a>(
    wanted: &mut Option<HashSet<EntryId>>,
    query: &Query,
    records: impl Iterator<Item = Record<'a>>,
) {
    let Some(wanted) = wanted else { return };
    let now = Time::now();
    for record in records.filter(|record| record.role == Role::Entry) {
        if query.matches(&record, None, now) {
            wanted.insert(record.id());
        } else {
            wanted.remove(&record.id());
        }
    }
}

/// `14:03:07  hit      1.2 kB  load  path='a.csv'  saved up to 1.2 s`.
fn for_people(event: &Event) -> String {
    let time = figures::clock(event.time);
    let Some(_) = event.entry else {
        return format!("{time}  {:7}\n", event.kind.name());
    };
    let bytes = event.bytes.map_or_else(String::new, figures::bytes);
    let args = event.args_text();
    let what = if args.is_empty() {
        &event.label
    } else {
        &*args
    };
    let times = if event.n > 1 {
        format!(" × {}", figures::count(event.n))
    } else {
        String::new()
    };
    let saved = event.saved_s().map_or_else(String::new, |s| {
        format!("  saved up to {}", figures::duration(s))
    });
    format!(
        "{time}  {:7}  {bytes:>7}  {}  {}{times}{saved}\n",
        event.kind.name(),
        text::shown(&event.group),
        text::shown(&figures::shorten(what, 80)),
    )
}
