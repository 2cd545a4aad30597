"""Reads an earlier report to compare with, and refuses it unless its parts are exactly as declared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.setting import RunMode, Setting

_REPORT = typed_json.Document("report", "Make one with: aetk bench")


@dataclass(frozen=True)
class _Setting:
    provider: str
    batch: int
    mode: RunMode
    threads: int | None
    spinning: bool


@dataclass(frozen=True)
class _Row:
    setting: _Setting
    timings: Timings


@dataclass(frozen=True)
class _Arrivals:
    setting: _Setting
    timings: Timings
    interval_ms: int


@dataclass(frozen=True)
class _Data:
    model: str
    model_sha256: str
    environment: Mapping[str, Any]
    measured: tuple[_Row, ...]
    sparse: tuple[_Arrivals, ...]


Key = tuple[Setting, int | None]
"""A row of a report: its setting, and its interval in milliseconds if it is sparse, else None."""


@dataclass(frozen=True)
class Baseline:
    """An earlier report.

    Attributes:
        path: the report's file.
        model: the file that was measured then.
        model_sha256: the SHA-256 of that file, see `BenchReport`.
        environment: the machine and the versions.
        rows: raw timings of every row.
    """

    path: Path
    model: str
    model_sha256: str
    environment: Mapping[str, Any]
    rows: Mapping[Key, Timings]


def read_baseline(path: Path, schema_version: int) -> Baseline:
    """Read a report.

    Raises:
        BadInput: the file does not exist, or is not JSON, not a report, or of another schema version.
    """
    try:
        data = typed_json.parse(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"No such report: {path}.", "Check the path, or make one with: aetk bench") from None
    except ValueError:
        raise BadInput(f"{path} is not JSON; expected a report of aetk bench.", _REPORT.remedy) from None
    try:
        if not isinstance(data, dict):
            raise BadInput("It is not a report of aetk bench.", _REPORT.remedy)
        found = data.get("schema_version")
        if found != schema_version:
            raise _of_another_version(found, schema_version)
        return _baseline(path, typed_json.read(_Data, data, "report", _REPORT))
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from None


def _of_another_version(found: Any, expected: int) -> BadInput:
    if type(found) is not int:
        return BadInput(f"Its schema version is {found!r:.40}; expected {expected}.", _REPORT.remedy)
    age = "An older" if found < expected else "A newer"
    return BadInput(
        f"{age} version of aetk wrote this report (schema version {found}); this one reads {expected}.",
        "Measure both with the same version: aetk bench",
    )


def _baseline(path: Path, data: _Data) -> Baseline:
    rows: dict[Key, Timings] = {}
    listed: list[_Row | _Arrivals] = [*data.measured, *data.sparse]
    for row in listed:
        s = row.setting
        setting = Setting(s.provider, s.batch, s.mode, s.threads, s.spinning)
        samples = [sample for turn in row.timings.turns for sample in turn.samples]
        if not samples or min(samples) <= 0:
            raise BadInput("A row's samples are missing or not positive.", _REPORT.remedy)
        rows[setting, row.interval_ms if isinstance(row, _Arrivals) else None] = row.timings
    return Baseline(path, data.model, data.model_sha256, data.environment, rows)
