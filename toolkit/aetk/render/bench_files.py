"""Keeps a benchmark: its JSON, and its picture where one can be drawn."""

import contextlib
import re
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput, MissingExtra
from aetk.base.files import write_atomically
from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.report import BenchReport
from aetk.edge.bench.row import Measured
from aetk.edge.bench.samples import SAMPLES_NEEDED
from aetk.render.bench_picture import draw_bench
from aetk.render.report_json import encode, to_data

_NUMBERS = re.compile(r"\[\n\s*(-?\d[-\d,.e+\s]*?)\n\s*\]")  # a line break: within a text it would be escaped


def check_folder(folder: Path) -> None:
    """BadInput where a folder for results is something else; asked before the measuring, not after."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"--out {folder} is a file; expected a folder.", "Name another with --out.")


def bench_json(report: BenchReport) -> str:
    """A report as one JSON document: everything raw, and beside the timings of each row what is derived from them."""
    data = to_data(report)
    rows: list[Measured | Arrivals] = [*report.measured, *report.sparse]
    for member, row in zip([*data["measured"], *data["sparse"]], rows, strict=True):
        member["statistics"] = to_data(_statistics(row))
    # samples on one line, not thousands
    return _NUMBERS.sub(lambda found: "[" + "".join(found[1].split()) + "]", encode(data))


def _statistics(row: Measured | Arrivals) -> dict[str, Any]:
    """Seconds, as the table shows them; null where there are too few samples."""
    timings, batch = row.timings, row.setting.batch
    return {
        **{f"p{percent}": timings.percentile(percent) for percent in SAMPLES_NEEDED},
        "samples": len(timings.seconds),
        **({"rows_per_second": row.rows_per_second} if isinstance(row, Measured) else {}),
        "cpu_seconds_per_1000_rows": timings.cpu_seconds_per_1000_rows(batch),
        "window_medians": timings.window_medians,
        "disagreement": timings.disagreement,
        "unstable": timings.unstable,
    }


def write_bench(report: BenchReport, folder: Path) -> list[Path]:
    """Write `MODEL.bench.json` and, with matplotlib, `MODEL.bench.png`; returns what was written."""
    files = {f"{report.model.stem}.bench.json": (bench_json(report) + "\n").encode()}
    with contextlib.suppress(MissingExtra):  # a device has no matplotlib, and the figures are what counts
        files[f"{report.model.stem}.bench.png"] = draw_bench(report)
    write_atomically([(folder / name, content) for name, content in files.items()])
    return [folder / name for name in files]
