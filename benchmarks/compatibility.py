"""On which runtimes do the golden rows decide as PyTorch did?

Every preset, one model with contributions, one that imputes and one of a newer opset, made from the built-in table. The
hosts of exports/hosts replay their golden rows: Python's in an environment of its own for each version of ONNX Runtime,
the others as `aetk embed` writes them, with another version of their runtime. A cell is the largest difference of a
similarity from PyTorch's, where all decisions and validities are the same; else what the card says that it needs,
or what went wrong.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from aetk.edge.embed import embed
from aetk.lab.export import export
from aetk.lab.training import train
from harness import Table, keep, reason, show
from hostapps import build_cmake, install_npm, replace_package, run

MODELS = ("default", "small", "reference", "explained", "imputing", "opset 23")


@dataclass(frozen=True)
class Runtime:
    """A runtime to try.

    Attributes:
        host: which of the hosts drives it.
        package: what brings it, from PyPI or npm; libonnxruntime comes with onnxruntime-node.
        version: of that package.
        provider: the execution provider.
        beside: what must be installed beside it.
    """

    host: str
    package: str
    version: str
    provider: str
    beside: str = ""

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.package} {self.version}"


CPU = "CPUExecutionProvider"
RUNTIMES = (
    Runtime("python", "onnxruntime", "1.17.3", CPU, "numpy<2"),
    Runtime("python", "onnxruntime", "1.20.1", CPU),
    Runtime("python", "onnxruntime", "1.22.1", CPU),
    Runtime("python", "onnxruntime", "1.24.4", CPU),
    Runtime("python", "onnxruntime", metadata.version("onnxruntime"), CPU),
    Runtime("python", "onnxruntime-openvino", "1.24.1", "OpenVINOExecutionProvider"),
    Runtime("node", "onnxruntime-node", "1.17.3", CPU),
    Runtime("node", "onnxruntime-node", "1.30.0", CPU),
    Runtime("cpp", "libonnxruntime", "1.17.3", CPU),
    Runtime("cpp", "libonnxruntime", "1.30.0", CPU),
    Runtime("web", "onnxruntime-web", "1.20.1", "wasm"),
    Runtime("web", "onnxruntime-web", "1.30.0", "wasm"),
)


@dataclass(frozen=True)
class Verdict:
    """One model on one runtime.

    Attributes:
        rows: golden rows replayed; 0 where it did not come to that.
        largest_difference: of similarity; None where it is infinite or was not found.
        wrong: what went wrong; empty where nothing did.
    """

    runtime: str
    provider: str
    host: str
    model: str
    rows: int
    largest_difference: float | None
    wrong: str


RESULT = tuple[Verdict, ...]


def make_models(folder: Path) -> dict[str, Path]:
    """Train and export what is tried, by its name in `MODELS`."""
    known = {"device": "cpu", "progress": False}
    runs = {
        "default": train(out=folder / "default", **known).run,
        "small": train(recipe="small", out=folder / "small", **known).run,
        "reference": train(recipe="reference", epochs=40, out=folder / "reference", **known).run,
        "imputing": train(missing="median", out=folder / "imputing", **known).run,
    }
    runs |= {"explained": runs["default"], "opset 23": runs["default"]}
    options = {"explained": {"explain": True}, "imputing": {"explain": True}, "opset 23": {"opset": 23}}
    return {n: export(runs[n], out=folder / f"{n}.onnx", **options.get(n, {})).model for n in MODELS}


def verdicts(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> Iterator[Verdict]:
    """Install a runtime in a folder and replay every model's golden rows on it."""
    try:
        reports = _HOSTS[runtime.host](runtime, models, folder)
    except subprocess.CalledProcessError as error:
        wrong = reason(RuntimeError(error.stderr or error.stdout))
        reports = {name: {"wrong": f"not installed: {wrong}"} for name in models}
    for model, report in reports.items():
        found = (runtime.name, runtime.provider, runtime.host, model)
        yield Verdict(*found, report.get("rows", 0), report.get("largest_difference"), _wrong(report))


def _wrong(report: Mapping[str, object]) -> str:
    if report.get("passed"):
        return ""
    if "wrong" in report:
        needs = re.search(r"The model requires (.*)\.", str(report["wrong"]))
        return f"needs {needs[1]}" if needs else str(report["wrong"]).splitlines()[0]
    return f"{report['flipped_decisions']} decisions and {report['flipped_validity']} validities flipped"


def _python(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    embed("python", models["default"], folder / "app")
    run([sys.executable, "-m", "venv", "venv"], folder)
    wanted = [f"{runtime.package}=={runtime.version}", runtime.beside or "numpy"]
    run(["venv/bin/python", "-m", "pip", "install", "--quiet", *wanted], folder)
    command = ["venv/bin/python", "app/detector.py", "selftest", "--json", "--provider", runtime.provider]
    return {name: _report([*command, "--model", model.resolve()], folder) for name, model in models.items()}


def _node(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    embed("node", models["default"], folder / "app")
    install_npm(folder / "app")
    replace_package(folder / "app", f"{runtime.package}@{runtime.version}")
    command = ["node", "dist/main.js", "selftest", "--json", "--model"]
    return {name: _report([*command, model.resolve()], folder / "app") for name, model in models.items()}


def _cpp(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    embed("cpp", models["default"], folder / "app")
    build_cmake(folder / "app")
    # the library as Node's package brings it; Python's of the oldest version has it linked into its module
    replace_package(folder, f"onnxruntime-node@{runtime.version}")
    (library,) = folder.glob("node_modules/onnxruntime-node/bin/*/linux/x64/libonnxruntime.so*[0-9]")
    command = ["build/detector", "selftest", "--json", "--runtime", library.resolve(), "--model"]
    return {name: _report([*command, model.resolve()], folder / "app") for name, model in models.items()}


def _web(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    app = folder / "app"
    embed("web", models["default"], app)
    install_npm(app)
    replace_package(app, f"{runtime.package}@{runtime.version}")
    run(["npm", "run", "build"], app)
    command = ["node", "tests/selftest.mjs", *(model.resolve() for model in models.values())]
    lines = run(command, app).stdout.splitlines()
    return {name: json.loads(line) for name, line in zip(models, lines, strict=True)}


_HOSTS = {"python": _python, "node": _node, "cpp": _cpp, "web": _web}


def _report(command: Sequence[object], folder: Path) -> dict:
    try:
        done = run(command, folder, accept=(0, 1))
        return json.loads(done.stdout)
    except (subprocess.CalledProcessError, ValueError) as error:
        text = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        return {"wrong": text.strip() or "no answer"}


def tables(result: Sequence[Verdict]) -> Sequence[Table]:
    """Runtimes by models."""
    head = ("runtime", "execution provider", "replayed by", *MODELS)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for found in result:
        cells = rows.setdefault((found.runtime, found.provider, found.host), {})
        cells[found.model] = found.wrong or f"{found.largest_difference:.1g}"
    return (Table("Golden rows", head, [[*key, *(cells[name] for name in MODELS)] for key, cells in rows.items()]),)


def main() -> None:
    """Try them all, show and keep."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder)
        result = []
        for number, runtime in enumerate(RUNTIMES):
            print(f"{runtime.name} on {runtime.provider}", flush=True)
            result += verdicts(runtime, models, folder / str(number))
    show(tables(result))
    keep("compatibility", result)


if __name__ == "__main__":
    main()
