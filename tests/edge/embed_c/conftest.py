"""Models of every shape that aetk writes, and their C programs as libraries that Python calls."""

import ctypes
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aetk.edge.embed import embed_c
from aetk.edge.model import load

STRICT = shlex.split("-std=c99 -pedantic -Wall -Wextra -Wconversion -Wdouble-promotion -ffp-contract=off -Werror")
DECISION = np.dtype([("similarity", "f4"), ("is_anomaly", "?"), ("is_valid", "?")], align=True)
WIDE = 40

TRAININGS = {
    "default": {},
    "small": {"recipe": "small"},
    "reference": {"recipe": "reference", "threshold": "fixed:0.9"},
    "imputing": {"recipe": "small", "missing": "median"},
    "no anchor": {"settings": {"kappa": 0.0}},
    "no memory": {"settings": {"memory": 0}},
    "one column": {"data": 1},
    "wide": {"data": WIDE},
    "wide and imputing": {"data": WIDE, "missing": "median"},
    "wide reference": {"data": WIDE, "recipe": "reference", "threshold": "fixed:0.9"},
}


def run(command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)


def compiled(folder, *flags, sources=("detector.c",), out="detector.so"):
    """Compile a program of `embed c` without a warning."""
    done = run(["cc", *STRICT, *flags, *sources, "-o", out, "-lm"], cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / out


@dataclass(frozen=True)
class Program:
    """A compiled detector, called as C calls it."""

    library: Any
    n_features: int
    threshold: float
    explains: bool

    def one_by_one(self, rows, threshold=None):
        return self._answers(rows, threshold, self._each)

    def blocks(self, rows, threshold=None):
        return self._answers(rows, threshold, self._at_once)

    def _answers(self, rows, threshold, call):
        rows = np.ascontiguousarray(rows, np.float32)
        found = np.zeros(len(rows), DECISION)
        shares = np.full((len(rows), self.n_features), np.nan, np.float32) if self.explains else None
        call(rows, ctypes.c_float(self.threshold if threshold is None else threshold), found, shares)
        return found, shares

    def _each(self, rows, threshold, found, shares):
        for i in range(len(rows)):
            more = [] if shares is None else [_pointer(shares[i])]
            self.library.detector_decide(_pointer(rows[i]), threshold, _pointer(found[i:]), *more)

    def _at_once(self, rows, threshold, found, shares):
        more = [] if shares is None else [_pointer(shares)]
        count = ctypes.c_size_t(len(rows))
        self.library.detector_decide_rows(_pointer(rows), count, threshold, _pointer(found), *more)


def _pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


@pytest.fixture(scope="session")
def compiler():
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")


@pytest.fixture(scope="session")
def make_program(compiler, tmp_path_factory):
    """A function that writes, compiles and loads a model's C program."""

    def make(model, *flags, **options):
        folder = tmp_path_factory.mktemp("program") / "app"
        report = embed_c(model, folder, **options)
        library = ctypes.CDLL(str(compiled(folder, "-O2", "-shared", "-fPIC", *flags)))
        card = load(model).card
        return Program(library, len(card.features), card.threshold.value, report.explains)

    return make


@pytest.fixture(scope="session")
def shapes(once):
    """The paths of exported models by name, each also with contributions, as `NAME explained`."""
    from aetk.lab.export.publish import export
    from aetk.lab.training.trainer import train

    def make(folder: Path):
        found = {}
        for name, options in TRAININGS.items():
            data, settings = options.get("data"), {key: value for key, value in options.items() if key != "data"}
            table = None if data is None else _table(data)
            known = {"epochs": 3, "device": "cpu", "progress": False}
            trained = train(table, out=folder / f"{name} run", **known, **settings).run
            found[name] = export(trained, out=folder / f"{name}.onnx").model
            found[f"{name} explained"] = export(
                trained, out=folder / f"{name} explained.onnx", explain=True, opset=23
            ).model
        return found

    return once("c-shapes", make)


def _table(columns):
    random = np.random.default_rng(3)
    mixed = random.normal(size=(600, 5)) @ random.normal(size=(5, columns)) + 0.1 * random.normal(size=(600, columns))
    return pd.DataFrame(mixed, columns=[f"c{i}" for i in range(columns)])
