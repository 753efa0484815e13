//! Rows in sorted order, made once by sorting and kept up to date by merging deltas in.
//!
//! A row without a value (no duration recorded, not checked yet) comes last in either direction.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RowSet;
use crate::model::{Args, Overlay, Record, Row, Snapshot, Time, Verdict};

/// Rows in the order they are shown in.
pub type Order = Arc<[Row]>;

/// What entries are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SortBy {
    /// The key's text.
    Key,
    /// The group's label.
    Group,
    /// The arguments' text, as a snapshot keeps it.
    Args,
    /// The argument at this place of the call: numbers by their value, texts by their letters.
    Arg(u8),
    /// Stored value bytes.
    Bytes,
    /// Bytes on the disk.
    DiskBytes,
    /// Number of files.
    Files,
    /// Time of first storing.
    Created,
    /// Time of last writing.
    Modified,
    /// Time of last reading.
    Accessed,
    /// Time of expiry.
    Expires,
    /// Seconds of computing.
    Duration,
    /// Hits: recorded, else observed.
    Hits,
    /// Time of the newest hit that was observed.
    LastHit,
    /// Seconds that observed hits saved.
    Saved,
    /// Python's type name.
    ValueType,
    /// Codec chain.
    Codec,
    /// What a check found, worst first.
    Condition,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Smallest, oldest, A first.
    Ascending,
    /// Largest, newest, Z first.
    Descending,
}

/// A chosen column and direction; rows that are equal in it stand in stored order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sort {
    /// The column.
    pub by: SortBy,
    /// Which end comes first.
    pub direction: Direction,
}

impl Sort {
    /// Sorts rows of a snapshot: all of them, or those that a query left.
    pub fn order(
        self,
        snapshot: &Snapshot,
        conditions: &Overlay<Verdict>,
        rows: impl IntoIterator<Item = Row>,
    ) -> Order {
        // Eight bytes of each value beside its row: most comparisons never look at the record.
        let mut present = Vec::new();
        let mut missing = Vec::new();
        for row in rows {
            let Some(record) = snapshot.record(row) else {
                continue;
            };
            match self.value(&record, conditions).prefix() {
                Some(prefix) => present.push((prefix, row)),
                None => missing.push(row),
            }
        }
        match self.direction {
            Direction::Ascending => present.sort_unstable(),
            Direction::Descending => {
                present.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            }
        }
        if self.is_text() {
            for run in present.chunk_by_mut(|a, b| a.0 == b.0) {
                self.sort_run(snapshot, conditions, run);
            }
        }
        missing.sort_unstable();
        let present = present.into_iter().map(|(_, row)| row);
        present.chain(missing).collect()
    }

    /// Rows whose texts begin alike, sorted by the whole texts.
    fn sort_run(self, snapshot: &Snapshot, conditions: &Overlay<Verdict>, run: &mut [(u64, Row)]) {
        if run.len() < 2 {
            return;
        }
        let with_value = |(_, row): &(u64, Row)| {
            let record = snapshot.record(*row)?;
            Some((self.value(&record, conditions), *row))
        };
        let mut values: Vec<_> = run.iter().filter_map(with_value).collect();
        values.sort_unstable_by(|a, b| self.directed(a.0.cmp(&b.0)).then(a.1.cmp(&b.1)));
        for (place, (_, row)) in run.iter_mut().zip(values) {
            place.1 = row;
        }
    }

    /// The order after a delta, without sorting it again: rows that went are left out, rows that came are put in.
    ///
    /// `came` is what is to be shown of [`Merged::came`](crate::model::Merged::came). An order by condition also changes when checks are
    /// made; then it is sorted anew.
    pub fn merge(
        self,
        order: &[Row],
        snapshot: &Snapshot,
        conditions: &Overlay<Verdict>,
        gone: &[Row],
        came: impl IntoIterator<Item = Row>,
    ) -> Order {
        let gone = RowSet::new(gone);
        let mut merged: Vec<Row> = Vec::with_capacity(order.len());
        merged.extend(order.iter().filter(|row| !gone.contains(**row)));
        let came = self.order(snapshot, conditions, came);

        let mut out = Vec::with_capacity(merged.len() + came.len());
        let mut rest = &merged[..];
        for row in &*came {
            let at = rest.partition_point(|other| {
                self.compare(snapshot, conditions, *other, *row) == Ordering::Less
            });
            let (before, after) = rest.split_at(at);
            out.extend_from_slice(before);
            out.push(*row);
            rest = after;
        }
        out.extend_from_slice(rest);
        out.into()
    }

