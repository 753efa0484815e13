//! hishel on SQLite: 0.x keeps one table of serialised responses, 1.x and 2.x entries and their bodies in pieces.
//!
//! `hishel/_sync/_storages.py` (0.1.5) and `hishel/_core/_storages/_sync_sqlite.py` (1.1.10, 2.0.0).

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::types::ValueRef;

use super::http::Response;
use super::rows::{KeyForm, RowKind, RowStore, RowTable, TimeForm, ValueForm};
use super::{Confidence, Dependent};
use crate::formats::{Carrier, Preview, plain};
use crate::model::Group;
use crate::scan::Cancel;
use crate::sqlite::{Cell, Database, Failure, RowAt, Shape, Table, View, describe, row_of};
use crate::{Error, Result};

pub(super) static HISHEL: RowStore<Hishel> = RowStore(Hishel);

/// Responses of web servers.
pub(super) struct Hishel;

const ENTRIES: &str = "entries";
const STREAMS_TABLE: &str = "streams";
const STREAMS: [&str; 3] = ["entry_id", "chunk_number", "chunk_data"];
/// The one table of 0.x, which others may call so as well: its columns and their types are compared.
const CACHE_SQL: &str = "CREATE TABLE cache(key TEXT, data BLOB, date_created REAL)";
/// Bytes of a body that are read to show it.
const BODY_BYTES: usize = 16 << 20;
/// Marks the end of a body in 1.x.
const END_OF_BODY: i64 = -1;

impl RowKind for Hishel {
    const KIND: &'static [&'static str] = &["hishel"];

    const HIDES_SECRETS: bool = true;

    const KNOWS_VALUES: bool = true;

    fn facts(&self, preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        Response::of(preview).facts()
    }

    fn glance(&self, preview: &Preview) -> Option<String> {
        Response::of(preview).line()
    }

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let writer = if shape.tables.iter().any(|(_, sql)| sql == CACHE_SQL) {
            "hishel 0.x"
        } else {
            shape.table(STREAMS_TABLE, &STREAMS)?;
            let entries = shape.table(ENTRIES, &["id", "cache_key", "data"])?;
            match (entries.has(&["expires_at"]), entries.has(&["deleted_at"])) {
                (true, _) => "hishel 2.0 or later",
                (false, true) => "hishel 1.x",
                (false, false) => return None,
            }
        };
        Some((Confidence::Certain, Some(writer.to_owned())))
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let entries = describe(view.connection, ENTRIES)?;
        if entries.columns.is_empty() {
            return Ok(oldest(describe(view.connection, "cache")?)
                .into_iter()
                .collect());
        }
        let (Some(id), Some(data)) = (entries.column("id"), entries.column("data")) else {
            return Ok(Vec::new());
        };
        let seconds = |name: &str| entries.column(name).map(|at| (at, TimeForm::UnixSeconds));
        let left_over = if entries.has(&["expires_at"]) {
            // 0.0 hides what was removed, or is still being written.
            "expires_at = 0.0"
        } else {
            "deleted_at IS NOT NULL"
        };
        let streams = describe(view.connection, STREAMS_TABLE)?;
        let bodies = streams.column("entry_id").map(|column| Dependent {
            table: Arc::new(streams),
            column,
            of: id,
            words: (
                "piece of a body that belongs",
                "pieces of bodies that belong",
            ),
        });
        let touched = ["last_accessed_at", "expires_at"];
        let volatile = touched.iter().filter_map(|c| entries.column(c)).collect();
        Ok(vec![RowTable {
            group: Group::named(""),
            key: KeyForm::Columns(vec![id]),
            value: ValueForm::Column(data, Carrier::MessagePack),
            expires: seconds("expires_at"),
            created: seconds("created_at"),
            accessed: seconds("last_accessed_at"),
            // Responses that vary have one key; their id tells them apart.
            label: Some(format!(
                "CASE (SELECT count(*) FROM {ENTRIES} o WHERE o.cache_key = {ENTRIES}.cache_key) \
                 WHEN 1 THEN CAST(cache_key AS TEXT) ELSE CAST(cache_key AS TEXT) || ' ' || {UUID} END"
            )),
            size: Some(format!(
                "octet_length(data) + (SELECT ifnull(sum(octet_length(chunk_data)), 0) \
                 FROM streams WHERE entry_id = {ENTRIES}.id)"
            )),
            left_over: Some(left_over.to_owned()),
            volatile,
            dependents: bodies.into_iter().collect(),
            ..RowTable::plain(entries)
        }])
    }

    fn assembled(
        &self,
        database: &Database,
        table: &RowTable,
        at: &RowAt,
    ) -> Result<Option<(Vec<u8>, &'static str)>> {
        if table.size.is_none() {
            return Ok(None);
        }
        let (data, body) = database.read(&Cancel::default(), |view| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok((
                    Cell::from(row.get_ref(0)?),
                    row.get_ref(1)?.as_bytes()?.to_vec(),
                ))
            };
            let Some((id, data)) = row_of(view.connection, &table.table, at, "id, data", read)?
            else {
                return Err(crate::sqlite::gone(database, &table.table).into());
            };
            Ok((data, body_of(view, &id)?))
        })?;
        let pickle = plain::from_message_pack_with(&data, "body", &body).map_err(|why| {
            let why = format!("expected MessagePack: {why}");
            Error::damaged("Cannot read the stored response", why).at(&database.path())
        })?;
        Ok(Some((pickle, "msgpack")))
    }
}

/// A UUID's sixteen bytes as people write them.
const UUID: &str = "lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || \
                    substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21))";

/// The pieces of a body in their order, as far as [`BODY_BYTES`].
fn body_of(view: &View<'_>, id: &Cell) -> Result<Vec<u8>, Failure> {
    let mut statement = view.connection.prepare_cached(
        "SELECT chunk_data FROM streams WHERE entry_id IS ?1 AND chunk_number > ?2 ORDER BY chunk_number",
    )?;
    let mut rows = statement.query((id, END_OF_BODY))?;
    let mut body = Vec::new();
    while let Some(row) = rows.next()? {
        if let ValueRef::Blob(piece) = row.get_ref(0)? {
            body.extend(piece);
        }
        if body.len() > BODY_BYTES {
            body.truncate(BODY_BYTES);
            break;
        }
    }
    Ok(body)
}

/// The table of hishel 0.x: its serializer is not recorded, each value shows it.
fn oldest(table: Table) -> Option<RowTable> {
    Some(RowTable {
        group: Group::named(""),
        key: KeyForm::Columns(vec![table.column("key")?]),
        value: ValueForm::Column(table.column("data")?, Carrier::Response),
        created: table
            .column("date_created")
            .map(|at| (at, TimeForm::UnixSeconds)),
        ..RowTable::plain(table)
    })
}
