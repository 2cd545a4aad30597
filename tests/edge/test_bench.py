"""A benchmark says where every node ran, keeps every raw value, and claims no more than it measured."""

import json
import time

import numpy as np
import pytest

from aetk.contract.errors import BadInput, Unavailable
from aetk.edge import session as sessions
from aetk.edge.bench import SCHEMA_VERSION, Measured, bench, newest_model, ordinary_rows
from aetk.edge.model import load
from aetk.edge.probe import Probe
from aetk.render.data import to_json


@pytest.fixture(scope="session")
def report(model):
    return bench(model, providers=("cpu", "qnn"), batches=(1, 64), threads=(None, 1), seconds=4)


def test_every_combination_is_measured_where_the_provider_works(report):
    assert report.schema_version == SCHEMA_VERSION == 1
    assert [(row.provider, row.threads, row.batch) for row in report.measured] == [
        ("cpu", None, 1), ("cpu", None, 64), ("cpu", 1, 1), ("cpu", 1, 64),
    ]  # fmt: skip


def test_a_provider_that_does_not_work_is_skipped_with_its_reason(report):
    assert [skipped.provider for skipped in report.skipped] == ["qnn"]
    assert "QNNExecutionProvider" in report.skipped[0].reason


def test_each_line_carries_the_nodes_that_ran_on_its_provider(report, model):
    for row in report.measured:
        assert set(row.placement) == {"CPUExecutionProvider"}
        assert 0 < row.placement["CPUExecutionProvider"] <= sum(load(model).graph.operators.values())


def test_raw_samples_are_kept_and_cold_figures_come_from_a_process_of_its_own(report):
    for row in report.measured:
        assert len(row.samples) >= 10
        assert min(row.samples) > 0
        assert row.cold.load_seconds > 0
        assert row.cold.first_run_seconds > min(row.samples)
        assert (
            row.cold.peak_bytes is None or 2**24 < row.cold.peak_bytes < 2**29
        )  # not this process, which holds PyTorch


def test_the_seconds_bound_the_whole_grid(model):
    started = time.perf_counter()
    found = bench(model, providers=("cpu",), batches=(1, 16, 64), seconds=3)
    elapsed = time.perf_counter() - started
    assert 2.5 < elapsed < 15  # a busy machine may take its time to load; the default would be 45
    assert found.seconds <= elapsed
    assert all(row.samples for row in found.measured)


def row_of(count):
    return Measured("cpu", 64, None, Probe(0.1, 0.1, None), tuple(np.linspace(1e-3, 2e-3, count)), {"CPU": 1})


@pytest.mark.parametrize(("percent", "needed"), [(50, 10), (90, 100), (99, 1000)])
def test_a_percentile_needs_enough_samples(percent, needed):
    assert row_of(needed - 1).percentile(percent) is None
    assert row_of(needed).percentile(percent) == pytest.approx(1e-3 + 1e-5 * percent)


def test_throughput_counts_rows_over_the_time_of_all_samples():
    assert row_of(100).rows_per_second == pytest.approx(64 / 1.5e-3)


def test_the_report_is_one_json_document(report):
    document = json.loads(to_json(report))
    assert [row["options"] for row in document["measured"]] == [{} for _ in document["measured"]]
    assert len(document["measured"][0]["samples"]) == len(report.measured[0].samples)


def test_a_required_provider_that_does_not_work_is_an_error(model):
    with pytest.raises(Unavailable, match="qnn is required and does not work here"):
        bench(model, providers=("cpu",), batches=(1,), seconds=1, require=("qnn",))


def test_a_provider_that_takes_no_nodes_is_never_reported_as_measured(model, monkeypatch):
    """ONNX Runtime lists a provider it was given even where all nodes went to the CPU; the assignment record tells."""
    from aetk.edge.providers import PROVIDERS, Provider

    monkeypatch.setitem(PROVIDERS, "azure", Provider("azure", "AzureExecutionProvider", "onnxruntime"))
    available = sessions.onnxruntime().get_available_providers()
    if "AzureExecutionProvider" not in available:
        pytest.skip("this build has no second provider that takes no nodes")
    found = bench(model, providers=("cpu", "azure"), batches=(1,), seconds=1)
    assert {row.provider for row in found.measured} == {"cpu"}
    assert [skipped.provider for skipped in found.skipped] == ["azure"]
    with pytest.raises(Unavailable, match="AzureExecutionProvider"):
        bench(model, providers=("azure",), batches=(1,), seconds=1)


def test_a_repeated_batch_size_is_measured_once(model):
    found = bench(model, providers=("cpu",), batches=(1, 1), threads=(1, 1), seconds=1)
    assert len(found.measured) == 1


@pytest.mark.parametrize(
    "grid", [{"batches": ()}, {"batches": (0,)}, {"threads": (0,)}, {"seconds": 0}, {"seconds": float("nan")}]
)
def test_an_impossible_grid_is_refused(model, grid):
    with pytest.raises(BadInput, match="positive"):
        bench(model, **grid)


def test_rows_are_drawn_from_the_cards_quantiles_and_are_the_same_each_time(model):
    card = load(model).card
    rows = ordinary_rows(card, 1000)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, ordinary_rows(card, 1000))
    low, high = (np.float32([feature.quantiles[end] for feature in card.features]) for end in (0, -1))
    assert ((rows >= low) & (rows <= high)).all()
    assert np.ptp(rows, axis=0).min() > 0


def test_the_newest_model_is_taken_by_its_time_and_never_from_a_subfolder(tmp_path):
    import os

    (tmp_path / "reference").mkdir()
    for age, name in enumerate(["reference/c.onnx", "b.onnx", "a.onnx", "a.card.json"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert newest_model(tmp_path).name == "b.onnx"
