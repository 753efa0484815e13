//! Keys of dicts and members of sets, brought into one order by all of their text.
//!
//! The order only says which belong together; whether they are the same, their own values tell.

use std::cell::Cell;

use crate::model::Value;
use crate::model::value::NodeId;

/// Characters that all keys and members of one comparison may print.
const MAX_CHARS: usize = 128 << 20;

/// What is left of them.
pub(super) struct Labels(Cell<usize>);

/// Nodes in the order of their texts.
pub(super) struct Labelled {
    /// Each with its number in the container.
    list: Vec<(String, usize)>,
    is_cut: bool,
}

/// How two such lists fit.
pub(super) enum Fit {
    /// Numbers in one container and in the other.
    Pairs(Vec<(usize, usize)>),
    /// Something stands in one of them only.
    None,
    /// Their texts cannot tell.
    Unknown,
}

impl Labels {
    pub(super) fn new() -> Self {
        Self(Cell::new(MAX_CHARS))
    }

    pub(super) fn of(&self, value: &Value, nodes: &[NodeId]) -> Labelled {
        let mut is_cut = false;
        let label = |node: &NodeId| {
            let repr = value.settled_repr(*node, self.0.get());
            is_cut |= repr.is_cut;
            self.0.set(self.0.get().saturating_sub(repr.text.len()));
            repr.text
        };
        let mut list: Vec<_> = nodes.iter().map(label).zip(0..).collect();
        list.sort_unstable();
        Labelled { list, is_cut }
    }
}

impl Labelled {
    pub(super) fn fit(&self, other: &Self) -> Fit {
        if self.list.len() != other.list.len() {
            return Fit::None;
        }
        // Of one each there is nothing to choose.
        if self.list.len() == 1 {
            return Fit::Pairs(vec![(0, 0)]);
        }
        if self.is_cut || other.is_cut {
            return Fit::Unknown;
        }
        if !self
            .list
            .iter()
            .map(text_of)
            .eq(other.list.iter().map(text_of))
        {
            return Fit::None;
        }
        // Objects that print alike need not be alike.
        if self.list.array_windows().any(|[(a, _), (b, _)]| a == b) {
            return Fit::Unknown;
        }
        let numbers = self.list.iter().zip(&other.list);
        Fit::Pairs(numbers.map(|((_, a), (_, b))| (*a, *b)).collect())
    }
}

fn text_of((text, _): &(String, usize)) -> &str {
    text
}
