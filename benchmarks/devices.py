"""Environments with execution providers, made for trials.py, and the commands of aetk in them."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from hostapps import run

VULKAN = {"VK_ICD_FILENAMES": os.environ.get("VK_ICD_FILENAMES", "/usr/lib/chromium/vk_swiftshader_icd.json")}
"""Where Debian's Chromium has a software driver."""
_MESSAGES = ("aetk: ", "Error: ")
"""How a message of aetk begins, and one about its usage."""
_BENCH = ("--batch", "1", "--batch", "256", "--seconds", "60")
"""WebGPU takes some seconds to load a model, and loads it in several sessions and processes."""
_CONTRIBUTIONS = """
import sys
import numpy as np
from aetk import Scorer

model, provider, rows, out = sys.argv[1:]
np.save(out, Scorer(model, providers=[provider]).score(np.load(rows)).contribution)
"""


@dataclass(frozen=True)
class Place:
    """An environment to make, and the provider to try in it.

    Attributes:
        packages: what is installed beside aetk, of which versions.
        provider: as `--provider` takes it.
        variables: environment variables by which the provider finds a device on a machine without a GPU.
    """

    packages: tuple[str, ...]
    provider: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As the tables show it."""
        return " with ".join(package.replace("==", " ") for package in self.packages)


_PLAIN = f"onnxruntime=={metadata.version('onnxruntime')}"
PLACES = (
    Place(("onnxruntime-openvino==1.24.1",), "openvino"),
    Place(("onnxruntime-webgpu==1.27.0",), "webgpu", VULKAN),
    Place((_PLAIN, "onnxruntime-ep-webgpu==0.4.0"), "webgpu", {**VULKAN, "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER": "1"}),
    Place((_PLAIN, "onnxruntime-ep-openvino==1.8.1"), "openvino"),
    Place((_PLAIN, "onnxruntime-qnn==2.7.0"), "qnn"),
    Place(("onnxruntime==1.30.0", "onnxruntime-ggml==0.2.0"), "ggml"),
)


@dataclass(frozen=True)
class Answer:
    """How a command of aetk ended.

    Attributes:
        exit_code: of the command.
        words: of its error; empty where there was none.
    """

    exit_code: int
    words: str


def make_wheel(root: Path, folder: Path) -> Path:
    """The wheel of aetk, made from a checkout in a folder."""
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, root], root)
    (wheel,) = folder.glob("aetk-*.whl")
    return wheel


def make_device(place: Place, wheel: Path, folder: Path) -> "Device":
    """An environment with a place's packages and aetk, made in a folder, or the one that is there with this aetk."""
    environment = folder / "_".join(place.packages).replace("==", "-")
    _install(environment, place.packages, wheel)
    device = Device(environment / "bin", environment / "work", place.provider, place.variables)
    device.folder.mkdir(exist_ok=True)
    return device


def _install(environment: Path, packages: Sequence[str], wheel: Path) -> None:
    python = environment / "bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not python.exists():
        environment.parent.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", environment], environment.parent)
        needs = [f"{name}=={metadata.version(name)}" for name in ("numpy", "click")]
        run([*install, *needs, *packages], environment)
    run([*install, "--no-deps", "--force-reinstall", wheel], environment)


@dataclass(frozen=True)
class Device:
    """An environment's programs, a folder to work in, and a provider to run on."""

    programs: Path
    folder: Path
    provider: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def doctor(self) -> Answer:
        """Whether the provider works, and why not."""
        code, answer, words = self._aetk("doctor", "--json")
        states = json.loads(answer)["providers"]
        reasons = [s["reason"] for s in states if s["provider"] == self.provider and not s["works"]]
        return Answer(code, words or " ".join(reasons))

    def verify(self, model: Path) -> tuple[Answer, dict[str, int]]:
        """The answer of `aetk verify`, and where it found the model's nodes."""
        code, report, words = self._aetk("verify", model, "--provider", self.provider, "--json")
        return Answer(code, words), json.loads(report)["checks"][0]["placement"] if report.strip() else {}

    def score(self, model: Path, table: Path) -> tuple[Answer, dict[str, NDArray[Any]]]:
        """The answer of `aetk score`, and what it wrote, by the names of the model's outputs."""
        out = self.folder / f"{model.stem}.scores.csv"
        code, _, words = self._aetk("score", model, table, "--provider", self.provider, "--out", out)
        if code:
            return Answer(code, words), {}
        scores = np.genfromtxt(out, delimiter=",", names=True, ndmin=1)
        similarity, *flags = (scores[name] for name in spec.OUTPUTS)
        answers = (similarity.astype(np.float32), *(flag == 1 for flag in flags))
        return Answer(code, words), dict(zip(spec.OUTPUTS, answers, strict=True))

    def bench(self, model: Path) -> Answer:
        """The answer of `aetk bench --require`."""
        required = ("--provider", self.provider, "--require", self.provider)
        code, _, words = self._aetk("bench", model, *required, *_BENCH, "--out", self.folder / "bench")
        return Answer(code, words)

    def contributions(self, model: Path, rows: Path) -> dict[str, NDArray[Any]]:
        """The contributions of rows in a `.npy` file, float32 [rows, n], by the name of that output."""
        out = self.folder / f"{model.stem}.contributions.npy"
        command = [self.programs / "python", "-c", _CONTRIBUTIONS, model, self.provider, rows, out]
        run(command, self.folder, variables=self.variables)
        return {spec.CONTRIBUTION: np.load(out)}

    def _aetk(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output, and the message of the error; libraries write to standard error, too."""
        done = run([self.programs / "aetk", *arguments], self.folder, accept=range(-64, 256), variables=self.variables)
        said = done.stderr.splitlines()
        start = next((at for at, line in enumerate(said) if line.startswith(_MESSAGES)), len(said) - 1)
        words = " ".join(said[start : start + 2]).removeprefix(_MESSAGES[0]) if done.returncode else ""
        return done.returncode, done.stdout, " ".join(words.split()).replace(f"{self.folder.parent}/", "")
