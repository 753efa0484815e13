"""Fills a requests-cache database, and tells after a line on stdin what delete(expired=True) deleted."""
import os
import sys
import time

from requests_cache import CachedResponse
from requests_cache.backends.sqlite import SQLiteCache

path = os.path.join(sys.argv[1], "http.sqlite")
cache = SQLiteCache(path)
now = time.time()
for n in range(30):
    response = CachedResponse(content=b"x" * n, url="http://localhost/%d" % n, status_code=200)
    key = "%016x" % n
    cache.responses[key] = response
    expires = None if n % 5 == 0 else int(now) + (n - 15) * 3600
    with cache.responses.connection(commit=True) as connection:
        connection.execute("UPDATE responses SET expires = ? WHERE key = ?", (expires, key))
cache.close()
print("case0", path, "--policy", "requests-cache:expired")
print("ready", flush=True)
sys.stdin.readline()
cache = SQLiteCache(path)
before = set(cache.responses)
cache.delete(expired=True)
print("case0", *sorted(before - set(cache.responses)))
