"""Chooses the rows that a benchmark measures."""

from collections.abc import Iterable, Sequence

from aetk.base.errors import BadInput
from aetk.edge.bench.setting import Setting, modes_of
from aetk.edge.runtime.providers import find_provider

BATCHES = (1, 16, 64, 256, 1024, 4096, 16384, 65536)
PROVIDERS = ("cpu", "cuda")
TILE = 1024
"""The approximate batch size at which session options are compared: large enough to amortize a call."""
_SCORER_FROM = 16_384
_RANKS = {"pinned": 1, "bound": 2, "graph": 3}
"""The order in which a provider's modes are opened, after `run` and the Scorer."""


def plan(
    providers: Sequence[str],
    batches: Sequence[int],
    threads: Sequence[int | None] | None,
    spinning: Sequence[bool] | None,
    sparse: bool,
) -> list[Setting]:
    """The rows of a benchmark, ordered by provider, mode and batch.

    On the CPU, given threads and spinning are combined with all batches. If neither is given, every batch is measured
    with ONNX Runtime's defaults, and the alternatives (one thread; threads that do not spin) only at the batches by
    which options are chosen: the smallest and the one nearest to `TILE`. Large batches also go through the Scorer.
    A provider with a memory of its own is measured at every batch with copies, with rows in pinned memory, without
    copies and, if it can, as a CUDA graph.

    Raises:
        BadInput: an empty or impossible grid.
    """
    if not batches or min(batches) < 1 or any(count is not None and count < 1 for count in threads or ()):
        raise BadInput("Batch sizes and threads must be positive.")
    rows: list[Setting] = []
    for provider in dict.fromkeys(providers):
        if provider == "cpu":
            rows += _on_cpu(batches, threads, spinning, sparse)
        else:
            rows += [Setting(provider, batch, mode) for mode in modes_of(find_provider(provider)) for batch in batches]
            rows += [Setting(provider, 1)] if sparse else []
    places = {provider: place for place, provider in enumerate(dict.fromkeys(providers))}
    return sorted(dict.fromkeys(rows), key=lambda row: (places[row.provider], _RANKS.get(row.mode, 0), row.batch))


def compared_batches(batches: Iterable[int]) -> tuple[int, ...]:
    """The batch sizes by which session options are chosen: the smallest, and the one nearest to `TILE`."""
    sizes = sorted(set(batches))
    return tuple(dict.fromkeys((sizes[0], min(sizes, key=lambda batch: abs(batch - TILE)))))


def _on_cpu(
    batches: Sequence[int], threads: Sequence[int | None] | None, spinning: Sequence[bool] | None, sparse: bool
) -> list[Setting]:
    counts, spins = threads or (None,), spinning or (True,)
    rows = [_setting(batch, count, spin) for batch in batches for count in counts for spin in spins]
    if threads is None and spinning is None:
        for batch in compared_batches(batches):
            rows += [_setting(batch, None, False), _setting(batch, 1, True)]
    if sparse:
        rows += [_setting(1, count, spin) for count in counts for spin in (True, False)]
    return rows + [
        Setting("cpu", batch, "scorer", count) for batch in batches for count in counts if batch >= _SCORER_FROM
    ]


def _setting(batch: int, threads: int | None, spinning: bool) -> Setting:
    alone = threads == 1  # a single thread does not wait for others, and so does not spin
    return Setting("cpu", batch, "run", threads, spinning or alone)
