//! The selected entries, kept by identity, with their sums.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use cachescope_core::jobs::{Arranged, Span, Sums};
use cachescope_core::model::{EntryId, Row};

use super::Lines;

/// Rows that are selected at once; more are selected on a worker, as a million of them would hold up a frame.
const AT_ONCE: usize = 5_000;

/// A change of the selection; rows are named by their place in the arrangement on screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pick {
    /// This row and no other.
    Only(usize),
    /// An entry, wherever it stands; the row is where it was seen, perhaps in an older snapshot.
    Entry(EntryId, Row),
    /// This row changes sides, the others stay.
    Toggle(usize),
    /// All from the anchor to this row; the others stay if `keeps`.
    To {
        /// The row.
        at: usize,
        /// True to add to what is selected already.
        keeps: bool,
    },
    /// These rows and no other.
    These(Range<usize>),
    /// So many lines up or down from the cursor; a folded group is a line that selects nothing.
    Step {
        /// Negative is up.
        by: isize,
        /// True to select all on the way.
        extends: bool,
    },
    /// Every row found.
    All,
    /// Nothing.
    None,
}

/// Selected entries by identity; the row where the keyboard is; the row where a range began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    ids: Arc<HashSet<EntryId>>,
    /// Rows that the next arrangement selects too.
    adding: Option<Span>,
    /// Sums of the selected entries that exist.
    pub(crate) sums: Sums,
    /// How many of them the query leaves out.
    pub(crate) n_hidden: u64,
    cursor: Option<Mark>,
    anchor: Option<Mark>,
}

/// An entry, and where it stands in the arrangement on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    id: EntryId,
    row: Row,
    at: Option<usize>,
}

impl Selection {
    /// The selected entries.
    pub(crate) fn ids(&self) -> &Arc<HashSet<EntryId>> {
        &self.ids
    }

    /// Rows that are to be selected too, once an arrangement has named them.
    pub(crate) fn adding(&self) -> Option<&Span> {
        self.adding.as_ref()
    }

    /// Number of selected entries.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// True if nothing is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// True if the entry is selected.
    pub(crate) fn contains(&self, id: EntryId) -> bool {
        self.ids.contains(&id)
    }

    /// The one selected entry; `None` where it is none or several.
    pub(crate) fn only(&self) -> Option<Row> {
        let mark = self.cursor.filter(|mark| self.contains(mark.id));
        mark.filter(|_| self.len() == 1).map(|mark| mark.row)
    }

    /// Where the keyboard is.
    pub(crate) fn cursor(&self) -> Option<usize> {
        self.cursor.and_then(|mark| mark.at)
    }

    /// The entries whose places an arrangement is to find: cursor and anchor.
    pub(crate) fn marks(&self) -> [Option<EntryId>; 2] {
        [self.cursor, self.anchor].map(|mark| mark.map(|m| m.id))
    }

    /// Carries out a change; true if the cursor moved.
    pub(crate) fn pick(&mut self, pick: &Pick, arranged: &Arranged, lines: &Lines) -> bool {
        let before = self.cursor;
        match *pick {
            Pick::Only(at) => {
                self.clear();
                self.add(at..at.saturating_add(1), arranged);
                self.move_to(at, arranged, true);
            }
            Pick::Entry(id, row) => {
                if let Some(at) = place_of(id, row, arranged) {
                    self.pick(&Pick::Only(at), arranged, lines);
                }
            }
            Pick::Toggle(at) => {
                self.toggle(at, arranged);
                self.move_to(at, arranged, true);
            }
            Pick::To { at, keeps } => {
                let from = self.anchor.and_then(|m| m.at).unwrap_or(at);
                if !keeps {
                    self.clear();
                }
                self.add(from.min(at)..from.max(at).saturating_add(1), arranged);
                self.move_to(at, arranged, self.anchor.is_none());
            }
            Pick::These(ref range) => {
                self.clear();
                self.add(range.clone(), arranged);
                self.move_to(range.start, arranged, true);
            }
            Pick::Step { by, extends } => {
                if let Some(at) = lines.step(self.cursor(), by) {
                    if extends {
                        self.pick(&Pick::To { at, keeps: false }, arranged, lines);
                    } else if lines.line_of(at).is_some() {
                        self.pick(&Pick::Only(at), arranged, lines);
                    } else {
                        // On the line of a folded group, which is no entry.
                        self.clear();
                        self.move_to(at, arranged, true);
                    }
                }
            }
            Pick::All => self.add(0..arranged.rows.len(), arranged),
            Pick::None => self.clear(),
        }
        self.cursor != before
    }

