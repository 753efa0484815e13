"""The time of the sample project: what would take minutes moves this clock instead of waiting."""

import random
import time

now = time.time()
dice = random.Random(20)


def work(least, most):
    """Takes between `least` and `most` seconds, as the libraries' own clocks see it."""
    global now
    now += dice.uniform(least, most)


time.time = lambda: now
