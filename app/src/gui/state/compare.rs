//! Comparing as the window goes through it: stores side by side, a difference, what if, a conversion.

use std::collections::BTreeSet;
use std::sync::Arc;

use cachescope_core::jobs::{JobId, SideFacts};
use cachescope_core::model::{Snapshot, StoreId, StoreInfo};
use cachescope_core::ops::compare::{Difference, Side};
use cachescope_core::write::bench::Bench;

use crate::gui::widgets::table::Scroll;

/// The parts of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ComparePage {
    /// Figures of every open store.
    #[default]
    Sides,
    /// Two stores key by key.
    Difference,
    /// This store's entries in every kind of store.
    WhatIf,
}

/// What is compared with the store.
#[derive(Default)]
pub(crate) struct Comparing {
    pub(crate) page: ComparePage,
    /// The comparison at work.
    pub(crate) job: Option<JobId>,
    /// Why the last one came to nothing.
    pub(crate) failure: Option<String>,
    /// Open stores that are not to be measured.
    pub(crate) left_out: BTreeSet<StoreId>,
    pub(crate) sides: Option<Vec<SideFacts>>,
    pub(crate) difference: Option<Differing>,
    /// Entries drawn for what if; `None` for all.
    pub(crate) sample: Option<usize>,
    pub(crate) what_if: Option<(Bench, String)>,
}

/// Two stores key by key.
pub(crate) struct Differing {
    pub(crate) left: Arc<Snapshot>,
    pub(crate) right: Arc<Snapshot>,
    pub(crate) found: Difference,
    /// Whether any entry of either has a group.
    pub(crate) has_groups: bool,
    /// Only keys of this side; `None` for all that are not the same.
    pub(crate) side: Option<Side>,
    /// Places in the difference that are listed.
    pub(crate) lines: Vec<usize>,
    pub(crate) scroll: Scroll,
    /// The chosen place, and the job that reads its values.
    pub(crate) chosen: Option<usize>,
    pub(crate) job: Option<JobId>,
    pub(crate) values: Option<[Option<Result<String, String>>; 2]>,
}

impl Differing {
    /// A difference with everything listed that is not the same.
    pub(crate) fn new(left: Arc<Snapshot>, right: Arc<Snapshot>, found: Difference) -> Self {
        let has_groups = [&left, &right].iter().any(|side| {
            side.records()
                .any(|(_, record)| !record.group.label.is_empty())
        });
        let mut differing = Self {
            left,
            right,
            found,
            has_groups,
            side: None,
            lines: Vec::new(),
            scroll: Scroll::default(),
            chosen: None,
            job: None,
            values: None,
        };
        differing.list(None);
        differing
    }

    /// Lists only the keys of a side.
    pub(crate) fn list(&mut self, side: Option<Side>) {
        self.side = side;
        let pairs = self.found.pairs.iter().enumerate();
        let listed = pairs.filter(|(_, pair)| match side {
            Some(side) => pair.side == side,
            None => pair.side != Side::Same,
        });
        self.lines = listed.map(|(at, _)| at).collect();
        self.scroll = Scroll::default();
    }
}

/// The convert dialog.
pub(crate) struct Converting {
    pub(crate) source: Arc<StoreInfo>,
    /// Place in the list of kinds that can be written.
    pub(crate) target: usize,
    /// The path as it was typed.
    pub(crate) path: String,
    pub(crate) accepts_loss: bool,
    pub(crate) job: Option<JobId>,
    /// Why it came to nothing.
    pub(crate) failure: Option<String>,
    /// What the new store has lost; empty before it stands.
    pub(crate) losses: Vec<String>,
}
