//! Rows as they are found: their groups with sums, and what they tell of the columns.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Arrange, GroupSums, Sums};
use crate::model::{Group, Record, Row};
use crate::ops::{Direction, Sort, SortBy};
use crate::watch::Earned;

/// The rows of a group, as they are found.
pub(super) struct Bucket {
    pub(super) sums: GroupSums,
    /// What they earned, where the order asks for it.
    earned: Option<Earned>,
    pub(super) rows: Vec<Row>,
}

impl Bucket {
    fn new(group: Option<Arc<Group>>) -> Self {
        let (n_rows, sums) = (0, Sums::default());
        Self {
            sums: GroupSums {
                group,
                n_rows,
                sums,
            },
            earned: None,
            rows: Vec::new(),
        }
    }

    fn add(&mut self, row: Row, record: &Record<'_>, earned: Option<&Earned>) {
        self.sums.n_rows += 1;
        self.sums.sums.add(record);
        self.rows.push(row);
        if let Some(earned) = earned {
            self.earned.get_or_insert_default().add(earned);
        }
    }
}

/// What is found, as it is found.
pub(super) struct Gathering<'a> {
    arrange: &'a Arrange,
    is_by_earned: bool,
    buckets: Vec<Bucket>,
    bucket_of: HashMap<&'a Arc<Group>, usize>,
    pub(super) found: Sums,
    pub(super) has_args: bool,
    pub(super) has_expiry: bool,
    /// The group of all rows; `None` where they are of several, or there is none.
    pub(super) only_group: Option<&'a Arc<Group>>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(arrange: &'a Arrange) -> Self {
        Self {
            arrange,
            is_by_earned: arrange.is_by_earned(),
            buckets: Vec::new(),
            bucket_of: HashMap::new(),
            found: Sums::default(),
            has_args: false,
            has_expiry: false,
            only_group: None,
        }
    }

    pub(super) fn take(&mut self, row: Row, record: &Record<'a>) {
        let is_grouped = self.arrange.is_grouped;
        let at = if is_grouped {
            let next = self.buckets.len();
            *self.bucket_of.entry(record.group).or_insert(next)
        } else {
            0
        };
        if at == self.buckets.len() {
            let group = is_grouped.then(|| Arc::clone(record.group));
            self.buckets.push(Bucket::new(group));
        }
        if let Some(bucket) = self.buckets.get_mut(at) {
            let earned = || self.arrange.earned.get(&record.id());
            bucket.add(row, record, self.is_by_earned.then(earned).flatten());
        }
        let is_first = self.found.entries == 0;
        let is_same =
            |group: &&Arc<Group>| Arc::ptr_eq(group, record.group) || *group == record.group;
        self.only_group = if is_first {
            Some(record.group)
        } else {
            self.only_group.filter(is_same)
        };
        self.has_args = self.has_args || record.args.iter().next().is_some();
        self.has_expiry |= record.expires.is_some();
        self.found.add(record);
    }

    pub(super) fn arg_names(&self) -> Vec<String> {
        match self.buckets.first() {
            Some(bucket) if self.has_args && self.only_group.is_some() => {
                self.arrange.arg_names(&bucket.rows)
            }
            _ => Vec::new(),
        }
    }

    /// The groups in their order, without a heading where nothing has a group: it would say nothing.
    pub(super) fn into_buckets(mut self) -> Vec<Bucket> {
        if let [Bucket { sums, .. }] = self.buckets.as_mut_slice()
            && sums.group.as_ref().is_some_and(|g| g.label.is_empty())
        {
            sums.group = None;
        }
        let sort = self.arrange.sort;
        self.buckets.sort_by(|a, b| compare_groups(sort, a, b));
        self.buckets
    }
}

/// Groups stand in the order of their own sums.
fn compare_groups(sort: Sort, a: &Bucket, b: &Bucket) -> Ordering {
    let label = |b: &Bucket| b.sums.group.as_ref().map(|g| g.label.clone());
    let seconds = |b: &Bucket| b.sums.sums.duration_s.unwrap_or(-1.0);
    let hits = |b: &Bucket| b.sums.sums.hits.or(b.earned.map(|earned| earned.hits));
    let saved = |b: &Bucket| b.earned.map_or(-1.0, |earned| earned.saved_s);
    let last_hit = |b: &Bucket| b.earned.and_then(|earned| earned.last_hit());
    let (x, y) = (&a.sums.sums, &b.sums.sums);
    let compared = match sort.by {
        SortBy::Bytes | SortBy::DiskBytes => x.bytes.cmp(&y.bytes),
        SortBy::Duration => seconds(a).total_cmp(&seconds(b)),
        SortBy::Created => x.last_created.cmp(&y.last_created),
        SortBy::Modified => x.last_modified.cmp(&y.last_modified),
        SortBy::Accessed => x.last_used.cmp(&y.last_used),
        SortBy::Hits => hits(a).cmp(&hits(b)),
        SortBy::LastHit => last_hit(a).cmp(&last_hit(b)),
        SortBy::Saved => saved(a).total_cmp(&saved(b)),
        _ => label(a).cmp(&label(b)),
    };
    let directed = match sort.direction {
        Direction::Ascending => compared,
        Direction::Descending => compared.reverse(),
    };
    directed.then_with(|| label(a).cmp(&label(b)))
}
