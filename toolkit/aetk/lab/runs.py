"""Finds, writes and reads run folders."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from aetk.base.typed_json import OPTIONAL
from aetk.contract.card import Feature
from aetk.contract.reading import Encoding, Refused, TableFormat, read_format
from aetk.contract.threshold import Threshold

if TYPE_CHECKING:
    from aetk.lab.model.detector import Detector

RUNS = Path("runs")
RECORD, WEIGHTS, ROWS, HISTORY = "run.json", "model.safetensors", "calibration.safetensors", "history.json"
CHECKPOINT = "checkpoint.safetensors"
_DOCUMENT = typed_json.Document("run", "Train again.")


@dataclass(frozen=True)
class RunRecord:
    """The parts of `run.json` that aetk reads, checked."""

    recipe: Mapping[str, Any]
    missing: Literal["reject", "median"]
    features: tuple[Feature, ...]
    threshold: Threshold
    metrics: Mapping[str, Any] | None
    training_data: Mapping[str, Any]
    versions: Mapping[str, str]
    sha256: Mapping[str, str]
    table: Mapping[str, Any] | None = field(default=None, metadata=OPTIONAL)

    @property
    def table_format(self) -> TableFormat:
        """The format of the text file that was trained on."""
        return read_format(self.table)

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """How the cells of the table become each feature."""
        return tuple(feature.encoding for feature in self.features)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: the folder of the run.
        record: the content of its `run.json`.
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
        """The names of the detector's features, in order."""
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
    """The name of a run, which becomes the name of the model."""
    return folder.resolve().name


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a finished run."""
    return (folder / RECORD).is_file()


def newest(root: Path, holding: str, without: str = "") -> Path | None:
    """Return the folder under `root` with the newest file `holding` and without a file `without`, or None.

    If several files have the same time, the folder that is last in `natural_order` is returned.
    """
    found = [path for path in root.glob(f"*/{holding}") if path.is_file()]
    found = [path for path in found if not without or not (path.parent / without).exists()]
    if not found:
        return None
    return max(found, key=lambda path: (path.stat().st_mtime_ns, natural_order(path.parent.name))).parent


def newest_interrupted(root: Path = RUNS) -> Path:
    """Return the newest run that was interrupted before it was finished; raise BadInput if there is none."""
    folder = newest(root, CHECKPOINT, without=RECORD)
    if folder is None:
        raise BadInput(f"There is no interrupted run under {root}/.", "Start one with: aetk train")
    return folder


def newest_finished(root: Path = RUNS) -> Path:
    """Return the newest finished run; raise BadInput if there is none."""
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
    """Write a run; `run.json`, which holds the digests of the other files, appears last.

    `others` holds more files by name: the history and, if there is one, a picture.
    """
    from aetk.lab import run_tensors  # needs PyTorch, which is not needed to find a run

    files = {WEIGHTS: run_tensors.pack(detector), ROWS: run_tensors.pack_rows(calibration, labels), **others}
    record = {**record, "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}}
    write_atomically([(folder / name, content) for name, content in {**files, RECORD: encode(record)}.items()])
    sweep(folder)


def sweep(folder: Path) -> None:
    """Remove the checkpoint of a finished run, which is left if the process is killed at the last moment."""
    remove(folder / CHECKPOINT)


def encode(data: Any) -> bytes:
    """Encode data as JSON for a file of a run folder."""
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of `run.json`; raise BadInput if there is no finished run."""
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
    """Return a run's evaluations in order (see `lab.training.checkpoint.Evaluation`); raises the same as `read_run`."""
    content = _vouched(folder, HISTORY, read_record(folder))
    try:
        history: list[dict[str, Any]] = typed_json.parse(content)
    except ValueError:
        raise BadInput(f"{folder / HISTORY} is not JSON; expected a run's history.", _DOCUMENT.remedy) from None
    return history


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        BadInput: there is no finished run, or its record is not one of this version.
        CheckFailed: a file is missing, or its digest is not the one in `run.json`.
    """
    content = read_record(folder)
    contents = {name: _vouched(folder, name, content) for name in (WEIGHTS, ROWS)}
    record: RunRecord = typed_json.read(RunRecord, content, RECORD, _DOCUMENT)
    try:
        _ = record.table_format, record.encodings
    except Refused as refused:
        raise BadInput(f"{folder / RECORD} is damaged: {refused.message}.", _DOCUMENT.remedy) from None
    from aetk.lab import run_tensors  # needs PyTorch, which is slow to import; missing runs fail before

    weights, rows = (run_tensors.unpack(contents[name], folder) for name in (WEIGHTS, ROWS))
    return Run(folder, record, run_tensors.build(record, weights), *run_tensors.read_rows(rows, len(record.features)))


def _vouched(folder: Path, name: str, record: Mapping[str, Any]) -> bytes:
    """Return the content of a file; raise CheckFailed if its digest is not the one in `run.json`."""
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise CheckFailed(f"{folder / name} is missing.", "Train again.") from None
    if hashlib.sha256(content).hexdigest() != record["sha256"].get(name):
        raise CheckFailed(f"{folder / name} was changed after training; its SHA-256 is not run.json's.", "Train again.")
    return content


def versions() -> dict[str, str]:
    """The versions of aetk, Python and the packages that a model is made with."""
    packages = ("torch", "numpy", "scikit-learn", "onnx", "onnxscript", "onnxruntime")
    found = {"aetk": __version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
