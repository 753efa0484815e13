//! Where a function ends, by `inspect.getblock` of each Python (`Lib/inspect.py: BlockFinder`, 2.7 to 3.13).
//!
//! joblib stores what that function gives. Which Python wrote it is recorded nowhere, so a text may have
//! come about by any of the rules that its time allows.

use super::token::{Token, TokenKind, Tokens};

/// How one range of Python versions finds the end of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockRule {
    /// 3.10 and newer.
    Newest,
    /// 3.8 and 3.9: a decorator ends at its first `)`.
    From38,
    /// 3.6 and 3.7: as 3.8, and comments behind the last statement are left out.
    From36,
    /// 2.7: decorators are not looked at, so that a `lambda` in one ends the block.
    From27,
}

impl BlockRule {
    /// Every rule, newest first.
    pub const ALL: [Self; 4] = [Self::Newest, Self::From38, Self::From36, Self::From27];
    /// Those of Python 3.8 and newer.
    pub const TODAY: [Self; 2] = [Self::Newest, Self::From38];

    fn has_comments(self) -> bool {
        matches!(self, Self::Newest | Self::From38)
    }

    fn ends_decorators_at_brackets(self) -> bool {
        matches!(self, Self::From38 | Self::From36)
    }
}

/// The lines at the top of `text` that belong to the function beginning there.
pub fn block(text: &str, rule: BlockRule) -> &str {
    let mut finder = Finder::new(rule);
    for token in Tokens::of(text) {
        // Indentation that fits nowhere ends a block, and so does what cannot be read: Python
        // stops there with an error, and nothing that follows can be the function's.
        let Ok(token) = token else { break };
        if finder.eat(&token).is_none() {
            break;
        }
    }
    let end = text
        .split_inclusive('\n')
        .take(finder.n_lines)
        .map(str::len)
        .sum();
    text.get(..end).unwrap_or(text)
}

/// What these rules make of the function at the top of `text`, each text once.
pub fn blocks<'t>(text: &'t str, rules: &[BlockRule]) -> Vec<&'t str> {
    let mut found = Vec::new();
    for rule in rules {
        let block = block(text, *rule);
        for block in std::iter::once(block).chain(at_open_end(text, block, *rule)) {
            if !found.contains(&block) {
                found.push(block);
            }
        }
    }
    found
}

/// What a function at the end of a text whose last line has no end is by the tokenizers of older Pythons.
fn at_open_end<'t>(text: &'t str, block: &'t str, rule: BlockRule) -> Option<&'t str> {
    if text.ends_with('\n') {
        return None;
    }
    let is_blank_or_comment = |line: &str| {
        let line = line.trim_start();
        line.is_empty() || line.starts_with('#')
    };
    match rule {
        // 2.7 has no token for the end of that line, and leaves it out.
        BlockRule::From27 if block.len() == text.len() => text.get(..text.rfind('\n')? + 1),
        // 3.6 to 3.8 have one, also behind a comment at any column.
        BlockRule::From36 | BlockRule::From38 => {
            let rest = text.get(block.len()..)?;
            let is_it = !rest.is_empty() && rest.lines().all(is_blank_or_comment);
            is_it.then_some(text)
        }
        _ => None,
    }
}

/// `BlockFinder`, token by token.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of Python's own machine, one for one"
)]
struct Finder {
    rule: BlockRule,
    indent: i64,
    is_lambda: bool,
    is_started: bool,
    skips_line: bool,
    is_in_decorator: bool,
    has_decorator_brackets: bool,
    n_lines: usize,
    body_column: Option<usize>,
}

impl Finder {
    fn new(rule: BlockRule) -> Self {
        Self {
            rule,
            indent: 0,
            is_lambda: false,
            is_started: false,
            skips_line: false,
            is_in_decorator: false,
            has_decorator_brackets: false,
            n_lines: 1,
            body_column: None,
        }
    }

