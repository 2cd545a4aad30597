"""No public call ends in anything but an answer or an `AetkError`, whatever it is given."""

import io
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import aetk
from aetk.base.errors import AetkError
from aetk.contract.threshold import Method
from aetk.edge.bench import bench
from aetk.edge.embed import embed
from aetk.edge.inspection import inspect
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.scoring.table_file import score_file
from aetk.edge.threshold import calibrate_threshold, set_threshold, undo_threshold
from aetk.lab.evaluation import evaluate


class Unfriendly:
    """An object that cannot even be shown or measured."""

    def __repr__(self):
        raise RuntimeError("no")

    def __len__(self):
        raise RuntimeError("no")

    def __array__(self, *_, **__):
        raise RuntimeError("no")

    def __iter__(self):
        raise RuntimeError("no")


OBJECTS = [
    object(),
    Unfriendly(),
    int,
    len,
    {1: 2},
    {1},
    b"\xff",
    1j,
    np.timedelta64(1, "s"),
    np.datetime64("2024-01-01"),
]
NAMES = ["", "\0", "a\0b", "\ud800", "x" * 5000, "/dev/null/x"]
NUMBERS = ["1", 1.5, 2.0, float("nan"), float("inf"), -1, 0, 10**30, None, True, Decimal(1), [1], np.array([1, 2])]
LISTS = [5, None, [5], [None], {"a": 1}, b"cpu", [b"cpu"], "", [""], ["\0"], [["cpu"]], Unfriendly()]
ROWS = [
    None, 5, "text", b"bytes", [], {}, [[]], [{}], [None], [[None]], object(), Unfriendly(), lambda: 0, [[1, 2], [3]],
    [{"a": 1}, [1]], np.zeros((2, 2, 2)), np.zeros((3, 30), "m8[s]"), np.zeros((3, 30), "M8[s]"),
    np.zeros((3, 30), complex), np.full((3, 30), "1"), np.zeros(3, [("a", "f4")]), np.zeros((2, 3), [("a", "f4")]),
    pd.DataFrame(),
    pd.Series(dtype=float), pd.DataFrame({"a": ["x"]}), pd.DataFrame([[1, 2]], columns=["a", "a"]),
    (row for row in [[1.0]]), {1, 2}, range(30), pd.Timestamp(0), [pd.NaT] * 30,
    [[Unfriendly()] * 30], {"a": 1, "b": [1]},
    float("nan"),
    io.BytesIO(b"x"), memoryview(b"ab"),
    [pd.DataFrame({"a": [1]})], type("Columns", (), {"columns": 5, "iloc": 5})(), np.ma.masked, np.void(b"abc"),
]  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"]).assign(kind="text", label=0)


def cases():
    """(call, parameter, value): what every public call must survive."""
    table = {
        "train": {
            "data": [*ROWS, *NAMES],
            "validation": [*OBJECTS, *NAMES, 5],
            "label": [*OBJECTS, *NAMES, 5],
            "drop": LISTS,
            "recipe": [*OBJECTS, *NAMES, 5, ["small"]],
            "settings": [5, "steps=1", [], {1: 2}, {"steps": "many"}, {"steps": None}, {"networks": 5}, {"x": 1}],
            "device": [*OBJECTS, *NAMES, 5, "tpu"],
            "epochs": NUMBERS[:7],
            "seed": [*NUMBERS[:6], 10**30],
            "missing": [*OBJECTS, "mean", 5],
            "threshold": [*OBJECTS, *NAMES, 0.9, "fixed:", "fixed:x", "conformal:2", "best-f1"],
            "stream": ["yes", 5, []],
            "resume": ["yes", None, 5, []],
            "out": [*OBJECTS, *NAMES, 5],
            "progress": ["yes", 5],
            "extras": [5, "x", None],
            "unknown": [1],
        },
        "export": {
            "run": [*OBJECTS, *NAMES, 5],
            "out": [*OBJECTS, *NAMES, 5, "model.txt"],
            "opset": [*NUMBERS, 16, 99],
            "explain": ["yes", None, 5],
            "sign_key": [*OBJECTS, *NAMES, 5],
        },
        "verify": {
            "model": [*OBJECTS, *NAMES, 5, None, [], io.BytesIO(b"x"), io.StringIO("x")],
            "providers": [*LISTS, "gpu"],
        },
        "inspect": {"model": [*OBJECTS, *NAMES, 5, None, io.BytesIO(b"\0" * 20)]},
        "Scorer": {
            "model": [*OBJECTS, *NAMES, 5, None, b"\0", b"x" * 5000, io.BytesIO(), io.StringIO("x"), bytearray(b"\0")],
            "providers": [*LISTS, "gpu"],
            "threads": [*NUMBERS[:7], "2"],
            "threshold": ["0.9", float("nan"), float("inf"), -1, 2, 10**400, 1j, [0.9], np.array([0.9]), True],
        },
        "score": {"rows": ROWS},
        "BatchScorer": {
            "path": [*OBJECTS, *NAMES, 5, None],
            "contribution": ["yes", 5, True],
            "providers": LISTS,
            "threads": NUMBERS[:4],
            "threshold": ["0.9", float("nan"), 2],
            "trusted_key": [*OBJECTS, *NAMES, 5],
        },
        "batch": {"batch": ROWS},
        "score_file": {
            "data": [*OBJECTS, *NAMES, 5, None],
            "out": [*OBJECTS, *NAMES, 5],
            "table_format": [*OBJECTS, *NAMES, 5, ["csv"]],
            "id_column": [*OBJECTS, *NAMES, 5],
            "threads": NUMBERS[:4],
            "threshold": ["0.9", float("nan"), 2],
            "progress": [5, None, "x"],
        },
        "evaluate": {
            "models": [*LISTS, *OBJECTS],
            "data": [*OBJECTS, *NAMES, 5],
            "label": [*OBJECTS, *NAMES, 5],
            "prevalence": ["0.1", float("nan"), -1, 2, 1j],
        },
        "set_threshold": {
            "model": [*OBJECTS, *NAMES, 5, None],
            "value": ["0.9", float("nan"), float("inf"), -1, 2, 10**400, 1j, None, True],
            "sign_key": [*OBJECTS, *NAMES, 5],
            "out": [*OBJECTS, *NAMES, 5, "model.txt"],
            "dry_run": ["yes", None, 5],
        },
        "threshold": {
            "value": ["0.9", float("nan"), -1, 2, True, None],
            "false_alarms": [0.1, "0.1"],
            "best_f1": ["yes", 5, True],
            "undo": ["yes", None, True],
            "data": [*OBJECTS, *NAMES, 5],
            "label": [*OBJECTS, *NAMES, 5],
        },
        "calibrate_threshold": {
            "method": [*OBJECTS, "best-f1", 5, None],
            "data": [*OBJECTS, *NAMES, 5, None],
            "label": [*OBJECTS, *NAMES, 5],
        },
        "undo_threshold": {"model": [*OBJECTS, *NAMES, 5, None], "dry_run": ["yes", None]},
        "embed": {"host": [*OBJECTS, *NAMES, 5, "java"], "model": [*OBJECTS, *NAMES, 5], "out": [*OBJECTS, *NAMES, 5]},
        "bench": {
            "model": [*OBJECTS, *NAMES, 5],
            "providers": LISTS,
            "batches": [*LISTS, [0], ["1"], [1.5], 10**30],
            "threads": [5, "2", ["2"], [0], [1.5]],
            "spinning": [True, "on", ["on"]],
            "seconds": ["1", float("nan"), float("inf"), -1, 0, 1j],
            "require": LISTS[:5],
            "against": [*OBJECTS, *NAMES, 5],
            "fail_above": ["1.2", float("nan"), -1],
            "progress": [5, None],
        },
    }  # fmt: skip
    return [(call, name, value) for call, odd in table.items() for name, values in odd.items() for value in values]


