//! What the difference between two texts of a function amounts to: nothing, layout, or code.

use super::token::{Token, TokenKind, Tokens};

/// How two source texts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Not at all.
    None,
    /// In comments, blank lines, the width of indentation or the breaks of lines: Python compiles the same code.
    Layout,
    /// In their tokens: they may do different things.
    Code,
}

/// Compares two texts whose lines end in `\n`, token by token.
///
/// What cannot be read to its end differs in code, unless the texts are the same.
pub fn compare(a: &str, b: &str) -> Difference {
    if a == b {
        return Difference::None;
    }
    let (mut a, mut b) = (meaning(a), meaning(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Difference::Layout,
            (Some(Some(a)), Some(Some(b))) if a == b => {}
            _ => return Difference::Code,
        }
    }
}

/// Kind and text of each token that means something; `None` for what cannot be read.
///
/// A method that moved out of its class is indented differently as a whole: what stands before
/// the first name, and the ends of blocks behind the last one, are left out.
fn meaning(text: &str) -> impl Iterator<Item = Option<(TokenKind, &str)>> {
    let mut has_begun = false;
    let mut depth = 0_usize;
    Tokens::of(text).filter_map(move |token| {
        let Ok(Token { kind, text, .. }) = token else {
            return Some(None);
        };
        let kept = match kind {
            TokenKind::Comment => return None,
            TokenKind::Indent if !has_begun => return None,
            TokenKind::Indent => {
                depth += 1;
                ""
            }
            TokenKind::Dedent => {
                // One too many closes what was left out above.
                depth = depth.checked_sub(1)?;
                ""
            }
            TokenKind::Newline => "",
            TokenKind::Name | TokenKind::Number | TokenKind::String | TokenKind::Operator => text,
        };
        has_begun = true;
        Some(Some((kind, kept)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_python_compiles_is_code() {
        use Difference::{Code, Layout, None};
        let function = "def f(a, b=2):\n    return a + b\n";
        for (other, expected) in [
            (function, None),
            (
                "def f(a, b=2):  # sum\n    # of two\n\n    return a + b\n",
                Layout,
            ),
            ("def f(a,\n      b=2):\n\treturn (a + b)\n", Code),
            ("def f(a,\n      b=2):\n\treturn a + \\\n  b\n", Layout),
            ("def f( a,b = 2 ) :\n  return a+b", Layout),
            ("    def f(a, b=2):\n        return a + b\n", Layout),
            ("def f(a, b=3):\n    return a + b\n", Code),
            ("@cached\ndef f(a, b=2):\n    return a + b\n", Code),
            ("def f(a, b=2):\n    'Sum.'\n    return a + b\n", Code),
            ("def f(a, b=2):\n    return a + b\n    return 0\n", Code),
            ("def f(a, b=2): return a + b\n", Code),
            ("def f(a, b=2):\n    return a + 'b", Code),
        ] {
            assert_eq!(compare(function, other), expected, "{other}");
            assert_eq!(compare(other, function), expected, "{other}");
        }
        let nested = "if x:\n    a\n    b\n";
        assert_eq!(compare(nested, "if x:\n    a\nb\n"), Code);
        assert_eq!(compare("x = 1 > = 2", "x = 1 >= 2"), Code);
        assert_eq!(compare("x = 'a b'", "x = 'a  b'"), Code);
    }
}
