//! Tables, arrays of up to two axes and lists of rows as CSV. Text that a spreadsheet would take for a formula gets a
//! quote before it.

use std::io::{self, Write};

use super::{SaveAs, unfit};
use crate::error::Result;
use crate::formats::Element;
use crate::formats::numpy::{Look, element_of};
use crate::formats::preview::{ArrayHandle, Preview, TableHandle};
use crate::model::Kind;
use crate::model::value::{NodeId, Value};

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
) -> Result<io::Result<bool>> {
    let mut rows = Rows(::csv::WriterBuilder::new().flexible(true).from_writer(out));
    if let Some(table) = &preview.table_handle {
        return Ok(table_rows(table, look, &mut rows));
    }
    if let Some(array) = &preview.array_handle {
        return if array.view.shape.len() <= 2 {
            Ok(array_rows(array, look, &mut rows))
        } else {
            Err(unfit(SaveAs::Csv, "the array has more than two axes"))
        };
    }
    let (value, root) = (&preview.value, preview.node);
    match value.kind(root) {
        Kind::List | Kind::Tuple => Ok(list_rows(value, root, look, &mut rows)),
        Kind::Dict => Ok(dict_rows(value, root, look, &mut rows)),
        _ => Err(unfit(
            SaveAs::Csv,
            "it holds rows, and this is no table, array, list or dict",
        )),
    }
}

struct Rows<'w>(::csv::Writer<&'w mut dyn Write>);

impl Rows<'_> {
    fn row<'e>(&mut self, cells: impl IntoIterator<Item = &'e Element>) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(text(cell)).map_err(io::Error::other)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(io::Error::other)
    }

    fn finish(&mut self) -> io::Result<bool> {
        self.0.flush()?;
        Ok(true)
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

fn header(names: impl IntoIterator<Item = String>) -> Vec<Element> {
    names.into_iter().map(Element::Text).collect()
}

fn table_rows(table: &TableHandle, look: &Look<'_>, rows: &mut Rows<'_>) -> io::Result<bool> {
    let frame = &table.frame;
    if frame.is_beyond_saving() {
        return Err(io::Error::other(
            "the table is too wide, or claims too many rows",
        ));
    }
    let names = std::iter::once(String::new()).chain(frame.columns.iter().cloned());
    rows.row(&header(names))?;
    let n = (CELLS / (frame.columns.len() as u64).max(1)).max(1);
    let mut at = 0;
    while at < frame.n_rows {
        if (look.is_cancelled)() {
            return Ok(false);
        }
        let range = at..at.saturating_add(n).min(frame.n_rows);
        let labels = table.labels(range.clone(), *look)?;
        let cells = table.rows(range.clone(), 0..frame.columns.len(), *look)?;
        for (label, cells) in labels.iter().zip(&cells) {
            rows.row(std::iter::once(label).chain(cells))?;
        }
        at = range.end;
    }
    rows.finish()
}

fn array_rows(array: &ArrayHandle, look: &Look<'_>, rows: &mut Rows<'_>) -> io::Result<bool> {
    let fields = &array.view.dtype.fields;
    if !fields.is_empty() && array.view.shape.len() < 2 {
        rows.row(&header(fields.iter().map(|field| field.name.clone())))?;
    }
    let n_rows = array.view.shape.first().copied().unwrap_or(1);
    let width = array.view.shape.get(1).copied().unwrap_or(1);
    if width == 0 {
        return rows.finish();
    }
    let n = (CELLS / width).max(1);
    let mut at = 0;
    while at < n_rows {
        let range = at..at.saturating_add(n).min(n_rows);
        let Some(slice) = array.slice(std::slice::from_ref(&range), look)? else {
            return Ok(false);
        };
        for row in slice.elements.chunks(usize::try_from(width).unwrap_or(1)) {
            match row {
                [Element::List(parts)] if !fields.is_empty() => rows.row(parts)?,
                _ => rows.row(row)?,
            }
        }
        at = range.end;
    }
    rows.finish()
}

fn list_rows(
    value: &Value,
    list: NodeId,
    look: &Look<'_>,
    rows: &mut Rows<'_>,
) -> io::Result<bool> {
    for (number, item) in value.items(list).enumerate() {
        if number % 4096 == 0 && (look.is_cancelled)() {
            return Ok(false);
        }
        let cells = match value.kind(item) {
            Kind::List | Kind::Tuple => value.items(item).map(|n| element_of(value, n)).collect(),
            _ => vec![element_of(value, item)],
        };
        rows.row(&cells)?;
    }
    rows.finish()
}

fn dict_rows(
    value: &Value,
    dict: NodeId,
    look: &Look<'_>,
    rows: &mut Rows<'_>,
) -> io::Result<bool> {
    rows.row(&header(["key".to_owned(), "value".to_owned()]))?;
    for (number, (key, item)) in value.pairs(dict).enumerate() {
        if number % 4096 == 0 && (look.is_cancelled)() {
            return Ok(false);
        }
        rows.row(&[element_of(value, key), element_of(value, item)])?;
    }
    rows.finish()
}
