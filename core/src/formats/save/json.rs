//! Values as JSON: dicts, lists, text and numbers as such, bytes in base64, tables split into columns and rows, arrays
//! as nested lists, all other objects as Python prints them. One loop over a stack, so that depth costs nothing.

use std::collections::HashSet;
use std::io::{self, Write};
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::batches::{go_on, in_batches};
use super::objects::{Objects, Texts, unsaved};
use crate::formats::Element;
use crate::formats::bytes::bytes_of;
use crate::formats::numpy::{Look, cut_short};
use crate::formats::preview::{ArrayHandle, Preview, TableHandle};
use crate::model::Kind;
use crate::model::value::{Integer, Leaf, NodeId};

/// Elements read at once.
const ELEMENTS: u64 = 1 << 16;

/// Values written before shared ones are taken for a bomb, unless there are that many.
const MAX_VALUES: u64 = 1 << 27;

/// Arrays of objects that are arrays of objects: deeper than anybody stacks, shallow enough for the call stack.
const MAX_DEPTH: usize = 16;

const HOLDS_ITSELF: &str = "it holds itself, which JSON cannot say";

pub(super) fn save(preview: &Preview, look: &Look<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let mut writer = Writer::new(Objects::of(preview, look), &mut out);
    match (&preview.table_handle, &preview.array_handle) {
        (Some(table), _) => writer.table(table)?,
        (_, Some(array)) => writer.array(array)?,
        _ => writer.run(preview.node)?,
    }
    out.write_all(b"\n")?;
    out.flush()
}

/// An array as text of no more than `max_len` bytes.
///
/// # Errors
/// As saving it has, and that it is longer.
pub(super) fn array_text(
    array: &ArrayHandle,
    look: &Look<'_>,
    max_len: usize,
) -> io::Result<String> {
    let mut out = Bounded {
        text: Vec::new(),
        max_len,
    };
    let objects = Objects {
        value: array.value(),
        content: array.content(),
        look,
    };
    Writer::new(objects, &mut out).array(array)?;
    String::from_utf8(out.text).map_err(io::Error::other)
}

/// Text that grows no longer than allowed.
struct Bounded {
    text: Vec<u8>,
    max_len: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len().saturating_add(bytes.len()) > self.max_len {
            return Err(unsaved("an array in it is too large for a cell"));
        }
        self.text.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

enum Task {
    Value(NodeId),
    /// What follows child `.1` of a list, or pair `.1` of a dict.
    Rest(NodeId, usize),
}

struct Writer<'a, 'w> {
    objects: Objects<'a>,
    texts: Texts<'a>,
    out: &'w mut dyn Write,
    tasks: Vec<Task>,
    open: HashSet<NodeId>,
    /// Arrays and tables that are being written.
    depth: usize,
    n_values: u64,
    max_values: u64,
}

impl<'a, 'w> Writer<'a, 'w> {
    fn new(objects: Objects<'a>, out: &'w mut dyn Write) -> Self {
        let n_nodes = u64::try_from(objects.value.n_nodes()).unwrap_or(u64::MAX);
        Self {
            objects,
            texts: Texts::new(objects.content),
            out,
            tasks: Vec::new(),
            open: HashSet::new(),
            depth: 0,
            n_values: 0,
            max_values: MAX_VALUES.max(n_nodes.saturating_mul(2)),
        }
    }

    /// The form of pandas' `orient="split"`, with types; columns may share a name.
    fn table(&mut self, table: &TableHandle) -> io::Result<()> {
        let frame = &table.frame;
        if frame.is_beyond_saving() {
            return Err(io::Error::other(
                "the table is too wide, or claims too many rows",
            ));
        }
        self.out.write_all(b"{\"columns\":")?;
        plain(self.out, &frame.columns)?;
        self.out.write_all(b",\"dtypes\":")?;
        plain(self.out, &frame.dtypes)?;
        let most = ELEMENTS / (frame.columns.len() as u64).max(1);
        let labels = |rows: Range<u64>, look: Look<'_>| table.labels(rows, look);
        let cells = |rows: Range<u64>, look: Look<'_>| {
            let rows = table.rows(rows, 0..frame.columns.len(), look)?;
            Ok(rows.into_iter().map(Element::List).collect())
        };
        self.out.write_all(b",\"index\":[")?;
        self.listed(frame.n_rows, most, labels)?;
        self.out.write_all(b"],\"data\":[")?;
        self.listed(frame.n_rows, most, cells)?;
        self.out.write_all(b"]}")
    }

