//! Up to 4,096 records in columns: what a snapshot is made of.
//!
//! Texts lie in one arena per column, optional figures cost nothing where no row has them,
//! and names that repeat (groups, argument names, types) are kept once per chunk.

use std::collections::HashMap;
use std::sync::Arc;

use super::Time;
use super::entry::{Args, Group, Record, Role};

/// Rows in a full chunk.
pub const CHUNK_ROWS: usize = 4096;

/// Argument text kept per entry, in bytes; the rest is read again when it is asked for.
const ARGS_BYTES: usize = 120;
/// Arguments kept per entry: more make a generated call, or a hostile file.
const ARGS: usize = 32;
/// Longer argument names are no names that a person wrote.
const ARG_NAME_BYTES: usize = 256;

/// An immutable block of rows in columns.
#[derive(Debug, Default)]
pub struct Chunk {
    groups: Box<[Arc<Group>]>,
    names: Box<[Box<str>]>,
    group: Box<[u16]>,
    key: Texts,
    label: Option<Texts>,
    args: Option<Texts>,
    flags: Box<[u8]>,
    ordinal: Column<u32>,
    bytes: Box<[u64]>,
    side_bytes: Column<u64>,
    disk_bytes: Box<[u64]>,
    files: Column<u32>,
    created: Column<u64>,
    modified: Column<u64>,
    accessed: Column<u64>,
    expires: Column<u64>,
    duration_s: Column<f64>,
    hits: Column<u64>,
    value_type: Column<u16>,
    codec: Column<u16>,
    dev: Column<u64>,
    ident: Box<[u64]>,
}

const ARGS_CUT: u8 = 1;
const ORPHAN: u8 = 2;

/// A column that takes no room while no row has a value.
#[derive(Debug)]
enum Column<T> {
    AllSame(T),
    Each(Box<[T]>),
}

impl<T: Default> Default for Column<T> {
    fn default() -> Self {
        Self::AllSame(T::default())
    }
}

impl<T: Copy> Column<T> {
    fn at(&self, slot: usize) -> Option<T> {
        match self {
            Self::AllSame(value) => Some(*value),
            Self::Each(values) => values.get(slot).copied(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::AllSame(_) => 0,
            Self::Each(values) => std::mem::size_of_val(&**values),
        }
    }
}

/// Texts end to end, with the end offset of each.
#[derive(Debug, Default)]
struct Texts {
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Texts {
    fn at(&self, slot: usize) -> &[u8] {
        let end_at = |slot: usize| self.ends.get(slot).map_or(0, |end| *end as usize);
        let start = slot.checked_sub(1).map_or(0, end_at);
        self.bytes.get(start..end_at(slot)).unwrap_or_default()
    }

    fn heap_bytes(&self) -> usize {
        self.bytes.len() + std::mem::size_of_val(&*self.ends)
    }
}

impl Chunk {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// The row at `slot`, or `None` past the end.
    pub fn record(&self, slot: usize) -> Option<Record<'_>> {
        let group = self.groups.get(usize::from(*self.group.get(slot)?))?;
        let flags = self.flags.get(slot).copied().unwrap_or(0);
        let time = |column: &Column<u64>| column.at(slot).and_then(Time::from_packed);
        let name =
            |column: &Column<u16>| self.names.get(usize::from(column.at(slot)?)).map(|n| &**n);
        let args = self
            .args
            .as_ref()
            .map_or(Args::None, |texts| match texts.at(slot) {
                [] => Args::None,
                packed => Args::Packed(PackedArgs {
                    packed,
                    names: &self.names,
                    cut: flags & ARGS_CUT != 0,
                }),
            });
        let label = self.label.as_ref().map(|texts| texts.at(slot));
        Some(Record {
            group,
            key: self.key.at(slot),
            label: label
                .filter(|l| !l.is_empty())
                .and_then(|l| std::str::from_utf8(l).ok()),
            ordinal: self.ordinal.at(slot).unwrap_or(0),
            role: if flags & ORPHAN == 0 {
                Role::Entry
            } else {
                Role::Orphan
            },
            bytes: self.bytes.get(slot).copied().unwrap_or(0),
            side_bytes: self.side_bytes.at(slot).unwrap_or(0),
            disk_bytes: self.disk_bytes.get(slot).copied().unwrap_or(0),
            files: self.files.at(slot).unwrap_or(0),
            created: time(&self.created),
            modified: time(&self.modified),
            accessed: time(&self.accessed),
            expires: time(&self.expires),
            duration_s: self.duration_s.at(slot).filter(|d| !d.is_nan()),
            hits: self.hits.at(slot).filter(|h| *h != u64::MAX),
            value_type: name(&self.value_type),
            codec: name(&self.codec),
            args,
            dev: self.dev.at(slot).unwrap_or(0),
            ident: self.ident.get(slot).copied().unwrap_or(0),
        })
    }

    /// The rows in order.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).filter_map(|slot| self.record(slot))
    }

