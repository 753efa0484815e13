//! JSON rewritten as a pickle, so that one decoder reads, shows and saves all: what `json.loads` makes of a text.
//!
//! `Lib/json/decoder.py, scanner.py` of CPython 3.13: whole numbers of any length, NaN and the infinities, lone
//! surrogates, members in the order of the text.

use super::pickle::emit::Pickler;

/// Rewrites one JSON text. Nothing recurses: it may be nested as deep as it is long.
///
/// # Errors
/// What is wrong with it, and at which byte.
pub(crate) fn to_pickle(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| format!("expected UTF-8, found another byte at {}", e.valid_up_to()))?;
    let mut reader = Reader { text, at: 0 };
    let mut pickler = Pickler::new();
    let mut open = Vec::new();
    loop {
        reader.skip_spaces();
        if let Some(container) = Container::begun_by(reader.peek()) {
            reader.at += 1;
            container.begin(&mut pickler);
            reader.skip_spaces();
            if !reader.takes(container.end()) {
                open.push(container);
                container.before_item(&mut reader, &mut pickler)?;
                continue;
            }
            container.finish(&mut pickler);
        } else {
            reader.scalar(&mut pickler)?;
        }
        // A value is complete, and with it perhaps what it was the last of.
        loop {
            reader.skip_spaces();
            let Some(container) = open.last().copied() else {
                let is_end = reader.peek().is_none();
                return if is_end {
                    Ok(pickler.finish())
                } else {
                    Err(reader.why("the end"))
                };
            };
            if reader.takes(b',') {
                reader.skip_spaces();
                container.before_item(&mut reader, &mut pickler)?;
                break;
            }
            if !reader.takes(container.end()) {
                return Err(reader.why(container.what_follows()));
            }
            container.finish(&mut pickler);
            open.pop();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    List,
    Dict,
}

impl Container {
    fn begun_by(byte: Option<u8>) -> Option<Self> {
        match byte {
            Some(b'[') => Some(Self::List),
            Some(b'{') => Some(Self::Dict),
            _ => None,
        }
    }

    fn end(self) -> u8 {
        match self {
            Self::List => b']',
            Self::Dict => b'}',
        }
    }

    fn what_follows(self) -> &'static str {
        match self {
            Self::List => "a comma or ]",
            Self::Dict => "a comma or }",
        }
    }

    fn begin(self, pickler: &mut Pickler) {
        match self {
            Self::List => pickler.begin_list(),
            Self::Dict => pickler.begin_dict(),
        }
    }

    fn finish(self, pickler: &mut Pickler) {
        match self {
            Self::List => pickler.end_list(),
            Self::Dict => pickler.end_dict(),
        }
    }

    /// The name of a dict's member and its colon.
    fn before_item(self, reader: &mut Reader<'_>, pickler: &mut Pickler) -> Result<(), String> {
        if self == Self::List {
            return Ok(());
        }
        if !reader.takes(b'"') {
            return Err(reader.why("a name in quotes"));
        }
        reader.string(pickler)?;
        reader.skip_spaces();
        if reader.takes(b':') {
            Ok(())
        } else {
            Err(reader.why("a colon"))
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn why(&self, expected: &str) -> String {
        let found = self.rest().chars().next();
        let found = found.map_or("the end".to_owned(), |c| format!("{c:?}"));
        format!("expected {expected} at byte {}, found {found}", self.at)
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    /// Goes on while bytes are of a kind; these must be characters of their own.
    fn skip(&mut self, is_of_kind: impl Fn(u8) -> bool) {
        let rest = self.rest().bytes();
        self.at += rest.take_while(|byte| is_of_kind(*byte)).count();
    }

    fn skip_spaces(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn scalar(&mut self, pickler: &mut Pickler) -> Result<(), String> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                return self.string(pickler);
            }
            Some(b'0'..=b'9') => return self.number(pickler),
            Some(b'-') if !self.rest().starts_with("-I") => return self.number(pickler),
            _ => {}
        }
        type Push = fn(&mut Pickler);
        const WORDS: [(&str, Push); 6] = [
            ("null", Pickler::none),
            ("true", |to| to.bool(true)),
            ("false", |to| to.bool(false)),
            ("NaN", |to| to.float(f64::NAN)),
            ("Infinity", |to| to.float(f64::INFINITY)),
            ("-Infinity", |to| to.float(f64::NEG_INFINITY)),
        ];
        let rest = self.rest();
        let Some((word, push)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) else {
            return Err(self.why("a value"));
        };
        self.at += word.len();
        push(pickler);
        Ok(())
    }

    /// `(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?`
    fn number(&mut self, pickler: &mut Pickler) -> Result<(), String> {
        let start = self.at;
        let is_digit = |byte: u8| byte.is_ascii_digit();
        self.takes(b'-');
        if !self.peek().is_some_and(is_digit) {
            return Err(self.why("a digit"));
        }
        if !self.takes(b'0') {
            self.skip(is_digit);
        }
        let end_of_int = self.at;
        for (begins, may_have_sign) in [(&b"."[..], false), (b"eE", true)] {
            let before = self.at;
            if self.peek().is_some_and(|byte| begins.contains(&byte)) {
                self.at += 1;
                if may_have_sign && !self.takes(b'-') {
                    self.takes(b'+');
                }
                let n_before = self.at;
                self.skip(is_digit);
                if self.at == n_before {
                    self.at = before;
                }
            }
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        if self.at == end_of_int {
            match digits.parse() {
                Ok(int) => pickler.int(int),
                Err(_) => pickler.decimal(digits),
            }
        } else {
            let float = digits.parse();
            pickler.float(float.map_err(|e: std::num::ParseFloatError| e.to_string())?);
        }
        Ok(())
    }

    /// Text up to its closing quote, which is taken.
    fn string(&mut self, pickler: &mut Pickler) -> Result<(), String> {
        let is_plain = |byte: u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let start = self.at;
        self.skip(is_plain);
        let mut text = self.text.get(start..self.at).unwrap_or_default().as_bytes();
        let mut unescaped;
        if self.peek() == Some(b'\\') {
            unescaped = text.to_vec();
            while self.takes(b'\\') {
                self.escape(&mut unescaped)?;
                let start = self.at;
                self.skip(is_plain);
                unescaped.extend(self.text.get(start..self.at).unwrap_or_default().bytes());
            }
            text = &unescaped;
        }
        if !self.takes(b'"') {
            return Err(self.why("text or its closing quote"));
        }
        pickler.text(text);
        Ok(())
    }

    /// What stands behind a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_points(out);
            }
            _ => return Err(self.why("an escape")),
        };
        self.at += 1;
        out.push(byte);
        Ok(())
    }

    /// Four hexadecimal digits, or two times four that are a pair of surrogates.
    fn code_points(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let Some(mut code) = self.hex() else {
            return Err(self.why("four hexadecimal digits"));
        };
        if (0xd800..0xdc00).contains(&code) && self.rest().starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            match self.hex() {
                Some(low @ 0xdc00..0xe000) => {
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                _ => self.at = before,
            }
        }
        if let Some(c) = char::from_u32(code) {
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
        } else {
            // A lone surrogate, as Python's `surrogatepass` writes it.
            let low = |bits: u32| u8::try_from(bits & 0x3f).unwrap_or(0) | 0x80;
            out.extend([0xed, low(code >> 6), low(code)]);
        }
        Ok(())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        // A sign would be taken for a part of the number.
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        self.at += 4;
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pickle;

    fn repr(json: &str) -> String {
        let decoded = pickle::decode_bytes(&to_pickle(json.as_bytes()).unwrap());
        assert!(decoded.is_complete, "{json}");
        decoded.value.repr(decoded.value.root(), 1000).text
    }

    #[test]
    fn json_reads_as_python_loads_it() {
        // repr(json.loads(…)), CPython 3.13
        for (json, expected) in [
            (
                r#"{"a": [1, -2.5, null, true, 18446744073709551615], "b": {"c\u2603": ""}}"#,
                "{'a': [1, -2.5, None, True, 18446744073709551615], 'b': {'c☃': ''}}",
            ),
            (
                r#" {"b" : 1 , "a" : {} , "" : [ ] } "#,
                "{'b': 1, 'a': {}, '': []}",
            ),
            (
                "[123456789012345678901234567890, -9223372036854775809, -0, 0]",
                "[123456789012345678901234567890, -9223372036854775809, 0, 0]",
            ),
            // Numbers that a parser which rounds twice reads one unit too low or too high.
            (
                "[0.3, 0.1234567890123456, 8.41e+21, 9.5e-320, 1e400, -0.0, 1E5, 5e-324]",
                "[0.3, 0.1234567890123456, 8.41e+21, 9.5e-320, inf, -0.0, 100000.0, 5e-324]",
            ),
            ("[NaN, Infinity, -Infinity]", "[nan, inf, -inf]"),
            (r#""\ud800x""#, r"'\ud800x'"),
            (
                r#""\ud83d\ude00 \ud83d\u0041 \udfff""#,
                r"'😀 \ud83dA \udfff'",
            ),
            (r#""\"\\\/\b\f\n\r\t\u001f""#, r#"'"\\/\x08\x0c\n\r\t\x1f'"#),
            ("\"\u{e9}\u{7f}\"", "'é\\x7f'"),
        ] {
            assert_eq!(repr(json), expected, "{json}");
        }
    }

    #[test]
    fn floats_come_back_to_the_last_bit() {
        let mut state = 1_u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let float = f64::from_bits(state);
            if float.is_finite() {
                let json = format!("{float:e}");
                let decoded = pickle::decode_bytes(&to_pickle(json.as_bytes()).unwrap());
                let expected = crate::formats::repr::float_repr(float);
                // Whole numbers without an exponent would be no floats.
                assert_eq!(decoded.value.repr(decoded.value.root(), 100).text, expected);
            }
        }
    }

    #[test]
    fn what_python_refuses_is_refused_and_the_place_told() {
        for bad in [
            "",
            " ",
            "{",
            "[1] 2",
            "\u{1}",
            "{1: 2}",
            "[1,]",
            "{\"a\":1,}",
            "[,1]",
            "01",
            "1.",
            "1e",
            "-",
            "+1",
            ".5",
            "\"",
            "\"\n\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\u+123""#,
            r#""\u12é""#,
            "nul",
            "True",
            "-Inf",
            "{\"a\" 1}",
            "[1 2]",
            "]",
            "\u{feff}1",
            "'a'",
        ] {
            assert!(to_pickle(bad.as_bytes()).is_err(), "{bad}");
        }
        let why = to_pickle(b"[1, x]").unwrap_err();
        assert_eq!(why, "expected a value at byte 4, found 'x'");
        assert!(to_pickle(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_is_no_matter() {
        let n = 200_000;
        assert!(to_pickle("[".repeat(n).as_bytes()).is_err());
        let deep = [vec![b'['; n], vec![b']'; n]].concat();
        assert!(to_pickle(&deep).is_ok());
    }
}
