"""Tells Cachescope what the caches of this Python program do: hits, misses, sizes.

    cachescope run -- python script.py          # without a change to the program
    import cachescope_probe; cachescope_probe.start()        # in a notebook

Python 3.6 and newer, nothing but the interpreter itself: no module is imported that a program could have
one of its own of. ``functools.lru_cache`` wrappers are only read, never wrapped. What joblib does is seen at
the leaves of its calls, never around the program's own functions, so that tracebacks and warnings stay as
they are. Every hook is guarded, no lock of ours is waited for longer than a moment, no module is loaded and no
object of the program's ends in our thread: whatever goes wrong in here, the program goes on.

Each process writes two files into one folder: ``NAME-PID.json``, replaced about once a second if anything
changed, and ``NAME-PID.counts``, one line for each joblib function, written at each call so that a killed
worker loses nothing.
"""

import _operator
import _thread
import _weakref
import atexit
import gc
import itertools
import os
import sys
import time

__all__ = ["start", "stop", "snapshot"]

FORMAT = 1
#: Seconds between two snapshots, and how many times its own cost a snapshot waits at least.
INTERVAL = 1.0
SHARE = 200
#: A larger weak dictionary is not looked through for dead references.
WEAK_LIMIT = 100000
#: Modules in which joblib keeps its functions; scikit-learn had a copy once.
JOBLIB = ("joblib.memory", "sklearn.externals.joblib.memory")
#: hits, misses, seconds of loading, seconds saved, hits whose saving is known, time of the last hit
LINE = "%12d %12d %17.6f %19.6f %12d %18.6f\n"

_probe = None
try:
    from _functools import _lru_cache_wrapper as _LRU
except ImportError:
    # PyPy: its wrappers are plain functions.
    _LRU = None
try:
    _weakref.ref(_LRU(len, 0, False, tuple))
    _CAN_REFER = True
except Exception:
    # Before 3.9 nobody can refer to a wrapper without keeping it alive: it is read while it is looked for.
    _CAN_REFER = False
# As they are before a program replaces them (gevent does).
_clock, _sleep = time.perf_counter, time.sleep
_new_thread, _new_lock, _new_rlock = _thread.start_new_thread, _thread.allocate_lock, _thread.RLock
_get = type.__getattribute__
_Module = type(sys)
_members = _Module.__dict__["__dict__"].__get__
#: Seconds that anything waits for another thread at most, before it goes on without it.
PATIENCE = 1.0


def start(folder=None, events=None):
    """Starts the probe in this process; a second call changes nothing."""
    global _probe
    try:
        if _probe is None and _is_main():
            _probe = _Probe(folder or os.environ.get("CACHESCOPE_PROBE_DIR") or _own_folder(),
                            events or os.environ.get("CACHESCOPE_PROBE_EVENTS"))
            _probe.start()
    except Exception:
        pass


def stop():
    """Writes a last snapshot and ends the probe's thread; hooks that are in place count nothing any more."""
    global _probe
    probe, _probe = _probe, None
    if probe is not None:
        probe.finish()


def snapshot():
    """Writes a snapshot now."""
    if _probe is not None:
        _probe.write(True)


def _is_main():
    """Before Python 3.9 an interpreter inside of another one cannot end while a thread of ours runs."""
    if sys.version_info >= (3, 9):
        return True
    try:
        import _xxsubinterpreters as interpreters
        return interpreters.get_current() == interpreters.get_main()
    except Exception:
        return True


