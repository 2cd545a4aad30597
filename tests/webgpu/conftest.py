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
BUILD, PLUGIN = ROOT / ".venv-webgpu/bin", ROOT / ".venv-webgpu-plugin/bin"
DRIVER = Path(os.environ.get("VK_ICD_FILENAMES", "/usr/lib/chromium/vk_swiftshader_icd.json"))
_OTHER_DEVICES = """
mount -t tmpfs none /sys/bus/pci/devices
[ ! -d /sys/class/drm ] || mount -t tmpfs none /sys/class/drm
"""
_A_GPU = """
gpu=/sys/bus/pci/devices/0000:00:1e.0
mkdir $gpu
echo 0x030000 >$gpu/class
echo 0x8086 >$gpu/vendor
echo 0x1234 >$gpu/device
"""
_UNSHARED = ("unshare", "--map-root-user", "--mount", "sh", "-euc")
SEEING_NOTHING = (*_UNSHARED, f'{_OTHER_DEVICES}exec "$@"', "sh")
PRETENDING = (*_UNSHARED, f'{_OTHER_DEVICES}{_A_GPU}exec "$@"', "sh")
"""A command under which ONNX Runtime finds one PCI display controller; the Vulkan driver is the one of software."""


@dataclass(frozen=True)
class Device:
    """An environment with WebGPU, and a folder to work in.

    Attributes:
        before: what its programs are started by.
    """

    programs: Path
    folder: Path
    before: tuple[str, ...] = ()

    def run(self, program, *arguments, code=0):
        """What a program prints on standard output, or on standard error where it must end with another code than 0."""
        command = [*self.before, str(self.programs / program), *map(str, arguments)]
        environment = {**os.environ, "VK_ICD_FILENAMES": str(DRIVER), "XDG_CACHE_HOME": str(self.folder)}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout


@pytest.fixture
def device(tmp_path):
    """Skip, or fail where it is asked for, without the environment or the driver."""
    _need(BUILD)
    return Device(BUILD, tmp_path)


@pytest.fixture
def plugin(tmp_path):
    """WebGPU as a plugin, on a machine of which ONNX Runtime believes that it has a GPU: a plugin lists no other."""
    can_pretend = subprocess.run([*PRETENDING, "true"], capture_output=True, check=False).returncode == 0
    _need(PLUGIN, *([] if can_pretend else ["namespaces of users and mounts (unshare)"]))
    return Device(PLUGIN, tmp_path, PRETENDING)


@pytest.fixture
def blind_plugin(tmp_path):
    """WebGPU as a plugin, where ONNX Runtime sees no hardware but the processor."""
    can_pretend = subprocess.run([*PRETENDING, "true"], capture_output=True, check=False).returncode == 0
    _need(PLUGIN, *([] if can_pretend else ["namespaces of users and mounts (unshare)"]))
    return Device(PLUGIN, tmp_path, SEEING_NOTHING)


def _need(programs, *others):
    missing = [] if (programs / "aetk").exists() else [str(programs.relative_to(ROOT))]
    missing += [] if DRIVER.is_file() else [f"the Vulkan driver {DRIVER}"]
    missing += [] if _has_loader() else ["libvulkan.so.1"]
    missing += others
    if missing:
        required = os.environ.get("AETK_WEBGPU") == "required"
        (pytest.fail if required else pytest.skip)(f"needs {' and '.join(missing)}; make test-webgpu installs them")


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
