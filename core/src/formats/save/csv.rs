//! Tables, arrays of up to two axes and lists of rows as CSV. Text that a spreadsheet would take for a formula gets a
//! quote before it.

use std::io::{self, Write};
use std::ops::Range;
use std::slice;

use super::batches::{go_on, in_batches};
use super::objects::{Objects, Texts};
use super::{SaveAs, unfit};
use crate::error::Result;
use crate::formats::Element;
use crate::formats::numpy::{Batch, Look};
use crate::formats::preview::{ArrayHandle, Preview, TableHandle};
use crate::model::Kind;
use crate::model::value::NodeId;

/// Cells that are read at once.
const CELLS: u64 = 1 << 16;

/// True for tables, arrays of up to two axes, lists and dicts.
pub(super) fn fits(preview: &Preview) -> bool {
    match (&preview.table_handle, &preview.array_handle) {
        (Some(_), _) => true,
        (None, Some(array)) => array.view.shape.len() <= 2,
        (None, None) => matches!(
            preview.value.kind(preview.node),
            Kind::List | Kind::Tuple | Kind::Dict
        ),
    }
}

pub(super) fn save(
    preview: &Preview,
    look: &Look<'_>,
    out: &mut dyn Write,
) -> Result<io::Result<()>> {
    let objects = Objects::of(preview, look);
    let mut rows = Rows {
        out: ::csv::WriterBuilder::new().flexible(true).from_writer(out),
        objects,
        texts: Texts::new(objects.content),
    };
    if let Some(table) = &preview.table_handle {
        return Ok(rows.table(table));
    }
    if let Some(array) = &preview.array_handle {
        return if array.view.shape.len() <= 2 {
            Ok(rows.array(array))
        } else {
            Err(unfit(SaveAs::Csv, "the array has more than two axes"))
        };
    }
    let root = preview.node;
    match preview.value.kind(root) {
        Kind::List | Kind::Tuple => Ok(rows.list(root)),
        Kind::Dict => Ok(rows.dict(root)),
        _ => Err(unfit(
            SaveAs::Csv,
            "it holds rows, and this is no table, array, list or dict",
        )),
    }
}

struct Rows<'a, 'w> {
    out: ::csv::Writer<&'w mut dyn Write>,
    objects: Objects<'a>,
    texts: Texts<'a>,
}

impl Rows<'_, '_> {
    fn row<'e>(&mut self, cells: impl IntoIterator<Item = &'e Element>) -> io::Result<()> {
        for cell in cells {
            let text = match cell {
                Element::Object(_) | Element::List(_) => text(&self.whole(cell)?),
                _ => text(cell),
            };
            self.out.write_field(text).map_err(io::Error::other)?;
        }
        self.out
            .write_record(None::<&[u8]>)
            .map_err(io::Error::other)
    }

    /// The element with what was left of it. Lists nest no deeper than types do.
    fn whole(&mut self, element: &Element) -> io::Result<Element> {
        match element {
            Element::Object(node) => self.objects.cell(*node, &mut self.texts),
            Element::List(list) => {
                let list = list.iter().map(|element| self.whole(element));
                Ok(Element::List(list.collect::<io::Result<_>>()?))
            }
            _ => Ok(element.clone()),
        }
    }

    fn header(&mut self, names: impl IntoIterator<Item = String>) -> io::Result<()> {
        let names: Vec<Element> = names.into_iter().map(Element::Text).collect();
        self.row(&names)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn table(&mut self, table: &TableHandle) -> io::Result<()> {
        let frame = &table.frame;
        if frame.is_beyond_saving() {
            return Err(io::Error::other(
                "the table is too wide, or claims too many rows",
            ));
        }
        let names = std::iter::once(String::new()).chain(frame.columns.iter().cloned());
        self.header(names)?;
        let columns = 0..frame.columns.len();
        let most = CELLS / (frame.columns.len() as u64).max(1);
        let read = |rows: Range<u64>, look: Look<'_>| {
            let labels = table.labels(rows.clone(), look)?;
            Ok((labels, table.rows(rows, columns.clone(), look)?))
        };
        let look = self.objects.look;
        in_batches(frame.n_rows, most, look, read, |_, (labels, cells)| {
            for (label, cells) in labels.iter().zip(&cells) {
                self.row(std::iter::once(label).chain(cells))?;
            }
            Ok(())
        })?;
        self.finish()
    }

    fn array(&mut self, array: &ArrayHandle) -> io::Result<()> {
        let fields = &array.view.dtype.fields;
        if !fields.is_empty() && array.view.shape.len() < 2 {
            self.header(fields.iter().map(|field| field.name.clone()))?;
        }
        let n_rows = array.view.shape.first().copied().unwrap_or(1);
        let width = array.view.shape.get(1).copied().unwrap_or(1);
        if width == 0 {
            return self.finish();
        }
        let read = |rows: Range<u64>, look: Look<'_>| {
            let slice = array.slice(slice::from_ref(&rows), &look)?;
            slice.ok_or_else(|| io::Error::other("it was cancelled"))
        };
        let look = self.objects.look;
        in_batches(n_rows, CELLS / width, look, read, |_, slice| {
            for row in slice.elements.chunks(usize::try_from(width).unwrap_or(1)) {
                match row {
                    [Element::List(parts)] if !fields.is_empty() => self.row(parts)?,
                    _ => self.row(row)?,
                }
            }
            Ok(())
        })?;
        self.finish()
    }

    fn list(&mut self, list: NodeId) -> io::Result<()> {
        let value = self.objects.value;
        for (number, item) in value.items(list).enumerate() {
            if number % 4096 == 0 {
                go_on(self.objects.look)?;
            }
            let cells: Vec<Element> = match value.kind(item) {
                Kind::List | Kind::Tuple => value.items(item).map(|n| self.element(n)).collect(),
                _ => vec![self.element(item)],
            };
            self.row(&cells)?;
        }
        self.finish()
    }

    fn dict(&mut self, dict: NodeId) -> io::Result<()> {
        self.header(["key".to_owned(), "value".to_owned()])?;
        let value = self.objects.value;
        for (number, (key, item)) in value.pairs(dict).enumerate() {
            if number % 4096 == 0 {
                go_on(self.objects.look)?;
            }
            self.row(&[self.element(key), self.element(item)])?;
        }
        self.finish()
    }

    /// Objects are left for [`Self::row`], which writes them whole.
    fn element(&self, node: NodeId) -> Element {
        let look = Look {
            batch: Some(&Batch::new()),
            ..*self.objects.look
        };
        look.object(self.objects.value, node)
    }
}

/// A cell; nothing for what is missing.
fn text(cell: &Element) -> String {
    match cell {
        Element::Null | Element::None => String::new(),
        Element::Text(text) | Element::Repr(text) => neutral(text),
        Element::List(_) | Element::Complex(..) => neutral(&cell.text()),
        _ => cell.text(),
    }
}

/// Text that begins as formulas do is marked as text (OWASP, "CSV injection"); a NUL, with which Python's own `csv` reads
/// no file before 3.11, is spelled out.
fn neutral(text: &str) -> String {
    let text = text.replace('\0', r"\x00");
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}
