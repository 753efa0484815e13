//! What happened in a store since it is watched: the feed, the time line, and the rate with its source.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use cachescope_core::jobs::Remembered;
use cachescope_core::model::{Args, EntryId, Group, Record, Time};
use cachescope_core::ops::query::Query;
use cachescope_core::stores::{Counted, Counters};
use cachescope_core::watch::{Coverage, Earned, Event, EventKind, Observed};

use crate::gui::widgets::table::Scroll;
use crate::text;

/// Events that the feed keeps: an hour of a busy program.
const FEED: usize = 2000;
/// Seconds of one bar of the time line.
pub(crate) const BAR_S: i64 = 5;
/// Bars of the time line: ten minutes.
pub(crate) const BARS: i64 = 120;
/// Bars of a sparkline.
pub(crate) const SPARKS: i64 = 40;
/// Functions whose sparklines are kept.
const GROUPS: usize = 500;
/// Functions that are listed, those that were looked up most.
const FUNCTIONS: usize = 200;

/// One line of the feed.
pub(crate) struct Line {
    pub(crate) event: Event,
    is_found: bool,
}

/// Hits and misses of one bar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

/// Bars by number, the oldest of which fall off.
#[derive(Debug, Default)]
pub(crate) struct Bars(BTreeMap<i64, Bar>);

impl Bars {
    fn count(&mut self, event: &Event, n_kept: i64) {
        let bar = self.0.entry(bar_of(event.time)).or_default();
        match event.kind {
            EventKind::Hit => bar.hits += event.n,
            EventKind::Miss => bar.misses += event.n,
            _ => {}
        }
        while self.0.len() > 1
            && self
                .0
                .first_key_value()
                .is_some_and(|(n, _)| n + n_kept <= bar_of(event.time))
        {
            self.0.pop_first();
        }
    }

    /// The bar of that number.
    pub(crate) fn at(&self, number: i64) -> Bar {
        self.0.get(&number).copied().unwrap_or_default()
    }

    /// The newest bar's number.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.0.last_key_value().map(|(number, _)| *number)
    }
}

/// The number of the bar that a moment belongs to.
pub(crate) fn bar_of(time: Time) -> i64 {
    time.secs().div_euclid(BAR_S)
}

/// A function and what it earned.
pub(crate) struct Function {
    pub(crate) locator: Box<[u8]>,
    pub(crate) label: String,
    pub(crate) earned: Earned,
}

/// Everything about what happens in a store.
#[derive(Default)]
pub(crate) struct Activity {
    /// Oldest first.
    feed: VecDeque<Line>,
    /// Events that came after the feed was stopped: they wait, and are counted all the same.
    waiting: Option<VecDeque<Line>>,
    /// Of the feed, by number, those that the query finds; newest first.
    found: Vec<usize>,
    pub(crate) time_line: Bars,
    sparks: HashMap<Box<[u8]>, Bars>,
    pub(crate) scroll: Scroll,
    /// What the store itself counted, as of the last change.
    pub(crate) counters: Option<Arc<[Counters]>>,
    /// What each entry earned, in this run and before.
    pub(crate) earned: Arc<HashMap<EntryId, Earned>>,
    /// What is kept of earlier runs; `None` before it was read.
    pub(crate) remembered: Option<Box<Remembered>>,
    /// The functions in their order, until something is looked up again.
    functions: Option<Arc<[Function]>>,
    /// Events that nobody took in time: they are in no count here.
    n_lost: u64,
    /// Events that are not in the feed any more, or never were.
    pub(crate) n_dropped: u64,
}

impl Activity {
    /// Takes in what a watcher told.
    pub(crate) fn tell(&mut self, events: Vec<Event>, n_lost: u64, query: &Query, now: Time) {
        self.n_lost += n_lost;
        self.n_dropped += n_lost;
        let is_any = !events.is_empty();
        if is_any {
            self.functions = None;
        }
        for event in events {
            if matches!(event.kind, EventKind::Hit | EventKind::Miss) {
                if let Some(entry) = event
                    .entry
                    .as_ref()
                    .filter(|_| event.source == Counted::Observed)
                {
                    let earned = Arc::make_mut(&mut self.earned);
                    earned.entry(entry.id()).or_default().count(&event);
                }
                self.time_line.count(&event, BARS);
                self.spark(&event);
            }
            // A miss is told when its value is stored.
            if event.kind != EventKind::Miss {
                let is_found = is_found(&event, query, now);
                let feed = self.waiting.as_mut().unwrap_or(&mut self.feed);
                feed.push_back(Line { event, is_found });
                if feed.len() > FEED {
                    feed.pop_front();
                    self.n_dropped += 1;
                }
            }
        }
        if is_any && self.waiting.is_none() {
            self.list();
        }
    }

