//! Small reusable pieces of the window.

pub(crate) mod bars;
pub(crate) mod beside;
pub(crate) mod card;
pub(crate) mod cell;
pub(crate) mod condition;
pub(crate) mod controls;
pub(crate) mod heat;
pub(crate) mod histogram;
pub(crate) mod mosaic;
pub(crate) mod picture;
pub(crate) mod plot;
pub(crate) mod table;