def _own_folder():
    """Cachescope's own folder, by the rules of its own program."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or home
    elif sys.platform == "darwin":
        data = os.path.join(home, "Library", "Application Support")
    else:
        data = os.environ.get("XDG_DATA_HOME") or ""
        if not os.path.isabs(data):
            data = os.path.join(home, ".local", "share")
    day = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return os.path.join(data, "cachescope", "probe", "%s-%d" % (day, os.getpid()))


class _Function(object):
    """One joblib function and what happened to it."""

    __slots__ = ("location", "id", "module", "name", "counts", "offset", "told")

    def __init__(self, location, func_id, offset):
        self.location, self.id, self.offset = location, func_id, offset
        self.module, _, self.name = func_id.replace("\\", "/").rpartition("/")
        self.module = self.module.replace("/", ".")
        self.counts = [0, 0, 0.0, 0.0, 0, 0.0]
        label = func_id.replace(os.sep, ".")
        self.told = '"group": %s, "store": %s' % (_encode(label), _encode(location))


class _Lock(object):
    """Waits for another thread a while only, and then goes on as if it had the lock.

    While a thread holds it, the collector may run what the program calls at the end of an object, which may wait for
    a thread that waits here. Re-entrant, as a signal handler may call a cached function in the middle of a count.
    """

    __slots__ = ("lock",)

    def __init__(self):
        self.lock = _new_rlock()

    def __enter__(self):
        self.lock.acquire(True, PATIENCE)

    def __exit__(self, *_):
        try:
            self.lock.release()
        except RuntimeError:
            # Another thread's still.
            pass


class _File(object):
    """A file that stays open, unless the program closes it unawares, as daemons do, and gives its number to another."""

    __slots__ = ("fd", "known")

    def __init__(self):
        self.fd = self.known = None

    def open(self, path, flags):
        if self.fd is not None:
            try:
                if _identity(self.fd) == self.known:
                    return self.fd
            except OSError:
                pass
        self.fd = os.open(path(), flags | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        self.known = _identity(self.fd)
        return self.fd


class _Probe(object):
    def __init__(self, folder, events):
        self.folder = os.path.abspath(folder)
        self.events_path = os.path.abspath(events) if events else None
        self.lock = _Lock()
        self.is_forked = False
        self.wake = None
        self.ended = None
        self.reset()
        self.lru = {}
        self.baseline = {}

    def reset(self):
        """What belongs to one process: at the start, and in a child after a fork."""
        self.pid = os.getpid()
        self.started = time.time()
        self.functions = {}
        self.stem = None
        self.counts_file = _File()
        self.events_file = _File()
        self.writing = _Lock()
        self.last = None
        self.next_walk = 0.0
        self.held = ([], [], [])
        # Of each wrapper its name and counts when they were read last; of those that are gone, sums by name.
        self.read = {}
        self.gone = {}
        self.is_over = False
        self.is_running = False
        self.cost = 0.0
        self.local = _thread._local()

    # -- life ---------------------------------------------------------------------------------

    def start(self):
        atexit.register(self.finish)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self.before_fork, after_in_parent=self.run,
                                after_in_child=self.after_fork)
        _hook_joblib()
        self.run()

    def run(self):
        """Starts the thread, one that the threading module does not list."""
        try:
            if self.is_over or self.is_running or _probe is not None and _probe is not self:
                return
            self.wake, self.ended = _new_lock(), _new_lock()
            self.wake.acquire()
            self.ended.acquire()
            self.is_running = True
            _start_unsignalled(self.loop, (self.wake, self.ended))
        except Exception:
            self.is_running = False

    def loop(self, wake, ended):
        try:
            self.native = getattr(_thread, "get_native_id", int)()
            wait = 0.1
            while not wake.acquire(True, wait):
                began = _clock()
                self.write(False)
                self.cost = _clock() - began
                wait = max(INTERVAL, SHARE * self.cost)
        except Exception:
            pass
        finally:
            ended.release()

    def halt(self):
        """Ends the thread and waits for it, so that a fork finds one thread only."""
        if not self.is_running:
            return
        self.is_running = False
        self.wake.release()
        if self.ended.acquire(True, 2.0):
            # The interpreter counts the system's threads since 3.12: ours is gone microseconds later.
            until = _clock() + PATIENCE
            while sys.version_info >= (3, 12) and os.path.isdir("/proc/self/task/%d" % self.native):
                if _clock() > until:
                    break
                _sleep(0.0001)

    def before_fork(self):
        try:
            self.halt()
            # What the child's wrappers have counted before it was born is not its own.
            self.baseline = {key: last[1:] for key, last in list(self.read.items())}
            self.baseline.update((key, _info(ref())) for key, ref in list(self.lru.items()))
        except Exception:
            pass

    def after_fork(self):
        try:
            # Another thread may have held it; here it is gone.
            self.lock = _Lock()
            self.is_forked = True
            was_over = self.is_over
            self.reset()
            if was_over:
                self.is_over = True
                return
            # multiprocessing leaves its children by os._exit, after its own finalizers.
            util = sys.modules.get("multiprocessing.util")
            if util is not None:
                util.register_after_fork(self, _Probe.finish_with_multiprocessing)
            self.run()
        except Exception:
            pass

    def finish_with_multiprocessing(self):
        util = sys.modules.get("multiprocessing.util")
        util.Finalize(None, self.finish, exitpriority=-1000)

    def finish(self):
        """The last snapshot; runs after everything else that the program does at its end."""
        try:
            if self.is_over or self.pid != os.getpid():
                return
            self.halt()
            self.is_over = True
            self.write(True)
            self.tell_functions()
        except Exception:
            pass

    # -- joblib -------------------------------------------------------------------------------

    def function(self, location, func_id):
        """The record of a function, made at its first call."""
        if self.pid != os.getpid():
            # Python 3.6 tells nobody of a fork.
            self.after_fork()
        key = (location, func_id)
        found = self.functions.get(key)
        if found is None:
            with self.lock:
                found = self.functions.get(key)
                is_new = found is None
                if is_new:
                    found = _Function(os.path.abspath(location), func_id, len(self.functions) * len(LINE % ((0,) * 6)))
                    owner = getattr(self.local, "owner", None)
                    func = getattr(owner, "func", None)
                    name = getattr(func, "__qualname__", None)
                    if type(name) is str and type(getattr(func, "__module__", None)) is str:
                        found.module, found.name = func.__module__, name
                    self.functions[key] = found
                    self.store(found)
            if is_new:
                # Killed at any time, the process has told what its counts are of.
                self.write(False, False)
        return found

    def store(self, function):
        line = (LINE % tuple(function.counts)).encode("ascii")
        fd = self.counts_file.open(lambda: self.path(".counts"), os.O_RDWR | (0 if self.counts_file.known else os.O_TRUNC))
        if hasattr(os, "pwrite"):
            os.pwrite(fd, line, function.offset)
        else:
            os.lseek(fd, function.offset, os.SEEK_SET)
            os.write(fd, line)

    def hit(self, backend, call_id, load_s):
        """A value was there; `load_s` is None where it was not loaded (call_and_shelve)."""
        function = self.function(str(backend.location), call_id[0])
        duration = getattr(self.local, "duration", None)
        with self.lock:
            counts = function.counts
            counts[0] += 1
            counts[5] = time.time()
            counts[2] += load_s or 0.0
            saved = None
            if duration is not None:
                saved = max(0.0, duration - (load_s or 0.0))
                counts[3] += saved
                counts[4] += 1
            self.store(function)
        if self.events_path:
            self.event("hit", function, call_id[1], load_s, saved)

    def miss(self, location, func_id):
        function = self.function(location, func_id)
        with self.lock:
            function.counts[1] += 1
            self.store(function)

    def stored(self, backend, call_id):
        if self.events_path:
            self.event("stored", self.function(str(backend.location), call_id[0]), call_id[1], None, None)

    def event(self, what, function, key, load_s, saved_s):
        now = time.time()
        self.append('{"type": "event", "time": "%s", "event": "%s", "key": %s, %s, "bytes": null, '
                    '"load_s": %s, "saved_s": %s, "pid": %d}'
                    % (_rfc3339(now), what, _encode(key), function.told, _encode(load_s), _encode(saved_s), self.pid))

    def append(self, line):
        """One line into the file of events, which all processes share."""
        with self.lock:
            fd = self.events_file.open(lambda: self.events_path, os.O_WRONLY | os.O_APPEND)
            os.write(fd, (line + "\n").encode("utf-8", "replace"))

    def tell_functions(self):
        """At the end of a process: what cannot be told call by call."""
        if not self.events_path:
            return
        for counts in self.held[0]:
            if counts["hits"] or counts["misses"]:
                told = [("type", "function"), ("time", _rfc3339(time.time())), ("pid", self.pid),
                        ("cache", "functools.lru_cache"), ("group", counts["module"]), ("key", counts["name"])]
                self.append(_encode(dict(told + [(name, counts[name]) for name in
                                                 ("hits", "misses", "maxsize", "currsize", "typed")])))

    # -- everything else ----------------------------------------------------------------------

    def walk(self):
        """Looks for wrappers, owners of cached properties and weak containers that came since the last time."""
        classes, waiting = [], [object]
        seen = set()
        while waiting:
            one = waiting.pop()
            if id(one) not in seen:
                seen.add(id(one))
                classes.append(one)
                waiting.extend(type.__subclasses__(one))
        functools, weakref = sys.modules.get("functools"), sys.modules.get("weakref")
        prop = getattr(functools, "cached_property", None)
        kinds = {}
        for name in ("WeakValueDictionary", "WeakKeyDictionary", "WeakSet"):
            kind = getattr(weakref, name, None)
            if kind is not None:
                kinds[id(kind)] = name
        names, owners, caches = {}, {}, []
        wanted = {id(_LRU), id(prop)}.union(kinds) - {id(None)}
        # Modules that are loaded when somebody looks into them stay unloaded: what is read is the dict itself.
        places = [(name, _members(module) or {}, None) for name, module in list(sys.modules.items())
                  if _Module in _get(type(module), "__mro__") and type(name) is str]
        places += [(_class_name(one), _get(one, "__dict__"), one) for one in classes]
        for place, members, owner in places:
            for name, value in _named(members, wanted):
                if type(value) is _LRU:
                    self.remember(value)
                elif type(value) is not prop:
                    names.setdefault(id(value), (place, name))
                elif owner is not None and place is not None:
                    owners[place, name] = [{id(one) for one in classes if owner in _get(one, "__mro__")
                                            and _has_plain_dict(one)}, name]
        value = None
        # In a forked child a look at every object would copy the parent's memory.
        found, counts = ([], []) if self.is_forked else _survey({id(_LRU)}.union(kinds), list(owners.values()))
        for one in found:
            value = one() if _CAN_REFER else one
            if type(value) is _LRU:
                self.remember(value)
            elif value is not None:
                caches.append((kinds[id(type(value))], one, names.get(id(value))))
        counts += [None] * (len(owners) - len(counts))
        properties = [{"module": place.rpartition(":")[0], "name": place.rpartition(":")[2] + "." + name,
                       "currsize": count} for (place, name), count in zip(owners, counts)]
        return properties, _weak_sizes(caches)

    def remember(self, wrapper):
        if id(wrapper) not in self.lru or self.lru[id(wrapper)]() is not wrapper:
            if _CAN_REFER:
                self.forget(id(wrapper))
            self.lru[id(wrapper)] = _weakref.ref(wrapper) if _CAN_REFER else lambda: wrapper

    def forget(self, key):
        """A wrapper is gone: its last counts stay."""
        self.lru.pop(key, None)
        self.baseline.pop(key, None)
        last = self.read.pop(key, None)
        if last is not None:
            kept = self.gone.setdefault(last[0], [0, 0])
            kept[0] += last[1]
            kept[1] += last[2]

    def read_lru(self):
        """One line for each function that lru_cache wraps, those of one name together."""
        lines = {}
        for key, ref in list(self.lru.items()):
            wrapper = ref()
            info = _info(wrapper)
            if info is None:
                self.forget(key)
                continue
            name = (_text(getattr(wrapper, "__module__", None)), _text(getattr(wrapper, "__qualname__", None)))
            hits, misses, maxsize, currsize = info
            before = self.baseline.get(key)
            # Clearing a cache sets its counts to 0.
            if before is not None and hits >= before[0] and misses >= before[1]:
                hits, misses = hits - before[0], misses - before[1]
            self.read[key] = (name, hits, misses)
            line = lines.get(name) or lines.setdefault(name, _lru_line(name, maxsize, _typed(wrapper)))
            for field, value in (("hits", hits), ("misses", misses), ("currsize", currsize), ("caches", 1)):
                line[field] += value
        for key in [key for key in self.read if key not in self.lru]:
            self.forget(key)
        if not _CAN_REFER:
            self.lru.clear()
        for name, (hits, misses) in self.gone.items():
            line = lines.setdefault(name, _lru_line(name, None, None))
            line["hits"] += hits
            line["misses"] += misses
        return [lines[name] for name in sorted(lines)]

    def write(self, is_asked, walks=True):
        """Writes the snapshot, if it says anything new."""
        try:
            with self.writing:
                now = time.time()
                began = _clock()
                if _LRU is not None and walks and (is_asked or began >= self.next_walk):
                    properties, weak = self.walk()
                    self.held = (self.held[0], properties, weak)
                    self.next_walk = _clock() + max(INTERVAL, SHARE * (_clock() - began))
                if walks and (_CAN_REFER or self.lru):
                    self.held = (self.read_lru(),) + self.held[1:]
                said = {
                    "pid": self.pid, "parent": os.getppid(), "started": self.started,
                    "argv": [_text(word) for word in getattr(sys, "argv", [])],
                    "python": "%d.%d.%d" % sys.version_info[:3], "executable": _text(sys.executable),
                    "ended": now if self.is_over else None, "joblib": self.describe(),
                    "lru_cache": self.held[0], "cached_property": self.held[1], "weak": self.held[2],
                }
                if said == self.last:
                    return
                self.last = said
                body = _json(dict([("cachescope_probe", FORMAT), ("written", now)] + list(said.items())))
                path = self.path(".json")
                part = "%s.%d.part" % (path, self.pid)
                fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
                try:
                    while body:
                        body = body[os.write(fd, body):]
                finally:
                    os.close(fd)
                os.replace(part, path)
        except Exception:
            pass

    def describe(self):
        with self.lock:
            functions = [(one, tuple(one.counts)) for one in self.functions.values()]
        return [{
            "location": one.location, "folder": os.path.join(one.location, one.id), "module": one.module,
            "name": one.name, "hits": hits, "misses": misses, "load_s": load_s, "saved_s": saved_s, "timed": n_timed,
            "last_hit": last or None,
        } for one, (hits, misses, load_s, saved_s, n_timed, last) in sorted(functions, key=lambda pair: pair[0].offset)]

    def path(self, ending):
        """This process's files; the name is found at the first one, when the program's own is known."""
        with self.lock:
            # A look-up and our own thread may come first together.
            if self.stem is None:
                os.makedirs(self.folder, 0o700, exist_ok=True)
                name = "%s-%d" % (_program(), self.pid)
                stem, n = name, 1
                # The same number again: another program in the same process (exec), or the number came round.
                while os.path.exists(os.path.join(self.folder, stem + ".json")):
                    n += 1
                    stem = "%s-%d" % (name, n)
                self.stem = stem
        return os.path.join(self.folder, self.stem + ending)


# -- hooks ------------------------------------------------------------------------------------


class _Finder(object):
    """Waits for joblib to be imported; finds nothing itself."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in JOBLIB:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is _Finder or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                _when_run(spec)
                return spec
        return None


