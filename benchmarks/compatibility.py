"""On which runtimes and execution providers does a model file decide as it did where it was exported?

Every preset, one model with contributions, one that imputes and one of a newer opset, made from the built-in table. The
hosts of exports/hosts replay their golden rows: Python's in an environment of its own for each version of ONNX Runtime,
the others as `aetk embed` writes them, with another version of their runtime. A cell is the largest difference of a
similarity from PyTorch's, where all decisions and validities are the same; else what the card says that it needs,
or what went wrong.

Execution providers are tried with the commands of aetk, see trials.py: doctor, verify, score and bench; the web page on
WebGPU with a script of its own. A cell is the largest difference of a similarity from the CPU's, or from WebAssembly's,
over random rows and odd ones.

Options: --environments DIR keeps the environments of the providers for the next run.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from aetk.edge.embed import embed
from aetk.edge.threshold import set_threshold
from aetk.lab.export.publish import export
from aetk.lab.training.trainer import train
from devices import PLACES, make_wheel
from harness import ROOT, Table, keep, reason, show
from hostapps import build_cmake, install_npm, replace_package, run
from trials import PageTrial, ProviderResult, make_tasks, trial_tables, try_page, try_provider

MODELS = ("default", "small", "reference", "explained", "imputing", "opset 23")
TRIED = MODELS[:4]
"""On execution providers."""


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
    Runtime("web", "onnxruntime-web", "1.24.3", "wasm"),
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


@dataclass(frozen=True)
class Compatibility:
    """What was tried.

    Attributes:
        runtimes: golden rows on runtimes.
        providers: the commands of aetk on execution providers.
        pages: the web page on WebGPU.
    """

    runtimes: tuple[Verdict, ...]
    providers: tuple[ProviderResult, ...]
    pages: tuple[PageTrial, ...]


RESULT = Compatibility
_REFERENCE_THRESHOLD = 0.02
"""On the built-in table, unscaled, the reference recipe flags every row at its own; at this one, about half of them."""


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
    models = {n: export(runs[n], out=folder / f"{n}.onnx", **options.get(n, {})).model for n in MODELS}
    set_threshold(models["reference"], _REFERENCE_THRESHOLD)
    return models


def verdicts(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> Iterator[Verdict]:
    """Install a runtime in a folder, where others may have been, and replay every model's golden rows on it."""
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


def _app(host: str, models: Mapping[str, Path], folder: Path, build: Callable[[Path], None]) -> Path:
    """A host's app, written and built once, whatever versions of its runtime come and go."""
    app = folder / host
    if not app.exists():
        embed(host, models["default"], app)
        build(app)
    return app


def _python(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    app = _app("python", models, folder, lambda _: None)
    packages = app / runtime.name
    wanted = [f"{runtime.package}=={runtime.version}", runtime.beside or "numpy"]
    run([sys.executable, "-m", "pip", "install", "--quiet", "--target", packages, *wanted], app)
    # without the packages of this environment, and with those alone
    command = [sys.executable, "-S", "detector.py", "selftest", "--json", "--provider", runtime.provider]
    return _reports(command, models, app, {"PYTHONPATH": str(packages)})


def _node(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    app = _app("node", models, folder, install_npm)
    replace_package(app, f"{runtime.package}@{runtime.version}")
    return _reports(["node", "dist/main.js", "selftest", "--json"], models, app)


def _cpp(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    app = _app("cpp", models, folder, build_cmake)
    # the library as Node's package brings it; Python's of the oldest version has it linked into its module
    replace_package(app, f"onnxruntime-node@{runtime.version}")
    (library,) = app.glob("node_modules/onnxruntime-node/bin/*/linux/x64/libonnxruntime.so*[0-9]")
    return _reports(["build/detector", "selftest", "--json", "--runtime", library], models, app)


def _web(runtime: Runtime, models: Mapping[str, Path], folder: Path) -> dict[str, dict]:
    app = _app("web", models, folder, install_npm)
    replace_package(app, f"{runtime.package}@{runtime.version}")
    run(["npm", "run", "build"], app)
    lines = run(["node", "tests/selftest.mjs", *models.values()], app).stdout.splitlines()
    return {name: json.loads(line) for name, line in zip(models, lines, strict=True)}


_HOSTS = {"python": _python, "node": _node, "cpp": _cpp, "web": _web}


def _reports(
    command: Sequence[object],
    models: Mapping[str, Path],
    app: Path,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, dict]:
    return {name: _report([*command, "--model", model], app, variables) for name, model in models.items()}


def _report(command: Sequence[object], app: Path, variables: Mapping[str, str]) -> dict:
    try:
        return json.loads(run(command, app, accept=(0, 1), variables=variables).stdout)
    except subprocess.CalledProcessError as error:
        return {"wrong": error.stderr.strip() or "no answer"}
    except ValueError:
        return {"wrong": "no answer"}


def tables(result: Compatibility) -> Sequence[Table]:
    """Runtimes by models, and those of trials.py."""
    head = ("runtime", "execution provider", "replayed by", *MODELS)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for found in result.runtimes:
        cells = rows.setdefault((found.runtime, found.provider, found.host), {})
        cells[found.model] = found.wrong or f"{found.largest_difference:.1g}"
    golden = [[*key, *(cells[name] for name in MODELS)] for key, cells in rows.items()]
    return (Table("Golden rows", head, golden), *trial_tables(result.providers, result.pages, TRIED))


def main() -> None:
    """Try them all, show and keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--environments", type=Path, metavar="DIR")
    kept = parser.parse_args().environments
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        folder = Path(name).resolve()
        models = make_models(folder)
        tried = {name: models[name] for name in TRIED}
        hosts = pool.submit(_try_hosts, models, tried, folder / "hosts")
        tasks, wheel = make_tasks(tried, folder / "tasks"), make_wheel(ROOT.parent, folder)
        environments = (kept or folder / "environments").resolve()
        providers = pool.map(lambda place: try_provider(place, tasks, wheel, environments), PLACES)
        runtimes, pages = hosts.result()
        result = Compatibility(runtimes, tuple(providers), pages)
    show(tables(result))
    keep("compatibility", result)


def _try_hosts(
    models: Mapping[str, Path], tried: Mapping[str, Path], folder: Path
) -> tuple[tuple[Verdict, ...], tuple[PageTrial, ...]]:
    """Golden rows on every runtime, then the rows of some models in the page with the newest of its runtimes."""
    runtimes = tuple(found for runtime in RUNTIMES for found in verdicts(runtime, models, folder))
    return runtimes, try_page(tried, folder / "web")


if __name__ == "__main__":
    main()
