"""Fills requests-cache databases, and tells after a line on stdin what delete(expired=True) deleted from each."""
import os
import random
import sys
import time

from requests_cache import CachedResponse
from requests_cache.backends.sqlite import SQLiteCache

root = sys.argv[1]
random.seed(3)
now = time.time()
CASES = []


def expiry(kind, n, count):
    """When a response expires; seconds around now are left out, as the two looks are some seconds apart."""
    if kind == 0:
        return None
    if kind == 1:
        return int(now) + (n - count // 2) * 3600 - 1800
    if kind == 2:
        return random.choice([None, 0, 1, int(now) - 600, int(now) + 3600, 2**31, 253402300799])
    return int(now) - random.randrange(60, 10**8)


for case in range(22):
    name = "case%d" % case
    path = os.path.join(root, name + ".sqlite")
    cache = SQLiteCache(path, fast_save=True)
    count = random.randrange(1, 40)
    for n in range(count):
        response = CachedResponse(content=b"x" * n, url="http://localhost/%d" % n, status_code=200)
        key = "%016x" % random.getrandbits(64)
        cache.responses[key] = response
        if random.random() < 0.3:
            cache.redirects["%016x" % random.getrandbits(64)] = key
        with cache.responses.connection(commit=True) as connection:
            expires = expiry(case % 4, n, count)
            connection.execute("UPDATE responses SET expires = ? WHERE key = ?", (expires, key))
    cache.close()
    CASES.append((name, path))
    print(name, path, "--policy", "requests-cache:expired")
print("ready", flush=True)
sys.stdin.readline()
for name, path in CASES:
    cache = SQLiteCache(path, fast_save=True)
    before = set(cache.responses)
    cache.delete(expired=True)
    print(name, *sorted(before - set(cache.responses)))
    cache.close()
