//! Small reusable pieces of the window.

pub(crate) mod cell;
pub(crate) mod condition;
pub(crate) mod table;
