//! Python literals in text, such as recorded arguments and `.npy` headers, to values; a grammar of our own, no `eval`.

use crate::model::value::{KeptText, NodeId, Tag, Value, push_code_point};

/// Parses one literal: numbers, strings, bytes, `None`, booleans, tuples, lists, dicts and sets of them.
///
/// Gives `None` for anything else, such as `Path('x')` or `<object at 0x…>`.
///
/// ```
/// use cachescope_core::formats::pyliteral;
///
/// let value = pyliteral::parse("{'a': (1, -2.5), b'k': [None]}").unwrap();
/// assert_eq!(value.repr(value.root(), 100).text, "{'a': (1, -2.5), b'k': [None]}");
/// assert!(pyliteral::parse("open('x')").is_none());
/// ```
pub fn parse(text: &str) -> Option<Value> {
    let mut parser = Parser::new(text);
    let root = parser.run()?;
    parser.value.root = root;
    Some(parser.value)
}

/// True for what Python itself reads as a literal: `nan` and `inf`, which `repr` prints, are names to it.
pub(crate) fn is_literal(text: &str) -> bool {
    let mut parser = Parser::new(text);
    parser.run().is_some() && parser.is_finite
}

struct Parser<'t> {
    rest: &'t str,
    value: Value,
    /// False once a number was none that can be written down.
    is_finite: bool,
    /// Containers whose end is still to come, outermost first.
    open: Vec<Open>,
}