def _when_run(spec):
    try:
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            _patch(module)

        spec.loader.exec_module = exec_module
    except Exception:
        pass


def _hook_joblib():
    for name in JOBLIB:
        module = sys.modules.get(name)
        if module is not None:
            _patch(module)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def _patch(memory):
    """joblib 0.12 and newer: the leaves of a look-up are methods of the store's backend."""
    try:
        backend = sys.modules.get(memory.__name__.replace(".memory", "._store_backends"))
        if backend is None:
            return _patch_old(memory)
        mixin, func = backend.StoreBackendMixin, memory.MemorizedFunc
        if getattr(mixin, "_cachescope", False):
            return
        mixin._cachescope = True
        _wrap_lookup(memory, mixin, func)
        _wrap_values(mixin, memory.MemorizedResult)
    except Exception:
        pass


def _wrap_lookup(memory, mixin, func):
    check, contains = func._check_previous_func_code, mixin.contains_item
    peek = getattr(func, "check_call_in_cache", None)
    identify = getattr(memory, "_build_func_identifier", None)

    # One frame more stands below the one that a warning is to name.
    def _check_previous_func_code(self, stacklevel=2):
        result = check(self, stacklevel=stacklevel + 1)
        probe = _probe
        if probe is not None:
            try:
                probe.local.owner = self
                if not result and not getattr(probe.local, "peeks", 0):
                    func_id = getattr(self, "func_id", None) or identify(self.func)
                    probe.miss(str(self.store_backend.location), func_id)
            except Exception:
                pass
        return result

    def contains_item(self, *args, **kwargs):
        result = contains(self, *args, **kwargs)
        probe = _probe
        if probe is not None:
            try:
                call_id = _call_id(args, kwargs)
                local = probe.local
                local.duration = None
                if getattr(local, "peeks", 0):
                    pass
                elif result:
                    local.found = (self, call_id[0], call_id[1])
                else:
                    probe.miss(str(self.location), call_id[0])
            except Exception:
                pass
        return result

    func._check_previous_func_code = _like(_check_previous_func_code, check)
    mixin.contains_item = _like(contains_item, contains)
    if peek is not None:
        def check_call_in_cache(self, *args, **kwargs):
            local = _probe.local if _probe is not None else None
            if local is not None:
                local.peeks = getattr(local, "peeks", 0) + 1
            try:
                return peek(self, *args, **kwargs)
            finally:
                if local is not None:
                    local.peeks -= 1

        func.check_call_in_cache = _like(check_call_in_cache, peek)


