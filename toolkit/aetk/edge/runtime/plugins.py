"""Plugin packages: execution providers that are added to the installed ONNX Runtime.

Such a package holds a shared library and a module that says where it is. By the packaging guide of ONNX Runtime the
module has `get_library_path()` and `get_ep_names()` or `get_ep_name()`; onnxruntime-ggml calls them `library_path()`
and `EP_NAME`. Its dependencies never name a provider, so a plugin is recognised by its package name, which starts with
onnxruntime, and by those functions.
"""

import threading
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

_MARKS = (("get_library_path", "library_path"), ("get_ep_name", "EP_NAME"))
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Plugin:
    """An installed plugin package.

    Attributes:
        package: its name on PyPI.
        version: the package's version.
        module: the Python module that says where the library is.
        names: ONNX Runtime's names of its providers; empty if the module cannot be imported.
        library: the path of the shared library; empty if the module does not return it.
        says_where: the function of the module that returns that path.
        problem: why there is no name or no library; empty if nothing is wrong.
    """

    package: str
    version: str
    module: str
    names: tuple[str, ...]
    library: str
    says_where: str
    problem: str = ""


@cache
def installed() -> tuple[Plugin, ...]:
    """Find the installed plugin packages, sorted by name. Their modules are imported, their libraries not loaded."""
    from importlib import metadata

    found = {}
    for distribution in metadata.distributions():
        package = str(distribution.metadata["Name"] or "").lower().replace("_", "-")
        if package.startswith("onnxruntime-") and package not in found:
            modules = [str(file) for file in distribution.files or () if str(file).endswith("/__init__.py")]
            for init in sorted(modules):
                if init.count("/") == 1 and _says_where(Path(str(distribution.locate_file(init)))):
                    found[package] = _ask(package, distribution.version, init.partition("/")[0])
    return tuple(found[package] for package in sorted(found))


def _says_where(init: Path) -> bool:
    """Whether a module may belong to a plugin, without importing it, since others are slow or need more packages."""
    try:
        text = init.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return all(any(mark in text for mark in marks) for marks in _MARKS)


def _ask(package: str, version: str, name: str) -> Plugin:
    try:
        module = import_module(name)
        says_where = next(function for function in _MARKS[0] if hasattr(module, function))
        return Plugin(package, version, name, tuple(_names(module)), str(getattr(module, says_where)()), says_where)
    except Exception as error:  # noqa: BLE001 - foreign code, which may fail in any way
        return Plugin(package, version, name, (), "", "", f"{type(error).__name__}: {error}")


def _names(module: Any) -> list[str]:
    if hasattr(module, "get_ep_names"):
        return list(module.get_ep_names())
    return [module.get_ep_name() if hasattr(module, "get_ep_name") else module.EP_NAME]


def plugin_of(name: str) -> Plugin | None:
    """The installed plugin that has the provider of this ONNX Runtime name; None if there is no such plugin."""
    return next((plugin for plugin in installed() if name in plugin.names), None)


def listed_devices(ort: Any, name: str) -> list[Any]:
    """The devices on which a registered plugin offers a provider, in ONNX Runtime's order."""
    if not hasattr(ort, "get_ep_devices"):  # older than 1.22
        return []
    devices = [device for device in ort.get_ep_devices() if device.ep_name == name]
    return [device for device in devices if "library_path" in device.ep_metadata]


def register(ort: Any, name: str, plugin: Plugin) -> list[Any]:
    """Register a plugin's library once in this process, and return its devices; an empty list without hardware.

    It is registered under the provider's own name, since some libraries (QNN's) give the provider the name that they
    were registered under.

    Raises:
        Exception: any error of ONNX Runtime if the library does not load, or needs a newer runtime.
    """
    with _LOCK:
        if name not in _REGISTERED and not listed_devices(ort, name):
            ort.register_execution_provider_library(name, plugin.library)
            _REGISTERED.add(name)
    return listed_devices(ort, name)


_REGISTERED: set[str] = set()
