#!/usr/bin/env python3
"""Decoding a pickle of 35 MB: Cachescope's decoder beside CPython's own `pickle.load`, in one interleaved run.

    cargo build --release --example decode -p cachescope-core
    python3 core/benches/pickles.py --python python3.13

The pickle holds nested dicts, lists, tuples, strings, numbers. Programs run in turn; a ratio is the median of those
within a round. CPU is user and system time of the whole process, reading the file included, less that of the same
process with a pickle of nothing.
Goals: at most 0.33 of the CPU of `pickle.load`, and at most 3 times the file in memory: the decoded value as the
decoder counts it, its copy of the file included, and the growth of the whole process.
"""
import argparse
import json
import multiprocessing
import os
import pickle
import random
import statistics
import subprocess
import tempfile

LOAD = "import pickle, sys\nwith open(sys.argv[1], 'rb') as file:\n    value = pickle.load(file)\n"
GOALS = {"cpu": 0.33, "memory": 3.0}


def made(n_bytes, seed=1):
    """Records as programs cache them, until their pickle is long enough."""
    chance = random.Random(seed)
    words = ["word%d" % n for n in range(5000)]
    records = {}
    while len(records) < n_bytes // 187:
        n = len(records)
        records["id-%08d" % n] = {
            "name": " ".join(chance.choices(words, k=4)),
            "tags": chance.sample(words, 5),
            "scores": [chance.random() for _ in range(6)],
            "position": (chance.randint(0, 10**6), chance.randint(-500, 500), None),
            "nested": {"level": {"flag": n % 2 == 0, "text": "x%d" % n}},
        }
    return records


def write(path, n_bytes):
    with open(path, "wb") as file:
        pickle.dump(made(n_bytes) if n_bytes else None, file, 4)


def run(command):
    """User and system seconds of a process, its peak of memory in bytes, and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decode", default="target/release/examples/decode")
    parser.add_argument("--python", default="python3")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=int, default=35)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, empty = os.path.join(folder, "records.pickle"), os.path.join(folder, "none.pickle")
        # In a process of its own: what this one has held counts as held by each program that it starts.
        maker = multiprocessing.get_context("spawn").Process(target=write, args=(path, args.megabytes * 10**6))
        maker.start()
        maker.join()
        write(empty, 0)
        ratios, memory, peaks = [], 0.0, []
        for _ in range(args.rounds):
            ours, peak, printed = run([args.decode, path])
            facts = json.loads(printed)
            assert facts["is_complete"], facts
            idle, floor, _ = run([args.decode, empty])
            ours -= idle
            theirs = run([args.python, "-c", LOAD, path])[0] - run([args.python, "-c", LOAD, empty])[0]
            memory = facts["value"] / facts["file"]
            peaks.append((peak - floor) / facts["file"])
            ratios.append(ours / theirs)
            print("decode %.3f s, pickle.load %.3f s, ratio %.2f" % (ours, theirs, ours / theirs))
    ratio = statistics.median(ratios)
    print("%d bytes, %d nodes" % (facts["file"], facts["nodes"]))
    print("cpu: %.2f of pickle.load (goal %.2f), spread %.2f to %.2f" % (ratio, GOALS["cpu"], min(ratios), max(ratios)))
    print("memory: value %.2f times the file, process %.2f (goal %.1f)" % (memory, statistics.median(peaks), GOALS["memory"]))


if __name__ == "__main__":
    main()
