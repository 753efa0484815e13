//! `dbm.sqlite3` of Python 3.13 and later, and shelves on it: one table `Dict` of keys and values.
//!
//! `Lib/dbm/sqlite3.py: BUILD_TABLE`, CPython 3.13.

use super::python::Script;
use super::rows::{KeyForm, RowKind, RowStore, RowTable, ValueForm};
use super::{Confidence, NativeKey, Store};
use crate::formats::Carrier;
use crate::model::Group;
use crate::sqlite::{Failure, Shape, View, describe};

pub(super) static DBM_SQLITE: RowStore<Dbm> = RowStore(Dbm);

/// A dbm in a database.
pub(super) struct Dbm;

const TABLE: &str = "Dict";

impl RowKind for Dbm {
    const KIND: &'static [&'static str] = &["dbm-sqlite3"];

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let table = shape.table(TABLE, &["key", "value"])?;
        let is_blob = |c: &crate::sqlite::Column| c.declared.eq_ignore_ascii_case("blob");
        let is_ours = shape.n_tables == 1
            && table.columns.len() == 2
            && table.columns.iter().all(is_blob)
            && table.primary_key.is_empty();
        is_ours.then(|| {
            (
                Confidence::Certain,
                Some("Python 3.13 or later, dbm.sqlite3".to_owned()),
            )
        })
    }

    fn python(
        &self,
        store: &Store,
        _table: &RowTable,
        key: &NativeKey,
        codec: &[String],
    ) -> Option<String> {
        let NativeKey::Untyped(key) = key else {
            return None;
        };
        Script::dbm("dbm.sqlite3", &store.info.path, key, codec)
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let table = describe(view.connection, TABLE)?;
        let (Some(key), Some(value)) = (table.column("key"), table.column("value")) else {
            return Ok(Vec::new());
        };
        Ok(vec![RowTable {
            group: Group::named(""),
            key: KeyForm::Bytes(key),
            value: ValueForm::Column(value, Carrier::Unknown),
            ..RowTable::plain(table)
        }])
    }
}
