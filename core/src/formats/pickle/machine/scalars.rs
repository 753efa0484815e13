//! Opcodes that push one number, text or bytes.

use super::{Arg, Build, Integer, LeafKind, Machine, Step, decimal, float_text};

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
        if std::str::from_utf8(bytes).is_err() {
            let is_cut = arg.len as u64 != arg.number;
            if let Some(at) = invalid_utf8(bytes, is_cut) {
                return Err(self.broken(format!(
                    "expected UTF-8 text, found another byte at {at} of it"
                )));
            }
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

    pub(super) fn int_line(&mut self, arg: Arg, position: usize, may_be_bool: bool) -> Step {
        let line = self.input.bytes(arg);
        // `I00` and `I01` are how protocols 0 and 1 write False and True.
        if may_be_bool && matches!(line, b"00" | b"01") {
            let value = line == b"01";
            self.stack.push(B::bool(value));
            return Ok(());
        }
        match decimal(line) {
            Integer::Small(value) => {
                self.int(value, position);
                Ok(())
            }
            Integer::Decimal(digits) if is_decimal(&digits) => {
                self.leaf(LeafKind::Number, position);
                Ok(())
            }
            _ => Err(self.broken("expected a decimal number on the line")),
        }
    }

    pub(super) fn float_line(&mut self, arg: Arg, position: usize) -> Step {
        if float_text(self.input.bytes(arg)).is_none() {
            return Err(self.broken("expected a float on the line"));
        }
        self.leaf(LeafKind::Number, position);
        Ok(())
    }

    /// The memo slot on a text line.
    pub(super) fn slot(&mut self, arg: Arg) -> Step<u64> {
        let line = std::str::from_utf8(self.input.bytes(arg)).unwrap_or_default();
        match line.trim().parse() {
            Ok(slot) => Ok(slot),
            Err(_) => Err(self.broken("expected the number of a memo slot on the line")),
        }
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

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
