//! Typed text to a [`Query`]: words, operators and values, each mistake with its place.

use std::fmt;
use std::ops::Range;

use super::field::{Field, ValueKind, WORDS, Word, closest};
use super::pattern::{Needle, Pattern, Whole};
use super::units;
use super::{Compare, Query, Term, Test};
use crate::Error;
use crate::model::{Condition, text};

/// A query that cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// Bytes of the query that are to blame.
    pub span: Range<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl QueryError {
    /// The query with a line of `^` under the place.
    pub fn marked(&self, query: &str) -> String {
        let before = query.get(..self.span.start).unwrap_or_default();
        let there = query.get(self.span.clone()).unwrap_or_default();
        let columns = |part: &str| text::shown(part).chars().count();
        format!(
            "{}\n{}{}",
            text::shown(query),
            " ".repeat(columns(before)),
            "^".repeat(columns(there).max(1))
        )
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        Self::usage("Cannot read the query", error.message)
    }
}

/// What came of a part of the query.
type Parsed<T> = Result<T, QueryError>;

/// A query from its text.
pub(super) fn parse(query: &str) -> Parsed<Query> {
    let mut cursor = Cursor { text: query, at: 0 };
    let mut terms = Vec::new();
    loop {
        cursor.skip_spaces();
        if cursor.rest().is_empty() {
            return Ok(Query { terms });
        }
        terms.push(term(&mut cursor)?);
    }
}

struct Cursor<'q> {
    text: &'q str,
    at: usize,
}

impl<'q> Cursor<'q> {
    fn rest(&self) -> &'q str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, len: usize) {
        self.at += len;
    }

    fn eat(&mut self, prefix: char) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.skip(prefix.len_utf8());
        }
        found
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.skip(rest.len() - rest.trim_start().len());
    }

    /// Up to the next space.
    fn bare(&mut self) -> &'q str {
        let rest = self.rest();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.skip(end);
        rest.get(..end).unwrap_or_default()
    }

    /// What stands up to `end`, the opening mark being eaten already; a backslash keeps the mark after it.
    ///
    /// In quotes the backslash goes, in an expression it stays: `\/` means `/` there too.
    fn until(&mut self, end: char) -> Option<String> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            if c == end {
                self.skip(at + c.len_utf8());
                return Some(out);
            }
            if c == '\\'
                && self
                    .rest()
                    .get(at + 1..)
                    .is_some_and(|r| r.starts_with(end))
            {
                chars.next();
                out.push(end);
            } else {
                out.push(c);
                // A doubled backslash is one in the pattern's own rules; it never escapes the end.
                if c == '\\'
                    && self
                        .rest()
                        .get(at + 1..)
                        .is_some_and(|r| r.starts_with('\\'))
                {
                    chars.next();
                    out.push('\\');
                }
            }
        }
        None
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Parsed<T> {
        Err(QueryError {
            span: start..self.at.max(start),
            message: message.into(),
        })
    }
}

fn term(cursor: &mut Cursor<'_>) -> Parsed<Term> {
    let is_negated = cursor.rest().starts_with('-')
        && cursor
            .rest()
            .get(1..)
            .is_some_and(|r| r.starts_with(|c: char| !c.is_whitespace()));
    if is_negated {
        cursor.skip(1);
    }
    let test = match field(cursor)? {
        Some((word, argument)) => field_test(cursor, word, argument)?,
        None => Test::Anywhere(Needle::new(&anywhere(cursor)?)),
    };
    Ok(Term { is_negated, test })
}

/// Quoted or bare text to be looked for anywhere.
fn anywhere(cursor: &mut Cursor<'_>) -> Parsed<String> {
    if cursor.rest().starts_with('"') {
        quoted(cursor)
    } else {
        Ok(cursor.bare().to_owned())
    }
}

fn quoted(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.at;
    cursor.skip(1);
    let Some(text) = cursor.until('"') else {
        cursor.skip(cursor.rest().len());
        return cursor.error(start, "The quoted text has no end: close it with \"");
    };
    end_of_term(cursor, start, "quoted text")?;
    Ok(text)
}

/// After a closing mark only a space may follow.
fn end_of_term(cursor: &mut Cursor<'_>, start: usize, what: &str) -> Parsed<()> {
    let from = cursor.at;
    if cursor.bare().is_empty() {
        return Ok(());
    }
    let seen = cursor.text.get(start..from).unwrap_or_default();
    cursor.error(
        from,
        format!("A space must follow the {what} {}", text::shown(seen)),
    )
}

