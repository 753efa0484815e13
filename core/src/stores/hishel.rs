//! hishel on SQLite: 0.x keeps one table of serialised responses, 1.x and 2.x entries and their bodies in pieces.
//!
//! `hishel/_sync/_storages.py` (0.1.5) and `hishel/_core/_storages/_sync_sqlite.py` (1.1.10, 2.0.0).

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::types::ValueRef;

use super::http::Response;
use super::rows::{Incomplete, KeyForm, RowKind, RowStore, RowTable, TimeForm, ValueForm};
use super::{Confidence, Dependent};
use crate::formats::{Carrier, Preview, plain};
use crate::model::{Cancel, Group};
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
/// 1.x leaves a response alone so long before it takes it for a torn one (`_sync_sqlite.py`).
const WRITTEN_SECS: f64 = 3600.0;

/// Entries that lack a part of their bodies.
struct Torn {
    /// A column of theirs, without which the SQL means nothing.
    column: &'static str,
    sql: &'static str,
    evidence: &'static str,
}

/// `_sync_sqlite.py: _is_corrupted` (1.1.10).
const TORN_1: Torn = Torn {
    column: "deleted_at",
    sql: "NOT EXISTS (SELECT 1 FROM streams WHERE entry_id = entries.id AND chunk_number = -1)",
    evidence: "the end of its body is missing: hishel deletes it at its next clean-up",
};
/// `_sync_sqlite.py: _stream_from_cache` (2.0.0); without a count it is still being written.
const TORN_2: Torn = Torn {
    column: "chunk_count",
    sql: "chunk_count <> (SELECT count(*) FROM streams WHERE entry_id = entries.id)",
    evidence: "pieces of its body are missing: hishel fails when it reads it",
};

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
        let (left_over, incomplete) = if entries.has(&["expires_at"]) {
            // 0.0 hides what was removed, or is still being written, from every lookup (`_sync_sqlite.py: HIDDEN`).
            ("expires_at = 0.0", TORN_2)
        } else {
            ("deleted_at IS NOT NULL", TORN_1)
        };
        let incomplete = entries.has(&[incomplete.column]).then(|| Incomplete {
            sql: format!(
                "ifnull(NOT ifnull({left_over}, 0) AND {}, 0)",
                incomplete.sql
            ),
            evidence: incomplete.evidence,
            settled_secs: WRITTEN_SECS,
        });
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
            incomplete,
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

#[cfg(test)]
mod tests {
    use super::super::rows::tests::checked;
    use crate::model::Condition;

    /// The conditions alone.
    fn conditions(fixture: &str, sql: &str, now: i64) -> Vec<Condition> {
        let found = checked(fixture, sql, now);
        found.into_iter().map(|(condition, _)| condition).collect()
    }

    /// Readers that stop early leave a body without its end (1.x), and rows of pieces may be lost (2.x).
    #[test]
    fn a_body_that_is_cut_off_is_told() {
        use Condition::{Fresh, Incomplete, Orphan};
        let later = 1_900_000_000;
        for (fixture, cut) in [
            (
                "hishel-1.1/cache.db",
                "DELETE FROM streams WHERE chunk_number = -1 AND entry_id IN (SELECT id FROM entries \
                 WHERE deleted_at IS NOT NULL OR id = (SELECT max(id) FROM entries WHERE deleted_at IS NULL))",
            ),
            (
                "hishel-2.0/cache.db",
                "DELETE FROM streams WHERE chunk_number = 0 AND entry_id IN (SELECT id FROM entries \
                 WHERE expires_at = 0.0 OR id = (SELECT max(id) FROM entries WHERE expires_at IS NULL))",
            ),
        ] {
            let whole = conditions(fixture, "", later);
            assert_eq!(whole, [Orphan, Fresh, Fresh, Fresh, Fresh], "{fixture}");
            // Of what was removed nothing is missed.
            let torn = conditions(fixture, cut, later);
            assert_eq!(torn, [Incomplete, Orphan, Fresh, Fresh, Fresh], "{fixture}");
        }
    }

    #[test]
    fn a_body_that_may_be_being_written_is_no_torn_one() {
        let sql = "DELETE FROM streams WHERE chunk_number = -1; UPDATE entries SET created_at = 1800000000.0, \
                   deleted_at = NULL";
        let found = checked("hishel-1.1/cache.db", sql, 1_800_000_060);
        assert!(
            found
                .iter()
                .all(|(c, said)| *c == Condition::Fresh && said.contains("no end yet")),
            "{found:?}"
        );
        let found = checked("hishel-1.1/cache.db", sql, 1_800_003_600);
        assert!(
            found.iter().all(|(c, _)| *c == Condition::Incomplete),
            "{found:?}"
        );
    }
}
