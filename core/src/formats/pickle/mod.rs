//! Pickles of protocols 0 to 5 to values of symbols: every opcode, joblib's dialect, nothing executed.

mod arena;
mod build;
mod check;
mod classify;
mod compat;
mod decode;
pub(crate) mod emit;
mod findings;
mod input;
pub(crate) mod key;
mod machine;
mod memo;
pub(crate) mod native;
mod opcodes;
pub(crate) mod plain;
mod sequence;
mod skim;
#[cfg(test)]
mod tests;
mod trace;
mod traced;

pub use check::{Checked, check};
pub(crate) use classify::{is_data, is_exception};
pub(crate) use decode::decode_whole;
pub use decode::{Decoded, decode, decode_at, decode_bytes, is_likely, is_likely_head};
pub(crate) use skim::is_one;
pub use skim::{Skim, SkimmedItem, SkimmedKey, SkimmedPickle, skim};
