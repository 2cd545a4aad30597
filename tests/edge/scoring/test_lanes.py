"""Memory that is bound once: never stale, whatever a device does with it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.runtime.providers import PROVIDERS
from aetk.edge.runtime.session import open_session
from aetk.edge.scoring.lanes import DeviceLane, HostLane, bound_shape, open_lane
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
    assert bound_shape(session, 64, 30) == (1, 30)
    assert isinstance(open_lane(session, (1, 30)), HostLane)


@pytest.mark.parametrize("names", [{}, {"inputs": "Cpu"}, {"outputs": "Cpu"}], ids=["both", "outputs", "inputs"])
def test_nothing_is_bound_once_where_inputs_or_outputs_lie_elsewhere(session, names):
    assert bound_shape(device(session, **names), 64, 30) is None


def test_a_devices_memory_is_bound_for_whole_tiles_where_the_runtime_names_that_device(session):
    cuda = replace(device(session, inputs="Cuda", outputs="Cuda"), provider=PROVIDERS["cuda"])
    assert bound_shape(cuda, 64, 30) == (64, 30)
    assert bound_shape(replace(cuda, raw=CopiesWhenBound(session.raw)), 64, 30) is None
    assert bound_shape(replace(cuda, raw=object()), 64, 30) is None  # a runtime too old to say


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
