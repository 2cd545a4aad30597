"""The tests that come with each app pass where it was built, held to aetk's awkward tables; the READMEs' code works."""

import os
import re
import subprocess

import pytest

from .conftest import ENVIRONMENT

OWN_TESTS = {
    "node": (["npm", "test"], "# fail 0\n"),
    "cpp": (["ctest", "--test-dir", "build", "-V"], "100% tests passed"),
}


def run(command, folder):
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def code(folder, language):
    """The first block of code in a README."""
    return (folder / "README.md").read_text(encoding="utf-8").split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def folder(build, request):
    """The folder of a host's built app."""
    built, done = build(request.param)
    assert done.returncode == 0, done.stdout + done.stderr
    return built / "app"


@pytest.mark.parametrize(
    ("folder", "command", "verdict"), [(host, *told) for host, told in OWN_TESTS.items()], indirect=["folder"]
)
def test_an_apps_own_tests_pass_and_none_is_skipped(folder, command, verdict):
    done = run(command, folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert verdict in done.stdout
    assert not re.search(r"# SKIP|# skipped [1-9]|skipped: ", done.stdout)


@pytest.mark.parametrize("folder", ["python"], indirect=True)
def test_the_python_code_of_the_readme_works(folder):
    done = run([folder / ".venv/bin/python", "-c", code(folder, "python")], folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("True\n")


@pytest.mark.parametrize("folder", ["python"], indirect=True)
@pytest.mark.parametrize(
    ("provider", "code", "words"),
    [
        ("CPUExecutionProvider:1", 2, "'CPUExecutionProvider:1' names no device that can be chosen."),
        ("CUDAExecutionProvider:", 2, "'CUDAExecutionProvider:' names no device that can be chosen."),
        ("CUDAExecutionProvider:1", 3, "has no CUDAExecutionProvider."),
    ],
)
def test_the_python_app_takes_a_device_where_a_provider_has_some(folder, provider, code, words):
    done = run([folder / ".venv/bin/python", "detector.py", "selftest", "--provider", provider], folder)
    assert done.returncode == code
    assert words in done.stderr


@pytest.mark.parametrize("folder", ["node"], indirect=True)
def test_the_typescript_code_of_the_readme_works(folder):
    text = code(folder, "ts").replace('"aetk-host-node"', '"./dist/detector.js"')
    (folder / "readme.mts").write_text(text)
    compiled = run(["npx", "tsc", "--outDir", "build/readme", "readme.mts", *_NODE_OPTIONS], folder)
    assert compiled.returncode == 0, compiled.stdout
    (folder / "readme.mjs").write_text((folder / "build/readme/readme.mjs").read_text())
    done = run(["node", "readme.mjs"], folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^-?[\d.]+ (true|false) true$", done.stdout, re.MULTILINE)


_NODE_OPTIONS = ["--module", "nodenext", "--target", "es2022", "--strict", "--skipLibCheck", "--ignoreConfig"]


@pytest.mark.parametrize("folder", ["cpp"], indirect=True)
def test_the_cpp_code_of_the_readme_works(folder):
    (folder / "readme.cpp").write_text(code(folder, "cpp"))
    parts = ["readme.cpp", "build/libaetk_detector.a", "-ldl", "-pthread", "-o", "build/readme"]
    compiled = run(["g++", "-std=c++17", "-Wall", "-Iinclude", *parts], folder)
    assert compiled.returncode == 0, compiled.stderr
    done = run([os.fspath(folder / "build/readme")], folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^-?[\d.]+ [01] 1$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("folder", ["cpp"], indirect=True)
def test_a_missing_or_wrong_library_is_told_in_words(folder, tmp_path):
    (tmp_path / "libnone.so").write_bytes(b"no library")
    for library, words in [
        (tmp_path / "absent.so", "Cannot load ONNX Runtime"),
        (tmp_path / "libnone.so", "Cannot load ONNX Runtime"),
        ("libm.so.6", "not ONNX Runtime"),
    ]:
        done = run([folder / "build/detector", "selftest", "--runtime", library], folder)
        assert done.returncode == 3
        assert words in done.stderr.splitlines()[0]
        assert len(done.stderr.splitlines()) == 2
