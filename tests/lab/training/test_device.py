"""The device that training runs on: what is asked of CUDA, with a stand-in for it."""

import os

import pytest
import torch

from aetk.base.errors import BadInput, Unavailable
from aetk.lab.training import device as devices
from aetk.lab.training.device import check_amp, peak_bytes, repeatable_cublas, reset_peak, to_device
from aetk.lab.training.swap_noise import SwapNoise
from aetk.lab.training.trainer import train
from aetk.render.lab_text import training

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NAME = "CUBLAS_WORKSPACE_CONFIG"


@pytest.mark.parametrize(
    ("before", "within"), [(None, ":4096:8"), (":0:0", ":4096:8"), ("", ":4096:8"), (":16:8", ":16:8")]
)
def test_cublas_is_told_to_repeat_itself_and_the_environment_is_put_back(monkeypatch, before, within):
    monkeypatch.delenv(NAME, raising=False)
    if before is not None:
        monkeypatch.setenv(NAME, before)
    with repeatable_cublas(CUDA):
        assert os.environ[NAME] == within
    assert os.environ.get(NAME) == before
    with pytest.raises(ZeroDivisionError), repeatable_cublas(CUDA):
        raise ZeroDivisionError
    assert os.environ.get(NAME) == before


def test_training_on_the_cpu_leaves_that_variable_alone(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    with repeatable_cublas(CPU):
        assert NAME not in os.environ


def test_a_process_in_which_cublas_was_used_before_is_told_what_to_do():
    said = (
        "Deterministic behavior was enabled with either `torch.use_deterministic_algorithms(True)` or "
        "`at::Context::setDeterministicAlgorithms(true)`, but this operation is not deterministic because it uses "
        f"CuBLAS and you have CUDA >= 10.2. To enable deterministic behavior in this case, you must set {NAME}=:4096:8"
    )
    with pytest.raises(Unavailable, match="used CUDA before without") as caught, repeatable_cublas(CUDA):
        raise RuntimeError(said)
    assert f"set {NAME}=:4096:8 before Python starts" in caught.value.hint
    with pytest.raises(RuntimeError, match="something else"), repeatable_cublas(CUDA):
        raise RuntimeError("something else")


@pytest.mark.parametrize("name", ["cpu", "mps"])
def test_mixed_precision_is_refused_on_other_devices_than_cuda(name):
    with pytest.raises(BadInput, match=f"is for CUDA; this run trains on {name}"):
        check_amp(torch.device(name))


def test_mixed_precision_is_refused_where_the_gpu_has_no_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "An Old GPU")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    check_amp(CUDA)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    with pytest.raises(Unavailable, match="An Old GPU does not compute in bfloat16"):
        check_amp(CUDA)


def test_training_with_amp_on_the_cpu_is_refused_and_leaves_no_folder(tmp_path):
    with pytest.raises(BadInput, match="--amp"):
        train(device="cpu", amp=True, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rows_go_to_cuda_through_pinned_memory_without_waiting():
    class Rows:
        def __init__(self, pinned=False):
            self.pinned = pinned

        def pin_memory(self):
            return Rows(pinned=True)

        def to(self, device, non_blocking=False):
            return self.pinned, device, non_blocking

    assert to_device(Rows(), CUDA) == (True, CUDA, True)
    assert to_device(Rows(), torch.device("mps")) == (False, torch.device("mps"), False)
    rows = torch.ones(2)
    assert to_device(rows, CPU) is rows


def test_the_peak_of_cudas_memory_is_watched_and_of_no_other(monkeypatch):
    watched = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", watched.append)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 3 * 2**20)
    for device in (CPU, CUDA):
        reset_peak(device)
    assert watched == [CUDA]
    assert (peak_bytes(CPU), peak_bytes(CUDA)) == (None, 3 * 2**20)


def test_the_report_tells_the_peak_and_the_precision(tmp_path, monkeypatch):
    options = {"epochs": 2, "device": "cpu", "progress": False}
    report = train(out=tmp_path / "cpu", **options)
    assert (report.device_peak_bytes, report.amp) == (None, False)
    assert " steps on cpu in " in training(report)
    monkeypatch.setattr("aetk.lab.training.fitting.peak_bytes", lambda device: 3 * 2**20)
    monkeypatch.setattr("aetk.lab.training.device.check_amp", lambda device: None)
    report = train(out=tmp_path / "watched", amp=True, **options)
    assert (report.device_peak_bytes, report.amp) == (3 * 2**20, True)
    assert " steps on cpu in mixed precision (3.0 MiB of its memory) in " in training(report)


def test_noise_is_drawn_where_the_rows_are_and_its_bits_follow_from_the_seed():
    rows = torch.arange(24.0).reshape(6, 4)
    noise = SwapNoise((0.0, 0.5), CPU)
    first = noise(rows, 7)
    noise(rows, 8)
    assert torch.equal(noise(rows, 7), first)
    assert torch.equal(first[:, 0], rows)
    # drawn as ever: a weight file is made again, bit for bit, only by the same noise
    random = torch.Generator().manual_seed(7)
    chosen = torch.rand(6, 2, 4, generator=random) < torch.tensor([0.0, 0.5])[:, None]
    others = torch.randint(6, (6, 2), generator=random)
    assert torch.equal(first, torch.where(chosen, rows[others], rows[:, None]))
    assert SwapNoise((0.0, 0.0), CPU)(rows, 7) is rows


def test_an_unknown_device_is_refused():
    with pytest.raises(BadInput, match="Known: auto, cpu, cuda, mps"):
        devices.find_device("tpu")
