//! Removing what writers left behind that were killed, once, when the program starts.

use super::run::Context;
use crate::Result;
use crate::own::StateDir;
use crate::write::Leftovers;

#[expect(clippy::unnecessary_wraps, reason = "as every job's")]
pub(super) fn run(state: &StateDir, context: &Context) -> Result<()> {
    context.progress.begin_tidying();
    Leftovers::sweep(state);
    Ok(())
}
