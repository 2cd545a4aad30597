"""How the scripts about hosts run commands and install what an app needs."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

_ENVIRONMENT = {**os.environ, "ONNXRUNTIME_NODE_INSTALL": "skip", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}


def run(
    command: Sequence[object],
    folder: Path,
    *,
    accept: Sequence[int] = (0,),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; CalledProcessError where it ends with another exit code than those accepted."""
    environment = {**_ENVIRONMENT, **variables}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in accept:
        done.check_returncode()
    return done


def install_npm(app: Path) -> None:
    """Install an app's packages and build it."""
    run(["npm", "ci"], app)
    run(["npm", "run", "build"], app)


def replace_package(app: Path, package: str) -> None:
    """Put another version of a package in the place of an app's own; its scripts would fetch what is not needed."""
    run(["npm", "install", "--no-save", "--ignore-scripts", package], app)


def build_cmake(app: Path) -> None:
    """Build the C++ app."""
    run(["sh", "headers.sh"], app)
    run(["cmake", "-S", ".", "-B", "build"], app)
    run(["cmake", "--build", "build", "-j2", "--target", "detector"], app)
