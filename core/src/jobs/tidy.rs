//! What is put in order once, when the program starts: what killed writers left behind, and what days earned.

use super::context::Context;
use crate::own::StateDir;
use crate::write::Leftovers;

pub(super) fn run(state: &StateDir, context: &Context) {
    context.progress.begin_tidying();
    Leftovers::sweep(state);
    state.merge_days();
}
