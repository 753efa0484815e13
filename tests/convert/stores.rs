//! What a store has beside its entries: columns, settings, names of tables. Carried, or told before it is lost.

use tempfile::TempDir;

use super::{by_command, convert};
use crate::support::python::Python;

#[test]
fn other_columns_of_a_table_are_a_loss() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let (from, to) = (temp.path().join("from.db"), temp.path().join("to.db"));
    let write = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c:
    c.executescript(\"CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB, extra TEXT);\"
        \"INSERT INTO kv VALUES ('k', x'0102', 'important'), ('l', x'03', NULL);\"
        \"CREATE TABLE whole (key TEXT PRIMARY KEY, value BLOB); INSERT INTO whole VALUES ('k', 1)\")";
    python.run(write, [&from]);
    let run = |more: &[&str]| by_command(&from, "sqlite", &to, more);
    let refused = run(&[]);
    assert_eq!(refused.code, 4, "{}", refused.said);
    assert!(
        refused.said.contains("the column extra of 2 entries"),
        "{}",
        refused.said
    );
    assert!(!to.exists());
    let done = run(&["--accept-loss"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(
        done.said.contains("the column extra of 2 entries"),
        "{}",
        done.said
    );
    // Nothing but keys and values is nothing to lose.
    let again = temp.path().join("again.db");
    convert(&to, "sqlite", None, &again).expect("it loses nothing");
}

#[test]
fn the_type_of_a_pickled_dict_is_a_loss() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let write = "import collections, pickle, sys
class Own(dict): pass
own = Own(a=1); own.x = 5
whole = dict(own=own, factory=collections.defaultdict(list, a=[1]), ordered=collections.OrderedDict(a=1), plain={'a': 1})
for name, value in whole.items():
    with open(sys.argv[1] + '/' + name, 'wb') as file: pickle.dump(value, file)";
    python.run(write, [temp.path()]);
    for (name, lost) in [
        ("own", Some("__main__.Own")),
        ("factory", Some("collections.defaultdict")),
        ("ordered", None),
        ("plain", None),
    ] {
        let (from, to) = (
            temp.path().join(name),
            temp.path().join(format!("{name}.new")),
        );
        let ran = by_command(&from, "pickle", &to, &[]);
        let Some(lost) = lost else {
            assert_eq!(ran.code, 0, "{}", ran.said);
            continue;
        };
        assert!(ran.code == 4 && !to.exists(), "{}", ran.said);
        let done = by_command(&from, "pickle", &to, &["--accept-loss"]);
        assert_eq!(done.code, 0, "{}", done.said);
        for said in [ran.said, done.said] {
            let told = format!("the type {lost} of the dict as a whole");
            assert!(said.contains(&told), "{said}");
        }
    }
}

#[test]
fn settings_of_a_diskcache_stay_what_they_were() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let at = |name: &str| temp.path().join(name);
    let write = "import diskcache, sys
settings = dict(eviction_policy='none', statistics=1, tag_index=1, cull_limit=0)
with diskcache.Cache(sys.argv[1] + '/one', size_limit=2**20, disk_pickle_protocol=4, **settings) as c: c[('k', 1)] = 'v'
with diskcache.FanoutCache(sys.argv[1] + '/many', shards=4, size_limit=2**22, **settings) as c: c[('k', 1)] = 'v'";
    python.run(write, [temp.path()]);
    let read = "import diskcache, sys
with diskcache.Cache(sys.argv[1]) as c:
    print(c.eviction_policy, c.statistics, c.tag_index, c.cull_limit, c.size_limit, c[('k', 1)], c.check())";
    for (name, limit) in [("one", 1 << 20), ("many", 1 << 22)] {
        let new = at(&format!("{name}-new"));
        convert(&at(name), "diskcache", None, &new).expect("to diskcache");
        assert_eq!(
            python.run(read, [new]).trim(),
            format!("none 1 1 0 {limit} v []"),
            "{name}"
        );
    }
}

/// SQLite folds the case of names, and Python does not.
#[test]
fn groups_that_no_two_tables_can_have_are_refused() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let write = "import joblib, sys, types
for names in ['Func', 'func'], ['sqlite_x']:
    memory = joblib.Memory(sys.argv[1] + '/' + names[0], verbose=0)
    for name in names:
        module = types.ModuleType(name if len(names) == 1 else 'mm')
        exec(f'def {name}(x): return x', module.__dict__)
        getattr(module, name).__module__ = module.__name__
        memory.cache(getattr(module, name), ignore=[])(1)";
    python.run(write, [temp.path()]);
    for name in ["Func", "sqlite_x"] {
        for kind in ["sqlite", "sqlitedict"] {
            let to = temp.path().join("to.db");
            let error = convert(&temp.path().join(name), kind, None, &to).expect_err(name);
            assert!(
                error.is_refused() && error.to_string().contains("SQLite"),
                "{error}"
            );
            assert!(!to.exists());
        }
    }
}

