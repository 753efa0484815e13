#!/usr/bin/env python3
"""What if, judged: the same entries written and read by Python's libraries and by `cachescope bench`.

    cargo build --release
    python3.13 -m venv target/judge && target/judge/bin/pip install -r tests/requirements/writers.txt
    target/judge/bin/python core/benches/backends.py --cachescope target/release/cachescope

Three loads: many small values, few large arrays, mixed text. For each load both tables are printed; then every
pair of kinds whose order of median reads differs although Python's medians are over 1.5 times apart (and whether
`bench` tells what Python takes beyond its figures), and every kind whose bytes on disk differ by more than 5 %. Times are medians of interleaved rounds.
"""

import argparse
import json
import os
import pathlib
import pickle
import random
import shelve
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import dbm.dumb

# joblib closes a file that lz4 flushes later: Python would say so once a read.
sys.unraisablehook = lambda _: None

APART = 1.5
ROUNDS = 3
READS = 300


def small(chance):
    return {f"user:{n}": {"id": n, "score": chance.random(), "tags": ["a", "b"][: n % 3]} for n in range(2_000)}


def arrays(chance):
    import numpy as np

    generator = np.random.default_rng(1)
    return {f"matrix:{n}": np.round(generator.random((500, 400)), 3) for n in range(24)}


def mixed_text(chance):
    words = ["cache", "stale", "entry", "hit", "miss", "rebuild", "café", "☃"]
    text = lambda n: " ".join(chance.choices(words, k=n))
    return {f"https://example.org/page/{n}": text(chance.choice([5, 50, 500, 5_000])) for n in range(1_000)}


class Dumb:
    kind = "dbm-dumb"

    def write(self, path, entries):
        with shelve.Shelf(dbm.dumb.open(path, "n"), protocol=5) as shelf:
            shelf.update(entries)

    def open(self, path):
        self.shelf = shelve.Shelf(dbm.dumb.open(path, "r"))

    def read(self, key):
        return self.shelf[key]

    def keys(self):
        return list(self.shelf)

    def close(self):
        self.shelf.close()


class Sqlite3(Dumb):
    kind = "dbm-sqlite3"

    def write(self, path, entries):
        import dbm.sqlite3

        with shelve.Shelf(dbm.sqlite3.open(path, "n"), protocol=5) as shelf:
            shelf.update(entries)

    def open(self, path):
        import dbm.sqlite3

        self.shelf = shelve.Shelf(dbm.sqlite3.open(path, "r"))


class Gnu(Dumb):
    kind = "dbm-gnu"

    def write(self, path, entries):
        import dbm.gnu

        with shelve.Shelf(dbm.gnu.open(path, "n"), protocol=5) as shelf:
            shelf.update(entries)

    def open(self, path):
        import dbm.gnu

        self.shelf = shelve.Shelf(dbm.gnu.open(path, "r"))


class DiskCache:
    kind = "diskcache"

    def write(self, path, entries):
        import diskcache

        with diskcache.Cache(path) as cache:
            with cache.transact():
                for key, value in entries.items():
                    cache[key] = value

    def open(self, path):
        import diskcache

        self.cache = diskcache.Cache(path)

    def read(self, key):
        return self.cache[key]

    def keys(self):
        return list(self.cache)

    def close(self):
        self.cache.close()


class SqliteDict:
    kind = "sqlitedict"

    def write(self, path, entries):
        import sqlitedict

        with sqlitedict.SqliteDict(path) as table:
            table.update(entries)
            table.commit()

    def open(self, path):
        import sqlitedict

        self.table = sqlitedict.SqliteDict(path, flag="r")

    def read(self, key):
        return self.table[key]

    def keys(self):
        return list(self.table)

    def close(self):
        self.table.close()


class Sqlite:
    kind = "sqlite"

    def write(self, path, entries):
        with sqlite3.connect(path) as connection:
            connection.execute('CREATE TABLE "cache" (key NOT NULL PRIMARY KEY, value)')
            rows = ((key, pickle.dumps(value, 5)) for key, value in entries.items())
            connection.executemany('INSERT INTO "cache" VALUES (?, ?)', rows)
        connection.close()

    def open(self, path):
        self.connection = sqlite3.connect(path)

    def read(self, key):
        row = self.connection.execute('SELECT value FROM "cache" WHERE key = ?', (key,)).fetchone()
        return pickle.loads(row[0])

    def keys(self):
        return [key for key, in self.connection.execute('SELECT key FROM "cache"')]

    def close(self):
        self.connection.close()


class Pickle:
    kind = "pickle"

    def write(self, path, entries):
        with open(path, "wb") as file:
            pickle.dump(entries, file, protocol=5)


class Joblib:
    kind = "joblib"
    codec = None

    def place(self, path, key):
        import hashlib

        return os.path.join(path, "joblib", "bench", "entry", hashlib.md5(key.encode()).hexdigest(), "output.pkl")

    def write(self, path, entries):
        import joblib

        os.makedirs(path)
        with open(os.path.join(path, ".gitignore"), "w") as file:
            file.write("# Created by joblib automatically.\n*\n")
        for key, value in entries.items():
            place = self.place(path, key)
            os.makedirs(os.path.dirname(place))
            joblib.dump(value, place, compress=self.codec or 0)
            with open(os.path.join(os.path.dirname(place), "metadata.json"), "w") as file:
                json.dump({"duration": 0.0, "input_args": {}}, file)

    def open(self, path):
        self.path = path

    def read(self, key):
        import joblib

        return joblib.load(self.place(self.path, key))

    def keys(self):
        return [output.parent.name for output in pathlib.Path(self.path).rglob("output.pkl")]

    def close(self):
        pass


