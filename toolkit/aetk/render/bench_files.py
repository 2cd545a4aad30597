"""Keeps a benchmark: its JSON, and its picture where one can be drawn."""

import contextlib
from pathlib import Path

from aetk.contract.errors import BadInput, MissingExtra
from aetk.contract.files import write_atomically
from aetk.edge.bench import BenchReport
from aetk.render.data import to_json
from aetk.render.picture import draw_bench


def check_folder(folder: Path) -> None:
    """BadInput where a folder for results is something else; asked before the measuring, not after."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"--out {folder} is a file; expected a folder.")


def write_bench(report: BenchReport, folder: Path) -> list[Path]:
    """Write `MODEL.bench.json` and, with matplotlib, `MODEL.bench.png`; returns what was written."""
    files = {f"{report.model.stem}.bench.json": (to_json(report) + "\n").encode()}
    with contextlib.suppress(MissingExtra):  # a device has no matplotlib, and the figures are what counts
        files[f"{report.model.stem}.bench.png"] = draw_bench(report)
    write_atomically([(folder / name, content) for name, content in files.items()])
    return [folder / name for name in files]
