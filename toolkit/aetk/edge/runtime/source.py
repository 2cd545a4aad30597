"""Finds where a provider comes from: the installed build of ONNX Runtime, or a plugin and the devices it lists."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aetk.base.errors import Unavailable
from aetk.edge.runtime import libraries, plugins
from aetk.edge.runtime.engine_cache import engine_folder
from aetk.edge.runtime.plugins import Plugin
from aetk.edge.runtime.providers import Provider
from aetk.edge.runtime.reasons import reason

ELSEWHERE = "Try --provider cpu, or see what works here with: aetk doctor"


@dataclass(frozen=True)
class Source:
    """A provider that this process can request.

    Attributes:
        provider: the provider and its device.
        plugin: the package that contains it; None for a provider of the build, or one that other code registered.
        devices: the devices that its plugin lists, in ONNX Runtime's order; empty for a provider of the build.
        place: the index in `devices` of the device in use; None for a provider of the build.
        options: all options of the provider.
        folder: the cache folder that they name; None if they name none.
    """

    provider: Provider
    plugin: Plugin | None
    devices: tuple[Any, ...]
    place: int | None
    options: dict[str, str]
    folder: Path | None = None

    def add_to(self, session_options: Any) -> list[Any] | None:
        """Put a plugin's device into session options, and return the `providers` for InferenceSession."""
        if self.place is None:
            return [(self.provider.name, self.options)]
        session_options.add_provider_for_devices([self.devices[self.place]], self.options)
        return None

    def cached(self, module: Any, model: bytes) -> "Source":
        """The same with a cache for what it builds for a model; itself if it needs no cache, or cannot have one."""
        builds_quickly = self.provider.name == "OpenVINOExecutionProvider" and self._device() == "cpu"
        if not self.provider.cache or builds_quickly:
            return self
        folder = engine_folder(self.provider.label, model, module.__version__)
        if folder is None:
            return self
        kept = {name: value.replace("{folder}", folder.as_posix()) for name, value in self.provider.cache.items()}
        return replace(self, options={**self.options, **kept}, folder=folder)

    def leave_no_empty_folder(self) -> None:
        """Remove the cache folder if it is empty."""
        if self.folder is not None:
            with contextlib.suppress(OSError):  # it is not empty
                self.folder.rmdir()

    def broken_library(self, module: Any) -> Unavailable | None:
        """The error of a shared library that does not load; None if it loads, or if there is no such library."""
        path: Path | None
        if self.place is not None:
            path = Path(self.devices[self.place].ep_metadata["library_path"])
        else:
            path = libraries.provider_library(module, self.provider.short)
        words = libraries.loader_words(path) if path else ""
        return does_not_load(self.provider, words) if words else None

    def _device(self) -> str:
        return self.provider.chosen or self.provider.usual


def is_brought(module: Any, provider: Provider) -> bool:
    """Whether the installed build or a plugin contains a provider, even one that does not work."""
    return (
        provider.name in module.get_available_providers()
        or libraries.provider_library(module, provider.short) is not None
        or bool(plugins.listed_devices(module, provider.name))
        or plugins.plugin_of(provider.name) is not None
    )


def find(module: Any, provider: Provider) -> Source:
    """Find where a provider comes from, register its plugin, and load the libraries that it needs.

    Args:
        module: onnxruntime.
        provider: with or without a device.

    Raises:
        Unavailable: neither the build nor a plugin has it, its library does not load, or the device is not here.
    """
    if not is_brought(module, provider):
        found = f"The installed onnxruntime {module.__version__} has no {provider.name}."
        raise Unavailable(found, f"{ELSEWHERE}{how_to_get(provider)}.")
    for variable, value in provider.environment.items():
        os.environ.setdefault(variable, value)
    if provider.device == "cuda":
        libraries.preload(module)
    devices = plugins.listed_devices(module, provider.name)
    if not devices and provider.name in module.get_available_providers():
        return of_the_build(provider)
    plugin = plugins.plugin_of(provider.name)
    if not devices and plugin is not None:
        devices = _register(module, provider, plugin)
    library = libraries.provider_library(module, provider.short)
    if not devices and plugin is None and library is not None:  # a plugin inside the build, registered by its import
        words = libraries.loader_words(library)
        if words:
            raise does_not_load(provider, words)
    return Source(provider, plugin, tuple(devices), _place(provider, devices), dict(provider.options))


