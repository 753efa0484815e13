//! A source text to the functions and classes in it, by their qualified names.

use super::token::{Problem, Token, TokenKind, Tokens};

/// Blocks that nest deeper are no person's code; Python allows 100.
const DEPTH: usize = 1000;

/// What a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    /// A `def`, also an asynchronous one.
    Function,
    /// A class.
    Class,
    /// A `lambda`.
    Lambda,
}

/// One function or class of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `Class.method`, `outer.<locals>.inner`, as in `__qualname__`.
    pub name: String,
    /// What it is.
    pub kind: DefinitionKind,
    /// Line, from 0, of its first decorator, or of the definition itself (`co_firstlineno` − 1).
    pub row: usize,
    /// Where that line begins in the text, in bytes.
    pub start: usize,
    /// True if it stands in an `if`, `try`, … of its scope: whether it is carried out is not known.
    pub is_conditional: bool,
}

/// The definitions of a text, in their order.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// Functions, classes and lambdas.
    pub definitions: Vec<Definition>,
    /// Why what follows could not be read; `None` if the text was read to its end.
    pub problem: Option<Problem>,
}

impl Outline {
    /// Reads a text whose lines end in `\n`.
    pub fn of(text: &str) -> Self {
        let mut reader = Reader::new(text);
        let mut problem = None;
        for token in Tokens::of(text) {
            match token {
                Ok(token) => reader.eat(&token),
                Err(found) => problem = Some(found),
            }
        }
        Self {
            definitions: reader.definitions,
            problem,
        }
    }

    /// What the name may mean when the text was carried out: the last definition of that name, and
    /// those that may have taken its place. Of lambdas, which have no names of their own, all.
    pub fn live(&self, name: &str) -> Vec<&Definition> {
        let mut live: Vec<&Definition> = Vec::new();
        for definition in self.definitions.iter().filter(|d| d.name == name) {
            if !definition.is_conditional && definition.kind != DefinitionKind::Lambda {
                live.clear();
            }
            live.push(definition);
        }
        live
    }
}

/// A block around the statement that is read.
enum Scope {
    Function(String),
    Class(String),
    /// `if`, `for`, `try`, `with`, ….
    Other,
}

/// What a statement was found to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// Its first token is next.
    Start,
    Decorator,
    Async,
    /// The name is next.
    Named(DefinitionKind),
    Other,
}

struct Reader {
    definitions: Vec<Definition>,
    scopes: Vec<Scope>,
    /// Blocks that are too deep to be followed.
    n_too_deep: usize,
    line_starts: Vec<usize>,
    statement: Statement,
    /// Line of the statement's first decorator, or of the statement.
    first_row: Option<usize>,
    /// The block that an indentation would begin.
    opened: Option<Scope>,
}

