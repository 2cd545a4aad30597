"""Writes an app around a model: one of `exports/hosts`, ready to build, with the model and its card inside."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aetk.base.errors import BadInput, Unavailable
from aetk.contract import spec
from aetk.contract.arguments import checked
from aetk.edge.embed_c import files as c_files
from aetk.edge.embed_c.files import Sizes
from aetk.edge.embed_c.golden_rows import WeightsChange
from aetk.edge.model import LoadedModel, load
from aetk.edge.signing import signature_path

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "hosts", _PACKAGE.parents[1] / "exports" / "hosts")
"""The folders that may hold the apps: of an installed wheel, and of a checkout."""

_MADE = shutil.ignore_patterns("node_modules", "dist", "build", "__pycache__", "test-results", "*.pyc")
"""Ignores the files that building an app leaves in its folder."""


@dataclass(frozen=True)
class Host:
    """An app that embeds a model.

    Attributes:
        name: its folder, and its name on the command line.
        model: the folder in it that holds `detector.onnx` and `detector.card.json`.
        build: the commands that build it, run in its folder.
        selftest: the command that then tests it.
    """

    name: str
    model: str
    build: str
    selftest: str


HOSTS = {
    host.name: host
    for host in (
        Host("python", "model", "pip install numpy onnxruntime", "python detector.py selftest"),
        Host("node", "model", "ONNXRUNTIME_NODE_INSTALL=skip npm install && npm run build", "npm run selftest"),
        Host("web", "public/model", "npm install && npm run build", "npm run preview"),
        Host("cpp", "model", "cmake -S . -B build && cmake --build build", "build/detector selftest"),
    )
}


@dataclass(frozen=True)
class EmbedReport:
    """An app that was written.

    Attributes:
        host: the app's name in `HOSTS`.
        model: the file that was embedded.
        out: the app's folder.
        files: the number of its files.
        bytes: their total size, sources and model, before anything is built.
    """

    host: str
    model: Path
    out: Path
    files: int
    bytes: int


C = "c"
"""The host that needs no runtime: `embed_c` writes the model itself as a C file."""

KNOWN = (*HOSTS, C)


@dataclass(frozen=True)
class EmbedCReport(EmbedReport):
    """A C program that was written.

    Attributes:
        weights: how dense weights are stored: "float32", "int16" or "int8".
        explains: whether it gives contributions.
        sizes: what it needs on a device.
        change: what rounded weights change on the golden rows; None for float32.
    """

    weights: str
    explains: bool
    sizes: Sizes
    change: WeightsChange | None


@checked
def embed(host: str, model: str | Path, out: Path | None = None) -> EmbedReport:
    """Write an app into a folder of its own, which appears when it is complete.

    Args:
        host: a name in `KNOWN`; for `c`, `embed_c` has more options.
        model: an exported model; the card's copy is written from the card inside it.
        out: a folder that does not exist yet, or an empty one; by default `MODEL-HOST` in the working folder.

    Raises:
        BadInput: no such host or model, or a folder that is not empty.
        CheckFailed: the model is not the one that its card describes.
        Unavailable: this installation does not contain the apps.
    """
    if host == C:
        return embed_c(model, out)
    if host not in HOSTS:
        raise BadInput(f"No host is called '{host}'.", f"Known: {', '.join(KNOWN)}.")
    source = _source(host)
    loaded = load(Path(model))
    out = out or Path(f"{loaded.path.stem}-{host}")

    def fill(app: Path) -> None:
        _copy(source, app, _without_model(source / HOSTS[host].model))
        _write_model(app / HOSTS[host].model, loaded)

    files, size = _write(out, fill)
    return EmbedReport(host, loaded.path, out, files, size)


@checked
def embed_c(
    model: str | Path, out: Path | None = None, *, weights: str = "float32", contribution: bool = True
) -> EmbedCReport:
    """Write a model as a C program that needs no runtime, into a folder which appears when it is complete.

    Args:
        model: an exported model.
        out: a folder that does not exist yet, or an empty one; by default `MODEL-c` in the working folder.
        weights: how dense weights are stored: "float32", "int16" or "int8"; rounded ones get their own golden rows.
        contribution: whether the contribution is part of it, if the model has one.

    Raises:
        BadInput: no such model or weights, a graph that is not known, or a folder that is not empty.
        CheckFailed: the model is not the one that its card describes, or with rounded weights, a golden row is decided
            differently.
        Unavailable: this installation does not contain the apps.
    """
    source = _source(C)
    loaded = load(Path(model))
    out = out or Path(f"{loaded.path.stem}-{C}")
    written = c_files.write(loaded, weights, contribution=contribution)

    def fill(app: Path) -> None:
        _copy(source, app, _MADE)
        for name, text in written.files.items():
            (app / name).write_text(text, encoding="utf-8", newline="")

    files, size = _write(out, fill)
    explains = contribution and len(loaded.graph.outputs) > len(spec.OUTPUTS)
    return EmbedCReport(C, loaded.path, out, files, size, written.weights, explains, written.sizes, written.change)


def _write(out: Path, fill: Callable[[Path], None]) -> tuple[int, int]:
    """Fill a folder under a temporary name, and rename it; returns the number of its files, and their bytes."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} exists already.", "Name a new or an empty folder with --out.")
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _naming(out), tempfile.TemporaryDirectory(dir=target.parent, prefix=".aetk-") as folder:
        app = Path(folder) / "app"
        fill(app)
        files = [path for path in app.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        os.replace(app, target)
    return len(files), size


def _source(host: str) -> Path:
    for place in _PLACES:
        if (place / host).is_dir():
            return place / host
    raise Unavailable("The apps did not come with this installation of aetk.", "Install it from its wheel or checkout.")


@contextlib.contextmanager
def _naming(out: Path) -> Iterator[None]:
    """Make an error name the folder that could not be made, not a temporary one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(out), None
        raise


def _copy(source: Path, target: Path, ignored: Callable[[str, list[str]], set[str]]) -> None:
    """Copy a folder; raise the first error itself, which `shutil.copytree` would hide in a list of texts."""
    for folder, folders, names in os.walk(source, followlinks=True):
        left_out = ignored(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in left_out]
        copy = target / Path(folder).relative_to(source)
        copy.mkdir()
        for name in names:
            if name not in left_out:
                shutil.copy2(Path(folder, name), copy / name)


def _without_model(model: Path) -> Callable[[str, list[str]], set[str]]:
    def ignore(folder: str, names: list[str]) -> set[str]:
        return set(_MADE(folder, names)) | ({model.name} if Path(folder) == model.parent else set())

    return ignore


def _write_model(folder: Path, loaded: LoadedModel) -> None:
    folder.mkdir(parents=True)
    (folder / "detector.onnx").write_bytes(loaded.data)
    signature = signature_path(loaded.path)
    if signature.exists():
        shutil.copyfile(signature, folder / "detector.onnx.sig")
    (folder / "detector.card.json").write_text(loaded.graph.metadata[spec.CARD_KEY], encoding="utf-8", newline="")
