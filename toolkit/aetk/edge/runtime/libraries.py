"""The shared libraries of execution providers: loads CUDA's in advance, and finds out why one does not load."""

import contextlib
import ctypes
import io
import threading
from pathlib import Path
from typing import Any

_LOCK = threading.Lock()
_CUDA = ("cublas", "cudart", "cufft", "curand", "cudnn", "nvrtc", "nvjitlink")
_REMEDIES = (
    (("libcuda.", "nvcuda"), "Install NVIDIA's driver; without one of its GPUs this provider cannot work"),
    (_CUDA, "Install CUDA's libraries with: pip install 'onnxruntime-gpu[cuda,cudnn]'"),
    (("nvinfer", "nvonnxparser"), "Install TensorRT, and name the folder of its libraries in LD_LIBRARY_PATH"),
    (("amdhip", "migraphx", "rocm"), "Install ROCm with MIGraphX, and name the folder of its libraries"),
    (("vulkan",), "Install the Vulkan loader (Debian: apt install libvulkan1) and a driver"),
)
_preloaded: set[int] = set()


def preload(ort: Any) -> None:
    """Load CUDA and cuDNN once from where pip puts them, since sessions do not look there themselves.

    A library that does not load causes an error when the provider is opened; what `preload_dlls` prints is dropped.
    """
    with _LOCK:
        if id(ort) in _preloaded or not hasattr(ort, "preload_dlls"):  # older than 1.21
            return
        _preloaded.add(id(ort))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            ort.preload_dlls()


def provider_library(ort: Any, short: str) -> Path | None:
    """The shared library of a provider in ONNX Runtime's own folder; None if it is compiled in, or absent."""
    folder = Path(ort.__file__).parent / "capi"
    names = (f"libonnxruntime_providers_{short}.so", f"onnxruntime_providers_{short}.dll")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def loader_words(library: Path) -> str:
    """The system loader's message about a provider's library that does not load; empty if it loads."""
    shared = [*library.parent.glob("*onnxruntime_providers_shared.*")]  # the others need its symbols
    try:
        for path in shared:
            ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(library))
    except OSError as error:
        return str(error).removeprefix(f"{library}: " if library.exists() else "").strip()
    return ""


def remedy(words: str) -> str:
    """Advice on what to install for a message of the loader; empty if that is not known."""
    found = words.lower()
    return next((hint for marks, hint in _REMEDIES if any(mark in found for mark in marks)), "")
