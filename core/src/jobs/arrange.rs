//! A snapshot to the order in which its rows are shown: filtered, sorted, grouped, with sums.

mod gather;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use self::gather::Gathering;
use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::model::{
    Args, Condition, EntryId, Group, Overlay, Record, Role, Row, Snapshot, Time, Verdict,
};
use crate::ops::query::{Match, Query};
use crate::ops::{Direction, Sort, SortBy};
use crate::stores::Store;
use crate::watch::Earned;

/// What is to be arranged, and how.
pub struct Arrange {
    /// The rows.
    pub snapshot: Arc<Snapshot>,
    /// What checks found.
    pub verdicts: Arc<Overlay<Verdict>>,
    /// What entries earned, as far as it was observed.
    pub earned: Arc<HashMap<EntryId, Earned>>,
    /// Which rows to keep.
    pub query: Query,
    /// The time that ages are counted to.
    pub now: Time,
    /// The order within a group; groups follow by their sums.
    pub sort: Sort,
    /// Rows of one group together.
    pub is_grouped: bool,
    /// Entries whose sums are wanted as well.
    pub selected: Arc<HashSet<EntryId>>,
    /// Rows that are to be selected with them.
    pub adding: Option<Span>,
    /// Entries whose places are wanted: cursor, anchor, first on screen.
    pub marks: Vec<Option<EntryId>>,
}

/// Rows of an arrangement that follow each other, so many that to name each takes longer than a frame.
#[derive(Debug, Clone)]
pub struct Span {
    /// The snapshot that the rows belong to.
    pub snapshot: Arc<Snapshot>,
    /// The arrangement's rows.
    pub rows: Arc<[Row]>,
    /// Places among these.
    pub range: Range<usize>,
}

impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows) && self.range == other.range
    }
}

impl Eq for Span {}

/// Rows in the order in which they are shown.
#[derive(Debug)]
pub struct Arranged {
    /// The snapshot that the rows belong to.
    pub snapshot: Arc<Snapshot>,
    /// The rows found; those of one group stand together.
    pub rows: Arc<[Row]>,
    /// The groups in order; one without a name where rows are not grouped.
    pub groups: Vec<GroupSums>,
    /// Sums over all rows found.
    pub found: Sums,
    /// True if the rows found are of several groups.
    pub has_groups: bool,
    /// True if any row found has arguments.
    pub has_args: bool,
    /// True if any row found expires.
    pub has_expiry: bool,
    /// Names of the arguments in their order, where all rows found are calls of one function.
    pub arg_names: Vec<String>,
    /// The selection as it stands in this snapshot.
    pub selected: Selected,
    /// Where the marks asked for stand, one for each.
    pub marks: Vec<Place>,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// The entry asked for.
    pub id: Option<EntryId>,
    /// Its row in the snapshot; `None` if it is gone.
    pub row: Option<Row>,
    /// Its place among the rows found; `None` if the filter leaves it out.
    pub at: Option<usize>,
}

/// The selected entries that still exist.
#[derive(Debug, Default)]
pub struct Selected {
    /// The selection that was asked about.
    pub asked: Arc<HashSet<EntryId>>,
    /// What was to be added to it.
    pub adding: Option<Span>,
    /// Those of both that exist.
    pub existing: HashSet<EntryId>,
    /// Their sums.
    pub sums: Sums,
    /// How many of them the filter leaves out.
    pub n_hidden: u64,
}

/// A group in an arrangement.
#[derive(Debug, Clone)]
pub struct GroupSums {
    /// The group; `None` where rows are not grouped.
    pub group: Option<Arc<Group>>,
    /// Number of its rows.
    pub n_rows: usize,
    /// Their sums.
    pub sums: Sums,
}

/// Sums over entries; what no entry records is `None`, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Number of entries.
    pub entries: u64,
    /// Stored bytes.
    pub bytes: u64,
    /// Seconds to compute them again, as far as recorded.
    pub duration_s: Option<f64>,
    /// Hits, as far as recorded.
    pub hits: Option<u64>,
    /// The latest use.
    pub last_used: Option<Time>,
    /// The latest creation.
    pub last_created: Option<Time>,
    /// The latest change.
    pub last_modified: Option<Time>,
}

impl Sums {
    /// Counts one more entry in.
    pub fn add(&mut self, record: &Record<'_>) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(record.bytes);
        if let Some(seconds) = record.duration_s {
            self.duration_s = Some(self.duration_s.unwrap_or(0.0) + seconds);
        }
        if let Some(hits) = record.hits {
            self.hits = Some(self.hits.unwrap_or(0).saturating_add(hits));
        }
        self.last_used = self.last_used.max(record.accessed);
        self.last_created = self.last_created.max(record.created);
        self.last_modified = self.last_modified.max(record.modified);
    }

