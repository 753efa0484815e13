//! `requests-cache` on SQLite: responses by key, redirects from other keys to them.
//!
//! `requests_cache/backends/sqlite.py`, checked with 0.5.2 and 1.3.3. A redirect is no entry.

use super::Confidence;
use super::rows::{KeyForm, RowKind, RowStore, RowTable, TimeForm, ValueForm};
use crate::formats::Carrier;
use crate::model::Group;
use crate::sqlite::{Failure, Shape, View, describe};

pub(super) static REQUESTS_CACHE: RowStore<RequestsCache> = RowStore(RequestsCache);

/// Responses of web servers.
pub(super) struct RequestsCache;

const TABLE: &str = "responses";

impl RowKind for RequestsCache {
    const KIND: &'static [&'static str] = &["requests-cache"];

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let responses = shape.table(TABLE, &["key", "value"])?;
        let writer = if responses.column("expires").is_some() {
            shape.table("redirects", &["key", "value"])?;
            "requests-cache 1.0 or later"
        } else {
            // Before 0.6 the redirects were called urls.
            let redirects = ["redirects", "urls"];
            redirects
                .iter()
                .find_map(|t| shape.table(t, &["key", "value"]))?;
            "requests-cache before 1.0"
        };
        Some((Confidence::Certain, Some(writer.to_owned())))
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let table = describe(view.connection, TABLE)?;
        let (Some(key), Some(value)) = (table.column("key"), table.column("value")) else {
            return Ok(Vec::new());
        };
        Ok(vec![RowTable {
            group: Group::named(""),
            key: KeyForm::Columns(vec![key]),
            value: ValueForm::Column(value, Carrier::Unknown),
            expires: table.column("expires").map(|c| (c, TimeForm::UnixSeconds)),
            ..RowTable::plain(table)
        }])
    }
}
