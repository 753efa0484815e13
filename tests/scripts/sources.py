"""Writes one store of each kind with its own library, for tests that convert them: sources.py FOLDER."""

import collections
import datetime
import decimal
import pathlib
import pickle
import shelve
import sys

import dbm.dumb
import dbm.sqlite3

import diskcache
import joblib
import numpy as np
import sqlitedict

root = pathlib.Path(sys.argv[1])

cyclic = [1]
cyclic.append(cyclic)
shared = ["shared by two"]
VALUES = {
    "int": 7,
    "big": 2**200,
    "negative": -(2**40),
    "float": 1.5,
    "none": None,
    "true": True,
    "text": "caf\u00e9 \u2603 \U0001f600",
    "bytes": bytes(range(256)),
    "empty": "",
    "list": [1, "two", 3.0, [None, (True, False)]],
    "dict": {"a": 1, 2: "b", (3, 4): {5, 6}},
    "twice": [shared, shared],
    "decimal": decimal.Decimal("12.30"),
    "when": datetime.datetime(2024, 2, 29, 13, 37, 42, 123456, tzinfo=datetime.timezone.utc),
    "ordered": collections.OrderedDict(a=1, b=2),
    "long text": "x\ny" * 20_000,
    "long bytes": b"\x00\xff" * 40_000,
    "many": list(range(3_000)),
    "it's \"quoted\"\\ \n": "an odd key",
}

for protocol in (0, 2, 5):
    with dbm.dumb.open(str(root / f"dumb{protocol}"), "n") as db:
        with shelve.Shelf(db, protocol=protocol) as shelf:
            shelf.update(VALUES)

with dbm.sqlite3.open(root / "sqlite3", "c") as db:
    db.update({key.encode(): str(value).encode() for key, value in VALUES.items()})

with diskcache.Cache(str(root / "diskcache")) as cache:
    for key, value in VALUES.items():
        cache[key] = value
with diskcache.Cache(str(root / "typed")) as cache:
    cache[1], cache[1.5], cache["1"], cache[b"1"], cache[("a", 2)] = "int", "float", "str", "bytes", "tuple"
with diskcache.Cache(str(root / "expiring")) as cache:
    cache.set("a", 1, expire=3600, tag="t")
    cache.set("b", 2)

with sqlitedict.SqliteDict(str(root / "sqlitedict"), autocommit=True) as table:
    for key, value in VALUES.items():
        table[key] = value

# One memo for all items, keys that occur in values, keys of several types.
mixed = dict(VALUES)
mixed["uses a key"] = ["int", shared, VALUES["dict"]]
mixed["again"] = shared
mixed["cycle"] = cyclic
for protocol in range(6):
    with open(root / f"pickle{protocol}", "wb") as file:
        pickle.dump(mixed, file, protocol=protocol)
with open(root / "keys", "wb") as file:
    pickle.dump({1: "int", 2.5: "float", b"b": "bytes", ("t", 1): "tuple", None: "none", True and 3: 3}, file)
for name, entries in {
    "odd-keys": {
        frozenset([1]): "set", (1, 2, 3, 4): "four", 2**63 - 1: "large", "k" * 5000: "long", b"b": [b"b"], "text": 1,
    },
    "surrogate": {"\ud800": 1},
    "empty": {},
    "nan": {float("nan"): 1},
}.items():
    with open(root / name, "wb") as file:
        pickle.dump(entries, file, protocol=4)

ARRAYS = {
    "c": np.arange(12.0).reshape(3, 4),
    "f": np.asfortranarray(np.arange(12, dtype="i2").reshape(3, 4)),
    "big": np.arange(5, dtype=">f8"),
    "nothing": np.zeros((0, 3)),
    "single": np.array(5.0),
    "objects": np.array([1, None, "x", {"k": [1, 2]}], dtype=object),
    "records": np.array([(1, 2.5, "a"), (2, 3.5, "b")], dtype=[("n", "i4"), ("x", ">f8"), ("s", "U3")]),
    "when": np.array(["2024-01-01", "NaT"], dtype="M8[s]"),
    "several": [np.arange(3), np.arange(3), {"inner": np.ones(2)}],
    "twice": [VALUES["list"]] * 2 + [np.arange(4)],
    "large": np.random.default_rng(0).random(50_000),
    "scalar": np.float32(1.5),
    "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
}


def load(name):
    return ARRAYS[name]


for compress in (False, "zlib", "lz4"):
    memory = joblib.Memory(str(root / f"joblib-{compress}"), verbose=0, compress=compress)
    cached = memory.cache(load)
    for name in ARRAYS:
        cached(name)
