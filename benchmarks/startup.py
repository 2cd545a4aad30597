"""How long does it take from the start of a process to its first decision, and how much is installed for it?

Theory. An app on a device pays for imports, loading the model and the first run each time it starts; PyTorch's import
alone takes seconds on a small machine. Both it and the installed size come from what is *not* needed.

How. Each command is a fresh Python process, run in turn, round after round, the first round left out since it fills the
file cache. A first decision is: start, import, load the model from its file, score one row, compare with the threshold.
PyTorch gets the same network and weights in a plain script without aetk (`torch.load`, `weights_only`, a Sequential, a
cosine); PyOD gets its own pickle. The imports alone stand beside. Installed size is the sum of the files of a fresh
virtual environment without pip, into which the script installs a wheel of this tree, `aetk[cpu]` or `aetk[lab]`, with
the versions of `constraints.txt`; the package index must be in reach.

Limits. The file cache is warm: after a reboot all of it takes longer, and what reads more files suffers more. About
six minutes.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import peers
import subject
from aetk.render.format import seconds, size
from harness import ROOT, Goal, Table, Timing, Variant, attempt, goals, interleave, keep, named, ratio, reason, show
from harness import skipped as skipped_table

ROUNDS = 15
BIN = Path(sys.executable).parent
SCORER, RAW, EAGER, PYOD = "aetk Scorer", "onnxruntime alone", "PyTorch eager", "PyOD AutoEncoder"
FIRST = {
    SCORER: """
import numpy as np
from aetk import Scorer
print(Scorer("model.onnx").score(np.load("row.npy")).is_anomaly[0])
""",
    RAW: """
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
print(session.run(["is_anomaly"], {"features": np.load("row.npy")})[0][0])
""",
    EAGER: """
import numpy as np
import torch
from torch import nn
saved = torch.load("model.pt", weights_only=True)
widths, layers = saved["widths"], []
for a, b in zip(widths[:-2], widths[1:-1]):
    layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU()]
network = nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
network.load_state_dict(saved["network"])
network.eval()
with torch.inference_mode():
    row = torch.from_numpy(np.load("row.npy"))
    similarity = nn.functional.cosine_similarity(row, network(row), dim=1, eps=1e-6)
print(bool(similarity[0] < saved["threshold"]))
""",
    PYOD: """
import numpy as np
from pyod.models.auto_encoder import AutoEncoder
model = AutoEncoder.load("model.pyod")
print(bool(model.decision_function(np.load("row.npy"))[0] > model.threshold_))
""",
}
IMPORTS = {
    "import torch": [sys.executable, "-c", "import torch"],
    "import pyod's AutoEncoder": [sys.executable, "-c", "import pyod.models.auto_encoder"],
    "from aetk import Scorer": [sys.executable, "-c", "from aetk import Scorer"],
    "aetk --help": [str(BIN / "aetk"), "--help"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "python alone": [sys.executable, "-c", ""],
}
EXTRAS = ("cpu", "lab")


@dataclass(frozen=True)
class Installed:
    """An environment: the bytes of its files, and its packages; or why it could not be made."""

    extra: str
    bytes: int
    packages: int
    skipped: str = ""


@dataclass(frozen=True)
class Startup:
    """Seconds of every fresh process; `rows` is 1 throughout."""

    first_decision: tuple[Timing, ...]
    imports: tuple[Timing, ...]
    installed: tuple[Installed, ...]


RESULT = Startup


def _prepare(folder: Path) -> None:
    """Write the model in each form, and a row."""
    it = subject.make(folder)
    it.model.rename(folder / "model.onnx")
    rows = subject.many(5_000)
    np.save(folder / "row.npy", rows[:1])
    (network,) = it.detector.networks
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    saved = {
        "network": network.state_dict(),
        "widths": [linear[0].in_features, *(layer.out_features for layer in linear)],
        "threshold": float(it.detector.threshold),
    }
    torch.save(saved, folder / "model.pt")
    try:
        peers.pyod_autoencoder(rows, epochs=1).save(folder / "model.pyod")
    except Exception as error:  # noqa: BLE001 - its process will fail, and say so in the table
        print(f"{PYOD}: {reason(error)}")


def _process(command: Sequence[str], folder: Path) -> Variant:
    def run() -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])

    return attempt(1, lambda: run)


def _install(extra: str, folder: Path) -> Installed:
    """Build the wheel, install it into a fresh environment, and add up the files."""
    where, wheels = folder / extra, folder / "wheels"
    python = where / "bin" / "python"
    tree = ROOT.parent
    try:
        if not wheels.exists():
            _quietly(sys.executable, "-m", "build", "--wheel", "--installer", "pip", "--outdir", str(wheels), str(tree))
        _quietly(sys.executable, "-m", "venv", "--without-pip", str(where))
        _quietly(
            sys.executable, "-m", "pip", "--python", str(python), "install", "--constraint",
            str(tree / "constraints.txt"), f"{next(wheels.glob('aetk-*.whl'))}[{extra}]",
        )  # fmt: skip
    except (subprocess.CalledProcessError, StopIteration) as error:
        return Installed(extra, 0, 0, reason(error))
    files = [path for path in where.rglob("*") if path.is_file() and not path.is_symlink()]
    packages = sum(path.name.endswith(".dist-info") for path in where.rglob("*.dist-info"))
    return Installed(extra, sum(path.stat().st_size for path in files), packages)


def _quietly(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def measure(folder: Path) -> Startup:
    """Time the processes, then install."""
    _prepare(folder)
    print("models: done", flush=True)
    first = {name: _process([sys.executable, "-c", code], folder) for name, code in FIRST.items()}
    imports = {name: _process(command, folder) for name, command in IMPORTS.items()}
    timings = interleave(first | imports, ROUNDS, burst=1)
    print("processes: done", flush=True)
    installed = tuple(_install(extra, folder) for extra in EXTRAS)
    return Startup(timings[: len(first)], timings[len(first) :], installed)


def tables(result: Startup) -> Sequence[Table]:
    """The figures as tables."""
    first, imports = named(result.first_decision), named(result.imports)
    torch_first, torch_import = first[EAGER], imports["import torch"]
    decisions = Table(
        "From process start to the first decision, medians", ("", "median", "of PyTorch's"),
        [[t.name, seconds(t.seconds), str(ratio(t, torch_first))] for t in first.values()],
    )  # fmt: skip
    alone = Table(
        "Imports alone, medians", ("", "median", "of import torch"),
        [[t.name, seconds(t.seconds), str(ratio(t, torch_import))] for t in imports.values()],
    )  # fmt: skip
    sizes = Table(
        "Installed, with all dependencies", ("", "size", "packages"),
        [
            [f"aetk[{i.extra}]", f"skipped: {i.skipped}" if i.skipped else size(i.bytes), f"{i.packages}"]
            for i in result.installed
        ],
    )  # fmt: skip
    wanted = [Goal("first decision: Scorer / PyTorch eager", ratio(first[SCORER], torch_first).median, 0.25, False)]
    return decisions, alone, sizes, goals(wanted), *skipped_table([*result.first_decision, *result.imports])


def main() -> None:
    """Measure, show and keep."""
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder))
    show(tables(result))
    keep("startup", result)


if __name__ == "__main__":
    main()
