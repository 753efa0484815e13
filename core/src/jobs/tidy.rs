//! What is put in order once, when the program starts: what killed writers left behind, and what days earned.

use super::context::Context;
use crate::Result;
use crate::own::StateDir;
use crate::write::Leftovers;

#[expect(clippy::unnecessary_wraps, reason = "as every job's")]
pub(super) fn run(state: &StateDir, context: &Context) -> Result<()> {
    context.progress.begin_tidying();
    Leftovers::sweep(state);
    state.merge_days();
    Ok(())
}
