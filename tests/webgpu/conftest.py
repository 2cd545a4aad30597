"""aetk on a device with a memory of its own: WebGPU, on a software Vulkan driver that any machine can run.

The build of ONNX Runtime that has it is the same module as the usual one, so it lives in an environment of its own.
Without that or the driver, the tests are skipped, naming what is missing; with AETK_WEBGPU=required they fail instead.
"""

import ctypes
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "exports/reference/breast-cancer.onnx"
BIN = ROOT / ".venv-webgpu/bin"
DRIVER = Path(os.environ.get("VK_ICD_FILENAMES", "/usr/lib/chromium/vk_swiftshader_icd.json"))


@dataclass(frozen=True)
class Device:
    """The environment with WebGPU, and a folder to work in."""

    folder: Path

    def run(self, program, *arguments):
        command = [BIN / program, *map(str, arguments)]
        environment = {**os.environ, "VK_ICD_FILENAMES": str(DRIVER)}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def device(tmp_path):
    """Skip, or fail where it is asked for, without the environment or the driver."""
    missing = [] if (BIN / "aetk").exists() else [str(BIN.relative_to(ROOT))]
    missing += [] if DRIVER.is_file() else [f"the Vulkan driver {DRIVER}"]
    missing += [] if _has_loader() else ["libvulkan.so.1"]
    if missing:
        required = os.environ.get("AETK_WEBGPU") == "required"
        (pytest.fail if required else pytest.skip)(f"needs {' and '.join(missing)}; make test-webgpu installs them")
    return Device(tmp_path)


def _has_loader():
    try:
        ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def rows(breast_cancer):
    """float32 [10000, 30] like the built-in table's, some with a missing or an infinite value, none like the next."""
    random = np.random.default_rng(15)
    rows = breast_cancer.data[random.integers(0, len(breast_cancer.data), 10_000)]
    rows = rows * random.normal(1, 0.05, rows.shape)
    rows[random.random(len(rows)) < 0.02, 7] = np.nan
    rows[random.random(len(rows)) < 0.01, 3] = -np.inf
    return rows.astype(np.float32)