def of_the_build(provider: Provider) -> Source:
    """A provider that is part of ONNX Runtime, here or elsewhere; raise Unavailable if it cannot take the device."""
    picked = {}
    if provider.chosen:
        is_number = provider.chosen.isdecimal()
        if not provider.picks or (is_number and provider.picks != "device_id"):
            found = f"{provider.name} as a part of onnxruntime takes no device '{provider.chosen}'."
            raise Unavailable(found, f"Say: --provider {provider.short}")
        picked = {provider.picks: provider.chosen.upper()}
    return Source(provider, None, (), None, {**provider.options, **picked})


def _register(module: Any, provider: Provider, plugin: Plugin) -> list[Any]:
    if not hasattr(module, "register_execution_provider_library"):
        found = f"The plugin {plugin.package} needs onnxruntime 1.23 or newer; found {module.__version__}."
        raise Unavailable(found, "Install a newer onnxruntime.")
    try:
        return plugins.register(module, provider.name, plugin)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
        words = libraries.loader_words(Path(plugin.library))
        if words:
            raise does_not_load(provider, words) from None
        found = f"The plugin {plugin.package} {plugin.version} cannot be registered: {reason(error).rstrip('.')}."
        raise Unavailable(found, "Install a version of it that goes with the installed onnxruntime.") from None


def _place(provider: Provider, devices: list[Any]) -> int:
    """The index of the chosen device among those that a plugin lists."""
    if not devices:
        raise Unavailable(
            f"The plugin of {provider.name} lists no device: it found no hardware here that it supports.",
            f"Install the hardware's driver, and give containers access to the device{_ways(provider, plugin='')}.",
        )
    if not provider.chosen:
        return next((place for place in range(len(devices)) if provider.usual in _names(devices, place)), 0)
    for place in range(len(devices)):
        if provider.chosen in _names(devices, place):
            return place
    labels = [name_device(provider, devices, place) for place in range(len(devices))]
    raise Unavailable(f"{provider.name} has no device {provider.chosen} here; it has {', '.join(labels)}.", ELSEWHERE)


def name_device(provider: Provider, devices: Sequence[Any], place: int) -> str:
    """The command-line name of one of a plugin's devices: with its type if that is enough, else with its number."""
    kind = _kind(devices[place])
    is_only_one = [_kind(device) for device in devices].count(kind) == 1
    device = kind if is_only_one and provider.takes is not None and provider.takes[2] != "0" else str(place)
    return f"{provider.short}:{device}"


def _names(devices: list[Any], place: int) -> set[str]:
    """All names of a device: its number, its type, its type with a number, and the plugin's own name for it."""
    kind = _kind(devices[place])
    among = [_kind(device) for device in devices[:place]].count(kind)
    own = str(dict(devices[place].ep_metadata).get("ov_device", kind)).lower()
    return {str(place), f"{kind}.{among}", own, *([kind] if among == 0 else [])}


def _kind(device: Any) -> str:
    return str(device.device.type).rpartition(".")[2].lower()


def does_not_load(provider: Provider, words: str) -> Unavailable:
    """The error for a provider whose library does not load."""
    hint = libraries.remedy(words)
    return Unavailable(f"{provider.name} does not load: {words}.", f"{hint}. {ELSEWHERE}" if hint else ELSEWHERE)


def how_to_get(provider: Provider) -> str:
    """The end of a message on what to install for a provider: a plugin, or another build of the runtime."""
    return _ways(provider, provider.plugin)


def _ways(provider: Provider, plugin: str) -> str:
    ways = [f"pip install {plugin} adds it, as a plugin"] if plugin else []
    if provider.build not in ("", "onnxruntime"):
        ways.append(f"the build '{provider.build}' may have it, in place of the one installed, never beside it")
    return "".join(f"; {way}" for way in ways)
