"""Opens every row of a benchmark and runs it once or twice; rows that do not work or take too long are left out.

A provider other than the CPU is first tried in a fresh process, which can be ended: in this process, nothing can end
a call into a runtime that builds an engine for minutes, or hangs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import AetkError, Unavailable, first_line
from aetk.contract.card import QUANTILE_LEVELS, Card, between_quantiles
from aetk.edge.bench.cold_start import Probe, probe
from aetk.edge.bench.rounds import Runner
from aetk.edge.bench.row import Measured, NotProbed, Skipped, TooLong
from aetk.edge.bench.samples import Round, Timings
from aetk.edge.bench.setting import Setting, open_for, runner
from aetk.edge.model import LoadedModel
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import Session

_PATIENCE = 1.0
"""The seconds that a fresh process has at least."""
_AGAIN = 2
"""A row runs a second time if more than this many times its first run is left: the first is often slow."""


@dataclass(frozen=True)
class OpenRow:
    """A row that works, its last run while it was opened, and the session that says where its nodes run."""

    runner: Runner
    opening: Round
    session: Session

    def result(self, cold: Probe | NotProbed) -> Measured:
        """What has been measured: the row's turns or, if it had none, the run while it was opened."""
        session, turns = self.session, self.runner.turns
        return Measured(
            self.runner.setting,
            cold,
            Timings(tuple(turns or [self.opening])),
            session.placement,
            session.evidence,
            session.provider.options,
            not turns,
        )


@dataclass
class Opened:
    """The rows that work, what was left out, and the cold-start measurements that were needed to find that out.

    Attributes:
        rows: the rows that work, in the order of their settings.
        skipped: providers and rows that do not work.
        too_long: rows for which there was no time.
        cold: the measurements, by the row whose fresh process showed that its provider works.
    """

    rows: list[OpenRow] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    too_long: list[TooLong] = field(default_factory=list)
    cold: dict[Setting, Probe] = field(default_factory=dict)


def open_rows(
    loaded: LoadedModel,
    settings: Sequence[Setting],
    require: Sequence[str],
    until: float,
    origin: float,
    progress: Callable[[str], None],
) -> Opened:
    """Open the rows in order; rows that need the same session share it.

    Args:
        loaded: the model.
        settings: the rows, ordered by provider, and by batch within a mode.
        require: providers that must work.
        until: time by `time.perf_counter`; except for a provider's first run, no run begins that would end later, as
            estimated from earlier runs. Providers share the time evenly; what one does not use goes to the others.
        origin: start of the benchmark.
        progress: called with a text that says what is being done.

    Raises:
        Unavailable: a provider of `require` does not work, or no provider does.
    """
    opened = Opened()
    providers = list(dict.fromkeys(setting.provider for setting in settings))
    for place, provider in enumerate(providers):
        its = [setting for setting in settings if setting.provider == provider]
        now = time.perf_counter()
        ends = now + max(0.0, until - now) / (len(providers) - place)
        try:
            _try_afresh(loaded, its[0], ends, opened, progress)
            progress(f"loading on {provider}")
            rows, too_long, failed = _open(loaded, its, ends, origin)
            if provider in require:
                _check_rows(failed)
        except Unavailable as error:
            if provider in require:
                message = f"{provider} is required and could not be measured here: {error.message}"
                raise Unavailable(message, error.hint) from None
            opened.skipped.append(Skipped(provider, error.message))
            continue
        opened.rows += rows
        opened.too_long += too_long
        opened.skipped += failed
    if not opened.rows:
        reasons = " ".join(skip.reason for skip in opened.skipped)
        raise Unavailable(f"None of the providers works here: {reasons}", "See what does with: aetk doctor")
    return opened


def _try_afresh(
    loaded: LoadedModel, setting: Setting, ends: float, opened: Opened, progress: Callable[[str], None]
) -> None:
    """Run a provider's first row in a fresh process; raise Unavailable if that fails or leaves no time to load it here.

    No process is started for a provider that is not in the build.
    """
    if setting.provider == "cpu" or not _is_present(find_provider(setting.provider).name):
        return
    progress(f"trying {setting.provider}")
    found = probe(loaded.path, setting, max(_PATIENCE, ends - time.perf_counter()))
    left = ends - time.perf_counter()
    if found.load_seconds + found.first_run_seconds > max(_PATIENCE, left):
        took = f"loading takes {found.load_seconds:.2g} s and a first run {found.first_run_seconds:.2g} s"
        raise Unavailable(f"{took}, with {max(0.0, left):.2g} s left; give more --seconds")
    opened.cold[setting] = found


