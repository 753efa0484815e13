//! The query language of window and command line: `size>1MB used>30d group:load* -condition:fresh "text"`.
//!
//! Words stand side by side and must all hold. What is not known of an entry (never checked, no time
//! recorded) matches neither a term nor its negation: unknown is never old, small or stale.

mod field;
mod parse;
mod pattern;
pub mod units;

pub use field::{Field, ValueKind, WORDS, Word};
pub use parse::QueryError;

use std::borrow::Cow;

use crate::model::{Args, Condition, Record, Time, Verdict};
use pattern::{Needle, Pattern};

/// A parsed query. An empty one matches everything.
///
/// ```
/// use cachescope_core::model::{Group, Record, Time};
/// use cachescope_core::ops::query::Query;
///
/// let query: Query = "size>1k group:load*".parse()?;
/// let group = Group::named("features.load_data");
/// let mut record = Record::new(&group, b"key");
/// record.bytes = 2000;
/// assert!(query.matches(&record, None, Time::now()));
/// # Ok::<(), cachescope_core::ops::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    is_negated: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Size(Compare, u64),
    /// Age, use, expiry or compute time, in seconds.
    Span(Field, Compare, f64),
    Hits(Compare, u64),
    Group(Pattern),
    Key(Pattern),
    /// The argument of that name; `None` for any.
    Arg(Option<Box<str>>, Pattern),
    Type(Pattern),
    Codec(Pattern),
    Condition(Vec<Condition>),
    Anywhere(Needle),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Below,
    AtMost,
    Equal,
    AtLeast,
    Above,
}

impl Compare {
    fn holds<T: PartialOrd>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Equal => value == limit,
            Self::AtLeast => value >= limit,
            Self::Above => value > limit,
        }
    }
}

/// What a query asks beyond the listing: overlays that the caller must have before it filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Conditions, which only a check finds.
    pub conditions: bool,
    /// Types or codecs of values, which some listings leave out.
    pub types: bool,
    /// Text of arguments, which a snapshot keeps only in part ([`Match::NeedsArgs`] says for which rows).
    pub args: bool,
}

/// A query's answer for one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// All terms hold.
    Yes,
    /// One does not.
    No,
    /// The kept part of the arguments does not decide it: ask again with all of them.
    NeedsArgs,
}

/// Whether one test holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Holds,
    Fails,
    Unknown,
    /// The part that was cut off may hold the answer.
    Cut,
}

impl From<bool> for Answer {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl std::str::FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parse::parse(text)
    }

    /// True if it has no term and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// What must be known beyond the listing before it can be answered.
    pub fn needs(&self) -> Needs {
        let any = |test: fn(&Test) -> bool| self.terms.iter().any(|term| test(&term.test));
        Needs {
            conditions: any(|t| matches!(t, Test::Condition(_))),
            types: any(|t| matches!(t, Test::Type(_) | Test::Codec(_))),
            args: any(|t| matches!(t, Test::Arg(..) | Test::Anywhere(_))),
        }
    }

    /// True if a term names this condition, other than to leave it out.
    pub fn asks_for(&self, condition: Condition) -> bool {
        let named =
            |term: &Term| matches!(&term.test, Test::Condition(all) if all.contains(&condition));
        self.terms
            .iter()
            .any(|term| !term.is_negated && named(term))
    }

    /// The query without the terms that need what is not known yet: for choosing what to find it out for.
    #[must_use]
    pub fn without(&self, unknown: Needs) -> Self {
        let is_kept = |test: &Test| match test {
            Test::Condition(_) => !unknown.conditions,
            Test::Type(_) | Test::Codec(_) => !unknown.types,
            Test::Arg(..) | Test::Anywhere(_) => !unknown.args,
            _ => true,
        };
        let kept = self.terms.iter().filter(|term| is_kept(&term.test));
        Self {
            terms: kept.cloned().collect(),
        }
    }

    /// As [`Query::matches`], with `whole_args` to read a record's arguments again where a snapshot cut them.
    pub fn matches_whole(
        &self,
        record: &Record<'_>,
        verdict: Option<&Verdict>,
        now: Time,
        whole_args: impl FnOnce() -> Option<Vec<(String, String)>>,
    ) -> bool {
        match self.test(record, verdict, now) {
            Match::Yes => true,
            Match::No => false,
            Match::NeedsArgs => whole_args().is_some_and(|args| {
                let args: Vec<_> = args
                    .into_iter()
                    .map(|(name, text)| (Cow::from(name), Cow::from(text)))
                    .collect();
                let whole = Record {
                    args: Args::Whole(&args),
                    ..record.clone()
                };
                self.matches(&whole, verdict, now)
            }),
        }
    }

    /// True if every term holds for the record, its verdict being that of a check, if one was made.
    ///
    /// Where the record's arguments are cut and might decide it, the answer is no; see [`Query::test`].
    pub fn matches(&self, record: &Record<'_>, verdict: Option<&Verdict>, now: Time) -> bool {
        self.test(record, verdict, now) == Match::Yes
    }

    /// As [`Query::matches`], and says where cut arguments leave it open. Allocates nothing for text keys.
    pub fn test(&self, record: &Record<'_>, verdict: Option<&Verdict>, now: Time) -> Match {
        let mut outcome = Match::Yes;
        for term in &self.terms {
            match term.test.answer(record, verdict, now) {
                Answer::Holds if !term.is_negated => {}
                Answer::Fails if term.is_negated => {}
                Answer::Cut => outcome = Match::NeedsArgs,
                _ => return Match::No,
            }
        }
        outcome
    }
}

