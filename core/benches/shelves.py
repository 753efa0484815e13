#!/usr/bin/env python3
"""Keys and sizes of a shelf of 100,000 entries in each dbm: Cachescope beside Python's own dbm, in one interleaved run.

    cargo build --release
    python3 core/benches/shelves.py --gnu /usr/bin/python3 --sqlite3 python3.13

The same work is `stats`: every key, the size of each, their sum. `ls --json`, which prints them all, stands beside it.
`--gnu` names a Python with dbm.gnu and dbm.ndbm, `--sqlite3` one with dbm.sqlite3; without them those are left out.
Goals: at most 0.04 of the wall time of Python's dumb, 1.0 of gnu, 0.4 of ndbm, 0.06 of sqlite3.
"""
import argparse
import os
import subprocess
import sys
import tempfile

from pair import measure

MAKE = """
import importlib, random, shelve, sys
path, flavour, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(5)
db = importlib.import_module("dbm." + flavour).open(path, "nf" if flavour == "gnu" else "n")
if flavour == "dumb":
    db._commit = lambda: None  # it would write its index anew for each key
if flavour == "sqlite3":
    db._cx.execute("BEGIN")
shelf = shelve.Shelf(db)
for i in range(n):
    shelf["key/%07d" % i] = {"i": i, "v": "x" * chance.randint(10, 400)}
if flavour == "dumb":
    del db._commit
if flavour == "sqlite3":
    db._cx.execute("COMMIT")
shelf.close()
"""
SIZES = """
import importlib, sys
db = importlib.import_module("dbm." + sys.argv[2]).open(sys.argv[1], "r")
print(sum(len(db[key]) for key in db.keys()))
"""
# Flavour: what a person opens, and the goal.
FLAVOURS = {"dumb": (".dir", 0.04), "gnu": ("", 1.0), "ndbm": (".db", 0.4), "sqlite3": ("", 0.06)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/cachescope")
    parser.add_argument("--gnu")
    parser.add_argument("--sqlite3")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pythons = {"dumb": sys.executable, "gnu": options.gnu, "ndbm": options.gnu, "sqlite3": options.sqlite3}
    with tempfile.TemporaryDirectory(prefix="cachescope-bench-") as root:
        for flavour, (suffix, goal) in FLAVOURS.items():
            python = pythons[flavour]
            if not python:
                print("%s: left out, no Python was named for it" % flavour)
                continue
            path = os.path.join(root, flavour)
            subprocess.run([python, "-c", MAKE, path, flavour, str(options.entries)], check=True)
            ours, theirs = "stats of %s" % flavour, "Python's %s" % flavour
            commands = {
                ours: [options.program, "stats", path + suffix, "--json"],
                "ls of %s" % flavour: [options.program, "ls", path + suffix, "--json"],
                theirs: [python, "-c", SIZES, path, flavour],
            }
            measure(commands, {(ours, theirs): goal}, options.rounds)


if __name__ == "__main__":
    main()
