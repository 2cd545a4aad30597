"""The apps of exports/hosts, each made by its README's words in an empty folder, and the models that they are held to.

A host whose tools are not installed is skipped, naming them; with AETK_HOSTS=required it fails instead.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from aetk.edge.model import card_path

from .tracing import Traced, what_prevents_strace

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {
    "python": [],
    "node": ["node", "npm"],
    "web": ["node", "npm", "chromium"],
    "cpp": ["g++", "make", "cmake", "apt-get", "dpkg-deb"],
}
COMMANDS = {
    "python": [".venv/bin/python", "detector.py"],
    "node": ["node", "dist/main.js"],
    "cpp": ["build/detector"],
}
"""How each host with a command line is called from its folder."""

SERVE = "npm run preview"

ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "AETK_REFERENCE": str(ROOT / "exports/reference/breast-cancer.onnx"),
    "AETK_AWKWARD": str(ROOT / "tests/tables/awkward.json"),
    "AETK_FORMATS": str(ROOT / "tests/tables/formats.json"),
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
    "ONNXRUNTIME_LIBRARY": str(next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"), "")),
}


@dataclass(frozen=True)
class App:
    """A built app."""

    host: str
    folder: Path

    def command(self, *arguments):
        start = [
            str(self.folder / part) if "/" in part or part.endswith(".py") else part for part in COMMANDS[self.host]
        ]
        return [*start, *map(str, arguments)]

    def run(self, *arguments, cwd=None, timeout=None):
        command = self.command(*arguments)
        settings = {"env": ENVIRONMENT, "capture_output": True, "text": True, "check": False}
        return subprocess.run(command, cwd=cwd, timeout=timeout, **settings)


def readme_commands(host):
    """The indented lines of a host's README: what a person types, in order."""
    text = (ROOT / "exports/hosts" / host / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^    (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)


def check_tools(host):
    missing = [tool for tool in TOOLS[host] if shutil.which(tool) is None]
    if missing:
        leave_out(f"the host {host} needs {', '.join(missing)}")


def leave_out(reason):
    """Skip the test, or fail it where none may be skipped."""
    if os.environ.get("AETK_HOSTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def trained(creditcard, tmp_path_factory):
    """Runs on card fraud, by name: every preset, and one with imputed medians."""
    from aetk.lab.training.trainer import train

    folder = tmp_path_factory.mktemp("card-fraud-runs")
    known = {"validation": creditcard / "val.csv", "label": "Class", "drop": ["ID"], "device": "cpu", "progress": False}
    options = {
        "default": {},
        "small": {"recipe": "small"},
        "reference": {"recipe": "reference", "epochs": 20},
        "median": {"recipe": "small", "missing": "median"},
    }
    return {
        name: train(creditcard / "train.csv", out=folder / name, **known, **chosen).run
        for name, chosen in options.items()
    }


@pytest.fixture(scope="session")
def models(trained, tmp_path_factory):
    """Exports on card fraud, by name: every preset, one with contributions, one that imputes and explains.

    And `retuned`, the default with another threshold, and with the one before in its card's history.
    """
    from aetk.edge.threshold import set_threshold
    from aetk.lab.export.publish import export

    folder = tmp_path_factory.mktemp("card-fraud-models")
    explained = {"explained": "default", "median": "median"}
    plain = {name: name for name in ("default", "small", "reference")}
    made = {
        name: export(trained[run], out=folder / f"{name}.onnx", explain=name in explained).model
        for name, run in (plain | explained).items()
    }
    made["retuned"] = folder / "retuned.onnx"
    set_threshold(made["default"], 0.9, out=made["retuned"])
    return made


@pytest.fixture(scope="session")
def narrow(tmp_path_factory):
    """A function that gives a model of so many columns, trained once."""
    from aetk.lab.export.publish import export
    from aetk.lab.training.trainer import train

    folder = tmp_path_factory.mktemp("narrow")
    made = {}

    def make(count):
        if count not in made:
            values = np.random.default_rng(count).normal(size=(400, count))
            rows = pd.DataFrame(values, columns=[f"c{i}" for i in range(count)])
            settings = {"recipe": "small", "epochs": 5, "device": "cpu", "progress": False}
            made[count] = export(
                train(rows, out=folder / f"{count}", **settings).run, out=folder / f"{count}.onnx"
            ).model
        return made[count]

    return make


@pytest.fixture
def model_for(narrow, resign, tmp_path):
    """A function that gives a model whose card names the columns asked for, or says how they are read."""

    def make(columns, **keys):
        path = tmp_path / "named.onnx"
        shutil.copy(narrow(len(columns)), path)
        shutil.copy(card_path(narrow(len(columns))), card_path(path))

        def rename(card):
            for feature, column in zip(card["features"], columns, strict=True):
                feature.update({"name": column} if isinstance(column, str) else column)
            card.update(keys)

        resign(path, edit_card=rename)
        return path

    return make


@pytest.fixture(scope="session")
def build(models, creditcard, tmp_path_factory):
    """A function that makes a host's app as its README says, once."""
    built = {}

    def make(host):
        if host not in built:
            check_tools(host)
            folder = tmp_path_factory.mktemp(f"{host}-readme")
            shutil.copy(models["default"], folder / "fraud.onnx")
            shutil.copy(creditcard / "test.csv", folder / "table.csv")
            # the last command of the page's README serves it, until it is stopped
            commands = [line for line in readme_commands(host) if line != SERVE]
            script = "\n".join(["set -eu", *commands])
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
            )
            built[host] = folder, done
        return built[host]

    return make


@pytest.fixture(scope="session", params=list(COMMANDS))
def app(request, build):
    """Each host with a command line, built."""
    folder, done = build(request.param)
    assert done.returncode == 0, done.stdout + done.stderr
    return App(request.param, folder / "app")


@pytest.fixture
def traced(tmp_path):
    """A function that starts a program under strace, with an empty home; none outlives the test."""
    reason = what_prevents_strace()
    if reason:
        leave_out(reason)
    started = []

    def start(*command, **variables):
        library = {"ONNXRUNTIME_LIBRARY": ENVIRONMENT["ONNXRUNTIME_LIBRARY"]}
        started.append(Traced(tmp_path / f"traced-{len(started)}", *command, **library, **variables))
        return started[-1]

    yield start
    for program in started:
        program.stop()
