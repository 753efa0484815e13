"""Reads stores and their conversions with their own libraries: judge.py FOLDER, pairs as JSON lines on stdin.

A line is {"from": [kind, path], "to": [kind, path]}; what differs is printed.
"""

import importlib
import json
import pathlib
import pickle
import shelve
import sys

sys.path.insert(0, sys.argv[1])


def joblib_entries(path):
    import joblib

    return {
        (output.parent.parent.relative_to(path).as_posix(), output.parent.name): joblib.load(output)
        for output in pathlib.Path(path).rglob("output.pkl")
    }


def diskcache_entries(path):
    import diskcache

    with diskcache.Cache(path) as cache:
        problems = cache.check()
        assert not problems, problems
        entries = {key: cache[key] for key in cache}
        assert len(cache) == len(entries)
        cache["written later"] = list(range(20_000))
        assert len(cache) == len(entries) + 1 and not cache.check()
        del cache["written later"]
        assert len(cache) == len(entries) and not cache.check()
        return entries


def sqlitedict_entries(path):
    import sqlitedict

    entries = {}
    for name in sqlitedict.SqliteDict.get_tablenames(path):
        with sqlitedict.SqliteDict(path, tablename=name) as table:
            entries.update((key if name == "unnamed" else f"{name}/{key}", table[key]) for key in table)
    return entries


def sqlite_entries(path):
    import sqlite3

    with sqlite3.connect(path) as connection:
        return dict(connection.execute('SELECT key, value FROM "cache"'))


def dbm_entries(module):
    def entries(path):
        with importlib.import_module(module).open(path, "r") as db:
            return {key: db[key] for key in db.keys()}

    return entries


def shelf_entries(module):
    def entries(path):
        with shelve.Shelf(importlib.import_module(module).open(path, "r")) as shelf:
            return dict(shelf)

    return entries


def pickle_entries(path):
    with open(path, "rb") as file:
        return pickle.load(file)


READ = {
    "joblib": joblib_entries,
    "diskcache": diskcache_entries,
    "sqlitedict": sqlitedict_entries,
    "sqlite": sqlite_entries,
    "pickle": pickle_entries,
    "dbm-dumb": dbm_entries("dbm.dumb"),
    "dbm-gnu": dbm_entries("dbm.gnu"),
    "dbm-sqlite3": dbm_entries("dbm.sqlite3"),
    "shelf-dumb": shelf_entries("dbm.dumb"),
    "shelf-gnu": shelf_entries("dbm.gnu"),
    "shelf-sqlite3": shelf_entries("dbm.sqlite3"),
}


def same(a, b, seen=()):
    if (id(a), id(b)) in seen:
        return True
    seen = (*seen, (id(a), id(b)))
    numpy = sys.modules.get("numpy")
    if numpy and isinstance(a, (numpy.ndarray, numpy.generic)):
        if type(a) is not type(b) or a.shape != b.shape:
            return False
        if a.dtype.newbyteorder("=") != b.dtype.newbyteorder("="):
            return False
        if isinstance(a, numpy.ma.MaskedArray):
            return same(a.filled(0), b.filled(0)) and bool((a.mask == b.mask).all())
        if a.dtype.hasobject:
            return all(same(x, y, seen) for x, y in zip(a.ravel().tolist(), b.ravel().tolist()))
        if a.ndim > 1 and a.flags.f_contiguous != b.flags.f_contiguous:
            return False
        native = a.dtype.newbyteorder("=")
        return numpy.asarray(a, native).tobytes() == numpy.asarray(b, native).tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(a[key], b[key], seen) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, seen) for x, y in zip(a, b))
    return a == b


def plain(key):
    """Keys of a dbm are bytes, and so are those of joblib's entries elsewhere 'module/function/HASH'."""
    if isinstance(key, tuple) and len(key) == 2 and len(str(key[1])) == 32:
        key = "/".join(key)
    return key.encode() if isinstance(key, str) else key


for line in sys.stdin:
    pair = json.loads(line)
    (kind, path), (new_kind, new_path) = pair["from"], pair["to"]
    try:
        old, new = READ[kind](path), READ[new_kind](new_path)
        if kind in ("joblib", "dbm-dumb", "dbm-gnu", "dbm-sqlite3") or new_kind.startswith("dbm"):
            old = {plain(key): value for key, value in old.items()}
            new = {plain(key): value for key, value in new.items()}
        assert len(old) == len(new), f"{len(old)} entries became {len(new)}"
        for key, value in old.items():
            assert key in new, f"{key!r} is missing"
            got = new[key]
            # A table keeps a shelf's pickles as blobs, and the native values of a typed store as they are.
            if new_kind == "sqlite" and isinstance(got, bytes) and not same(value, got):
                got = pickle.loads(got)
            assert same(value, got), f"{key!r}: {value!r:.200} became {got!r:.200}"
    except Exception as error:
        print(f"{kind} {path} -> {new_kind} {new_path}: {type(error).__name__}: {error}", flush=True)
print("done", flush=True)
