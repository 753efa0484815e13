//! The entry panel's own state: which entry was read, and which side of it is on show.

use cachescope_core::formats::compress::Codec;
use cachescope_core::formats::{Content, Preview};
use cachescope_core::jobs::{EntryPreview, JobId, Secrets};
use cachescope_core::model::{EntryId, Fingerprint, Kind, Leaf, NodeId};

use super::code::Coding;
use super::hex::{Hex, Layer};
use super::tree::Tree;
use super::{Arraying, Bodying, Insiding};
use crate::gui::body::Place;

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
    /// What it found; of the entry before, until this one is read.
    pub(crate) found: Option<Box<EntryPreview>>,
    /// The entry that `found` is of.
    found_of: Option<EntryId>,
    /// Why it failed as a whole.
    pub(crate) failure: Option<String>,
    pub(crate) tab: EntryTab,
    /// True until the keyboard stands on the tabs.
    pub(crate) is_wanted: bool,
    pub(crate) tree: Tree,
    pub(crate) array: Arraying,
    pub(crate) hex: Hex,
    /// Text or bytes inside the value that are looked into.
    pub(crate) body: Bodying,
    /// The last job that looks into one, perhaps of an entry before: one at a time is at work.
    pub(crate) looking: Option<JobId>,
    /// An array, table or other part that is looked at by itself.
    pub(crate) inside: Insiding,
    /// The function that computed it, as it stands today.
    pub(crate) code: Coding,
}

/// Bytes up to which two values are compared on the thread of the window.
const SMALL: usize = 64 << 10;

impl Previewing {
    /// Takes over what was read of the entry.
    pub(crate) fn show(&mut self, found: Box<EntryPreview>) {
        // Read again and the same: what was opened in it stays open.
        let is_of = self.found_of.is_some() && self.found_of == self.of.map(|(entry, _)| entry);
        if is_of && self.found.as_ref().is_some_and(|old| is_same(old, &found)) {
            return;
        }
        let value = found.value.as_ref().ok();
        self.tree = value.map_or_else(Tree::default, |p| Tree::new(p.value.clone()));
        self.hex = Hex::new(Layer::default(), found.stored.as_ref());
        self.array.turn_to(value);
        self.body = Bodying::default();
        self.inside = Insiding::default();
        self.code = Coding::default();
        self.found = Some(found);
        self.found_of = self.of.map(|(entry, _)| entry);
    }

    /// Asks for the value again where the store does not record when it was written.
    pub(crate) fn forget_undated(&mut self) {
        self.of = self.of.filter(|(_, fingerprint)| fingerprint.modified != 0);
    }

    /// True while what is on screen is still of the entry before: it is not to be acted on.
    pub(crate) fn is_late(&self) -> bool {
        self.found.is_some() && self.found_of != self.of.map(|(entry, _)| entry)
    }

    /// What was read of the entry asked about; `None` until then.
    pub(crate) fn current(&self) -> Option<&EntryPreview> {
        self.found.as_deref().filter(|_| !self.is_late())
    }

    /// What is on show: the value, or the part of it that is looked at.
    pub(crate) fn on_show(&self) -> Option<&Preview> {
        match &self.inside.preview {
            Some(part) => Some(part),
            None => self.found.as_ref()?.value.as_ref().ok(),
        }
    }

    /// Takes over what was found of a part.
    pub(crate) fn show_inside(&mut self, found: Result<Preview, String>) {
        self.inside.show(found);
        self.array.turn_to(self.inside.preview.as_deref());
    }

    /// Goes back to the value as a whole.
    pub(crate) fn leave_inside(&mut self) {
        self.inside = Insiding::default();
        let value = self.found.as_ref().and_then(|f| f.value.as_ref().ok());
        self.array.turn_to(value);
    }

    /// The node that is looked into unasked: a value that is nothing but text or bytes.
    pub(crate) fn root_body(&self) -> Option<NodeId> {
        let value = self.tree.value()?;
        let root = value.root();
        matches!(value.kind(root), Kind::Str | Kind::Bytes | Kind::ByteArray).then_some(root)
    }

    /// Where the text or bytes of a node lie.
    pub(crate) fn place(&self, node: NodeId) -> Option<Place> {
        let found = self.found.as_ref()?.value.as_ref().ok()?;
        let value = self.tree.value()?;
        let carrier = found.codec.last().map(String::as_str);
        let is_whole = self.secrets() != Secrets::Hidden && node == value.root();
        if is_whole && matches!(carrier, Some("bytes" | "text")) {
            // The stored bytes are the value; only their head was kept.
            let len = found.content.len().unwrap_or(u64::MAX);
            return Some(Place {
                content: found.content.clone(),
                start: 0,
                len,
            });
        }
        let (Leaf::Str(blob) | Leaf::Python2Str(blob) | Leaf::Bytes(blob) | Leaf::ByteArray(blob)) =
            value.leaf(node)?
        else {
            return None;
        };
        let len = blob.len;
        Some(match blob.offset {
            Some(start) if blob.is_cut() => Place {
                content: found.content.clone(),
                start,
                len,
            },
            _ => Place {
                content: Content::of_bytes(blob.bytes.into_owned()),
                start: 0,
                len,
            },
        })
    }

    /// Whether credentials are left out of the value.
    pub(crate) fn secrets(&self) -> Secrets {
        let found = self.found.as_ref();
        found.map_or(Secrets::None, |found| found.secrets)
    }

    /// The compressions around the value, outermost first.
    pub(crate) fn codecs(&self) -> Vec<Codec> {
        let found = self.found.as_ref().and_then(|f| f.value.as_ref().ok());
        found
            .map(|preview| preview.content.codecs())
            .unwrap_or_default()
    }

    /// The bytes of a layer.
    pub(crate) fn layer(&self, layer: Layer) -> Option<Content> {
        let found = self.found.as_ref()?;
        let codecs = self.codecs();
        match found.value.as_ref() {
            // What was unpacked once is not unpacked again.
            Ok(preview) if layer.0 > 0 && layer.0 >= codecs.len() => Some(preview.content.clone()),
            _ => Some(found.stored.as_ref()?.behind(codecs.get(..layer.0)?)),
        }
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

/// True if an entry that was read again is as it was: larger values count as changed.
fn is_same(old: &EntryPreview, new: &EntryPreview) -> bool {
    let bytes = |found: &EntryPreview| {
        let stored = found.stored.as_ref()?;
        let is_small = stored.len().is_some_and(|len| len <= SMALL as u64);
        is_small.then(|| stored.head(SMALL))
    };
    let (before, now) = (bytes(old), bytes(new));
    before.is_some()
        && before == now
        && old.secrets == new.secrets
        && old.value.is_ok() == new.value.is_ok()
}