    /// Takes over what an arrangement found of the selection and its marks.
    pub(crate) fn rebase(&mut self, arranged: &mut Arranged) {
        let mut found = arranged.marks.iter();
        for mark in [&mut self.cursor, &mut self.anchor] {
            let place = found.next();
            *mark = mark.take().and_then(|m| {
                let Some(place) = place.filter(|p| p.id == Some(m.id)) else {
                    // It moved after the arrangement was asked for: where its row still names it, its place is looked up.
                    let record = arranged.snapshot.record(m.row);
                    let is_it = record.is_some_and(|record| record.id() == m.id);
                    let rows = is_it.then_some(&arranged.rows);
                    let at = rows.and_then(|rows| rows.iter().position(|row| *row == m.row));
                    return Some(Mark { at, ..m });
                };
                let Some(row) = place.row else {
                    // Its entry is gone: the keyboard stays where it was, on what took its place.
                    let last = arranged.rows.len().checked_sub(1)?;
                    let at = m.at.map(|at| at.min(last));
                    return Some(Mark { at, ..m });
                };
                Some(Mark {
                    id: m.id,
                    row,
                    at: place.at,
                })
            });
        }
        // A selection that changed meanwhile keeps its own sums; the next arrangement counts it anew.
        let selected = &arranged.selected;
        if Arc::ptr_eq(&self.ids, &selected.asked) && self.adding == selected.adding {
            self.adding = None;
            let selected = std::mem::take(&mut arranged.selected);
            self.ids = Arc::new(selected.existing);
            self.sums = selected.sums;
            self.n_hidden = selected.n_hidden;
        }
    }

    fn clear(&mut self) {
        self.ids = Arc::default();
        self.adding = None;
        self.sums = Sums::default();
        self.n_hidden = 0;
    }

    fn add(&mut self, range: Range<usize>, arranged: &Arranged) {
        let range = range.start..range.end.min(arranged.rows.len());
        if range.len() > AT_ONCE {
            self.adding = Some(Span {
                snapshot: Arc::clone(&arranged.snapshot),
                rows: Arc::clone(&arranged.rows),
                range,
            });
            return;
        }
        let ids = Arc::make_mut(&mut self.ids);
        for row in arranged.rows.get(range).unwrap_or_default() {
            if let Some(record) = arranged.snapshot.record(*row)
                && ids.insert(record.id())
            {
                self.sums.add(&record);
            }
        }
    }

    fn toggle(&mut self, at: usize, arranged: &Arranged) {
        let record = arranged
            .rows
            .get(at)
            .and_then(|row| arranged.snapshot.record(*row));
        let Some(record) = record else { return };
        if Arc::make_mut(&mut self.ids).remove(&record.id()) {
            self.sums.subtract(&record);
        } else {
            self.add(at..at.saturating_add(1), arranged);
        }
    }

    fn move_to(&mut self, at: usize, arranged: &Arranged, is_anchor: bool) {
        let row = arranged.rows.get(at).copied();
        let id = row.and_then(|row| Some(arranged.snapshot.record(row)?.id()));
        self.cursor = row.zip(id).map(|(row, id)| Mark {
            id,
            row,
            at: Some(at),
        });
        if is_anchor {
            self.anchor = self.cursor;
        }
    }
}

/// Where an entry stands; found by its row where that still names it, which is nearly always and fast.
fn place_of(id: EntryId, row: Row, arranged: &Arranged) -> Option<usize> {
    let is_it = |row: &Row| {
        let record = arranged.snapshot.record(*row);
        record.is_some_and(|record| record.id() == id)
    };
    if is_it(&row) {
        return arranged.rows.iter().position(|r| *r == row);
    }
    arranged.rows.iter().position(is_it)
}