    /// Takes one entry out again; the latest times stay, as nothing tells what was before.
    pub fn subtract(&mut self, record: &Record<'_>) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(record.bytes);
        if let (Some(sum), Some(seconds)) = (&mut self.duration_s, record.duration_s) {
            *sum -= seconds;
        }
        if let (Some(sum), Some(hits)) = (&mut self.hits, record.hits) {
            *sum = sum.saturating_sub(hits);
        }
    }
}

pub(super) fn run(arrange: &Arrange, context: &Context) -> Result<()> {
    let arranged = arrange.run(|| context.cancel.check())?;
    context.report(Outcome::Arranged(Box::new(arranged)))
}

/// Rows that are asked for the names of their arguments.
const NAMED_ROWS: usize = 100;
/// Rows between two looks at the cancel flag.
const CHECK_EVERY: usize = 4096;

impl Arrange {
    /// Filters, sorts and groups.
    ///
    /// # Errors
    /// What `go_on` says, which is asked now and then.
    pub fn run(&self, go_on: impl Fn() -> Result<()>) -> Result<Arranged> {
        let place = |id: &Option<EntryId>| Place {
            id: *id,
            ..Place::default()
        };
        let mut marks: Vec<Place> = self.marks.iter().map(place).collect();
        let has_marks = self.marks.iter().any(Option::is_some);
        let shows_orphans = self.query.needs().conditions;
        let mut store = None;
        let mut selected = Selected {
            asked: Arc::clone(&self.selected),
            adding: self.adding.clone(),
            ..Selected::default()
        };
        let chosen = self.chosen(&go_on)?;
        let mut gathering = Gathering::new(self);
        for (n, (row, record)) in self.snapshot.records().enumerate() {
            if n % CHECK_EVERY == 0 {
                go_on()?;
            }
            // Bytes without an owner are no entries: they show where a query asks for conditions.
            if record.role == Role::Orphan && !shows_orphans {
                continue;
            }
            let is_found = self.matches(&record, &mut store);
            if !chosen.is_empty() {
                selected.look_at(&record, &chosen, is_found);
            }
            if has_marks {
                let id = Some(record.id());
                let named = marks.iter_mut().filter(|mark| mark.id == id);
                named.for_each(|mark| mark.row = Some(row));
            }
            if is_found {
                gathering.take(row, &record);
            }
        }
        let arg_names = gathering.arg_names();
        let (has_args, has_expiry) = (gathering.has_args, gathering.has_expiry);
        let has_groups = gathering.found.entries > 0 && gathering.only_group.is_none();
        let found = gathering.found;
        let mut rows = Vec::new();
        let mut groups = Vec::new();
        for bucket in gathering.into_buckets() {
            go_on()?;
            rows.extend_from_slice(&self.sorted(bucket.rows));
            groups.push(bucket.sums);
        }
        for mark in &mut marks {
            mark.at = mark.row.and_then(|row| rows.iter().position(|r| *r == row));
        }
        Ok(Arranged {
            snapshot: Arc::clone(&self.snapshot),
            rows: rows.into(),
            groups,
            found,
            has_groups,
            has_args,
            has_expiry,
            arg_names,
            selected,
            marks,
        })
    }

