"""A table with categories, and trainings on it that read no file."""

from dataclasses import replace

import numpy as np

from aetk.contract.reading import Encoding
from aetk.lab.data.dataset import Dataset
from aetk.lab.data.looked import Looked
from aetk.lab.look.report import Wishes
from aetk.lab.training import plan, trainer
from aetk.lab.training.trainer import train

LEVELS = {"kind": ("tcp", "udp", "icmp"), "code": ("a", "b", "c", "d")}
NAMES = ("load", "kind", "heat", "code")


def encodings(names=NAMES, levels=LEVELS):
    """Plain numbers, but for the features that have levels."""
    return tuple(Encoding(name, levels=levels.get(name, ())) for name in names)


def table(rows=240, anomalies=30, seed=0):
    """float64 [rows, 4] and labels: `code` follows from `kind`, and anomalies combine them in ways of their own.

    Every level occurs, the last index of both categories too.
    """
    random = np.random.default_rng(seed)
    kind = random.integers(0, 4, rows).astype(float)
    code = (kind + random.integers(0, 2, rows)) % 5
    load = random.normal(3, 2, rows)
    labels = np.arange(rows) >= rows - anomalies
    code[labels] = (kind[labels] + 3) % 5
    return np.column_stack([load, kind, 2 * load + kind + random.normal(0, 0.3, rows), code]), labels


def dataset(rows=None, labels=None, names=NAMES, levels=LEVELS, **changes):
    """The data set of rows, those of `table` unless given."""
    if rows is None:
        rows, labels = table()
    found = Dataset("t", "t.csv", tuple(names), rows, labels, None, None, (), encodings(names, levels))
    return replace(found, **changes)


def fit(monkeypatch, data, out, **options):
    """Train on a data set in memory; the report."""
    monkeypatch.setattr(trainer, "look_first", lambda *_: Looked(None, None, Wishes(), (), None))
    monkeypatch.setattr(plan, "load_looked", lambda *_: data)
    return train("t.csv", out=out, device="cpu", **options)