    fn compare(
        self,
        snapshot: &Snapshot,
        conditions: &Overlay<Verdict>,
        a: Row,
        b: Row,
    ) -> Ordering {
        let value = |row| {
            let record = snapshot.record(row);
            record.map_or(Value::Missing, |record| self.value(&record, conditions))
        };
        let (left, right) = (value(a), value(b));
        left.is_missing()
            .cmp(&right.is_missing())
            .then_with(|| self.directed(left.cmp(&right)))
            .then(a.cmp(&b))
    }

    fn directed(self, ordering: Ordering) -> Ordering {
        match self.direction {
            Direction::Ascending => ordering,
            Direction::Descending => ordering.reverse(),
        }
    }

    fn is_text(self) -> bool {
        use SortBy as By;
        matches!(
            self.by,
            By::Key | By::Group | By::Args | By::Arg(_) | By::ValueType | By::Codec
        )
    }

    fn value<'a>(self, record: &Record<'a>, conditions: &Overlay<Verdict>) -> Value<'a> {
        let time = |time: Option<Time>| time.map(Time::packed).into();
        match self.by {
            SortBy::Key => record.label.map_or(Value::Bytes(record.key), Value::from),
            SortBy::Group => Value::from(&*record.group.label),
            SortBy::Args => Value::from(record.args),
            SortBy::Arg(place) => match record.args.iter().nth(place.into()) {
                Some((_, text)) => text.parse().map_or(Value::from(text), |number: f64| {
                    Value::Number(sortable(number))
                }),
                None => Value::Missing,
            },
            SortBy::Bytes => Value::Number(record.bytes),
            SortBy::DiskBytes => Value::Number(record.disk_bytes),
            SortBy::Files => Value::Number(record.files.into()),
            SortBy::Created => time(record.created),
            SortBy::Modified => time(record.modified),
            SortBy::Accessed => time(record.accessed),
            SortBy::Expires => time(record.expires),
            SortBy::Duration => record.duration_s.map(sortable).into(),
            SortBy::Hits => record.hits.into(),
            // Records do not know; who has it beside them sorts by it.
            SortBy::LastHit | SortBy::Saved => Value::Missing,
            SortBy::ValueType => record.value_type.map_or(Value::Missing, Value::from),
            SortBy::Codec => record.codec.map_or(Value::Missing, Value::from),
            SortBy::Condition => conditions
                .of(record)
                .map(|verdict| u64::from(verdict.condition as u8))
                .into(),
        }
    }
}

/// What a row is compared by.
#[derive(Debug, Clone)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Args(Args<'a>),
    Missing,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl From<Option<u64>> for Value<'_> {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Missing, Self::Number)
    }
}

impl<'a> From<Args<'a>> for Value<'a> {
    fn from(args: Args<'a>) -> Self {
        if args.iter().next().is_some() {
            Self::Args(args)
        } else {
            Self::Missing
        }
    }
}

impl Value<'_> {
    fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// A number in the order of the values; equal for texts whose first eight bytes are.
    fn prefix(&self) -> Option<u64> {
        let of_bytes = |bytes: &mut dyn Iterator<Item = u8>| {
            let padded = bytes.chain(std::iter::repeat(0)).take(8);
            padded.fold(0, |prefix, byte| prefix << 8 | u64::from(byte))
        };
        match self {
            Self::Number(number) => Some(*number),
            Self::Bytes(bytes) => Some(of_bytes(&mut bytes.iter().copied())),
            Self::Args(args) => Some(of_bytes(&mut text_of(*args))),
            Self::Missing => None,
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Args(a), Self::Args(b)) => text_of(*a).cmp(text_of(*b)),
            // Only an argument can be a number in one call and a text in another: the prefixes decide, as in sorting.
            (Self::Number(_), Self::Bytes(_)) => {
                self.prefix().cmp(&other.prefix()).then(Ordering::Less)
            }
            (Self::Bytes(_), Self::Number(_)) => {
                self.prefix().cmp(&other.prefix()).then(Ordering::Greater)
            }
            _ => Ordering::Equal,
        }
    }
}

/// Arguments as one text, `name=value name=value`, without making it.
fn text_of(args: Args<'_>) -> impl Iterator<Item = u8> {
    args.iter().flat_map(|(name, text)| {
        let end = std::iter::once(b' ');
        let name = name.bytes().chain(std::iter::once(b'='));
        name.chain(text.bytes()).chain(end)
    })
}

