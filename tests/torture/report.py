"""Keeps what a full run found; writes a table into docs/SECURITY.md, and the messages into docs/hostile-inputs.md."""

import datetime
import json
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .outcome import Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = DOCS / "torture.json"
_KINDS = {"faults": "Faults injected", "inputs": "Bad inputs tried", "load": "Load held"}


def line(outcome: Outcome) -> str:
    """An outcome on the screen."""
    return f"{outcome.what}: {outcome.tried:,}; {outcome.found}; wrong: {len(outcome.wrong)}"


def write(outcomes: Sequence[Outcome]) -> None:
    """Keep the outcomes of a full run, and bring the documents up to date."""
    versions = {name: metadata.version(name) for name in ("onnxruntime", "numpy", "pyarrow", "torch")}
    environment = {"date": datetime.date.today().isoformat(), "python": platform.python_version(), **versions}
    kept = {"environment": environment, "outcomes": [outcome.to_dict() for outcome in outcomes]}
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    for name, text in documents().items():
        (DOCS / name).write_text(text)


def documents() -> dict[str, str]:
    """The documents as they should be, from the kept results; the text around the tables is written by hand."""
    kept = json.loads(RESULTS.read_text())
    outcomes = [Outcome(**data) for data in kept["outcomes"]]
    tables = {"SECURITY.md": _table(kept["environment"], outcomes), "hostile-inputs.md": _messages(outcomes)}
    return {
        name: re.sub(
            r"(<!-- make torture -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",
            (DOCS / name).read_text(),
            flags=re.S,
        )
        for name, table in tables.items()
    }


def _table(environment: dict[str, str], outcomes: Sequence[Outcome]) -> str:
    lines = []
    for kind, title in _KINDS.items():
        lines += [f"| {title} | how many | of which | wrong |", "| --- | --- | --- | --- |"]
        lines += [f"| {o.what} | {o.tried:,} | {o.found} | {len(o.wrong)} |" for o in outcomes if o.kind == kind]
        lines.append("")
    known = ", ".join(f"{name} {version}" for name, version in environment.items() if name != "date")
    return "\n".join([*lines, f"Run on {environment['date']} with {known}."])


def _messages(outcomes: Sequence[Outcome]) -> str:
    rows = [row for outcome in outcomes for row in outcome.details]
    lines = [f"| {' | '.join(map(_cell, row.values()))} |" for row in rows]
    titles = list(rows[0])
    return "\n".join([f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles), *lines])


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", "<br>")