/// A container in the making.
struct Open {
    bracket: char,
    items: Vec<NodeId>,
    /// A `{` with colons is a dict.
    has_colon: bool,
    has_comma: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            value: Value::empty(KeptText::default()),
            is_finite: true,
            open: Vec::new(),
        }
    }

    /// One token at a time; containers wait on a stack of their own.
    fn run(&mut self) -> Option<NodeId> {
        loop {
            self.skip_space();
            let mut done = match self.rest.chars().next()? {
                bracket @ ('(' | '[' | '{') => {
                    self.advance(1)?;
                    self.open.push(Open {
                        bracket,
                        items: Vec::new(),
                        has_colon: false,
                        has_comma: false,
                    });
                    None
                }
                ')' | ']' | '}' => Some(self.close()?),
                _ => Some(self.scalar()?),
            };
            // A finished value goes into the container around it, whose end may follow at once.
            while let Some(node) = done.take() {
                self.skip_space();
                let Some(open) = self.open.last_mut() else {
                    return self.rest.is_empty().then_some(node);
                };
                open.items.push(node);
                match self.rest.chars().next()? {
                    ',' => {
                        open.has_comma = true;
                        if open.has_colon && !open.items.len().is_multiple_of(2) {
                            return None;
                        }
                        self.advance(1)?;
                    }
                    ':' if open.bracket == '{' && !open.items.len().is_multiple_of(2) => {
                        open.has_colon = true;
                        self.advance(1)?;
                    }
                    ')' | ']' | '}' => done = Some(self.close()?),
                    _ => return None,
                }
            }
        }
    }

    fn close(&mut self) -> Option<NodeId> {
        let closing = self.rest.chars().next()?;
        let open = self.open.pop()?;
        self.advance(1)?;
        let tag = match (open.bracket, closing) {
            ('(', ')') if open.items.len() == 1 && !open.has_comma => {
                return open.items.first().copied();
            }
            ('(', ')') if open.items.is_empty() => return Some(NodeId::EMPTY_TUPLE),
            ('(', ')') => Tag::Tuple,
            ('[', ']') => Tag::List,
            ('{', '}') if open.has_colon || open.items.is_empty() => {
                if !open.items.len().is_multiple_of(2) {
                    return None;
                }
                Tag::Dict
            }
            ('{', '}') => Tag::Set,
            _ => return None,
        };
        self.value.push_container(tag, &open.items)
    }

    fn scalar(&mut self) -> Option<NodeId> {
        for (word, node) in [
            ("None", NodeId::NONE),
            ("True", NodeId::TRUE),
            ("False", NodeId::FALSE),
        ] {
            if let Some(rest) = self.rest.strip_prefix(word)
                && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            {
                self.rest = rest;
                return Some(node);
            }
        }
        let (is_bytes, rest) = match self.rest.strip_prefix(['b', 'u']) {
            Some(rest) if rest.starts_with(['\'', '"']) => (self.rest.starts_with('b'), rest),
            _ => (false, self.rest),
        };
        match rest.chars().next()? {
            quote @ ('\'' | '"') => {
                self.rest = rest;
                self.advance(1)?;
                self.string(quote, is_bytes)
            }
            _ => self.number(),
        }
    }

    fn string(&mut self, quote: char, is_bytes: bool) -> Option<NodeId> {
        let mut bytes = Vec::new();
        loop {
            let c = self.take()?;
            if c == quote {
                break;
            }
            let code = if c == '\\' {
                self.escape()?
            } else {
                u32::from(c)
            };
            if is_bytes {
                bytes.push(u8::try_from(code).ok()?);
            } else {
                push_code_point(&mut bytes, code);
            }
        }
        let opcode = if is_bytes { 0x8e } else { 0x8d };
        self.leaf(opcode, &bytes)
    }

    fn escape(&mut self) -> Option<u32> {
        Some(match self.take()? {
            'n' => 10,
            't' => 9,
            'r' => 13,
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'v' => 11,
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            'U' => self.hex(8)?,
            '0' => 0,
            c @ ('\\' | '\'' | '"') => u32::from(c),
            _ => return None,
        })
    }

    fn hex(&mut self, n_digits: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(n_digits)?;
        self.rest = rest;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Option<NodeId> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let digits = digits.strip_suffix('L').unwrap_or(digits);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            let small = text.parse().ok().and_then(NodeId::int);
            return match small {
                Some(node) => Some(node),
                None => self.line(b'L', text),
            };
        }
        if matches!(digits, "nan" | "inf")
            || digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        {
            let float: f64 = text.parse().ok()?;
            self.is_finite &= float.is_finite();
            return self.opcode(b"G", &float.to_be_bytes());
        }
        None
    }

    /// Leaves are opcodes with their arguments, as everywhere in the arena.
    fn leaf(&mut self, opcode: u8, bytes: &[u8]) -> Option<NodeId> {
        let mut head = vec![opcode];
        head.extend((bytes.len() as u64).to_le_bytes());
        self.opcode(&head, bytes)
    }

    fn line(&mut self, opcode: u8, text: &str) -> Option<NodeId> {
        self.opcode(&[opcode], format!("{text}\n").as_bytes())
    }

    fn opcode(&mut self, head: &[u8], argument: &[u8]) -> Option<NodeId> {
        let position = u32::try_from(self.value.text.bytes.len()).ok()?;
        if position >= NodeId::MAX_INDEX {
            return None;
        }
        self.value.text.bytes.extend_from_slice(head);
        self.value.text.bytes.extend_from_slice(argument);
        Some(NodeId::leaf(position))
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn advance(&mut self, n_bytes: usize) -> Option<()> {
        self.rest = self.rest.get(n_bytes..)?;
        Some(())
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_print_back() {
        for text in [
            "None",
            "True",
            "-12",
            "123456789012345678901234567890",
            "1.5",
            "-1e-07",
            "nan",
            "-inf",
            "''",
            "'a\\nb\\\\'",
            "\"it's\"",
            "b'\\x00\\xff'",
            "()",
            "(1,)",
            "(1, 2)",
            "[]",
            "[[], [1]]",
            "{}",
            "{1: 2, 'a': ()}",
            "{1, 2}",
            "'\\ud83d'",
            "'é😀'",
        ] {
            let value = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(value.repr(value.root(), 1000).text, text);
        }
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for text in [
            "",
            "open('x')",
            "1 2",
            "(1",
            "]",
            "{1: 2, 3}",
            "{1: }",
            "'abc",
            "Path('x')",
            "nanny",
            "[1 2]",
            "1+2",
            "'\\q'",
            "b'é☃'",
            "(,)",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn deep_nests_do_not_recurse() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(parse(&deep).unwrap().n_nodes(), 1_999_999);
    }
}
