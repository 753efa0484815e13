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
    /// The one group that the treemap shows; `None` for all.
    pub zoom: Option<Arc<Group>>,
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
    /// The one group in it; `None` for all.
    pub zoom: Option<Arc<Group>>,
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
            r.role == Role::Entry && survey.zoom.as_ref().is_none_or(|group| r.group == group)
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