class JoblibZlib(Joblib):
    codec = "zlib"


class JoblibGzip(Joblib):
    codec = "gzip"


class JoblibLz4(Joblib):
    codec = "lz4"


LIBRARIES = [Joblib, JoblibZlib, JoblibGzip, JoblibLz4, Pickle, Dumb, Sqlite3, Gnu, DiskCache, SqliteDict, Sqlite]


def title(kind, codec):
    return f"{kind} {codec}" if codec else kind


def on_disk(folder):
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_blocks * 512 for path in files)


def of_python(entries, folder):
    """Bytes, files and median times of each library that can be imported."""
    measured, opened = {}, {}
    for library in LIBRARIES:
        name = title(library.kind, getattr(library, "codec", None))
        place = os.path.join(folder, name.replace(" ", "-"))
        os.makedirs(place)
        store = library()
        started = time.perf_counter()
        try:
            store.write(os.path.join(place, "store"), entries)
        except ImportError as error:
            print(f"{name} was left out: {error}")
            continue
        files, size = on_disk(place)
        measured[name] = {"write_s": time.perf_counter() - started, "files": files, "disk_bytes": size}
        if hasattr(store, "read"):
            store.open(os.path.join(place, "store"))
            opened[name] = store
    chance, keys, medians = random.Random(1), list(entries), {}
    for _ in range(ROUNDS):
        chosen = chance.choices(keys, k=READS)
        for name, store in opened.items():
            times = []
            for key in chosen:
                started = time.perf_counter()
                store.read(key)
                times.append(time.perf_counter() - started)
            medians.setdefault(name, []).append(statistics.median(times) * 1e6)
    for name, store in opened.items():
        started = time.perf_counter()
        assert len(store.keys()) == len(entries)
        measured[name] |= {"list_s": time.perf_counter() - started, "read_p50_us": statistics.median(medians[name])}
        store.close()
    return measured


def stored(entries, source):
    """The entries as any program finds them in a store: no two share an object."""
    with shelve.Shelf(dbm.dumb.open(source, "n"), protocol=5) as shelf:
        shelf.update(entries)
    with shelve.Shelf(dbm.dumb.open(source, "r")) as shelf:
        return dict(shelf)


def of_cachescope(program, source):
    ran = subprocess.run([program, "bench", source, "--json"], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    print("   ", lines[-1]["advice"])
    return {title(line["kind"], line["codec"]): line for line in lines if line["type"] == "measure" and not line["refused"]}


def print_tables(python, ours):
    row = "    {:13} {:>12} {:>12} {:>6} {:>6} {:>10} {:>10}".format
    print(row("kind", "disk Python", "Cachescope", "files", "files", "p50 Python", "Cachescope"))
    for name in sorted(ours.keys() | python.keys()):
        a, b = python.get(name, {}), ours.get(name, {})
        time_of = lambda side: f"{side['read_p50_us']:.1f}" if side.get("read_p50_us") else "-"
        print(row(name, a.get("disk_bytes", "-"), b.get("disk_bytes", "-"), a.get("files", "-"), b.get("files", "-"), time_of(a), time_of(b)))


def disagreements(python, ours):
    both = [name for name in python if name in ours]
    for name in both:
        a, b = python[name]["disk_bytes"], ours[name]["disk_bytes"]
        if abs(a - b) > 0.05 * a:
            yield f"DIFFERS: {name}: {a} bytes by Python, {b} by Cachescope"
    timed = [name for name in both if python[name].get("read_p50_us")]
    for fast in timed:
        for slow in timed:
            a, b = python[fast]["read_p50_us"], python[slow]["read_p50_us"]
            x, y = ours[fast]["read_p50_us"], ours[slow]["read_p50_us"]
            if b > APART * a and y < x:
                told = ours[fast].get("in_python") or ours[slow].get("in_python")
                mark = "TOLD BY THE BENCH" if told else "DIFFERS"
                yield f"{mark}: {fast} before {slow} by Python ({a:.1f} and {b:.1f}), not by Cachescope ({x:.1f} and {y:.1f})"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cachescope", default="target/release/cachescope")
    arguments.add_argument("--in", dest="folder", help="work in this folder, on the disk to be measured")
    options = arguments.parse_args()
    n_wrong = 0
    for load in (small, arrays, mixed_text):
        folder = tempfile.mkdtemp(prefix="backends-", dir=options.folder)
        try:
            source = os.path.join(folder, "source")
            entries = stored(load(random.Random(1)), source)
            print(f"{load.__name__}: {len(entries)} entries")
            ours = of_cachescope(os.path.abspath(options.cachescope), source)
            python = of_python(entries, os.path.join(folder, "python"))
            print_tables(python, ours)
            for wrong in disagreements(python, ours):
                print("   ", wrong)
                n_wrong += wrong.startswith("DIFFERS")
        finally:
            shutil.rmtree(folder)
    print(f"{n_wrong} disagreements")


if __name__ == "__main__":
    main()
