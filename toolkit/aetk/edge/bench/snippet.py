"""Writes session options as Python code that an app can copy."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from aetk.base.errors import Unavailable
from aetk.base.telemetry import VARIABLE
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime import source
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import NO_FALLBACK, SPINNING
from aetk.edge.runtime.source import Source

_TELEMETRY_OFF = f'os.environ.setdefault("{VARIABLE}", "1")  # else onnxruntime sends usage data'


def snippet(model: Path, settings: Sequence[Setting]) -> str:
    """Write Python code that opens one session for each setting, named by its batch; empty without a setting.

    It needs only onnxruntime, and the plugins of providers that are plugins. Settings that need the same session
    share it.
    """
    if not settings:
        return ""
    sources = {name: _find(name) for name in dict.fromkeys(setting.provider for setting in settings)}
    lines = ["import os", "", _TELEMETRY_OFF, *_preparations(sources.values())]
    opened: dict[tuple[str, int | None, bool], str] = {}
    for setting in settings:
        name = "for_1_row" if setting.batch == 1 else f"for_{setting.batch}_rows"
        alike = (setting.provider, setting.threads, setting.spinning)
        if alike in opened:
            lines += ["", f"{name} = {opened[alike]}"]
            continue
        opened[alike] = name
        origin = sources[setting.provider]
        lines += ["", "options = ort.SessionOptions()", *_options(setting), *_device(origin)]
        given = "" if origin.place is not None else f", providers=[{_provider(origin)}]"
        lines += [f"{name} = ort.InferenceSession(", f'    "{_escaped(model)}", options{given}', ")"]
    return "\n".join(lines)


def _find(name: str) -> Source:
    """Find where a provider comes from; one that is not on this machine counts as a part of the build."""
    provider = find_provider(name)
    try:
        return source.find(onnxruntime(), provider)
    except Unavailable:
        return source.of_the_build(provider)


def _preparations(sources: Iterable[Source]) -> list[str]:
    """The lines before the first session: variables, libraries, plugins."""
    found = list(sources)
    variables = {variable: value for origin in found for variable, value in origin.provider.environment.items()}
    lines = [
        f'os.environ.setdefault("{name}", "{value}")  # float32 stays float32' for name, value in variables.items()
    ]
    lines += ["import onnxruntime as ort"]
    plugins = {origin.provider.name: origin.plugin for origin in found if origin.place is not None and origin.plugin}
    lines += [f"import {plugin.module}" for plugin in plugins.values()]
    if any(origin.provider.device == "cuda" for origin in found):
        lines += ["", "ort.preload_dlls()  # CUDA and cuDNN from where pip puts them"]
    for name, plugin in plugins.items():
        lines += ["", f'ort.register_execution_provider_library("{name}", {plugin.module}.{plugin.says_where}())']
    return lines


def _options(setting: Setting) -> list[str]:
    lines = []
    if setting.threads is not None:
        lines.append(f"options.intra_op_num_threads = {setting.threads}")
    if not setting.spinning:
        lines.append(f'options.add_session_config_entry("{SPINNING}", "0")')
    if setting.provider != "cpu":
        lines.append(f'options.add_session_config_entry("{NO_FALLBACK}", "1")')
    return lines


def _device(origin: Source) -> list[str]:
    """The lines that add a plugin's device to the session options."""
    if origin.place is None:
        return []
    chosen = f"devices[{origin.place}]"
    return [
        f'devices = [found for found in ort.get_ep_devices() if found.ep_name == "{origin.provider.name}"]',
        f"options.add_provider_for_devices([{chosen}], {json.dumps(origin.options)})",
    ]


def _provider(origin: Source) -> str:
    name = origin.provider.name
    return f'("{name}", {json.dumps(origin.options)})' if origin.options else f'"{name}"'


def _escaped(path: Path) -> str:
    return repr(str(path))[1:-1].replace('"', '\\"')
