"""Tries every hand-made hostile input once, in a child with little memory, and keeps the message that it got."""

import os
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

from .case import MODEL, REFERENCE, Case
from .outcome import Outcome

MEMORY = 12 * 2**30
SECONDS = 60
_INTERNAL = ("Traceback", "pybind11", "Fail(", "std::")


def run(share: float, work: Path) -> list[Outcome]:
    """All of them, whatever the share: they are few."""
    from . import hostile_models, hostile_tables

    outcomes = []
    for what, cases in (
        ("hand-made model files, cards, signatures and keys", hostile_models.CASES),
        ("hand-made tables", hostile_tables.CASES),
    ):
        tried = [_try(case, work) for case in cases]
        refused = sum(case.code != 0 for case in cases)
        found = f"{refused} refused with the documented exit code and one message, {len(cases) - refused} accepted"
        wrong = tuple(fault for _, faults in tried for fault in faults)
        outcomes.append(Outcome("inputs", what, len(cases), found, wrong, tuple(row for row, _ in tried)))
    return outcomes


def _try(case: Case, work: Path) -> tuple[dict[str, str | int], list[str]]:
    folder = work / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(REFERENCE, folder / MODEL)
    shutil.copy(REFERENCE.with_suffix(".card.json"), folder / "model.card.json")
    case.build(folder)
    before = _files(folder)
    code, out, err = _run(case.arguments, folder, work / "streams")
    left = {} if case.code == 0 else {name: size for name, size in _files(folder).items() if before.get(name) != size}
    message = (err.strip() or _said(out)).replace(f"{folder.resolve()}/", "")
    row = {"input": case.name, "command": f"aetk {' '.join(case.arguments)}", "exit": code, "message": message[:600]}
    return row, [f"{case.name}: {fault}" for fault in _faults(case, code, out, err, left)]


def _said(out: str) -> str:
    """Of a report, the verdict that failed, else its first line."""
    lines = out.strip().splitlines()
    return next((line for line in lines if "FAILED" in line), lines[0] if lines else "")


def _message(err: str) -> list[str]:
    """The lines of a message, without what was decided about the table before it, and the commands that it offers."""
    lines = err.strip().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("aetk: ")), 0)
    return [line for line in lines[start:] if not line.startswith(("      aetk train ", "  or, "))]


def _faults(case: Case, code: int, out: str, err: str, left: dict[str, int]) -> list[str]:
    faults = []
    if code != case.code:
        faults.append(f"exit code {code}, expected {case.code}: {err[-300:]}")
    if case.message not in err:
        faults.append(f"expected the words '{case.message}': {err[-300:]}")
    if any(word in err for word in _INTERNAL):
        faults.append(f"words that are for programmers: {err[-300:]}")
    if case.code == 2 and len(_message(err)) > 3:
        faults.append(f"more than one message: {err[-300:]}")
    if any(ord(character) < 32 and character not in "\n\r" for character in out + err):
        faults.append("characters that command a terminal")
    if left:
        faults.append(f"left behind: {', '.join(left)}")
    return faults


def _files(folder: Path) -> dict[str, int]:
    return {
        os.fspath(path.relative_to(folder)): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    }


def _run(arguments: tuple[str, ...], folder: Path, streams: Path) -> tuple[int, str, str]:
    """`aetk ARGUMENTS` in a forked child; the exit code is negative for a signal, and -9 for a hang."""
    streams.mkdir(exist_ok=True)
    child = os.fork()
    if child == 0:
        _become(arguments, folder, streams)
    deadline = time.monotonic() + SECONDS
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    texts = [(streams / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err")]
    return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def _become(arguments: tuple[str, ...], folder: Path, streams: Path) -> None:
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(streams / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        from aetk.cli.main import run as aetk

        code = aetk(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - a finding, told by its traceback
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
