//! Work that only the caller can do, run like any other job: reports, pictures, values saved to a file.

use std::any::Any;

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::model::{Cancel, Progress};

/// What it gives; the caller knows the type.
pub type Answer = Box<dyn Any + Send>;

/// The work itself; it asks now and then whether to go on, and counts what it did.
pub type Work = Box<dyn FnOnce(&Cancel, &Progress) -> Result<Answer> + Send>;

/// Work of the caller's own.
pub struct Outside {
    /// What it does, for the jobs line: "Writing a report".
    pub title: String,
    /// The work.
    pub work: Work,
}

pub(super) fn run(outside: Outside, context: &Context) -> Result<()> {
    let answer = (outside.work)(&context.cancel, &context.progress)?;
    context.report(Outcome::Outside(answer))
}
