"""What does one decision take in each host, and what has to be shipped for it?

The default recipe on the built-in table; one row at a time through each host's public call, the median of 500 after 100
to warm up, as the host's own self-test takes it; in turns, five rounds. What is shipped: the app as built, its packages
and its runtime, without Python, Node.js or the browser themselves.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from aetk.edge.embed import embed
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.scoring.scorer import Scorer
from aetk.lab.export.publish import export
from aetk.lab.runs import read_run
from aetk.lab.training.trainer import train
from harness import Table, keep, show
from hostapps import build_cmake, install_npm, run

ROUNDS, CALLS, WARM_UP = 5, 500, 100
RUNTIME = next((Path(onnxruntime().__file__).parent / "capi").glob("libonnxruntime.so*"))


@dataclass(frozen=True)
class Way:
    """One way to decide.

    Attributes:
        microseconds: the median of one decision, round by round.
        bytes: of all that is shipped.
        shipped: what that is, in words.
    """

    name: str
    runtime: str
    microseconds: tuple[float, ...]
    bytes: int
    shipped: str


RESULT = tuple[Way, ...]
Measure = Callable[[], tuple[float, str]]
"""Takes the median of one decision in microseconds; says what ran."""


def packages(*names: str) -> int:
    """Bytes of installed distributions."""
    return sum(
        Path(str(file.locate())).stat().st_size
        for name in names
        for file in metadata.files(name) or ()
        if Path(str(file.locate())).is_file()
    )


def files(*paths: Path) -> int:
    """Bytes of files and folders."""
    found = [inner for path in paths for inner in ([path] if path.is_file() else path.rglob("*"))]
    return sum(path.stat().st_size for path in found if path.is_file())


def _without_webgpu(dist: Path) -> list[Path]:
    """The files of a built page that a browser loads where no WebGPU is asked for."""
    return [path for path in dist.rglob("*") if path.is_file() and not re.search("asyncify|webgpu", path.name)]


def _selftest(command: Sequence[object], folder: Path) -> Measure:
    def measure() -> tuple[float, str]:
        report = json.loads(run(command, folder).stdout)
        assert report["passed"], report
        return report["microseconds"], report["runtime"]

    return measure


def _in_process(call: Callable[[], Any], what: str) -> Measure:
    def measure() -> tuple[float, str]:
        taken = []
        for _ in range(WARM_UP + CALLS):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
        return median(taken[WARM_UP:]) * 1e6, what

    return measure


def build_c(folder: Path) -> Path:
    """Build the C program of `embed c` for this machine, and prove it, with a main that takes the time."""
    flags = ["-std=c99", "-O3", "-march=native", "-ffp-contract=off", "-I."]
    run(["cc", *flags, "selftest.c", "detector.c", "-o", "proof", "-lm"], folder)
    run([folder / "proof"], folder)
    source = Path(__file__).with_name("decision_c.c")
    run(["cc", *flags, "-DDETECTOR_WITHOUT_ROWS", "-s", source, "detector.c", "-o", "program", "-lm"], folder)
    return folder / "program"


def ways(model: Path, run_folder: Path, folder: Path) -> Iterator[tuple[str, Measure, int, str]]:
    """Build every way: its name, how to measure it, what it ships in bytes and in words."""
    for host in ("python", "node", "web", "cpp", "c"):
        embed(host, model, folder / host)
    python, node, web, cpp, c = (folder / host for host in ("python", "node", "web", "cpp", "c"))
    yield (
        "C file", _selftest([build_c(c)], c), files(c / "program"), "program, which holds the model",
    )  # fmt: skip
    install_npm(node)
    run(["npm", "ci", "--omit=dev"], node)
    install_npm(web)
    build_cmake(cpp)
    yield (
        "C++ host", _selftest(["build/detector", "selftest", "--json", "--runtime", RUNTIME], cpp),
        files(cpp / "build/detector", cpp / "model", RUNTIME), "program, model, libonnxruntime",
    )  # fmt: skip
    yield (
        "Python host", _selftest([sys.executable, "detector.py", "selftest", "--json"], python),
        files(python / "detector.py", python / "model") + packages("numpy", "onnxruntime"),
        "detector.py, model, NumPy, ONNX Runtime",
    )  # fmt: skip
    yield (
        "Node host", _selftest(["node", "dist/main.js", "selftest", "--json"], node),
        files(node / "dist", node / "model", node / "node_modules"), "app, model, packages for all systems",
    )  # fmt: skip
    yield (
        "web page", _selftest(["node", "tests/selftest.mjs"], web),
        files(*_without_webgpu(web / "dist")), "page, model, WebAssembly",
    )  # fmt: skip
    row = np.zeros((1, 30), np.float32)
    scorer = Scorer(model)
    yield (
        "aetk's Scorer", _in_process(lambda: scorer.score(row), f"onnxruntime {onnxruntime().__version__}"),
        files(model) + packages("aetk", "numpy", "click", "onnxruntime"), "model, aetk[cpu]",
    )  # fmt: skip
    detector, features = read_run(run_folder).detector, torch.from_numpy(row)

    def eager() -> None:
        with torch.inference_mode():
            detector(features)

    yield (
        "PyTorch eager", _in_process(eager, f"torch {torch.__version__}"),
        files(run_folder / "weights.safetensors") + packages("torch", "numpy"), "weights, PyTorch, NumPy",
    )  # fmt: skip


def tables(result: Sequence[Way]) -> Sequence[Table]:
    """The figures as a table."""
    fastest = min(median(way.microseconds) for way in result)
    head = ("way", "runtime", "one decision, p50", "of the fastest", "to ship", "which is")
    rows = [
        [way.name, way.runtime, f"{median(way.microseconds):.1f} µs", f"{median(way.microseconds) / fastest:.1f}",
         f"{way.bytes / 2**20:,.1f} MiB", way.shipped]
        for way in sorted(result, key=lambda way: median(way.microseconds))
    ]  # fmt: skip
    return (Table("One decision", head, rows),)


def main() -> None:
    """Build, measure in turns, show and keep."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = train(out=folder / "run", device="cpu", progress=False).run
        model = export(trained, out=folder / "model.onnx").model
        found = list(ways(model, trained, folder))
        samples: Mapping[str, list[tuple[float, str]]] = {what: [] for what, *_ in found}
        for _ in range(ROUNDS):
            for what, measure, _, _ in found:
                samples[what].append(measure())
        result = [
            Way(what, samples[what][0][1], tuple(round(time, 2) for time, _ in samples[what]), size, shipped)
            for what, _, size, shipped in found
        ]
    show(tables(result))
    keep("decision", result)


if __name__ == "__main__":
    main()
