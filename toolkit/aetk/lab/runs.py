"""Run folders: where they are, what they hold, and how they are written and read."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from aetk import __version__
from aetk.base import typed_json
from aetk.base.errors import BadInput, CheckFailed
from aetk.base.files import remove, write_atomically
from aetk.base.names import natural_order
from aetk.contract.card import Feature
from aetk.contract.threshold import Threshold

if TYPE_CHECKING:
    from aetk.lab.model.detector import Detector

RUNS = Path("runs")
RECORD, WEIGHTS, ROWS, HISTORY = "run.json", "model.safetensors", "calibration.safetensors", "history.json"
CHECKPOINT = "checkpoint.safetensors"
_DOCUMENT = typed_json.Document("run", "Train again.")


@dataclass(frozen=True)
class RunRecord:
    """What aetk reads of `run.json`, checked."""

    recipe: Mapping[str, Any]
    missing: Literal["reject", "median"]
    features: tuple[Feature, ...]
    threshold: Threshold
    metrics: Mapping[str, Any] | None
    training_data: Mapping[str, Any]
    versions: Mapping[str, str]
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it lies.
        record: see `RunRecord`.
        detector: the trained module, in evaluation mode, on the CPU.
        calibration: float32 [rows, n], the rows that the threshold was calibrated on.
        calibration_labels: bool [rows], or None.
    """

    folder: Path
    record: RunRecord
    detector: "Detector"
    calibration: NDArray[np.float32]
    calibration_labels: NDArray[np.bool_] | None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that the detector takes, in order."""
        return tuple(feature.name for feature in self.record.features)


def new_folder(stem: str, root: Path = RUNS) -> Path:
    """Make and return the first free `root/stem-N`."""
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = root / f"{stem}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def name_of(folder: Path) -> str:
    """The name of a run, which becomes the model's."""
    return folder.resolve().name


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a finished run."""
    return (folder / RECORD).is_file()


def newest(root: Path, holding: str, without: str = "") -> Path | None:
    """The folder under `root` whose file `holding` is the newest, of those that have no file `without`; or None.

    Of files of the same time, the last by `natural_order` of their folders is taken.
    """
    found = [path for path in root.glob(f"*/{holding}") if path.is_file()]
    found = [path for path in found if not without or not (path.parent / without).exists()]
    if not found:
        return None
    return max(found, key=lambda path: (path.stat().st_mtime_ns, natural_order(path.parent.name))).parent


def newest_interrupted(root: Path = RUNS) -> Path:
    """The newest run that was stopped before it was finished; BadInput where there is none."""
    folder = newest(root, CHECKPOINT, without=RECORD)
    if folder is None:
        raise BadInput(f"There is no interrupted run under {root}/.", "Start one with: aetk train")
    return folder


def newest_finished(root: Path = RUNS) -> Path:
    """The newest finished run; BadInput where there is none."""
    folder = newest(root, RECORD)
    if folder is None:
        raise BadInput(f"There is no finished run under {root}/.", "Make one with: aetk train")
    return folder


def write_run(
    folder: Path,
    record: dict[str, Any],
    detector: "Detector",
    calibration: NDArray[np.float32],
    labels: NDArray[np.bool_] | None,
    others: Mapping[str, bytes],
) -> None:
    """Write a run; `run.json`, which vouches for the other files by their digests, appears last.

    `others` are more files by name: the history, a picture.
    """
    from aetk.lab import run_tensors  # needs PyTorch, which finding a run does not

    files = {WEIGHTS: run_tensors.pack(detector), ROWS: run_tensors.pack_rows(calibration, labels), **others}
    record = {**record, "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}}
    write_atomically([(folder / name, content) for name, content in {**files, RECORD: encode(record)}.items()])
    sweep(folder)


def sweep(folder: Path) -> None:
    """Remove the checkpoint of a finished run, which a kill at the last moment may have left."""
    remove(folder / CHECKPOINT)


def encode(data: Any) -> bytes:
    """JSON as it is written into a run folder."""
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_record(folder: Path) -> dict[str, Any]:
    """The content of `run.json`; BadInput where there is no finished run."""
    try:
        record = typed_json.parse((folder / RECORD).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        hint = (
            f"Go on with: aetk train --resume --out {folder}"
            if (folder / CHECKPOINT).exists()
            else "Make one with: aetk train"
        )
        if not folder.exists():
            raise BadInput(f"No such run folder: {folder}.", "Check the path, or make one with: aetk train") from None
        raise BadInput(f"{folder} holds no finished run.", hint) from None
    except ValueError:
        raise BadInput(f"{folder / RECORD} is not JSON; expected the record of a run.", _DOCUMENT.remedy) from None
    if not isinstance(record, dict) or not isinstance(record.get("sha256"), dict):
        raise BadInput(f"{folder / RECORD} is not a record of a run.", _DOCUMENT.remedy)
    return record


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The evaluations of a run, in order; see `lab.training.checkpoint.Evaluation`. Raises as `read_run` does."""
    content = _vouched(folder, HISTORY, read_record(folder))
    try:
        history: list[dict[str, Any]] = typed_json.parse(content)
    except ValueError:
        raise BadInput(f"{folder / HISTORY} is not JSON; expected a run's history.", _DOCUMENT.remedy) from None
    return history


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        BadInput: there is none, or its record is not one of this version.
        CheckFailed: a file is not the one that `run.json` vouches for.
    """
    content = read_record(folder)
    contents = {name: _vouched(folder, name, content) for name in (WEIGHTS, ROWS)}
    record: RunRecord = typed_json.read(RunRecord, content, RECORD, _DOCUMENT)
    from aetk.lab import run_tensors  # needs PyTorch, which a run that is not there does not

    weights, rows = (run_tensors.unpack(contents[name], folder) for name in (WEIGHTS, ROWS))
    return Run(folder, record, run_tensors.build(record, weights), *run_tensors.read_rows(rows, len(record.features)))


def _vouched(folder: Path, name: str, record: Mapping[str, Any]) -> bytes:
    """The content of a file, as `run.json` vouches for it."""
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise CheckFailed(f"{folder / name} is missing.", "Train again.") from None
    if hashlib.sha256(content).hexdigest() != record["sha256"].get(name):
        raise CheckFailed(f"{folder / name} was changed after training; its SHA-256 is not run.json's.", "Train again.")
    return content


def versions() -> dict[str, str]:
    """Versions of what a model is made with."""
    packages = ("torch", "numpy", "scikit-learn", "onnx", "onnxscript", "onnxruntime")
    found = {"aetk": __version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
