"""The wheel with the extra `cpu`, in an environment where nothing else is installed."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer

from aetk.edge.embed import HOSTS, embed

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "exports" / "reference" / "breast-cancer.onnx"
LAB_PACKAGES = {"torch", "pandas", "onnx", "scikit-learn", "onnxscript", "safetensors", "matplotlib", "pyarrow"}

pytestmark = pytest.mark.slow


def run(*command, cwd):
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """A folder with an environment of its own, a copy of the reference model, and a table to score."""
    folder = tmp_path_factory.mktemp("device")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    assert run(sys.executable, "-m", "venv", folder / "venv", cwd=folder).returncode == 0
    (wheel,) = folder.glob("*.whl")
    constraints = ROOT / "constraints.txt"
    installed = run(
        folder / "venv/bin/python", "-m", "pip", "install", "-q", "-c", constraints, f"{wheel}[cpu]", cwd=folder
    )
    assert installed.returncode == 0, installed.stderr
    for file in (MODEL, MODEL.with_name("breast-cancer.card.json")):
        (folder / file.name).write_bytes(file.read_bytes())
    table = load_breast_cancer()
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(name.replace(" ", "_") for name in table.feature_names), "malignant"])
        writer.writerows([*map(float, row), 1 - int(kind)] for row, kind in zip(table.data, table.target, strict=True))
    return folder


def aetk(device, *arguments):
    return run(device / "venv/bin/aetk", *arguments, cwd=device)


def test_the_environment_really_is_without_the_labs_packages(device):
    listed = run(device / "venv/bin/python", "-m", "pip", "list", "--format=json", cwd=device)
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert {"aetk", "numpy", "click", "onnxruntime"} <= names
    assert not names & LAB_PACKAGES


def test_verify_replays_the_golden_rows(device):
    done = aetk(device, "verify", "breast-cancer.onnx", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert report["checks"][0]["golden"]["rows"] > 20


def test_score_reads_csv_with_the_standard_library(device):
    done = aetk(device, "score", "breast-cancer.onnx", "table.csv")
    assert done.returncode == 0, done.stderr
    with (device / "table.scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 569
    assert {row["is_valid"] for row in rows} == {"1"}
    assert 0 < sum(row["is_anomaly"] == "1" for row in rows) < 569


def test_bench_measures_and_does_without_a_picture(device):
    done = aetk(device, "bench", "breast-cancer.onnx", "--seconds", "2", "--batch", "1", "--batch", "64")
    assert done.returncode == 0, done.stderr
    report = json.loads((device / "bench/breast-cancer.bench.json").read_text())
    assert {row["setting"]["batch"] for row in report["measured"]} == {1, 64}
    assert not (device / "bench/breast-cancer.bench.png").exists()


def test_threshold_is_shown_set_and_calibrated(device):
    for arguments in (
        [],
        ["--set", "0.9"],
        ["--false-alarms", "0.01", "--data", "table.csv", "--label", "malignant"],
        ["--best-f1", "--data", "table.csv", "--label", "malignant"],
    ):
        done = aetk(device, "threshold", "breast-cancer.onnx", *arguments)
        assert done.returncode == 0, done.stderr
    assert "best-f1" in done.stdout
    assert aetk(device, "verify", "breast-cancer.onnx").returncode == 0


@pytest.mark.parametrize("host", HOSTS)
def test_the_wheel_writes_the_same_app_as_the_checkout(device, tmp_path, host):
    done = aetk(device, "embed", host, MODEL, "--out", f"app-{host}")
    assert done.returncode == 0, done.stderr
    embed(host, MODEL, tmp_path / "app")

    def content(folder):
        files = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert content(device / f"app-{host}") == content(tmp_path / "app")


def test_inspect_and_doctor_report(device):
    assert "opset 17" in aetk(device, "inspect", "breast-cancer.onnx").stdout
    doctor = aetk(device, "doctor", "--json")
    assert doctor.returncode == 0
    assert next(p for p in json.loads(doctor.stdout)["providers"] if p["provider"] == "cpu")["works"] is True


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["export", "--onnx"], ["evaluate", "breast-cancer.onnx", "table.csv", "--label", "malignant"]],
)
def test_what_needs_the_lab_names_the_extra_to_install(device, arguments):
    done = aetk(device, *arguments)
    assert done.returncode == 3
    assert "pip install 'aetk[lab,cpu]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_parquet_names_the_extra_to_install(device):
    (device / "table.parquet").write_bytes(b"PAR1")
    done = aetk(device, "score", "breast-cancer.onnx", "table.parquet")
    assert done.returncode == 3
    assert "pip install 'aetk[arrow]'" in done.stderr