    /// Takes in what is kept of earlier runs.
    pub(crate) fn remember(&mut self, remembered: Box<Remembered>) {
        let earned = Arc::make_mut(&mut self.earned);
        for (entry, before) in remembered.history.entries.iter().collect::<Vec<_>>() {
            earned.entry(entry.id()).or_default().add(before);
        }
        self.remembered = Some(remembered);
        self.functions = None;
    }

    /// The functions that were looked up, in this run and before, the busiest first. Looked through once for each change.
    pub(crate) fn functions(&mut self, seen: &Observed, kind: &str) -> Arc<[Function]> {
        if let Some(functions) = &self.functions {
            return Arc::clone(functions);
        }
        let before = self.remembered.as_ref().map(|r| &r.history.groups);
        let before = before.into_iter().flatten();
        let mut earned: HashMap<&[u8], Earned> = before
            .map(|(locator, earned)| (&**locator, *earned))
            .collect();
        for (locator, seen) in seen.groups() {
            earned.entry(locator).or_default().add(&seen);
        }
        let mut busiest: Vec<_> = earned.into_iter().collect();
        busiest.sort_by_key(|(locator, e)| (Reverse(e.hits.saturating_add(e.misses)), *locator));
        busiest.truncate(FUNCTIONS);
        let functions = busiest.into_iter().map(|(locator, earned)| Function {
            locator: locator.into(),
            label: label_of(locator, kind),
            earned,
        });
        let functions: Arc<[Function]> = functions.collect();
        self.functions = Some(Arc::clone(&functions));
        functions
    }

    /// What the function of this locator earned, in this run and before.
    pub(crate) fn of_group(&self, seen: &Observed, locator: &[u8]) -> Earned {
        let before = self.remembered.as_ref();
        let before = before.and_then(|r| r.history.groups.get(locator));
        let mut all = before.copied().unwrap_or_default();
        all.add(&seen.of_group(locator));
        all
    }

    fn spark(&mut self, event: &Event) {
        let Some(entry) = &event.entry else { return };
        if self.sparks.len() < GROUPS || self.sparks.contains_key(&entry.group) {
            self.sparks
                .entry(entry.group.clone())
                .or_default()
                .count(event, SPARKS);
        }
    }

    /// Lists what another query finds.
    pub(crate) fn find(&mut self, query: &Query, now: Time) {
        let waiting = self.waiting.iter_mut().flatten();
        for line in self.feed.iter_mut().chain(waiting) {
            line.is_found = is_found(&line.event, query, now);
        }
        self.list();
    }

    fn list(&mut self) {
        self.found.clear();
        let found = self
            .feed
            .iter()
            .enumerate()
            .filter(|(_, line)| line.is_found);
        self.found.extend(found.map(|(at, _)| at).rev());
    }

