#!/usr/bin/env python3
"""Packs assets/samples/samples.bin: stores of an imaginary project, written by the real libraries.

    assets/samples/pack.py          (Python 3.13 under pyenv or on PATH, and the package registry)

Nothing is made by hand. Only the clock is the project's own (project/clock.py), so that durations and dates look as
after three months of work; and two files are cut or removed, as a full disk and a kill leave them.
The form of the archive is explained in README.md beside this file.
"""

import json
import os
import pathlib
import pickle
import shutil
import sqlite3
import struct
import subprocess
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "fixtures"))
PACKAGES = ["joblib==1.6.0", "numpy==2.4.6", "pandas==3.1.1", "lz4==4.4.5", "diskcache==5.6.3"]
WORK = pathlib.Path("/tmp/churn")
DAY = 86400.0
# What opens: a path in the archive each.
STORES = ["features", "embeddings.joblib", "lookup.pickle", "llm_cache", "sessions", "tokens", "results.sqlite"]


def write_stores():
    """Everything that the libraries write, in the current folder."""
    import clock

    present = clock.now
    used = {}
    joblib_cache(clock, present, used)
    clock.now = present - 9 * DAY
    single_files()
    clock.now = present - 20 * DAY
    llm_cache(clock, present)
    clock.now = present - 6 * 3600
    shelves(clock)
    results(clock)
    edit_project()
    json.dump({"present": present, "used": used}, open("times.json", "w"))


def joblib_cache(clock, present, used):
    """About 150 calls over three months."""
    import linecache

    import eda
    import features
    import models
    from joblib import Memory

    plain = Memory("features", verbose=0)
    packed = Memory("features", verbose=0, compress=("lz4", 3))
    zipped = Memory("features", verbose=0, compress=3)
    source = "def load(path, limit=None):\n    work(0.1, 0.9)\n    return [path] * (limit or 25)\n"
    filename = "/tmp/ipykernel_4711/3812067945.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    cell = {"__name__": "__main__", "work": clock.work}
    exec(compile(source, filename, "exec"), cell)

    embed, tokenize = plain.cache(features.embed), packed.cache(features.tokenize)
    calls = [(embed, ("data/part-%03d.parquet" % n,), {}) for n in range(22)]
    calls += [(embed, ("data/part-%03d.parquet" % n,), {"model": "large"}) for n in range(6)]
    calls += [(tokenize, (20000 + 37 * n,), {"lower": n % 5 > 0}) for n in range(44)]
    graph = plain.cache(features.graph)
    calls += [(graph, (city,), {"radius": radius}) for city in ("Basel", "Genève", "Zürich") for radius in (1.5, 2.5, 5)]
    fit, score = zipped.cache(models.fit_fold), plain.cache(models.score)
    calls += [(fit, (fold,), {"depth": depth, "rate": rate}) for fold in range(5) for depth, rate in ((4, 0.1), (6, 0.05), (8, 0.05))]
    calls += [(score, (fold,), {"metric": metric}) for fold in range(5) for metric in ("auc", "f1")]
    profile, daily = plain.cache(eda.profile), plain.cache(eda.daily)
    calls += [(profile, (table,), {}) for table in ("customers", "contracts", "tickets", "usage", "prices", "regions")]
    calls += [(daily, (metric,), {}) for metric in ("usage_gb", "tickets", "churn", "revenue", "calls")]
    calls += [(plain.cache(features.batch_stats), tuple(range(n)), {"unit": "CHF"}) for n in range(2, 9)]
    calls += [(plain.cache(cell["load"]), ("data/raw-%d.csv" % n,), {"limit": 12}) for n in range(8)]
    clock.dice.shuffle(calls)
    when = sorted(present - clock.dice.betavariate(1, 2.5) * 90 * DAY - 1800 for _ in calls)
    for moment, (function, args, kwargs) in zip(when, calls):
        clock.now = max(clock.now if clock.now < present else 0, moment)
        made = called(function, *args, **kwargs)
        # Some are never read again, most are now and then, a few every day.
        used[made] = clock.now + (present - clock.now) * clock.dice.choice([0, 0, 0.3, 0.7, 0.9, 0.99, 0.999])
    accidents(clock, present, embed, plain.cache(features.stream), tokenize)


