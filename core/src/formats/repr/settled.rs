//! Values printed with the members of their sets in one order, whatever order they were stored in: texts to compare.

use super::{Piece, Printer, Repr, text::Out};
use crate::formats::made::set_members;
use crate::model::value::{NodeId, Value};

/// Sets inside sets that are put into order; each takes a stack frame and another copy of the text.
const MAX_LEVELS: u32 = 32;

impl Value {
    /// As [`Value::repr`], equal for values that differ only in the order in which their sets were stored: Python
    /// stores members by hashes, which are others in each run.
    pub(crate) fn settled_repr(&self, node: NodeId, max_chars: usize) -> Repr {
        let mut printer = Printer::new(self, node, max_chars);
        printer.settled_levels = MAX_LEVELS;
        printer.print()
    }
}

impl Printer<'_> {
    /// The pieces of a set; `None` for what is none, or where the order does not matter.
    pub(super) fn settled(&mut self, node: NodeId) -> Option<Vec<Piece>> {
        let levels = self.settled_levels.checked_sub(1)?;
        let (is_frozen, members) = set_members(self.value, node)?;
        let mut left = self.out.chars_left();
        let mut texts = Vec::new();
        for member in members {
            let mut inner = Printer::new(self.value, member, left);
            inner.settled_levels = levels;
            std::mem::swap(&mut inner.open, &mut self.open);
            std::mem::swap(&mut inner.repeated, &mut self.repeated);
            inner.run();
            std::mem::swap(&mut inner.open, &mut self.open);
            std::mem::swap(&mut inner.repeated, &mut self.repeated);
            left = inner.out.chars_left();
            self.out.is_cut |= inner.out.is_cut;
            self.has_stand_ins |= inner.has_stand_ins;
            texts.push(Out::into_text(inner.out));
        }
        texts.sort_unstable();
        let (open, close) = match (is_frozen, texts.is_empty()) {
            (true, true) => ("frozenset(", ")"),
            (true, false) => ("frozenset({", "})"),
            (false, true) => ("set(", ")"),
            (false, false) => ("{", "}"),
        };
        Some(vec![Piece::Text(format!(
            "{open}{}{close}",
            texts.join(", ")
        ))])
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::pickle;

    fn check(pickle: &[u8], expected: &str) {
        let value = pickle::decode_bytes(pickle).value;
        assert_eq!(value.settled_repr(value.root(), 1000).text, expected);
    }

    #[test]
    fn sets_print_alike_in_any_order() {
        // {frozenset({'b', 'a'}): {2, 1}} by protocol 4, and ({frozenset(), frozenset(['b', 'a'])},) by protocol 2.
        check(
            b"\x80\x04}(X\x01\0\0\0bX\x01\0\0\0a\x91\x8f(K\x02K\x01\x90s.",
            "{frozenset({'a', 'b'}): {1, 2}}",
        );
        check(
            b"\x80\x02c__builtin__\nset\n](c__builtin__\nfrozenset\n](X\x01\0\0\0bX\x01\0\0\0ae\x85R\
              c__builtin__\nfrozenset\n]\x85Re\x85R\x85.",
            "({frozenset(), frozenset({'a', 'b'})},)",
        );
    }

    #[test]
    fn sets_in_sets_cost_no_more_than_their_budget() {
        // Each of 200 frozensets holds the one before it twice.
        let twice = b"2\x91".to_vec();
        let mut pickle = b"\x80\x04(K\x01\x91".to_vec();
        pickle.extend((0..200).flat_map(|_| [&b"q\x00(h\x00h\x00"[..], &twice[1..]].concat()));
        // What lies below each frozenset goes with the whole.
        pickle.extend(b".");
        let value = pickle::decode_bytes(&pickle).value;
        assert!(value.settled_repr(value.root(), 10_000).is_cut);
    }
}
