//! A path to the stores at it.

use std::path::Path;

use super::Outcome;
use super::run::Context;
use crate::Result;
use crate::stores::open_all;

pub(super) fn run(path: &Path, context: &Context) -> Result<()> {
    let stores = open_all(path)?;
    context.cancel.check()?;
    context.report(Outcome::Opened(stores))
}
