//! The one table of pickle opcodes, protocols 0 to 5 (CPython 3.13 `Lib/pickletools.py: opcodes`).

/// Shape of an opcode's argument in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgShape {
    None,
    /// Little-endian numbers of 1, 2, 4 and 8 bytes.
    U8,
    U16,
    U32,
    I32,
    U64,
    /// Big-endian double.
    F64,
    /// Text up to a line feed.
    Line,
    /// Two such lines.
    TwoLines,
    /// Bytes behind a length of 1, 4 (unsigned or signed) or 8 bytes.
    Counted1,
    Counted4,
    CountedSigned4,
    Counted8,
}

/// One opcode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opcode {
    pub(super) name: &'static str,
    pub(super) arg: ArgShape,
    /// First protocol that has it.
    pub(super) protocol: u8,
}

macro_rules! opcodes {
    ($($name:ident = $byte:literal, $arg:ident, $protocol:literal;)*) => {
        $(pub(super) const $name: u8 = $byte;)*

        /// What stands for each byte; `None` where no protocol defines it.
        #[expect(clippy::indexing_slicing, reason = "evaluated at build time, and a byte is below 256")]
        pub(super) static TABLE: [Option<Opcode>; 256] = {
            let mut table = [None; 256];
            $(table[$byte as usize] = Some(Opcode { name: stringify!($name), arg: ArgShape::$arg, protocol: $protocol });)*
            table
        };
    };
}

opcodes! {
    MARK = b'(', None, 0;
    STOP = b'.', None, 0;
    POP = b'0', None, 0;
    POP_MARK = b'1', None, 1;
    DUP = b'2', None, 0;
    FLOAT = b'F', Line, 0;
    INT = b'I', Line, 0;
    BININT = b'J', I32, 1;
    BININT1 = b'K', U8, 1;
    LONG = b'L', Line, 0;
    BININT2 = b'M', U16, 1;
    NONE = b'N', None, 0;
    PERSID = b'P', Line, 0;
    BINPERSID = b'Q', None, 1;
    REDUCE = b'R', None, 0;
    STRING = b'S', Line, 0;
    BINSTRING = b'T', CountedSigned4, 1;
    SHORT_BINSTRING = b'U', Counted1, 1;
    UNICODE = b'V', Line, 0;
    BINUNICODE = b'X', Counted4, 1;
    APPEND = b'a', None, 0;
    BUILD = b'b', None, 0;
    GLOBAL = b'c', TwoLines, 0;
    DICT = b'd', None, 0;
    EMPTY_DICT = b'}', None, 1;
    APPENDS = b'e', None, 1;
    GET = b'g', Line, 0;
    BINGET = b'h', U8, 1;
    INST = b'i', TwoLines, 0;
    LONG_BINGET = b'j', U32, 1;
    LIST = b'l', None, 0;
    EMPTY_LIST = b']', None, 1;
    OBJ = b'o', None, 1;
    PUT = b'p', Line, 0;
    BINPUT = b'q', U8, 1;
    LONG_BINPUT = b'r', U32, 1;
    SETITEM = b's', None, 0;
    TUPLE = b't', None, 0;
    EMPTY_TUPLE = b')', None, 1;
    SETITEMS = b'u', None, 1;
    BINFLOAT = b'G', F64, 1;
    BINBYTES = b'B', Counted4, 3;
    SHORT_BINBYTES = b'C', Counted1, 3;
    PROTO = 0x80, U8, 2;
    NEWOBJ = 0x81, None, 2;
    EXT1 = 0x82, U8, 2;
    EXT2 = 0x83, U16, 2;
    EXT4 = 0x84, I32, 2;
    TUPLE1 = 0x85, None, 2;
    TUPLE2 = 0x86, None, 2;
    TUPLE3 = 0x87, None, 2;
    NEWTRUE = 0x88, None, 2;
    NEWFALSE = 0x89, None, 2;
    LONG1 = 0x8a, Counted1, 2;
    LONG4 = 0x8b, CountedSigned4, 2;
    SHORT_BINUNICODE = 0x8c, Counted1, 4;
    BINUNICODE8 = 0x8d, Counted8, 4;
    BINBYTES8 = 0x8e, Counted8, 4;
    EMPTY_SET = 0x8f, None, 4;
    ADDITEMS = 0x90, None, 4;
    FROZENSET = 0x91, None, 4;
    NEWOBJ_EX = 0x92, None, 4;
    STACK_GLOBAL = 0x93, None, 4;
    MEMOIZE = 0x94, None, 4;
    FRAME = 0x95, U64, 4;
    BYTEARRAY8 = 0x96, Counted8, 5;
    NEXT_BUFFER = 0x97, None, 5;
    READONLY_BUFFER = 0x98, None, 5;
}

/// What stands for `byte`.
pub(super) fn opcode(byte: u8) -> Option<Opcode> {
    TABLE.get(usize::from(byte)).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_of_the_five_protocols_is_known() {
        // len(pickletools.opcodes) is 68 in CPython 3.8 to 3.13.
        assert_eq!(TABLE.iter().flatten().count(), 68);
    }
}