def _wrap_values(mixin, result_class):
    load, dump, clear, facts = mixin.load_item, mixin.dump_item, mixin.clear_item, mixin.get_metadata
    make = result_class.__init__

    def load_item(self, *args, **kwargs):
        began = _clock()
        try:
            value = load(self, *args, **kwargs)
        except BaseException:
            if _probe is not None:
                _lost(_probe, self, _call_id(args, kwargs))
            raise
        if _probe is not None:
            _found(_probe, self, _call_id(args, kwargs), _clock() - began)
        return value

    def dump_item(self, *args, **kwargs):
        result = dump(self, *args, **kwargs)
        probe = _probe
        if probe is not None:
            try:
                probe.local.found = None
                probe.stored(self, _call_id(args, kwargs))
            except Exception:
                pass
        return result

    def clear_item(self, *args, **kwargs):
        probe = _probe
        if probe is not None:
            # The program's own callback does not want it any more: it is computed again.
            _lost(probe, self, _call_id(args, kwargs))
        return clear(self, *args, **kwargs)

    def get_metadata(self, *args, **kwargs):
        result = facts(self, *args, **kwargs)
        probe = _probe
        if probe is not None:
            try:
                duration = result.get("duration")
                probe.local.duration = duration if type(duration) is float else None
            except Exception:
                pass
        return result

    # A shelved hit loads nothing and makes one of these.
    def __init__(self, *args, **kwargs):
        make(self, *args, **kwargs)
        probe = _probe
        if probe is not None:
            try:
                found = getattr(probe.local, "found", None)
                if found is not None:
                    _found(probe, found[0], found[1:], None)
            except Exception:
                pass

    mixin.load_item = _like(load_item, load)
    mixin.dump_item = _like(dump_item, dump)
    mixin.clear_item = _like(clear_item, clear)
    mixin.get_metadata = _like(get_metadata, facts)
    result_class.__init__ = _like(__init__, make)


