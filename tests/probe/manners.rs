//! What a program may do that a probe could spoil: each of these ends with the probe as it does without it.

use super::Stage;

/// CPython fails at `tuple(generator)` if anybody else holds a reference to the half-made tuple.
const HALF_MADE_TUPLES: &str = r"
import sys, threading, cachescope_probe
sys.setswitchinterval(1e-5)
built, over = 0, False
def build():
    global built
    while not over: tuple(x for x in range(300)); built += 1
builder = threading.Thread(target=build)
builder.start()
for _ in range(40): cachescope_probe.snapshot()
over = True
builder.join()
print(built > 40)
";

/// A daemon closes all files that it did not open; the next one gets a number that was the probe's.
const CLOSED_FILES: &str = r"
import os, cached
cached.load(1)
os.closerange(3, 64)
with open('own.txt', 'w+') as own:
    own.write('mine')
    own.flush()
    for _ in range(3): cached.load(1)
    cached.load(2)
    print(own.fileno() < 64, open('own.txt').read() == 'mine')
";

/// A signal that every thread of the program blocks waits for `sigwait`.
const WAITED_SIGNAL: &str = r"
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
os.kill(os.getpid(), signal.SIGUSR1)
print(int(signal.sigwait({signal.SIGUSR1})) == signal.SIGUSR1)
";

/// Objects end in the thread that lets them go, also while a snapshot looks at them.
const ENDS_OF_OBJECTS: &str = r"
import functools, threading, cachescope_probe
ends = set()
class Owner:
    if hasattr(functools, 'cached_property'):
        @functools.cached_property
        def whole(self): return 1
    def __del__(self): ends.add(threading.get_ident())
kept = [Owner() for _ in range(20000)]
over = False
def look():
    while not over: cachescope_probe.snapshot()
looker = threading.Thread(target=look)
looker.start()
for n in range(200000): kept[n % 20000] = Owner()
over = True
looker.join()
print(ends == {threading.get_ident()})
";

/// What runs at the end of an object may wait for a thread that is at a cached function. (Re-entrant, or the collector
/// could stop the program without any probe.)
const LOCKS: &str = r"
import threading, cached, cachescope_probe
lock, over = threading.RLock(), False
class Owner:
    def __del__(self):
        with lock: pass
def look():
    while not over: cachescope_probe.snapshot()
def let_go():
    while not over:
        one = Owner(); one.itself = one
threads = [threading.Thread(target=one) for one in (look, let_go)]
for one in threads: one.start()
for n in range(60):
    with lock: cached.load(1)
over = True
for one in threads: one.join()
print(True)
";

/// A module that waits to be looked into is not loaded by a look at all modules.
const LAZY_MODULE: &str = r"
import importlib.util, sys, cachescope_probe
open('waiting.py', 'w').write('import builtins; builtins.was_loaded = True')
sys.path.insert(0, '.')
spec = importlib.util.find_spec('waiting')
spec.loader = importlib.util.LazyLoader(spec.loader)
module = importlib.util.module_from_spec(spec)
sys.modules['waiting'] = module
spec.loader.exec_module(module)
cachescope_probe.snapshot()
import builtins
print(not hasattr(builtins, 'was_loaded'))
";

/// Before Python 3.9 an interpreter in the interpreter cannot end while one of its threads runs.
const SUBINTERPRETER: &str = r"
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
interpreters.run_string(one, 'import time; time.sleep(0.05)')
interpreters.destroy(one)
print(True)
";

#[test]
fn a_program_never_notices_the_probe() {
    let programs = [
        (HALF_MADE_TUPLES, "True\n"),
        (CLOSED_FILES, "True True\n"),
        (WAITED_SIGNAL, "True\n"),
        (ENDS_OF_OBJECTS, "True\n"),
        (LOCKS, "True\n"),
        (LAZY_MODULE, "True\n"),
        (SUBINTERPRETER, "True\n"),
    ];
    for environment in ["joblib-new", "joblib-1.2"] {
        for (program, expected) in programs {
            let Some(stage) = Stage::new(environment) else {
                break;
            };
            let output = stage.command(&[], &["-c", program]).output();
            let output = output.expect("the program starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said, "", "{environment} {program}");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert_eq!(printed, expected, "{environment} {program}");
        }
    }
}

/// After the program closed the probe's files, it counts on in the same ones.
#[test]
fn counts_go_on_in_files_that_were_closed() {
    let Some(stage) = Stage::new("joblib-new") else {
        return;
    };
    let output = stage.command(&[], &["-c", CLOSED_FILES]).output();
    assert!(output.expect("the program starts").status.success());
    assert_eq!(super::told(&stage.told(), "load"), (3, 2));
}
