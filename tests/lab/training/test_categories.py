"""Training on categories: quality, the record of the run, resuming, and streamed rows."""

import json
import signal

import numpy as np
import pandas as pd
import pytest
import torch

from aetk.base.errors import BadInput, Interrupted
from aetk.contract.reading import Encoding, Labels, TableFormat
from aetk.contract.threshold import Method
from aetk.lab import runs
from aetk.lab.data.moments import Moments
from aetk.lab.data.preprocessing import fit_expanded
from aetk.lab.data.redundancy import find_redundancy
from aetk.lab.data.shards import Columns
from aetk.lab.data.split import split
from aetk.lab.data.trim import trim
from aetk.lab.data.warnings import column_warnings
from aetk.lab.presets import find_recipe
from aetk.lab.runs import read_run
from aetk.lab.training import fitting, streamed_plan
from aetk.lab.training.trainer import train
from lab.categories import LEVELS, NAMES, dataset, encodings, fit, table

from .fitting import bar_maker, one_thread

SEMICOLONS = TableFormat(delimiter=";", labels=Labels("class", anomaly=("bad",)))


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def one_hot_columns(data):
    """The same rows with pandas' columns of 0 and 1 in place of the categories, the other level's last."""
    frame = pd.DataFrame(data.rows, columns=data.features)
    levels = [name for name, encoding in zip(data.features, data.encodings, strict=True) if encoding.levels]
    wide = pd.get_dummies(frame, columns=levels, dtype=float)
    last = [f"{name}_{float(len(LEVELS[name]))}" for name in levels]
    wide = wide[[name for name in wide if name not in last] + last]
    return dataset(wide.to_numpy(np.float64), data.labels, wide.columns, {})


@pytest.mark.parametrize("recipe", ["default", "small", "reference"])
@pytest.mark.parametrize("trimmed", [0.0, 0.1])
def test_the_quality_is_that_of_one_hot_columns_in_the_same_recipe(monkeypatch, tmp_path, recipe, trimmed):
    data, options = dataset(), {"recipe": recipe, "epochs": 20, "settings": {"trim": trimmed}}
    found = fit(monkeypatch, data, tmp_path / "found", **options)
    expected = fit(monkeypatch, one_hot_columns(data), tmp_path / "expected", **options)
    assert found.metrics.auroc == pytest.approx(expected.metrics.auroc, abs=1e-6)
    assert found.metrics.auroc > 0.6
    np.testing.assert_allclose(found.calibration_similarity, expected.calibration_similarity, atol=1e-5)


def test_categories_find_what_numbers_alone_do_not(monkeypatch, tmp_path):
    data = dataset()
    numbers = dataset(data.rows[:, [0, 2]], data.labels, ["load", "heat"], {})
    with_categories = fit(monkeypatch, data, tmp_path / "with", recipe="small").metrics.auroc
    without = fit(monkeypatch, numbers, tmp_path / "without", recipe="small").metrics.auroc
    assert with_categories > without + 0.2


def test_levels_that_no_training_row_has_change_little(monkeypatch, tmp_path):
    """Their copies are constant, and must not take the weight of the others."""
    rows, labels = table()
    rows[:, [1, 3]] = np.minimum(rows[:, [1, 3]], 2)
    more = {name: tuple(f"{name}{i}" for i in range(30)) for name in LEVELS}
    few = fit(monkeypatch, dataset(rows, labels), tmp_path / "few")
    many = fit(monkeypatch, dataset(rows, labels, levels=more), tmp_path / "many")
    assert abs(few.metrics.auroc - many.metrics.auroc) < 0.05
    low, typical = (np.median(report.calibration_similarity[~report.calibration_labels]) for report in (many, few))
    assert 1 - low > 0.1 * (1 - typical)  # the anchor keeps its size against a row
    detector = read_run(many.run).detector
    with torch.no_grad():
        found = detector(torch.tensor([[3.0, 0, 6, 0], [3.0, 29, 6, 0], [3.0, 99, 6, 0]]))[0]
    assert found.isfinite().all()
    assert found[0] > max(found[1], found[2])  # a level that no row had is less ordinary


def test_the_run_keeps_encodings_and_table_and_is_read_back(monkeypatch, tmp_path):
    run = fit(monkeypatch, dataset(table=SEMICOLONS), tmp_path / "run", recipe="small", epochs=2).run
    record = json.loads((run / runs.RECORD).read_text())
    assert record["table"] == SEMICOLONS.to_data()
    assert record["features"][1]["levels"] == list(LEVELS["kind"])
    assert record["features"][1]["missing"] == "level"
    assert "levels" not in record["features"][0]
    found = read_run(run)
    assert found.record.encodings == encodings()
    assert found.record.table_format == SEMICOLONS
    assert found.detector.expansion.levels == (0, 3, 0, 4)
    assert found.detector.fill.tolist()[1::2] == [3.0, 4.0]


def test_a_run_whose_levels_were_changed_is_refused(monkeypatch, tmp_path):
    run = fit(monkeypatch, dataset(), tmp_path / "run", recipe="small", epochs=2).run
    record = json.loads((run / runs.RECORD).read_text())
    for levels, words in ((["tcp"], "tensor"), (["tcp", "tcp", "udp"], "kind")):
        record["features"][1]["levels"] = levels
        (run / runs.RECORD).write_text(json.dumps(record))
        with pytest.raises(BadInput, match=words):
            read_run(run)
    record["features"][1]["levels"] = list(LEVELS["kind"])
    (run / runs.RECORD).write_text(json.dumps({**record, "table": {"delimiter": "~"}}))
    with pytest.raises(BadInput, match="table format"):
        read_run(run)


