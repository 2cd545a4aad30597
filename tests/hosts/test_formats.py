"""Every host reads tables and rows as a card of contract 2 says, and judges them as it does the same numbers."""

import importlib
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from .conftest import ENVIRONMENT, ROOT, App

HOSTS = ["python", "node", "cpp"]
CASES = json.loads((ROOT / "tests/tables/formats.json").read_text(encoding="utf-8"))["cases"]
DEFAULT = {
    "delimiter": ",", "second_delimiter": "", "decimal": ".", "thousands": "", "encoding": "utf-8", "header": True,
    "skip_rows": 0, "comment": "", "units_rows": 0, "skip_footer": 0, "missing": [], "labels": None,
}  # fmt: skip
SECOND = {"levels", "truths", "notation", "markers", "time"}


@pytest.fixture(scope="session", params=HOSTS)
def app(request, build):
    """Each host that follows cards of contract 2, built."""
    folder, done = build(request.param)
    assert done.returncode == 0, done.stdout + done.stderr
    return App(request.param, folder / "app")


@pytest.fixture(scope="module")
def detector():
    """The module of the Python app."""
    folder = str(ROOT / "exports/hosts/python")
    sys.path.insert(0, folder)
    yield importlib.import_module("detector")
    sys.path.remove(folder)


@pytest.fixture
def model_of(model_for):
    """A function that gives a model whose card says how a case's table is read."""

    def make(features, table):
        is_second = table is not None or any(SECOND & set(keys) for keys in features)
        return model_for(features, contract=1 + is_second, **({} if table is None else {"table": table}))

    return make


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_table_in_the_cards_format_is_judged_as_the_numbers_that_it_means(app, detector, case, model_of, tmp_path):
    data, out = tmp_path / "table.txt", tmp_path / "scores.csv"
    data.write_bytes(case["content"].encode("latin-1"))
    model = model_of(case["features"], case["table"])
    done = app.run("score", data, "--model", model, "--out", out)
    rows = case.get("rows")
    if not rows:
        assert done.returncode == 2
        assert done.stderr.startswith(f"detector: {data}")
        assert not out.exists()
        expected = case.get("error", {"line": None, "column": None})
        line = re.search(r", line (\d+)", done.stderr)
        assert (line and int(line[1])) == expected["line"]
        assert expected["column"] is None or f"column '{expected['column']}'" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    numbers = [[np.nan if cell is None else float(cell) for cell in row] for row in rows]
    known = detector.Detector(model).score(np.array(numbers))
    found = pd.read_csv(out)
    np.testing.assert_allclose(found["similarity"], known.similarity, rtol=0, atol=1e-6)
    assert found["is_anomaly"].tolist() == known.is_anomaly.astype(int).tolist()
    assert found["is_valid"].tolist() == known.is_valid.astype(int).tolist()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"delimiter": ":"}, "its table format cannot be followed: delimiter"),
        ({"thousands": "."}, "its table format cannot be followed: thousands"),
        ({"encoding": "shift-jis"}, "its table format cannot be followed: encoding"),
        ({"skip_rows": -1}, "its table format cannot be followed: count"),
        ({"quote": "'"}, "its table format has the unknown key 'quote'"),
    ],
)
def test_a_format_that_cannot_be_followed_is_refused_in_words(app, model_for, changed, words):
    model = model_for(["a"], contract=2, table={**DEFAULT, **changed})
    done = app.run("selftest", "--model", model)
    assert done.returncode == 2
    assert done.stderr == f"detector: {model}: {words}.\n  Export the model again.\n"


@pytest.mark.parametrize(
    "keys",
    [
        {"levels": ["x", "x"]},
        {"levels": [1]},
        {"truths": ["yes"]},
        {"notation": "octal"},
        {"levels": ["x"], "truths": ["no", "yes"]},
        {"time": {"column": "t", "format": "iso", "part": "hour sine"}},
    ],
)
def test_a_feature_that_cannot_be_read_is_refused_in_words(app, model_for, keys):
    model = model_for([{"name": "a", **keys}], contract=2)
    done = app.run("selftest", "--model", model)
    assert done.returncode == 2
    words = "its feature 'a' cannot be read as it says."
    assert done.stderr == f"detector: {model}: {words}\n  Export the model again.\n"


