"""Writes the files of a benchmark: its JSON and, if matplotlib is installed, its picture."""

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

_NUMBERS = re.compile(r"\[\n\s*(-?\d[-\d,.e+\s]*?)\n\s*\]")  # never inside a text: JSON escapes line breaks there


def check_folder(folder: Path) -> None:
    """Raise BadInput if the folder for results is not a folder; called before the measurement."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"--out {folder} is a file; expected a folder.", "Name another with --out.")


def bench_json(report: BenchReport) -> str:
    """Encode a report as one JSON document: all raw data, and for each row the statistics of its timings."""
    data = to_data(report)
    rows: list[Measured | Arrivals] = [*report.measured, *report.sparse]
    for member, row in zip([*data["measured"], *data["sparse"]], rows, strict=True):
        member["statistics"] = to_data(_statistics(row))
    # write all samples on one line
    return _NUMBERS.sub(lambda found: "[" + "".join(found[1].split()) + "]", encode(data))


def _statistics(row: Measured | Arrivals) -> dict[str, Any]:
    """The statistics in the table, times in seconds; None if there are too few samples."""
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
    """Write `MODEL.bench.json` and, with matplotlib, `MODEL.bench.png`; return the paths of the written files."""
    files = {f"{report.model.stem}.bench.json": (bench_json(report) + "\n").encode()}
    with contextlib.suppress(MissingExtra):  # devices often lack matplotlib; the JSON is enough
        files[f"{report.model.stem}.bench.png"] = draw_bench(report)
    write_atomically([(folder / name, content) for name, content in files.items()])
    return [folder / name for name in files]
