"""Session options as Python that an app can copy."""

import json
from collections.abc import Sequence
from pathlib import Path

from aetk.base.telemetry import VARIABLE
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import SPINNING

_TELEMETRY_OFF = f'os.environ.setdefault("{VARIABLE}", "1")  # else onnxruntime sends usage data'


def snippet(model: Path, settings: Sequence[Setting]) -> str:
    """Python that opens one session for each setting, named by its batch; empty without a setting.

    It needs onnxruntime alone. Settings that ask for the same session share it.
    """
    if not settings:
        return ""
    lines = ["import os", "", _TELEMETRY_OFF, "import onnxruntime as ort"]
    opened: dict[tuple[str, int | None, bool], str] = {}
    for setting in settings:
        name = "for_1_row" if setting.batch == 1 else f"for_{setting.batch}_rows"
        alike = (setting.provider, setting.threads, setting.spinning)
        if alike in opened:
            lines += ["", f"{name} = {opened[alike]}"]
            continue
        opened[alike] = name
        lines += ["", "options = ort.SessionOptions()", *_options(setting), f"{name} = ort.InferenceSession("]
        lines += [f'    "{_escaped(model)}", options, providers=[{_provider(setting)}]', ")"]
    return "\n".join(lines)


def _options(setting: Setting) -> list[str]:
    lines = []
    if setting.threads is not None:
        lines.append(f"options.intra_op_num_threads = {setting.threads}")
    if not setting.spinning:
        lines.append(f'options.add_session_config_entry("{SPINNING}", "0")')
    if setting.provider != "cpu":
        lines.append('options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")')
    return lines


def _provider(setting: Setting) -> str:
    provider = find_provider(setting.provider)
    return f'("{provider.name}", {json.dumps(provider.options)})' if provider.options else f'"{provider.name}"'


def _escaped(path: Path) -> str:
    return repr(str(path))[1:-1].replace('"', '\\"')
