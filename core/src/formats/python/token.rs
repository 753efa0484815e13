//! Source text to tokens, as `tokenize` gives them to `inspect` (`Lib/tokenize.py`, checked with 2.7 to 3.13).
//!
//! Ends of lines that end no statement (`NL`) are left out: nobody here asks for them.

use super::literal::{Quote, formatted_len, has_fields, plain_len, string_prefix};

/// A tab reaches to the next multiple of this.
const TAB: usize = 8;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or keyword.
    Name,
    /// A number.
    Number,
    /// A string, whole: prefix, quotes and, in an f-string, its fields.
    String,
    /// Anything else in a line.
    Operator,
    /// From `#` to the end of the line.
    Comment,
    /// The end of a statement's line.
    Newline,
    /// The first statement of a deeper block begins.
    Indent,
    /// A block ends.
    Dedent,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'t> {
    /// What it is.
    pub kind: TokenKind,
    /// Its text; empty for the end of a block.
    pub text: &'t str,
    /// Line that it begins in, from 0.
    pub row: usize,
    /// Of a comment: the characters before it in its line. Of an indentation: its own. Else 0.
    pub column: usize,
}

/// Why the rest of a text cannot be read as Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A string that begins in this line, from 0, has no end.
    Unterminated {
        /// The line.
        row: usize,
    },
    /// The indentation of this line, from 0, fits no block around it.
    Dedent {
        /// The line.
        row: usize,
    },
}

impl Problem {
    /// Line, from 0.
    pub fn row(self) -> usize {
        match self {
            Self::Unterminated { row } | Self::Dedent { row } => row,
        }
    }
}

/// Reads tokens from a text whose lines end in `\n`.
#[derive(Debug, Clone)]
pub struct Tokens<'t> {
    text: &'t str,
    at: usize,
    row: usize,
    line_start: usize,
    /// Columns of the blocks around, outermost first.
    blocks: Vec<usize>,
    n_dedents: usize,
    n_brackets: usize,
    is_at_line_start: bool,
    /// A statement has begun in this line, or before it.
    is_in_statement: bool,
    /// An f-string was met that ends only by the rules before 3.12: so do all the others.
    is_old: bool,
}

impl<'t> Tokens<'t> {
    /// The tokens of `text`, which begins at the start of a line.
    pub fn of(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            row: 0,
            line_start: 0,
            blocks: Vec::new(),
            n_dedents: 0,
            n_brackets: 0,
            is_at_line_start: true,
            is_in_statement: false,
            is_old: false,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next_line(&mut self) {
        self.row += 1;
        self.line_start = self.at;
    }

    /// A token of the next `len` bytes; a string may end some lines further down.
    fn take(&mut self, kind: TokenKind, len: usize) -> Token<'t> {
        let text = self.rest().get(..len).unwrap_or_default();
        // Counted for one token a line, or a long line would take the square of its length.
        let column = match kind {
            TokenKind::Comment => self.text.get(self.line_start..self.at),
            TokenKind::Indent => Some(text),
            _ => None,
        };
        let token = Token {
            kind,
            text,
            row: self.row,
            column: column.map_or(0, |before| before.chars().count()),
        };
        self.at += text.len();
        if let Some(last) = text.rfind('\n') {
            self.row += text.matches('\n').count();
            self.line_start = self.at - text.len() + last + 1;
        }
        token
    }

