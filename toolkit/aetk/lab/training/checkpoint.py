"""Checkpoints: all that an interrupted fit needs to continue, as tensors and JSON in one safetensors file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from aetk.base import typed_json
from aetk.base.errors import BadInput, CheckFailed, out_of_memory
from aetk.base.files import write_atomically
from aetk.lab import runs
from aetk.lab.training.distributed.group import Group
from aetk.lab.training.options import Options, read_options
from aetk.lab.training.report import Evaluation

_START_OVER = "Delete it, and start over with: aetk train"


@dataclass
class Progress:
    """The progress of a fit.

    Attributes:
        step: the number of optimizer steps done.
        loss_sum: the sum of the losses since the last evaluation, weighted by rows.
        loss_rows: the number of rows in `loss_sum`.
        best_score: the highest selection score so far, None before the first evaluation.
        best_step: the step that reached it.
        history: all evaluations.
        seconds: the time spent fitting, including that before interruptions.
    """

    step: int = 0
    loss_sum: float = 0.0
    loss_rows: int = 0
    best_score: float | None = None
    best_step: int = 0
    history: list[Evaluation] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes:
        options: the options of the run, with the fingerprint of its data.
        progress: the progress of the fit.
        tensors: `networks.*`, `best.*`, `optimizer.<parameter>.<name>`, and `shuffle`, the generator's state at the
            start of the epoch.
    """

    options: Options
    progress: Progress
    tensors: dict[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names start with `prefix.`, by the rest of the name."""
        return {name[len(prefix) + 1 :]: t for name, t in self.tensors.items() if name.startswith(f"{prefix}.")}


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace a checkpoint file."""
    header = {
        "request": json.dumps(checkpoint.options.to_data(), allow_nan=False),
        "progress": json.dumps(asdict(checkpoint.progress), allow_nan=False),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    header["sha256"] = _digest(header, tensors)
    write_atomically([(path, save(tensors, header))])


def _digest(header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of a checkpoint's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name in ("request", "progress"):
        digest.update(header[name].encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file; raise BadInput if it is not one, CheckFailed if it was changed."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if header["sha256"] != _digest(header, tensors):
            raise CheckFailed(f"{path} was changed: its SHA-256 is not the one that it carries.", _START_OVER)
        options = read_options(typed_json.parse(header["request"]), f"checkpoint {path}", _START_OVER)
        return Checkpoint(options, _read_progress(typed_json.parse(header["progress"])), tensors)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        damaged = BadInput(f"{path} is not a checkpoint, or not a whole one.", _START_OVER)
        raise out_of_memory(error) or damaged from None


def read_saved(folder: Path) -> Checkpoint | None:
    """Read a run's checkpoint; None if it was stopped before it saved one."""
    path = folder / runs.CHECKPOINT
    return read_checkpoint(path) if path.exists() else None


def _read_progress(data: dict[str, Any]) -> Progress:
    return Progress(**{**data, "history": [Evaluation(**line) for line in data["history"]]})


def share_checkpoint(saved: Checkpoint | None, group: Group) -> Checkpoint | None:
    """Send the first process's checkpoint to all processes; the others need no access to its file."""
    known = None if saved is None else {"options": saved.options.to_data(), "progress": asdict(saved.progress)}
    known = group.broadcast(known)
    if known is None:
        return None
    tensors = group.broadcast_tensors({} if saved is None else saved.tensors)
    return Checkpoint(read_options(known["options"], "checkpoint"), _read_progress(known["progress"]), tensors)


def clone(state: dict[str, Any]) -> dict[str, Tensor]:
    """Copy a module's state, so that later steps do not change it."""
    return {name: tensor.detach().clone() for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}
