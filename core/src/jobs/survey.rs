//! A snapshot and what a query left of it to the overview's figures and its treemap.

use std::sync::Arc;

use super::Outcome;
use super::run::Context;
use crate::Result;
use crate::model::{Group, Overlay, Role, Row, Snapshot, Time, Verdict};
use crate::ops::{GroupArea, Layout, Overview, treemap};

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
    /// The treemap.
    pub groups: Vec<GroupArea>,
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
    let is_shown = |row: &Row| {
        survey.snapshot.record(*row).is_some_and(|r| {
            r.role == Role::Entry && survey.zoom.as_ref().is_none_or(|zoom| zoom.holds(r.group))
        })
    };
    let rows = survey.snapshot.rows().filter(is_shown);
    let groups = treemap(&survey.snapshot, rows, &survey.layout);
    context.cancel.check()?;
    context.report(Outcome::Surveyed(Box::new(Surveyed {
        overview,
        groups,
        layout: survey.layout,
        zoom: survey.zoom,
        now: survey.now,
        snapshot: survey.snapshot,
    })))
}
