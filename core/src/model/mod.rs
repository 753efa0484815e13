//! What we say: plain data without I/O that both sides of the boundary speak.

mod limits;
pub mod text;

pub use limits::Limits;
