import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "onnx", "sklearn", "onnxruntime", "pyarrow", "matplotlib", "scipy", "safetensors", "tqdm")


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "statement",
    [
        "import aetk",
        "import aetk.edge",
        "from aetk import AetkError, BatchScorer, Scorer, bench, inspect, score, threshold, verify",
        "import aetk.edge.scoring.table_file, aetk.edge.inspection, aetk.edge.doctor, aetk.edge.scoring.batch_scorer",
    ],
)
def test_importing_brings_in_nothing_heavy(statement):
    done = run(f"import sys\n{statement}\nprint(sorted(set({HEAVY}) & set(sys.modules)))")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_contract_needs_numpy_and_nothing_else():
    """Every other package is hidden; each module of the contract must import all the same."""
    code = """
import importlib, pkgutil, sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in ("aetk", "numpy"):
            raise ImportError(f"{name} is hidden")

sys.meta_path.insert(0, Hide())
import aetk.contract
found = [module.name for module in pkgutil.iter_modules(aetk.contract.__path__)]
for name in found:
    importlib.import_module("aetk.contract." + name)
print(len(found))
"""
    done = run(code)
    assert done.stderr == ""
    assert int(done.stdout) >= 9


def test_a_model_is_scored_and_verified_without_the_labs_packages(model):
    code = f"""
import sys
for name in ("torch", "pandas", "onnx", "sklearn", "pyarrow", "matplotlib", "safetensors", "tqdm", "onnxscript"):
    sys.modules[name] = None
import numpy as np
from aetk import Scorer, verify
print(verify({str(model)!r}).passed, Scorer({str(model)!r}).score(np.zeros((2, 30))).is_valid.tolist())
"""
    done = run(code)
    assert (done.stdout, done.stderr) == ("True [True, True]\n", "")
