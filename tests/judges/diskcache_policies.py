"""Fills diskcache caches, and tells after a line on stdin what cull, expire and evict deleted from each.

Prints `CASE CACHE OPTIONS…` for each case, then `ready`; after a line of input `CASE KEY…` with the keys
that are gone.
"""
import os
import random
import sqlite3
import sys
import time

import diskcache

root = sys.argv[1]
random.seed(11)
POLICIES = ["least-recently-stored", "least-recently-used", "least-frequently-used", "none"]


def databases(folder):
    shards = sorted(name for name in os.listdir(folder) if name.isdigit() and len(name) == 3)
    return [os.path.join(folder, shard, "cache.db") for shard in shards if os.path.exists(os.path.join(folder, shard, "cache.db"))] or [os.path.join(folder, "cache.db")]


def keys(folder):
    found = set()
    for path in databases(folder):
        connection = sqlite3.connect(path)
        found.update(key for (key,) in connection.execute("SELECT key FROM Cache"))
        connection.close()
    return found


def fill(folder, n, policy, fanout):
    kind = diskcache.FanoutCache if fanout else diskcache.Cache
    options = {"shards": 3} if fanout else {}
    cache = kind(folder, eviction_policy=policy, cull_limit=0, sqlite_synchronous=0, **options)
    names = ["key-%03d" % i for i in range(n)]
    random.shuffle(names)
    with cache.transact():
        for name in names:
            size = random.choice([1, 50, 3000, 3000, 9000, 40000])
            expire = random.choice([None, None, None, 1000, 0.001])
            cache.set(name, b"v" * size, expire=expire, tag=random.choice([None, "a", "b", 7, 2.5]))
        for name in random.sample(names, n // 2):
            cache.get(name)
    cache.close()


def sql(folder, statement, *args):
    for path in databases(folder):
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous = 0")
        connection.execute(statement, args)
        connection.commit()
        connection.close()


CASES = []


def case(what, options, n, policy, fraction=None, fanout=False, expire_time=None, tag=None):
    name = "case%d" % len(CASES)
    folder = os.path.join(root, name)
    fill(folder, n, policy, fanout)
    if expire_time is not None:
        sql(folder, "UPDATE Cache SET expire_time = ?", expire_time)
    # A FanoutCache sets its shards' limits anew at each opening: to a part of its own.
    settings = {"shards": 3} if fanout else {}
    if fraction is not None:
        connection = sqlite3.connect(databases(folder)[0])
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("SELECT value FROM Settings WHERE key = 'size'").fetchone()
        connection.close()
        limit = int((pages * 4096 + size) * fraction)
        sql(folder, "UPDATE Settings SET value = ? WHERE key = 'size_limit'", limit)
        if fanout:
            settings["size_limit"] = limit * 3
    CASES.append((name, folder, what, settings, tag))
    print(name, folder, *options)


def a_policy():
    return random.choice(POLICIES)


for policy in POLICIES:
    for fraction in (0.2, 0.35, 0.5, 0.9, 1.5):
        case("cull", ["--policy", "diskcache:cull"], random.randrange(40, 90), policy, fraction)
for fraction in (0.3, 0.6):
    case("cull", ["--policy", "diskcache:cull"], 120, POLICIES[0], fraction, fanout=True)
for n in range(18):
    case("expire", ["--policy", "diskcache:expire"], random.randrange(1, 120), a_policy(), fanout=n % 5 == 4)
# Rows of one time beyond the hundredth: expire goes on behind that time, and leaves them.
for n, at in ((150, 1000.5), (101, 0.0), (230, -5.0), (40, 4e9)):
    case("expire", ["--policy", "diskcache:expire"], n, a_policy(), expire_time=at)
for n in range(22):
    tag = random.choice(["a", "b", "7", "2.5", "missing"])
    case("evict", ["--tag", tag], random.randrange(5, 140), a_policy(), fanout=n % 5 == 4, tag=tag)
time.sleep(0.01)
print("ready", flush=True)
sys.stdin.readline()
for name, folder, what, settings, tag in CASES:
    before = keys(folder)
    cache = (diskcache.FanoutCache if settings else diskcache.Cache)(folder, **settings)
    if what == "evict":
        cache.evict({"7": 7, "2.5": 2.5}.get(tag, tag))
    else:
        getattr(cache, what)()
    cache.close()
    print(name, *sorted(before - keys(folder)))
