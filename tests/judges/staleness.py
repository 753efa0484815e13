"""Caches functions, edits their sources, and tells after a line on stdin whether joblib computes again.

Prints `CASE STORE SOURCES` for each case, then `ready`; after a line of input `CASE VERDICT`, where the
verdict is `kept`, `computed` or `gone`.
"""
import builtins
import importlib.util
import os
import sys
import warnings

import joblib

warnings.simplefilter("ignore")
root = sys.argv[1]
builtins.calls = []

HEAD = "import builtins, functools\n\ndef plain(f): return f\ndef tagged(tag, key=None): return plain\n\n"
F = "def f(a, b=2):\n    builtins.calls.append(1)\n    return a + b\n"
METHOD = "class Model:\n    def __init__(self, n): self.n = n\n    def __repr__(self): return 'Model'\n\n    def f(self, x):\n        builtins.calls.append(1)\n        return x\n"
NESTED = "def outer(k=0):\n    def f(x):\n        builtins.calls.append(1)\n        return x\n    return f\n"
LAMBDA = "f = lambda x: (builtins.calls.append(1), x)\n"


def of(name):
    return lambda module: getattr(module, name)


top = of("f")
method = lambda module: module.Model(1).f
nested = lambda module: module.outer()

# name, text before, text after, how the function is reached
CASES = [
    ("unchanged", F, F, top),
    ("comment_in_body", F, F.replace("    return", "    # sum\n    return"), top),
    ("comment_behind_code", F, F.replace("a + b\n", "a + b  # sum\n"), top),
    ("comment_at_the_end_of_the_body", F, F + "    # that was all\n", top),
    ("comment_above", F, "# sums\n" + F, top),
    ("comment_below", F, F + "# that was all\n", top),
    ("blank_line_inside", F, F.replace("    return", "\n    return"), top),
    ("blank_lines_below", F, F + "\n\n\nx = 1\n", top),
    ("moved", F, "def g():\n    return 1\n\n\n" + F, top),
    ("spaces", F, F.replace("a + b", "a  +  b"), top),
    ("tabs", F, F.replace("    ", "\t"), top),
    ("wider_indentation", F, F.replace("    ", "        "), top),
    ("into_an_if", F, "if True:\n" + "".join("    " + line for line in F.splitlines(True)), top),
    ("line_continued", F, F.replace("a + b", "a \\\n        + b"), top),
    ("default", F, F.replace("b=2", "b=3"), top),
    ("annotation", F, F.replace("a, b=2", "a: int, b=2"), top),
    ("body", F, F.replace("a + b", "a - b"), top),
    ("docstring", F, F.replace("    builtins", "    'Sums.'\n    builtins", 1), top),
    ("helper", "def g(): return 1\n" + F, "def g(): return 2\n" + F, top),
    ("decorated", F, "@plain\n" + F, top),
    ("decorator_argument", "@tagged('a')\n" + F, "@tagged('b')\n" + F, top),
    ("decorator_with_a_lambda", "@tagged(('a'), key=lambda x: x)\n" + F, "\n@tagged(('a'), key=lambda x: x)\n" + F, top),
    ("decorator_over_lines", "@tagged(\n    'a',\n)\n" + F, "x = 1\n@tagged(\n    'a',\n)\n" + F, top),
    ("comment_between_decorators", "@plain\n@plain\n" + F, "@plain\n# twice\n@plain\n" + F, top),
    ("renamed", F, F.replace("def f", "def g"), top),
    ("deleted", F, "x = 1\n", top),
    ("hidden_by_another", F, F + "\n" + F.replace("a + b", "a * b"), top),
    ("hides_another", F.replace("a + b", "0") + F, F.replace("a + b", "1") + F, top),
    ("one_of_two_branches", "if True:\n    def f(a, b=2):\n        builtins.calls.append(1)\n        return a\nelse:\n    def f(a, b=2):\n        return b\n",
     "if True:\n    def f(a, b=2):\n        builtins.calls.append(1)\n        return a\nelse:\n    def f(a, b=2):\n        return b + 1\n", top),
    ("on_one_line", "def f(a, b=2): builtins.calls.append(1); return a\n", "def f(a, b=2): builtins.calls.append(1); return a\nx = 1\n", top),
    ("on_one_line_changed", "def f(a, b=2): builtins.calls.append(1); return a\n", "def f(a, b=2): builtins.calls.append(1); return b\n", top),
    ("strings_that_look_like_code", F.replace("    return", "    s = '''\ndef g():\n# no\n'''\n    return"),
     "x = '# first line'\n" + F.replace("    return", "    s = '''\ndef g():\n# no\n'''\n    return"), top),
    ("text_in_a_string", F.replace("    return", "    s = f'{a:>{b}} {{}} {\"#\"}'\n    return"),
     F.replace("    return", "    s = f'{a:>{b}} {{}}  {\"#\"}'\n    return"), top),
    ("windows_line_ends", F, F.replace("\n", "\r\n"), top),
    ("other_characters", F.replace("    return", "    # na\u00efve \u2603\n    return"),
     "\u00fc = 1\n" + F.replace("    return", "    # na\u00efve \u2603\n    return"), top),
    ("no_end_of_the_last_line", F, F.rstrip("\n"), top),
    ("nested", NESTED, "x = 1\n" + NESTED.replace("k=0", "k=1"), nested),
    ("nested_changed", NESTED, NESTED.replace("return x", "return -x"), nested),
    ("nested_gone_deeper", NESTED, NESTED.replace("outer", "other"), lambda m: m.outer()),
    ("method", METHOD, "x = 1\n" + METHOD.replace("__init__(self, n)", "__init__(self, n, m=1)"), method),
    ("method_changed", METHOD, METHOD.replace("return x", "return -x"), method),
    ("method_of_a_class_moved", METHOD, METHOD + "\n    def g(self): pass\n", method),
    ("lambda", LAMBDA, "x = 1\n" + LAMBDA, top),
    ("lambda_changed", LAMBDA, LAMBDA.replace(", x)", ", -x)"), top),
    ("one_of_two_lambdas", LAMBDA + "g = lambda x: 1\n", LAMBDA + "g = lambda x: 2\n", top),
]


def load(path):
    spec = importlib.util.spec_from_file_location("edited", path)
    module = sys.modules["edited"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(folder, reach):
    memory = joblib.Memory(os.path.join(folder, "cache"), verbose=0)
    function = reach(load(os.path.join(folder, "src", "edited.py")))
    del builtins.calls[:]
    memory.cache(function)(5)
    return bool(builtins.calls)


def write(folder, text):
    with open(os.path.join(folder, "src", "edited.py"), "w", encoding="utf-8", newline="") as file:
        file.write(HEAD + text)


for name, before, after, reach in CASES:
    folder = os.path.join(root, name)
    os.makedirs(os.path.join(folder, "src"))
    write(folder, before)
    assert call(folder, reach), name
    assert not call(folder, reach), name
    write(folder, after)
    print(name, os.path.join(folder, "cache"), os.path.join(folder, "src"))
print("ready", flush=True)
sys.stdin.readline()
for name, before, after, reach in CASES:
    try:
        verdict = "computed" if call(os.path.join(root, name), reach) else "kept"
    except AttributeError:
        verdict = "gone"
    print(name, verdict)
