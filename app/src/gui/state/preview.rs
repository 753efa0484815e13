//! The entry panel's own state: which entry was read, and which side of it is on show.

use cachescope_core::jobs::{EntryPreview, JobId};
use cachescope_core::model::{EntryId, Fingerprint};

use super::hex::{Hex, Layer};
use super::tree::Tree;

/// The sides of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum EntryTab {
    /// The decoded value.
    #[default]
    Value,
    /// The function's source as cached.
    Code,
    /// What decoding in Python would call.
    Calls,
    /// The bytes.
    Bytes,
}

/// What the entry panel knows of the one selected entry.
#[derive(Default)]
pub(crate) struct Previewing {
    /// The entry asked about, as it was then.
    pub(crate) of: Option<(EntryId, Fingerprint)>,
    /// The job that reads it.
    pub(crate) job: Option<JobId>,
    /// What it found.
    pub(crate) found: Option<Box<EntryPreview>>,
    /// Why it failed as a whole.
    pub(crate) failure: Option<String>,
    pub(crate) tab: EntryTab,
    pub(crate) tree: Tree,
    pub(crate) hex: Hex,
}

impl Previewing {
    /// Takes over what was read of the entry.
    pub(crate) fn show(&mut self, found: Box<EntryPreview>) {
        let value = found.value.as_ref().ok();
        self.tree = value.map_or_else(Tree::default, |p| Tree::new(p.value.clone()));
        self.hex = Hex::new(Layer::Stored, found.stored.as_ref());
        self.found = Some(found);
    }

    /// Forgets the entry; the side on show stays.
    pub(crate) fn forget(&mut self) {
        let tab = self.tab;
        *self = Self {
            tab,
            ..Self::default()
        };
    }
}
