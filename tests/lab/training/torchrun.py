"""Real processes under torchrun, and the streaming path in this one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE

QUICK = ("--device", "cpu", "--set", "steps=100")


def start(folder, processes, *words):
    """Start `torchrun --nproc-per-node N WORDS` in a folder, on a port of its own; its output is text in one stream."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [*command, *map(str, words)], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def torchrun(folder, processes, *words):
    """Run `torchrun -m aetk WORDS` to its end; returns its exit code and all that was said."""
    process = start(folder, processes, "-m", "aetk", *words)
    said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def workers(process):
    """The processes that torchrun started, by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            environment = dict(w.split("=", 1) for w in (path / "environ").read_text().split("\0") if "=" in w)
        except OSError:
            continue
        if parent == process.pid and "RANK" in environment:
            found[int(environment["RANK"])] = int(path.name)
    return found


def messages(said):
    """What aetk said, without what torchrun and Python say around it: each message with its hint."""
    lines = said.splitlines()
    at = [index for index, line in enumerate(lines) if line.startswith("aetk: ")]
    return ["\n".join(lines[index : index + 2]) for index in at]


@pytest.fixture
def alone_under_torchrun(monkeypatch):
    """The environment of `torchrun --nproc-per-node 1`, for this process."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))


def write_parts(frame, folder, files, row_group=500):
    """Write a frame as several Parquet files of several row groups."""
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), files)):
        frame.iloc[rows].to_parquet(folder / f"part-{number}.parquet", row_group_size=row_group, index=False)
    return folder