    /// Elements with commas between them.
    fn listed(
        &mut self,
        n: u64,
        most: u64,
        read: impl FnMut(Range<u64>, Look<'_>) -> io::Result<Vec<Element>>,
    ) -> io::Result<()> {
        in_batches(n, most, self.objects.look, read, |range, elements| {
            for (number, element) in range.zip(&elements) {
                if number > 0 {
                    self.out.write_all(b",")?;
                }
                self.element(element)?;
            }
            Ok(())
        })
    }

    /// Nested lists by the array's shape.
    fn array(&mut self, array: &ArrayHandle) -> io::Result<()> {
        let shape = &array.view.shape;
        if shape.contains(&0) {
            return self.out.write_all(empty(shape)?.as_bytes());
        }
        let n = array.view.len().unwrap_or(u64::MAX);
        let read = |range: Range<u64>, look: Look<'_>| {
            let n = range.end - range.start;
            let elements = array.elements_for(range, &look)?;
            if elements.len() as u64 == n {
                Ok(elements)
            } else {
                Err(cut_short())
            }
        };
        in_batches(n, ELEMENTS, self.objects.look, read, |range, elements| {
            for (at, element) in range.zip(&elements) {
                // Lists open where all further indices are zero, and close where all are at their end.
                let mut step = 1_u64;
                let (mut n_open, mut n_close) = (0, 0);
                for axis in shape.iter().rev() {
                    step = step.saturating_mul(*axis);
                    n_open += usize::from(at.is_multiple_of(step));
                    n_close += usize::from((at + 1).is_multiple_of(step));
                }
                if at > 0 {
                    self.out.write_all(b",")?;
                }
                self.out.write_all("[".repeat(n_open).as_bytes())?;
                self.element(element)?;
                self.out.write_all("]".repeat(n_close).as_bytes())?;
            }
            Ok(())
        })
    }

    /// Lists nest no deeper than types do.
    fn element(&mut self, element: &Element) -> io::Result<()> {
        match element {
            Element::Object(node) => self.run(*node),
            Element::List(list) => {
                self.out.write_all(b"[")?;
                for (number, element) in list.iter().enumerate() {
                    if number > 0 {
                        self.out.write_all(b",")?;
                    }
                    self.element(element)?;
                }
                self.out.write_all(b"]")
            }
            _ => plain(self.out, element),
        }
    }

    fn run(&mut self, root: NodeId) -> io::Result<()> {
        let n_waiting = self.tasks.len();
        self.tasks.push(Task::Value(root));
        while self.tasks.len() > n_waiting
            && let Some(task) = self.tasks.pop()
        {
            // A flag costs nothing beside a value, and a value may be long.
            go_on(self.objects.look)?;
            match task {
                Task::Value(node) => {
                    self.n_values += 1;
                    if self.n_values > self.max_values {
                        return Err(io::Error::other(format!(
                            "written out, the parts that it shares are more than {} values",
                            self.max_values
                        )));
                    }
                    self.value(node)?;
                }
                Task::Rest(node, number) => self.rest(node, number)?,
            }
        }
        Ok(())
    }

    fn is_dict(&self, node: NodeId) -> bool {
        self.objects.value.kind(node) == Kind::Dict
    }

    fn value(&mut self, node: NodeId) -> io::Result<()> {
        match self.objects.value.kind(node) {
            Kind::None | Kind::Missing => self.out.write_all(b"null"),
            Kind::Bool => plain(self.out, &(node == NodeId::TRUE)),
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet | Kind::Dict => {
                if !self.open.insert(node) {
                    return Err(io::Error::other(HOLDS_ITSELF));
                }
                self.out
                    .write_all(if self.is_dict(node) { b"{" } else { b"[" })?;
                self.rest(node, 0)
            }
            Kind::Int | Kind::Float | Kind::Str | Kind::Bytes | Kind::ByteArray => self.leaf(node),
            _ => self.object(node),
        }
    }

