//! What reports say: which parts are to be read again, and which look-ups they are signs of.

use std::path::Path;
use std::time::Instant;

use super::super::inbox::{Act, Notice, Waiting};
use super::super::pending::Whole;
use super::super::sight::path_of;
use super::Run;
use crate::model::EntryKey;
use crate::stores::{EntryFile, Part, Store};

impl Run {
    pub(super) fn hear(&mut self, waiting: Waiting) {
        let now = Instant::now();
        if waiting.is_lossy {
            self.sight.is_lossy = true;
            self.pending.want_whole(Whole::Lost, now);
        }
        if waiting.is_asked {
            self.pending.want_whole(Whole::Asked, now);
        }
        // Opened for the first folder that needs it, and not kept: an open folder holds up an unmount.
        let mut store = None;
        for notice in waiting.notices {
            self.hear_one(&notice, &mut store);
        }
    }

    fn hear_one(&mut self, notice: &Notice, store: &mut Option<Store>) {
        let Notice {
            folder, name, at, ..
        } = notice;
        if notice.act == Act::FolderGone {
            if folder.as_os_str().is_empty() {
                self.is_unplaced = true;
                self.pending.want_whole(Whole::Look, *at);
            }
            return;
        }
        if !folder.as_os_str().is_empty()
            && let Some(Part::Entry(entry)) = self.follow.part_at(folder, true)
        {
            return self.hear_inside(entry, notice);
        }
        let path = path_of(folder, name);
        let is_dir = matches!(
            notice.act,
            Act::Came { is_dir: true, .. } | Act::Gone { is_dir: true }
        );
        let Some(part) = self.follow.part_at(&path, is_dir) else {
            return;
        };
        match (&part, notice.act) {
            (_, Act::Opened) => return,
            (
                Part::Entry(entry),
                Act::Came {
                    is_moved,
                    is_dir: true,
                },
            ) => {
                self.lookups.folder_came(entry, is_moved, *at);
            }
            (Part::Entry(entry), Act::Gone { is_dir: true }) => self.lookups.folder_gone(entry),
            (Part::Groups(_), Act::Came { is_moved, .. }) => {
                self.enter(&path, store);
                if is_moved {
                    self.moved_groups.push(part.clone());
                }
            }
            (Part::Store, Act::Came { is_dir: true, .. })
                if self.tells_of_entries(&path, store) =>
            {
                self.enter(&path, store);
            }
            _ => {}
        }
        self.pending.want(part, *at);
    }

    /// True for a folder whose contents tell of changes, in a store whose folders are no groups.
    fn tells_of_entries(&self, path: &Path, store: &mut Option<Store>) -> bool {
        let above = path.parent().unwrap_or(Path::new(""));
        let below = self
            .opened(store)
            .and_then(|store| self.follow.folders_below(store, above).ok());
        below.is_some_and(|folders| folders.iter().any(|folder| folder == path))
    }

    fn opened<'s>(&self, store: &'s mut Option<Store>) -> Option<&'s Store> {
        if store.is_none() {
            *store = Store::open_untold(&self.info).ok();
        }
        store.as_ref()
    }

    /// A new folder of groups: others may have been made in it already.
    fn enter(&self, path: &Path, store: &mut Option<Store>) {
        if let Some(store) = self.opened(store) {
            self.sight.place_below(store, path, &self.cancel);
        }
    }

    /// Something happened in an entry's own folder.
    fn hear_inside(&mut self, entry: EntryKey, notice: &Notice) {
        if notice.act == Act::Opened && self.readers.are_at_work() {
            // Theirs or a program's: nobody can tell.
            self.sight.is_lossy = true;
            return;
        }
        let file = self.follow.entry_file(&notice.name);
        let known = self.live.row(&entry);
        let known = known.and_then(|row| self.live.snapshot().record(row));
        match (file, notice.act) {
            (EntryFile::Facts, Act::Opened) => self.lookups.facts_opened(&entry, notice.at),
            (EntryFile::Value, Act::Opened) => {
                let is_announced = match known {
                    Some(record) => self.follow.reads_facts_first(&record),
                    None => self.is_newer_habit(),
                };
                self.lookups.value_opened(&entry, is_announced, notice.at);
            }
            (EntryFile::Value, Act::Came { is_moved: true, .. })
                if known.is_some_and(|r| self.follow.is_stored(&r)) =>
            {
                self.lookups.value_came(&entry, notice.at);
            }
            _ => {}
        }
        if let Act::Gone { is_dir: false } = notice.act {
            self.forget_left_over(notice);
        }
        if notice.act != Act::Opened {
            self.pending.want(Part::Entry(entry), notice.at);
        } else if !self.lookups.is_empty() {
            self.pending.stir(notice.at);
        }
    }

    /// A file that was listed by itself, a temporary one, is gone.
    fn forget_left_over(&mut self, notice: &Notice) {
        let path = path_of(&notice.folder, &notice.name);
        if let Some(Part::Entry(file)) = self.follow.part_at(&path, false)
            && self.live.row(&file).is_some()
        {
            self.pending.want(Part::Entry(file), notice.at);
        }
    }

    /// How programs load an entry that was not read yet: as they do the others. Where there is none,
    /// the newer habit is assumed, which makes no hit out of a computation.
    fn is_newer_habit(&self) -> bool {
        let snapshot = self.live.snapshot();
        let sample = || snapshot.records().map(|(_, record)| record).take(64);
        let is_read = |record| self.follow.reads_facts_first(&record);
        sample().next().is_none() || sample().any(is_read)
    }
}
