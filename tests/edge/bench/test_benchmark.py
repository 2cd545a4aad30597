"""A benchmark says where every node ran, keeps every raw value, and holds to its time."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from aetk.base.errors import BadInput, Unavailable
from aetk.edge.bench import SCHEMA_VERSION, bench, benchmark, ordinary_rows, sessions
from aetk.edge.bench.cold_start import Probe, probe
from aetk.edge.bench.row import NotProbed
from aetk.edge.bench.sessions import open_rows, probe_rows
from aetk.edge.bench.setting import Setting
from aetk.edge.model import load
from aetk.edge.runtime import session as runtime_session
from aetk.edge.runtime.providers import PROVIDERS, Provider

from .clock import Clock


def open_now(loaded, rows, require=()):
    """Open the rows, however long it takes."""
    return open_rows(loaded, rows, require, math.inf, 0.0, lambda _: None)


@pytest.fixture(scope="module")
def report(model):
    with pytest.MonkeyPatch.context() as monkeypatch:
        Clock(monkeypatch, tick=1e-4)
        monkeypatch.setattr(sessions, "probe", lambda path, setting, _: probe(path, setting))  # however long it takes
        return bench(model, providers=("cpu", "qnn"), batches=(1, 64), threads=(None, 1), sparse=True, seconds=12)


def test_every_combination_is_measured_where_the_provider_works(report):
    assert report.schema_version == SCHEMA_VERSION == 4
    assert [(r.setting.batch, r.setting.threads, r.setting.spinning) for r in report.measured] == [
        (1, None, True), (1, 1, True), (1, None, False), (64, None, True), (64, 1, True),
    ]  # fmt: skip


def test_the_matrix_product_is_run_on_the_cpu_and_on_devices_with_a_memory_of_their_own(monkeypatch):
    """Elsewhere, OpenVINO on a processor for instance, a product as large as a device's would take seconds."""
    rows = [SimpleNamespace(runner=SimpleNamespace(setting=Setting(short, 1))) for short in ("cpu", "openvino", "cuda")]
    monkeypatch.setattr(benchmark, "open_probe", lambda provider, seconds: provider)
    assert benchmark._products(rows, 45.0) == ["cpu", "cuda"]
    monkeypatch.setattr(benchmark, "open_probe", lambda provider, seconds: None)
    assert benchmark._products(rows, 45.0) == []


def test_a_provider_that_does_not_work_is_skipped_with_its_reason(report):
    assert [skipped.provider for skipped in report.skipped] == ["qnn"]
    assert "QNNExecutionProvider" in report.skipped[0].reason


def test_each_row_carries_the_nodes_that_ran_on_its_provider_and_the_evidence(report, model):
    for row in (*report.measured, *report.sparse):
        assert set(row.placement) == {"CPUExecutionProvider"}
        assert 0 < row.placement["CPUExecutionProvider"] <= sum(load(model).graph.operators.values())
        assert row.evidence == "assignment"


def test_raw_samples_are_kept_and_cold_figures_come_from_a_process_of_its_own(report):
    for row in report.measured:
        assert len(row.timings.seconds) >= 10
        assert row.cold.load_seconds > 0
        assert row.cold.first_run_seconds > 0
        assert row.cold.peak_bytes is None or 2**24 < row.cold.peak_bytes < 2**29  # not this process with PyTorch


def test_sparse_arrivals_are_rows_of_their_own_with_spinning_on_and_off(report):
    assert {(row.setting.threads, row.setting.spinning) for row in report.sparse} == {
        (None, True), (None, False), (1, True),
    }  # fmt: skip
    warm = {row.setting: row.timings.percentile(50) for row in report.measured}
    often = [row for row in report.sparse if row.interval_ms == 10]
    assert all(row.warm_ratio == row.timings.percentile(50) / warm[row.setting] for row in often)


def test_the_matrix_product_is_taken_at_the_start_between_and_at_the_end(report):
    assert len(report.products) >= 3
    measuring = [turn.at for row in report.measured for turn in row.timings.turns]
    assert report.products[0].at < min(measuring) < report.products[1].at
    assert report.products[-1].at > max(measuring)
    (bound,) = report.bounds
    assert bound.rows_per_second == pytest.approx(bound.peak_flops / bound.flops_per_row)


def test_it_concludes_with_the_options_to_use(report):
    assert [choice.setting.batch for choice in report.conclusion.choices] == [1, 64]
    assert "InferenceSession" in report.conclusion.snippet


def test_the_seconds_bound_everything(model, monkeypatch):
    clock = Clock(monkeypatch, tick=1e-4)
    cold = Probe(0.01, 0.001, None)
    monkeypatch.setattr(sessions, "probe", lambda path, setting, timeout: clock.sleep(0.4) or cold)
    found = bench(model, providers=("cpu",), batches=(1, 16, 64), seconds=3)
    assert 2.9 < found.seconds <= clock.perf_counter() < 3.2
    assert 0 < sum(row.cold is cold for row in found.measured) < len(found.measured)
    assert found.asked_seconds == 3
    assert all(len(row.timings.seconds) for row in found.measured)


