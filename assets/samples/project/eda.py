"""First looks at the tables of the churn project."""

import numpy as np
import pandas as pd

from clock import dice, work


def profile(table, sample=1000):
    """A line for each column: type, missing values, range."""
    work(5, 22)
    columns = ["id", "age", "plan", "usage_gb", "since", "tickets", "churned", "price", "region", "score"]
    columns = columns[: dice.randrange(5, 11)]
    return pd.DataFrame(
        {
            "column": columns,
            "missing": [dice.randrange(0, sample) for _ in columns],
            "share": np.round(np.linspace(0, 1, len(columns)), 3),
            "type": pd.Categorical([("number", "text", "date")[len(name) % 3] for name in columns]),
            "seen": pd.date_range("2026-01-01", periods=len(columns)),
        }
    )


def daily(metric, days=365):
    """A year of one metric, with gaps."""
    work(1, 6)
    usage = np.round(20 + 5 * np.sin(np.arange(days) / 30), 1)
    usage[:: dice.randrange(9, 30)] = np.nan
    return usage
