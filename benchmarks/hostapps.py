"""How the scripts about hosts run commands and install what an app needs."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

_ENVIRONMENT = {**os.environ, "ONNXRUNTIME_NODE_INSTALL": "skip", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}


def run(command: Sequence[object], folder: Path, accept: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; CalledProcessError where it ends with another exit code than those accepted."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode not in accept:
        done.check_returncode()
    return done


def install_npm(app: Path, *other: str) -> None:
    """Install an app's packages, some of them in other versions, and build it."""
    run(["npm", "ci"], app)
    if other:
        run(["npm", "install", "--no-save", *other], app)
    run(["npm", "run", "build"], app)