def accidents(clock, present, embed, stream, tokenize):
    """A generator, a killed process, a full disk, and a kill between value and metadata."""
    import warnings

    clock.now = present - 12 * DAY
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream("data/events.log")
    torn = pathlib.Path(called(embed, "data/part-022.parquet"), "output.pkl")
    os.truncate(torn, torn.stat().st_size * 2 // 3)
    pathlib.Path(called(tokenize, 31337), "metadata.json").unlink()
    kill = "import clock, models; from joblib import Memory; clock.now = %r\n" % clock.now
    kill += "Memory('features', verbose=0).cache(models.export)('forest-v1')"
    subprocess.run([sys.executable, "-c", kill], check=False)


def called(function, *args, **kwargs):
    """Calls it and hands back its entry's folder."""
    function(*args, **kwargs)
    result = function.call_and_shelve(*args, **kwargs)
    return os.path.abspath(os.path.join(result.store_backend.location, *result._call_id))


def single_files():
    import features
    import joblib
    import models

    value = {"vectors": features.embed("all"), "ids": features.np.arange(120), "model": "base", "normalised": True}
    joblib.dump(value, "embeddings.joblib", compress=("zlib", 3))
    lookup = {"plan:%s" % plan: {"price": price, "regions": ["CH", "LI"]} for plan, price in (("S", 9.9), ("M", 19.9), ("L", 39.0))}
    lookup.update({"zip:%d" % code: "district %d" % (code % 17) for code in range(8000, 8060)})
    lookup["model"] = models.Forest(4, 0.1).fit(20)
    with open("lookup.pickle", "wb") as file:
        pickle.dump(lookup, file)


def llm_cache(clock, present):
    """diskcache with its statistics on: what a program asks a language model again and again."""
    import diskcache

    cache = diskcache.Cache("llm_cache", statistics=True, tag_index=True)
    keys = []
    for n in range(64):
        clock.now += 0.3 * DAY
        key = ("complete", ("small", "large")[n % 3 == 0], "Summarise ticket %d" % (20000 + 37 * n))
        text = " ".join(clock.dice.choice(["The", "customer", "asks", "about", "a", "late", "fee."]) for _ in range(90))
        # A write culls what has expired by then: these expire in the hours since the last one, or later.
        expire = present + clock.dice.choice([-0.1, -0.05, 3, 9, 30]) * DAY - clock.now if n % 3 == 0 else None
        cache.set(key, {"text": text, "tokens": 90}, tag=key[1], expire=expire)
        keys.append(key)
    cache.set(("complete", "large", "Write the report"), "A long report. " * 3000, tag="large")
    for n in range(600):
        cache.get(clock.dice.choice(keys) if n % 14 else ("complete", "small", "never asked %d" % n))
    cache.close()


def shelves(clock):
    import datetime
    import shelve
    from dbm import dumb
    from dbm import sqlite3 as dbm_sqlite3

    for path, module in (("sessions", dumb), ("tokens", dbm_sqlite3)):
        with shelve.Shelf(module.open(path, "c")) as shelf:
            for n in range(40):
                day = datetime.datetime(2026, 1, 1 + n % 28, 8, n)
                shelf["user:%04d" % (n * 7)] = {"since": day, "pages": list(range(n)), "language": "de"}
            shelf["user:0007"] = {"since": None, "pages": list(range(400)), "language": "fr"}
            del shelf["user:0014"]


def results(clock):
    db = sqlite3.connect("results.sqlite")
    db.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT, started REAL, seconds REAL, report BLOB)")
    db.execute("CREATE TABLE metrics (run INTEGER, name TEXT, value REAL, PRIMARY KEY (run, name)) WITHOUT ROWID")
    for n in range(1, 25):
        clock.work(600, 9000)
        report = pickle.dumps({"fold": n % 5, "scores": [0.7 + n / 100]})
        db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", (n, "fold %d" % (n % 5), clock.now, n * 1.5, report))
        db.executemany("INSERT INTO metrics VALUES (?, ?, ?)", [(n, name, 0.6 + n / 70) for name in ("auc", "f1")])
    db.commit()
    db.close()


