//! Opcodes that push one number, text or bytes.

use std::hash::BuildHasher as _;

use super::{Arg, Build, Integer, LeafKind, Machine, Step, digits};

/// Slots beyond all that numbers name.
const FIRST_NAMED_SLOT: u64 = 1 << 63;

impl<B: Build> Machine<'_, B> {
    #[inline]
    pub(super) fn leaf(&mut self, kind: LeafKind, position: usize) {
        let leaf = self.build.leaf(kind, position, self.at);
        self.stack.push(leaf);
    }

    #[inline]
    pub(super) fn int(&mut self, value: i64, position: usize) {
        match B::int(value) {
            Some(int) => self.stack.push(int),
            None => self.leaf(LeafKind::Number, position),
        }
    }

    #[inline]
    pub(super) fn utf8(&mut self, arg: Arg, position: usize) -> Step {
        let bytes = self.input.bytes(arg);
        if std::str::from_utf8(bytes).is_err()
            && let Some(at) = invalid_utf8(bytes, arg.is_cut())
        {
            return Err(self.broken(format!(
                "expected UTF-8 text, found another byte at {at} of it"
            )));
        }
        self.note_word(arg);
        self.leaf(LeafKind::Text, position);
        Ok(())
    }

    pub(super) fn long(&mut self, arg: Arg, position: usize) {
        let bytes = self.input.bytes(arg);
        let mut wide = [if bytes.last().is_some_and(|b| *b >= 0x80) {
            0xff
        } else {
            0
        }; 8];
        if arg.number <= 8
            && let Some(low) = wide.get_mut(..bytes.len())
        {
            low.copy_from_slice(bytes);
            self.int(i64::from_le_bytes(wide), position);
        } else {
            self.leaf(LeafKind::Number, position);
        }
    }

    /// INT and LONG. What no Python reads as a number is damage, and what stands behind it is read all the same.
    pub(super) fn int_line(&mut self, arg: Arg, position: usize, may_be_bool: bool) {
        let line = self.input.bytes(arg);
        match digits::integer(line) {
            // `I00` and `I01` are how protocols 0 and 1 write False and True; CPython goes by length and value.
            Some(Integer::Small(value @ 0..=1)) if may_be_bool && line.len() == 2 => {
                self.stack.push(B::bool(value == 1));
            }
            Some(Integer::Small(value)) => self.int(value, position),
            Some(_) => self.leaf(LeafKind::Number, position),
            None if arg.is_cut() => self.leaf(LeafKind::Number, position),
            None => self.no_number("expected an integer on the line"),
        }
    }

    pub(super) fn float_line(&mut self, arg: Arg, position: usize) {
        if arg.is_cut() || digits::float(self.input.bytes(arg)).is_some() {
            self.leaf(LeafKind::Number, position);
        } else {
            self.no_number("expected a float on the line");
        }
    }

    fn no_number(&mut self, message: &str) {
        self.note_damage(message);
        self.stack.push(B::MISSING);
    }

    /// The memo slot on a text line. Python 2 takes any text for one: such slots stand behind all others.
    pub(super) fn slot(&mut self, arg: Arg) -> u64 {
        let line = self.input.bytes(arg);
        let number = digits::slot(line).filter(|slot| *slot < FIRST_NAMED_SLOT && !arg.is_cut());
        if let Some(number) = number {
            return number;
        }
        let named = self.slot_names.hash_one(line) | FIRST_NAMED_SLOT;
        self.note_damage("expected the number of a memo slot on the line");
        named
    }
}

/// Where bytes stop being UTF-8 with surrogates passed; a cut end may stand in the middle of a character.
fn invalid_utf8(bytes: &[u8], is_cut: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match std::str::from_utf8(rest) {
            Ok(_) => return None,
            Err(error) => at += error.valid_up_to(),
        }
        match bytes.get(at..) {
            Some([0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]) => at += 3,
            Some(rest) if is_cut && rest.len() < 4 => return None,
            _ => return Some(at),
        }
    }
    None
}