#[test]
fn a_torn_value_of_a_shelf_is_left_out_and_the_others_stay_objects() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let write = "import dbm.dumb, pickle, shelve, sys
for name in 'first', 'last':
    with dbm.dumb.open(sys.argv[1] + '/' + name, 'n') as db:
        torn = lambda: db.__setitem__(b'torn', pickle.dumps(list(range(99)), 4)[:-20])
        if name == 'first': torn()
        for n in range(3): db[b'k%d' % n] = pickle.dumps([n], 4)
        if name == 'last': torn()";
    python.run(write, [temp.path()]);
    for name in ["first", "last"] {
        let (from, to) = (
            temp.path().join(name),
            temp.path().join(format!("{name}-new")),
        );
        let run = |more: &[&str]| by_command(&from, "diskcache", &to, more);
        let refused = run(&[]);
        assert_eq!(refused.code, 4, "{}", refused.said);
        assert!(
            refused.said.contains("\"torn\"") && !to.exists(),
            "{}",
            refused.said
        );
        let done = run(&["--accept-loss"]);
        assert_eq!(done.code, 0, "{}", done.said);
        let read = "import diskcache, sys
with diskcache.Cache(sys.argv[1]) as c: print(sorted((k, c[k]) for k in c))";
        let said = python.run(read, [&to]);
        assert_eq!(said.trim(), "[('k0', [0]), ('k1', [1]), ('k2', [2])]");
    }
}

#[test]
fn pickles_that_a_program_compresses_are_the_objects_in_them() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    // The example of sqlitedict's README.
    let write = "import pickle, sqlite3, sys, zlib, sqlitedict
encode = lambda value: sqlite3.Binary(zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)))
with sqlitedict.SqliteDict(sys.argv[1] + '/dict', encode=encode) as d:
    d['a'] = {'x': 1}; d['b'] = list(range(1000)); d.commit()";
    python.run(write, [temp.path()]);
    let from = temp.path().join("dict");
    for kind in ["pickle", "diskcache", "sqlitedict"] {
        convert(&from, kind, None, &temp.path().join(kind)).expect(kind);
    }
    let read = "import pickle, sys, diskcache, sqlitedict
with diskcache.Cache(sys.argv[1] + '/diskcache') as c, sqlitedict.SqliteDict(sys.argv[1] + '/sqlitedict') as s:
    for d in pickle.load(open(sys.argv[1] + '/pickle', 'rb')), c, s:
        print(d['a'], d['b'] == list(range(1000)), len(d))";
    assert_eq!(
        python.run(read, [temp.path()]),
        "{'x': 1} True 2\n".repeat(3)
    );
}

/// Entries of one dict share the names of their fields, their classes and the types of their arrays.
#[test]
fn values_that_share_objects_take_no_more_than_python_writes() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let entries = "import datetime, os, pickle, sys, numpy as np
common, cyclic = ['common', {'to': 'all'}], []
cyclic.append(cyclic)
def entry(n):
    return {'data': os.urandom(20_000), 'day': datetime.date(2024, 1, n + 1), 'array': np.arange(999.0) + n,
        'frame': [np.arange(5), {'data': n}], 'common': common, 'cyclic': cyclic, 'text': 'a text that is nowhere else %d' % n}
if sys.argv[2] == 'write':
    for protocol in 2, 4: pickle.dump({f'k{n}': entry(n) for n in range(20)}, open(f'{sys.argv[1]}/{protocol}', 'wb'), protocol)
else:
    for protocol in 2, 4:
        old, new = (pickle.load(open(f'{sys.argv[1]}/{name}', 'rb')) for name in (f'{protocol}', f'{protocol}.pickle'))
        for key, value in old.items():
            got = new[key]
            assert list(got) == list(value) and got['cyclic'][0] is got['cyclic'], key
            for name in 'data', 'day', 'common', 'text': assert got[name] == value[name] and type(got[name]) is type(value[name]), key
            assert got['array'].dtype == 'f8' and (got['array'] == value['array']).all() and (got['frame'][0] == range(5)).all(), key
        n = sum(len(pickle.dumps(value, protocol)) for value in old.values())
        ours = os.path.getsize(f'{sys.argv[1]}/{protocol}.pickle')
        print(len(new), ours < 1.02 * n or (ours, n))";
    let run = |act: &str| python.run(entries, [temp.path().as_os_str(), act.as_ref()]);
    run("write");
    for name in ["2", "4"] {
        let to = temp.path().join(format!("{name}.pickle"));
        convert(&temp.path().join(name), "pickle", None, &to).expect(name);
    }
    assert_eq!(run("read"), "20 True\n20 True\n");
}
