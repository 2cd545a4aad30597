"""Run folders: where they are, what they hold, and how they are written and read."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from aetk import __version__
from aetk.base import typed_json
from aetk.base.errors import BadInput, CheckFailed, out_of_memory
from aetk.base.files import remove, write_atomically
from aetk.base.names import natural_order
from aetk.contract.card import QUANTILE_LEVELS, Feature
from aetk.contract.threshold import Threshold
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.detector import Detector
from aetk.lab.model.memory import Memory
from aetk.lab.recipe import read_recipe

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
    detector: Detector
    calibration: NDArray[np.float32]
    calibration_labels: NDArray[np.bool_] | None

    @property
    def name(self) -> str:
        """The folder's name, which becomes the model's."""
        return self.folder.resolve().name

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
    detector: Detector,
    calibration: NDArray[np.float32],
    labels: NDArray[np.bool_] | None,
    others: Mapping[str, bytes],
) -> None:
    """Write a run; `run.json`, which vouches for the other files by their digests, appears last.

    `others` are more files by name: the history, a picture.
    """
    rows = {"features": torch.from_numpy(calibration)}
    if labels is not None:
        rows["labels"] = torch.from_numpy(labels)
    files = {
        WEIGHTS: save({name: tensor.contiguous() for name, tensor in detector.state_dict().items()}),
        ROWS: save(rows),
        **others,
    }
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
    try:
        weights, rows = load(contents[WEIGHTS]), load(contents[ROWS])
    except SafetensorError as error:
        raise out_of_memory(error) or BadInput(
            f"{folder} holds tensors that cannot be read; expected those that aetk train writes.", _DOCUMENT.remedy
        ) from None
    detector = _build(record, weights)
    _check_rows(rows, len(record.features))
    labels = rows["labels"].numpy() if "labels" in rows else None
    return Run(folder, record, detector, rows["features"].numpy(), labels)


def _check_rows(rows: Mapping[str, torch.Tensor], n: int) -> None:
    """BadInput unless the tensors are calibration rows, with or without labels."""
    count = rows["features"].numel() // n if "features" in rows else 0
    expected = {"features": torch.empty(count, n)}
    if "labels" in rows:
        expected["labels"] = torch.empty(count, dtype=torch.bool)
    _check_tensors(rows, expected)


def _vouched(folder: Path, name: str, record: Mapping[str, Any]) -> bytes:
    """The content of a file, as `run.json` vouches for it."""
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise CheckFailed(f"{folder / name} is missing.", "Train again.") from None
    if hashlib.sha256(content).hexdigest() != record["sha256"].get(name):
        raise CheckFailed(f"{folder / name} was changed after training; its SHA-256 is not run.json's.", "Train again.")
    return content


def _check_tensors(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """BadInput unless the tensors are those expected, by name, type and shape."""
    for name in (*expected, *found):
        is_one = name in found and name in expected
        if not is_one or (found[name].shape, found[name].dtype) != (expected[name].shape, expected[name].dtype):
            raise BadInput(f"The run's tensor '{name[:60]}' is none, or of another kind.", _DOCUMENT.remedy)


def _build(record: RunRecord, state: dict[str, torch.Tensor]) -> Detector:
    recipe, n = read_recipe(dict(record.recipe)), len(record.features)
    if not n or any(len(feature.quantiles) != len(QUANTILE_LEVELS) for feature in record.features):
        raise BadInput("The run lists no features, or one without its quantiles.", _DOCUMENT.remedy)
    if len({feature.name for feature in record.features}) != n:
        raise BadInput("The run lists a feature twice.", _DOCUMENT.remedy)
    _check_state(state, recipe.networks, n)
    if float(state["threshold"]) != record.threshold.value:
        raise BadInput(
            f"The run's threshold is {float(state['threshold']):g}, {RECORD} says another.", _DOCUMENT.remedy
        )
    networks = Autoencoders(n, recipe.networks)
    networks.load_state_dict({name[len("networks.") :]: t for name, t in state.items() if name.startswith("networks.")})
    remembers = "memory.prototypes" in state
    return Detector(
        networks,
        center=state["center"],
        inverse_scale=state["inverse_scale"],
        fill=state["fill"],
        imputes=record.missing == "median",
        kappa=recipe.kappa,
        threshold=float(state["threshold"]),
        memory=Memory(state["memory.prototypes"], state["memory.temperature"]) if remembers else None,
        weights=state["weights"],
        compact=recipe.compact,
    ).eval()


def _check_state(state: Mapping[str, torch.Tensor], networks: tuple[tuple[int, ...], ...], n: int) -> None:
    """BadInput unless a detector of these networks and so many features can be made of the tensors."""
    with torch.device("meta"):  # shapes alone: the record may ask for networks of any size
        expected = {f"networks.{name}": tensor for name, tensor in Autoencoders(n, networks).state_dict().items()}
        expected |= {name: torch.empty(n) for name in ("center", "inverse_scale", "fill")}
        expected["threshold"] = torch.empty(())
        copies = len(networks)
        if "memory.prototypes" in state:
            expected["memory.prototypes"] = torch.empty(max(1, state["memory.prototypes"].numel() // n), n)
            expected["memory.temperature"] = torch.empty(())
            copies += 1
        expected["weights"] = torch.empty(copies, n)
    _check_tensors(state, expected)
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise BadInput(f"The run's tensor '{name}' is not finite.", _DOCUMENT.remedy)


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
