//! Arrow's stream format (`docs/format/Columnar.rst`, version 1.4) inside a value: the columns of its record batches,
//! whose buffers are read where they lie. Written for polars, which pickles its frames and series so.

mod field;
mod flat;

use std::collections::BTreeMap;
use std::io;

use super::arrow::{Arrow, Chunk};
use super::arrow_type::Layout;
use super::cells::Source;
use crate::formats::numpy::{ArrayData, Forward};
use field::Field;
use flat::Flat;

/// Columns of one stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) n_rows: u64,
    pub(super) columns: Vec<Column>,
}

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// polars' name of the type.
    pub(super) type_name: String,
    /// `None` where its elements are not read: they are compressed, or of a kind that is not known here.
    pub(super) array: Option<Arrow>,
}

/// What a message begins with, before its length.
const CONTINUATION: u32 = u32::MAX;

/// Bytes that describe a message.
const MAX_HEADER: u64 = 16 << 20;

/// Messages of one stream.
const MAX_MESSAGES: usize = 100_000;

/// Kinds of messages (`format/Message.fbs: MessageHeader`).
const SCHEMA: i64 = 1;
const DICTIONARY: i64 = 2;
const BATCH: i64 = 3;

impl Stream {
    /// The stream in `data`; `None` if there is none, or it is damaged.
    pub(super) fn of(source: &Source<'_>, data: &ArrayData) -> Option<Self> {
        let mut reader = Reader {
            source,
            data,
            fields: Vec::new(),
            columns: Vec::new(),
            dictionaries: BTreeMap::new(),
            n_rows: 0,
        };
        reader.read().ok()??;
        let columns = reader.fields.iter().zip(reader.columns);
        let columns = columns.map(|(field, array)| Column {
            name: field.name.clone(),
            type_name: field.arrow_type.name.clone(),
            array,
        });
        Some(Self {
            n_rows: reader.n_rows,
            columns: columns.collect(),
        })
    }
}

struct Reader<'a> {
    source: &'a Source<'a>,
    data: &'a ArrayData,
    fields: Vec<Field>,
    /// What was read of each column; `None` once a part of it could not be.
    columns: Vec<Option<Arrow>>,
    dictionaries: BTreeMap<i64, Option<Arrow>>,
    n_rows: u64,
}

