"""The Python app under encodings that lack some of what it prints: its exit codes are the same, what lacks is escaped.

The apps in other languages write UTF-8 whatever the terminal.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "exports/reference/breast-cancer.onnx"
NAME = "ключ µ 値\U0001f600"


@pytest.fixture
def app(tmp_path):
    """Runs the app in a folder of its own, its output in an encoding; returns its exit code and what it wrote."""
    for path in (*(ROOT / "exports/hosts/python").glob("*.py"), MODEL):
        shutil.copy(path, tmp_path)

    def call(page, *arguments):
        environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": page}
        command = [sys.executable, "detector.py", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        return done.returncode, done.stdout.decode(page), done.stderr.decode(page)

    return call


@pytest.mark.parametrize(
    ("page", "unit"),
    [("cp1252", "µs"), ("cp437", "µs"), *((page, "\\xb5s") for page in ("cp932", "gbk", "cp949", "ascii"))],
)
def test_the_self_test_passes_under_every_code_page(app, page, unit):
    code, out, err = app(page, "selftest")
    assert (code, err) == (0, "")
    assert out.startswith("passed: ")
    assert out.endswith(f"{unit}\n")


def test_a_table_of_any_name_is_scored(app, tmp_path):
    table = load_breast_cancer(as_frame=True).frame
    table.columns = [name.replace(" ", "_") for name in table.columns]
    table.to_csv(tmp_path / f"{NAME}.csv", index=False)
    code, out, err = app("ascii", "score", f"{NAME}.csv", "--out", f"{NAME}.scores.csv")
    assert (code, err) == (0, "")
    assert out.startswith("569 rows: ")
    assert (tmp_path / f"{NAME}.scores.csv").is_file()


def test_an_error_keeps_its_exit_code(app):
    code, out, err = app("cp932", "score", f"{NAME}.csv")
    assert (code, out) == (2, "")
    assert err.startswith("detector: No such file: ключ \\xb5 値\\U0001f600.csv.")


def test_used_as_a_library_it_leaves_the_streams_as_they_are(app, tmp_path):
    use = "import sys; from detector import Detector; Detector('breast-cancer.onnx'); print(sys.stdout.errors)"
    (tmp_path / "detector.py").rename(tmp_path / "module.py")
    (tmp_path / "detector.py").write_text(use.replace("from detector", "from module"))
    assert app("cp932") == (0, "strict\n", "")