    /// Bytes, arrays and tables as such, all other objects as Python prints them.
    fn object(&mut self, node: NodeId) -> io::Result<()> {
        let Objects { value, content, .. } = self.objects;
        if let Some(blob) = bytes_of(value, node).filter(|blob| !blob.is_cut()) {
            return plain(self.out, &BASE64_STANDARD.encode(blob.bytes));
        }
        let array = self.objects.array(node)?;
        let table = match &array {
            Some(_) => None,
            None => TableHandle::of(value, node, content),
        };
        if array.is_none() && table.is_none() {
            return plain(self.out, &self.objects.repr(node)?);
        }
        if !self.open.insert(node) {
            return Err(io::Error::other(HOLDS_ITSELF));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(io::Error::other("it has arrays inside of arrays, too deep"));
        }
        match (array, table) {
            (Some(array), _) => self.array(&array)?,
            (None, Some(table)) => self.table(&table)?,
            (None, None) => {}
        }
        self.depth -= 1;
        self.open.remove(&node);
        Ok(())
    }

    fn rest(&mut self, node: NodeId, number: usize) -> io::Result<()> {
        let n = self.objects.value.n_items(node);
        let is_dict = self.is_dict(node);
        if number >= if is_dict { n / 2 } else { n } {
            self.open.remove(&node);
            return self.out.write_all(if is_dict { b"}" } else { b"]" });
        }
        if number > 0 {
            self.out.write_all(b",")?;
        }
        let child = if is_dict {
            let key = self.objects.value.item(node, 2 * number);
            self.key(key.unwrap_or(NodeId::MISSING))?;
            self.out.write_all(b":")?;
            self.objects.value.item(node, 2 * number + 1)
        } else {
            self.objects.value.item(node, number)
        };
        self.tasks.push(Task::Rest(node, number + 1));
        self.tasks
            .push(Task::Value(child.unwrap_or(NodeId::MISSING)));
        Ok(())
    }

    /// Keys are text; those of other types as Python prints them.
    fn key(&mut self, key: NodeId) -> io::Result<()> {
        match self.objects.value.leaf(key) {
            Some(Leaf::Str(_) | Leaf::Python2Str(_)) => self.leaf(key),
            _ => plain(self.out, &self.objects.repr(key)?),
        }
    }

    fn leaf(&mut self, node: NodeId) -> io::Result<()> {
        match self.objects.value.leaf(node) {
            Some(Leaf::Int(Integer::Small(int))) => plain(self.out, &int),
            // JSON's numbers have no bounds; Python reads them all.
            Some(Leaf::Int(_)) => self.out.write_all(self.objects.repr(node)?.as_bytes()),
            Some(Leaf::Float(float)) => plain(self.out, &Element::Float(float)),
            Some(Leaf::Str(blob) | Leaf::Python2Str(blob)) => {
                let bytes = self.texts.whole(&blob)?;
                plain(self.out, &crate::model::text::from_bytes(&bytes))
            }
            Some(Leaf::Bytes(blob) | Leaf::ByteArray(blob)) => {
                let bytes = self.texts.whole(&blob)?;
                plain(self.out, &BASE64_STANDARD.encode(bytes))
            }
            None => self.out.write_all(b"null"),
        }
    }
}

/// As `tolist` gives an array without elements, down to the axis that has none.
fn empty(shape: &[u64]) -> io::Result<String> {
    let outer: Vec<u64> = shape.iter().copied().take_while(|axis| *axis > 0).collect();
    let n_empty = outer.iter().fold(1_u64, |n, axis| n.saturating_mul(*axis));
    if n_empty > ELEMENTS {
        return Err(io::Error::other(
            "the array is empty and its shape too large",
        ));
    }
    Ok(outer.iter().rev().fold("[]".to_owned(), |inner, axis| {
        let parts = vec![inner; usize::try_from(*axis).unwrap_or(0)];
        format!("[{}]", parts.join(","))
    }))
}
