"""Keeps what a full run found; writes a table into docs/SECURITY.md, and the messages into docs/hostile-inputs.md."""

import datetime
import json
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .outcome import Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = DOCS / "torture.json"
_KINDS = {"faults": "Faults injected", "inputs": "Bad inputs tried", "load": "Load held"}


def line(outcome: Outcome) -> str:
    """An outcome on the screen."""
    return f"{outcome.what}: {outcome.tried:,}; {outcome.found}; wrong: {len(outcome.wrong)}"


def write(part: str, outcomes: Sequence[Outcome]) -> None:
    """Keep the outcomes of a part's full run, and bring the documents up to date."""
    versions = {name: metadata.version(name) for name in ("onnxruntime", "numpy", "pyarrow", "torch")}
    environment = {"date": datetime.date.today().isoformat(), "python": platform.python_version(), **versions}
    kept = _kept() | {part: {"environment": environment, "outcomes": [outcome.to_dict() for outcome in outcomes]}}
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    for name, text in documents().items():
        (DOCS / name).write_text(text)


def documents() -> dict[str, str]:
    """The documents as they should be, from the kept results; the text around the tables is written by hand."""
    outcomes = kept_outcomes()
    environments = [run["environment"] for run in _kept().values()]
    tables = {"SECURITY.md": _table(environments, outcomes), "hostile-inputs.md": _messages(outcomes)}
    return {
        name: re.sub(
            r"(<!-- make torture -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",
            (DOCS / name).read_text(),
            flags=re.S,
        )
        for name, table in tables.items()
    }


def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return kept


def kept_outcomes() -> list[Outcome]:
    """What the last full run of each part found."""
    return [Outcome(**data) for run in _kept().values() for data in run["outcomes"]]


def _table(environments: Sequence[dict[str, str]], outcomes: Sequence[Outcome]) -> str:
    lines = []
    for kind, title in _KINDS.items():
        lines += [f"| {title} | how many | of which | wrong |", "| --- | --- | --- | --- |"]
        lines += [f"| {o.what} | {o.tried:,} | {o.found} | {len(o.wrong)} |" for o in outcomes if o.kind == kind]
        lines.append("")
    last = max(environments, key=lambda environment: environment["date"])
    known = ", ".join(f"{name} {version}" for name, version in last.items() if name != "date")
    return "\n".join([*lines, f"Run until {last['date']} with {known}, on two cores."])


def _messages(outcomes: Sequence[Outcome]) -> str:
    rows = [row for outcome in outcomes for row in outcome.details]
    lines = [f"| {' | '.join(map(_cell, row.values()))} |" for row in rows]
    if not rows:
        return ""
    titles = list(rows[0])
    return "\n".join([f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles), *lines])


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", "<br>")