    /// `BlockFinder.tokeneater`; `None` at the end of the block.
    fn eat(&mut self, token: &Token<'_>) -> Option<()> {
        if !self.is_started && !self.is_in_decorator {
            match token.text {
                "@" if self.rule != BlockRule::From27 => self.is_in_decorator = true,
                "def" | "class" | "lambda" => {
                    self.is_lambda = token.text == "lambda";
                    self.is_started = true;
                }
                _ => {}
            }
            self.skips_line = true;
            return Some(());
        }
        if self.rule.ends_decorators_at_brackets() && self.is_in_decorator {
            match token.text {
                "(" => self.has_decorator_brackets = true,
                ")" => {
                    self.is_in_decorator = false;
                    self.has_decorator_brackets = false;
                }
                _ => {}
            }
        }
        match token.kind {
            TokenKind::Newline => {
                self.skips_line = false;
                self.n_lines = token.row + 1;
                if self.is_lambda {
                    return None;
                }
                self.is_in_decorator &= self.has_decorator_brackets;
            }
            _ if self.skips_line => {}
            TokenKind::Indent => {
                if self.is_started {
                    self.body_column.get_or_insert(token.column);
                }
                self.indent += 1;
                self.skips_line = true;
            }
            TokenKind::Dedent => {
                self.indent -= 1;
                if self.indent <= 0 {
                    return None;
                }
            }
            TokenKind::Comment => {
                let is_inside = self.body_column.is_some_and(|body| token.column >= body);
                if is_inside && self.rule.has_comments() {
                    self.n_lines = token.row + 1;
                }
            }
            _ if self.indent == 0 => return None,
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the block by the rules of 3.10 and newer.
    fn check(text: &str, expected: usize) {
        let found = block(text, BlockRule::Newest);
        assert_eq!(found.lines().count(), expected, "{text}\n--\n{found}");
        assert!(text.starts_with(found));
    }

    #[test]
    fn blocks_end_as_in_inspect() {
        check("def f():\n    return 1\n\n\nx = 2\n", 2);
        check("def f(): return 1\nx = 2\n", 1);
        check("def f():\n    return 1", 2);
        check(
            "    def m(self):\n        return 1\n    def n(self):\n        pass\n",
            2,
        );
        check("    def m(self):\n        return 1\nx = 2\n", 2);
        check("@a\n@b(1, (2))\ndef f():\n    pass\nx\n", 4);
        check("@a(key=lambda x: x)\ndef f():\n    pass\nx\n", 3);
        check("async def f():\n    await g()\nx\n", 2);
        check(
            "class A:\n    def f(self):\n        pass\n\n    x = 1\ny\n",
            5,
        );
        check("f = cache(lambda x: x)\ng = 1\n", 1);
        check("    lambda a: (a +\n 1))\n", 2);
        check(
            "def f(a,\n      b):\n    '''\nx = 1\n'''\n    return a\nx\n",
            6,
        );
        check(
            "def f():\n    x = 1\n    # inside\n\n    # inside too\n# outside\ny\n",
            5,
        );
        check("def f():\n    if x:\n        y\n    # of the body\nz\n", 4);
        check("def f():\n    x = \\\n  1\nz\n", 3);
        check("def f():\n\tif x:\n\t\treturn 1\n\treturn 2\ny\n", 4);
        check("", 0);
    }

    #[test]
    fn older_pythons_have_their_own_ends() {
        let text = "@a(g(), key=lambda x: x)\ndef f():\n    pass\n    # last words\nx\n";
        let lines = |rule| block(text, rule).lines().count();
        assert_eq!(BlockRule::ALL.map(lines), [4, 1, 1, 1]);
        assert_eq!(blocks(text, &BlockRule::ALL).len(), 2);
        // inspect.getblock of 3.8 gives three lines, of 3.9 two; that of 2.7 one.
        let text = "def f(a):\n    return a\n# end";
        assert_eq!(
            blocks(text, &BlockRule::TODAY),
            ["def f(a):\n    return a\n", text]
        );
        let text = "def f(a):\n    return a";
        assert_eq!(blocks(text, &BlockRule::TODAY), [text]);
        assert_eq!(blocks(text, &BlockRule::ALL), [text, "def f(a):\n"]);
        let text = "def f():\n    pass\n    # c\n";
        assert_eq!(blocks(text, &BlockRule::TODAY), [text]);
        assert_eq!(
            blocks(text, &BlockRule::ALL),
            ["def f():\n    pass\n    # c\n", "def f():\n    pass\n"]
        );
    }
}
