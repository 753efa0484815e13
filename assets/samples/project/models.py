"""Models of the churn project."""

import numpy as np

from clock import dice, work


class Forest:
    """A fitted model, as plain as can be."""

    def __init__(self, depth, rate):
        self.depth = depth
        self.rate = rate
        self.features_ = ["usage", "contract", "tickets", "price"]

    def fit(self, n_trees):
        self.thresholds_ = np.round(np.cumsum(np.full(n_trees * 2**self.depth, self.rate)), 3)
        self.score_ = round(0.78 + dice.random() / 8, 4)
        return self


def fit_fold(fold, depth=4, rate=0.1):
    """Fits one of five folds."""
    work(45, 420)
    return Forest(depth, rate).fit(n_trees=20 + fold)


def score(fold, metric="auc"):
    work(4, 9)
    return round(0.7 + dice.random() / 4, 4)


def export(name):
    """Killed while it was being stored."""
    work(70, 80)
    return [bytes(9000), Killed()]


class Killed:
    def __reduce__(self):
        import os

        os._exit(9)
