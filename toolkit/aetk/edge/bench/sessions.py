"""Opens every row of a benchmark and runs it once; what does not work is left out with its reason."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import AetkError, Unavailable, first_line
from aetk.contract.card import QUANTILE_LEVELS, Card, between_quantiles
from aetk.edge.bench.cold_start import Probe, probe
from aetk.edge.bench.rounds import Runner
from aetk.edge.bench.row import Measured, NotProbed, Skipped
from aetk.edge.bench.setting import Setting, open_for, runner
from aetk.edge.model import LoadedModel
from aetk.edge.runtime.session import Session


@dataclass(frozen=True)
class OpenRow:
    """A row that works, and the session that says where its nodes are."""

    runner: Runner
    session: Session

    def result(self, cold: Probe | NotProbed) -> Measured:
        """What has been measured of it."""
        session = self.session
        return Measured(
            self.runner.setting,
            cold,
            self.runner.timings,
            session.placement,
            session.evidence,
            session.provider.options,
        )


def open_rows(
    loaded: LoadedModel, settings: Sequence[Setting], require: Sequence[str], progress: Callable[[str], None]
) -> tuple[list[OpenRow], list[Skipped]]:
    """Open the rows in order; rows that ask for the same session share it.

    Raises:
        Unavailable: a provider of `require` does not work, or none does.
    """
    sessions: dict[Setting, Session] = {}
    opened: list[OpenRow] = []
    skipped: dict[str, Skipped] = {}
    for provider in dict.fromkeys(setting.provider for setting in settings):
        progress(f"loading on {provider}")
        for setting in (s for s in settings if s.provider == provider and provider not in skipped):
            alike = Setting(provider, 1, "run", setting.threads, setting.spinning)
            try:
                if alike not in sessions:
                    sessions[alike] = open_for(loaded.data, alike)
                opened.append(_try(loaded, sessions[alike], setting))
            except Unavailable as error:
                if provider in require and setting.mode != "bound":
                    message = f"{provider} is required and does not work here: {error.message}"
                    raise Unavailable(message, error.hint) from None
                broken = setting.batch if alike in sessions else None  # else the provider itself
                place = provider if broken is None else f"{provider}, {setting.mode}, batch {broken}"
                skipped[place] = Skipped(provider, error.message)
    if not opened:
        reasons = " ".join(skip.reason for skip in skipped.values())
        raise Unavailable(f"None of the providers works here: {reasons}", "See what does with: aetk doctor")
    return opened, list(skipped.values())


def _try(loaded: LoadedModel, session: Session, setting: Setting) -> OpenRow:
    try:
        call = runner(loaded, session, setting, ordinary_rows(loaded.card, setting.batch))
        call()
    except AetkError:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types, out of memory among them
        raise Unavailable(f"{setting.batch:,} rows ({setting.mode}): {first_line(error)}") from None
    return OpenRow(Runner(setting, call), session)


def probe_rows(
    loaded: LoadedModel, opened: Sequence[OpenRow], seconds: float, progress: Callable[[str], None]
) -> list[Probe | NotProbed]:
    """Cold figures of the rows from fresh processes, as many as there is time for: of each provider's first row first.

    Args:
        loaded: the model.
        opened: the rows.
        seconds: no process is started that, if it took as long as the longest so far, would end later.
        progress: told in words what is being done.
    """
    found: list[Probe | NotProbed] = [
        NotProbed(f"{seconds:.3g} s of fresh processes were over; give more --seconds") for _ in opened
    ]
    firsts = {row.runner.setting.provider: place for place, row in reversed(list(enumerate(opened)))}
    order = dict.fromkeys([*firsts.values(), *range(len(opened))])
    started, longest = time.perf_counter(), 0.0
    for done, place in enumerate(order):
        begun = time.perf_counter()
        if done and begun - started + longest > seconds:
            break
        progress(f"cold start {done + 1} of {len(opened)}")
        try:
            found[place] = probe(loaded.path, opened[place].runner.setting)
        except Unavailable as error:
            found[place] = NotProbed(error.message)
        longest = max(longest, time.perf_counter() - begun)
    return found


def ordinary_rows(card: Card, count: int) -> NDArray[np.float32]:
    """Rows drawn from the card's quantiles, float32 [count, n], the same each time."""
    levels = np.random.default_rng(0).uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, len(card.features)))
    return np.ascontiguousarray(between_quantiles(card.features, levels), np.float32)
