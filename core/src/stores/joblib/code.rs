//! `func_code.py` to the function's source as cached, and the names of its parameters.

use std::io;
use std::path::Path;

use super::names::CODE;
use crate::source::Dir;
use crate::stores::CachedSource;
use crate::{Error, Result};

/// A longer source is no function's.
const CODE_BYTES: usize = 4 << 20;
/// The first line (`joblib/memory.py: FIRST_LINE_TEXT`).
const FIRST_LINE: &str = "# first line:";

/// Reads the source in a function's folder; `None` where joblib has not written one.
///
/// It begins with `# first line: N`; N is -1, and the text no source, where Python could not find it.
///
/// # Errors
/// If it is there and cannot be read.
pub(super) fn read(function: &Dir) -> Result<Option<CachedSource>> {
    let mut bytes = Vec::new();
    let path = function.path().join(CODE);
    match function.read_small(CODE.as_ref(), CODE_BYTES, &mut bytes) {
        Ok(()) => Ok(Some(parse(&bytes, &path))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(
            "Cannot read the source as it was cached",
            &path,
            e,
        )),
    }
}

/// True if these are the first bytes of a `func_code.py` that joblib wrote.
pub(super) fn has_first_line(bytes: &[u8]) -> bool {
    bytes.starts_with(FIRST_LINE.as_bytes())
}

/// True if joblib takes two contents of the file for the same code: it leaves the first line out
/// (`memory.py: extract_first_line`).
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    fn code(bytes: &[u8]) -> &[u8] {
        if !has_first_line(bytes) {
            return bytes;
        }
        let end = bytes.iter().position(|b| *b == b'\n');
        end.and_then(|end| bytes.get(end + 1..)).unwrap_or_default()
    }
    code(a) == code(b)
}

fn parse(bytes: &[u8], path: &Path) -> CachedSource {
    let text = crate::model::text::from_bytes(bytes);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let number = first.strip_prefix(FIRST_LINE);
    CachedSource {
        text: if number.is_some() {
            rest.to_owned()
        } else {
            text.clone().into_owned()
        },
        first_line: number.and_then(|number| number.trim().parse().ok()),
        path: path.to_owned(),
    }
}

/// Names of the parameters in the source of a function: `*` and `**` for those that take the rest, as joblib records them.
///
/// `None` where the text is no `def`: a lambda, a fingerprint, the `repr` of a builtin.
pub(super) fn parameters(source: &str) -> Option<Vec<String>> {
    let start = def_line(source)?;
    let open = source.get(start..)?.find('(')? + start + 1;
    let mut names = Vec::new();
    let mut parameter = String::new();
    let mut chars = source.get(open..)?.chars().peekable();
    let mut depth = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '#' => drop(chars.by_ref().find(|c| *c == '\n')),
            '"' | '\'' => skip_string(c, &mut chars),
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                names.extend(parameter_name(&parameter));
                return Some(names);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !is_in_lambda(&parameter) => {
                names.extend(parameter_name(&std::mem::take(&mut parameter)));
            }
            c if depth == 0 => parameter.push(c),
            _ => {}
        }
    }
    None
}

/// Where the first line that begins with `def` or `async def` stands; decorators go before it.
fn def_line(source: &str) -> Option<usize> {
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let code = line.trim_start();
        if code.starts_with("def ") || code.starts_with("async def ") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn skip_string(quote: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut ahead = chars.clone();
    let is_triple = ahead.next() == Some(quote) && ahead.next() == Some(quote);
    if is_triple {
        *chars = ahead;
    }
    let mut n_quotes = 0;
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
        }
        n_quotes = if c == quote { n_quotes + 1 } else { 0 };
        if n_quotes == if is_triple { 3 } else { 1 } {
            return;
        }
    }
}

/// True after `n=lambda p`: what follows, up to the colon, are its own parameters.
fn is_in_lambda(parameter: &str) -> bool {
    let lambda = parameter.rsplit_once("lambda");
    lambda.is_some_and(|(_, after)| !after.contains(':'))
}

/// `x: int = 3` to `x`; nothing for the markers `*` and `/`.
fn parameter_name(parameter: &str) -> Option<String> {
    let name = parameter
        .split([':', '='])
        .next()
        .unwrap_or_default()
        .trim();
    match name {
        "" | "*" | "/" => None,
        _ if name.starts_with("**") => Some("**".to_owned()),
        _ if name.starts_with('*') => Some("*".to_owned()),
        _ => Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_a_number_and_the_rest_is_source() {
        for (bytes, first_line, text) in [
            (
                "# first line: 5\ndef add(a, b=2):\n",
                Some(5),
                "def add(a, b=2):\n",
            ),
            (
                "# first line: -1\n<built-in function max>",
                None,
                "<built-in function max>",
            ),
            ("# first line: 7", Some(7), ""),
            ("def f(): pass", None, "def f(): pass"),
            ("", None, ""),
        ] {
            let source = parse(bytes.as_bytes(), Path::new("f"));
            assert_eq!((source.first_line, &*source.text), (first_line, text));
        }
    }

    #[test]
    fn parameters_are_found_in_any_signature() {
        for (source, expected) in [
            ("def f():\n  pass", Some(vec![])),
            (
                "def f(a, b=2, *args, c: int, **kw): pass",
                Some(vec!["a", "b", "*", "c", "**"]),
            ),
            (
                "@mem.cache(ignore=['x'])\nasync def f(a: dict[str, int] = {1: (2, 3)}, # b,\n   /, x=\"),\", *, y='''a'(,''') -> int:\n",
                Some(vec!["a", "x", "y"]),
            ),
            (
                "    def method(self, n=lambda p, q: (q, 1), m=2): pass",
                Some(vec!["self", "n", "m"]),
            ),
            ("f = mem.cache(lambda x: x)", None),
            ("<built-in function max>", None),
            ("def torn(a, b", None),
        ] {
            let names = parameters(source);
            let names = names
                .as_ref()
                .map(|names| names.iter().map(|n| &**n).collect::<Vec<_>>());
            assert_eq!(names, expected, "{source}");
        }
    }
}
