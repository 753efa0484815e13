//! `metadata.json` to arguments, duration and time: JSON as Python's `json` writes it.
//!
//! That is more than JSON: `NaN`, `Infinity` and lone surrogates (`"\ud800"`) are written and read by Python.
//! A million of these are read in one listing, so texts are borrowed and nothing else is built.

use std::borrow::Cow;

use super::names::METADATA;

/// What joblib records of a call (`memory.py: MemorizedFunc._persist_input`).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Metadata<'a> {
    /// Seconds that the call and the storing took.
    pub(super) duration_s: Option<f64>,
    /// Seconds since 1970 when it was written; since joblib 1.3.
    pub(super) time: Option<f64>,
    /// The arguments in recorded order.
    pub(super) args: Vec<Arg<'a>>,
}

/// Name and recorded `repr` of an argument.
pub(super) type Arg<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Why a text is no metadata, for an issue or a finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Torn {
    at: usize,
    expected: &'static str,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} expected at byte {}", self.expected, self.at)
    }
}

/// More arguments than any signature has: a generated or hostile file.
const ARGS: usize = 4096;
/// A name that comes twice is looked for among this many; Python keeps the last value.
const ARGS_SEARCHED: usize = 64;

/// Reads `metadata.json` or, where `file` is another name, joblib 0.7's `input_args.json`.
pub(super) fn parse<'a>(file: &str, bytes: &'a [u8]) -> Result<Metadata<'a>, Torn> {
    let text = std::str::from_utf8(bytes).map_err(|e| Torn {
        at: e.valid_up_to(),
        expected: "UTF-8",
    })?;
    let mut json = Json { text, at: 0 };
    let mut metadata = Metadata::default();
    if file == METADATA {
        json.object(|json, name| {
            match &*name {
                "duration" => metadata.duration_s = json.number()?,
                "time" => metadata.time = json.number()?,
                "input_args" => metadata.args = json.args()?,
                _ => drop(json.value()?),
            }
            Ok(())
        })?;
    } else {
        metadata.args = json.args()?;
    }
    json.skip_space();
    if json.at < text.len() {
        return Err(json.torn("the end"));
    }
    Ok(metadata)
}

/// A place in a JSON text.
struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    fn torn(&self, expected: &'static str) -> Torn {
        Torn {
            at: self.at,
            expected,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Torn> {
        self.skip_space();
        if self.peek() != Some(byte) {
            return Err(self.torn(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Torn>,
    ) -> Result<(), Torn> {
        self.take(b'{', "an object")?;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.take(b'"', "a name")?;
            let name = self.string()?;
            self.take(b':', "a colon")?;
            self.skip_space();
            member(self, name)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.torn("a comma or the object's end")),
            }
        }
    }

    /// Names and texts; a value that is no string is kept as it is written.
    fn args(&mut self) -> Result<Vec<Arg<'a>>, Torn> {
        self.skip_space();
        if self.peek() != Some(b'{') {
            self.value()?;
            return Ok(Vec::new());
        }
        let mut args: Vec<Arg<'a>> = Vec::new();
        self.object(|json, name| {
            let text = match json.peek() {
                Some(b'"') => {
                    json.at += 1;
                    json.string()?
                }
                _ => Cow::Borrowed(json.value()?),
            };
            let same = args.iter_mut().take(ARGS_SEARCHED).find(|a| a.0 == name);
            if let Some(same) = same {
                same.1 = text;
            } else if args.len() < ARGS {
                args.push((name, text));
            } else {
                return Err(json.torn("no more than 4,096 arguments"));
            }
            Ok(())
        })?;
        Ok(args)
    }

    /// A number; `None` for whatever else stands there.
    fn number(&mut self) -> Result<Option<f64>, Torn> {
        let number = match self.value()? {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            // Rust would also read "inf" and "nan", which JSON does not know.
            text if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        Ok(number)
    }

    /// Skips one value of any kind and returns it as it is written.
    fn value(&mut self) -> Result<&'a str, Torn> {
        self.skip_space();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            self.skip_space();
            match self.peek().ok_or_else(|| self.torn("a value"))? {
                b'"' => {
                    self.at += 1;
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' | b',' | b':' if depth == 0 => return Err(self.torn("a value")),
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' => {
                    self.at += 1;
                    continue;
                }
                _ => self.skip_word(),
            }
            if depth == 0 {
                return Ok(self.text.get(start..self.at).unwrap_or_default());
            }
        }
    }

    fn skip_word(&mut self) {
        const ENDS: &[u8] = b",:{}[]\" \n\r\t";
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|b| ENDS.contains(b));
        self.at += len.unwrap_or(rest.len());
    }

    /// The rest of a string whose opening quote was read.
    fn string(&mut self) -> Result<Cow<'a, str>, Torn> {
        let plain = self.until_quote_or_escape()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            self.at += 1;
            self.escape(&mut text)?;
            text.push_str(self.until_quote_or_escape()?);
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(Cow::Owned(text));
            }
        }
    }

    fn until_quote_or_escape(&mut self) -> Result<&'a str, Torn> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.bytes().position(|b| matches!(b, b'"' | b'\\'));
        let Some(len) = len else {
            self.at = self.text.len();
            return Err(self.torn("the string's end"));
        };
        self.at += len;
        Ok(rest.get(..len).unwrap_or_default())
    }

    /// One escape after its backslash.
    fn escape(&mut self, text: &mut String) -> Result<(), Torn> {
        let escape = self.peek().ok_or_else(|| self.torn("an escape"))?;
        self.at += 1;
        text.push(match escape {
            b'"' | b'\\' | b'/' => escape.into(),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unicode_escape(text),
            _ => return Err(self.torn("an escape")),
        });
        Ok(())
    }

    /// Four hex digits after `\u`, with their partner where they are half a pair.
    ///
    /// A lone surrogate, which Python's strings can hold and ours cannot, stays the escape that it was.
    fn unicode_escape(&mut self, text: &mut String) -> Result<(), Torn> {
        let unit = self.hex4()?;
        if let Some(c) = char::from_u32(unit) {
            text.push(c);
            return Ok(());
        }
        let after = self.at;
        let is_pair = self
            .text
            .get(after..)
            .is_some_and(|rest| rest.starts_with("\\u"));
        if is_pair && unit < 0xdc00 {
            self.at += 2;
            let low = self.hex4()?;
            if let Some(c) = paired(unit, low) {
                text.push(c);
                return Ok(());
            }
            self.at = after;
        }
        text.push_str(self.text.get(after - 6..after).unwrap_or_default());
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, Torn> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.torn("four hex digits"))?;
        self.at += 4;
        Ok(unit)
    }
}