def _call_id(args, kwargs):
    """What names the call, the first argument of each of these methods; `path` before joblib 1.4."""
    return args[0] if args else kwargs.get("call_id", kwargs.get("path"))


def _found(probe, backend, call_id, load_s):
    """A hit, if the value was looked up by a call: MemorizedResult.get() loads without one."""
    try:
        found = getattr(probe.local, "found", None)
        if found is not None and found[1:] == (call_id[0], call_id[1]):
            probe.local.found = None
            probe.hit(backend, call_id, load_s)
    except Exception:
        pass


def _lost(probe, backend, call_id):
    """A miss after all: what was found is not to be had."""
    try:
        found = getattr(probe.local, "found", None)
        if found is not None and found[1:] == (call_id[0], call_id[1]):
            probe.local.found = None
            probe.miss(str(backend.location), call_id[0])
    except Exception:
        pass


class _Place(object):
    """What stands for a backend in joblib before 0.12."""

    def __init__(self, folder):
        function, self.key = os.path.split(folder)
        parts = function.split(os.sep + "joblib" + os.sep)
        self.location = os.path.join(parts[0], "joblib") if len(parts) > 1 else os.path.dirname(function)
        self.id = os.path.relpath(function, self.location)


def _patch_old(memory):
    """joblib before 0.12: a value is loaded by a function of the module and stored by a method."""
    func, result_class = memory.MemorizedFunc, memory.MemorizedResult
    load, store, get = memory._load_output, func._persist_output, result_class.get
    if getattr(func, "_cachescope", False):
        return
    func._cachescope = True

    def _load_output(output_dir, *args, **kwargs):
        began = _clock()
        value = load(output_dir, *args, **kwargs)
        probe = _probe
        if probe is not None:
            try:
                is_new = getattr(probe.local, "new", None) == output_dir
                probe.local.new = None
                if not is_new and not getattr(probe.local, "peeks", 0):
                    place = _Place(output_dir)
                    probe.hit(place, (place.id, place.key), _clock() - began)
            except Exception:
                pass
        return value

    def _persist_output(self, output, dir, *args, **kwargs):
        result = store(self, output, dir, *args, **kwargs)
        probe = _probe
        if probe is not None:
            try:
                probe.local.owner = self
                place = _Place(dir)
                probe.miss(place.location, place.id)
                probe.stored(place, (place.id, place.key))
                probe.local.new = dir if self.mmap_mode is not None else None
            except Exception:
                pass
        return result

    def get_(self):
        probe = _probe
        if probe is not None:
            probe.local.peeks = 1
        try:
            return get(self)
        finally:
            if probe is not None:
                probe.local.peeks = 0

    memory._load_output = _like(_load_output, load)
    func._persist_output = _like(_persist_output, store)
    result_class.get = _like(get_, get)


