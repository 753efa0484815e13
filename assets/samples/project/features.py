"""Features of the churn project."""

import numpy as np

from clock import dice, work

WORDS = "account active bank billing call cancel card churn contract data fee home late line month offer".split()
WORDS += "order paid phone plan price renew roaming service sign store support switch ticket transfer usage".split()


def read(path):
    work(0.2, 2)
    return np.arange(int(24 * 2 ** dice.uniform(0, 6)), dtype="f4")


def embed(path, model="base"):
    """One row of 48 numbers for each customer in the file."""
    rows = read(path)
    work(28, 74)
    waves = np.sin(rows[:, None] / 7 + np.linspace(0, 6, 48)) * np.cos(np.arange(48) / 9 + len(path))
    return np.round(waves * 3, 1).astype("f4")


def tokenize(text_id, lower=True):
    """Words of one support ticket."""
    work(0.3, 4.5)
    words = [dice.choice(WORDS) for _ in range(dice.randrange(60, 500))]
    return words if lower else [word.title() for word in words]


def graph(city, radius=2.5):
    """Who calls whom within `radius` km: edges, weights and the size."""
    work(9, 60)
    n = dice.randrange(80, 400)
    edges = np.array([[i, (i * 7 + 3) % n] for i in range(n)], dtype="i4")
    return {"city": city, "edges": edges, "weights": np.round(1 / (1 + edges[:, 0] % 9), 2), "nodes": n}


def batch_stats(*batches, **options):
    work(0.1, 0.6)
    return {"batches": list(batches), "mean": round(dice.random(), 4), "unit": options.get("unit", "EUR")}


def stream(path):
    """Returns a generator, which no cache can store."""
    work(3, 5)
    return (line for line in path)
