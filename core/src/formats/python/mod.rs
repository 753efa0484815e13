//! Python source text: tokens, the functions in it, and where each ends, by the rules of Python's own library.
//!
//! Nothing here parses expressions: what a function is called and which lines are its own is all that
//! comparing it with a cached text takes.

mod block;
mod differ;
mod literal;
mod outline;
mod text;
mod token;

pub use block::{BlockRule, block, blocks};
pub use differ::{Difference, compare};
pub use outline::{Definition, DefinitionKind, Outline};
pub use text::{SourceText, decode};
pub use token::{Problem, Token, TokenKind, Tokens};
