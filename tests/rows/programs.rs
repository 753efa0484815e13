//! Programs that fill stores with the real libraries, tell what is in them, and work on them.

/// What every program below has: a list of all rows with the type of each value, and the entries by their labels.
const PRELUDE: &str = r#"
import hashlib, json, os, pickle, random, sqlite3, sys, time, warnings
command, root = sys.argv[1], sys.argv[2]
path = os.path.join(root, "x")

def label(key):
    return key if isinstance(key, str) else repr(key)

def shown(value):
    return hashlib.sha1(repr(value).encode("utf-8", "backslashreplace")).hexdigest()

def rows():
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            # The look at a database before tidied its log away.
            if name.endswith(("-wal", "-shm")):
                continue
            with open(file, "rb") as opened:
                if opened.read(16) != b"SQLite format 3\0":
                    continue
            connection = sqlite3.connect(file)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                columns = [c[1] for c in connection.execute('PRAGMA table_info("%s")' % table)]
                # diskcache writes its settings anew each time that it opens, under new numbers.
                rowid = "0" if table == "Settings" else "rowid"
                select = ", ".join('typeof("%s"), quote("%s")' % (c, c) for c in columns)
                sql = 'SELECT %s, %s FROM "%s"' % (rowid, select, table)
                found[os.path.relpath(file, path) + ":" + table] = sorted(map(repr, connection.execute(sql)))
            connection.close()
    return found

def tell(entries):
    print(json.dumps({"entries": {label(k): shown(v) for k, v in entries}, "rows": rows()}))
"#;

/// One kind of store: its Python, and a program that fills it, tells what is in it, and works on it.
pub(super) struct Kind {
    pub(super) env: &'static str,
    program: &'static [&'static str],
    /// The path below the folder that is opened.
    pub(super) opened: &'static str,
}

const DISKCACHE: &str = r#"
import diskcache
def fill(cache):
    for n in range(24):
        cache.set("key %d" % n, {"n": n}, tag="even" if n % 2 == 0 else None)
        cache.set(n, n * 1.5, expire=1e6)
        cache.set(b"\xff%d" % n, b"x" * 50000)
        cache.set((n, "t"), "text " * 9000, tag=7)
def entries(cache):
    warnings.simplefilter("error")
    assert cache.check() == []
    keys = list(cache)
    assert len(cache) == len(keys)
    return [(key, (cache.get(key, expire_time=True, tag=True))) for key in keys]
def work(cache):
    rounds = 0
    while not os.path.exists(os.path.join(root, "stop")):
        n = random.randrange(24)
        choice = random.randrange(4)
        if choice == 0:
            cache.set("key %d" % n, {"n": n})
        elif choice == 1:
            cache.set(b"\xff%d" % n, b"x" * 50000)
        elif choice == 2:
            value = cache.get(b"\xff%d" % n, default=b"x" * 50000)
            assert value == b"x" * 50000, len(value)
        else:
            value = cache.get("key %d" % n, default={"n": n})
            assert value == {"n": n}, value
        rounds += 1
    print(rounds)
"#;

const CACHE: &str = "
cache = diskcache.Cache(path)
";

const FANOUT: &str = "
cache = diskcache.FanoutCache(path, shards=4)
";

const DBM: &str = r#"
import dbm.sqlite3, shelve
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "shelf")
def fill():
    with dbm.sqlite3.open(file, "c") as db:
        for n in range(40):
            db["key %d" % n] = pickle.dumps({"n": n, "x": "y" * (n * 300)})
        db[b"\xff\x00"] = b"\x00\xff"
def entries():
    with dbm.sqlite3.open(file, "r") as db:
        return [(k.decode("utf-8", "backslashreplace"), db[k]) for k in db.keys()]
def work():
    rounds = 0
    with dbm.sqlite3.open(file, "w") as db:
        # Four of them keep each other out for longer than its five seconds where the machine is busy.
        db._cx.execute("PRAGMA busy_timeout = 60000")
        while not os.path.exists(os.path.join(root, "stop")):
            n = random.randrange(40)
            value = {"n": n, "x": "y" * (n * 300)}
            if rounds % 2:
                db["key %d" % n] = pickle.dumps(value)
            else:
                found = db.get("key %d" % n)
                assert found is None or pickle.loads(found) == value, n
            rounds += 1
    print(rounds)
"#;

const SQLITEDICT: &str = r#"
import sqlitedict
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "dicts.sqlite")
def fill():
    for name in ("a", "b"):
        with sqlitedict.SqliteDict(file, tablename=name, autocommit=True) as d:
            for n in range(20):
                d["key %s %d" % (name, n)] = {"n": n, "x": "y" * (n * 300)}
def entries():
    found = []
    for name in ("a", "b"):
        with sqlitedict.SqliteDict(file, tablename=name, flag="r") as d:
            found += list(d.items())
    return found
def work():
    rounds = 0
    with sqlitedict.SqliteDict(file, tablename="a", autocommit=True, timeout=60) as d:
        while not os.path.exists(os.path.join(root, "stop")):
            n = random.randrange(20)
            value = {"n": n, "x": "y" * (n * 300)}
            if rounds % 2:
                d["key a %d" % n] = value
            else:
                assert d.get("key a %d" % n, value) == value, n
            rounds += 1
    print(rounds)
"#;