impl Reader {
    fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            definitions: Vec::new(),
            scopes: Vec::new(),
            n_too_deep: 0,
            line_starts: std::iter::once(0).chain(ends).collect(),
            statement: Statement::Start,
            first_row: None,
            opened: None,
        }
    }

    fn eat(&mut self, token: &Token<'_>) {
        match token.kind {
            TokenKind::Comment => {}
            TokenKind::Indent if self.scopes.len() >= DEPTH => self.n_too_deep += 1,
            TokenKind::Indent => self.scopes.push(self.opened.take().unwrap_or(Scope::Other)),
            TokenKind::Dedent if self.n_too_deep > 0 => self.n_too_deep -= 1,
            TokenKind::Dedent => drop(self.scopes.pop()),
            TokenKind::Newline => {
                if self.statement != Statement::Decorator {
                    self.first_row = None;
                }
                self.statement = Statement::Start;
            }
            _ => self.eat_in_statement(token),
        }
    }

    fn eat_in_statement(&mut self, token: &Token<'_>) {
        if self.statement == Statement::Start {
            self.opened = None;
        }
        let is_first = matches!(self.statement, Statement::Start | Statement::Async);
        if token.text == "lambda" {
            self.define(DefinitionKind::Lambda, "<lambda>", token.row);
        }
        self.statement = match (self.statement, token.text) {
            (Statement::Named(kind), name) if token.kind == TokenKind::Name => {
                let row = self.first_row.unwrap_or(token.row);
                self.define(kind, name, row);
                self.opened = Some(match kind {
                    DefinitionKind::Class => Scope::Class(name.to_owned()),
                    _ => Scope::Function(name.to_owned()),
                });
                Statement::Other
            }
            (Statement::Start, "@") | (Statement::Decorator, _) => Statement::Decorator,
            (Statement::Start, "async") => Statement::Async,
            (_, "def") if is_first => Statement::Named(DefinitionKind::Function),
            (Statement::Start, "class") => Statement::Named(DefinitionKind::Class),
            _ => Statement::Other,
        };
        if self.statement != Statement::Other {
            self.first_row.get_or_insert(token.row);
        }
    }

    fn define(&mut self, kind: DefinitionKind, name: &str, row: usize) {
        let mut qualified = String::new();
        for scope in &self.scopes {
            match scope {
                Scope::Function(name) => {
                    qualified.push_str(name);
                    qualified.push_str(".<locals>.");
                }
                Scope::Class(name) => {
                    qualified.push_str(name);
                    qualified.push('.');
                }
                Scope::Other => {}
            }
        }
        qualified.push_str(name);
        self.definitions.push(Definition {
            name: qualified,
            kind,
            row,
            start: self.line_starts.get(row).copied().unwrap_or(0),
            is_conditional: matches!(self.scopes.last(), Some(Scope::Other)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and rows.
    fn check(text: &str, expected: &[(&str, usize)]) {
        let outline = Outline::of(text);
        let found: Vec<_> = outline
            .definitions
            .iter()
            .map(|d| (&*d.name, d.row))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn definitions_have_the_names_and_lines_that_python_gives_them() {
        check(
            "import x\n\n@a\n# c\n\n@b(1,\n   2)\ndef f(): pass\nasync def g():\n    class C:\n        def m(self):\n            if 1:\n                def n(): pass\n\ndef h(): pass\n",
            &[
                ("f", 2),
                ("g", 8),
                ("g.<locals>.C", 9),
                ("g.<locals>.C.m", 10),
                ("g.<locals>.C.m.<locals>.n", 12),
                ("h", 14),
            ],
        );
        check(
            "class A:\n  x = 1\n\n  def f(self):\n    pass\nif 1:\n  def g(): pass\n",
            &[("A", 0), ("A.f", 3), ("g", 6)],
        );
        check("async for x in y:\n  def f(): pass\n", &[("f", 1)]);
        check(
            "def_ = 1\nclassy(lambda: 1)\n'def g(): pass'\n",
            &[("<lambda>", 1)],
        );
        check(
            "def outer():\n  return cache(\n    lambda x: x)\n",
            &[("outer", 0), ("outer.<locals>.<lambda>", 2)],
        );
        check("def f(): pass\nx = '''", &[("f", 0)]);
    }

    #[test]
    fn the_last_definition_counts_and_those_that_may_replace_it() {
        let rows = |text: &str| -> Vec<usize> {
            let outline = Outline::of(text);
            outline.live("f").iter().map(|d| d.row).collect()
        };
        assert_eq!(rows("def f(): 1\ndef f(): 2\n"), [1]);
        assert_eq!(rows("if x:\n  def f(): 1\nelse:\n  def f(): 2\n"), [1, 3]);
        assert_eq!(rows("def f(): 1\nif x:\n  def f(): 2\n"), [0, 2]);
        assert_eq!(rows("if x:\n  def f(): 1\ndef f(): 2\n"), [2]);
        assert!(rows("def g(): 1\n").is_empty());
        let outline = Outline::of("a = [lambda: 1,\n     lambda: 2]\n");
        assert_eq!(outline.live("<lambda>").len(), 2);
    }
}
