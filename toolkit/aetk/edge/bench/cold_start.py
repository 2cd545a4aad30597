"""Measures what a fresh process needs to load a model and run it once, with a new process for each measurement.

Only a separate process shows a cold load and a peak of memory: within one process, the first session warms up the
next, and memory is not returned.
"""

import contextlib
import json
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetk.base.errors import AetkError, Unavailable, from_plain, to_plain
from aetk.edge.bench.gpu import used_bytes
from aetk.edge.bench.setting import Setting, runner
from aetk.edge.model import load
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.providers import find_provider

_START = "import sys; from aetk.edge.bench import cold_start; sys.exit(cold_start.main(*sys.argv[1:]))"


@dataclass(frozen=True)
class Probe:
    """The cold-start measurements of one process.

    Attributes:
        load_seconds: seconds to open the session, without Python's own start and imports.
        first_run_seconds: seconds of the first batch.
        peak_bytes: the process's peak resident memory; None if the system does not report it.
        device_bytes: the increase of the memory in use on the GPUs, by all processes, up to the end of the first run;
            the runtime's arena frees nothing, so that this is the peak. None without an NVIDIA driver.
    """

    load_seconds: float
    first_run_seconds: float
    peak_bytes: int | None
    device_bytes: int | None = None


def peak_resident_bytes() -> int | None:
    """The peak of this process's own resident memory (Linux: VmHWM, which does not depend on the parent's size)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def probe(model: Path, setting: Setting, timeout: float | None = None) -> Probe:
    """Load and run a model in a fresh process.

    Args:
        model: the file.
        setting: how to run it.
        timeout: seconds after which the process is ended; None waits for ever.

    Raises:
        Unavailable: the process failed (the message is its own) or took too long.
    """
    command = [sys.executable, "-c", _START, str(model), json.dumps(asdict(setting))]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        found = f"a fresh process had not loaded and run the model after {timeout:.2g} s, and was ended"
        raise Unavailable(f"{found}; give more --seconds") from None
    if done.returncode != 0:
        with contextlib.suppress(ValueError, LookupError):
            failure = from_plain(_last_line(done.stderr))
            raise Unavailable(failure.message, failure.hint)
        ended = f"The process that opens the model again ended with exit code {done.returncode}."
        raise Unavailable(ended, f"See why with: {shlex.join(['aetk', 'verify', str(model)])}")
    return Probe(**_last_line(done.stdout))


def _last_line(text: str) -> Any:
    """The JSON in the last line of a stream, above which libraries may have printed lines of their own."""
    return json.loads(text.splitlines()[-1])


def main(model: str, setting: str) -> int:
    """Run the fresh process: print its measurements, or its error, as JSON; return the exit code."""
    asked = Setting(**json.loads(setting))
    try:
        loaded = load(Path(model))
        onnxruntime()
        rows = np.zeros((asked.batch, len(loaded.card.features)), np.float32)
        on_device = find_provider(asked.provider).device != "cpu"
        used = used_bytes() if on_device else None
        start = time.perf_counter()
        run = runner(loaded, None, asked, rows)
        ready = time.perf_counter()
        run()
        done = time.perf_counter()
    except AetkError as error:
        sys.stderr.write(json.dumps(to_plain(error)) + "\n")
        return error.exit_code
    now = used_bytes() if on_device else None
    taken = None if used is None or now is None else max(0, now - used)
    sys.stdout.write(json.dumps(asdict(Probe(ready - start, done - ready, peak_resident_bytes(), taken))) + "\n")
    return 0
