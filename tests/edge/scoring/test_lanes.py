"""Memory that is bound once: never stale, whatever a device does with it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from patience import PATIENCE

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.runtime.providers import PROVIDERS
from aetk.edge.runtime.session import open_session
from aetk.edge.scoring import lanes
from aetk.edge.scoring.lanes import DeviceLane, HostLane, Lanes, open_lane
from aetk.edge.scoring.tiles import Tiles


class CopiesWhenBound:
    """A session as ONNX Runtime treats one on a device: it copies an input when it is bound, and then never looks."""

    def __init__(self, raw, inputs="WebGPU_Buf", outputs="WebGPU_Buf"):
        self._raw, self._names, self._copies = raw, (inputs, outputs), []

    def __getattr__(self, name):
        return getattr(self._raw, name)

    def get_input_memory_infos(self):
        return [SimpleNamespace(name=self._names[0], device_id=0)]

    def get_output_memory_infos(self):
        return [SimpleNamespace(name=self._names[1], device_id=0)] * 4

    def io_binding(self):
        binding = self._raw.io_binding()
        bind = binding.bind_ortvalue_input

        def copied(name, value):
            self._copies.append(onnxruntime.OrtValue.ortvalue_from_numpy(value.numpy().copy()))
            bind(name, self._copies[-1])

        binding.bind_ortvalue_input = copied
        return binding


@pytest.fixture(scope="module")
def session(explaining_model):
    return open_session(load(explaining_model).data, threads=1)


@pytest.fixture(scope="module")
def rows(breast_cancer):
    return breast_cancer.data.astype(np.float32)


def device(session, **names):
    return replace(session, provider=PROVIDERS["webgpu"], raw=CopiesWhenBound(session.raw, **names))


def answers(run, rows):
    count = len(rows)
    found = [
        np.empty(count, np.float32),
        np.empty(count, bool),
        np.empty(count, bool),
        np.empty((count, 30), np.float32),
    ]
    run(rows, found)
    return found


def check(run, session, rows):
    expected = session.raw.run(None, {spec.INPUT: np.ascontiguousarray(rows, np.float32)})
    for one, other in zip(answers(run, rows), expected, strict=True):
        assert np.abs(one.astype(float) - other).max() <= spec.TOLERANCE


@pytest.mark.parametrize("lane", [HostLane, DeviceLane])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_bound_memory_gives_the_answers_of_a_plain_run_each_time(session, rows, lane, dtype):
    """A device's lane runs in the processor's memory here: the same calls, another device's name."""
    bound = lane(session, (16, 30))
    for start in (0, 16, 32):
        check(bound.run, session, rows[start : start + 16].astype(dtype))


def test_the_processors_memory_is_bound_once_for_single_rows(session):
    found = Lanes(session, 64, 30, 1)
    assert [found.size(rows) for rows in (0, 1, 2, 63, 64)] == [None, 1, None, None, None]
    assert isinstance(open_lane(session, (1, 30)), HostLane)


@pytest.mark.parametrize("names", [{}, {"inputs": "Cpu"}, {"outputs": "Cpu"}], ids=["both", "outputs", "inputs"])
def test_nothing_is_bound_once_where_inputs_or_outputs_lie_elsewhere(session, names):
    found = Lanes(device(session, **names), 64, 30, 1)
    assert [found.size(rows) for rows in (1, 64)] == [None, None]


@pytest.fixture
def cuda(session, monkeypatch):
    """A session that says it is CUDA's, whose lanes run in the processor's memory: the same calls, another name."""
    monkeypatch.setattr(lanes, "open_lane", lambda _, shape: DeviceLane(session, shape))
    return replace(device(session, inputs="Cuda", outputs="Cuda"), provider=PROVIDERS["cuda"])


def test_a_devices_memory_is_bound_for_powers_of_two_where_the_runtime_names_that_device(session, cuda):
    found = Lanes(cuda, 64, 30, 1)
    assert [found.size(rows) for rows in (0, 1, 2, 3, 5, 33, 64, 65)] == [None, 1, 2, 4, 8, 64, 64, None]
    assert Lanes(cuda, 100, 30, 1).size(100) == 128
    assert Lanes(replace(cuda, raw=CopiesWhenBound(session.raw)), 64, 30, 1).size(64) is None
    assert Lanes(replace(cuda, raw=object()), 64, 30, 1).size(64) is None  # a runtime too old to say


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 37, 64, 65, 129, 512, 513, 569])
def test_a_device_gives_any_number_of_rows_the_answers_of_a_plain_run(session, cuda, rows, threads, count):
    under_test = Tiles(cuda, 30, 64, threads)
    for start in (0, 569 - count):
        check(under_test.run, session, rows[start : start + count])


