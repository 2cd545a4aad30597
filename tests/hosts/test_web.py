"""The page: built and served as its README says, and tried in Chromium by the tests that come with it."""

import json
import re
import subprocess
import urllib.request

import pytest

from aetk.edge.scoring.table_file import score_file

from .conftest import ENVIRONMENT, SERVE, readme_commands


@pytest.fixture(scope="module")
def page(build):
    """The folder of the built page."""
    folder, done = build("web")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "app"


def test_the_page_is_served_as_its_readme_says(page):
    assert readme_commands("web")[-1] == SERVE
    server = subprocess.Popen([*SERVE.split(), "--", "--port", "0"], cwd=page, env=ENVIRONMENT, text=True,
                              stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    try:
        address = next(
            found[0] for line in server.stdout if (found := re.search(r"http://[^\s\x1b]+:\S*?\d+", _plain(line)))
        )
        with urllib.request.urlopen(f"{address}/") as answer:
            assert b"Anomaly detector" in answer.read()
    finally:
        subprocess.run(["pkill", "-s", str(server.pid)], check=False)
        server.wait()


def _plain(line):
    return re.sub(r"\x1b\[[\d;]*m", "", line)


@pytest.mark.parametrize("name", ["default", "explained"])
def test_the_pages_own_tests_pass_in_chromium_and_none_is_skipped(page, models, creditcard, tmp_path, name):
    table = creditcard / "test.csv"
    score_file(models[name], table, out=tmp_path / "scores.csv")
    known = {"AETK_MODEL": models[name], "AETK_SCORES": tmp_path / "scores.csv", "AETK_TABLE": table}
    command = ["npm", "test", "--", *([] if name == "explained" else ["reference.spec.ts"])]
    environment = {**ENVIRONMENT, **{key: str(value) for key, value in known.items()}}
    done = subprocess.run(command, cwd=page, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert "1922 rows; largest difference" in done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout


def test_the_page_replays_every_kind_of_model(page, models):
    command = ["node", "tests/selftest.mjs", *map(str, models.values())]
    done = subprocess.run(command, cwd=page, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == len(models)
    assert all(report["passed"] and report["largest_difference"] <= 1e-5 for report in reports)