/// A word of the language in front of an operator, and the argument's name; nothing is eaten where there is none.
fn field<'q>(cursor: &mut Cursor<'q>) -> Parsed<Option<(&'static Word, Option<&'q str>)>> {
    let rest = cursor.rest();
    let bare_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let bare = rest.get(..bare_end).unwrap_or_default();
    let Some(end) = bare.find([':', '<', '>', '=']) else {
        return Ok(None);
    };
    let typed = bare.get(..end).unwrap_or_default();
    let (name, argument) = match typed.split_once('.') {
        Some((name, argument)) => (name, Some(argument)),
        None => (typed, None),
    };
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_word {
        return Ok(None);
    }
    let start = cursor.at;
    cursor.skip(end);
    let known = WORDS.iter().find(|w| w.name == name);
    match known {
        Some(word) if argument.is_none() || word.field == Field::Arg => Ok(Some((word, argument))),
        _ => {
            let advice = match closest(name) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known are {}.", WORDS.map(|w| w.name).join(", ")),
            };
            cursor.error(
                start,
                format!(
                    "\"{}\" is no word of the query language; {advice} To look for this text, put it in quotes",
                    text::shown(typed)
                ),
            )
        }
    }
}

fn field_test(
    cursor: &mut Cursor<'_>,
    word: &'static Word,
    argument: Option<&str>,
) -> Parsed<Test> {
    match word.value {
        ValueKind::Text => {
            let whole = match word.field {
                Field::Group => Whole::Tail,
                Field::Type => Whole::TailAnyCase,
                _ => Whole::Text,
            };
            let pattern = pattern(cursor, word, whole)?;
            Ok(match word.field {
                Field::Group => Test::Group(pattern),
                Field::Key => Test::Key(pattern),
                Field::Type => Test::Type(pattern),
                Field::Codec => Test::Codec(pattern),
                _ => Test::Arg(argument.map(Into::into), pattern),
            })
        }
        ValueKind::Conditions => conditions(cursor, word).map(Test::Condition),
        ValueKind::Size => {
            let (compare, value) = compared(cursor, word, units::size)?;
            Ok(Test::Size(compare, value))
        }
        ValueKind::Count => {
            let (compare, value) = compared(cursor, word, units::count)?;
            Ok(Test::Hits(compare, value))
        }
        ValueKind::Span => {
            let (compare, secs) = compared(cursor, word, units::span_secs)?;
            Ok(Test::Span(word.field, compare, secs))
        }
    }
}

/// `:` and a text.
fn pattern(cursor: &mut Cursor<'_>, word: &Word, whole: Whole) -> Parsed<Pattern> {
    colon(cursor, word)?;
    let start = cursor.at;
    let made = if cursor.rest().starts_with('"') {
        Pattern::of_words(&quoted(cursor)?, whole)
    } else if cursor.eat('/') {
        let Some(source) = cursor.until('/') else {
            cursor.skip(cursor.rest().len());
            return cursor.error(
                start,
                "The regular expression has no end: close it with /. A text that begins with / goes in quotes",
            );
        };
        end_of_term(cursor, start, "regular expression").map_err(|mut e| {
            e.message
                .push_str(". A text that begins with / goes in quotes");
            e
        })?;
        Pattern::of_regex(&source)
    } else {
        match cursor.bare() {
            "" => {
                return cursor.error(
                    start,
                    format!("{}: needs a value, as in {}", word.name, word.example),
                );
            }
            bare => Pattern::of_words(bare, whole),
        }
    };
    made.or_else(|message| cursor.error(start, message))
}

fn colon(cursor: &mut Cursor<'_>, word: &Word) -> Parsed<()> {
    if cursor.eat(':') {
        return Ok(());
    }
    let start = cursor.at;
    cursor.skip(1);
    cursor.error(
        start,
        format!("{} takes a colon, as in {}", word.name, word.example),
    )
}

fn conditions(cursor: &mut Cursor<'_>, word: &Word) -> Parsed<Vec<Condition>> {
    colon(cursor, word)?;
    let mut start = cursor.at;
    let mut list = Vec::new();
    for name in cursor.bare().split(',') {
        match Condition::from_name(name) {
            Some(condition) => list.push(condition),
            None => {
                return Err(QueryError {
                    span: start..start + name.len(),
                    message: format!(
                        "\"{}\" is no condition; there are {}",
                        text::shown(name),
                        Condition::ALL.map(Condition::name).join(", ")
                    ),
                });
            }
        }
        start += name.len() + 1;
    }
    Ok(list)
}

/// An operator and a value.
fn compared<T>(
    cursor: &mut Cursor<'_>,
    word: &Word,
    read: fn(&str) -> Result<T, String>,
) -> Parsed<(Compare, T)> {
    let operators = [
        (">=", Compare::AtLeast),
        ("<=", Compare::AtMost),
        (">", Compare::Above),
        ("<", Compare::Below),
        ("=", Compare::Equal),
    ];
    let start = cursor.at;
    let found = operators
        .into_iter()
        .find(|(sign, _)| cursor.rest().starts_with(sign));
    let Some((sign, compare)) = found else {
        cursor.skip(1);
        return cursor.error(
            start,
            format!(
                "{} takes <, <=, =, >= or >, as in {}",
                word.name, word.example
            ),
        );
    };
    cursor.skip(sign.len());
    let start = cursor.at;
    match cursor.bare() {
        "" => cursor.error(
            start,
            format!("{} needs a value, as in {}", word.name, word.example),
        ),
        value => match read(value) {
            Ok(value) => Ok((compare, value)),
            Err(message) => cursor.error(start, message),
        },
    }
}
