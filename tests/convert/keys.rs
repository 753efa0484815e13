//! Keys of every sort on their way into another kind of store, judged by Python: found again, or refused.

use serde_json::json;
use tempfile::TempDir;

use super::{convert, judge};
use crate::support::program;
use crate::support::python::Python;

/// Dicts whose keys are written in every way that pickles have, some with values or parts that stand in earlier items.
const KEYS: &str = r#"
import pathlib, pickle, sys
root = pathlib.Path(sys.argv[1])
shared, text = ["shared"], "part of several"
floats = [1.0, 1.5, 0.0, -2.5, float("inf"), float("-inf"), 5e-324, 1e308]
plain = dict.fromkeys([*floats, b"a", b"b", b"", 2**63 - 1, -2**63, 2**70, "k" * 70_000, "", 300, -1, True and None], shared)
tuples = {
    (text, 1, 2, 3): 1, (text, 2, 2, 3): shared, (text,): text, (b"y" * 70_000, 1): shared, ("y" * 70_000, b"z" * 66_000, "w"): 5,
    ("x" * 40_000, "y" * 30_000, ("z" * 65_536, 7, 8, 9)): 6, (b"a" * 65_537, b"b" * 65_536): 7, (): text,
}
long = "\u00e9" * 60_000
long = {"a": [long], "b": [long, 1], "c": long, "d": b"y" * 70_000}
long["e"] = [long["d"]]
for protocol in range(6):
    for name, entries in ("plain", plain), ("tuples", tuples), ("long", long), ("frozen", {frozenset([text, n]): text for n in range(3)}):
        (root / f"{name}{protocol}").write_bytes(pickle.dumps(entries, protocol))
"#;

#[test]
fn keys_of_any_protocol_and_sharing_are_found_again() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(KEYS, [temp.path()]);
    let mut pairs = Vec::new();
    for (name, kind, protocols) in [
        ("plain", "diskcache", &[0, 1, 4][..]),
        ("tuples", "diskcache", &[1, 4]),
        ("plain", "pickle", &[1, 4]),
        ("tuples", "pickle", &[0, 4]),
        ("frozen", "pickle", &[2, 4]),
        ("long", "diskcache", &[1, 2]),
    ] {
        for protocol in protocols {
            let from = temp.path().join(format!("{name}{protocol}"));
            let to = temp.path().join(format!("{name}{protocol}.{kind}"));
            convert(&from, kind, None, &to).unwrap_or_else(|e| panic!("{from:?} to {kind}: {e}"));
            pairs.push(json!({"from": ["pickle", from], "to": [kind, to]}));
        }
    }
    assert_eq!(judge(&python, temp.path(), &pairs), Vec::<String>::new());
    let ran = program::run([
        "compare".as_ref(),
        temp.path().join("plain1").as_os_str(),
        temp.path().join("plain4").as_os_str(),
    ]);
    let sides: Vec<_> = ran
        .of_type("diff")
        .map(|line| line["side"].clone())
        .collect();
    assert!(
        sides.len() > 15 && sides.iter().all(|side| side == "same"),
        "{}",
        ran.said
    );
}

#[test]
fn keys_that_are_one_in_python_are_refused_by_a_pickle() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let write = "import sys, decimal, fractions, diskcache, numpy as np
D = decimal.Decimal
for n, keys in enumerate([(1, True), (('f', 1), ('f', 1.0)), (D('1.0'), D('1.00')), (np.int64(1), 1), (np.str_('a'), 'a'),
    (('f', fractions.Fraction(1, 2)), ('f', .5)), (frozenset([1, 'a']), frozenset([True, 'a'])), (1 + 0j, 1),
    (1, '1', b'1', 2, False, None, (1,), ('1',), 2**64, float(2**65), D('1.5'), np.float32(.1), .1, np.int8(7), (D('.1'),), (.1,))]):
    with diskcache.Cache(f'{sys.argv[1]}/{n}') as cache:
        for key in keys: cache[key] = repr(key)
        assert len(cache) == len(keys), keys
    print(len(dict.fromkeys(keys)) == len(keys))";
    let said = python.run(write, [temp.path()]);
    let mut n_refused = 0;
    for (n, are_apart) in said.lines().enumerate() {
        let (from, to) = (
            temp.path().join(n.to_string()),
            temp.path().join(format!("{n}.pickle")),
        );
        match convert(&from, "pickle", None, &to) {
            Ok(_) => assert_eq!(are_apart, "True", "{n}"),
            Err(error) => {
                assert!(
                    error.is_refused() && error.to_string().contains("for one"),
                    "{error}"
                );
                assert_eq!(are_apart, "False", "{n}: {error}");
                n_refused += 1;
            }
        }
    }
    assert_eq!(n_refused, 8, "{said}");
}

