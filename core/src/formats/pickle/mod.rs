//! Pickles of protocols 0 to 5 to values of symbols: every opcode, joblib's dialect, nothing executed.

mod arena;
mod build;
mod classify;
mod compat;
mod decode;
mod findings;
mod input;
mod machine;
mod memo;
mod opcodes;
#[cfg(test)]
mod tests;

pub use decode::{Decoded, decode, decode_at, decode_bytes, is_likely};
