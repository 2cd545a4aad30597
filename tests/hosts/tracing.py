"""Runs programs under strace, each in an empty home, to see whether they send usage data or keep an identifier for it.

Every socket is refused, so that nothing leaves even where telemetry is left on. The environment is bare: in one that
looks like a build server's, ONNX Runtime sends nothing of its own accord.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from patience import PATIENCE, wait_until

_SOCKET = re.compile(r"socket\((?!AF_UNIX).*")  # which ends on this machine
_RUNTIME = re.compile(r'openat\(.*/(lib)?onnxruntime[^/"]*\.so[^/"]*", .* = \d')


class Traced:
    """A running program. ONNX Runtime keeps its identifier in the home."""

    def __init__(self, folder: Path, *command: object, **variables: str) -> None:
        self._home, self._log = folder / "home", folder / "strace.log"
        self._home.mkdir(parents=True)
        self._log.touch()
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._home), **variables}
        strace = ["strace", "-f", "-qq", "-o", self._log, "--inject=socket:error=EACCES", "--trace=socket,openat"]
        self._process = subprocess.Popen(
            list(map(str, [*strace, "--", *command])), cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def sockets(self) -> list[str]:
        """The sockets that it has tried to open so far, but for those that end on this machine."""
        return _SOCKET.findall(self._log.read_text(errors="replace"))

    def has_loaded_runtime(self) -> bool:
        return _RUNTIME.search(self._log.read_text(errors="replace")) is not None

    def files(self) -> list[str]:
        """The names of the files that it has written into its home."""
        return sorted(path.name for path in self._home.rglob("*") if path.is_file())

    def wait_until(self, state: Callable[[], bool]) -> None:
        def is_so() -> bool:
            assert self._process.poll() is None, self._process.communicate()[0]
            return state()

        wait_until(is_so)

    def end(self) -> str:
        """Let it end by closing its input; what it printed. It must exit with 0."""
        said, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0, said
        return said

    def stop(self) -> None:
        """End it and what it has started, whatever they do."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def what_prevents_strace() -> str:
    """Why no program can be traced here; empty where it can."""
    if shutil.which("strace") is None:
        return "needs strace"
    tried = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"strace may trace nothing here: {tried.stderr.strip()}" if tried.returncode != 0 else ""