def _of(objects, again, kinds):
    """The objects whose type has one of these identities, by iterators that are written in C alone."""
    return itertools.compress(objects, map(kinds.__contains__, map(id, map(type, again))))


def _named(members, kinds):
    """The names of a module or class, with their values, whose type has one of these identities."""
    found = []
    for _ in range(3):
        try:
            found.extend(_of(members.items(), members.values(), kinds))
            break
        except RuntimeError:
            # Another thread added a name between two of these steps.
            found = []
    return found


def _has_plain_dict(one):
    """True if a look at the dict of its objects runs nothing of the program's."""
    plain = type(_Module.__dict__["__dict__"]), type(type.__dict__["__dict__"])
    found = [_get(base, "__dict__")["__dict__"] for base in _get(one, "__mro__") if "__dict__" in _get(base, "__dict__")]
    return bool(found) and type(found[0]) in plain


def _survey(kinds, owners):
    """All objects of these types (to be referred to weakly, if they can be), and for each of the owners, which are
    types and a name, how many of their objects hold that name.

    No other thread runs within the one call of ``extend``, in which all objects are known here, and the collector
    is off, for finalizers let other threads run: a thread that is at ``tuple(generator)`` fails with SystemError if
    somebody else knows its half-made tuple, and an object whose last reference is ours is finalized here, where the
    program does not expect it. So every step is an iterator written in C.
    """
    flags, lists, held, found, counts = [], [], [], [], []
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        # Other threads run at any time: wrappers that modules and classes hold by a name are all that is told.
        return found, counts
    once, every = [()], itertools.chain.from_iterable
    chosen = _of(every(lists), every(lists), kinds)
    holders = set().union(*[types for types, _ in owners])
    steps = [
        map(flags.append, itertools.starmap(gc.isenabled, once)),
        itertools.starmap(gc.disable, once),
        itertools.starmap(lists.extend, [(itertools.starmap(gc.get_objects, once),)]),
        itertools.starmap(found.extend, [(map(_weakref.ref, chosen) if _CAN_REFER else chosen,)]),
        itertools.starmap(held.extend, [(_of(every(lists), every(lists), holders),)] if owners else []),
        # The list knows itself: nothing but this ends it.
        map(list.clear, lists),
    ]
    for types, name in owners:
        dicts = map(object.__getattribute__, _of(iter(held), iter(held), types), itertools.repeat("__dict__"))
        steps.append(map(counts.append, map(sum, [map(dict.__contains__, dicts, itertools.repeat(name))])))
    steps += [itertools.starmap(held.clear, once), itertools.starmap(gc.enable, itertools.compress(once, flags))]
    try:
        [].extend(every(steps))
    finally:
        for one in lists + [held]:
            one.clear()
        if flags and flags[0]:
            gc.enable()
    return found, counts


