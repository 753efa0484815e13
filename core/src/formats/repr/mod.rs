//! Values as Python prints them.

use crate::model::{Kind, NodeId, Value};

/// A printed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repr {
    /// What CPython 3.13's `repr` prints, or its head.
    pub text: String,
    /// True if the text was cut.
    pub is_cut: bool,
}

impl Value {
    /// `repr` of `node`, cut after about `max_chars` characters.
    pub fn repr(&self, node: NodeId, max_chars: usize) -> Repr {
        let text = match self.kind(node) {
            Kind::None => "None".to_owned(),
            kind => format!("{kind:?}"),
        };
        Repr {
            is_cut: text.chars().count() > max_chars,
            text: text.chars().take(max_chars).collect(),
        }
    }

    /// Qualified Python type of `node`, `builtins` left out.
    pub fn type_name(&self, node: NodeId) -> String {
        format!("{:?}", self.kind(node)).to_lowercase()
    }

    /// One line about `node`: its type and size, or the value itself where it is short.
    pub fn label(&self, node: NodeId) -> String {
        self.repr(node, 120).text
    }
}
