#!/usr/bin/env python3
"""Decoding a pickle of 35 MB: Cachescope's decoder beside CPython's own `pickle.load`, in one interleaved run.

    cargo build --release --example decode -p cachescope-core
    python3 core/benches/pickles.py --python python3.13

The pickle holds nested dicts, lists, tuples, strings, numbers. Programs run in turn; a ratio is the median of those
within a round. CPU is user and system time of the whole process less that of the same process without the work.
Goals: at most 0.33 of the CPU of `pickle.load`, and at most 3 times the file in memory (the decoded value as the
decoder counts it, its copy of the file included).
"""
import argparse
import json
import os
import pickle
import random
import statistics
import subprocess
import tempfile

LOAD = "import pickle, sys\nwith open(sys.argv[1], 'rb') as file:\n    value = pickle.load(file) if len(sys.argv) < 3 else file.read()\n"
GOALS = {"cpu": 0.33, "memory": 3.0}


def made(n_bytes, seed=1):
    """Records as programs cache them, until their pickle is long enough."""
    chance = random.Random(seed)
    words = ["word%d" % n for n in range(5000)]
    records = {}
    while len(records) < n_bytes // 330:
        n = len(records)
        records["id-%08d" % n] = {
            "name": " ".join(chance.choices(words, k=4)),
            "tags": chance.sample(words, 5),
            "scores": [chance.random() for _ in range(6)],
            "position": (chance.randint(0, 10**6), chance.randint(-500, 500), None),
            "nested": {"level": {"flag": n % 2 == 0, "text": "x%d" % n}},
        }
    return records


def cpu(command):
    """User and system seconds of a process, and what it printed."""
    before = os.times()
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decode", default="target/release/examples/decode")
    parser.add_argument("--python", default="python3")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=int, default=35)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, empty = os.path.join(folder, "records.pickle"), os.path.join(folder, "none.pickle")
        with open(path, "wb") as file:
            pickle.dump(made(args.megabytes * 10**6), file, 4)
        with open(empty, "wb") as file:
            pickle.dump(None, file, 4)
        ratios, memory = [], 0.0
        for _ in range(args.rounds):
            ours, printed = cpu([args.decode, path])
            facts = json.loads(printed)
            assert facts["is_complete"], facts
            ours -= cpu([args.decode, empty])[0]
            theirs = cpu([args.python, "-c", LOAD, path])[0] - cpu([args.python, "-c", LOAD, path, "read"])[0]
            memory = facts["value"] / facts["file"]
            ratios.append(ours / theirs)
            print("decode %.3f s, pickle.load %.3f s, ratio %.2f" % (ours, theirs, ours / theirs))
    ratio = statistics.median(ratios)
    print("%d bytes, %d nodes" % (facts["file"], facts["nodes"]))
    print("cpu: %.2f of pickle.load (goal %.2f), spread %.2f to %.2f" % (ratio, GOALS["cpu"], min(ratios), max(ratios)))
    print("memory: %.2f times the file (goal %.1f)" % (memory, GOALS["memory"]))


if __name__ == "__main__":
    main()