def _like(wrapper, original):
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        try:
            setattr(wrapper, name, getattr(original, name))
        except Exception:
            pass
    return wrapper


# -- small things -----------------------------------------------------------------------------


def _identity(fd):
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino


def _start_unsignalled(run, args):
    """Starts a thread that takes no signal: a program that waits for one with all its threads blocked gets it."""
    try:
        import _signal
        every = _signal.valid_signals() if hasattr(_signal, "valid_signals") else range(1, _signal.NSIG)
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, every)
    except (AttributeError, ImportError):
        # Windows has none.
        _new_thread(run, args)
        return
    try:
        _new_thread(run, args)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def _info(wrapper):
    try:
        return None if wrapper is None else tuple(wrapper.cache_info())
    except Exception:
        return None


def _lru_line(name, maxsize, typed):
    return {"module": name[0], "name": name[1], "hits": 0, "misses": 0, "currsize": 0, "caches": 0,
            "maxsize": maxsize, "typed": typed}


def _typed(wrapper):
    try:
        return bool(wrapper.cache_parameters()["typed"])
    except Exception:
        return None


def _class_name(one):
    get = type.__getattribute__
    try:
        return "%s:%s" % (get(one, "__module__"), get(one, "__qualname__"))
    except Exception:
        return None


def _weak_sizes(caches):
    """Sizes by kind and name; those that no module or class holds by a name are summed up."""
    lines = {}
    for kind, one, place in caches:
        try:
            value = one() if _CAN_REFER else one
            if value is None:
                continue
            data = value.data
            refs = dead = None
            if len(data) <= WEAK_LIMIT:
                refs = list(data.values()) if kind == "WeakValueDictionary" else list(data)
                dead = sum(map(_operator.is_, map(_weakref.ref.__call__, refs), itertools.repeat(None)))
            module, name = place or ("", "(without a name)")
            if ":" in module:
                module, _, owner = module.partition(":")
                name = owner + "." + name
            key = (kind, module, name)
            line = lines.setdefault(key, {"kind": kind, "module": module, "name": name, "caches": 0,
                                          "live": 0, "dead": 0})
            line["caches"] += 1
            if dead is None or line["dead"] is None:
                line["live"] += len(data)
                line["dead"] = None
            else:
                line["live"] += len(data) - dead
                line["dead"] += dead
        except Exception:
            pass
    return [lines[key] for key in sorted(lines)]


