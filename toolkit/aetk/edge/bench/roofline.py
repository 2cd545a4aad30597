"""A fixed float32 matrix product: the peak to compare a network of matrix products with, and a speed probe.

The bound is the roofline's compute roof (Williams, Waterman, Patterson 2009, https://doi.org/10.1145/1498765.1498785):
no row can be scored faster than its multiplications and additions at the rate of a plain matrix product. That rate is
measured with ONNX Runtime's own MatMul on the same provider in the same run, with inputs and output on the device.
On the CPU it runs on the threads that ONNX Runtime chooses. It has not been run on a CUDA device.

Repeated during the run, the product also shows whether the machine, or a device, became slower.
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
"""The size of the matrices, and larger ones to try on devices: a small product leaves a large device mostly idle."""
_COST = 0.002
"""The share of the whole time that one product may take: about 40 of them are measured."""


@dataclass(frozen=True)
class Speed:
    """The speed of the matrix product at one moment.

    Attributes:
        provider: where it was computed.
        size: the number of rows of the square matrices.
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
        """Operations per second of the median product: the usual speed at that moment."""
        return 2.0 * self.size**3 / median(self.samples) * 1e9


@dataclass(frozen=True)
class Bound:
    """The throughput that matrix products alone would allow.

    Attributes:
        provider: where they were computed.
        peak_flops: float32 operations per second of the fastest product of the whole run.
        flops_per_row: multiplications and additions of the network, twice the number of its Gemm and MatMul weights.
        rows_per_second: `peak_flops` over `flops_per_row`.
    """

    provider: str
    peak_flops: float
    flops_per_row: int
    rows_per_second: float


class MatmulProbe:
    """The matrix product, ready to run on a provider.

    Args:
        provider: where it runs.
        size: the number of rows of the square matrices.

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
        """Time single products for `seconds`, at least three, after an unmeasured one; its threads sleep afterwards."""
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
    """The largest product that a benchmark of `seconds` can repeat on a provider.

    None if the provider cannot run it, or if even a small one takes too long, as on a device in software.
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
    """Float32 operations of the network for a row: a multiplication and an addition for every weight of its layers."""
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
    """The bound of every provider by its fastest product; empty if the network has no matrix product."""
    peaks: dict[str, float] = {}
    for speed in speeds:
        peaks[speed.provider] = max(speed.peak_flops, peaks.get(speed.provider, 0.0))
    return tuple(Bound(provider, peak, flops, peak / flops) for provider, peak in peaks.items() if flops)