def _is_present(name: str) -> bool:
    ort = onnxruntime()
    devices = ort.get_ep_devices() if hasattr(ort, "get_ep_devices") else []
    return name in ort.get_available_providers() or any(device.ep_name == name for device in devices)


def _check_rows(failed: Sequence[Skipped]) -> None:
    """Raise Unavailable if a row failed that needs only the provider: no binding, graph or pinned memory."""
    for skip in failed:
        if skip.setting is not None and skip.setting.mode in ("run", "scorer"):
            raise Unavailable(f"{skip.setting.batch:,} rows ({skip.setting.mode}): {skip.reason}")


def _open(
    loaded: LoadedModel, settings: Sequence[Setting], ends: float, origin: float
) -> tuple[list[OpenRow], list[TooLong], list[Skipped]]:
    """Open one provider's rows; return them, those for which there was no time, and those that failed.

    Raises:
        Unavailable: the provider does not work, or none of its rows does.
    """
    sessions: dict[Setting, Session] = {}
    per_row: dict[str, float] = {}  # seconds, by mode
    rows, too_long, failed = list[OpenRow](), list[TooLong](), list[Skipped]()
    for setting in settings:
        left = ends - time.perf_counter()
        known = per_row.get(setting.mode, per_row.get("run"))
        expected = None if known is None else known * setting.batch
        if rows and (expected or 0.0) > left:
            too_long.append(TooLong(setting, expected, max(0.0, left)))
            continue
        try:
            if setting.session not in sessions:
                sessions[setting.session] = open_for(loaded.data, setting)
            row = _try(loaded, sessions[setting.session], setting, ends, origin)
        except Unavailable as error:
            if setting.session not in sessions and setting.mode != "graph":
                raise
            failed.append(Skipped(setting.provider, error.message, setting))
            continue
        rows.append(row)
        per_row[setting.mode] = row.runner.expected / setting.batch
    if not rows:
        raise Unavailable(failed[0].reason)
    return rows, too_long, failed


def _try(loaded: LoadedModel, session: Session, setting: Setting, ends: float, origin: float) -> OpenRow:
    try:
        call = runner(loaded, session, setting, ordinary_rows(loaded.card, setting.batch))
        row = Runner(setting, call)
        opening = row.time_once(origin)
        row.expected = opening.samples[0] / 1e9
        if row.expected * _AGAIN < ends - time.perf_counter():
            opening = row.time_once(origin)
            row.expected = min(row.expected, opening.samples[0] / 1e9)
    except AetkError:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types, out of memory among them
        raise Unavailable(first_line(error)) from None
    return OpenRow(row, opening, session)


def probe_rows(
    loaded: LoadedModel, opened: Opened, until: float, progress: Callable[[str], None]
) -> list[Probe | NotProbed]:
    """Measure cold starts of rows in fresh processes, as many as there is time for, each provider's first row first.

    Args:
        loaded: the model.
        opened: the rows.
        until: time by `time.perf_counter`; no process is started that would end later if it took as long as the
            longest so far, and one that still runs then is ended.
        progress: called with a text that says what is being done.
    """
    settings = [row.runner.setting for row in opened.rows]
    found: dict[Setting, Probe | NotProbed] = dict(opened.cold)
    firsts = {setting.provider: setting for setting in reversed(settings)}
    left_out = NotProbed("the time for fresh processes was over; give more --seconds")
    longest = 0.0
    for done, setting in enumerate(dict.fromkeys([*firsts.values(), *settings])):
        if setting in found:
            continue
        begun = time.perf_counter()
        if begun + longest >= until:
            break
        progress(f"cold start {done + 1} of {len(settings)}")
        try:
            found[setting] = probe(loaded.path, setting, until - begun)
        except Unavailable as error:
            found[setting] = NotProbed(error.message)
        longest = max(longest, time.perf_counter() - begun)
    return [found.get(setting, left_out) for setting in settings]


def ordinary_rows(card: Card, count: int) -> NDArray[np.float32]:
    """Sample rows from the card's quantiles, float32 [count, n], the same each time."""
    levels = np.random.default_rng(0).uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, len(card.features)))
    return np.ascontiguousarray(between_quantiles(card.features, levels), np.float32)
