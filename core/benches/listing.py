#!/usr/bin/env python3
"""Listing a joblib cache of 100,000 entries: Cachescope beside joblib itself and du, in one interleaved run.

    cargo build --release
    python3 -m venv target/joblib && target/joblib/bin/pip install joblib
    python3 core/benches/listing.py --python target/joblib/bin/python

The store is made once, in a temporary folder or in --store, with sizes as skewed as real ones.
Goals: `ls` at most 0.40 of joblib's own `store_backend.get_items()`, which reads no metadata;
`stats` at most 0.80 of `du -sb`.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import tempfile

from pair import measure

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


def commands(options, root):
    return {
        "cachescope ls --json": [options.program, "ls", root, "--json"],
        "joblib get_items": [options.python, "-c", GET_ITEMS, root],
        "cachescope stats": [options.program, "stats", root],
        "du -sb": ["du", "-sb", root],
    }


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
        measure(commands(options, root), GOALS, options.rounds)
    finally:
        if not options.store:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
