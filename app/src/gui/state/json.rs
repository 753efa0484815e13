//! A JSON document as lines of a tree: flat, members in their order, opened branch by branch.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// Characters of a text that its line shows.
const TEXT_CHARS: usize = 400;

/// One value and where those in it are.
#[derive(Debug)]
struct Node {
    /// Name or number in its parent.
    key: String,
    label: String,
    /// Those in it stand together.
    children: Range<usize>,
}

/// A document.
#[derive(Debug)]
pub(crate) struct Json {
    nodes: Vec<Node>,
}

impl Json {
    /// Reads a document and lays it out, level by level; `None` if the text is none, or nests too deep to be read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let document: Part = serde_json::from_str(text).ok()?;
        let mut nodes = vec![Node::new(String::new(), &document)];
        let mut waiting = VecDeque::from([(0, document)]);
        while let Some((at, part)) = waiting.pop_front() {
            let start = nodes.len();
            let Part::Branch { parts, .. } = part else {
                continue;
            };
            for (key, part) in parts {
                let node = Node::new(key, &part);
                waiting.push_back((nodes.len(), part));
                nodes.push(node);
            }
            let children = start..nodes.len();
            if let Some(node) = nodes.get_mut(at) {
                node.children = children;
            }
        }
        Some(Self { nodes })
    }

    pub(crate) fn n_children(&self, node: usize) -> usize {
        self.nodes.get(node).map_or(0, |n| n.children.len())
    }

    pub(crate) fn child(&self, node: usize, number: usize) -> Option<usize> {
        let children = &self.nodes.get(node)?.children;
        children.clone().nth(number)
    }

    pub(crate) fn key(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("", |n| &n.key)
    }

    pub(crate) fn label(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("", |n| &n.label)
    }
}

impl Node {
    fn new(key: String, part: &Part) -> Self {
        let label = match part {
            Part::Leaf(label) => label.clone(),
            Part::Branch { is_array, parts } => {
                let (what, of) = if *is_array {
                    ("array", "item")
                } else {
                    ("object", "member")
                };
                let n = crate::text::counted(parts.len() as u64, of, &format!("{of}s"));
                format!("{what}, {n}")
            }
        };
        Self {
            key,
            label,
            children: 0..0,
        }
    }
}

/// A part of a document: what serde's own type for it does not keep is the order of members.
enum Part {
    Leaf(String),
    Branch {
        is_array: bool,
        parts: Vec<(String, Part)>,
    },
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Part, E> {
        Ok(Part::Leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Part, E> {
        Ok(Part::Leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Part, E> {
        Ok(Part::Leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Part, E> {
        Ok(Part::Leaf(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Part, E> {
        let shown = crate::text::shorten(value, TEXT_CHARS);
        Ok(Part::Leaf(serde_json::Value::String(shown).to_string()))
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part::Leaf("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Part, A::Error> {
        let mut parts = Vec::new();
        while let Some(item) = items.next_element()? {
            parts.push((parts.len().to_string(), item));
        }
        Ok(Part::Branch {
            is_array: true,
            parts,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Part, A::Error> {
        let mut parts = Vec::new();
        while let Some(member) = members.next_entry()? {
            parts.push(member);
        }
        Ok(Part::Branch {
            is_array: false,
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_items_are_found_below_their_parents_in_their_order() {
        let json = Json::parse("{\"b\": [10, \"x\"], \"a\": null}").unwrap();
        assert_eq!(json.label(0), "object, 2 members");
        let b = json.child(0, 0).unwrap();
        assert_eq!((json.key(b), json.n_children(b)), ("b", 2));
        let x = json.child(b, 1).unwrap();
        assert_eq!((json.key(x), json.label(x)), ("1", "\"x\""));
        assert_eq!(json.key(json.child(0, 1).unwrap()), "a");
        assert_eq!(json.child(0, 2), None);
    }

    #[test]
    fn nests_without_end_are_text() {
        assert!(Json::parse(&"[".repeat(100_000)).is_none());
        assert!(Json::parse("{").is_none());
    }
}
