"""aetk on other execution providers that any machine can run: OpenVINO, WebGPU on a software driver, plugins.

Builds of ONNX Runtime are the same module, so each lives in an environment of its own. Without that or the driver, the
tests are skipped, naming what is missing; with AETK_PROVIDERS=required they fail instead.
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
DRIVER = Path(os.environ.get("VK_ICD_FILENAMES", "/usr/lib/chromium/vk_swiftshader_icd.json"))
SOFTWARE = {"VK_ICD_FILENAMES": str(DRIVER), "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER": "1"}
"""The build takes the driver that it finds; the plugin lists one without hardware only where it is asked to."""


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
class Environment:
    """One of the environments, and a folder to work in; `before` is the command that its programs are started by."""

    bin: Path
    folder: Path
    before: tuple[str, ...] = ()

    def run(self, program, *arguments, exit_code=0, variables=SOFTWARE):
        """Run a program of the environment; its standard output, or its standard error where it is to fail."""
        command = [*self.before, self.bin / program, *map(str, arguments)]
        inherited = {name: value for name, value in os.environ.items() if name not in SOFTWARE}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**inherited, **variables, "XDG_CACHE_HOME": self.folder},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stderr if exit_code else done.stdout


@pytest.fixture
def environment(request, tmp_path):
    """The environment of a name; skips, or fails where it is asked for, without it or the driver."""
    return _environment(request.param, tmp_path)


@pytest.fixture
def plugin(tmp_path):
    """The plugins, on a machine of which ONNX Runtime believes that it has a GPU."""
    return _environment("plugins", tmp_path, PRETENDING)


@pytest.fixture
def blind_plugin(tmp_path):
    """The plugins, where ONNX Runtime sees no hardware but the processor."""
    return _environment("plugins", tmp_path, SEEING_NOTHING)


def _environment(name, folder, before=()):
    programs = ROOT / f".venv-{name}/bin"
    missing = [] if (programs / "aetk").exists() else [str(programs.parent.relative_to(ROOT))]
    if name != "openvino":
        missing += [] if DRIVER.is_file() else [f"the Vulkan driver {DRIVER}"]
        missing += [] if _has_loader() else ["libvulkan.so.1"]
    if missing:
        required = os.environ.get("AETK_PROVIDERS") == "required"
        (pytest.fail if required else pytest.skip)(f"needs {' and '.join(missing)}; make test-providers installs them")
    if before and subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this process may not make namespaces of users and mounts (unshare)")
    return Environment(programs, folder, before)


def _has_loader():
    try:
        ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def rows(breast_cancer):
    """float32 [2049, 30] like the built-in table's, some with a missing or an infinite value, none like the next."""
    random = np.random.default_rng(15)
    rows = breast_cancer.data[random.integers(0, len(breast_cancer.data), 2049)]
    rows = rows * random.normal(1, 0.05, rows.shape)
    rows[random.random(len(rows)) < 0.02, 7] = np.nan
    rows[random.random(len(rows)) < 0.01, 3] = -np.inf
    return rows.astype(np.float32)