impl Reader<'_> {
    fn read(&mut self) -> io::Result<Option<()>> {
        let (content, is_cancelled) = (self.source.content, self.source.look.is_cancelled);
        let mut forward = Forward::new(self.data, content, is_cancelled);
        let (mut prefix, mut header) = (Vec::new(), Vec::new());
        let mut at = 0;
        for _ in 0..MAX_MESSAGES {
            let n_read = forward.read(at, 8, &mut prefix)?;
            let Some((mark, len)) = halves(&prefix).filter(|_| n_read == Some(8)) else {
                break;
            };
            let len = u64::from(len);
            if mark != CONTINUATION || len == 0 || len > MAX_HEADER {
                break;
            }
            at += 8;
            if forward.read(at, len, &mut header)? != Some(len) {
                return Ok(None);
            }
            at += len;
            let Some(message) = Flat::root(&header) else {
                return Ok(None);
            };
            let body_len = message.int(3, 8).unwrap_or(0);
            if self.take(message, at).is_none() {
                return Ok(None);
            }
            at = at.saturating_add(u64::try_from(body_len).unwrap_or(0));
        }
        // A stream without a schema is none.
        Ok((at > 0).then_some(()))
    }

    fn take(&mut self, message: Flat<'_>, body: u64) -> Option<()> {
        let header = message.table(2)?;
        match message.int(1, 1)? {
            SCHEMA => {
                let fields = header.tables(1)?;
                let fields = fields.into_iter().map(Field::of);
                self.fields = fields.collect::<Option<_>>()?;
                self.columns = self.fields.iter().map(empty).map(Some).collect();
            }
            BATCH => {
                let n = u64::try_from(header.int(0, 8).unwrap_or(0)).ok()?;
                self.n_rows = self.n_rows.saturating_add(n);
                let mut batch = Batch::of(self.data, header, body);
                for (field, column) in self.fields.iter().zip(&mut self.columns) {
                    // What follows a column of unknown form cannot be found any more.
                    let read = batch
                        .as_mut()
                        .and_then(|batch| batch.array(field, &self.dictionaries));
                    if let Some(array) = read {
                        extend(column, array);
                    } else {
                        (batch, *column) = (None, None);
                    }
                }
            }
            DICTIONARY => {
                let id = header.int(0, 8).unwrap_or(0);
                let field = self
                    .fields
                    .iter()
                    .find_map(|field| with_dictionary(field, id))?;
                let words = Field {
                    dictionary: None,
                    ..field.clone()
                };
                let batch = Batch::of(self.data, header.table(1)?, body);
                let array = batch.and_then(|mut b| b.array(&words, &self.dictionaries));
                let is_more = header.int(2, 1) == Some(1);
                match (is_more, array, self.dictionaries.get_mut(&id)) {
                    (true, Some(array), Some(known)) => extend(known, array),
                    (_, array, _) => {
                        self.dictionaries.insert(id, array);
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}

fn halves(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = bytes.split_first_chunk()?;
    let second = rest.first_chunk()?;
    Some((u32::from_le_bytes(*first), u32::from_le_bytes(*second)))
}

/// A column before its first batch.
fn empty(field: &Field) -> Arrow {
    Arrow {
        arrow_type: field.arrow_type.clone(),
        chunks: Vec::new(),
    }
}

fn extend(column: &mut Option<Arrow>, array: Arrow) {
    if let Some(column) = column {
        column.arrow_type = array.arrow_type;
        column.chunks.extend(array.chunks);
    }
}

/// The field, or the one inside it, whose dictionary has this number. Fields nest no deeper than they are read.
fn with_dictionary(field: &Field, id: i64) -> Option<&Field> {
    match &field.dictionary {
        Some((number, _)) if *number == id => Some(field),
        _ => field
            .children
            .iter()
            .find_map(|child| with_dictionary(child, id)),
    }
}

/// Lengths and buffers of one record batch, in the order of its fields.
struct Batch<'d> {
    data: &'d ArrayData,
    body: u64,
    nodes: std::vec::IntoIter<(u64, u64)>,
    buffers: std::vec::IntoIter<(u64, u64)>,
    /// How many buffers of their own the views have.
    views: std::vec::IntoIter<u64>,
}

impl<'d> Batch<'d> {
    /// `None` for a compressed one.
    fn of(data: &'d ArrayData, header: Flat<'_>, body: u64) -> Option<Self> {
        if header.table(3).is_some() {
            return None;
        }
        Some(Self {
            data,
            body,
            nodes: header.pairs(1)?.into_iter(),
            buffers: header.pairs(2)?.into_iter(),
            views: header.numbers(4)?.into_iter(),
        })
    }

    fn array(
        &mut self,
        field: &Field,
        dictionaries: &BTreeMap<i64, Option<Arrow>>,
    ) -> Option<Arrow> {
        let (len, n_missing) = self.nodes.next()?;
        let (arrow_type, dictionary) = match &field.dictionary {
            Some((id, index)) => (index.clone(), Some(dictionaries.get(id)?.clone()?)),
            None => (field.arrow_type.clone(), None),
        };
        let n_buffers = match &arrow_type.layout {
            Layout::Other => return None,
            Layout::Null => 0,
            Layout::Record { .. } | Layout::FixedList { .. } => 1,
            Layout::Text { .. } | Layout::Bytes { .. } => 3,
            Layout::View { .. } => self.views.next()?.checked_add(2)?,
            _ => 2,
        };
        let mut buffers = Vec::new();
        for number in 0..n_buffers {
            let (offset, len) = self.buffers.next()?;
            // Where nothing is missing, the bits that say so may be left out.
            let is_left_out = number == 0 && n_missing == 0;
            let part = || part(self.data, self.body.checked_add(offset)?, len);
            buffers.push(if is_left_out { None } else { Some(part()?) });
        }
        let children = if dictionary.is_some() {
            Vec::new()
        } else {
            let children = field.children.iter();
            let children = children.map(|child| self.array(child, dictionaries));
            children.collect::<Option<_>>()?
        };
        Some(Arrow {
            arrow_type,
            chunks: vec![Chunk {
                len,
                offset: 0,
                buffers,
                children,
                dictionary: dictionary.map(Box::new),
            }],
        })
    }
}

/// A stretch of the data.
fn part(data: &ArrayData, offset: u64, len: u64) -> Option<ArrayData> {
    match data {
        ArrayData::Bytes(bytes) => {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(len).ok()?)?;
            Some(ArrayData::Bytes(bytes.get(start..end)?.to_vec()))
        }
        ArrayData::Stream {
            offset: start,
            len: all,
        } => {
            let end = offset.checked_add(len)?;
            (end <= *all).then_some(ArrayData::Stream {
                offset: start.checked_add(offset)?,
                len,
            })
        }
        _ => None,
    }
}
