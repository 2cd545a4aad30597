from aetk.base.free_memory import free_memory


def put(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_the_tighter_of_the_machine_and_the_group_counts_and_caches_are_given_back(tmp_path):
    put(tmp_path, "proc/meminfo", "MemTotal: 9000 kB\nMemAvailable: 4000 kB\n")
    assert free_memory(tmp_path) == 4_096_000
    put(tmp_path, "proc/self/cgroup", "0::/a/b\n")
    put(tmp_path, "sys/fs/cgroup/a/b/memory.max", "max\n")
    put(tmp_path, "sys/fs/cgroup/a/b/memory.current", "900\n")
    assert free_memory(tmp_path) == 4_096_000
    put(tmp_path, "sys/fs/cgroup/a/memory.max", "1000\n")
    put(tmp_path, "sys/fs/cgroup/a/memory.current", "900\n")
    assert free_memory(tmp_path) == 100
    put(tmp_path, "sys/fs/cgroup/a/memory.stat", "anon 100\ninactive_file 500\nactive_file 50\n")
    assert free_memory(tmp_path) == 650


def test_the_limit_is_read_from_version_1(tmp_path):
    put(tmp_path, "proc/self/cgroup", "4:memory:/m\n1:cpu,cpuacct:/c\n")
    put(tmp_path, "sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1000\n")
    put(tmp_path, "sys/fs/cgroup/memory/m/memory.usage_in_bytes", "1200\n")
    assert free_memory(tmp_path) == 0


def test_a_system_that_does_not_tell_sets_no_limit(tmp_path):
    assert free_memory(tmp_path) is None