FEATURES = [
    {"name": "protocol", "levels": ["tcp", "6"], "missing": "level"},
    {"name": "urgent", "truths": ["no", "yes"]},
    {"name": "size", "markers": ["-999"]},
    {"name": "at hour sine", "time": {"column": "at", "format": "ymd", "part": "hour sine"}},
    {"name": "at hour cosine", "time": {"column": "at", "format": "ymd", "part": "hour cosine"}},
]
ROWS = [
    ({"protocol": "tcp", "urgent": True, "size": 1.5, "at": "2024-05-06 06:00"}, [0, 1, 1.5, 1, 0]),
    ({"protocol": 6, "urgent": "No", "size": None, "at": "2024-05-06 12:00"}, [1, 0, np.nan, 0, -1]),
    ({"protocol": "sctp", "urgent": 1, "size": -999, "at": "2024-05-06"}, [2, 1, np.nan, 0, 1]),
    ({"protocol": None, "urgent": False, "size": 0, "at": None}, [2, 0, 0, np.nan, np.nan]),
]


@pytest.fixture
def kinds(detector, model_for):
    """A detector of the Python app with columns of every kind."""
    return detector.Detector(model_for(FEATURES, contract=2))


@pytest.mark.parametrize(("given", "numbers"), ROWS)
def test_a_row_of_the_python_app_takes_text_true_or_false_and_times(kinds, given, numbers):
    assert kinds.columns == ["protocol", "urgent", "size", "at"]
    np.testing.assert_allclose(kinds.row({**given, "other": "x"}), numbers, atol=1e-12)


def test_rows_with_names_are_judged_by_the_python_app_as_their_numbers(kinds):
    expected = kinds.score(np.array([numbers for _, numbers in ROWS])).similarity
    given = [row for row, _ in ROWS]
    frame = pd.DataFrame(given).assign(at=lambda rows: pd.to_datetime(rows["at"], format="ISO8601"))
    for rows in (given, pd.DataFrame(given), frame, [kinds.row(row) for row in given]):
        np.testing.assert_allclose(kinds.score(rows).similarity, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": "12"}, "column 'size': found '12' (str), expected a number."),
        ({"urgent": 2}, "column 'urgent': found 2 (int), expected 'no' or 'yes'."),
        ({"at": "soon"}, "column 'at': found 'soon' (str), expected a time (year, month, day)."),
    ],
)
def test_the_python_app_refuses_a_value_of_another_kind(detector, kinds, wrong, words):
    with pytest.raises(detector.Problem, match=re.escape(words)):
        kinds.row({**ROWS[0][0], **wrong})


def test_the_python_app_says_which_column_has_no_value(detector, kinds):
    with pytest.raises(detector.Problem, match="No value for 'urgent'") as problem:
        kinds.row({"protocol": "tcp"})
    assert problem.value.hint == "The model takes: protocol, urgent, size, at."


def test_the_readers_of_the_apps_agree_on_what_a_table_leaves_out(app, model_of, tmp_path):
    """Of a table with everything at once, every row must be found, wherever the pieces of the file end."""
    changed = {"delimiter": ";", "decimal": ",", "encoding": "utf-16", "comment": "#", "missing": ["?"]}
    table = {**DEFAULT, **changed, "skip_rows": 1, "units_rows": 1, "skip_footer": 2}
    names = [{"name": "größe"}, {"name": "stufe", "levels": ["hoch", "tief"], "missing": "level"}]
    rows = "".join(f"{i % 7},5;{'hoch' if i % 2 else 'tief'}\r\n# {i}\r\n" for i in range(50_000))
    text = f"titel\r\ngröße ; stufe\r\n(mm);-\r\n{rows}?;hoch\r\nsumme\r\nende\r\n"
    (tmp_path / "t.txt").write_bytes(text.encode("utf-16"))
    model, out = model_of(names, table), tmp_path / "out.csv"
    done = app.run("score", tmp_path / "t.txt", "--model", model, "--out", out, "--id", "stufe")
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(out)
    assert found["stufe"].tolist() == [("tief", "hoch")[i % 2] for i in range(50_000)] + ["hoch"]
    assert found["is_valid"].tolist() == [1] * 50_000 + [0]
    assert found["similarity"][:14].nunique() == 14


def test_the_python_app_is_complete_with_the_files_that_its_readme_names(build):
    folder, done = build("python")
    assert done.returncode == 0, done.stdout + done.stderr
    readme = (folder / "app/README.md").read_text(encoding="utf-8")
    files = {path.name for path in (folder / "app").glob("*.py")}
    assert files == set(re.findall(r"`(\w+\.py)`", readme))
    script = "import sys, detector; print(sorted(sys.modules.keys() & {'pandas', 'aetk', 'pyarrow'}))"
    loaded = subprocess.run(
        [folder / "app/.venv/bin/python", "-c", script],
        cwd=folder / "app", env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert loaded.stdout == "[]\n", loaded.stderr
