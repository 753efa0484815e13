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
    /// True if it stands in an `if`, `try`, …, or in what does: whether it is carried out is not known.
    pub is_conditional: bool,
    /// True if a decorator may have kept it under another name: `@app.route`, `@area.register`, `@property`.
    pub is_registered: bool,
}

/// Decorators that hand out what they were given, or a wrapper of it, and keep nothing.
const KEEP_NOTHING: [&str; 3] = ["cache", "classmethod", "staticmethod"];

/// Parts of a qualified name that stand for expressions, which are no definitions. Python before 3.12 has all of them.
const EXPRESSIONS: [&str; 5] = [
    "<lambda>.<locals>.",
    "<genexpr>.",
    "<listcomp>.",
    "<setcomp>.",
    "<dictcomp>.",
];

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
    /// those that may have taken its place or live on beside it. Of lambdas, which have no names of their own, all.
    pub fn live(&self, name: &str) -> Vec<&Definition> {
        let whole = name.to_owned();
        let name = EXPRESSIONS
            .iter()
            .fold(whole, |name, part| name.replace(part, ""));
        let mut live: Vec<&Definition> = Vec::new();
        for definition in self.definitions.iter().filter(|d| d.name == name) {
            if !definition.is_conditional && definition.kind != DefinitionKind::Lambda {
                live.retain(|earlier| earlier.outlives());
            }
            live.push(definition);
        }
        live
    }
}