    /// Memory that the rows take, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let texts = self.key.heap_bytes()
            + self.label.as_ref().map_or(0, Texts::heap_bytes)
            + self.args.as_ref().map_or(0, Texts::heap_bytes);
        let wide = [
            &self.side_bytes,
            &self.created,
            &self.modified,
            &self.accessed,
            &self.expires,
            &self.hits,
            &self.dev,
        ];
        texts
            + self.len() * (2 + 1 + 8 + 8 + 8)
            + wide.iter().map(|c| c.heap_bytes()).sum::<usize>()
            + self.duration_s.heap_bytes()
            + self.ordinal.heap_bytes()
            + self.files.heap_bytes()
            + self.value_type.heap_bytes()
            + self.codec.heap_bytes()
    }
}

/// Argument names and texts as a chunk keeps them.
#[derive(Debug, Clone, Copy)]
pub struct PackedArgs<'a> {
    packed: &'a [u8],
    names: &'a [Box<str>],
    cut: bool,
}

impl PackedArgs<'_> {
    /// True if text was dropped.
    pub fn is_cut(self) -> bool {
        self.cut
    }
}

/// One argument is: index of its name (u16), length of its text (u8), the text.
impl<'a> PackedArgs<'a> {
    /// Name and kept text of each argument.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut packed = self.packed;
        std::iter::from_fn(move || {
            let ([low, high, len], rest) = packed.split_first_chunk::<3>()?;
            let (text, rest) = rest.split_at_checked(usize::from(*len))?;
            packed = rest;
            let name = self
                .names
                .get(usize::from(u16::from_le_bytes([*low, *high])))?;
            Some((&**name, std::str::from_utf8(text).unwrap_or_default()))
        })
    }
}

/// Collects records into a [`Chunk`].
#[derive(Debug, Default)]
pub struct ChunkBuilder {
    groups: Vec<Arc<Group>>,
    group_index: HashMap<Arc<Group>, u16>,
    names: Vec<Box<str>>,
    name_index: HashMap<Box<str>, u16>,
    group: Vec<u16>,
    key: TextsBuilder,
    label: TextsBuilder,
    args: TextsBuilder,
    flags: Vec<u8>,
    ordinal: Vec<u32>,
    bytes: Vec<u64>,
    side_bytes: Vec<u64>,
    disk_bytes: Vec<u64>,
    files: Vec<u32>,
    created: Vec<u64>,
    modified: Vec<u64>,
    accessed: Vec<u64>,
    expires: Vec<u64>,
    duration_s: Vec<f64>,
    hits: Vec<u64>,
    value_type: Vec<u16>,
    codec: Vec<u16>,
    dev: Vec<u64>,
    ident: Vec<u64>,
}

#[derive(Debug, Default)]
struct TextsBuilder {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl TextsBuilder {
    fn end(&mut self) {
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.end();
    }

    fn finish(self) -> Texts {
        Texts {
            bytes: self.bytes.into(),
            ends: self.ends.into(),
        }
    }

    fn finish_if_any(self) -> Option<Texts> {
        (!self.bytes.is_empty()).then(|| self.finish())
    }
}

const NO_TIME: u64 = u64::MAX;
const NO_NAME: u16 = u16::MAX;
/// An arena larger than this ends its chunk, so that u32 offsets never overflow on megabyte keys.
const ARENA_BYTES: usize = 1 << 28;

impl ChunkBuilder {
    /// Rows so far.
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// True if no row was added.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// True if the next row belongs in a new chunk.
    pub fn is_full(&self) -> bool {
        self.len() >= CHUNK_ROWS
            || self.key.bytes.len() + self.label.bytes.len() > ARENA_BYTES
            // Hostile metadata can use a new argument name in every row.
            || self.names.len() > 32_000
    }

    /// Adds one row.
    pub fn push(&mut self, record: &Record<'_>) {
        let group = self.group_of(record.group);
        self.group.push(group);
        self.key.push(record.key);
        self.label.push(record.label.unwrap_or_default().as_bytes());
        let mut flags = if self.push_args(record.args) {
            ARGS_CUT
        } else {
            0
        };
        if record.role == Role::Orphan {
            flags |= ORPHAN;
        }
        self.flags.push(flags);
        self.ordinal.push(record.ordinal);
        self.bytes.push(record.bytes);
        self.side_bytes.push(record.side_bytes);
        self.disk_bytes.push(record.disk_bytes);
        self.files.push(record.files);
        let packed = |time: Option<Time>| time.map_or(NO_TIME, Time::packed);
        self.created.push(packed(record.created));
        self.modified.push(packed(record.modified));
        self.accessed.push(packed(record.accessed));
        self.expires.push(packed(record.expires));
        self.duration_s.push(record.duration_s.unwrap_or(f64::NAN));
        self.hits.push(record.hits.unwrap_or(u64::MAX));
        let value_type = self.optional_name(record.value_type);
        self.value_type.push(value_type);
        let codec = self.optional_name(record.codec);
        self.codec.push(codec);
        self.dev.push(record.dev);
        self.ident.push(record.ident);
    }

