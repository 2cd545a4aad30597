"""What each command imports, and so how long it takes before it does anything."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "torch", "torch._dynamo", "torch._inductor",
    "safetensors", "onnx", "onnxscript", "onnxruntime",
)  # fmt: skip
CODE = f"""
import sys
from aetk.cli.main import run
code = run(sys.argv[1:])
sys.stdout.flush()
print(code, *(name for name in {HEAVY} if name in sys.modules))
"""


@pytest.fixture
def imported(tmp_path):
    """The exit code of a command run in a process and an empty folder of its own, and what it imported."""

    def call(*arguments):
        command = [sys.executable, "-c", CODE, *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        code, *names = done.stdout.splitlines()[-1].split()
        return int(code), set(names)

    return call


@pytest.mark.parametrize("command", ["train", "export", "evaluate", "bench"])
def test_help_needs_no_package_but_click(imported, command):
    assert imported(command, "--help") == (0, set())


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.csv"],
        ["cells.csv", "--label", "none"],
        ["cells.csv", "--drop", "none"],
        ["cells.csv", "--val", "none.csv"],
        ["cells.csv", "--recipe", "none"],
        ["cells.csv", "--seed", "-1"],
        ["cells.csv", "--threshold", "none"],
        ["cells.csv", "--label", "malignant", "--threshold", "conformal:1e-9"],
        ["--resume"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_of_train_is_refused_before_pytorch_is_imported(imported, table, arguments):
    assert imported("train", *arguments) == (2, {"numpy"})


def test_a_run_that_is_not_there_is_refused_before_pytorch_is_imported(imported):
    assert imported("export", "none") == (2, {"numpy"})


def test_train_imports_no_compiler_no_exporter_and_not_scikit_learn(imported):
    code, names = imported("train", "--epochs", "2", "--device", "cpu", "--out", "R")
    assert (code, names) == (0, {"numpy", "torch", "safetensors", "matplotlib"})


def test_export_imports_what_writes_and_proves_the_file(imported, breast_cancer_run):
    code, names = imported("export", breast_cancer_run.run, "--out", "M.onnx")
    assert code == 0
    assert names >= {"torch", "safetensors", "onnx", "onnxruntime"}
    assert not names & {"pandas", "pyarrow", "scipy", "sklearn", "matplotlib"}


def test_evaluating_a_model_file_imports_no_pytorch(imported, model, whole_table):
    code, names = imported("evaluate", model, whole_table, "--label", "malignant")
    assert (code, names) == (0, {"numpy", "onnxruntime"})


def test_evaluating_a_run_imports_neither_exporter_nor_runtime(imported, breast_cancer_run, whole_table):
    code, names = imported("evaluate", breast_cancer_run.run, whole_table, "--label", "malignant")
    assert (code, names) == (0, {"numpy", "torch", "safetensors"})


@pytest.mark.parametrize("name", ["train", "export", "evaluate"])
def test_a_public_call_is_imported_with_numpy_alone(name):
    code = f"import sys\nfrom aetk import {name}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("numpy\n", "")


@pytest.mark.parametrize("package", ["torch", "sklearn", "matplotlib"])
def test_a_missing_package_is_named_before_anything_is_read(package):
    code = f"""
import sys
sys.modules[{package!r}] = None
from aetk.cli.main import run
print(run(["train", "none.csv"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "3\n"
    assert "pip install 'aetk[lab,cpu]'" in done.stderr
