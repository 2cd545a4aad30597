"""A provider that is slow on purpose, by a clock of its own: the time is kept, and little is never taken for much."""

import math
from dataclasses import replace

import pytest

from aetk.base.errors import Unavailable
from aetk.edge.bench import bench, benchmark, sessions
from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.grid import BATCHES
from aetk.edge.bench.setting import Setting
from aetk.render.bench_words import conclusion, left_out

from .clock import Clock

SECONDS = 20.0
PROVIDERS = ("cpu", "openvino")
HANGS = math.inf


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch, tick=1e-5)


@pytest.fixture
def machine(clock, monkeypatch):
    """A function that makes OpenVINO, which this build may not have, take so long to load and for a run of one row."""
    opened, run = sessions.open_for, sessions.runner

    def make(load, one_row, fresh=None):
        def probe(path, setting, timeout):
            took = (load + one_row if fresh is None else fresh) if setting.provider == "openvino" else 0.1
            clock.sleep(min(took, timeout))
            if took > timeout:
                raise Unavailable(f"was ended after {timeout:.3g} s")
            return Probe(load if setting.provider == "openvino" else 0.1, 0.01, None)

        def open_for(model, setting):
            if setting.provider == "openvino":
                clock.sleep(load)
            return opened(model, replace(setting, provider="cpu"))

        def runner(loaded, session, setting, rows):
            seconds = (one_row if setting.provider == "openvino" else 2e-6) * setting.batch
            run(loaded, session, replace(setting, provider="cpu"), rows)
            return lambda: clock.burn(20e-6 + seconds)

        monkeypatch.setattr(benchmark, "open_probe", lambda *_: None)  # products would take real time
        monkeypatch.setattr(sessions, "_is_present", lambda name: True)
        monkeypatch.setattr(sessions, "probe", probe)
        monkeypatch.setattr(sessions, "open_for", open_for)
        monkeypatch.setattr(sessions, "runner", runner)

    return make


def measure(model, **options):
    return bench(model, providers=PROVIDERS, seconds=SECONDS, **options)


def backed(found):
    """Every row that the conclusion names is stable, and has the median that is said of it."""
    rows = {row.setting: row for row in found.measured}
    for crossover in found.conclusion.crossovers:
        for point in crossover.points:
            if point.verdict != "unknown":
                assert [rows[named].doubt for named in (point.setting, point.cpu)] == [None, None]
                assert (point.median, point.cpu_median) == (rows[point.setting].median, rows[point.cpu].median)
    for choice in found.conclusion.choices:
        assert [rows[named].doubt for named in (choice.setting, *choice.others)] == [None] * (1 + len(choice.others))
    return True


@pytest.mark.parametrize("load", [0.1, 4.5])
@pytest.mark.parametrize("one_row", [1e-6, 5e-3, 0.5, 3.0])
def test_the_time_is_kept_and_every_sentence_is_backed_by_stable_rows(model, machine, clock, load, one_row):
    machine(load, one_row)
    began = clock.perf_counter()
    found = measure(model)
    assert clock.perf_counter() - began < SECONDS + 2 * one_row + 1
    assert backed(found)
    assert [row.doubt for row in found.measured if row.setting.provider == "cpu"] == [None] * 14
    if (load, one_row) == (4.5, 3.0):  # fresh and here it would take longer than its share
        assert [skipped.provider for skipped in found.skipped] == ["openvino"]
        return
    everything = {row.setting for row in found.measured} | {row.setting for row in found.too_long}
    assert {Setting("openvino", batch) for batch in BATCHES} <= everything


def test_a_row_whose_single_run_is_too_long_is_measured_once_or_left_out_with_the_reason(model, machine):
    machine(4.5, 5e-3)
    found = measure(model)
    rows = {row.setting.batch: row for row in found.measured if row.setting.provider == "openvino"}
    assert [batch for batch, row in rows.items() if row.doubt is None] == [1, 16]
    once = [batch for batch, row in rows.items() if row.measured_once]
    assert once
    assert all(len(rows[batch].timings.seconds) == 1 for batch in once)
    (crossover,) = found.conclusion.crossovers
    assert (crossover.slower_up_to, crossover.faster_from) == (16, None)
    assert {point.batch for point in crossover.points if point.verdict == "unknown"} == set(once)
    gone = {row.setting.batch: row for row in found.too_long}
    assert gone.keys() == set(BATCHES) - rows.keys()
    for batch, row in gone.items():
        assert row.expected_seconds == pytest.approx(5e-3 * batch, rel=0.05)
        assert row.expected_seconds > row.left_seconds
    said = left_out(found.skipped, found.too_long, [rows[batch].setting for batch in once])
    assert any(line.startswith("openvino at ") and "left out: a run takes some " in line for line in said)
    assert any("measured once" in line for line in said)
    words = conclusion(found.conclusion)[0]
    assert words.startswith("from which batch size openvino beats the CPU is not known: too few samples: openvino at ")
    assert "it is slower" in words


def test_a_provider_that_hangs_at_its_start_is_left_out_and_the_others_have_the_time(model, machine, clock):
    machine(HANGS, HANGS)
    found = measure(model)
    assert found.seconds < SECONDS + 1
    (skipped,) = found.skipped
    assert (skipped.provider, skipped.setting) == ("openvino", None)
    assert "was ended after" in skipped.reason
    assert {row.setting.provider for row in found.measured} == {"cpu"}
    assert [row.doubt for row in found.measured] == [None] * len(found.measured)
    assert [choice.setting.batch for choice in found.conclusion.choices] == [1, 1024]
    with pytest.raises(Unavailable, match="openvino is required and could not be measured here: was ended after"):
        measure(model, require=("openvino",))


def test_a_provider_that_started_afresh_but_has_no_time_to_load_again_is_left_out(model, machine):
    machine(7.0, 1e-3)
    (skipped,) = measure(model).skipped
    assert "loading takes 7 s and a first run 0.01 s, with " in skipped.reason
    assert "give more --seconds" in skipped.reason


def test_cold_starts_and_arrivals_count_as_well(model, machine, clock):
    machine(0.5, 5e-3)
    began = clock.perf_counter()
    found = measure(model, sparse=True)
    assert clock.perf_counter() - began < SECONDS + 1
    assert backed(found)
    assert found.sparse