    /// Lines of the feed, newest first.
    pub(crate) fn n_lines(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn line(&self, at: usize) -> Option<&Event> {
        let line = self.feed.get(*self.found.get(at)?)?;
        Some(&line.event)
    }

    /// Events that wait while the feed stands still; `None` while it runs.
    pub(crate) fn n_waiting(&self) -> Option<usize> {
        self.waiting.as_ref().map(VecDeque::len)
    }

    /// Lets the feed stand still, or run on.
    pub(crate) fn pause(&mut self, is_paused: bool) {
        match self.waiting.take() {
            None if is_paused => self.waiting = Some(VecDeque::new()),
            Some(waiting) if !is_paused => {
                self.feed.extend(waiting);
                let n_over = self.feed.len().saturating_sub(FEED);
                self.n_dropped += self.feed.drain(..n_over).count() as u64;
                self.list();
            }
            waiting => self.waiting = waiting,
        }
    }

    /// The bars of a function's sparkline, up to the newest of all.
    pub(crate) fn spark_of(&self, group: &[u8]) -> Option<&Bars> {
        self.sparks.get(group)
    }
}

/// A function by name, where only its locator is kept.
fn label_of(locator: &[u8], kind: &str) -> String {
    let label = cachescope_core::model::text::from_bytes(locator).replace('/', ".");
    let group = Group {
        label: label.into(),
        locator: locator.into(),
    };
    cachescope_core::stores::group_title(kind, &group)
}

/// An event says enough of its entry for the query, also where that is gone.
fn is_found(event: &Event, query: &Query, now: Time) -> bool {
    let Some(entry) = &event.entry else {
        return true;
    };
    if query.is_empty() {
        return true;
    }
    let group = Arc::new(Group {
        label: event.group.clone(),
        locator: entry.group.clone(),
    });
    let args = event.args.iter();
    let args: Vec<_> = args
        .map(|(name, text)| (name.as_ref().into(), text.as_ref().into()))
        .collect();
    let mut record = Record::new(&group, &entry.key);
    record.label = Some(&event.label);
    record.bytes = event.bytes.unwrap_or(0);
    record.duration_s = event.duration_s;
    if !args.is_empty() {
        record.args = Args::Whole(&args);
    }
    query.matches(&record, None, now)
}

/// Hits and misses by the best source there is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rate {
    pub(crate) counters: Counters,
    /// Seconds of the window, where it is known.
    pub(crate) window_s: Option<f64>,
}

impl Rate {
    /// `71 %`, or `–` before the first look-up.
    pub(crate) fn percent(&self) -> String {
        let Counters { hits, misses, .. } = self.counters;
        text::hit_rate(hits, misses).unwrap_or_else(|| "–".to_owned())
    }

    /// `observed hit rate · for 3 h`.
    pub(crate) fn source(&self) -> String {
        let window = self.window_s;
        let window = window.map_or_else(String::new, |s| format!(" · for {}", text::span(s)));
        format!("{} hit rate{window}", self.counters.source)
    }
}

/// Everything that was observed, in this run and before.
pub(crate) fn observed(activity: &Activity, observed: &Observed) -> Earned {
    let before = activity.remembered.as_ref().map(|r| r.history.total);
    let mut all = before.unwrap_or_default();
    all.add(&observed.total());
    all
}

