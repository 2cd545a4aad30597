"""What a control group allows a process, from either version of the kernel's interface."""

import pytest

from aetk.base.cgroup import Throttled, cpu_quota, throttled


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_quota_and_throttling_are_read_from_version_2_the_tightest_group_first(tmp_path):
    tree(tmp_path, {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/b/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 3\nthrottled_usec 2500000\n",
    })  # fmt: skip
    assert cpu_quota(tmp_path) == 1.5
    assert throttled(tmp_path) == Throttled(3, 2.5)


def test_quota_and_throttling_are_read_from_version_1(tmp_path):
    tree(tmp_path, {
        "proc/self/cgroup": "4:memory:/m\n1:cpu,cpuacct:/c\n0::/\n",
        "sys/fs/cgroup/cpu/c/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/c/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu/c/cpu.stat": "nr_periods 0\nnr_throttled 7\nthrottled_time 1500000000\n",
    })  # fmt: skip
    assert cpu_quota(tmp_path) == 0.5
    assert throttled(tmp_path) == Throttled(7, 1.5)


def test_a_container_that_sees_its_own_group_as_the_root_is_read_there(tmp_path):
    tree(tmp_path, {"proc/self/cgroup": "0::/hidden/elsewhere\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"})
    assert cpu_quota(tmp_path) == 2.0


@pytest.mark.parametrize("limit", ["max 100000", ""])
def test_no_limit_is_no_quota(tmp_path, limit):
    tree(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": limit})
    assert cpu_quota(tmp_path) is None
    assert throttled(tmp_path) is None


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/pod/app\n", {"pod/app/cpu.max": "50000 100000", "pod/cpu.max": "200000 100000"}, 0.5),
        ("0::/pod/app\n", {"pod/app/cpu.max": "max 100000", "pod/cpu.max": "200000 100000"}, 2.0),
        (
            "4:cpu:/app\n3:memory:/app\n",
            {"cpu/app/cpu.cfs_quota_us": "-1", "cpu/app/cpu.cfs_period_us": "100000"},
            None,
        ),
        ("0::/app\n", {"app/cpu.max": "nonsense"}, None),
        ("nonsense\n", {}, None),
    ],
)
def test_the_tightest_group_that_can_be_read_limits(tmp_path, own, files, expected):
    tree(tmp_path, {"proc/self/cgroup": own, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()}})
    assert cpu_quota(tmp_path) == expected


def test_a_system_without_any_of_it_tells_nothing(tmp_path):
    assert cpu_quota(tmp_path) is None
    assert throttled(tmp_path) is None