    /// The finished chunk; memory is trimmed to what the rows need.
    pub fn finish(self) -> Chunk {
        Chunk {
            groups: self.groups.into(),
            names: self.names.into(),
            group: self.group.into(),
            key: self.key.finish(),
            label: self.label.finish_if_any(),
            args: self.args.finish_if_any(),
            flags: self.flags.into(),
            ordinal: squeeze(self.ordinal),
            bytes: self.bytes.into(),
            side_bytes: squeeze(self.side_bytes),
            disk_bytes: self.disk_bytes.into(),
            files: squeeze(self.files),
            created: squeeze(self.created),
            modified: squeeze(self.modified),
            accessed: squeeze(self.accessed),
            expires: squeeze(self.expires),
            duration_s: squeeze_floats(self.duration_s),
            hits: squeeze(self.hits),
            value_type: squeeze(self.value_type),
            codec: squeeze(self.codec),
            dev: squeeze(self.dev),
            ident: self.ident.into(),
        }
    }

    fn group_of(&mut self, group: &Arc<Group>) -> u16 {
        // Rows of one group come together: the newest group is nearly always the right one.
        let newest = self.groups.len().saturating_sub(1);
        if self.groups.last().is_some_and(|g| Arc::ptr_eq(g, group)) {
            return u16::try_from(newest).unwrap_or(0);
        }
        if let Some(index) = self.group_index.get(group) {
            return *index;
        }
        let index = u16::try_from(self.groups.len()).unwrap_or(0);
        self.groups.push(Arc::clone(group));
        self.group_index.insert(Arc::clone(group), index);
        index
    }

    fn optional_name(&mut self, name: Option<&str>) -> u16 {
        name.map_or(NO_NAME, |name| self.name(name))
    }

    fn name(&mut self, name: &str) -> u16 {
        if let Some(index) = self.name_index.get(name) {
            return *index;
        }
        let index = u16::try_from(self.names.len()).unwrap_or(NO_NAME);
        self.names.push(name.into());
        self.name_index.insert(name.into(), index);
        index
    }

    /// Packs the arguments, cut to [`ARGS_BYTES`]; true if something was dropped.
    fn push_args(&mut self, args: Args<'_>) -> bool {
        let mut left = ARGS_BYTES;
        let mut cut = args.is_cut();
        for (n, (name, text)) in args.iter().enumerate() {
            if left == 0 || n == ARGS || name.len() > ARG_NAME_BYTES {
                cut = true;
                break;
            }
            let end = text.floor_char_boundary(left);
            let kept = text.get(..end).unwrap_or_default();
            cut |= end < text.len();
            left -= kept.len();
            let name = self.name(name);
            self.args.bytes.extend_from_slice(&name.to_le_bytes());
            self.args.bytes.push(u8::try_from(kept.len()).unwrap_or(0));
            self.args.bytes.extend_from_slice(kept.as_bytes());
            if cut {
                break;
            }
        }
        self.args.end();
        cut
    }
}

fn squeeze<T: Copy + PartialEq + Default>(values: Vec<T>) -> Column<T> {
    let first = values.first().copied().unwrap_or_default();
    if values.iter().all(|v| *v == first) {
        Column::AllSame(first)
    } else {
        Column::Each(values.into())
    }
}

fn squeeze_floats(values: Vec<f64>) -> Column<f64> {
    if values.iter().all(|v| v.is_nan()) {
        Column::AllSame(f64::NAN)
    } else {
        Column::Each(values.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn a_row_comes_back_as_it_was_pushed() {
        let group = Group::named("pkg.f");
        let args = [
            (Cow::from("x"), Cow::from("[1, 2]")),
            (Cow::from("y"), Cow::from("'é'")),
        ];
        let mut record = Record::new(&group, b"k1");
        record.bytes = 7;
        record.created = Some(Time::from_unix(5, 6));
        record.duration_s = Some(0.25);
        record.args = Args::Whole(&args);
        let mut builder = ChunkBuilder::default();
        builder.push(&record);
        builder.push(&Record::new(&group, b"k2"));
        let chunk = builder.finish();

        let back = chunk.record(0).unwrap();
        assert_eq!(
            (back.key, back.bytes, back.duration_s),
            (&b"k1"[..], 7, Some(0.25))
        );
        assert_eq!(back.created, Some(Time::from_unix(5, 6)));
        assert_eq!(
            back.args.iter().collect::<Vec<_>>(),
            [("x", "[1, 2]"), ("y", "'é'")]
        );
        assert!(!back.args.is_cut());
        let bare = chunk.record(1).unwrap();
        assert_eq!(
            (bare.created, bare.duration_s, bare.hits),
            (None, None, None)
        );
        assert!(chunk.record(2).is_none());
    }

    #[test]
    fn long_arguments_are_cut_at_a_character_and_say_so() {
        let group = Group::named("f");
        let args = [
            (Cow::from("x"), Cow::from("é".repeat(500))),
            (Cow::from("y"), Cow::from("1")),
        ];
        let mut record = Record::new(&group, b"k");
        record.args = Args::Whole(&args);
        let mut builder = ChunkBuilder::default();
        builder.push(&record);
        let chunk = builder.finish();
        let args = chunk.record(0).unwrap().args;
        assert!(args.is_cut());
        let kept: Vec<_> = args.iter().collect();
        assert_eq!(kept, [("x", &*"é".repeat(60))]);
    }
}