/// The best of reported, recorded and observed; the three are never added up.
pub(crate) fn rate(
    activity: &Activity,
    seen: &Observed,
    coverage: Option<&Coverage>,
    recorded: &[Counters],
    now: Time,
) -> Option<Rate> {
    let own = activity.counters.as_deref().unwrap_or(recorded);
    let remembered = activity.remembered.as_ref();
    let reported = remembered.and_then(|r| r.reported.as_ref());
    let by = |source: Counted| own.iter().chain(reported).find(|c| c.source == source);
    let counted = |c: &&Counters| c.hits > 0 || c.misses > 0;
    let of_window = |counters: &Counters| Rate {
        window_s: counters.since.map(|since| since.age_secs(now)),
        counters: counters.clone(),
    };
    by(Counted::Reported)
        .filter(counted)
        .or_else(|| by(Counted::Recorded).filter(counted))
        .map(of_window)
        .or_else(|| {
            let all = observed(activity, seen);
            let history = remembered.map(|r| &r.history);
            let since = coverage.and_then(|c| c.lookups_since);
            let before = history.and_then(|h| h.since);
            (all.hits > 0 || all.misses > 0).then(|| Rate {
                window_s: Some(
                    history.map_or(0.0, |h| h.watched_s)
                        + since.map_or(0.0, |since| since.age_secs(now).max(0.0)),
                ),
                counters: Counters {
                    source: Counted::Observed,
                    since: before.or(since),
                    hits: all.hits,
                    misses: all.misses,
                    is_lower_bound: activity.n_lost > 0
                        || coverage.is_some_and(|c| c.is_lower_bound)
                        || history.is_some_and(|h| h.is_lower_bound),
                },
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::model::EntryKey;

    fn event(kind: EventKind, n: i64) -> Event {
        Event {
            entry: Some(EntryKey {
                group: b"m/f".as_slice().into(),
                key: n.to_string().into_bytes().into(),
                ordinal: 0,
            }),
            group: "m.f".into(),
            label: n.to_string().into(),
            args: [("n".into(), n.to_string().into())].into(),
            bytes: Some(n.unsigned_abs()),
            ..Event::of_store(kind, Time::from_unix(1_000_000 + n, 0))
        }
    }

    fn told(n: i64) -> Activity {
        let mut activity = Activity::default();
        let events = (0..n).map(|n| event(EventKind::Hit, n)).collect();
        activity.tell(events, 0, &Query::default(), Time::from_unix(0, 0));
        activity
    }

    #[test]
    fn the_feed_is_bounded_and_newest_first() {
        let activity = told(5000);
        assert_eq!(activity.n_lines(), FEED);
        assert_eq!(activity.n_dropped, 3000);
        assert_eq!(&*activity.line(0).unwrap().label, "4999");
        assert_eq!(activity.time_line.0.len(), usize::try_from(BARS).unwrap());
    }

    #[test]
    fn a_feed_that_stands_still_still_counts() {
        let mut activity = told(3);
        activity.pause(true);
        let now = Time::from_unix(0, 0);
        activity.tell(vec![event(EventKind::Hit, 9)], 0, &Query::default(), now);
        assert_eq!((activity.n_lines(), activity.n_waiting()), (3, Some(1)));
        let bar = activity.time_line.newest().unwrap();
        assert_eq!(activity.time_line.at(bar).hits, 1);
        activity.pause(false);
        assert_eq!((activity.n_lines(), activity.n_waiting()), (4, None));
    }

    #[test]
    fn the_query_bar_filters_the_feed() {
        let mut activity = told(100);
        let now = Time::from_unix(0, 0);
        activity.find(&Query::parse("arg.n:7").unwrap(), now);
        assert_eq!(activity.n_lines(), 1);
        activity.find(&Query::parse("size>=90").unwrap(), now);
        assert_eq!(activity.n_lines(), 10);
        activity.find(&Query::parse("group:other").unwrap(), now);
        assert_eq!(activity.n_lines(), 0);
    }

    #[test]
    fn functions_are_looked_through_once_for_each_change() {
        let mut activity = told(1);
        let mut seen = Observed::default();
        seen.count(&event(EventKind::Hit, 1));
        let first = activity.functions(&seen, "joblib");
        assert_eq!((&*first[0].label, first[0].earned.hits), ("m.f", 1));
        assert!(Arc::ptr_eq(&first, &activity.functions(&seen, "joblib")));
        seen.count(&event(EventKind::Hit, 2));
        let (query, now) = (Query::default(), Time::from_unix(0, 0));
        activity.tell(vec![event(EventKind::Hit, 2)], 0, &query, now);
        assert_eq!(activity.functions(&seen, "joblib")[0].earned.hits, 2);
    }

    #[test]
    fn the_rate_is_the_best_of_its_sources() {
        let mut activity = Activity::default();
        let counters = |source, hits| Counters {
            source,
            since: None,
            hits,
            misses: 1,
            is_lower_bound: false,
        };
        let now = Time::from_unix(1_000_100, 0);
        let mut seen = Observed::default();
        let best = |activity: &Activity, seen: &Observed| {
            rate(activity, seen, None, &[], now).map(|r| (r.counters.source, r.counters.hits))
        };
        assert_eq!(best(&activity, &seen), None);
        seen.count(&event(EventKind::Hit, 1));
        assert_eq!(best(&activity, &seen), Some((Counted::Observed, 1)));
        activity.counters = Some([counters(Counted::Recorded, 5)].into());
        assert_eq!(best(&activity, &seen), Some((Counted::Recorded, 5)));
        activity.counters = Some(
            [
                counters(Counted::Recorded, 5),
                counters(Counted::Reported, 7),
            ]
            .into(),
        );
        assert_eq!(best(&activity, &seen), Some((Counted::Reported, 7)));
    }
}
