"""Keeps what was measured at full size in docs/scale.json, and writes the tables of docs/scale.md from it."""

import datetime
import json
import os
import platform
import re
import statistics
from importlib import metadata
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS, DOCUMENT = DOCS / "scale.json", DOCS / "scale.md"

PRICE = 0.04
"""Dollars for an hour of one processor: about what clouds ask for a rented one, and no figure of ours."""
STORE = 85e6
"""Bytes a second of one connection to an object store: what Amazon's guidelines for S3 say, and no figure of ours."""
_PACKAGES = ("ray", "pyspark", "duckdb", "onnxruntime", "pyarrow")


def keep(figures):
    """Keep figures by name, beside those of other tests, and bring the document up to date."""
    environment = {"date": datetime.date.today().isoformat(), "python": platform.python_version()}
    environment |= {"processors": os.cpu_count(), **{name: metadata.version(name) for name in _PACKAGES}}
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | figures | {"environment": environment}, indent=1) + "\n")
    DOCUMENT.write_text(document())


def document():
    """The document as it should be, from the kept results; the text around the tables is written by hand."""
    kept = json.loads(RESULTS.read_text())
    text = DOCUMENT.read_text()
    for name, table in {"measured": _measured(kept), "estimate": _estimate(kept)}.items():
        text = re.sub(
            rf"(<!-- make test-scale: {name} -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",
            text,
            flags=re.S,
        )
    return text


def _measured(kept):
    ray, killed, threshold, spark = (kept[name] for name in ("ray", "ray_killed", "ray_threshold", "spark"))
    rays, ours = (statistics.median(ray[name]) for name in ("rows_per_second", "aetk_score_rows_per_second"))

    def equality(found):
        ties = found["near_ties_that_differ"]
        if not found["largest_difference"]:
            return "validity, decisions and similarities the same, bit for bit"
        return f"similarities within {found['largest_difference']:.1g}, {ties:,} near ties decided otherwise"

    rows = [
        ("what", "rows", "found"),
        ("---", "---", "---"),
        ("a Ray cluster of two nodes against `aetk score`", f"{ray['rows']:,} in {ray['files']} files", equality(ray)),
        (
            f"its throughput, medians of {len(ray['rows_per_second'])}",
            f"{ray['rows']:,}",
            f"{rays / 1e6:.2f} against {ours / 1e6:.2f} million rows/s, {ray['ratio']:.0%}; "
            f"its actors' start included; the largest worker held {ray['largest_worker_bytes'] / 2**20:.0f} MiB",
        ),
        (
            "a worker killed, then the driver, then a second driver",
            f"{killed['rows']:,}",
            f"none lost, none twice; {killed['found_by_the_second_driver']} files were there; {equality(killed)}",
        ),
        (
            "a threshold for 1 false alarm in 1,000, two passes on Ray",
            f"{threshold['rows']:,}",
            f"{threshold['value']:.9g}; in memory {threshold['in_memory']:.9g}; {threshold['seconds']:.0f} s",
        ),
        (
            "Spark in local-cluster mode, two workers, against `aetk score`",
            f"{spark['rows']:,} in {spark['files']} files",
            f"{equality(spark)}; {spark['rows_per_second'] / 1e6:.2f} million rows/s",
        ),
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    known = ", ".join(f"{name} {kept['environment'][name]}" for name in _PACKAGES)
    end = f"Run on {kept['environment']['date']} on {kept['environment']['processors']} processors with {known}."
    return "\n".join([*lines, "", end])


def _estimate(kept):
    core = kept["one_core"]
    stages = {name: core[f"{name}_rows_per_second"] for name in ("decode", "score", "encode")}
    each = 1 / sum(1 / pace for pace in stages.values())
    workers = kept["ray"]["workers"]
    measured = statistics.median(kept["ray"]["rows_per_second"])
    lines = [
        f"One core decodes {stages['decode'] / 1e6:.1f}, scores {stages['score'] / 1e6:.2f} and encodes "
        f"{stages['encode'] / 1e6:.1f} million rows of 30 columns a second, one after the other "
        f"**{each / 1e6:.2f} million**. {workers} workers should come to {workers * each / 1e6:.2f}; measured were "
        f"{measured / 1e6:.2f}, {measured / (workers * each):.0%} of it. What takes the rest was not taken apart; the "
        "start of the actors and syncing the files are among it. The table goes by what was measured.",
        "",
        "| cores | million rows/s | a billion rows | read | at $0.04 a core-hour | from a store, 85 MB/s a worker |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for cores in (2, 16, 64, 256):
        pace = cores * measured / workers
        seconds = 1e9 / pace
        copying = 1e9 * core["bytes_per_row"] / (STORE * cores)
        lines.append(
            f"| {cores} | {pace / 1e6:.1f} | {seconds / 60:.1f} min | {pace * core['bytes_per_row'] / 1e9:.2f} GB/s | "
            f"${cores * seconds / 3600 * PRICE:.3f} | {(seconds + copying) / 60:.1f} min, "
            f"${cores * (seconds + copying) / 3600 * PRICE:.3f} |"
        )
    return "\n".join(lines)
