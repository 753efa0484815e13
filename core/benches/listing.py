#!/usr/bin/env python3
"""Listing a joblib cache of 100,000 entries: Cachescope beside joblib itself and du, in one interleaved run.

    cargo build --release
    python3 -m venv target/joblib && target/joblib/bin/pip install joblib
    python3 core/benches/listing.py --python target/joblib/bin/python

The store is made once, in a temporary folder or in --store, with sizes as skewed as real ones.
Programs run in turn, so that whatever else the machine does falls on each of them alike;
a ratio is the median of those within a round. Goals: `ls` at most 0.40 of joblib's own
`store_backend.get_items()`, which reads no metadata; `stats` at most 0.80 of `du -sb`.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time

GET_ITEMS = """
import sys
from joblib import Memory
print(len(Memory(sys.argv[1], verbose=0).store_backend.get_items()))
"""
FUNCTIONS = ["__main__--home-ana-train/fit", "pkg/features/build_matrix", "pkg/features/tokenize", "pkg/io/parse_row"]
GOALS = {("cachescope ls --json", "joblib get_items"): 0.40, ("cachescope stats", "du -sb"): 0.80}


def pickled_bytes(length):
    """A valid pickle of about that length."""
    return b"\x80\x04B" + length.to_bytes(4, "little") + bytes(length) + b"."


def a_length(chance):
    share = chance.random()
    for limit, low, high in [(0.55, 5, 200), (0.85, 200, 4_000), (0.97, 4_000, 32_000), (1.0, 32_000, 256_000)]:
        if share < limit:
            return chance.randint(low, high)


def make_store(root, n_entries):
    """What joblib 1.3 and newer write: output.pkl and metadata.json with about 100 bytes of arguments."""
    chance = random.Random(1)
    for function in FUNCTIONS:
        folder = os.path.join(root, "joblib", function)
        os.makedirs(folder)
        with open(os.path.join(folder, "func_code.py"), "w") as code:
            code.write("# first line: 1\ndef %s(x, path):\n    return x\n" % os.path.basename(function))
    for n in range(n_entries):
        function = chance.choices(FUNCTIONS, [60, 25, 10, 5])[0]
        entry = os.path.join(root, "joblib", function, hashlib.md5(b"%d" % n).hexdigest())
        os.mkdir(entry)
        with open(os.path.join(entry, "output.pkl"), "wb") as output:
            output.write(pickled_bytes(a_length(chance)))
        args = {"x": repr([chance.randint(0, 999) for _ in range(chance.randint(5, 20))]), "path": "'/data/part-%05d.csv'" % n}
        with open(os.path.join(entry, "metadata.json"), "w") as metadata:
            json.dump({"duration": chance.random(), "input_args": args, "time": 1.7e9 + n}, metadata)


def run(command):
    """Wall time in seconds, CPU time in seconds, peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = status
    if status:
        raise SystemExit("%s ended with status %d" % (command, status))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/cachescope")
    parser.add_argument("--python", default="python3", help="a Python with joblib")
    parser.add_argument("--store", help="folder to make the store in, or one that was made before")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    root = options.store or tempfile.mkdtemp(prefix="cachescope-bench-")
    try:
        if not os.path.isdir(os.path.join(root, "joblib")):
            make_store(root, options.entries)
        measure(options, root)
    finally:
        if not options.store:
            shutil.rmtree(root)


def measure(options, root):
    commands = {
        "cachescope ls --json": [options.program, "ls", root, "--json"],
        "joblib get_items": [options.python, "-c", GET_ITEMS, root],
        "cachescope stats": [options.program, "stats", root],
        "du -sb": ["du", "-sb", root],
    }
    for command in commands.values():
        run(command)
    rounds = [{name: run(command) for name, command in commands.items()} for _ in range(options.rounds)]
    print("%-22s %8s %8s %9s" % ("median of %d rounds" % options.rounds, "wall s", "cpu s", "peak MiB"))
    for name in commands:
        print("%-22s %8.3f %8.3f %9.1f" % (name, *(statistics.median(r[name][i] for r in rounds) for i in range(3))))
    for (ours, theirs), goal in GOALS.items():
        wall, cpu = (statistics.median(r[ours][i] / r[theirs][i] for r in rounds) for i in range(2))
        print("%s / %s: %.2f of its wall time (goal %.2f), %.2f of its CPU time" % (ours, theirs, wall, goal, cpu))


if __name__ == "__main__":
    main()