fn paired(high: u32, low: u32) -> Option<char> {
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, duration_s: Option<f64>, time: Option<f64>, args: &[(&str, &str)]) {
        let metadata = parse(METADATA, json.as_bytes()).unwrap();
        let same = |a: Option<f64>, b: Option<f64>| a.map(f64::to_bits) == b.map(f64::to_bits);
        assert!(same(metadata.duration_s, duration_s), "{metadata:?}");
        assert!(same(metadata.time, time), "{metadata:?}");
        let found: Vec<_> = metadata.args.iter().map(|(n, t)| (&**n, &**t)).collect();
        assert_eq!(found, args);
    }

    /// Texts as `json.dumps` of CPython 3.13 writes them.
    #[test]
    fn what_python_writes_is_read() {
        check(
            r#"{"duration": 0.00017, "input_args": {"text": "'second'", "lower": "True"}, "time": 1795460818.7267678}"#,
            Some(0.00017),
            Some(1_795_460_818.726_767_8),
            &[("text", "'second'"), ("lower", "True")],
        );
        check(
            r#"{"duration": NaN, "time": -Infinity, "input_args": {}}"#,
            Some(f64::NAN),
            Some(f64::NEG_INFINITY),
            &[],
        );
        check(
            r#"{"duration": 1e-05, "input_args": {"*": "[\"a\\n\"]", "**": "{}"}}"#,
            Some(1e-5),
            None,
            &[("*", "[\"a\\n\"]"), ("**", "{}")],
        );
    }

    #[test]
    fn escapes_become_characters_and_lone_surrogates_stay_escapes() {
        check(
            r#"{"input_args": {"caf\u00e9": "\ud83d\ude00 \ud83d \ude00 \ud83d\u0041 \ud83d\ud83d\ude00 \/\b\f\t"}}"#,
            None,
            None,
            &[(
                "café",
                "😀 \\ud83d \\ude00 \\ud83dA \\ud83d😀 /\u{8}\u{c}\t",
            )],
        );
    }

    #[test]
    fn values_of_unexpected_types_do_no_harm() {
        check(
            r#"{"duration": "long", "time": null, "input_args": {"x": [1, {"y": "}"}], "z": 5}, "more": [[], {}]}"#,
            None,
            None,
            &[("x", r#"[1, {"y": "}"}]"#), ("z", "5")],
        );
        check(
            r#"{"input_args": ["x"], "duration": 7}"#,
            Some(7.0),
            None,
            &[],
        );
        check(
            r#"{"input_args": {"x": "1", "x": "2"}}"#,
            None,
            None,
            &[("x", "2")],
        );
    }

    #[test]
    fn input_args_json_of_joblib_0_7_holds_the_arguments_alone() {
        let old = parse("input_args.json", br#"{"x": "3", "y": "[]"}"#).unwrap();
        assert_eq!(
            old.args,
            [("x".into(), "3".into()), ("y".into(), "[]".into())]
        );
    }

    #[test]
    fn torn_texts_say_where() {
        for (json, at) in [
            ("", 0),
            ("[1]", 0),
            ("null", 0),
            (r#"{"duration": 1.5"#, 16),
            (r#"{"duration": 1.5}x"#, 17),
            (r#"{"input_args": {"x": "ab"#, 24),
            (r#"{"input_args": {"x": "\u12"#, 24),
            (r#"{"input_args": {"x": "\q"}}"#, 24),
            (r#"{"a": ]}"#, 6),
        ] {
            assert_eq!(
                parse(METADATA, json.as_bytes()).unwrap_err().at,
                at,
                "{json}"
            );
        }
        assert_eq!(parse(METADATA, b"{\"a\": \"\xff\"}").unwrap_err().at, 7);
    }

    #[test]
    fn deep_nesting_and_every_cut_are_refused_without_harm() {
        let deep = format!(r#"{{"more": {}"#, "[".repeat(1_000_000));
        assert!(parse(METADATA, deep.as_bytes()).is_err());
        let whole =
            r#"{"duration": 0.5, "input_args": {"x": "\ud83d\ude00é", "y": "[1]"}, "time": 1.5}"#;
        for end in 0..whole.len() {
            assert!(parse(METADATA, &whole.as_bytes()[..end]).is_err(), "{end}");
        }
        assert!(parse(METADATA, whole.as_bytes()).is_ok());
    }
}
