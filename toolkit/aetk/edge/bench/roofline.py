"""A fixed float32 matrix product: the peak that a network of matrix products can be held against, and a speed probe.

The bound is the roofline's compute roof (Williams, Waterman, Patterson 2009, https://doi.org/10.1145/1498765.1498785):
no row can be answered faster than its multiplications and additions at the rate of a plain matrix product. It is
measured with ONNX Runtime's own MatMul on the provider in question, inputs and output resident, in the same run.
On the CPU it runs on the threads that ONNX Runtime chooses. It has not been run on a CUDA device.

Repeated through the run, the product also shows whether the machine, or a device, became slower meanwhile.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from statistics import median

import numpy as np

from aetk.base.errors import Unavailable
from aetk.contract import spec
from aetk.contract.gate import Model
from aetk.edge.bench.rounds import settle
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import open_session
from aetk.edge.runtime.tiny_models import matmul_model

_SIZE, _LARGER = 512, (2048, 4096)
"""Of the matrices, and what is tried on devices: a big one is idle for the most part of a small product."""
_COST = 0.002
"""The share of the whole time that one product may take: some 40 of them are measured."""


@dataclass(frozen=True)
class Speed:
    """The matrix product at one moment.

    Attributes:
        provider: where it was computed.
        size: of the square matrices.
        at: seconds from the start of the benchmark.
        samples: nanoseconds of every product.
    """

    provider: str
    size: int
    at: float
    samples: tuple[int, ...]

    @property
    def peak_flops(self) -> float:
        """Operations per second of the fastest product: a bound is what is possible, not what is usual."""
        return 2.0 * self.size**3 / min(self.samples) * 1e9

    @property
    def usual_flops(self) -> float:
        """Operations per second of the median product: what the machine gave just then."""
        return 2.0 * self.size**3 / median(self.samples) * 1e9


@dataclass(frozen=True)
class Bound:
    """What matrix products alone would allow.

    Attributes:
        provider: where.
        peak_flops: float32 operations per second of the fastest product of the whole run.
        flops_per_row: multiplications and additions of the network, twice the number of its Gemm and MatMul weights.
        rows_per_second: the one over the other.
    """

    provider: str
    peak_flops: float
    flops_per_row: int
    rows_per_second: float


class MatmulProbe:
    """The product, ready on a provider.

    Args:
        provider: where it runs.
        size: of the square matrices.

    Raises:
        Unavailable: the provider cannot run it.
    """

    def __init__(self, provider: str, size: int = _SIZE) -> None:
        self.provider, self.size = provider, size
        session = open_session(matmul_model(self.size), find_provider(provider))
        matrix = np.random.default_rng(0).standard_normal((self.size, self.size), np.float32)
        self._binding = Binding(session, {"a": matrix, "b": matrix})

    def time_once(self) -> float:
        """Seconds of one product after an unmeasured one."""
        self._binding.run()
        start = time.perf_counter()
        self._binding.run()
        return time.perf_counter() - start

    def measure(self, seconds: float, origin: float) -> Speed:
        """Time single products for a while, three at least after an unmeasured one; leaves its threads asleep."""
        settle()
        self._binding.run()
        at, samples = time.perf_counter() - origin, list[int]()
        while len(samples) < 3 or time.perf_counter() - origin < at + seconds:
            start = time.perf_counter_ns()
            self._binding.run()
            samples.append(time.perf_counter_ns() - start)
        settle()
        return Speed(self.provider, self.size, at, tuple(samples))


def open_probe(provider: str, seconds: float) -> MatmulProbe | None:
    """The largest product that a benchmark of so many seconds can repeat on a provider.

    None where the provider cannot run it, or where even a small one takes too long: a device in software, for instance.
    """
    try:
        found = MatmulProbe(provider)
        took = found.time_once()
        if took > _COST * seconds:
            return None
        for size in () if provider == "cpu" else _LARGER:
            if took * (size / found.size) ** 3 > _COST * seconds:
                break
            found = MatmulProbe(provider, size)
            took = found.time_once()
    except Unavailable:
        return None
    return found


def flops_per_row(graph: Model) -> int:
    """Float32 operations of the network on a row: a multiplication and an addition for every weight of its layers."""
    shapes = {initializer.name: initializer.shape for initializer in graph.initializers}
    weights = [
        shapes[name]
        for node in graph.nodes
        if node.op_type in ("Gemm", "MatMul")
        for name in node.inputs
        if len(shapes.get(name, ())) == 2 and name not in spec.GUARD_PRODUCTS
    ]
    return 2 * sum(map(prod, weights))


def bounds(speeds: Sequence[Speed], flops: int) -> tuple[Bound, ...]:
    """For every provider, the bound by its fastest product; none where the network holds no matrix product."""
    peaks: dict[str, float] = {}
    for speed in speeds:
        peaks[speed.provider] = max(speed.peak_flops, peaks.get(speed.provider, 0.0))
    return tuple(Bound(provider, peak, flops, peak / flops) for provider, peak in peaks.items() if flops)