    /// What stands before a line's first statement; `None` where the statement itself is next.
    fn read_line_start(&mut self) -> Option<Result<Token<'t>, Problem>> {
        loop {
            let (column, len) = indentation(self.rest());
            match self.rest().get(len..).and_then(|rest| rest.chars().next()) {
                None => {
                    self.at = self.text.len();
                    self.n_dedents = std::mem::take(&mut self.blocks).len();
                    return self.dedent();
                }
                Some('\n') => {
                    self.at += len + 1;
                    self.next_line();
                }
                Some('#') => {
                    self.at += len;
                    return Some(Ok(self.comment()));
                }
                Some(_) => {
                    self.is_at_line_start = false;
                    return self.open_or_close(column, len);
                }
            }
        }
    }

    /// A block that begins, or blocks that end, with a line that is indented by `column`.
    fn open_or_close(&mut self, column: usize, len: usize) -> Option<Result<Token<'t>, Problem>> {
        let current = self.blocks.last().copied().unwrap_or(0);
        if column > current {
            self.blocks.push(column);
            return Some(Ok(self.take(TokenKind::Indent, len)));
        }
        self.at += len;
        while self.blocks.last().is_some_and(|block| *block > column) {
            self.blocks.pop();
            self.n_dedents += 1;
        }
        if self.blocks.last().copied().unwrap_or(0) != column {
            return Some(Err(Problem::Dedent { row: self.row }));
        }
        self.dedent()
    }

    fn dedent(&mut self) -> Option<Result<Token<'t>, Problem>> {
        self.n_dedents = self.n_dedents.checked_sub(1)?;
        Some(Ok(self.take(TokenKind::Dedent, 0)))
    }

    fn comment(&mut self) -> Token<'t> {
        let len = self.rest().find('\n').unwrap_or(self.rest().len());
        self.take(TokenKind::Comment, len)
    }

    /// The next token inside a line; `None` at the end of the text.
    fn read_in_line(&mut self) -> Option<Result<Token<'t>, Problem>> {
        loop {
            let Some(c) = self.peek() else {
                // A last line without its end ends its statement all the same.
                self.is_at_line_start = true;
                return std::mem::take(&mut self.is_in_statement)
                    .then(|| Ok(self.take(TokenKind::Newline, 0)));
            };
            match c {
                '\n' if self.n_brackets == 0 => {
                    let token = self.take(TokenKind::Newline, 1);
                    self.is_at_line_start = true;
                    if std::mem::take(&mut self.is_in_statement) {
                        return Some(Ok(token));
                    }
                    return None;
                }
                '\n' => {
                    self.at += 1;
                    self.next_line();
                }
                '\\' if self.rest().starts_with("\\\n") => {
                    self.at += 2;
                    self.next_line();
                }
                ' ' | '\t' | '\x0c' => self.at += 1,
                '#' => return Some(Ok(self.comment())),
                _ => {
                    self.is_in_statement = true;
                    return Some(self.read_token(c));
                }
            }
        }
    }

    /// Bytes of the string that begins `text`; `None` if it has no end.
    fn string_len(&mut self, text: &str, prefix: &str) -> Option<usize> {
        let quote = Quote::at(text, prefix.len())?;
        let start = prefix.len() + quote.len();
        if has_fields(prefix) && !self.is_old {
            let len = formatted_len(text, start, quote);
            // Before 3.12 the first matching quote ended an f-string, as it does any other.
            self.is_old = len.is_none();
            if len.is_some() {
                return len;
            }
        }
        plain_len(text, start, quote)
    }

    /// Nothing follows a problem.
    fn stop(&mut self) {
        self.at = self.text.len();
        self.blocks.clear();
        self.n_dedents = 0;
        self.is_at_line_start = true;
        self.is_in_statement = false;
    }

    fn read_token(&mut self, c: char) -> Result<Token<'t>, Problem> {
        let rest = self.rest();
        if let Some(prefix) = string_prefix(rest) {
            let len = self.string_len(rest, prefix);
            let len = len.ok_or(Problem::Unterminated { row: self.row })?;
            return Ok(self.take(TokenKind::String, len));
        }
        let second = rest.chars().nth(1);
        if c.is_ascii_digit() || (c == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
            return Ok(self.take(TokenKind::Number, number_len(rest)));
        }
        if is_name(c) {
            let len = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            return Ok(self.take(TokenKind::Name, len));
        }
        match c {
            '(' | '[' | '{' => self.n_brackets += 1,
            // One too many is an error of the text's; its line still ends where it ends.
            ')' | ']' | '}' => self.n_brackets = self.n_brackets.saturating_sub(1),
            _ => {}
        }
        let long = OPERATORS.iter().find(|op| rest.starts_with(**op));
        let len = long.map_or(c.len_utf8(), |op| op.len());
        Ok(self.take(TokenKind::Operator, len))
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Result<Token<'t>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(token) = self.dedent() {
                return Some(token);
            }
            let is_at_end = self.at >= self.text.len();
            let token = if self.is_at_line_start {
                self.read_line_start()
            } else {
                self.read_in_line()
            };
            if let Some(token) = token {
                if token.is_err() {
                    self.stop();
                }
                return Some(token);
            }
            if is_at_end && self.is_at_line_start && self.blocks.is_empty() {
                return None;
            }
        }
    }
}

/// Operators of several characters, longest first; all others are of one.
const OPERATORS: [&str; 25] = [
    "**=", "//=", ">>=", "<<=", "...", "!=", "==", "<=", ">=", "->", "+=", "-=", "*=", "/=", "%=",
    "&=", "|=", "^=", "@=", ":=", "**", "//", "<<", ">>", "<>",
];

/// A character of names, as far as ends of words go.
pub(super) fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || !c.is_ascii()
}

/// Column that the first visible character stands in, and the bytes before it.
fn indentation(line: &str) -> (usize, usize) {
    let (mut column, mut len) = (0, 0);
    for byte in line.bytes() {
        match byte {
            b' ' => column += 1,
            b'\t' => column = (column / TAB + 1) * TAB,
            b'\x0c' => column = 0,
            _ => break,
        }
        len += 1;
    }
    (column, len)
}

fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_decimal = !matches!(bytes, [b'0', b'x' | b'X', ..]);
    let mut last = 0;
    bytes
        .iter()
        .position(|b| {
            let is_sign = is_decimal && matches!(b, b'+' | b'-') && matches!(last, b'e' | b'E');
            last = *b;
            !(is_sign || b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
        })
        .unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        Tokens::of(text)
            .map(|token| token.map(|t| (t.kind, t.text)).unwrap())
            .collect()
    }

    #[test]
    fn blocks_open_and_close_where_python_says() {
        use TokenKind::{Comment, Dedent, Indent, Name, Newline, Operator};
        let text = "if x:\n\ty\n  # aside\n\n        z\nw";
        assert_eq!(
            kinds(text),
            [
                (Name, "if"),
                (Name, "x"),
                (Operator, ":"),
                (Newline, "\n"),
                (Indent, "\t"),
                (Name, "y"),
                (Newline, "\n"),
                (Comment, "# aside"),
                (Name, "z"),
                (Newline, "\n"),
                (Dedent, ""),
                (Name, "w"),
                (Newline, ""),
            ]
        );
        assert_eq!(kinds(""), []);
        assert_eq!(kinds("\n  \n# c"), [(Comment, "# c")]);
        assert_eq!(kinds("if x:\n  y\n").last(), Some(&(Dedent, "")));
        let torn: Vec<_> = Tokens::of("if x:\n    y\n  z\n").collect();
        assert!(torn.contains(&Err(Problem::Dedent { row: 2 })));
    }

    /// How many bytes of the text its first string takes.
    fn check(text: &str, expected: Option<usize>) {
        let token = Tokens::of(text).next().unwrap();
        let len = token.ok().map(|t| {
            assert_eq!(t.kind, TokenKind::String, "{text}");
            t.text.len()
        });
        assert_eq!(len, expected, "{text}");
    }

    #[test]
    fn strings_end_at_their_own_quotes() {
        for (text, expected) in [
            ("'a' b", Some(3)),
            ("''", Some(2)),
            ("'' ''", Some(2)),
            (r"'a\'b' c", Some(6)),
            ("'''a'b''c\n''' d", Some(13)),
            ("Rb\"\\\"\" x", Some(6)),
            ("'a\n'", None),
            ("'a", None),
            ("'''a'", None),
            ("f'{a}' b", Some(6)),
            ("f'{a['b']}' c", Some(11)),
            ("f'{x:{w}.{p}}' c", Some(14)),
            ("f'{{' + '}'", Some(5)),
            ("f'{f'{f'{1}'}'}' c", Some(16)),
            ("f\"{d[\":\"]!r:>{n}}\" c", Some(18)),
            (r"f'\N{DASH}{x}' c", Some(14)),
            ("f'{(lambda: 1)()}' c", Some(18)),
            ("f'''{\nx}'''", Some(11)),
            // Before 3.12, and no error there: a lone brace only fails when it is compiled.
            ("f'{' c", Some(4)),
        ] {
            check(text, expected);
        }
        // Deeper than any Python reads: by the rules before 3.12.
        let deep = "f'{".repeat(10_000);
        let deep = Tokens::of(&deep).next().unwrap();
        assert_eq!(deep.unwrap().text.len(), 5);
    }

    #[test]
    fn rows_and_columns_are_those_of_the_first_character() {
        let text = "x = '''ü\n''' ; é = 1 # c\nif x:\n \ty\n";
        let tokens: Vec<_> = Tokens::of(text).map(Result::unwrap).collect();
        let at = |text: &str| {
            let token = tokens.iter().find(|t| t.text == text).unwrap();
            (token.row, token.column)
        };
        assert_eq!(at("'''ü\n'''"), (0, 0));
        assert_eq!(at("é"), (1, 0));
        assert_eq!(at("# c"), (1, 12));
        assert_eq!(at(" \t"), (3, 2));
    }

    #[test]
    fn any_bytes_end_in_bounded_time() {
        let pieces = [
            "(", "'", "f'{", "\"\"\"", "\n", " ", "\t", "\\\n", "x", "#", "é", "}", ":", "def ",
        ];
        let mut seed = 7_u64;
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..20 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(pieces[usize::try_from(seed >> 33).unwrap() % pieces.len()]);
            }
            let n_tokens = Tokens::of(&text)
                .take(1_000)
                .take_while(Result::is_ok)
                .count();
            assert!(n_tokens < 1_000, "{text:?}");
        }
    }
}