#[test]
fn keys_of_several_tables_stand_behind_their_tables() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let at = |name: &str| temp.path().join(name);
    let write = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c:
    c.executescript(\"CREATE TABLE a (id INTEGER PRIMARY KEY, v); CREATE TABLE b (x REAL, n INTEGER, v, PRIMARY KEY (x, n)) WITHOUT ROWID;\"
        \"CREATE TABLE c (k TEXT PRIMARY KEY, v); INSERT INTO a VALUES (1, 'a1'), (2, 'a2');\"
        \"INSERT INTO b VALUES (1.5, 1, 'b1'), (2, 2, 'b2'); INSERT INTO c VALUES ('1', 'c1')\")";
    python.run(write, [at("tables.db")]);
    convert(&at("tables.db"), "pickle", None, &at("pickle")).expect("to a pickle");
    convert(&at("tables.db"), "diskcache", None, &at("cache")).expect("to diskcache");
    let read = "import diskcache, pickle, sys
d = pickle.load(open(sys.argv[1], 'rb'))
c = diskcache.Cache(sys.argv[2])
print(list(d), all(k in c and c[k] == d[k] for k in d), len(c))";
    assert_eq!(
        python.run(read, [at("pickle"), at("cache")]).trim(),
        "[('a', 1), ('a', 2), ('b', (1.5, 1)), ('b', (2.0, 2)), 'c/1'] True 5"
    );
}

/// Keys of classes, given twice: as they are pickled, and as a program makes them again to look them up.
const OF_CLASSES: &str = r#"
import datetime as d, decimal, enum, fractions, pathlib, pickle, sys, typing, uuid
import diskcache, numpy as np
D, utc = decimal.Decimal, d.timezone.utc
class Color(enum.Enum):
    RED = 1
    BLUE = "blue"
class Row(typing.NamedTuple):
    name: str
    n: int
class Plain:
    def __init__(self, x): self.x, self.day = x, d.date(2024, 1, x)
    def __eq__(self, other): return type(other) is Plain and self.x == other.x
    def __hash__(self): return self.x
    def __repr__(self): return f"Plain({self.x})"
def keys():
    return [
        d.date(2024, 2, 29), d.datetime(2024, 1, 1, 5, tzinfo=utc), d.time(3), d.timedelta(1, 2, 3),
        ("load", d.date(2024, 1, 1), d.date(2024, 1, 2)), (d.datetime(2024, 1, 1, tzinfo=utc), d.datetime(2024, 1, 2, tzinfo=utc)),
        D("2.50"), (D("1"), D("2"), "x"), fractions.Fraction(1, 3), uuid.UUID(int=1), (uuid.UUID(int=1), uuid.UUID(int=2**100)),
        pathlib.PurePosixPath("data/x/data"), ("read", pathlib.PurePosixPath("a/b.csv")), Color.RED, (Color.RED, Color.BLUE),
        Row("a", 1), Row("longer", 2), Plain(1), (Plain(2), Plain(3)), 1j, frozenset(), frozenset(["one"]), (frozenset([7]), None),
        ("a", "a"), ("", "\u00e9", "\u00e9"), (b"x", b"x"), int, (Color, Row), ..., range(3), np.float64(1.5), np.int64(3), ("f", np.datetime64("2024-01-01")),
    ]
root, act = sys.argv[1:]
if act == "write":
    for protocol in 2, 4, 5:
        with open(f"{root}/{protocol}", "wb") as file: pickle.dump({key: repr(key) for key in keys()}, file, protocol)
        with diskcache.Cache(f"{root}/{protocol}.cache", disk_pickle_protocol=protocol) as cache:
            for key in keys() + [frozenset(["several", "members", 1])]: cache[key] = repr(key)
else:
    for protocol in 2, 4, 5:
        for name in f"{protocol}.new", f"{protocol}.cache.new":
            with diskcache.Cache(f"{root}/{name}") as cache:
                print(name, cache.disk_pickle_protocol, len(cache), [key for key in keys() if key not in cache or cache[key] != repr(key)])
"#;

#[test]
fn keys_of_classes_are_found_by_diskcache() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let run = |act: &str| python.run(OF_CLASSES, [temp.path().as_os_str(), act.as_ref()]);
    run("write");
    let mut expected = Vec::new();
    for protocol in [2, 4, 5] {
        for (name, kept, n) in [
            (format!("{protocol}"), 5, 33),
            // A cache of its own kind keeps the pickles and their protocol.
            (format!("{protocol}.cache"), protocol, 34),
        ] {
            let (from, to) = (
                temp.path().join(&name),
                temp.path().join(format!("{name}.new")),
            );
            convert(&from, "diskcache", None, &to).unwrap_or_else(|e| panic!("{name}: {e}"));
            expected.push(format!("{name}.new {kept} {n} []\n"));
        }
    }
    assert_eq!(run("read"), expected.concat());
}

#[test]
fn keys_whose_pickle_nobody_knows_are_refused_by_diskcache() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let write = "import datetime, pickle, sys, zoneinfo
twice, day = 'given twice', datetime.date(2024, 1, 1)
# One object twice, several members, a call of a method.
for n, key in enumerate([(twice, twice), (day, day), frozenset('abc'), zoneinfo.ZoneInfo('UTC')]):
    with open(f'{sys.argv[1]}/{n}', 'wb') as file: pickle.dump({key: 1}, file, 4)";
    python.run(write, [temp.path()]);
    for n in 0..4 {
        let to = temp.path().join("to");
        let error = convert(&temp.path().join(n.to_string()), "diskcache", None, &to);
        let error = error.expect_err("it is refused");
        assert!(
            error.is_refused() && error.to_string().contains("another pickle"),
            "{n}: {error}"
        );
    }
}
