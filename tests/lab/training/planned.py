"""A plan for a small labelled table."""

import numpy as np
import pandas as pd

from aetk.lab.data.looked import look_first
from aetk.lab.training.options import FRAME, Options
from aetk.lab.training.plan import make_plan

ROWS, ANOMALIES = 120, 20


def small_table():
    """120 rows with the features a and b and the label y; the first 20 are anomalies."""
    random = np.random.default_rng(2)
    rows = pd.DataFrame(random.normal(3, 2, size=(ROWS, 2)), columns=["a", "b"])
    return rows.assign(y=(np.arange(ROWS) < ANOMALIES).astype(int))


def make(folder, data=None, validation=None, saved=None, **changes):
    """A plan for `data`, the small table unless given, to be written into `folder`; `changes` are options."""
    other = {} if validation is None else {"validation": FRAME}
    options = Options(**{"data": FRAME, "label": "y", "device": "cpu"} | other | changes)
    table = small_table() if data is None else data
    looked = look_first(table, validation, options.wishes)
    return make_plan(options, looked, folder, saved, copies=1, on_stage=lambda _: None)
