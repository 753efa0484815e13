//! What can be known of a plan before anything of it is done: hashes of what is stored, and what undo could not do.

use std::collections::BTreeMap;

use super::super::plan::Plan;
use super::mechanism::{Mechanisms, Next, in_batches};
use super::site::Site;
use crate::model::Cancel;

/// What was found.
#[derive(Debug, Default)]
pub(in crate::clear) struct Foreseen {
    /// A hash of the stored value for each entry of the plan that needs one.
    pub(in crate::clear) pins: Vec<Option<u64>>,
    /// Entries that undo could not bring back, by what their database says against it.
    pub(super) no_return: BTreeMap<String, usize>,
}

impl Foreseen {
    /// What a person should know of it before saying yes.
    pub(in crate::clear) fn notes(&self) -> impl Iterator<Item = String> {
        self.no_return.iter().map(|(why, n)| {
            let (are, it, they) = match n {
                1 => ("entry is", "it", "it stays"),
                _ => ("entries are", "them", "they stay"),
            };
            format!(
                "{n} {are} of a table that would not take {it} back ({why}), so that undo could not bring {it} back: \
                 {they}, unless cleared without undo (--permanent)"
            )
        })
    }
}

/// Looks at the entries of a plan; nothing is changed.
pub(in crate::clear) fn foresee(plan: &Plan, cancel: &Cancel) -> Foreseen {
    let mut foreseen = Foreseen {
        pins: vec![None; plan.removals.len()],
        ..Foreseen::default()
    };
    let Ok(site) = Site::open(plan) else {
        return foreseen;
    };
    let mut mechanisms = Mechanisms::new(&site, plan.act);
    in_batches(plan, &mut mechanisms, cancel, &mut |mechanisms, next| {
        let Next::Batch(by, jobs) = next else { return };
        let mechanism = mechanisms.of(by);
        let found = mechanism.pin(&jobs);
        mechanism.foresee(&jobs, &mut foreseen);
        for (job, pin) in jobs.iter().zip(found) {
            if let Some(place) = foreseen.pins.get_mut(job.n) {
                *place = pin;
            }
        }
    });
    foreseen
}
