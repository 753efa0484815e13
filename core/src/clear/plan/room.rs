//! Room for undo: what of rows and keys cannot be saved, and what would not fit on the disk, said before it is tried.

use super::super::disk::free_bytes;
use super::super::saved::MAX_ROW_BYTES;
use super::Planned;
use crate::model::text;
use crate::stores::{Removal, Store};

/// Saved rows take more than their values: keys, places, pages that are not full.
const ROOM_PERCENT: u64 = 110;

/// What of the chosen entries would be saved, as rows of an undo database.
#[derive(Default)]
pub(super) struct Room {
    n_too_large: usize,
    bytes: u64,
}

impl Room {
    /// Counts an entry that goes this way.
    pub(super) fn add(&mut self, removal: &Removal, planned: &Planned) {
        let is_saved = match removal {
            Removal::Key(_) => true,
            // What lies in a file of its own is moved, which takes no room.
            Removal::Row(_) => planned.disk_bytes == 0,
            _ => false,
        };
        if is_saved && planned.bytes > MAX_ROW_BYTES {
            self.n_too_large += 1;
        } else if is_saved {
            self.bytes = self.bytes.saturating_add(planned.bytes);
        }
    }

    /// What a person should know of it before saying yes.
    pub(super) fn notes(&self, store: &Store) -> impl Iterator<Item = String> {
        let large = (self.n_too_large > 0).then(|| too_large(self.n_too_large));
        let free = free_bytes(store.parent.path());
        let full = free.and_then(|free| no_room(self.bytes, free));
        large.into_iter().chain(full)
    }
}

fn too_large(n: usize) -> String {
    let (are, they) = if n == 1 {
        ("entry is", "it stays")
    } else {
        ("entries are", "they stay")
    };
    format!(
        "{n} {are} larger than {}, which is the most that can be saved for undo: {they}, unless cleared without undo \
         (--permanent)",
        text::size(MAX_ROW_BYTES)
    )
}

fn no_room(bytes: u64, free: u64) -> Option<String> {
    let needed = bytes.saturating_mul(ROOM_PERCENT) / 100;
    (needed > free).then(|| {
        format!(
            "Saving the entries for undo takes about {}, and {} are free on this disk: what does not fit stays, unless \
             cleared without undo (--permanent)",
            text::size(needed),
            text::size(free)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_warned_of_only_where_it_is_short() {
        assert_eq!(no_room(1000, 1100), None);
        let note = no_room(1_000_000, 1_000_000).unwrap();
        assert!(
            note.contains("1.1 MB") && note.contains("--permanent"),
            "{note}"
        );
        assert!(too_large(1).starts_with("1 entry is larger"));
        assert!(too_large(2).contains("they stay"));
    }
}
