"""The command line run in this process, in a folder of its own, and a small real table to run it on."""

import json
from dataclasses import dataclass

import pandas as pd
import pytest

from aetk.cli.main import run

FEATURES = ["radius", "texture", "perimeter", "smoothness"]
LABEL = "malignant"
QUICK = ("--epochs", 2, "--device", "cpu")


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, and what it wrote to the two streams."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """Standard output as the one JSON document that it has to be."""

        def refuse(name):
            raise AssertionError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def aetk(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def refused(aetk, tmp_path):
    """Runs a command that must fail with one message, nothing on standard output, and no file changed or made."""

    def files():
        return {p: p.read_bytes() if p.is_file() else None for p in sorted(tmp_path.rglob("*"))}

    def call(*arguments, code=2):
        before = files()
        result = aetk(*arguments)
        assert result.code == code, result
        assert result.out == ""
        assert "Traceback" not in result.err
        assert result.err.count("aetk: ") + result.err.count("Error: ") == 1
        assert files() == before
        return result.err

    return call


@pytest.fixture(scope="session")
def frame(breast_cancer):
    """200 rows of the breast-cancer table with four of its columns and the label."""
    columns = [list(breast_cancer.feature_names).index(f"mean {name}") for name in FEATURES]
    table = pd.DataFrame(breast_cancer.data[:200, columns], columns=FEATURES)
    return table.assign(malignant=(breast_cancer.target[:200] == 0).astype(int))


@pytest.fixture
def table(frame, tmp_path):
    """That table as a file."""
    path = tmp_path / "cells.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def whole_table(breast_cancer, tmp_path):
    """All columns of the breast-cancer table, those of the session's model, with the label."""
    names = [str(name).replace(" ", "_") for name in breast_cancer.feature_names]
    path = tmp_path / "whole.csv"
    pd.DataFrame(breast_cancer.data, columns=names).assign(malignant=1 - breast_cancer.target).to_csv(path, index=False)
    return path
