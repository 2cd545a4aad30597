"""Finds out what this machine can do, by trying it."""

import platform
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from aetk.base.cpus import usable_cpus
from aetk.base.errors import Unavailable
from aetk.edge.runtime import plugins
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.providers import PROVIDERS, Provider, brought_by_plugins
from aetk.edge.runtime.session import open_session
from aetk.edge.runtime.source import ELSEWHERE, how_to_get, is_brought, name_device
from aetk.edge.runtime.telemetry import Telemetry, examine_telemetry
from aetk.edge.runtime.tiny_models import decision_model

_PACKAGES = (
    "aetk", "numpy", "click", "pyarrow", "torch", "onnx", "onnxscript", "safetensors", "pandas", "scikit-learn",
    "matplotlib", "tqdm",
)  # fmt: skip


@dataclass(frozen=True)
class Device:
    """A device on which a plugin offers its provider.

    Attributes:
        provider: the value of `--provider` that selects it.
        kind: CPU, GPU or NPU.
        vendor: its maker's name or PCI number.
        metadata: the properties that the system and the plugin report.
    """

    provider: str
    kind: str
    vendor: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class ProviderState:
    """Whether a provider ran a model just now, and if not, why.

    Attributes:
        provider: its short name, with a device after a colon if its plugin lists several.
        works: whether it ran the whole of a small model.
        reason: why not; empty if it works.
        plugin: the package and version of the plugin that contains it; empty for a provider of the build.
    """

    provider: str
    works: bool
    reason: str
    plugin: str = ""


@dataclass(frozen=True)
class DoctorReport:
    """The state of this machine.

    Attributes:
        runtimes: the installed distributions that provide the module onnxruntime, with versions.
        packages: the versions of the packages that aetk uses; None if not installed.
        cpus: the number of processors that this process may use.
        telemetry: whether ONNX Runtime sends usage data from here.
        devices: the devices that the installed plugins list.
        problems: descriptions of what must be repaired; empty if all is well.
    """

    python: str
    system: str
    cpus: int
    telemetry: Telemetry
    runtimes: dict[str, str]
    packages: dict[str, str | None]
    providers: tuple[ProviderState, ...]
    devices: tuple[Device, ...]
    problems: tuple[str, ...]


def examine() -> DoctorReport:
    """Try every known provider on a small model, and look for what is missing or installed twice."""
    runtimes = {
        name: distribution.version
        for distribution in metadata.distributions()
        if (name := str(distribution.metadata["Name"] or "").lower()).startswith("onnxruntime")
        and any(str(file).startswith("onnxruntime/") for file in distribution.files or ())
    }
    model = decision_model()
    providers, devices = _try_all(model) if runtimes else ((), ())
    problems = [f"The plugin {p.package} {p.version} is broken: {p.problem}." for p in plugins.installed() if p.problem]
    if len(runtimes) > 1:
        problems.append(
            f"{' and '.join(sorted(runtimes))} are installed together; they overwrite each other's files. "
            f"Uninstall all of them, then install one."
        )
    if not runtimes:
        problems.append("No onnxruntime is installed. Install one with: pip install 'aetk[cpu]'")
    elif not any(state.works for state in providers):
        problems.append("No provider works; the installed onnxruntime is broken. Reinstall it.")
    return DoctorReport(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=usable_cpus(),
        telemetry=examine_telemetry(),
        runtimes=runtimes,
        packages={name: _version(name) for name in _PACKAGES},
        providers=providers,
        devices=devices,
        problems=tuple(problems),
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _try_all(model: bytes) -> tuple[tuple[ProviderState, ...], tuple[Device, ...]]:
    """Try each provider, and each of its devices if its plugin lists several."""
    states, devices = [], []
    for provider in (*PROVIDERS.values(), *brought_by_plugins()):
        states.append(_try(model, provider))
        listed = _listed(provider)
        devices += listed
        if len(listed) > 1:
            states += [_try(model, provider.on(device.provider.partition(":")[2])) for device in listed]
    return tuple(states), tuple(devices)


def _listed(provider: Provider) -> list[Device]:
    """The devices of a provider whose plugin is registered; an empty list if there are none."""
    try:
        found = plugins.listed_devices(onnxruntime(), provider.name)
    except Unavailable:
        return []
    return [
        Device(
            provider=name_device(provider, found, place),
            kind=str(device.device.type).rpartition(".")[2],
            vendor=device.device.vendor or f"{device.device.vendor_id:#06x}",
            metadata={**dict(device.device.metadata), **dict(device.ep_metadata)},
        )
        for place, device in enumerate(found)
    ]


def _try(model: bytes, provider: Provider) -> ProviderState:
    try:
        module = onnxruntime()
        if not is_brought(module, provider):
            return ProviderState(provider.label, False, f"not in the installed onnxruntime{how_to_get(provider)}")
        plugin = _plugin(module, provider)
        open_session(model, provider).run(np.ones((1, 2), np.float32))
    except Unavailable as error:
        advice = error.hint.removesuffix(ELSEWHERE).strip()
        return ProviderState(provider.label, False, f"{error.message} {advice}".strip())
    except Exception as error:  # noqa: BLE001 - a runtime that loads and then breaks is a finding, not a crash
        return ProviderState(provider.label, False, f"{type(error).__name__}: {error}")
    return ProviderState(provider.label, True, "", plugin)


def _plugin(module: Any, provider: Provider) -> str:
    plugin = None if provider.name in module.get_available_providers() else plugins.plugin_of(provider.name)
    return f"{plugin.package} {plugin.version}" if plugin else ""
