"""A probe is a fresh process: its own memory, its own cold start, its own error."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from aetk.base.errors import Unavailable
from aetk.edge.bench import cold_start as probing
from aetk.edge.bench.cold_start import peak_resident_bytes, probe
from aetk.edge.bench.setting import Setting
from aetk.edge.model import load


def test_its_peak_of_memory_is_its_own_and_not_that_of_a_large_parent(model):
    if peak_resident_bytes() is None:
        pytest.skip("this system does not tell the peak of memory")
    ballast = np.ones(2**28 // 8)  # 256 MiB, touched
    found = probe(model, Setting("cpu", 1))
    assert found.peak_bytes < ballast.nbytes < peak_resident_bytes()


def test_a_larger_batch_needs_more_memory(model):
    small, large = (probe(model, Setting("cpu", batch, threads=1)) for batch in (1, 65536))
    if small.peak_bytes is None:
        pytest.skip("this system does not tell the peak of memory")
    assert large.peak_bytes - small.peak_bytes > 65536 * len(load(model).card.features) * 4


@pytest.mark.parametrize("mode", ["run", "bound", "scorer"])
def test_every_mode_of_running_has_its_cold_figures(model, mode):
    found = probe(model, Setting("cpu", 64, mode, threads=1, spinning=False))
    assert found.load_seconds > 0
    assert found.first_run_seconds > 0


def test_a_provider_that_does_not_work_is_said_by_the_process(model):
    with pytest.raises(Unavailable, match="QNNExecutionProvider"):
        probe(model, Setting("qnn", 1))


def test_a_model_that_is_not_there_is_said_by_the_process(tmp_path):
    with pytest.raises(Unavailable, match="No such model") as caught:
        probe(tmp_path / "absent.onnx", Setting("cpu", 1))
    assert caught.value.hint.startswith("Check the path")


NOISE = "import sys; print('a library', flush=True); print('its warning', file=sys.stderr, flush=True); "


@pytest.mark.parametrize("provider", ["cpu", "qnn"])
def test_what_a_library_prints_before_does_not_hide_the_answer(model, monkeypatch, provider):
    monkeypatch.setattr(probing, "_START", NOISE + probing._START)
    if provider == "cpu":
        assert probe(model, Setting(provider, 1)).load_seconds > 0
        return
    with pytest.raises(Unavailable, match="QNNExecutionProvider"):
        probe(model, Setting(provider, 1))


def test_a_process_that_dies_otherwise_is_no_riddle(model, monkeypatch):
    monkeypatch.setattr(probing.sys, "executable", "/bin/false")
    with pytest.raises(Unavailable, match="ended with exit code 1") as caught:
        probe(model, Setting("cpu", 1))
    assert "aetk verify" in caught.value.hint


def test_a_process_that_hangs_is_ended_when_its_time_is_over(model, monkeypatch, tmp_path):
    began = tmp_path / "pid"
    hang = f"import os, pathlib, time; pathlib.Path({str(began)!r}).write_text(str(os.getpid())); time.sleep(3600)"
    monkeypatch.setattr(probing, "_START", hang)
    with pytest.raises(
        Unavailable, match=r"had not loaded and run the model after 2 s, and was ended; give more --sec"
    ):
        probe(model, Setting("cpu", 1), timeout=2.0)
    if began.exists():  # else it was ended before it had begun
        with pytest.raises(ProcessLookupError):
            os.kill(int(began.read_text()), 0)


@pytest.mark.parametrize(("provider", "code"), [("qnn", 3), ("fpga", 2)])
def test_the_process_ends_with_the_errors_exit_code_and_no_output(model, provider, code):
    start = "import sys; from aetk.edge.bench import cold_start; sys.exit(cold_start.main(*sys.argv[1:]))"
    command = [sys.executable, "-c", start, str(model), json.dumps(asdict(Setting(provider, 1)))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_it_brings_in_none_of_the_labs_packages(model):
    code = (
        "import sys; from aetk.edge.bench import cold_start; "
        'cold_start.main(sys.argv[1], \'{"provider": "cpu", "batch": 1}\'); '
        "sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'onnx', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True).returncode == 0
