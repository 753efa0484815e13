//! Native values as opcodes of protocol 4, and the frame around them: what writers of stores need of a pickler.

use super::opcodes as op;

/// What every pickle of ours begins with.
pub(crate) const HEAD: &[u8] = &[op::PROTO, 4];

pub(crate) const EMPTY_DICT: &[u8] = &[op::EMPTY_DICT];
pub(crate) const MARK: &[u8] = &[op::MARK];
pub(crate) const SETITEMS: &[u8] = &[op::SETITEMS];
pub(crate) const TUPLE: &[u8] = &[op::TUPLE];
pub(crate) const STOP: &[u8] = &[op::STOP];

/// Shorter contents have no frame (`Lib/pickle.py: _Framer._FRAME_SIZE_MIN`).
const MIN_FRAME: usize = 4;
/// Longer text and bytes stand outside of frames (`_FRAME_SIZE_TARGET`).
pub(super) const FRAME_SIZE: usize = 64 << 10;

/// A whole pickle of one native value, which `push` appends, framed as CPython frames it.
pub(crate) fn whole(push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    push(&mut body);
    body.push(op::STOP);
    let mut pickle = HEAD.to_vec();
    if body.len() < FRAME_SIZE {
        frame(&body, &mut pickle);
    } else {
        pickle.extend(body);
    }
    pickle
}

/// A whole pickle of text.
pub(crate) fn whole_text(utf8: &[u8]) -> Vec<u8> {
    whole(|out| {
        text(utf8, out);
        out.push(op::MEMOIZE);
    })
}

/// A whole pickle of bytes.
pub(crate) fn whole_bytes(plain: &[u8]) -> Vec<u8> {
    whole(|out| {
        bytes(plain, out);
        out.push(op::MEMOIZE);
    })
}

/// Appends opcodes, behind the FRAME that CPython would write before them.
pub(super) fn frame(body: &[u8], out: &mut Vec<u8>) {
    if body.len() >= MIN_FRAME {
        out.push(op::FRAME);
        out.extend((body.len() as u64).to_le_bytes());
    }
    out.extend(body);
}

/// `None`.
pub(crate) fn none(out: &mut Vec<u8>) {
    out.push(op::NONE);
}

/// An integer, in the shortest form that CPython writes (`Lib/pickle.py: save_long`).
pub(crate) fn int(value: i64, out: &mut Vec<u8>) {
    if let Ok(byte) = u8::try_from(value) {
        out.extend([op::BININT1, byte]);
    } else if let Ok(short) = u16::try_from(value) {
        out.push(op::BININT2);
        out.extend(short.to_le_bytes());
    } else if let Ok(int) = i32::try_from(value) {
        out.push(op::BININT);
        out.extend(int.to_le_bytes());
    } else {
        let bytes = value.to_le_bytes();
        let sign = if value < 0 { 0xff } else { 0 };
        let n_sign = bytes.iter().rev().take_while(|b| **b == sign).count();
        // The highest bit that stays has to say the sign.
        let mut len = bytes.len() - n_sign;
        let top = len.checked_sub(1).and_then(|at| bytes.get(at)).copied();
        if top.is_none_or(|top| (top >> 7 == 1) != (value < 0)) {
            len += 1;
        }
        out.extend([op::LONG1, u8::try_from(len).unwrap_or(8)]);
        out.extend(bytes.get(..len).unwrap_or(&bytes));
    }
}

/// A float.
pub(crate) fn float(value: f64, out: &mut Vec<u8>) {
    out.push(op::BINFLOAT);
    out.extend(value.to_be_bytes());
}

/// Text in UTF-8, surrogates passed.
pub(crate) fn text(utf8: &[u8], out: &mut Vec<u8>) {
    counted(
        [op::SHORT_BINUNICODE, op::BINUNICODE, op::BINUNICODE8],
        utf8,
        out,
    );
}

/// Bytes.
pub(crate) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    counted(
        [op::SHORT_BINBYTES, op::BINBYTES, op::BINBYTES8],
        bytes,
        out,
    );
}

/// Takes a memo slot's value.
pub(super) fn get(slot: u32, out: &mut Vec<u8>) {
    if let Ok(slot) = u8::try_from(slot) {
        out.extend([op::BINGET, slot]);
    } else {
        out.push(op::LONG_BINGET);
        out.extend(slot.to_le_bytes());
    }
}

/// A global by the opcode that every protocol has.
pub(super) fn global(module: &str, name: &str, out: &mut Vec<u8>) {
    out.push(op::GLOBAL);
    out.extend(module.bytes());
    out.push(b'\n');
    out.extend(name.bytes());
    out.push(b'\n');
}

