//! Bytes to values: pure decoders over slices and readers, without any knowledge of caches.

mod bytes;
pub mod compress;
mod content;
pub mod dbm;
mod element;
mod joblib;
mod made;
pub mod marshal;
pub mod numpy;
pub mod pickle;
mod preview;
mod problem;
pub mod pyc;
pub mod pyliteral;
pub mod repr;

pub use content::Content;
pub use element::Element;
pub use preview::{
    ArrayHandle, Carrier, NoSideFiles, Options, PickleFile, PicklePart, Preview, SideFiles, Table,
    ValueCheck, check_value, open_value,
};
pub use problem::{Problem, ProblemKind};
