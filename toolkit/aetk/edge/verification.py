"""Proves on any machine, without PyTorch, that a model file still decides as it did when it was exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetk.contract.arguments import checked
from aetk.contract.golden import GoldenReport, compare
from aetk.edge.model import LoadedModel, load
from aetk.edge.providers import find_provider
from aetk.edge.runtime import onnxruntime
from aetk.edge.session import Session, open_session


@dataclass(frozen=True)
class ProviderCheck:
    """The golden rows replayed on one provider."""

    provider: str
    runtime: str
    placement: dict[str, int]
    golden: GoldenReport


@dataclass(frozen=True)
class VerifyReport:
    """The verdict on a model file; its digests, its threshold and its signature were already held to by then."""

    model: Path
    model_sha256: str
    card_copy: str
    trusted_key: Path | None
    checks: tuple[ProviderCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every provider decides as the golden rows say."""
        return all(check.golden.passed for check in self.checks)


@checked
def verify(model: str | Path | Any, *, providers: Sequence[str] = ("cpu",)) -> VerifyReport:
    """Replay the golden rows on each provider.

    Args:
        model: see `edge.model.load`.
        providers: see `Scorer`.

    Raises:
        BadInput: not a model of the contract.
        CheckFailed: the model is not the one that its card describes.
        Unavailable: a provider cannot run it; none is replaced by another.
    """
    loaded = load(model)
    checks = tuple(_check(loaded, open_session(loaded.data, find_provider(short))) for short in providers)
    return VerifyReport(loaded.path, loaded.card.model_sha256, loaded.card_copy, loaded.trusted_key, checks)


def _check(loaded: LoadedModel, session: Session) -> ProviderCheck:
    card = loaded.card
    outputs = session.run(card.golden.inputs)
    report = compare(card.golden, outputs, card.threshold.value, card.similarity.tolerance)
    return ProviderCheck(session.provider.short, f"onnxruntime {onnxruntime().__version__}", session.placement, report)