impl Definition {
    /// True if a later definition of the same name need not be its end.
    fn outlives(&self) -> bool {
        // A function may return what it defined before it comes to the next one.
        let is_returned = self.is_conditional && self.name.contains(".<locals>.");
        self.is_registered || is_returned
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
    /// Between the name and the colon.
    Header,
    /// Behind the colon, where the line may go on.
    Colon,
    Other,
}

/// A decorator as far as it was read.
#[derive(Clone, Copy, Default)]
struct Decorator {
    /// True if the last name of it, `route` of `@app.route`, is none that keeps nothing.
    keeps: bool,
    /// Its arguments have begun.
    is_called: bool,
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
    decorator: Decorator,
    /// A decorator of the definition to come may keep it.
    is_registered: bool,
    /// Brackets that are open in the header of a definition.
    n_open: usize,
    /// The block that an indentation would begin, or the rest of the line.
    opened: Option<Scope>,
    /// The innermost scope ends with the line.
    is_one_line: bool,
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
            decorator: Decorator::default(),
            is_registered: false,
            n_open: 0,
            opened: None,
            is_one_line: false,
        }
    }

    fn eat(&mut self, token: &Token<'_>) {
        match token.kind {
            TokenKind::Comment => {}
            TokenKind::Indent if self.scopes.len() >= DEPTH => self.n_too_deep += 1,
            TokenKind::Indent => self.scopes.push(self.opened.take().unwrap_or(Scope::Other)),
            TokenKind::Dedent if self.n_too_deep > 0 => self.n_too_deep -= 1,
            TokenKind::Dedent => drop(self.scopes.pop()),
            TokenKind::Newline => self.end_line(),
            _ => self.eat_in_statement(token),
        }
    }

    fn end_line(&mut self) {
        if self.statement == Statement::Decorator {
            self.is_registered |= self.decorator.keeps;
        } else {
            self.first_row = None;
            self.is_registered = false;
        }
        if std::mem::take(&mut self.is_one_line) {
            self.scopes.pop();
        }
        self.statement = Statement::Start;
    }

    fn eat_in_statement(&mut self, token: &Token<'_>) {
        match self.statement {
            Statement::Start => self.opened = None,
            // The body stands on the line of its header.
            Statement::Colon => {
                self.is_one_line = self.opened.is_some();
                self.scopes.extend(self.opened.take());
            }
            _ => {}
        }
        if token.text == "lambda" {
            self.define(DefinitionKind::Lambda, "<lambda>", token.row);
        }
        self.statement = self.next_statement(token);
        if self.statement != Statement::Other {
            self.first_row.get_or_insert(token.row);
        }
    }

    fn next_statement(&mut self, token: &Token<'_>) -> Statement {
        let is_first = matches!(self.statement, Statement::Start | Statement::Async);
        match (self.statement, token.text) {
            (Statement::Named(kind), name) if token.kind == TokenKind::Name => {
                let row = self.first_row.unwrap_or(token.row);
                self.define(kind, name, row);
                self.n_open = 0;
                self.opened = Some(match kind {
                    DefinitionKind::Class => Scope::Class(name.to_owned()),
                    _ => Scope::Function(name.to_owned()),
                });
                Statement::Header
            }
            (Statement::Header, text) => {
                match text {
                    "(" | "[" | "{" => self.n_open += 1,
                    ")" | "]" | "}" => self.n_open = self.n_open.saturating_sub(1),
                    ":" if self.n_open == 0 => return Statement::Colon,
                    _ => {}
                }
                Statement::Header
            }
            (Statement::Start, "@") => {
                self.decorator = Decorator::default();
                Statement::Decorator
            }
            (Statement::Decorator, text) => {
                self.decorator.is_called |= text == "(";
                if token.kind == TokenKind::Name && !self.decorator.is_called {
                    self.decorator.keeps = !KEEP_NOTHING.contains(&text);
                }
                Statement::Decorator
            }
            (Statement::Start, "async") => Statement::Async,
            (_, "def") if is_first => Statement::Named(DefinitionKind::Function),
            (Statement::Start, "class") => Statement::Named(DefinitionKind::Class),
            _ => Statement::Other,
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
            is_conditional: self
                .scopes
                .iter()
                .any(|scope| matches!(scope, Scope::Other)),
            is_registered: self.is_registered && kind != DefinitionKind::Lambda,
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
        check(
            "def mk(k=lambda: 0, *, z: int = {1: 2}[1]) -> list[int]: return cache(lambda x: x + k)\n\
             class A: f = lambda: 1; g = 2\n\
             y = lambda: 3\n",
            &[
                ("mk", 0),
                ("<lambda>", 0),
                ("mk.<locals>.<lambda>", 0),
                ("A", 1),
                ("A.<lambda>", 1),
                ("<lambda>", 2),
            ],
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
        // Python names a lambda after the lambdas and comprehensions around it, which have no names.
        let outline = Outline::of("mk = lambda k: cache(lambda x: x)\n");
        assert_eq!(outline.live("<lambda>.<locals>.<lambda>").len(), 2);
        let outline = Outline::of("fs = list(cache(lambda x: x) for i in y)\n");
        assert_eq!(outline.live("<genexpr>.<lambda>").len(), 1);
    }

    #[test]
    fn a_definition_lives_on_where_a_decorator_or_a_branch_may_have_kept_it() {
        let rows = |text: &str, name: &str| -> Vec<usize> {
            let outline = Outline::of(text);
            outline.live(name).iter().map(|d| d.row).collect()
        };
        let registered =
            "@area.register(int)\n@memory.cache\ndef _(a): 1\n@memory.cache\ndef _(a): 2\n";
        assert_eq!(rows(registered, "_"), [0, 3]);
        let hidden =
            "@staticmethod\n@memory.cache(ignore=[1])\ndef f(): 1\n@app.route('/')\ndef f(): 2\n";
        assert_eq!(rows(hidden, "f"), [3]);
        let branches = "try:\n  class A:\n    def f(): 1\nexcept E:\n  class A:\n    def f(): 2\n";
        assert_eq!(rows(branches, "A.f"), [2, 5]);
        let returned = "def mk(k):\n  if k:\n    def f(): 1\n    return f\n  def f(): 2\n";
        assert_eq!(rows(returned, "mk.<locals>.f"), [2, 4]);
    }
}
