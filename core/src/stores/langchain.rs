//! `LangChain`'s cache of model answers: one row per prompt, model and number of the answer.
//!
//! `langchain_community/cache.py: FullLLMCache, FullMd5LLMCache`, checked with langchain 0.0.40 and
//! langchain-community 0.4.2.

use super::Confidence;
use super::rows::{KeyForm, RowKind, RowStore, RowTable, ValueForm};
use crate::formats::Carrier;
use crate::model::Group;
use crate::sqlite::{Failure, Shape, View, describe, table_names};

pub(super) static LANGCHAIN: RowStore<LangChain> = RowStore(LangChain);

/// Answers of language models.
pub(super) struct LangChain;

/// Tables and the columns of their keys: that of `SQLiteCache`, the one that looks prompts up by their MD5, and that
/// of single texts in langchain before 0.0.60 or so.
const TABLES: [(&str, &[&str]); 3] = [
    ("full_llm_cache", &["prompt", "llm", "idx"]),
    ("full_md5_llm_cache", &["prompt", "llm", "idx"]),
    ("llm_cache", &["prompt", "llm"]),
];
const VALUE: &str = "response";

impl RowKind for LangChain {
    const KIND: &'static [&'static str] = &["langchain"];

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let has_one = TABLES.iter().any(|(name, key)| {
            let table = shape.table(name, key);
            table.is_some_and(|table| table.has(&[VALUE]))
        });
        has_one.then(|| (Confidence::Certain, Some("LangChain".to_owned())))
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let mut tables = Vec::new();
        for name in table_names(view.connection)? {
            let Some((_, key)) = TABLES.iter().find(|(known, _)| *known == name) else {
                continue;
            };
            let table = describe(view.connection, &name)?;
            let keys: Vec<usize> = key.iter().filter_map(|c| table.column(c)).collect();
            if let (Some(value), true) = (table.column(VALUE), keys.len() == key.len()) {
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