def edit_project():
    """The sources as they are today: one function means something else, one only reads better, one is gone."""
    features, eda = pathlib.Path("project/features.py"), pathlib.Path("project/eda.py")
    text = features.read_text().replace("range(dice.randrange(60, 500))", "range(dice.randrange(80, 800))")
    features.write_text(text.replace("    rows = read(path)\n", "    # The file's own order is kept.\n    rows = read(path)\n"))
    eda.write_text(eda.read_text().split("\n\n\ndef daily")[0] + "\n")


def pack():
    """The files of the current folder as one archive, every time in it as an age."""
    times = json.loads(pathlib.Path("times.json").read_text())
    present, used = times["present"], times["used"]
    files, body = [], bytearray()
    for path in sorted(pathlib.Path().rglob("*")):
        if path.is_dir() or path.name == "times.json":
            continue
        data = path.read_bytes()
        created = age_source(path, data, present)
        last_used = max(created, used.get(str(path.parent.absolute()), created))
        entry = {"path": path.as_posix(), "size": len(data)}
        entry["modified_age_s"], entry["used_age_s"] = round(present - created), round(present - last_used)
        entry["times"] = stored_times(path, data, present)
        files.append(entry)
        body += data
    index = json.dumps({"stores": STORES, "files": files}, separators=(",", ":"))
    archive = zlib.compress(index.encode() + b"\n" + bytes(body), 9)
    (HERE / "samples.bin").write_bytes(archive)
    n_entries = sum(name.name == "output.pkl" for name in pathlib.Path("features").rglob("*"))
    print(len(files), "files,", n_entries, "joblib values,", len(body), "bytes, packed", len(archive))


def age_source(path, data, present):
    """When the file was written, by the project's clock."""
    metadata = path.with_name("metadata.json")
    if metadata.exists():
        return json.loads(metadata.read_text())["time"]
    if path.parts[0] == "features":
        return present - (12 if "output" in path.name else 88) * DAY
    return present - {"embeddings.joblib": 9, "lookup.pickle": 9, "project": 2}.get(path.parts[0], 0.05) * DAY


def stored_times(path, data, present):
    """Where the file's own bytes hold a Unix time: joblib's metadata, and REAL columns of the databases."""
    found = []
    if path.name == "metadata.json":
        text = repr(json.loads(data)["time"])
        found.append({"at": data.index(text.encode()), "len": len(text), "age_s": present - float(text)})
    columns = {"cache.db": ("Cache", ["store_time", "expire_time", "access_time"]), "results.sqlite": ("runs", ["started"])}
    if path.name in columns:
        table, names = columns[path.name]
        db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
        rows = db.execute("SELECT %s FROM %s" % (", ".join(names), table)).fetchall()
        db.close()
        for moment in sorted({moment for row in rows for moment in row if moment is not None}):
            packed = struct.pack(">d", moment)
            at = data.find(packed)
            while at >= 0:
                found.append({"at": at, "age_s": present - moment})
                at = data.find(packed, at + 1)
    return found


def main():
    import generate

    python = generate.interpreter("3.13")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    shutil.copytree(HERE / "project", WORK / "project", ignore=shutil.ignore_patterns("__pycache__"))
    paths = ["project", generate.site_folder(python, PACKAGES), HERE]
    environ = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
    environ["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    subprocess.run([python, "-c", "import pack; pack.write_stores(); pack.pack()"], cwd=WORK, env=environ, check=True)


if __name__ == "__main__":
    main()