def test_all_rows_on_a_device_go_through_lanes_of_which_all_but_the_last_are_full(session, cuda, rows, monkeypatch):
    ran = []

    class Watched(DeviceLane):
        def run(self, rows, results):
            ran.append((len(self._rows), len(rows)))
            super().run(rows, results)

    monkeypatch.setattr(lanes, "open_lane", lambda _, shape: Watched(session, shape))
    many = np.tile(rows, (3, 1))
    check(Tiles(cuda, 30, 256, 1).run, session, many[:700])
    assert ran == [(256, 256), (256, 256), (256, 188)]
    ran.clear()
    check(Tiles(cuda, 30, 2048, 2).run, session, many[:1500])
    assert sorted(ran) == [(512, 476), (1024, 1024)]


def test_what_an_earlier_call_left_in_a_lane_reaches_no_answer(session, cuda, rows):
    """Nor does an answer of it reach memory beyond the results."""
    lane = DeviceLane(session, (64, 30))
    spoilt = np.full((64, 30), np.nan, np.float32)
    answers(lane.run, spoilt)
    check(lane.run, session, rows[:40])
    found = [np.full(64, 7, np.float32), np.ones(64, bool), np.ones(64, bool), np.full((64, 30), 7, np.float32)]
    lane.run(spoilt[:40], [array[:40] for array in found])
    assert not found[2][:40].any()
    assert (found[0][40:] == 7).all()
    assert found[1][40:].all()
    assert found[2][40:].all()
    assert (found[3][40:] == 7).all()


def test_idle_lanes_are_few_and_those_of_a_failed_run_are_not_used_again(session, cuda, rows, monkeypatch):
    monkeypatch.setattr(lanes, "_IDLE_BYTES", 3 * 64 * 30 * 4)
    opened = []

    class Failing(DeviceLane):
        def __init__(self, session, shape):
            super().__init__(session, shape)
            opened.append(self)

        def run(self, rows, results):
            if np.isposinf(rows).any():
                raise RuntimeError("broken")
            inside.wait()  # all of them at the same time
            super().run(rows, results)

    monkeypatch.setattr(lanes, "open_lane", lambda _, shape: Failing(session, shape))
    under_test = Lanes(cuda, 64, 30, 2)

    def run(_):
        check(lambda part, results: under_test.run(64, part, results), session, rows[:50])

    for kept, at_once in ((3, 8), (3, 2)):
        inside = threading.Barrier(at_once, timeout=PATIENCE)
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(run, range(at_once)))
        assert len(under_test._idle[64]) == kept
    assert len(opened) == 8
    with pytest.raises(RuntimeError, match="broken"):
        under_test.run(64, np.full((50, 30), np.inf, np.float32), [])
    assert len(under_test._idle[64]) == 2


def test_host_memory_that_is_copied_when_it_is_bound_gives_its_first_content_for_ever(session, rows):
    """The fault that the rule is for, so that the stand-in below is known to have it."""
    stale = HostLane(device(session), (1, 30))
    first, second = answers(stale.run, rows[:1])[0], answers(stale.run, rows[1:2])[0]
    assert first == second
    assert abs(second - session.run(rows[1:2])[spec.SIMILARITY]) > spec.TOLERANCE


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 64, 65, 129])
def test_a_device_that_copies_inputs_when_they_are_bound_judges_every_row_by_its_own_values(
    session, rows, threads, count
):
    under_test = Tiles(device(session), 30, 64, threads)
    for start in range(0, 3 * count, count):
        check(under_test.run, session, rows[start : start + count])


def test_single_rows_in_a_row_are_judged_by_their_own_values(session, rows):
    under_test = Tiles(device(session), 30, 64, 1)
    found = np.concatenate([answers(under_test.run, row[None])[0] for row in rows[:102]])
    assert np.abs(found - session.run(rows[:102])[spec.SIMILARITY]).max() <= spec.TOLERANCE
