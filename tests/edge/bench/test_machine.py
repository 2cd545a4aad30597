"""What the machine is, and what may have disturbed a measurement, as far as the system tells."""

import json
from pathlib import Path

import pytest

from aetk.base.cgroup import Throttled
from aetk.edge.bench.disturbances import (
    NotAlone,
    Overheated,
    QuotaReached,
    Slowed,
    find_disturbances,
    forbid_conclusions,
)
from aetk.edge.bench.machine import Conditions, conditions, environment
from aetk.edge.bench.roofline import Speed


def test_the_environment_is_json_and_names_machine_and_versions():
    found = json.loads(json.dumps(environment(), allow_nan=False))
    assert found["onnxruntime"]
    assert int(found["usable_cpus"]) >= 1
    assert found["processor"]
    assert {
        "cpu_flags",
        "affinity",
        "cpu_quota",
        "governor",
        "gpus",
        "gpu_driver",
        "python",
        "numpy",
        "system",
    } <= found.keys()
    if Path("/proc/cpuinfo").exists():
        assert len(found["cpu_flags"].split()) > 5


def at(clock, busy=0.0, own=0.0, periods=0, thermal=0):
    return Conditions(clock, None, busy, own, Throttled(periods, periods / 10), thermal)


def speeds(*gigaflops):
    return [Speed("cpu", 100, float(i), (round(2e6 / rate),)) for i, rate in enumerate(gigaflops)]


def test_a_quiet_machine_disturbs_nothing():
    assert find_disturbances(at(0), at(10, busy=11, own=10), speeds(100, 101, 99, 100, 98), 2) == ()


def test_a_quota_that_ran_out_is_noticed():
    assert find_disturbances(at(0, periods=5), at(10, periods=8), [], 2) == (QuotaReached(3, pytest.approx(0.3)),)


def test_heat_is_noticed():
    assert find_disturbances(at(0, thermal=5), at(10, thermal=8), [], 2) == (Overheated(3),)


def test_a_matrix_product_that_became_slower_is_noticed_and_a_single_slow_one_is_not():
    (found,) = find_disturbances(at(0), at(10), speeds(100, 100, 90, 80, 70, 70), 2)
    assert found == Slowed("cpu", pytest.approx(1e11), pytest.approx(7e10, rel=1e-3))
    assert find_disturbances(at(0), at(10), speeds(100, 100, 30, 100, 100, 100), 2) == ()


def test_a_device_that_became_slower_is_noticed_by_its_own_product():
    steady = speeds(100, 100, 100, 100)
    device = [Speed("cuda", speed.size, speed.at, speed.samples) for speed in speeds(900, 900, 700, 700)]
    mixed = [speed for pair in zip(steady, device, strict=True) for speed in pair]
    assert [found.provider for found in find_disturbances(at(0), at(10), mixed, 2)] == ["cuda"]


def test_other_processes_are_noticed():
    assert find_disturbances(at(0), at(10, busy=15, own=10), [], 2) == (NotAlone(pytest.approx(0.25)),)
    assert find_disturbances(at(0), at(10, busy=11.9, own=10), [], 2) == ()


def test_only_a_machine_that_all_rows_shared_with_others_forbids_every_conclusion():
    assert forbid_conclusions([Overheated(1), NotAlone(0.84)])
    assert not forbid_conclusions([Overheated(1), QuotaReached(1, 0.1), Slowed("cpu", 2.0, 1.0)])


def test_what_the_system_does_not_tell_is_not_found():
    silent = Conditions(0.0, None, None, 0.0, None, None)
    assert find_disturbances(silent, Conditions(9.0, None, None, 5.0, None, None), [], 2) == ()


def test_the_condition_of_this_machine_can_be_taken():
    before = conditions()
    sum(range(10**6))
    after = conditions()
    assert after.clock > before.clock
    assert after.own_seconds >= before.own_seconds
    if before.busy_seconds is not None:
        assert after.busy_seconds >= before.busy_seconds > 0