const REQUESTS: &str = r#"
import http.server, threading
import requests_cache
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "http.sqlite")
cache = requests_cache.SQLiteCache(file, timeout=60)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_moved = self.path.startswith("/moved/")
        self.send_response(302 if is_moved else 200)
        body = b"" if is_moved else b"body of " + self.path.encode() * 40
        if is_moved:
            self.send_header("Location", self.path[len("/moved"):])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
def fill():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    session = requests_cache.CachedSession(backend=cache, expire_after=3600)
    for n in range(60):
        way = "/moved/%d" if n % 3 == 0 else "/%d"
        session.get("http://127.0.0.1:%d" % server.server_port + way % n)
    server.shutdown()
def entries():
    return [(key, (cache.responses[key].url, cache.responses[key].content)) for key in cache.responses]
# Before anything is cleared.
known = {key: cache.responses[key] for key in list(cache.responses)} if command == "work" else {}
def work():
    rounds, keys = 0, sorted(known)
    while not os.path.exists(os.path.join(root, "stop")):
        key = random.choice(keys)
        if rounds % 2:
            cache.responses[key] = known[key]
        else:
            try:
                assert cache.responses[key].content == known[key].content
            except KeyError:
                pass
        rounds += 1
    print(rounds)
"#;

const FILES: &str = r#"
cache = requests_cache.FileCache(os.path.join(path, "files"))
"#;

const DJANGO: &str = r#"
import django
from django.conf import settings
backends = "django.core.cache.backends."
files = os.path.join(path, "files")
settings.configure(
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(path, "db.sqlite3")}},
    CACHES={
        "default": {"BACKEND": backends + "db.DatabaseCache", "LOCATION": "pages"},
        "files": {"BACKEND": backends + "filebased.FileBasedCache", "LOCATION": files},
    },
)
os.makedirs(path, exist_ok=True)
django.setup()
from django.core.cache import caches
from django.core.management import call_command
def fill():
    call_command("createcachetable", verbosity=0)
    for n in range(40):
        cache.set("key-%d" % n, {"n": n, "x": "y" * (n * 100)}, 3600 if n % 2 else None)
def entries():
    keys = ["key-%d" % n for n in range(40)]
    return [(name(key), cache.get(key)) for key in keys if cache.get(key) is not None]
"#;

const DJANGO_DB: &str = r#"
cache = caches["default"]
name = cache.make_key
"#;

const DJANGO_FILES: &str = r#"
cache = caches["files"]
def name(key):
    return os.path.basename(cache._key_to_file(key))
"#;

const CACHELIB: &str = r#"
from cachelib.file import FileSystemCache
files = os.path.join(path, "files")
cache = FileSystemCache(files)
def fill():
    for n in range(40):
        assert cache.set("key-%d" % n, {"n": n, "x": "y" * (n * 100)}, 3600 if n % 2 else 0)
def entries():
    keys = ["key-%d" % n for n in range(40)]
    return [(name(key), cache.get(key)) for key in keys if cache.has(key)]
def name(key):
    return os.path.basename(cache._get_filename(key))
"#;

const HISHEL: &str = r#"
import http.server, threading
from hishel import SqliteStorage
from hishel.httpx import CacheClient
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "hishel.db")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"body of " + self.path.encode() * 40
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=100000")
        self.send_header("Date", self.date_time_string())
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
def fill():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = CacheClient(storage=SqliteStorage(database_path=file))
    for n in range(40):
        client.get("http://127.0.0.1:%d/%d" % (server.server_port, n))
    client.close()
    server.shutdown()
def entries():
    connection = sqlite3.connect(file)
    keys = [key.decode() if isinstance(key, bytes) else key for (key,) in connection.execute("SELECT cache_key FROM entries")]
    connection.close()
    storage = SqliteStorage(database_path=file)
    found = [(key, b"".join(entry.response.stream)) for key in keys for entry in storage.get_entries(key)]
    storage.close()
    return found
"#;

const RUN: &str = r#"
if command == "fill":
    fill(*given)
elif command == "judge":
    tell(entries(*given))
elif command == "work":
    print("ready", flush=True)
    work(*given)
"#;

pub(super) fn kinds() -> Vec<(Kind, String)> {
    let kind = |env, program, opened| Kind {
        env,
        program,
        opened,
    };
    let whole = |kind: Kind, more: &str| {
        let given = if more.is_empty() {
            "given = ()"
        } else {
            "given = (cache,)"
        };
        let program = [PRELUDE, &kind.program.concat(), more, given, RUN].concat();
        (kind, program)
    };
    vec![
        whole(kind("diskcache-5.6", &[DISKCACHE], "x"), CACHE),
        whole(kind("diskcache-5.6", &[DISKCACHE], "x"), FANOUT),
        whole(kind("diskcache-4.1", &[DISKCACHE], "x"), CACHE),
        whole(kind("python-3.13", &[DBM], "x/shelf"), ""),
        whole(kind("sqlitedict-2.1", &[SQLITEDICT], "x/dicts.sqlite"), ""),
        whole(kind("requests-cache-1.3", &[REQUESTS], "x/http.sqlite"), ""),
        whole(
            kind("requests-cache-1.3", &[REQUESTS, FILES], "x/files"),
            "",
        ),
        whole(kind("web", &[DJANGO, DJANGO_DB], "x/db.sqlite3"), ""),
        whole(kind("web", &[DJANGO, DJANGO_FILES], "x/files"), ""),
        whole(kind("web", &[CACHELIB], "x/files"), ""),
        whole(kind("web", &[HISHEL], "x/hishel.db"), ""),
    ]
}
