"""Measures a model on the execution providers of this machine, and says where every node ran."""

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.contract.arguments import checked
from aetk.edge.bench.advice import conclude
from aetk.edge.bench.arrivals import INTERVALS_MS, Arrivals, measure_arrivals
from aetk.edge.bench.baseline import Baseline, Key, read_baseline
from aetk.edge.bench.comparison import check, compare
from aetk.edge.bench.disturbances import find_disturbances, forbid_conclusions
from aetk.edge.bench.gpu import cuda_versions
from aetk.edge.bench.grid import BATCHES, PROVIDERS, plan
from aetk.edge.bench.machine import conditions, environment
from aetk.edge.bench.report import SCHEMA_VERSION, BenchReport
from aetk.edge.bench.roofline import MatmulProbe, Speed, bounds, flops_per_row, open_probe
from aetk.edge.bench.rounds import measure
from aetk.edge.bench.row import Measured
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.sessions import OpenRow, open_rows, probe_rows
from aetk.edge.bench.setting import Setting
from aetk.edge.model import load
from aetk.edge.runtime.providers import find_provider

_READY_SHARE = 0.6
"""The greatest share of the time until every row is open; an ordinary provider needs far less."""
_PROBES_SHARE = 0.4
"""The greatest share of the time until the cold starts end that nothing depends on."""
_SPARSE_SHARE = 0.64
"""The share of the remaining time for sparse arrivals: at one row per second, ten samples for a median take long."""
_PRODUCT_SHARE = 0.01


@checked
def bench(
    model: str | Path,
    *,
    providers: Sequence[str] = PROVIDERS,
    batches: Sequence[int] = BATCHES,
    threads: Sequence[int | None] | None = None,
    spinning: Sequence[bool] | None = None,
    sparse: bool = False,
    seconds: float = 45.0,
    require: Sequence[str] = (),
    against: str | Path | None = None,
    fail_above: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Measure a model over providers, batch sizes and session options, interleaved.

    Args:
        model: an exported model.
        providers: short names; one that does not work here is skipped with its reason.
        batches: rows per run.
        threads: intra-op thread counts of the CPU; None among them leaves the choice to ONNX Runtime.
        spinning: whether those threads spin while they wait. If neither this nor `threads` is given, the
            alternatives are measured at two batch sizes.
        sparse: also measure single rows that arrive every 10, 100 and 1,000 ms.
        seconds: the time for everything, including cold starts in fresh processes. A row that takes too long is
            measured once or left out, and a provider that does not start in its share of the time is skipped; the
            report says so.
        require: providers that must work.
        against: an earlier report as JSON, to compare with; read and checked before anything is measured.
        fail_above: the ratio to the earlier report above which a row is too slow.
        progress: called with a text that says what is being done.

    Raises:
        BadInput: not a model of the contract, an empty or impossible grid, or a report that cannot be compared with.
        Unavailable: a required provider does not work here, or no provider does.
    """
    origin = time.perf_counter()
    if not (seconds > 0 and math.isfinite(seconds)):
        raise BadInput(f"The time is {seconds:g} s; expected a positive number of seconds.")
    wanted = list(dict.fromkeys([*require, *providers]))  # required providers are tried first
    settings = plan(wanted, batches, threads, spinning, sparse)
    machine = environment()
    baseline = _baseline(against, fail_above, settings, sparse, machine)
    loaded, before = load(Path(model)), conditions()
    opened = open_rows(loaded, settings, require, origin + _READY_SHARE * seconds, origin, progress)
    machine |= cuda_versions()
    products = _products(opened.rows, seconds)

    def speeds(share: float) -> list[Speed]:
        return [product.measure(share * seconds, origin) for product in products]

    taken = speeds(_PRODUCT_SHARE)
    cold = probe_rows(loaded, opened, origin + _PROBES_SHARE * seconds, progress)
    end = origin + (1 - _PRODUCT_SHARE) * seconds
    until = end - (_SPARSE_SHARE * max(0.0, end - time.perf_counter()) if sparse else 0.0)
    runners = [row.runner for row in opened.rows]
    measure(runners, until, origin, lambda: taken.extend(speeds(_PRODUCT_SHARE / 10)), progress)
    arrivals = _arrivals(opened.rows, end - time.perf_counter(), origin, progress) if sparse else []
    taken += speeds(_PRODUCT_SHARE)
    measured = [row.result(found) for row, found in zip(opened.rows, cold, strict=True)]
    after, sha256 = conditions(), loaded.card.model_sha256
    disturbances = find_disturbances(before, after, taken, os.cpu_count() or 1)
    return BenchReport(
        schema_version=SCHEMA_VERSION,
        model=loaded.path,
        model_sha256=sha256,
        environment=machine,
        asked_seconds=seconds,
        seconds=time.perf_counter() - origin,
        measured=tuple(measured),
        sparse=tuple(arrivals),
        skipped=tuple(opened.skipped),
        too_long=tuple(opened.too_long),
        products=tuple(taken),
        bounds=bounds(taken, flops_per_row(loaded.graph)),
        before=before,
        after=after,
        disturbances=disturbances,
        conclusion=conclude(loaded.path, measured, forbid_conclusions(disturbances)),
        comparison=None
        if baseline is None
        else compare(baseline, _timings(measured, arrivals), sha256, machine, fail_above),
    )


def _baseline(
    against: str | Path | None,
    fail_above: float | None,
    settings: Sequence[Setting],
    sparse: bool,
    machine: dict[str, object],
) -> Baseline | None:
    if fail_above is not None and against is None:
        raise BadInput("A limit on ratios needs a report to compare with.", "Give --compare OTHER.json.")
    if fail_above is not None and not (fail_above > 0 and math.isfinite(fail_above)):
        raise BadInput(f"The limit is a ratio of {fail_above:g}; expected a positive number, 1.2 for 20% slower.")
    if against is None:
        return None
    baseline = read_baseline(Path(against), SCHEMA_VERSION)
    keys: set[Key] = {(setting, None) for setting in settings}
    if sparse:
        keys |= {(setting, interval) for setting in settings if _arrives(setting) for interval in INTERVALS_MS}
    check(baseline, keys, machine, fail_above)
    return baseline


def _products(opened: Sequence[OpenRow], seconds: float) -> list[MatmulProbe]:
    """The matrix product on the CPU and on devices with a memory of their own, unless it cannot be repeated there."""
    providers = dict.fromkeys(row.runner.setting.provider for row in opened)
    wanted = [name for name in providers if name == "cpu" or find_provider(name).device != "cpu"]
    return [probe for name in wanted if (probe := open_probe(name, seconds)) is not None]


def _arrives(setting: Setting) -> bool:
    return setting.batch == 1 and setting.mode == "run"


def _arrivals(
    opened: Sequence[OpenRow], seconds: float, origin: float, progress: Callable[[str], None]
) -> list[Arrivals]:
    single = [(row.runner, row.session) for row in opened if _arrives(row.runner.setting)]
    return measure_arrivals(single, seconds, origin, progress)


def _timings(measured: Sequence[Measured], arrivals: Sequence[Arrivals]) -> dict[Key, Timings]:
    found: dict[Key, Timings] = {(row.setting, None): row.timings for row in measured}
    return found | {(row.setting, row.interval_ms): row.timings for row in arrivals}
