//! A snapshot to what there is to say of its store as a whole.

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::model::{Snapshot, StoreId, Time};
use crate::ops::doctor;
use crate::stores::{Advice, Store};

/// What there is to say of a store.
#[derive(Debug)]
pub struct Advised {
    /// The store.
    pub store: StoreId,
    /// The snapshot's generation.
    pub generation: u64,
    /// The advice, by topic.
    pub advice: Vec<Advice>,
}

pub(super) fn run(snapshot: &Snapshot, context: &Context) -> Result<()> {
    let store = Store::open(&snapshot.store)?;
    context.report(Outcome::Advised(Box::new(Advised {
        store: snapshot.store.id,
        generation: snapshot.generation,
        advice: doctor::advice(&store, snapshot, Time::now()),
    })))
}