@pytest.fixture(scope="module")
def calls(model, breast_cancer_run, frame, tmp_path_factory):
    """The public calls, by name; each takes the odd argument by keyword and sensible ones besides."""
    scorer, batches = aetk.Scorer(model), BatchScorer(model)
    folder = tmp_path_factory.mktemp("odd")
    table = folder / "table.csv"
    pd.DataFrame(np.zeros((3, 30)), columns=scorer.feature_names).assign(label=[0, 1, 0]).to_csv(table, index=False)
    base = {
        "train": (aetk.train, {"data": frame, "label": "label", "drop": ["kind"], "recipe": "small",
                               "settings": {"steps": 1}, "device": "cpu", "out": folder / "run", "progress": False}),
        "export": (aetk.export, {"run": breast_cancer_run.run, "out": folder / "model.onnx"}),
        "verify": (aetk.verify, {"model": model}),
        "inspect": (inspect, {"model": model}),
        "Scorer": (aetk.Scorer, {"model": model}),
        "score": (scorer.score, {}),
        "BatchScorer": (BatchScorer, {"path": model}),
        "batch": (batches, {}),
        "score_file": (score_file, {"model": model, "data": table, "out": folder / "scores.csv"}),
        "evaluate": (evaluate, {"models": [model], "data": table, "label": "label"}),
        "set_threshold": (set_threshold, {"model": model, "value": 0.5, "dry_run": True}),
        "threshold": (aetk.threshold, {"model": model, "value": 0.5, "dry_run": True}),
        "calibrate_threshold": (calibrate_threshold, {"model": model, "method": Method("best-f1"), "data": table,
                                                      "label": "label", "dry_run": True}),
        "undo_threshold": (undo_threshold, {"model": model, "dry_run": True}),
        "embed": (embed, {"host": "python", "model": model, "out": folder / "app"}),
        "bench": (bench, {"model": model, "batches": [1], "seconds": 0.1, "providers": ["cpu"]}),
    }  # fmt: skip
    return lambda call, name, value: base[call][0](**{**base[call][1], name: value})


@pytest.mark.filterwarnings("ignore")
def test_an_odd_argument_is_answered_or_refused_in_words(calls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong, refused = [], 0
    for call, name, value in cases():
        try:
            calls(call, name, value)
        except AetkError as error:
            refused += 1
            if not error.message or error.exit_code not in (1, 2, 3):
                wrong.append(f"{call}({name}={value!r}): {error!r}")
        except Exception as error:  # noqa: BLE001 - what must not come
            shown = value if not isinstance(value, Unfriendly) else "Unfriendly"
            wrong.append(f"{call}({name}={str(shown)[:60]!r}): {type(error).__name__}: {str(error)[:100]}")
    assert not wrong, "\n".join(wrong)
    assert refused > 400
