"""How many processors a process may use, and how large their caches are."""

import os
import subprocess
import sys

import pytest

from aetk.base import cpus


@pytest.mark.parametrize(("quota", "expected"), [(None, 3), (0.2, 1), (1.0, 1), (1.5, 2), (64.0, 3)])
def test_usable_processors_are_those_of_affinity_and_quota(monkeypatch, quota, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    monkeypatch.setattr(cpus, "cpu_quota", lambda: quota)
    assert cpus.usable_cpus() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity to set")
def test_a_process_held_to_one_processor_uses_one():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from aetk.base.cpus import usable_cpus; print(usable_cpus())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


@pytest.mark.parametrize(("text", "expected"), [("512K\n", 2**19), ("2M\n", 2**21), ("odd\n", 2**20), (None, 2**20)])
def test_the_cache_is_read_or_taken_to_be_a_usual_one(tmp_path, monkeypatch, text, expected):
    file = tmp_path / "size"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(cpus, "_CACHE", file)
    assert cpus.cache_bytes() == expected
