//! Types and codecs of values that a listing left out: each value is opened for a glance.

use std::time::Duration;

use super::each::{Control, Rows, each};
use crate::Result;
use crate::formats::Options;
use crate::model::{Limits, Row};
use crate::stores::Store;

/// Enough to name a value's type; its contents are not looked at.
const GLANCE: Options = Options {
    limits: Limits {
        output_bytes: 1 << 20,
        nodes: 20_000,
        time: Duration::from_millis(100),
    },
    has_statistics: false,
};

/// What a glance tells of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Python's qualified type name; `None` if the value could not be opened.
    pub value_type: Option<String>,
    /// Codec chain, outermost first, joined by " > " as in records.
    pub codec: Option<String>,
}

/// Opens the value of each chosen row; results come in no order, each with its row.
///
/// # Errors
/// If it was cancelled.
pub fn identify(
    store: &Store,
    rows: Rows<'_>,
    control: Control<'_>,
    sink: &mut dyn FnMut(Row, Identity),
) -> Result<()> {
    let work = |record: &crate::model::Record<'_>| {
        let opened = store.open_value(&record.entry_key());
        let preview = opened.and_then(|value| value.preview(&GLANCE)).ok()?;
        Some(Identity {
            value_type: Some(preview.value_type),
            codec: Some(preview.codec.join(" > ")),
        })
    };
    each(rows, control, &work, &Identity::default, sink)
}
