"""How many processors a process may use, and how large their caches are."""

import os
import subprocess
import sys

import pytest

from aetk.edge import runtime


def cgroup(tmp_path, entries, files):
    """A control-group file system of its own: what /proc/self/cgroup says, and limits by path."""
    root = tmp_path / "cgroup"
    root.mkdir()
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    own = tmp_path / "own"
    own.write_text("\n".join(entries) + "\n")
    return root, own


@pytest.mark.parametrize(
    ("entries", "files", "expected"),
    [
        (["0::/app"], {"app/cpu.max": "150000 100000\n"}, 1.5),
        (["0::/app"], {"app/cpu.max": "max 100000\n"}, None),
        (["0::/pod/app"], {"pod/app/cpu.max": "max 100000\n", "pod/cpu.max": "200000 100000\n"}, 2.0),
        (["0::/pod/app"], {"pod/app/cpu.max": "50000 100000\n", "pod/cpu.max": "200000 100000\n"}, 0.5),
        (["0::/seen/from/outside"], {"cpu.max": "300000 100000\n"}, 3.0),
        (["0::/../outside"], {"cpu.max": "300000 100000\n"}, 3.0),
        (["4:cpu,cpuacct:/app"], {"cpu,cpuacct/app/cpu.cfs_quota_us": "250000\n",
                                  "cpu,cpuacct/app/cpu.cfs_period_us": "100000\n"}, 2.5),
        (["4:cpu:/app", "3:memory:/app"], {"cpu/app/cpu.cfs_quota_us": "-1\n",
                                           "cpu/app/cpu.cfs_period_us": "100000\n"}, None),
        (["0::/app"], {"app/cpu.max": "nonsense\n"}, None),
        (["0::/app"], {}, None),
        (["nonsense"], {}, None),
    ],
)  # fmt: skip
def test_the_tightest_control_group_limits(tmp_path, entries, files, expected):
    assert runtime.cpu_quota(*cgroup(tmp_path, entries, files)) == expected


def test_no_control_groups_are_no_limit(tmp_path):
    assert runtime.cpu_quota(tmp_path, tmp_path / "missing") is None


@pytest.mark.parametrize(("quota", "expected"), [(None, 3), (0.2, 1), (1.0, 1), (1.5, 2), (64.0, 3)])
def test_usable_processors_are_those_of_affinity_and_quota(monkeypatch, quota, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    monkeypatch.setattr(runtime, "cpu_quota", lambda: quota)
    assert runtime.usable_cpus() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity to set")
def test_a_process_held_to_one_processor_uses_one():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from aetk.edge.runtime import usable_cpus; print(usable_cpus())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


@pytest.mark.parametrize(("text", "expected"), [("512K\n", 2**19), ("2M\n", 2**21), ("odd\n", 2**20), (None, 2**20)])
def test_the_cache_is_read_or_taken_to_be_a_usual_one(tmp_path, monkeypatch, text, expected):
    file = tmp_path / "size"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(runtime, "_CACHE", file)
    assert runtime.cache_bytes() == expected