def test_a_run_without_categories_is_written_as_before(monkeypatch, tmp_path):
    rows, labels = table()
    plain = dataset(rows, labels, levels={})
    run = fit(monkeypatch, plain, tmp_path / "run", recipe="small", epochs=2).run
    record = json.loads((run / runs.RECORD).read_text())
    assert "table" not in record
    assert all(set(feature) == {"name", "quantiles", "missing", "fill"} for feature in record["features"])


def test_the_fingerprint_tells_levels_and_formats_apart_and_leaves_plain_tables_as_they_are():
    rows, labels = table()
    plain = dataset(rows, labels, levels={})
    assert plain.fingerprint == dataset(rows, labels, levels={}, encodings=()).fingerprint
    renamed = dataset(rows, labels, levels={**LEVELS, "kind": ("tcp", "udp", "icmp6")})
    found = {d.fingerprint for d in (plain, dataset(), renamed, dataset(table=SEMICOLONS))}
    assert len(found) == 4


def test_an_interrupted_training_goes_on_bit_for_bit(monkeypatch, tmp_path):
    data, options = dataset(), {"recipe": "small", "epochs": 6}
    expected = fit(monkeypatch, data, tmp_path / "whole", **options).run
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "progress_bar", lambda progress: bar_maker(3, signal.SIGINT))
        with pytest.raises(Interrupted):
            fit(patch, data, tmp_path / "run", **options)
    with pytest.raises(BadInput, match="not what the interrupted run"):
        fit(monkeypatch, dataset(table=SEMICOLONS), tmp_path / "run", resume=True)
    found = fit(monkeypatch, data, tmp_path / "run", resume=True).run
    assert (found / runs.WEIGHTS).read_bytes() == (expected / runs.WEIGHTS).read_bytes()


def test_streamed_rows_give_the_same_quality(monkeypatch, tmp_path):
    rows, labels = table(3000, 300)
    path = tmp_path / "t.parquet"
    pd.DataFrame(rows, columns=NAMES).assign(y=labels.astype(float)).to_parquet(path, row_group_size=500)
    monkeypatch.setattr(
        streamed_plan, "_columns", lambda *_: Columns(NAMES, "y", encodings(), TableFormat(delimiter=";"))
    )
    streamed = train(path, label="y", stream=True, recipe="small", out=tmp_path / "streamed", device="cpu")
    held = fit(monkeypatch, dataset(rows, labels), tmp_path / "held", recipe="small")
    assert streamed.metrics.auroc == pytest.approx(held.metrics.auroc, abs=0.03)
    found, expected = read_run(streamed.run), read_run(held.run)
    assert found.record.encodings == encodings()
    assert found.record.table_format == TableFormat(delimiter=";")
    np.testing.assert_allclose(found.detector.center[2:], expected.detector.center[2:], atol=0.03)
    assert found.detector.width == 11


def test_the_moments_of_streamed_copies_scale_them_as_rows_in_memory_do():
    data = dataset()
    expansion, rows = data.expansion, data.rows
    moments = Moments.of(expansion.with_copies(rows[:100])) + Moments.of(expansion.with_copies(rows[100:]))
    for scaling in ("standard", "robust", "min-max", "none"):
        recipe = find_recipe("default", {"scaling": scaling})
        streamed = fit_expanded(rows, expansion, recipe, moments.columns(expansion.in_copies))
        for found, expected in zip(streamed, fit_expanded(rows, expansion, recipe), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_trim_looks_at_the_copies_and_not_at_the_order_of_the_indices():
    data = dataset()
    swapped = data.rows.copy()
    swapped[:, 1] = np.array([2, 0, 1, 3])[swapped[:, 1].astype(int)]
    kept, other = (trim(rows, 0.1, 0, data.expansion) for rows in (data.rows, swapped))
    expanded = trim(data.expansion.expand(data.rows), 0.1, 0)
    assert (data.expansion.expand(kept) == expanded).all()
    assert len(other) == len(kept)
    parts = split(data, find_recipe("small", {"trim": 0.1}), Method("best-f1"), 0)
    assert parts.trimmed > 0


def test_warnings_about_categories_speak_of_levels_and_never_of_row_numbers():
    rows = np.column_stack([np.arange(20), np.arange(20), np.zeros(20), np.full(20, 2), np.arange(20), np.arange(20)])
    names = ("n", "k", "one", "none", "copy", "m")
    many = tuple(f"v{i}" for i in range(20))
    levels = {"k": many, "one": ("tcp", "udp"), "none": ("tcp", "udp"), "copy": many}
    found = column_warnings(names, rows, find_redundancy(rows), encodings(names, levels))
    text = "\n".join(found)
    assert "'one' ('tcp'), 'none' (no level of its own)" in text
    assert "2 columns go up by one" in text
    assert "'n' and 'm'" in text or "'n', 'm'" in text
    assert "Column 'k'" not in text
    plain = column_warnings(names, rows, find_redundancy(rows))
    assert plain == column_warnings(names, rows, find_redundancy(rows), tuple(map(Encoding, names)))
