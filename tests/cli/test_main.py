"""The command line as a whole: help, lazy imports, streams and exit codes."""

import json
import subprocess
import sys

import pytest

from aetk.cli.main import COMMANDS

HEAVY = ("torch", "pandas", "onnx", "onnxscript", "sklearn", "matplotlib", "safetensors")


def python(code, *arguments, cwd):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="session")
def helps(tmp_path_factory):
    """In a fresh process: for each command, exit code and text of its help, and what heavy modules it brought in."""
    code = """
import contextlib, io, json, sys
from aetk.cli.main import run
found = {}
for name in json.loads(sys.argv[1]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exit_code = run([*name.split(), "--help"])
    found[name] = [exit_code, out.getvalue(), [m for m in json.loads(sys.argv[2]) if m in sys.modules]]
print(json.dumps(found))
"""
    done = python(code, json.dumps(["", *COMMANDS]), json.dumps(HEAVY), cwd=tmp_path_factory.mktemp("help"))
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_needs_none_of_the_labs_packages(helps, name):
    code, text, heavy = helps[name]
    assert code == 0
    assert f"Usage: aetk {name}" in text
    assert heavy == []


def test_the_overall_help_lists_every_command_in_the_order_of_the_work(helps):
    code, text, heavy = helps[""]
    lines = [line.split()[0] for line in text.split("Commands:")[1].splitlines() if line.strip()]
    assert [line for line in lines if line in COMMANDS] == list(COMMANDS)
    assert (code, heavy) == (0, [])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_explained(helps, name):
    import importlib

    for parameter in importlib.import_module(f"aetk.cli.{name}").command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"{parameter.opts} of aetk {name}"
            assert parameter.opts[-1] in helps[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_answer_in_json(helps, name):
    assert "--json" in helps[name][1]


def test_scoring_brings_in_none_of_the_labs_packages(model, whole_table, tmp_path):
    code = (
        "import sys; from aetk.cli.main import run; "
        "print(run(sys.argv[2:]), [m for m in sys.argv[1].split() if m in sys.modules])"
    )
    done = python(code, " ".join(HEAVY), "score", str(model), str(whole_table), cwd=tmp_path)
    assert done.stdout.endswith("0 []\n"), done


def test_the_module_runs_as_the_command_does(tmp_path):
    done = subprocess.run([sys.executable, "-m", "aetk", "inspect", "absent.onnx"], capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        done.stderr == b"aetk: No such model: absent.onnx.\n  Check the path, or export one with: aetk export --onnx\n"
    )


def test_a_reader_that_goes_away_is_no_error(model, tmp_path):
    done = subprocess.run(
        f'"{sys.executable}" -m aetk inspect "{model}" --json | head -c 1; echo "${{PIPESTATUS[0]}}"',
        shell=True, executable="/bin/bash", capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.endswith("0\n")
    assert done.stderr == ""


def test_an_unknown_command_is_wrong_usage(refused):
    assert "No such command 'predict'" in refused("predict")


def test_the_version_is_the_packages(aetk):
    import aetk as package

    assert aetk("--version").out.split()[-1] == package.__version__


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device", "x.onnx"), 3, "x.onnx: No space left"),
        (PermissionError(13, "Permission denied", "x.onnx"), 2, "x.onnx: Permission denied"),
        (OSError(30, "Read-only file system", "x.onnx"), 2, "x.onnx: Read-only file system"),
        (MemoryError("Unable to allocate 9 TiB"), 3, "Out of memory. Unable to allocate 9 TiB"),
        (KeyboardInterrupt(), 130, "Stopped"),
    ],
)
def test_what_the_machine_refuses_is_a_message_and_an_exit_code(refused, monkeypatch, model, error, code, words):
    from aetk.edge import inspection

    def inspect(_path):
        raise error

    monkeypatch.setattr(inspection, "inspect", inspect)
    assert words in refused("inspect", model, code=code)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["train", "absent.csv", "--json"], 2), (["export", "--onnx", "--json"], 2), (["bench", "--json"], 2)],
)
def test_in_json_mode_an_error_leaves_standard_output_empty(refused, arguments, code):
    assert refused(*arguments, code=code)


def test_a_folder_that_cannot_be_written_is_named_and_the_old_file_stays(
    refused, monkeypatch, model_copy, breast_cancer_run
):
    """Tests may run as root, whom no permission stops, so the system's answer is put in its place."""
    from aetk.base import files

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path.parent))

    monkeypatch.setattr(files, "_open_new", denied)
    message = refused("threshold", model_copy, "--set", 0.5)
    assert str(model_copy.parent) in message
    assert "Permission denied" in message


def test_a_library_that_takes_every_exception_for_its_own_does_not_swallow_sigterm(model, tmp_path):
    code = """
import signal, sys
from aetk.cli.main import main
from aetk.edge import inspection
def inspect(_path):
    try:
        signal.raise_signal(signal.SIGTERM)
    except Exception:
        raise ValueError("it was no error of the library's")
inspection.inspect = inspect
main(sys.argv[1:])
"""
    done = python(code, "inspect", str(model), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "aetk: Stopped by SIGTERM.\n")


def test_out_of_memory_is_a_message_whatever_type_of_error_it_comes_as(refused, monkeypatch, model):
    from aetk.edge import inspection

    class Panic(BaseException):
        pass

    def inspect(_path):
        raise Panic("PyObject pointer is null")

    monkeypatch.setattr(inspection, "inspect", inspect)
    assert refused("inspect", model, code=3) == (
        "aetk: Out of memory.\n  Close other programs, use a smaller table, or a machine with more memory.\n"
    )
