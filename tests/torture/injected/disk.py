"""Disks that fill at any moment, and folders that cannot be written."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.crash.scenarios import Scenario

from ..outcome import Outcome
from .commands import Tally, fresh, left_wrong, misbehaved, next_run_wrong, report, start

_PAGE = 4096
_NOBODY = 65534


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes in memory, mounted on a folder; PermissionError where mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("mount", "-t", "tmpfs", "-o", f"size={size}", "aetk-torture", folder)
    try:
        yield
    finally:
        _mount("umount", folder)


def _mount(*command: object) -> None:
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PermissionError(str(error)) from None
    if done.returncode != 0:
        raise PermissionError(done.stderr.strip())


def can_mount(work: Path) -> bool:
    """Whether this process may mount file systems."""
    try:
        with small_disk(work / "probe", _PAGE):
            return True
    except PermissionError:
        return False


def _pages(folder: Path) -> int:
    """Bytes that a folder's files take on such a disk."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // _PAGE) * _PAGE for size in sizes)


def fill(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Give each command less room than it needs, by more or less, then enough."""
    tally, chance, mounted = Tally(), random.Random(3), can_mount(work)
    for scenario in scenarios * times:
        needed = max(_pages(scenario.reference) - _pages(scenario.base), 0) + _pages_written(scenario)
        room = int(chance.uniform(0, needed))
        faults = _on_small_disk(scenario, room, work, tally) if mounted else _limited(scenario, room, work, tally)
        report(tally, f"{scenario.name} with {room:,} bytes left", faults)
    how = "" if mounted else " (mounting is not permitted here: by a limit on the size of files)"
    what = f"disk full at some moment of train, its checkpoints, export, threshold and score{how}"
    return Outcome("faults", what, tally.tried, tally.found, tuple(tally.wrong))


def _pages_written(scenario: Scenario) -> int:
    """Bytes that the temporary files take beside the old ones, about."""
    if scenario.trains:
        return 0
    names = {"score": (scenario.arguments[-1],)}.get(scenario.command, ("M.onnx", "M.card.json"))
    return sum(-(-(scenario.reference / name).stat().st_size // _PAGE) * _PAGE for name in names)


def _on_small_disk(scenario: Scenario, room: int, work: Path, tally: Tally) -> list[str]:
    disk, log = work / "disk", work / "log"
    folders = sum(path.is_dir() for path in scenario.base.rglob("*")) + 1
    with small_disk(disk, _pages(scenario.base) + (folders + 1) * _PAGE + room):
        shutil.copytree(scenario.base, disk, dirs_exist_ok=True)
        child = start(scenario.arguments, disk, log, save_every=scenario.save_every)
        faults = _judge(scenario, child.wait(), child.said, disk, tally)
        _mount("mount", "-o", "remount,size=64m", disk)
        return faults + next_run_wrong(scenario, disk, log)


def _limited(scenario: Scenario, room: int, work: Path, tally: Tally) -> list[str]:
    folder, log = fresh(scenario, work / "files"), work / "log"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    child = start(scenario.arguments, folder, log, limit, scenario.save_every)
    return _judge(scenario, child.wait(), child.said, folder, tally) + next_run_wrong(scenario, folder, log)


def _judge(scenario: Scenario, code: int, said: str, folder: Path, tally: Tally) -> list[str]:
    if code == 0:
        tally.count("had room enough")
        return left_wrong(scenario, folder, changed=True)
    tally.count(f"ended with exit code {code}")
    faults = misbehaved(said, code) + left_wrong(scenario, folder, changed=False)
    if code != 3 or "Cannot write" not in said:
        faults.append(f"exit code {code}: {said.strip()[:200]}")
    return faults


def forbid(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Run each command in a folder that is mounted read-only, and as a user who may not write in it."""
    tally, mounted = Tally(), can_mount(work)
    for scenario in scenarios * times:
        if mounted:
            faults = _mounted_read_only(scenario, work, tally)
            report(tally, f"{scenario.name} on a read-only disk", faults)
        if os.geteuid() == 0:
            report(tally, f"{scenario.name} by another user", _by_another_user(scenario, work, tally))
    what = "folders that cannot be written: mounted read-only, and of another user"
    return Outcome("faults", what, tally.tried, tally.found, tuple(tally.wrong))


def _mounted_read_only(scenario: Scenario, work: Path, tally: Tally) -> list[str]:
    disk = work / "disk"
    with small_disk(disk, 2**26):
        shutil.copytree(scenario.base, disk, dirs_exist_ok=True)
        _mount("mount", "-o", "remount,ro", disk)
        child = start(scenario.arguments, disk, work / "log", save_every=scenario.save_every)
        return _refused(scenario, child.wait(), child.said, "Read-only file system", disk, tally)


def _by_another_user(scenario: Scenario, work: Path, tally: Tally) -> list[str]:
    folder, log = fresh(scenario, work / "files"), work / "log"
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in folder.parents[:2]:  # else it could not even get there
        parent.chmod(0o755)

    def become_nobody() -> None:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)

    child = start(scenario.arguments, folder, log, become_nobody, scenario.save_every)
    return _refused(scenario, child.wait(), child.said, "Permission denied", folder, tally)


def _refused(scenario: Scenario, code: int, said: str, reason: str, folder: Path, tally: Tally) -> list[str]:
    tally.count(f"ended with exit code {code}")
    faults = misbehaved(said, code) + left_wrong(scenario, folder, changed=False)
    return faults + ([] if code == 2 and reason in said else [f"exit code {code}: {said.strip()[:200]}"])