impl Test {
    fn answer(&self, record: &Record<'_>, verdict: Option<&Verdict>, now: Time) -> Answer {
        match self {
            Self::Size(compare, limit) => compare.holds(&record.bytes, limit).into(),
            Self::Span(field, compare, limit) => {
                let secs = match field {
                    Field::Age => record.created.or(record.modified).map(|t| t.age_secs(now)),
                    Field::Used => record.accessed.map(|t| t.age_secs(now)),
                    Field::Expires => record.expires.map(|t| -t.age_secs(now)),
                    _ => record.duration_s,
                };
                known(secs, |secs| compare.holds(secs, limit))
            }
            Self::Hits(compare, limit) => known(record.hits, |hits| compare.holds(hits, limit)),
            Self::Group(pattern) => pattern.is_match(&record.group.label).into(),
            Self::Key(pattern) => pattern.is_match(&record.key_text()).into(),
            Self::Arg(name, pattern) => in_args(record.args, |arg, text| {
                name.as_ref().is_none_or(|name| **name == *arg) && is_value(pattern, text)
            }),
            Self::Type(pattern) => known(record.value_type, |t| pattern.is_match(t)),
            Self::Codec(pattern) => known(record.codec, |chain| {
                chain.split(" > ").any(|step| is_step(pattern, step))
            }),
            Self::Condition(wanted) => known(verdict, |v| wanted.contains(&v.condition)),
            Self::Anywhere(needle) => {
                if needle.is_in(&record.group.label) || needle.is_in(&record.key_text()) {
                    return Answer::Holds;
                }
                match in_args(record.args, |name, text| {
                    needle.is_in(name) || needle.is_in(text)
                }) {
                    // Text that was never recorded holds no word.
                    Answer::Unknown => Answer::Fails,
                    answer => answer,
                }
            }
        }
    }
}

fn known<T>(value: Option<T>, holds: impl FnOnce(&T) -> bool) -> Answer {
    value.map_or(Answer::Unknown, |value| holds(&value).into())
}

fn in_args(args: Args<'_>, mut holds: impl FnMut(&str, &str) -> bool) -> Answer {
    if matches!(args, Args::None) {
        Answer::Unknown
    } else if args.iter().any(|(name, text)| holds(name, text)) {
        Answer::Holds
    } else if args.is_cut() {
        Answer::Cut
    } else {
        Answer::Fails
    }
}

/// A recorded argument is a `repr`: a text may be given with or without its quotes.
fn is_value(pattern: &Pattern, text: &str) -> bool {
    let unquoted = ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    pattern.is_match(text) || unquoted.is_some_and(|text| pattern.is_match(text))
}

/// A step of a codec chain, with or without its version: `pickle` for `pickle 4`.
fn is_step(pattern: &Pattern, step: &str) -> bool {
    let name = step.split(' ').next().unwrap_or_default();
    pattern.is_match(step) || pattern.is_match(name)
}

#[cfg(test)]
mod tests;
