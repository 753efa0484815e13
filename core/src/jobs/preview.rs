//! One entry to what the entry panel shows: details from the backend, the value decoded within limits.

use std::sync::Arc;

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::formats::{Content, Options, Preview};
use crate::model::{EntryKey, StoreInfo};
use crate::stores::{Details, Store};

/// All that is shown of one entry beyond its row. Its two halves fail on their own.
#[derive(Debug)]
pub struct EntryPreview {
    /// The entry.
    pub entry: EntryKey,
    /// Arguments, source, facts, files.
    pub details: Result<Details>,
    /// The decoded value.
    pub value: Result<Preview>,
    /// The bytes as they are stored.
    pub stored: Option<Content>,
    /// Whether credentials are left out of the value; the bytes have them in any case.
    pub secrets: Secrets,
}

/// What became of credentials, cookies and tokens in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Secrets {
    /// Values of this kind of store are not known to hold any.
    #[default]
    None,
    /// They are left out.
    Hidden,
    /// They are shown, as a person asked.
    Shown,
}

pub(super) fn run(
    info: &Arc<StoreInfo>,
    entry: EntryKey,
    shows_secrets: bool,
    context: &Context,
) -> Result<()> {
    let store = Store::open(info)?.until(&context.cancel);
    let details = store.details(&entry);
    context.cancel.check()?;
    let mut secrets = Secrets::None;
    let (stored, value) = match store.open_value(&entry) {
        Ok(mut reader) => {
            if reader.hides_secrets {
                reader.hides_secrets = !shows_secrets;
                secrets = if shows_secrets {
                    Secrets::Shown
                } else {
                    Secrets::Hidden
                };
            }
            (
                Some(Content::plain(Arc::clone(&reader.bytes))),
                reader.preview(&Options::GLANCE),
            )
        }
        Err(error) => (None, Err(error)),
    };
    context.cancel.check()?;
    context.report(Outcome::Previewed(Box::new(EntryPreview {
        entry,
        details,
        value,
        stored,
        secrets,
    })))
}
