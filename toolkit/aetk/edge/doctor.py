"""Finds out what this machine can do, by trying it."""

import platform
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from aetk.base.cpus import usable_cpus
from aetk.base.errors import Unavailable
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.providers import PROVIDERS, Provider
from aetk.edge.runtime.session import open_session
from aetk.edge.runtime.telemetry import Telemetry, examine_telemetry
from aetk.edge.runtime.tiny_models import sum_model

_PACKAGES = (
    "aetk", "numpy", "click", "pyarrow", "torch", "onnx", "onnxscript", "safetensors", "pandas", "scikit-learn",
    "matplotlib", "tqdm",
)  # fmt: skip


@dataclass(frozen=True)
class ProviderState:
    """Whether a provider ran a model just now, and if not, why."""

    provider: str
    works: bool
    reason: str


@dataclass(frozen=True)
class DoctorReport:
    """The state of this machine.

    Attributes:
        runtimes: the installed distributions that provide the module onnxruntime, with versions.
        packages: versions of what aetk uses; None where not installed.
        cpus: processors that this process may use.
        telemetry: whether ONNX Runtime sends usage data from here.
        problems: what has to be mended, in words; empty where all is well.
    """

    python: str
    system: str
    cpus: int
    telemetry: Telemetry
    runtimes: dict[str, str]
    packages: dict[str, str | None]
    providers: tuple[ProviderState, ...]
    problems: tuple[str, ...]


def examine() -> DoctorReport:
    """Try every known provider on a small model, and look for what is missing or installed twice."""
    runtimes = {
        name: distribution.version
        for distribution in metadata.distributions()
        if (name := str(distribution.metadata["Name"] or "").lower()).startswith("onnxruntime")
        and any(str(file).startswith("onnxruntime/") for file in distribution.files or ())
    }
    model = sum_model()
    providers = tuple(_try(model, provider) for provider in PROVIDERS.values())
    problems = []
    if len(runtimes) > 1:
        problems.append(
            f"{' and '.join(sorted(runtimes))} are installed together; they overwrite each other's files. "
            f"Uninstall all of them, then install one."
        )
    if not runtimes:
        problems.append("No onnxruntime is installed. Install one with: pip install 'aetk[cpu]'")
    elif not any(state.works for state in providers):
        problems.append("No provider works; the installed onnxruntime is broken. Install it anew.")
    return DoctorReport(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=usable_cpus(),
        telemetry=examine_telemetry(),
        runtimes=runtimes,
        packages={name: _version(name) for name in _PACKAGES},
        providers=providers,
        problems=tuple(problems),
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _try(model: bytes, provider: Provider) -> ProviderState:
    try:
        if provider.name not in onnxruntime().get_available_providers():
            reason = "not in this build of onnxruntime"
            reason += f"; the build '{provider.build}' may have it" if provider.build != "onnxruntime" else ""
            return ProviderState(provider.short, False, reason)
        open_session(model, provider).run(np.ones((1, 2), np.float32))
    except Unavailable as error:
        return ProviderState(provider.short, False, error.message)
    except Exception as error:  # noqa: BLE001 - a runtime that loads and then breaks is a finding, not a crash
        return ProviderState(provider.short, False, f"{type(error).__name__}: {error}")
    return ProviderState(provider.short, True, "")
