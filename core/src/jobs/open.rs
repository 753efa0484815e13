//! A path to the stores at it.

use std::path::Path;

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::stores::open_all_telling;

pub(super) fn run(path: &Path, context: &Context) -> Result<()> {
    let mut issues = Vec::new();
    let stores = open_all_telling(path, &context.cancel, &mut |issue| issues.push(issue))?;
    context.cancel.check()?;
    context.report(Outcome::Opened { stores, issues })
}