/// An integer that sorts as the float does.
fn sortable(float: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = float.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::path::Path;

    use super::*;
    use crate::model::{ChunkBuilder, Condition, Delta, EntryKey, Finding, Group, Live, StoreInfo};

    const COLUMNS: [SortBy; 15] = [
        SortBy::Key,
        SortBy::Group,
        SortBy::Args,
        SortBy::Bytes,
        SortBy::DiskBytes,
        SortBy::Files,
        SortBy::Created,
        SortBy::Modified,
        SortBy::Accessed,
        SortBy::Expires,
        SortBy::Duration,
        SortBy::Hits,
        SortBy::ValueType,
        SortBy::Codec,
        SortBy::Condition,
    ];

    /// Values that repeat and are missing, so that ties and blanks are met in every column.
    fn each_record(numbers: impl IntoIterator<Item = u32>, mut f: impl FnMut(&Record<'_>)) {
        let groups = [Group::named("a.f"), Group::named("a.g")];
        for n in numbers {
            let key = format!("{:08}", n.wrapping_mul(2_654_435_761) % 1000);
            let args = [
                (
                    Cow::from("path"),
                    Cow::from(format!("'/data/run/{}'", n % 7)),
                ),
                (Cow::from("x"), Cow::from((n % 3).to_string())),
            ];
            let mut record = Record::new(&groups[n as usize % 2], key.as_bytes());
            record.ordinal = n;
            record.bytes = u64::from(n * 7919 % 97);
            record.files = n % 4;
            record.duration_s = (n % 5 != 0).then(|| f64::from(n % 13) - 6.0);
            record.created = (n % 6 != 0).then(|| Time::from_unix(i64::from(n % 11) - 5, 0));
            record.hits = (n % 4 == 0).then_some(u64::from(n % 9));
            record.value_type = ["int", "numpy.ndarray", "numpy.matrix"]
                .get(n as usize % 4)
                .copied();
            record.args = if n % 8 == 0 {
                Args::None
            } else {
                Args::Whole(&args)
            };
            f(&record);
        }
    }

    fn live() -> Live {
        let mut builder = ChunkBuilder::default();
        each_record(0..500, |record| builder.push(record));
        let store = StoreInfo::new(Path::new("/s"), Path::new("/s"), "joblib", None);
        let snapshot = Snapshot::empty(Arc::new(store));
        Live::new(Arc::new(snapshot.extended(
            vec![builder.finish()],
            vec![],
            true,
        )))
    }

    fn conditions(snapshot: &Snapshot) -> Overlay<Verdict> {
        let mut overlay = Overlay::default();
        for (row, record) in snapshot.records().filter(|(row, _)| row.index() % 3 != 0) {
            let condition = Condition::ALL[row.index() % 9];
            let verdict = Verdict::from_findings(vec![Finding::new(condition, "")], vec![]);
            overlay.insert(record.id(), record.version(), verdict);
        }
        overlay
    }

    fn sorts() -> impl Iterator<Item = Sort> {
        COLUMNS.into_iter().flat_map(|by| {
            [Direction::Ascending, Direction::Descending]
                .map(move |direction| Sort { by, direction })
        })
    }

    #[test]
    fn every_column_sorts_both_ways_with_blanks_last() {
        let live = live();
        let snapshot = live.snapshot();
        let conditions = conditions(snapshot);
        for sort in sorts() {
            let order = sort.order(snapshot, &conditions, snapshot.rows());
            assert_eq!(order.len(), 500, "{sort:?}");
            for pair in order.windows(2) {
                let ordering = sort.compare(snapshot, &conditions, pair[0], pair[1]);
                assert_eq!(ordering, Ordering::Less, "{sort:?} {pair:?}");
            }
        }
    }

    #[test]
    fn durations_sort_as_numbers_and_unknown_ones_stand_last() {
        let live = live();
        let sort = Sort {
            by: SortBy::Duration,
            direction: Direction::Descending,
        };
        let order = sort.order(live.snapshot(), &Overlay::default(), live.snapshot().rows());
        let durations: Vec<_> = order
            .iter()
            .map(|row| live.snapshot().record(*row).unwrap().duration_s)
            .collect();
        assert_eq!(durations.first(), Some(&Some(6.0)));
        assert_eq!(durations.last(), Some(&None));
        let known: Vec<_> = durations.into_iter().flatten().collect();
        assert!(known.is_sorted_by(|a, b| a >= b) && known.contains(&-6.0));
    }

    #[test]
    fn a_merged_order_is_the_sorted_one() {
        for sort in sorts() {
            let mut live = live();
            let conditions = conditions(live.snapshot());
            let mut order = sort.order(live.snapshot(), &conditions, live.snapshot().rows());
            for round in 0..20_u32 {
                let mut delta = Delta::default();
                each_record(round * 40..round * 40 + 60, |record| delta.upsert(record));
                each_record(round * 9..round * 9 + 5, |record| {
                    delta.remove(record.entry_key());
                });
                delta.remove(EntryKey {
                    group: [].into(),
                    key: [].into(),
                    ordinal: 0,
                });
                let merged = live.apply(delta);
                let now = live.snapshot();
                order = sort.merge(&order, now, &conditions, &merged.gone, merged.came);
                assert_eq!(order, sort.order(now, &conditions, now.rows()), "{sort:?}");
            }
        }
    }
}