def test_cold_starts_for_which_there_is_no_time_are_left_out_and_said(model, monkeypatch):
    clock = Clock(monkeypatch)
    opened = open_now(load(model), [Setting("cpu", 1), Setting("cpu", 64), Setting("cpu", 16)])
    found = Probe(0.1, 0.1, None)
    given = []

    def start(path, setting, timeout):
        given.append(timeout)
        clock.sleep(0.4)
        return found

    monkeypatch.setattr(sessions, "probe", start)
    *probed, last = probe_rows(load(model), opened, clock.perf_counter() + 1.0, lambda _: None)
    assert probed == [found, found]
    assert isinstance(last, NotProbed)
    assert "--seconds" in last.reason
    assert given == pytest.approx([1.0, 0.6], abs=0.01)  # what is left is what each may take


def test_a_run_without_the_copies_is_measured_by_the_same_code_with_the_cpu_as_the_device(model):
    (row,) = open_now(load(model), [Setting("cpu", 64, "bound")]).rows
    row.runner.take_turn(0.05, 1, 100, math.inf, 0.0)
    found = row.result(NotProbed("not asked for"))
    assert found.setting.mode == "bound"
    assert len(found.timings.seconds) >= 1
    assert not found.measured_once
    assert set(found.placement) == {"CPUExecutionProvider"}


def test_a_big_batch_is_measured_through_the_scorer_too(model, monkeypatch):
    Clock(monkeypatch, tick=1e-3)
    found = bench(model, providers=("cpu",), batches=(16384,), threads=(1,), seconds=1)
    assert [row.setting.mode for row in found.measured] == ["run", "scorer"]


def test_a_row_that_breaks_is_left_out_and_the_others_are_measured(model, monkeypatch):
    Clock(monkeypatch, tick=1e-3)
    original = sessions.runner

    def runner(loaded, session, setting, rows):
        def broken():
            raise RuntimeError("out of memory\nat 0x1")

        return broken if setting.batch == 64 else original(loaded, session, setting, rows)

    monkeypatch.setattr(sessions, "runner", runner)
    found = bench(model, providers=("cpu",), batches=(1, 64), threads=(1,), seconds=1)
    assert [row.setting.batch for row in found.measured] == [1]
    assert [(skip.setting, skip.reason) for skip in found.skipped] == [(Setting("cpu", 64, threads=1), "out of memory")]
    with pytest.raises(Unavailable, match="cpu is required and could not be measured here: 64 rows"):
        bench(model, batches=(1, 64), threads=(1,), seconds=1, require=("cpu",))


def test_a_required_provider_that_works_but_cannot_be_bound_is_measured_with_the_copies(model):
    """A `bound` row on the CPU stands for a device whose runtime does not say where its rows lie."""
    settings, loaded = [Setting("cpu", 1), Setting("cpu", 1, "bound")], load(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime_session.Session, "memory", None)
        opened = open_now(loaded, settings, ("cpu",))
    assert [row.runner.setting for row in opened.rows] == settings[:1]
    assert "in a memory that is not known" in opened.skipped[0].reason


def test_a_required_provider_that_does_not_work_is_an_error(model):
    with pytest.raises(Unavailable, match="qnn is required and could not be measured here"):
        bench(model, providers=("cpu",), batches=(1,), seconds=1, require=("qnn",))


def test_a_provider_that_takes_no_nodes_is_never_reported_as_measured(model, monkeypatch):
    """ONNX Runtime lists a provider it was given even where all nodes went to the CPU; the assignment record tells."""
    monkeypatch.setitem(PROVIDERS, "azure", Provider("azure", "AzureExecutionProvider", "onnxruntime"))
    if "AzureExecutionProvider" not in runtime_session.onnxruntime().get_available_providers():
        pytest.skip("this build has no second provider that takes no nodes")
    Clock(monkeypatch, tick=1e-3)
    monkeypatch.setattr(sessions, "_is_present", lambda name: False)  # a fresh process knows no such provider
    found = bench(model, providers=("cpu", "azure"), batches=(1,), threads=(1,), seconds=1)
    assert {row.setting.provider for row in found.measured} == {"cpu"}
    assert [skipped.provider for skipped in found.skipped] == ["azure"]
    with pytest.raises(Unavailable, match="AzureExecutionProvider"):
        bench(model, providers=("azure",), batches=(1,), seconds=1)


@pytest.mark.parametrize(
    "asked",
    [
        {"batches": ()}, {"batches": (0,)}, {"threads": (0,)}, {"seconds": 0}, {"seconds": float("nan")},
        {"seconds": float("inf")}, {"fail_above": 1.2}, {"fail_above": 0.0, "against": "then.json"},
        {"fail_above": float("nan"), "against": "then.json"},
    ],
)  # fmt: skip
def test_what_cannot_be_measured_or_compared_is_refused(model, asked):
    with pytest.raises(BadInput):
        bench(model, **asked)


def test_rows_are_drawn_from_the_cards_quantiles_and_are_the_same_each_time(model):
    card = load(model).card
    rows = ordinary_rows(card, 1000)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, ordinary_rows(card, 1000))
    low, high = (np.float32([feature.quantiles[end] for feature in card.features]) for end in (0, -1))
    assert ((rows >= low) & (rows <= high)).all()
    assert np.ptp(rows, axis=0).min() > 0
