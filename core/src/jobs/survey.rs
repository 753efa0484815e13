//! A snapshot and what a query left of it to the overview's figures and its treemap, alone or beside other stores.

use std::sync::Arc;

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::model::{Group, Overlay, Role, Row, Snapshot, Time, Verdict};
use crate::ops::{Layout, Overview, Part, RowSet, StoreArea, atlas};

/// What is to be summed up, and how large it is drawn.
pub struct Survey {
    /// The rows.
    pub snapshot: Arc<Snapshot>,
    /// What checks found.
    pub verdicts: Arc<Overlay<Verdict>>,
    /// Rows that the query left.
    pub found: Arc<[Row]>,
    /// The time that ages are counted to.
    pub now: Time,
    /// Size of the treemap.
    pub layout: Layout,
    /// What the treemap shows; `None` for all.
    pub zoom: Option<Zoom>,
    /// Other stores that the treemap shows beside this one.
    pub beside: Vec<Beside>,
}

/// Another store in the treemap.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Its rows.
    pub snapshot: Arc<Snapshot>,
    /// Those that the query left.
    pub found: Arc<[Row]>,
}

/// A part of a store that fills the treemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zoom {
    /// All functions of a module, or all groups whose labels begin so and go on with a dot.
    Module(Box<str>),
    /// One group.
    Group(Arc<Group>),
}

impl Zoom {
    /// True if the group belongs to it.
    pub fn holds(&self, group: &Arc<Group>) -> bool {
        match self {
            Self::Module(name) => group
                .label
                .strip_prefix(&**name)
                .is_some_and(|rest| rest.starts_with('.')),
            Self::Group(only) => only == group,
        }
    }
}

/// What there is to draw.
#[derive(Debug)]
pub struct Surveyed {
    /// The snapshot it was made from.
    pub snapshot: Arc<Snapshot>,
    /// Figures and distributions.
    pub overview: Overview,
    /// The treemap: one store, or all of them.
    pub stores: Vec<StoreArea>,
    /// The size it was laid out for.
    pub layout: Layout,
    /// What is in it; `None` for all.
    pub zoom: Option<Zoom>,
    /// The time that ages were counted to.
    pub now: Time,
}

pub(super) fn run(survey: Survey, context: &Context) -> Result<()> {
    let overview = Overview::new(
        &survey.snapshot,
        &survey.verdicts,
        &survey.found,
        survey.now,
    );
    context.cancel.check()?;
    let zoom = survey.zoom.as_ref();
    let own = (&survey.snapshot, &survey.found, zoom);
    let beside = survey.beside.iter().map(|b| (&b.snapshot, &b.found, None));
    let stores: Vec<_> = std::iter::once(own).chain(beside).collect();
    let found: Vec<_> = stores
        .iter()
        .map(|(_, found, _)| RowSet::new(found))
        .collect();
    let is_found: Vec<_> = found
        .iter()
        .map(|found| |row: Row| found.contains(row))
        .collect();
    let parts = stores.iter().zip(&is_found);
    let parts = parts.map(|((snapshot, _, zoom), is_found)| Part {
        rows: rows(snapshot, *zoom),
        snapshot: Arc::clone(snapshot),
        is_found,
    });
    let stores = atlas(parts.collect(), &survey.layout);
    context.cancel.check()?;
    context.report(Outcome::Surveyed(Box::new(Surveyed {
        overview,
        stores,
        layout: survey.layout,
        zoom: survey.zoom,
        now: survey.now,
        snapshot: survey.snapshot,
    })))
}

/// The entries that a zoom holds.
fn rows(snapshot: &Snapshot, zoom: Option<&Zoom>) -> Vec<Row> {
    let records = snapshot.records();
    let held = records.filter(|(_, record)| {
        record.role == Role::Entry && zoom.is_none_or(|zoom| zoom.holds(record.group))
    });
    held.map(|(row, _)| row).collect()
}
