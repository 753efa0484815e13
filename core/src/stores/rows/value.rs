//! What a row holds, for the decoders: one cell as it is, or the whole row as a dict.

use std::sync::Arc;

use super::RowTable;
use crate::Result;
use crate::formats::Carrier;
use crate::formats::pickle::emit::{self, Pickler};
use crate::model::Cancel;
use crate::source::{MemoryReader, ReadAt};
use crate::sqlite::{self, Cell, Database, Held, RowAt};
use crate::stores::{NativeKey, Store, ValueReader};

/// One cell is a key of its own type, several are a tuple.
pub(super) fn native_key_of(mut cells: Vec<Cell>) -> NativeKey {
    if cells.len() == 1
        && let Some(key) = cells.pop().and_then(NativeKey::of_cell)
    {
        return key;
    }
    NativeKey::Pickled(emit::whole(|out| {
        out.extend(emit::MARK);
        for cell in &cells {
            push_cell(cell, out);
        }
        out.extend(emit::TUPLE);
    }))
}

/// Wraps what a cell holds for the decoders: a blob, and text where blobs may be anything, as these carriers say.
pub(super) fn reader(held: Held, [blob, text]: [Carrier; 2], store: &Store) -> ValueReader {
    let empty = || -> Arc<dyn ReadAt> { Arc::new(MemoryReader::new(Vec::new())) };
    let (bytes, carrier) = match held {
        Held::Plain(Cell::Integer(n)) => (empty(), Carrier::Int(n)),
        Held::Plain(Cell::Real(x)) => (empty(), Carrier::Float(x)),
        Held::Plain(_) => (empty(), Carrier::Null),
        Held::Text(bytes)
            if matches!(
                blob,
                Carrier::Base64Pickle | Carrier::Json | Carrier::Response
            ) =>
        {
            (bytes, blob)
        }
        Held::Text(bytes) if blob == Carrier::Unknown => (bytes, text),
        Held::Text(bytes) => (bytes, Carrier::Text),
        Held::Blob(bytes) => (bytes, blob),
    };
    ValueReader::new(bytes, carrier, store.info.path.clone())
}

/// Every column of one row.
pub(super) fn cells_of(database: &Database, table: &RowTable, at: &RowAt) -> Result<Vec<Cell>> {
    let columns: Vec<String> = (0..table.table.columns.len())
        .map(|c| table.table.quoted(c))
        .collect();
    let found = database.read(&Cancel::default(), |view| {
        sqlite::row_of(
            view.connection,
            &table.table,
            at,
            &columns.join(", "),
            |row| {
                (0..columns.len())
                    .map(|c| row.get_ref(c).map(Cell::from))
                    .collect::<rusqlite::Result<Vec<Cell>>>()
            },
        )
    })?;
    found.ok_or_else(|| sqlite::gone(database, &table.table))
}

/// One row as a pickled dict of its columns, so that it is shown, searched and saved as any other dict.
pub(super) fn whole_row(database: &Database, table: &RowTable, at: &RowAt) -> Result<Vec<u8>> {
    let cells = cells_of(database, table, at)?;
    let mut pickle = Pickler::new();
    pickle.begin_dict();
    for (column, cell) in table.table.columns.iter().zip(cells) {
        pickle.str(&column.name);
        match cell {
            Cell::Null => pickle.none(),
            Cell::Integer(n) => pickle.int(n),
            Cell::Real(x) => pickle.float(x),
            Cell::Text(bytes) => pickle.str_or_bytes(&bytes),
            Cell::Blob(bytes) => pickle.bytes(&bytes),
        }
    }
    pickle.end_dict();
    Ok(pickle.finish())
}

/// Appends a cell as Python's `sqlite3` would hand it out; text that is not valid as bytes.
fn push_cell(cell: &Cell, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => emit::none(out),
        Cell::Integer(n) => emit::int(*n, out),
        Cell::Real(x) => emit::float(*x, out),
        Cell::Text(bytes) if std::str::from_utf8(bytes).is_ok() => emit::text(bytes, out),
        Cell::Text(bytes) | Cell::Blob(bytes) => emit::bytes(bytes, out),
    }
}
