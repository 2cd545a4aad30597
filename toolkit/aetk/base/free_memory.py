"""How much memory there is for a table that is to be held whole."""

from pathlib import Path

from aetk.base.cgroup import memory_left

_ROOT = Path("/")


def free_memory(root: Path = _ROOT) -> int | None:
    """Bytes that can be taken without another program's loss; None where the system does not tell (not Linux)."""
    known = [left for left in (_system(root), memory_left(root)) if left is not None]
    return min(known, default=None)


def _system(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None