/// The opcode with a length of 1, 4 or 8 bytes.
fn counted([short, middle, long]: [u8; 3], bytes: &[u8], out: &mut Vec<u8>) {
    if let Ok(len) = u8::try_from(bytes.len()) {
        out.extend([short, len]);
    } else if let Ok(len) = u32::try_from(bytes.len()) {
        out.push(middle);
        out.extend(len.to_le_bytes());
    } else {
        out.push(long);
        out.extend((bytes.len() as u64).to_le_bytes());
    }
    out.extend(bytes);
}

/// A pickle of plain data in the writing, without memo and frames: what other notations are rewritten as.
#[derive(Debug)]
pub(crate) struct Pickler(Vec<u8>);

impl Pickler {
    pub(crate) fn new() -> Self {
        Self(HEAD.to_vec())
    }

    pub(crate) fn none(&mut self) {
        none(&mut self.0);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.0.push(if value { op::NEWTRUE } else { op::NEWFALSE });
    }

    pub(crate) fn int(&mut self, value: i64) {
        int(value, &mut self.0);
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        if let Ok(value) = i64::try_from(value) {
            return self.int(value);
        }
        // A ninth byte says that the number is positive.
        self.0.extend([op::LONG1, 9]);
        self.0.extend(value.to_le_bytes());
        self.0.push(0);
    }

    /// An integer of any length, by its decimal digits.
    pub(crate) fn decimal(&mut self, digits: &str) {
        self.0.push(op::LONG);
        self.0.extend(digits.bytes());
        self.0.extend(b"L\n");
    }

    pub(crate) fn float(&mut self, value: f64) {
        float(value, &mut self.0);
    }

    /// A `datetime` of UTC without a zone, as libraries write it; the number where it lies outside of its years.
    pub(crate) fn datetime_of_millis(&mut self, millis: i64) {
        let utc = jiff::Timestamp::from_millisecond(millis).ok();
        let utc = utc.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime());
        let Some((at, year)) = utc.and_then(|at| Some((at, u16::try_from(at.year()).ok()?))) else {
            return self.int(millis);
        };
        // `datetime.__reduce__`: year, month, day, hour, minute, second, and microseconds in three bytes.
        let [high, low] = year.to_be_bytes();
        let parts = [at.month(), at.day(), at.hour(), at.minute(), at.second()];
        let micros = at.subsec_nanosecond().unsigned_abs() / 1000;
        let [_, micros @ ..] = micros.to_be_bytes();
        let mut packed = vec![high, low];
        packed.extend(parts.map(i8::unsigned_abs));
        packed.extend(micros);
        global("datetime", "datetime", &mut self.0);
        self.bytes(&packed);
        self.0.extend([op::TUPLE1, op::REDUCE]);
    }

    pub(crate) fn str(&mut self, value: &str) {
        self.text(value.as_bytes());
    }

    /// Text in UTF-8, surrogates passed.
    pub(crate) fn text(&mut self, utf8: &[u8]) {
        text(utf8, &mut self.0);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        bytes(value, &mut self.0);
    }

    /// Text where it is UTF-8, else bytes.
    pub(crate) fn str_or_bytes(&mut self, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(text) => self.str(text),
            Err(_) => self.bytes(value),
        }
    }

    /// Begins a list; its items follow.
    pub(crate) fn begin_list(&mut self) {
        self.0.extend([op::EMPTY_LIST, op::MARK]);
    }

    pub(crate) fn end_list(&mut self) {
        self.0.push(op::APPENDS);
    }

    /// Begins a dict; keys and values follow in turn.
    pub(crate) fn begin_dict(&mut self) {
        self.0.extend([op::EMPTY_DICT, op::MARK]);
    }

    pub(crate) fn end_dict(&mut self) {
        self.0.push(op::SETITEMS);
    }

    /// The finished pickle.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.push(op::STOP);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode_bytes;
    use super::*;

    #[test]
    fn integers_are_written_as_python_writes_them() {
        // pickle.dumps(n, 4)[2:-1] of CPython 3.13, frames left out.
        for (value, expected) in [
            (0_i64, &b"K\x00"[..]),
            (255, b"K\xff"),
            (256, b"M\x00\x01"),
            (65_536, b"J\x00\x00\x01\x00"),
            (-1, b"J\xff\xff\xff\xff"),
            (1 << 31, b"\x8a\x05\x00\x00\x00\x80\x00"),
            (-(1 << 31) - 1, b"\x8a\x05\xff\xff\xff\x7f\xff"),
            (1 << 40, b"\x8a\x06\x00\x00\x00\x00\x00\x01"),
            (i64::MIN, b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"),
            (i64::MAX, b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ] {
            let mut out = Vec::new();
            int(value, &mut out);
            assert_eq!(out, expected, "{value}");
            let decoded = decode_bytes(&whole(|out| int(value, out)));
            assert_eq!(decoded.value.int(decoded.value.root()), Some(value));
        }
    }
}
