//! Queries against records, and mistakes against their marks.

use std::borrow::Cow;

use super::*;
use crate::model::{ChunkBuilder, Group};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// A joblib call of 2 MB, 40 days old, used 10 days ago, that took 3 s.
fn with_record(use_it: impl FnOnce(&Record<'_>)) {
    let group = Group::named("features.text.load_data");
    let args = [
        (Cow::from("path"), Cow::from("'data/a b.csv'")),
        (Cow::from("n"), Cow::from("3")),
    ];
    let mut record = Record::new(&group, b"0f3a");
    record.bytes = 2_000_000;
    record.created = Some(Time::from_unix(NOW - 40 * DAY, 0));
    record.accessed = Some(Time::from_unix(NOW - 10 * DAY, 0));
    record.duration_s = Some(3.0);
    record.args = Args::Whole(&args);
    record.codec = Some("zlib > pickle 4 > ndarray");
    use_it(&record);
}

fn check(query: &str, expected: bool) {
    let verdict = Verdict {
        condition: Condition::Stale,
        evidence: Vec::new(),
    };
    let parsed = Query::parse(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    with_record(|record| {
        let now = Time::from_unix(NOW, 0);
        assert_eq!(
            parsed.matches(record, Some(&verdict), now),
            expected,
            "{query}"
        );
    });
}

#[test]
fn every_kind_of_term_matches_and_fails() {
    for (query, expected) in [
        ("", true),
        ("  ", true),
        ("size>1MB", true),
        ("size>=2M size<=2M size=2000000", true),
        ("size<1MB", false),
        ("size>1.9Mi", true),
        ("age>30d", true),
        ("age<6w", true),
        ("age>41d", false),
        ("used>7d used<2w", true),
        ("time>2s", true),
        ("time>=0.05m", true),
        ("group:load*", true),
        ("group:load_data", true),
        ("group:text.load_data", true),
        ("group:load", false),
        ("group:/LOAD/", false),
        ("group:/(?i)LOAD/", true),
        ("key:0f3a", true),
        ("key:0f*", true),
        ("key:0f", false),
        ("key:/^0f/", true),
        ("arg.path:*.csv", true),
        ("arg.path:\"data/a b.csv\"", true),
        ("arg.path:\"'data/a b.csv'\"", true),
        ("arg.path:/a b/", true),
        ("arg.n:3", true),
        ("arg.n:*.csv", false),
        ("arg:*.csv", true),
        ("codec:zlib", true),
        ("codec:pickle", true),
        ("codec:\"pickle 4\"", true),
        ("codec:pick", false),
        ("condition:stale,expired", true),
        ("condition:fresh", false),
        ("LOAD", true),
        ("0F3", true),
        ("\"a b\"", true),
        ("a b", true),
        ("xyz", false),
        ("data xyz", false),
    ] {
        check(query, expected);
    }
}

#[test]
fn a_minus_negates_one_term() {
    for (query, expected) in [
        ("-size>1MB", false),
        ("-size<1MB size>1k", true),
        ("-group:load*", false),
        ("-xyz", true),
        ("-\"a b\"", false),
        ("-condition:fresh", true),
        ("\"-xyz\"", false),
    ] {
        check(query, expected);
    }
}

#[test]
fn what_is_not_known_matches_neither_way() {
    for query in [
        "expires<1h",
        "-expires<1h",
        "hits=0",
        "-hits=0",
        "type:int",
        "-type:int",
    ] {
        check(query, false);
    }
    let group = Group::named("f");
    let record = Record::new(&group, b"k");
    for query in [
        "condition:fresh",
        "-condition:stale",
        "-arg.x:1",
        "arg.x:1",
        "-used>1d",
    ] {
        let query = Query::parse(query).unwrap();
        assert!(!query.matches(&record, None, Time::from_unix(NOW, 0)));
    }
}

#[test]
fn types_match_by_their_last_name_in_any_case() {
    let group = Group::named("");
    let mut record = Record::new(&group, b"k");
    for (value_type, query, expected) in [
        ("numpy.ndarray", "type:ndarray", true),
        ("numpy.ndarray", "type:numpy.ndarray", true),
        ("int", "type:int", true),
        ("pkg.Point", "type:int", false),
        ("pandas.DataFrame", "type:dataframe", true),
        ("pandas.DataFrame", "type:pandas.*", true),
    ] {
        record.value_type = Some(value_type);
        let query = Query::parse(query).unwrap();
        assert_eq!(
            query.matches(&record, None, Time::now()),
            expected,
            "{value_type}"
        );
    }
}

#[test]
fn cut_arguments_leave_the_answer_open_only_where_they_could_change_it() {
    let group = Group::named("g");
    let args = [(Cow::from("x"), Cow::from("y".repeat(500) + "needle"))];
    let mut record = Record::new(&group, b"k");
    record.args = Args::Whole(&args);
    let mut builder = ChunkBuilder::default();
    builder.push(&record);
    let chunk = builder.finish();
    let cut = chunk.record(0).unwrap();
    assert!(cut.args.is_cut());
    for (query, whole, kept) in [
        ("needle", Match::Yes, Match::NeedsArgs),
        ("-needle", Match::No, Match::NeedsArgs),
        ("yyy", Match::Yes, Match::Yes),
        ("arg.x:y*", Match::Yes, Match::Yes),
        ("arg.x:*needle", Match::Yes, Match::NeedsArgs),
        ("needle size>1k", Match::No, Match::No),
        ("nowhere", Match::No, Match::NeedsArgs),
    ] {
        let parsed = Query::parse(query).unwrap();
        assert_eq!(parsed.test(&record, None, Time::now()), whole, "{query}");
        assert_eq!(parsed.test(&cut, None, Time::now()), kept, "{query}");
    }
}

#[test]
fn cut_arguments_are_read_again_only_where_they_decide() {
    let group = Group::named("g");
    let args = [(Cow::from("x"), Cow::from("y".repeat(500)))];
    let mut record = Record::new(&group, b"k");
    record.args = Args::Whole(&args);
    let mut builder = ChunkBuilder::default();
    builder.push(&record);
    let chunk = builder.finish();
    let cut = chunk.record(0).unwrap();
    let whole = || Some(vec![("x".to_owned(), "y".repeat(500) + "needle")]);
    let matches = |query: &str, whole: &dyn Fn() -> Option<Vec<(String, String)>>| {
        Query::parse(query)
            .unwrap()
            .matches_whole(&cut, None, Time::now(), whole)
    };
    assert!(matches("needle", &whole));
    assert!(!matches("-needle", &whole));
    assert!(!matches("nowhere", &whole));
    assert!(!matches("needle", &|| None));
    assert!(matches("yyy", &|| panic!("decided without it")));
}

#[test]
fn terms_about_the_unknown_can_be_left_out() {
    let group = Group::named("g");
    let record = Record::new(&group, b"k");
    let query = Query::parse("condition:stale type:int size<1k").unwrap();
    assert!(!query.matches(&record, None, Time::now()));
    let rest = query.without(query.needs());
    assert!(rest.matches(&record, None, Time::now()));
    assert!(
        !query
            .without(Needs::default())
            .matches(&record, None, Time::now())
    );
}

#[test]
fn a_query_says_what_it_needs_beyond_the_listing() {
    let needs = |query| Query::parse(query).unwrap().needs();
    assert_eq!(needs("size>1 group:x"), Needs::default());
    assert!(needs("condition:stale").conditions);
    assert!(needs("type:int").types && needs("codec:zlib").types);
    assert!(needs("arg.x:1").args && needs("word").args);
}

#[test]
fn mistakes_are_marked_where_they_stand() {
    for (query, mark, message) in [
        ("size>1MB siez>2", "         ^^^^", "did you mean size?"),
        ("foo:bar", "^^^", "put it in quotes"),
        ("size>1XB", "     ^^^", "\"XB\" is no unit of size"),
        ("age>30", "    ^^", "30 needs a unit"),
        ("hits=x", "     ^", "no whole number"),
        (
            "size:1",
            "    ^",
            "size takes <, <=, =, >= or >, as in size>1MB",
        ),
        (
            "group=x",
            "     ^",
            "group takes a colon, as in group:load*",
        ),
        ("key:", "    ^", "key: needs a value"),
        ("size>", "     ^", "size needs a value"),
        ("a \"b c", "  ^^^^", "no end"),
        ("\"a\"b", "   ^", "A space must follow"),
        ("key:/a", "    ^^", "no end"),
        ("key:/a/b.csv", "       ^^^^^", "goes in quotes"),
        ("key:/(/", "    ^^^", "unclosed group"),
        (
            "condition:stale,old",
            "                ^^^",
            "\"old\" is no condition",
        ),
        ("size.x>1", "^^^^^^", "is no word"),
        ("名 siez>1", "  ^^^^", "did you mean size?"),
    ] {
        let error = Query::parse(query).map(|_| ()).expect_err(query);
        let marked = error.marked(query);
        assert_eq!(marked.lines().nth(1), Some(mark), "{query}");
        assert!(
            error.message.contains(message),
            "{query}: {}",
            error.message
        );
    }
}

#[test]
fn any_text_parses_or_says_why() {
    // Every pair of pieces that the parser branches on.
    let pieces = [
        "-", "\"", "/", ":", "<", "=", ">", " ", "\\", "key:", "size", ".", ",", "*", "é",
        "\u{202e}", "1k", "arg.",
    ];
    for a in pieces {
        for b in pieces {
            for c in pieces {
                let query = [a, b, c].concat();
                if let Err(error) = Query::parse(&query) {
                    assert!(query.get(error.span.clone()).is_some(), "{query}");
                    assert!(!error.message.is_empty());
                }
            }
        }
    }
}
