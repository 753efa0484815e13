//! Values as JSON: dicts, lists, text and numbers as such, bytes in base64, tables split into columns and rows,
//! all other objects as Python prints them. One loop over a stack, so that depth costs nothing.

use std::collections::HashSet;
use std::io::{self, Read as _, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::formats::numpy::Look;
use crate::formats::preview::{ArrayHandle, Preview, TableHandle};
use crate::formats::{Content, Element};
use crate::model::Kind;
use crate::model::value::{Blob, Integer, Leaf, NodeId, Value};

/// Elements read at once.
const ELEMENTS: u64 = 1 << 16;

/// Values written before shared ones are taken for a bomb.
const MAX_VALUES: u64 = 1 << 27;

/// Characters of an object that prints itself.
const OBJECT_CHARS: usize = 100_000;

pub(super) fn save(preview: &Preview, look: &Look<'_>, out: &mut dyn Write) -> io::Result<bool> {
    let mut out = io::BufWriter::new(out);
    let is_done = match (&preview.table_handle, &preview.array_handle) {
        (Some(table), _) => table_json(table, look, &mut out)?,
        (_, Some(array)) => array_json(array, look, &mut out)?,
        _ => Writer::new(preview, look, &mut out).run(preview.node)?,
    };
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(is_done)
}

fn plain(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

/// The form of pandas' `orient="split"`, with types; columns may share a name.
fn table_json(table: &TableHandle, look: &Look<'_>, out: &mut dyn Write) -> io::Result<bool> {
    let frame = &table.frame;
    if frame.is_beyond_saving() {
        return Err(io::Error::other(
            "the table is too wide, or claims too many rows",
        ));
    }
    out.write_all(b"{\"columns\":")?;
    plain(out, &frame.columns)?;
    out.write_all(b",\"dtypes\":")?;
    plain(out, &frame.dtypes)?;
    let n = (ELEMENTS / (frame.columns.len() as u64).max(1)).max(1);
    for (name, is_index) in [("index", true), ("data", false)] {
        write!(out, ",\"{name}\":[")?;
        let mut at = 0;
        while at < frame.n_rows {
            if (look.is_cancelled)() {
                return Ok(false);
            }
            let range = at..at.saturating_add(n).min(frame.n_rows);
            let rows: Vec<Element> = if is_index {
                table.labels(range.clone(), *look)?
            } else {
                let rows = table.rows(range.clone(), 0..frame.columns.len(), *look)?;
                rows.into_iter().map(Element::List).collect()
            };
            for (number, row) in (at..).zip(&rows) {
                if number > 0 {
                    out.write_all(b",")?;
                }
                plain(out, row)?;
            }
            at = range.end;
        }
        out.write_all(b"]")?;
    }
    out.write_all(b"}")?;
    Ok(true)
}

/// Nested lists by the array's shape.
fn array_json(array: &ArrayHandle, look: &Look<'_>, out: &mut dyn Write) -> io::Result<bool> {
    let shape = &array.view.shape;
    let n = array.view.len().unwrap_or(0);
    if shape.contains(&0) {
        // As `tolist` gives it, down to the axis without elements.
        let outer: Vec<u64> = shape.iter().copied().take_while(|axis| *axis > 0).collect();
        let n_empty = outer.iter().fold(1_u64, |n, axis| n.saturating_mul(*axis));
        if n_empty > ELEMENTS {
            return Err(io::Error::other(
                "the array is empty and its shape too large",
            ));
        }
        let text = outer.iter().rev().fold("[]".to_owned(), |inner, axis| {
            let parts = vec![inner; usize::try_from(*axis).unwrap_or(0)];
            format!("[{}]", parts.join(","))
        });
        out.write_all(text.as_bytes())?;
        return Ok(true);
    }
    let mut at = 0;
    while at < n {
        if (look.is_cancelled)() {
            return Ok(false);
        }
        let elements = array.elements(at, ELEMENTS)?;
        if elements.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for element in &elements {
            // Lists open where all further indices are zero, and close where all are at their end.
            let mut step = 1_u64;
            let (mut n_open, mut n_close) = (0, 0);
            for axis in shape.iter().rev() {
                step = step.saturating_mul(*axis);
                n_open += usize::from(at.is_multiple_of(step));
                n_close += usize::from((at + 1).is_multiple_of(step));
            }
            if at > 0 {
                out.write_all(b",")?;
            }
            out.write_all("[".repeat(n_open).as_bytes())?;
            plain(out, element)?;
            out.write_all("]".repeat(n_close).as_bytes())?;
            at += 1;
        }
    }
    Ok(true)
}

enum Task {
    Value(NodeId),
    /// What follows child `.1` of a list, or pair `.1` of a dict.
    Rest(NodeId, usize),
}

struct Writer<'a, 'w> {
    value: &'a Value,
    content: &'a Content,
    look: &'a Look<'a>,
    out: &'w mut dyn Write,
    tasks: Vec<Task>,
    open: HashSet<NodeId>,
    n_values: u64,
}

impl<'a, 'w> Writer<'a, 'w> {
    fn new(preview: &'a Preview, look: &'a Look<'a>, out: &'w mut dyn Write) -> Self {
        Self {
            value: &preview.value,
            content: &preview.content,
            look,
            out,
            tasks: Vec::new(),
            open: HashSet::new(),
            n_values: 0,
        }
    }

    fn run(&mut self, root: NodeId) -> io::Result<bool> {
        self.tasks.push(Task::Value(root));
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Value(node) => {
                    self.n_values += 1;
                    if self.n_values > MAX_VALUES {
                        return Err(io::Error::other(
                            "written out, the parts that it shares are more than 134,217,728 values",
                        ));
                    }
                    if self.n_values.is_multiple_of(4096) && (self.look.is_cancelled)() {
                        return Ok(false);
                    }
                    self.value(node)?;
                }
                Task::Rest(node, number) => self.rest(node, number)?,
            }
        }
        Ok(true)
    }

    fn is_dict(&self, node: NodeId) -> bool {
        self.value.kind(node) == Kind::Dict
    }

    fn value(&mut self, node: NodeId) -> io::Result<()> {
        match self.value.kind(node) {
            Kind::None | Kind::Missing => self.out.write_all(b"null"),
            Kind::Bool => plain(self.out, &(node == NodeId::TRUE)),
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet | Kind::Dict => {
                if !self.open.insert(node) {
                    return Err(io::Error::other("it holds itself, which JSON cannot say"));
                }
                self.out
                    .write_all(if self.is_dict(node) { b"{" } else { b"[" })?;
                self.rest(node, 0)
            }
            Kind::Int | Kind::Float | Kind::Str | Kind::Bytes | Kind::ByteArray => self.leaf(node),
            _ => plain(self.out, &self.value.repr(node, OBJECT_CHARS).text),
        }
    }

    fn rest(&mut self, node: NodeId, number: usize) -> io::Result<()> {
        let n = self.value.n_items(node);
        let is_dict = self.is_dict(node);
        if number >= if is_dict { n / 2 } else { n } {
            self.open.remove(&node);
            return self.out.write_all(if is_dict { b"}" } else { b"]" });
        }
        if number > 0 {
            self.out.write_all(b",")?;
        }
        let child = if is_dict {
            let key = self.value.item(node, 2 * number);
            self.key(key.unwrap_or(NodeId::MISSING))?;
            self.out.write_all(b":")?;
            self.value.item(node, 2 * number + 1)
        } else {
            self.value.item(node, number)
        };
        self.tasks.push(Task::Rest(node, number + 1));
        self.tasks
            .push(Task::Value(child.unwrap_or(NodeId::MISSING)));
        Ok(())
    }

    /// Keys are text; those of other types as Python prints them.
    fn key(&mut self, key: NodeId) -> io::Result<()> {
        match self.value.leaf(key) {
            Some(Leaf::Str(_) | Leaf::Python2Str(_)) => self.leaf(key),
            _ => plain(self.out, &self.value.repr(key, OBJECT_CHARS).text),
        }
    }

    fn leaf(&mut self, node: NodeId) -> io::Result<()> {
        match self.value.leaf(node) {
            Some(Leaf::Int(Integer::Small(int))) => plain(self.out, &int),
            // JSON's numbers have no bounds; Python reads them all.
            Some(Leaf::Int(_)) => {
                let digits = self.value.repr(node, usize::MAX).text;
                if digits.starts_with('<') {
                    plain(self.out, &digits)
                } else {
                    self.out.write_all(digits.as_bytes())
                }
            }
            Some(Leaf::Float(float)) => plain(self.out, &Element::Float(float)),
            Some(Leaf::Str(blob) | Leaf::Python2Str(blob)) => {
                let bytes = self.whole(&blob)?;
                plain(self.out, &crate::model::text::from_bytes(&bytes))
            }
            Some(Leaf::Bytes(blob) | Leaf::ByteArray(blob)) => {
                let bytes = self.whole(&blob)?;
                plain(self.out, &BASE64_STANDARD.encode(bytes))
            }
            None => self.out.write_all(b"null"),
        }
    }

    /// All bytes of a blob of which a head was kept.
    fn whole(&self, blob: &Blob<'_>) -> io::Result<Vec<u8>> {
        match blob.offset.filter(|_| blob.is_cut()) {
            None => Ok(blob.bytes.to_vec()),
            Some(offset) => {
                let mut bytes = Vec::new();
                let stream = self.content.open(offset)?;
                stream.take(blob.len).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}
