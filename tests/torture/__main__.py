"""Torments the toolkit: `make torture`, or a tenth of it with `python -m tests.torture --share 0.1`.

Each part is a module of this package with a function `run(share, work) -> list[Outcome]`, run in a process of its own:
`share` of the full count, in the empty folder `work`. Exits with 1 where anything is wrong.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import click

from .outcome import Outcome
from .report import line, write

PARTS = ("kills", "faults", "gate", "hostile", "mutations", "load")
_ENVIRONMENT = {"OMP_NUM_THREADS": "1"}  # threads that wait for each other make the times of small steps random


@click.command()
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="Of the full count.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this one; repeat for more.")
@click.option("--result", type=click.Path(path_type=Path), hidden=True, help="Run the part here, and write this file.")
def main(share: float, parts: tuple[str, ...], result: Path | None) -> None:
    """Inject faults, try bad inputs and hold load; a full run of a part writes its lines into docs/."""
    if result is not None:
        with tempfile.TemporaryDirectory(prefix="aetk-torture-") as work:
            outcomes = import_module(f"tests.torture.{parts[0]}").run(share, Path(work))
        result.write_text(json.dumps([outcome.to_dict() for outcome in outcomes]))
        return
    wrong = []
    for part in parts or PARTS:
        found = _in_process(part, share)
        wrong += [fault for outcome in found for fault in outcome.wrong]
        if share == 1:
            write(part, found)
    click.echo("\n".join(wrong), err=True)
    raise SystemExit(1 if wrong else 0)


def _in_process(part: str, share: float) -> list[Outcome]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="aetk-torture-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "tests.torture", "--share", str(share), "--part", part, "--result", result]
        done = subprocess.run(command, env=os.environ | _ENVIRONMENT)
        if done.returncode != 0:
            return [Outcome("faults", part, 0, "", (f"the part {part} ended with {done.returncode}",))]
        outcomes = [Outcome(**data) for data in json.loads(result.read_text())]
    for outcome in outcomes:
        click.echo(line(outcome))
    click.echo(f"({part}: {time.perf_counter() - started:.0f} s)")
    return outcomes


if __name__ == "__main__":
    main()
