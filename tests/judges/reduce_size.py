"""Fills joblib stores, and tells after a line on stdin what `reduce_size` deleted from each.

Prints `CASE STORE OPTIONS…` for each case, then `ready`; after a line of input `CASE HASH…` with the
hashes that are gone.
"""
import datetime
import os
import random
import re
import sys
import time

import joblib

root = sys.argv[1]
is_old = joblib.__version__.split(".")[:2] < ["1", "3"]
random.seed(7)
now = time.time()


def blob(n, size):
    return b"x" * size


def other(n, size):
    return [n, "y" * size]


def items(memory):
    found = {}
    for folder, _, names in os.walk(memory.store_backend.location):
        if re.match("[a-f0-9]{32}", os.path.basename(folder)):
            found[os.path.basename(folder)] = sum(os.path.getsize(os.path.join(folder, n)) for n in names)
    return found


def fill(case):
    """Eight to twelve entries of two functions, read at times some of which are the same."""
    memory = joblib.Memory(os.path.join(root, case), verbose=0)
    for n in range(random.randrange(8, 13)):
        size = random.choice([0, 10, 1000, 1000, 5000, 20000])
        memory.cache(random.choice([blob, other]))(n, size)
    used = [now - 86400 * day - 0.25 for day in (1, 2, 2, 3, 30, 40, 400)]
    for folder, _, names in os.walk(memory.store_backend.location):
        if not re.match("[a-f0-9]{32}", os.path.basename(folder)):
            continue
        output = os.path.join(folder, "output.pkl")
        choice = random.random()
        if choice < 0.1:
            os.unlink(output)
        elif choice < 0.2:
            open(output + ".thread-1-pid-2", "wb").write(b"z" * 700)
        if os.path.exists(output):
            at = random.choice(used) + random.choice([0, 0, 1e-7, 1e-3])
            os.utime(output, (at, at))
    return memory


CASES = []
for n in range(24):
    case = "case%d" % n
    memory = fill(case)
    sizes = sorted(items(memory).values())
    total = sum(sizes)
    limits = {}
    kind = n % (4 if is_old else 8)
    if kind in (0, 1, 2, 3, 7):
        limits["bytes_limit"] = [total, total - 1, total // 2, "%dK" % (total // 3000), 0, 0, 0, total - 1 - sizes[-1]][kind]
    if kind in (4, 7):
        limits["items_limit"] = random.randrange(0, 12)
    if kind in (5, 6):
        limits["age_limit"] = datetime.timedelta(days=random.choice([2.5, 35, 100, 1000]))
    if kind == 6:
        limits["items_limit"] = random.randrange(4, 12)
    options = []
    for name, option in (("bytes_limit", "--to-size"), ("items_limit", "--to-count")):
        if name in limits:
            options += [option, str(limits[name])]
    if "age_limit" in limits:
        options += ["--older-than", "%gh" % (limits["age_limit"].total_seconds() / 3600)]
    CASES.append((case, memory, limits))
    print(case, os.path.join(root, case), *options)
print("ready", flush=True)
sys.stdin.readline()
for case, memory, limits in CASES:
    before = items(memory)
    if is_old:
        memory = joblib.Memory(os.path.join(root, case), verbose=0, bytes_limit=limits["bytes_limit"])
        memory.reduce_size()
    else:
        memory.reduce_size(**limits)
    print(case, *sorted(set(before) - set(items(memory))))
