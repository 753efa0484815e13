//! `requests-cache` on SQLite: responses by key, redirects from other keys to them.
//!
//! `requests_cache/backends/sqlite.py`, checked with 0.5.2 and 1.3.3. A redirect is no entry.

use std::borrow::Cow;
use std::sync::Arc;

use super::http::Response;
use super::python::{Script, path_literal};
use super::rows::{KeyForm, RowKind, RowStore, RowTable, TimeForm, ValueForm};
use super::{Confidence, Dependent, Expiry, LibraryPolicy, NativeKey, Store, ValueTimes};
use crate::formats::{Carrier, Preview};
use crate::model::Group;
use crate::sqlite::{Failure, Shape, View, describe, table_names};

pub(super) static REQUESTS_CACHE: RowStore<RequestsCache> = RowStore(RequestsCache);

/// Responses of web servers.
pub(super) struct RequestsCache;

const TABLE: &str = "responses";
/// Redirects hold the key of the response that they lead to; before 0.6 they were called urls.
const REDIRECTS: [&str; 2] = ["redirects", "urls"];

/// `SQLiteCache._delete_expired`: `expires <= round(time())`.
pub(super) const EXPIRED: LibraryPolicy = LibraryPolicy {
    name: "requests-cache:expired",
    about: "what cache.delete(expired=True) would delete: all that is past its time",
    takes: &[],
    has_binary_sizes: false,
};

impl RowKind for RequestsCache {
    const KIND: &'static [&'static str] = &["requests-cache"];

    const POLICIES: &'static [LibraryPolicy] = &[EXPIRED];

    const HIDES_SECRETS: bool = true;

    const KEEPS_EXPIRY: bool = true;
    const KNOWS_VALUES: bool = true;

    fn facts(&self, preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        Response::of(preview).facts()
    }

    fn glance(&self, preview: &Preview) -> Option<String> {
        Response::of(preview).line()
    }

    fn times(&self, preview: &Preview) -> ValueTimes {
        Response::of(preview).times()
    }

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let responses = shape.table(TABLE, &["key", "value"])?;
        let writer = if responses.column("expires").is_some() {
            shape.table("redirects", &["key", "value"])?;
            "requests-cache 1.0 or later"
        } else {
            REDIRECTS
                .iter()
                .find_map(|t| shape.table(t, &["key", "value"]))?;
            "requests-cache before 1.0, or aiohttp-client-cache"
        };
        Some((Confidence::Certain, Some(writer.to_owned())))
    }

    /// From 1.0 on the library puts a response together from more than the pickle holds.
    fn python(
        &self,
        store: &Store,
        table: &RowTable,
        key: &NativeKey,
        codec: &[String],
    ) -> Option<String> {
        let path = &store.info.path;
        // The library gives a name without an ending one of its own.
        if !table.table.has(&["expires"]) || path.extension().is_none() {
            return None;
        }
        let mut script = Script::new(&["requests_cache"]);
        let key = script.key(key)?;
        let serializer = match codec.last().map(String::as_str) {
            Some("json") => ", serializer='json'",
            Some("text" | "yaml") => ", serializer='yaml'",
            Some(word) if word.starts_with("pickle") => "",
            _ => return None,
        };
        let file = path_literal(path);
        script.line(&format!(
            "cache = requests_cache.SQLiteCache({file}{serializer})"
        ));
        script.line(&format!("value = cache.responses[{key}]"));
        script.line("cache.close()");
        Some(script.finish())
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let table = describe(view.connection, TABLE)?;
        let (Some(key), Some(value)) = (table.column("key"), table.column("value")) else {
            return Ok(Vec::new());
        };
        let mut dependents = Vec::new();
        for name in table_names(view.connection)? {
            let is_redirects = REDIRECTS.iter().any(|r| name.eq_ignore_ascii_case(r));
            let redirects = describe(view.connection, &name)?;
            if let (true, Some(column)) = (is_redirects, redirects.column("value")) {
                dependents.push(Dependent {
                    table: Arc::new(redirects),
                    column,
                    of: key,
                    words: ("redirect that leads", "redirects that lead"),
                });
            }
        }
        Ok(vec![RowTable {
            group: Group::named(""),
            key: KeyForm::Columns(vec![key]),
            value: ValueForm::Column(value, Carrier::Response),
            // When a response was stored stands in the value alone. So does from 0.6 to 0.9 its expiry; before, only
            // the program knows it.
            has_times_in_values: true,
            expires: table.column("expires").map(|c| (c, TimeForm::UnixSeconds)),
            keeps: table.column("expires").map(|column| Expiry {
                column,
                form: TimeForm::UnixSeconds,
                note: Some(
                    "requests-cache removes expired responses by this time; a session goes by the time inside \
                     the response, which stays as it is",
                ),
            }),
            dependents,
            ..RowTable::plain(table)
        }])
    }
}
