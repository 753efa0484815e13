//! Which rows a job is about, named as cheaply as its owner can; turned into rows off-thread.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::{EntryId, Row, Snapshot};

/// Chosen entries of a snapshot.
#[derive(Debug, Clone)]
pub enum Chosen {
    /// Every row, bytes without an owner included.
    All,
    /// These rows.
    Rows(Arc<[Row]>),
    /// The entries with these ids, as far as they exist.
    Ids(Arc<HashSet<EntryId>>),
}

impl Chosen {
    /// The rows, in stored order or as given.
    pub fn rows(&self, snapshot: &Snapshot) -> Vec<Row> {
        match self {
            Self::All => snapshot.rows().collect(),
            Self::Rows(rows) => rows.to_vec(),
            Self::Ids(ids) => snapshot
                .records()
                .filter(|(_, record)| ids.contains(&record.id()))
                .map(|(row, _)| row)
                .collect(),
        }
    }
}
