"""How much memory is free, for a table that is read as a whole."""

from pathlib import Path

from aetk.base.cgroup import memory_left

_ROOT = Path("/")


def free_memory(root: Path = _ROOT) -> int | None:
    """The bytes that this process can allocate without swapping; None if the system does not say (not Linux)."""
    known = [left for left in (_system(root), memory_left(root)) if left is not None]
    return min(known, default=None)


def _system(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None