    /// What is selected already, and what is to be.
    fn chosen(&self, go_on: &impl Fn() -> Result<()>) -> Result<Cow<'_, HashSet<EntryId>>> {
        let mut chosen = Cow::Borrowed(&*self.selected);
        let Some(Span {
            snapshot,
            rows,
            range,
        }) = &self.adding
        else {
            return Ok(chosen);
        };
        let rows = rows.get(range.clone()).unwrap_or_default();
        let ids = chosen.to_mut();
        ids.reserve(rows.len());
        for rows in rows.chunks(CHECK_EVERY) {
            go_on()?;
            let records = rows.iter().filter_map(|row| snapshot.record(*row));
            ids.extend(records.map(|record| record.id()));
        }
        Ok(chosen)
    }

    /// The names that the first calls have at each place: a later one adds what an earlier one left out.
    fn arg_names(&self, rows: &[Row]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for record in rows
            .iter()
            .take(NAMED_ROWS)
            .filter_map(|row| self.snapshot.record(*row))
        {
            let more = record.args.iter().skip(names.len());
            names.extend(more.map(|(name, _)| name.to_owned()));
        }
        names
    }

    /// True if the order asks for what entries earned, and some did.
    fn is_by_earned(&self) -> bool {
        let is_earned = matches!(self.sort.by, SortBy::Hits | SortBy::LastHit | SortBy::Saved);
        is_earned && !self.earned.is_empty()
    }

    fn sorted(&self, rows: Vec<Row>) -> Arc<[Row]> {
        if !self.is_by_earned() {
            return self.sort.order(&self.snapshot, &self.verdicts, rows);
        }
        let value = |row: Row| {
            let record = self.snapshot.record(row)?;
            let earned = self.earned.get(&record.id());
            match self.sort.by {
                SortBy::Hits => record.hits.or_else(|| Some(earned?.hits)),
                SortBy::LastHit => Some(earned?.last_hit()?.packed()),
                _ => Some(earned?.saved_s.to_bits()),
            }
        };
        let valued: Vec<_> = rows.into_iter().map(|row| (value(row), row)).collect();
        let (mut present, missing): (Vec<_>, Vec<_>) =
            valued.into_iter().partition(|(value, _)| value.is_some());
        match self.sort.direction {
            Direction::Ascending => present.sort_unstable(),
            Direction::Descending => {
                present.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            }
        }
        let rows = present.into_iter().chain(missing);
        rows.map(|(_, row)| row).collect()
    }

    fn matches(&self, record: &Record<'_>, store: &mut Option<Store>) -> bool {
        if self.query.is_empty() {
            return true;
        }
        let verdict = match record.role {
            _ if !self.query.needs().conditions => None,
            Role::Orphan => self.verdicts.of(record).or(Some(&ORPHAN)),
            Role::Entry => self.verdicts.of(record),
        };
        match self.query.test(record, verdict, self.now) {
            Match::Yes => true,
            Match::No => false,
            Match::NeedsArgs => self.matches_whole(record, verdict, store),
        }
    }

    /// The snapshot keeps only the head of long arguments: the entry is read again for the whole.
    fn matches_whole(
        &self,
        record: &Record<'_>,
        verdict: Option<&Verdict>,
        store: &mut Option<Store>,
    ) -> bool {
        if store.is_none() {
            *store = Store::open(&self.snapshot.store).ok();
        }
        let details = store
            .as_ref()
            .and_then(|s| s.details(&record.entry_key()).ok());
        // Gone or unreadable by now: it matches as little as anything else that is not known.
        let Some(details) = details else { return false };
        let borrowed =
            |(name, text): &(String, String)| (Cow::Owned(name.clone()), Cow::Owned(text.clone()));
        let args: Vec<_> = details.args.iter().map(borrowed).collect();
        let whole = Record {
            args: Args::Whole(&args),
            ..record.clone()
        };
        self.query.matches(&whole, verdict, self.now)
    }
}

/// What bytes without an owner are before any check.
static ORPHAN: Verdict = Verdict {
    condition: Condition::Orphan,
    evidence: Vec::new(),
};

impl Selected {
    fn look_at(&mut self, record: &Record<'_>, chosen: &HashSet<EntryId>, is_found: bool) {
        let id = record.id();
        if chosen.contains(&id) {
            self.existing.insert(id);
            self.sums.add(record);
            self.n_hidden += u64::from(!is_found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkBuilder, StoreInfo};
    use std::path::Path;

    /// Labels of the groups, the largest first.
    fn order(by: SortBy) -> Vec<String> {
        let mut builder = ChunkBuilder::default();
        let mut earned = HashMap::new();
        // `a` has more bytes and was made later, `b` was changed later and earned more.
        for (name, n, saved_s) in [("a", 1_i64, 1.0), ("b", 2, 2.0)] {
            let group = Group::named(name);
            let mut record = Record::new(&group, name.as_bytes());
            record.bytes = 100 / n.unsigned_abs();
            record.created = Some(Time::from_unix(100 - n, 0));
            record.modified = Some(Time::from_unix(100 + n, 0));
            builder.push(&record);
            let hits = Earned {
                hits: n.unsigned_abs(),
                saved_s,
                ..Earned::default()
            };
            earned.insert(record.id(), hits);
        }
        let info = StoreInfo::new(Path::new("/s"), Path::new("/s"), "joblib", None);
        let snapshot =
            Snapshot::empty(Arc::new(info)).extended(vec![builder.finish()], vec![], true);
        let direction = Direction::Descending;
        let arrange = Arrange {
            snapshot: Arc::new(snapshot),
            verdicts: Arc::default(),
            earned: Arc::new(earned),
            query: Query::default(),
            now: Time::from_unix(200, 0),
            sort: Sort { by, direction },
            is_grouped: true,
            selected: Arc::default(),
            adding: None,
            marks: Vec::new(),
        };
        let arranged = arrange.run(|| Ok(())).unwrap();
        let groups = arranged.groups.iter();
        groups
            .map(|sums| sums.group.as_ref().unwrap().label.to_string())
            .collect()
    }

    #[test]
    fn groups_stand_in_the_order_of_their_own_sums() {
        for by in [SortBy::Bytes, SortBy::Created] {
            assert_eq!(order(by), ["a", "b"], "{by:?}");
        }
        for by in [SortBy::Modified, SortBy::Hits, SortBy::Saved] {
            assert_eq!(order(by), ["b", "a"], "{by:?}");
        }
    }
}
