"""The bound: a matrix product measured here, over what the network multiplies."""

import time
from types import SimpleNamespace

import onnx
import pytest

from aetk.base.errors import Unavailable
from aetk.edge.bench import roofline
from aetk.edge.bench.roofline import MatmulProbe, Speed, bounds, flops_per_row, open_probe
from aetk.edge.model import load
from aetk.edge.runtime.tiny_models import matmul_model


def test_the_product_is_a_sound_model():
    onnx.checker.check_model(onnx.load_from_string(matmul_model(8)), full_check=True)


def test_every_product_is_kept_and_the_rate_follows_from_the_size():
    origin = time.perf_counter()
    found = MatmulProbe("cpu").measure(0.05, origin)
    assert len(found.samples) >= 3
    assert min(found.samples) > 0
    assert found.at < time.perf_counter() - origin
    assert found.peak_flops == pytest.approx(2 * found.size**3 / (min(found.samples) / 1e9))
    assert found.usual_flops <= found.peak_flops
    assert 1e6 < found.peak_flops < 1e15  # of a very slow machine or a very fast one


def test_a_provider_that_is_not_there_has_no_product():
    with pytest.raises(Unavailable, match="QNNExecutionProvider"):
        MatmulProbe("qnn")


@pytest.fixture
def device(monkeypatch):
    """A function that makes products take so many seconds, by their size; returns those that were opened."""

    def make(seconds):
        opened = []

        class Probe:
            def __init__(self, provider, size=512):
                self.size = size
                opened.append(size)

            def time_once(self):
                return seconds[self.size]

        monkeypatch.setattr(roofline, "MatmulProbe", Probe)
        return opened

    return make


@pytest.mark.parametrize(
    ("provider", "seconds", "opened", "size"),
    [
        ("cuda", {512: 1e-4, 2048: 4e-4, 4096: 2e-3}, [512, 2048, 4096], 4096),
        ("cuda", {512: 4e-4, 2048: 0.02}, [512, 2048], 2048),
        ("webgpu", {512: 0.03}, [512], 512),
        ("webgpu", {512: 0.2}, [512], None),
        ("cpu", {512: 1e-3}, [512], 512),
    ],
    ids=["a fast device", "a small one", "one in software", "a slower one", "the cpu"],
)
def test_the_product_is_the_largest_that_can_be_repeated_in_the_time(device, provider, seconds, opened, size):
    tried = device(seconds)
    found = open_probe(provider, 45.0)
    assert tried == opened
    assert (found and found.size) == size


def test_a_provider_that_cannot_run_the_product_has_none():
    assert open_probe("qnn", 45.0) is None


def test_a_row_costs_a_multiplication_and_an_addition_for_every_weight_of_the_network(model):
    deep, wide = 30 * 80 + 80 * 80 + 80 * 80 + 80 * 30, 30 * 256 + 256 * 31  # the last layer brings the anchor
    prototypes = 242 // 2  # half of the rows that it was fitted to
    assert flops_per_row(load(model).graph) == 2 * (deep + wide + 2 * prototypes * 30)


def test_only_matrices_that_are_multiplied_by_count():
    graph = SimpleNamespace(
        initializers=[SimpleNamespace(name="w", shape=(3, 5)), SimpleNamespace(name="v", shape=(7, 7))],
        nodes=[SimpleNamespace(op_type="MatMul", inputs=("x", "w")), SimpleNamespace(op_type="Add", inputs=("x", "v"))],
    )
    assert flops_per_row(graph) == 30


def test_the_bound_is_the_fastest_product_of_the_whole_run_on_each_provider():
    speeds = [Speed("cpu", 100, 0.0, (4_000, 2_000)), Speed("cpu", 100, 9.0, (1_000,)), Speed("x", 100, 0.0, (500,))]
    cpu, other = bounds(speeds, 1000)
    assert (cpu.provider, cpu.peak_flops, cpu.rows_per_second) == ("cpu", pytest.approx(2e12), pytest.approx(2e9))
    assert other.rows_per_second == pytest.approx(4e9)
    assert bounds(speeds, 0) == ()
