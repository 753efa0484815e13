#!/usr/bin/env python3
"""Writes assets/crates.txt, which the about page shows: every crate in the program, with version and licence."""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
COMMAND = ["cargo", "metadata", "--format-version", "1", "--locked"]


def main():
    meta = json.loads(subprocess.run(COMMAND, cwd=HERE, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in meta["packages"]}
    nodes = {node["id"]: node for node in meta["resolve"]["nodes"]}
    waiting = [package["id"] for package in meta["packages"] if package["name"] == "cachescope"]
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for dep in nodes[name]["deps"]:
            # What builds or tests the program is not in it.
            if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                waiting.append(dep["pkg"])
    lines = []
    for package in (packages[name] for name in seen):
        if package["source"]:
            licence = package["license"] or "see its package"
            lines.append(f"{package['name']} {package['version']} · {licence}")
    (HERE / "crates.txt").write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    print(len(lines), "crates")


if __name__ == "__main__":
    main()
