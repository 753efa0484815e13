"""Programs timed against each other in one interleaved run, so that whatever else the machine does falls on each alike.

A ratio is the median of those within a round.
"""
import os
import statistics
import subprocess
import time


def run(command):
    """Wall time in seconds, CPU time in seconds, peak memory in MiB of one run; its output is thrown away."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = status
    if status:
        raise SystemExit("%s ended with status %d" % (command, status))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(commands, goals, n_rounds):
    """Runs `commands` (name -> arguments) in turn and prints medians; `goals` maps (ours, theirs) to a ratio of wall times."""
    for command in commands.values():
        run(command)
    rounds = [{name: run(command) for name, command in commands.items()} for _ in range(n_rounds)]
    print("%-22s %8s %8s %9s" % ("median of %d rounds" % n_rounds, "wall s", "cpu s", "peak MiB"))
    for name in commands:
        print("%-22s %8.3f %8.3f %9.1f" % (name, *(statistics.median(r[name][i] for r in rounds) for i in range(3))))
    for (ours, theirs), goal in goals.items():
        wall, cpu = (statistics.median(r[ours][i] / r[theirs][i] for r in rounds) for i in range(2))
        print("%s / %s: %.2f of its wall time (goal %.2f), %.2f of its CPU time" % (ours, theirs, wall, goal, cpu))
