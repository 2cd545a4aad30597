"""Every host scores a table as aetk does, row by row, and explains it by the contract's arithmetic."""

import csv
import os
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
from lab.float64 import contract
from patience import PATIENCE, wait_until

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.scoring.table_file import score_file
from aetk.lab.runs import read_run

from .conftest import ENVIRONMENT

MODELS = ["default", "small", "reference", "explained", "median"]
VERDICTS = ["similarity", "is_anomaly", "is_valid"]


@pytest.fixture(scope="module")
def broken(creditcard, tmp_path_factory):
    """A card-fraud table in which cells are missing or infinite, written in every way that the dialect knows."""
    table = pd.read_csv(creditcard / "test.csv", dtype=str).head(40)
    cells = ["", "NA", "nan", "null", "inf", "-Infinity", "1e39", "-3.5e38", "1e400", "3.3e38"]
    for i, cell in enumerate(cells):
        table.loc[2 * i, f"V{i + 1}"] = cell
    path = tmp_path_factory.mktemp("broken") / "broken.csv"
    table.to_csv(path, index=False)
    return path


def scored(app, model, data, folder, *options):
    out = folder / f"{app.host}.csv"
    done = app.run("score", data, "--model", model, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def agree(found, expected, card):
    """Hold two scored tables against each other; returns how many rows were near ties."""
    assert list(found.columns) == list(expected.columns)
    tie = (expected["similarity"] - card.threshold.value).abs() <= card.similarity.tolerance
    tie &= expected["is_valid"] == 1
    assert (found["is_valid"] == expected["is_valid"]).all()
    assert (found["is_anomaly"] == expected["is_anomaly"])[~tie].all()
    np.testing.assert_allclose(found["similarity"], expected["similarity"], rtol=0, atol=spec.TOLERANCE)
    shares = [name for name in expected if name.startswith("contribution:")]
    np.testing.assert_allclose(found[shares], expected[shares], rtol=0, atol=spec.TOLERANCE)
    return int(tie.sum())


@pytest.mark.parametrize("name", MODELS)
def test_card_fraud_is_scored_as_by_aetk(app, models, creditcard, tmp_path, name):
    score_file(models[name], creditcard / "test.csv", out=tmp_path / "aetk.csv", id_column="ID")
    out, printed = scored(app, models[name], creditcard / "test.csv", tmp_path, "--id", "ID")
    found, expected = pd.read_csv(out), pd.read_csv(tmp_path / "aetk.csv")
    assert len(found) == 1922
    assert (found["ID"] == expected["ID"]).all()
    assert agree(found, expected, load(models[name]).card) < 20
    assert printed.startswith(f"1922 rows: {found['is_anomaly'].sum()} flagged at threshold ")
    assert printed.endswith(f"wrote: {out}\n")


@pytest.mark.parametrize("name", MODELS)
def test_missing_and_infinite_cells_get_the_same_verdict(app, models, broken, tmp_path, name):
    score_file(models[name], broken, out=tmp_path / "aetk.csv")
    found = pd.read_csv(scored(app, models[name], broken, tmp_path)[0])
    expected = pd.read_csv(tmp_path / "aetk.csv")
    agree(found, expected, load(models[name]).card)
    assert found["row"].tolist() == list(range(1, 41))
    if name != "median":
        judged = np.full(40, True)
        judged[0:18:2] = False
        assert (found["is_valid"] == judged).all()
        assert (found.loc[~judged, VERDICTS] == [-1, 1, 0]).all(axis=None)
    else:
        assert (found["is_valid"] == 1).all()


@pytest.mark.parametrize(("name", "run"), [("explained", "default"), ("median", "median")])
def test_contributions_are_the_contracts_and_sum_to_what_is_missing_of_one(
    app, models, trained, broken, tmp_path, name, run
):
    found = pd.read_csv(scored(app, models[name], broken, tmp_path)[0])
    names = load(models[name]).card.feature_names
    rows = pd.read_csv(broken, na_values=["NA", "nan", "null"])[list(names)].to_numpy(np.float64)
    with np.errstate(over="ignore"):
        similarity, _, is_valid, share = contract(read_run(trained[run]).detector, rows.astype(np.float32))
    shares = found[[f"contribution:{name}" for name in names]].to_numpy()
    np.testing.assert_allclose(shares, share, rtol=0, atol=spec.TOLERANCE)
    np.testing.assert_allclose(
        shares.sum(axis=1), np.where(is_valid, 1 - similarity, 0), rtol=0, atol=10 * spec.TOLERANCE
    )
    np.testing.assert_allclose(found["similarity"], similarity, rtol=0, atol=spec.TOLERANCE)


def test_a_carried_column_is_quoted_where_it_must_be(app, models, creditcard, tmp_path):
    table = pd.read_csv(creditcard / "test.csv", dtype=str).head(5)
    table["ID"] = ["007", 'a "quoted" one, with commas', "two\nlines", "1=1+1", "ünï 値"]
    table.to_csv(tmp_path / "in.csv", index=False)
    out, _ = scored(app, models["default"], tmp_path / "in.csv", tmp_path, "--id", "ID")
    assert pd.read_csv(out, dtype=str)["ID"].tolist() == table["ID"].tolist()


CARRIED = {
    "=1+1": "'=1+1",
    '=HYPERLINK("http://evil.example";"x")': '"\'=HYPERLINK(""http://evil.example"";""x"")"',
    "=A1,B1": '"\'=A1,B1"',
    "+a": "'+a",
    "-": "'-",
    "--1": "'--1",
    "-1 ": "'-1 ",
    "-inf": "'-inf",
    "+1\n": '"\'+1\n"',
    "@SUM(1)": "'@SUM(1)",
    "\t=1": "'\t=1",
    "\r=1": '"\'\r=1"',
    "\n=1": '"\'\n=1"',
    "＝1": "'＝1",
    "＋1": "'＋1",
    "－1": "'－1",
    "＠a": "'＠a",
    "-1": "-1",
    "+1.5e-3": "+1.5e-3",
    "-.5": "-.5",
    "1+1": "1+1",
    " =1": " =1",
    "'=1": "'=1",
    "": "",
}
"""Cells of the column that is carried along, and how they are written: no formula for a spreadsheet."""


@pytest.fixture(scope="module")
def formulas(creditcard, tmp_path_factory):
    """A table whose rows lack a value, so that the verdicts on them are known to the last digit."""
    row = pd.read_csv(creditcard / "test.csv", dtype=str).head(1).drop(columns="ID").assign(V1="")
    table = pd.concat([row] * len(CARRIED), ignore_index=True)
    table.insert(0, "=ID", list(CARRIED))
    path = tmp_path_factory.mktemp("formulas") / "formulas.csv"
    table.to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    return path


def check_formulas(out):
    rows = "".join(f"{cell},-1,1,0\n" for cell in CARRIED.values())
    found = out.read_bytes().decode().replace(",-1.0,", ",-1,")  # some hosts write a whole number so
    assert found == "'=ID,similarity,is_anomaly,is_valid\n" + rows


def test_no_formula_is_written(app, models, formulas, tmp_path):
    check_formulas(scored(app, models["default"], formulas, tmp_path, "--id", "=ID")[0])


def test_aetk_writes_no_formula_either(models, formulas, tmp_path):
    score_file(models["default"], formulas, out=tmp_path / "aetk.csv", id_column="=ID")
    check_formulas(tmp_path / "aetk.csv")


def test_an_output_that_may_not_grow_is_told_by_its_name_and_removed(app, models, creditcard, tmp_path):
    command = app.command("score", creditcard / "test.csv", "--model", models["default"], "--out", tmp_path / "out.csv")
    limited = ["prlimit", "--fsize=8192", "--", *command]
    done = subprocess.run(limited, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"detector: Cannot use {tmp_path / 'out.csv'}: File too large.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_long_table_is_scored_in_order(app, models, creditcard, tmp_path):
    table = pd.concat([pd.read_csv(creditcard / "test.csv")] * 6, ignore_index=True)
    table["ID"] = range(len(table))
    table.to_csv(tmp_path / "long.csv", index=False)
    score_file(models["default"], tmp_path / "long.csv", out=tmp_path / "aetk.csv", id_column="ID")
    found = pd.read_csv(scored(app, models["default"], tmp_path / "long.csv", tmp_path, "--id", "ID")[0])
    agree(found, pd.read_csv(tmp_path / "aetk.csv"), load(models["default"]).card)
    assert (found["ID"] == table["ID"]).all()


@pytest.mark.parametrize("seconds", [0, 2], ids=["at once", "when it waits for the pipe"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace_of_the_output(app, models, creditcard, tmp_path, number, seconds):
    os.mkfifo(tmp_path / "endless.csv")
    running = subprocess.Popen(
        app.command("score", tmp_path / "endless.csv", "--model", models["default"], "--out", tmp_path / "out.csv"),
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with (tmp_path / "endless.csv").open("w") as table:
        table.write((creditcard / "test.csv").read_text())
        table.flush()
        wait_until(lambda: running.poll() is not None or len(list(tmp_path.iterdir())) > 1)
        assert len(list(tmp_path.iterdir())) == 2  # the pipe, and the output under its temporary name
        time.sleep(seconds)
        running.send_signal(number)
        _, told = running.communicate(timeout=PATIENCE)
    assert running.returncode == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["endless.csv"]
    assert "Traceback" not in told
