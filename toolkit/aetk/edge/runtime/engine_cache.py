"""Folders in which providers keep what is slow to build: engines and compiled kernels, one folder for each model."""

import contextlib
import hashlib
import os
import sys
from pathlib import Path


def engine_folder(label: str, model: bytes, version: str) -> Path | None:
    """Make this user's folder for what a provider builds for a model; None if that is impossible.

    A folder serves one model on one provider and device with one version of ONNX Runtime: TensorRT distinguishes
    engines by the names in a graph and not by its weights, so it would take the engine of another threshold or
    training. An engine is code, so another user's folder is not used.
    """
    key = hashlib.sha256(b"\0".join((label.encode(), version.encode(), model))).hexdigest()[:32]
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: no home folder
        folder = _user_cache() / "aetk" / "engines" / key
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_own = not hasattr(os, "geteuid") or folder.stat().st_uid == os.geteuid()
        if is_own and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".cache"