def _program():
    """A name for people: the script, or the module that runs as one."""
    words = [_text(word) for word in getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or []]
    script = getattr(sys, "argv", None) or [""]
    name = os.path.basename(_text(script[0]))
    if name in ("", "-m", "-c", "__main__.py"):
        after = words[words.index("-m") + 1:][:1] if "-m" in words else []
        name = after[0] if after else "python"
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
    return kept[:60] or "python"


def _rfc3339(seconds):
    whole = int(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + ".%06dZ" % int((seconds - whole) * 1e6)


def _text(value):
    """A str without what UTF-8 cannot carry."""
    if not isinstance(value, str):
        return "" if value is None else "?"
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


_ESCAPES = {n: "\\u%04x" % n for n in range(32)}
_ESCAPES.update({ord('"'): '\\"', ord("\\"): "\\\\"})


def _json(value):
    """As json.dumps: the module may be one of the program's own."""
    return _encode(value).encode("utf-8", "replace")


def _encode(value):
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return '"%s"' % str.translate(_text(value), _ESCAPES)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value) if value - value == 0 else "null"
    if isinstance(value, dict):
        return "{%s}" % ", ".join('"%s": %s' % (key, _encode(value[key])) for key in value)
    return "[%s]" % ", ".join([_encode(one) for one in value])
