//! `LangChain`'s cache of model answers: one row per prompt, model and number of the answer.
//!
//! `langchain_community/cache.py: FullLLMCache, FullMd5LLMCache`, checked with langchain-community 0.4.2.

use super::Confidence;
use super::rows::{KeyForm, RowKind, RowStore, RowTable, ValueForm};
use crate::formats::Carrier;
use crate::model::Group;
use crate::sqlite::{Failure, Shape, View, describe, table_names};

pub(super) static LANGCHAIN: RowStore<LangChain> = RowStore(LangChain);

/// Answers of language models.
pub(super) struct LangChain;

/// The table of `SQLiteCache`, and the one that looks prompts up by their MD5.
const TABLES: [&str; 2] = ["full_llm_cache", "full_md5_llm_cache"];
const KEY: [&str; 3] = ["prompt", "llm", "idx"];
const VALUE: &str = "response";

impl RowKind for LangChain {
    const KIND: &'static [&'static str] = &["langchain"];

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let has_one = TABLES.iter().any(|name| {
            let table = shape.table(name, &KEY);
            table.is_some_and(|table| table.has(&[VALUE]))
        });
        has_one.then(|| (Confidence::Certain, Some("LangChain".to_owned())))
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let mut tables = Vec::new();
        for name in table_names(view.connection)? {
            if !TABLES.contains(&&*name) {
                continue;
            }
            let table = describe(view.connection, &name)?;
            let keys: Vec<usize> = KEY.iter().filter_map(|c| table.column(c)).collect();
            if let (Some(value), true) = (table.column(VALUE), keys.len() == KEY.len()) {
                tables.push(RowTable {
                    group: Group::named(if name == "full_llm_cache" { "" } else { &name }),
                    key: KeyForm::Columns(keys),
                    // Before 0.0.200 or so an answer was its bare text.
                    value: ValueForm::Column(value, Carrier::Json),
                    ..RowTable::plain(table)
                });
            }
        }
        Ok(tables)
    }
}
