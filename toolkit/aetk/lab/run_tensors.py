"""Writes the tensors of a run folder as safetensors, and reads them back into a detector."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from aetk.base.errors import BadInput, out_of_memory
from aetk.contract.card import QUANTILE_LEVELS
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.detector import Detector
from aetk.lab.model.expansion import Expansion
from aetk.lab.model.memory import Memory
from aetk.lab.recipe import read_recipe

if TYPE_CHECKING:
    from aetk.lab.runs import RunRecord

_REMEDY = "Train again."


def pack(detector: Detector) -> bytes:
    """Encode the weights of a detector as the content of a file."""
    return save({name: tensor.contiguous() for name, tensor in detector.state_dict().items()})


def pack_rows(calibration: NDArray[np.float32], labels: NDArray[np.bool_] | None) -> bytes:
    """Encode calibration rows, float32 [rows, n], and their labels, bool [rows], as the content of a file."""
    rows = {"features": torch.from_numpy(calibration)}
    if labels is not None:
        rows["labels"] = torch.from_numpy(labels)
    return save(rows)


def unpack(content: bytes, folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a run's file by name; raise BadInput if they cannot be read."""
    try:
        return load(content)
    except SafetensorError as error:
        raise out_of_memory(error) or BadInput(
            f"{folder} holds tensors that cannot be read; expected those that aetk train writes.", _REMEDY
        ) from None


def read_rows(rows: Mapping[str, Tensor], n: int) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Return calibration rows, float32 [rows, n], and labels, bool [rows] or None; raise BadInput for other tensors."""
    count = rows["features"].numel() // n if "features" in rows else 0
    expected = {"features": torch.empty(count, n)}
    if "labels" in rows:
        expected["labels"] = torch.empty(count, dtype=torch.bool)
    _check_tensors(rows, expected)
    return rows["features"].numpy(), rows["labels"].numpy() if "labels" in rows else None


def _check_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise BadInput unless the tensors have the expected names, types and shapes."""
    for name in (*expected, *found):
        is_one = name in found and name in expected
        if not is_one or (found[name].shape, found[name].dtype) != (expected[name].shape, expected[name].dtype):
            raise BadInput(f"The run's tensor '{name[:60]}' is none, or of another kind.", _REMEDY)


def build(record: "RunRecord", state: Mapping[str, Tensor]) -> Detector:
    """Build the detector of a run; raise BadInput if record and tensors do not agree."""
    recipe, n = read_recipe(dict(record.recipe)), len(record.features)
    if not n or any(len(feature.quantiles) != len(QUANTILE_LEVELS) for feature in record.features):
        raise BadInput("The run lists no features, or one without its quantiles.", _REMEDY)
    if len({feature.name for feature in record.features}) != n:
        raise BadInput("The run lists a feature twice.", _REMEDY)
    expansion = Expansion.of(record.encodings, n)
    _check_state(state, recipe.networks, expansion)
    if float(state["threshold"]) != record.threshold.value:
        raise BadInput(f"The run's threshold is {float(state['threshold']):g}, run.json says another.", _REMEDY)
    networks = Autoencoders(expansion.width, recipe.networks)
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
        expansion=expansion,
    ).eval()


def _check_state(state: Mapping[str, Tensor], networks: tuple[tuple[int, ...], ...], expansion: Expansion) -> None:
    """Raise BadInput unless the tensors are those of a detector with these networks and columns."""
    n = expansion.width
    with torch.device("meta"):  # allocates no memory: the record may name networks of any size
        expected = {f"networks.{name}": tensor for name, tensor in Autoencoders(n, networks).state_dict().items()}
        expected |= {name: torch.empty(n) for name in ("center", "inverse_scale")}
        expected["fill"] = torch.empty(len(expansion.levels))
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
            raise BadInput(f"The run's tensor '{name}' is not finite.", _REMEDY)
