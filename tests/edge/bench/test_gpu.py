"""What is recorded of NVIDIA's GPUs, told by a program that answers as nvidia-smi does; nothing where there is none."""

import ctypes
import json
import time
from types import SimpleNamespace

import pytest

from aetk.edge.bench import gpu
from aetk.edge.bench.cold_start import probe
from aetk.edge.bench.gpu import Gpu, GpuState, cuda_versions, find_gpus, gpu_states, used_bytes, visible_gpus
from aetk.edge.bench.machine import conditions, environment
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.providers import PROVIDERS

ANSWERS = """#!/bin/sh
[ "$2" = --format=csv,noheader,nounits ] || exit 2
case "$1" in
--query-gpu=name,driver_version,memory.total,clocks.max.sm)
  echo "NVIDIA A100-SXM4-40GB, 550.54.15, 40960, 1410"
  echo "Tesla T4, 550.54.15, [N/A], [N/A]" ;;
--query-gpu=memory.used,clocks.sm,temperature.gpu,power.draw)
  echo "1200, 1395, 41, 58.13"
  echo "[N/A], [Not Supported], 38, [Unknown Error]" ;;
*) echo "Field is not a valid field to query."; exit 2 ;;
esac
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that puts a program of that text in the place of nvidia-smi."""

    def write(text):
        (tmp_path / "nvidia-smi").write_text(text)
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return write


def test_gpus_are_described_as_far_as_the_driver_tells(install):
    install(ANSWERS)
    assert find_gpus() == (
        Gpu("NVIDIA A100-SXM4-40GB", "550.54.15", 40960 * 2**20, 1410), Gpu("Tesla T4", "550.54.15", None, None),
    )  # fmt: skip
    assert gpu_states() == (GpuState(1200 * 2**20, 1395, 41, 58.13), GpuState(None, None, 38, None))
    assert used_bytes() == 1200 * 2**20


def test_environment_and_conditions_hold_them(install, monkeypatch):
    install(ANSWERS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    found = json.loads(json.dumps(environment()))
    assert found["gpus"] == ["NVIDIA A100-SXM4-40GB, 40960 MiB, up to 1410 MHz", "Tesla T4"]
    assert found["gpu_driver"] == "550.54.15"
    assert found["visible_gpus"] == "CUDA_VISIBLE_DEVICES=1"
    assert [state.clock_mhz for state in conditions().gpus] == [1395, None]


def test_which_gpus_cuda_sees_and_in_which_order_is_what_the_environment_says(monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    assert visible_gpus() is None
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert visible_gpus() == "CUDA_DEVICE_ORDER=PCI_BUS_ID"


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\nexit 9\n",
        "#!/bin/sh\necho 'No devices were found'\n",
        "#!/no/such/program\n",
        ANSWERS.replace("name", "x"),
    ],
    ids=["no driver", "no device", "a program that does not start", "another set of fields"],
)
def test_a_driver_that_does_not_answer_leaves_nothing(install, text):
    install(text)
    assert find_gpus() == ()


def test_without_an_nvidia_driver_nothing_is_started(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpu.subprocess, "run", lambda *_, **__: pytest.fail("a program was started"))
    assert (find_gpus(), gpu_states(), used_bytes()) == ((), (), None)
    assert environment()["gpus"] == []
    assert environment()["visible_gpus"] is None


def test_a_driver_that_hangs_is_ended(install, monkeypatch):
    install("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(gpu, "_PATIENCE", 0.2)
    began = time.perf_counter()
    assert find_gpus() == ()
    assert time.perf_counter() - began < 300


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A function that has this process map libraries of such names, which answer as CUDA's and cuDNN's do."""

    def load(names, cuda, cudnn):
        def runtime_version(pointer):
            pointer._obj.value = cuda

        class Version:
            restype = ctypes.c_int

            def __call__(self):
                assert self.restype is ctypes.c_size_t
                return cudnn

        maps = "".join(f"7f00-7f10 r-xp 00000000 08:01 12345 {' ' * 9}/opt/a folder/{name}\n" for name in names)
        (tmp_path / "maps").write_text("7f00-7f10 rw-p 00000000 00:00 0\n" + maps)
        library = SimpleNamespace(cudaRuntimeGetVersion=runtime_version, cudnnGetVersion=Version())
        monkeypatch.setattr(gpu, "_MAPS", tmp_path / "maps")
        monkeypatch.setattr(gpu.ctypes, "CDLL", {f"/opt/a folder/{name}": library for name in names}.__getitem__)

    return load


@pytest.mark.parametrize(
    ("cuda", "cudnn", "words"),
    [(12080, 91002, ("12.8", "9.10.2")), (13000, 92100, ("13.0", "9.21.0")), (11080, 8902, ("11.8", "8.9.2"))],
)
def test_the_versions_are_those_of_the_libraries_that_are_loaded(loaded, cuda, cudnn, words):
    loaded(["libcudart.so.12", "libcudnn.so.9", "libcudnn_ops.so.9"], cuda, cudnn)
    assert cuda_versions() == {"cuda": words[0], "cudnn": words[1]}


def test_what_is_not_loaded_has_no_version(loaded):
    loaded(["libcudart.so.12"], 12080, 0)
    assert cuda_versions() == {"cuda": "12.8", "cudnn": None}
    loaded(["libcublas.so.12"], 0, 0)
    assert cuda_versions() == {"cuda": None, "cudnn": None}


def test_a_fresh_process_tells_by_how_much_the_memory_in_use_on_the_device_grew(model, install, tmp_path, monkeypatch):
    """A device whose memory in use is 100 MiB when it is first asked, and 30 MiB more each time."""
    install(
        f"#!/bin/sh\necho asked >> {tmp_path}/log\nn=$(wc -l < {tmp_path}/log)\n"
        'echo "$((70 + 30 * n)), 1395, 41, 58.13"\n'
    )
    assert probe(model, Setting("cpu", 1)).device_bytes is None
    assert not (tmp_path / "log").exists()
    start = (
        "import sys; from dataclasses import replace; from aetk.edge.runtime.providers import PROVIDERS; "
        "PROVIDERS['cpu'] = replace(PROVIDERS['cpu'], device='cuda'); "
        "from aetk.edge.bench import cold_start; sys.exit(cold_start.main(*sys.argv[1:]))"
    )
    monkeypatch.setattr("aetk.edge.bench.cold_start._START", start)
    assert probe(model, Setting("cpu", 1)).device_bytes == 30 * 2**20
    assert PROVIDERS["cpu"].device == "cpu"
