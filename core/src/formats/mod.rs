//! Bytes to values: pure decoders over slices and readers, without any knowledge of caches.

pub(crate) mod bson;
pub(crate) mod bytes;
pub mod compress;
mod content;
#[cfg(test)]
mod damage;
pub mod dbm;
mod element;
mod frame;
pub(crate) mod joblib;
mod json;
mod longdouble;
pub(crate) mod made;
pub mod marshal;
mod message_pack;
pub mod numpy;
pub mod pickle;
pub(crate) mod plain;
mod preview;
mod problem;
pub mod pyc;
pub mod pyliteral;
pub mod python;
pub mod repr;
mod save;
mod sparse;

pub use content::Content;
pub use element::Element;
pub use frame::Frame;
pub use longdouble::LongDouble;
pub(crate) use preview::is_one_pickle;
pub use preview::{
    ArrayHandle, Carrier, NoSideFiles, Options, PickleFile, PicklePart, Preview, SideFiles,
    SparseHandle, Table, TableHandle, ValueCheck, check_value, open_value,
};
pub use problem::{Problem, ProblemKind};
pub use save::SaveAs;
pub use sparse::{Density, Sparse};
