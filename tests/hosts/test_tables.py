"""Every host reads the awkward tables as aetk does, and refuses them with the same words and the same exit code."""

import json

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE

from aetk.base.errors import BadInput
from aetk.edge.scoring.table_file import score_file

from .conftest import ROOT

CASES = json.loads((ROOT / "tests/tables/awkward.json").read_text(encoding="utf-8"))["cases"]
GUESS = "Did you mean"


def by_aetk(model, data, out, **options):
    """What aetk makes of a table: None and a scored table, or its message and hint, and its exit code."""
    try:
        score_file(model, data, out=out, **options)
    except BadInput as error:
        return [error.message, *([error.hint] if error.hint else [])], error.exit_code
    return None, 0


def check_refusal(done, lines, exit_code):
    assert done.returncode == exit_code
    first, *rest = done.stderr.removesuffix("\n").split("\n")
    expected, *hint = lines
    assert first == f"detector: {expected}"
    if not any(GUESS in line for line in hint):
        assert rest == [f"  {line}" for line in hint]
    assert done.stdout == ""


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_an_awkward_table_gets_aetks_verdict(app, case, model_for, tmp_path):
    data, out, expected = tmp_path / "awkward.csv", tmp_path / "host.csv", tmp_path / "aetk.csv"
    data.write_bytes((case["header"] + case["body"]).encode("latin-1"))
    model = model_for(case["columns"])
    refusal, exit_code = by_aetk(model, data, expected)
    done = app.run("score", data, "--model", model, "--out", out)
    if refusal is not None:
        check_refusal(done, refusal, exit_code)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["awkward.csv", "named.card.json", "named.onnx"]
        return
    assert done.returncode == 0, done.stderr
    found, known = pd.read_csv(out), pd.read_csv(expected)
    assert found.drop(columns="similarity").equals(known.drop(columns="similarity"))
    np.testing.assert_allclose(found["similarity"], known["similarity"], rtol=0, atol=1e-5)


def test_a_fault_far_below_leaves_nothing_behind(app, model_for, tmp_path):
    data = tmp_path / "long.csv"
    data.write_text("a,b\n" + "1,2\n" * 10_000 + "1,oops\n" + '"')
    model = model_for(["a", "b"])
    before = sorted(tmp_path.iterdir())
    done = app.run("score", data, "--model", model, "--out", tmp_path / "out.csv")
    check_refusal(done, *by_aetk(model, data, tmp_path / "aetk.csv"))
    assert "line 10002, column 'b': found 'oops'" in done.stderr
    assert sorted(tmp_path.iterdir()) == before


TOO_LONG = "the row is longer than 16 MiB."
TOO_LONG_HINT = "Is it a CSV file? A quote that is never closed makes one row of the rest of the file."
LONG_ROWS = {
    "a header": (b"a," + b"x" * 17 * 2**20, 1),
    "a line without an end": (b"a,b\n1,2\n" + b"1" * 17 * 2**20, 3),
    "a line that is not UTF-8 either": (b"a,b\n" + b"\xff" * 2**24 + b"\n\n", 2),
    "a quote that is never closed": (b'a,b\n\n1,"' + b"1,2\n" * 2**22, 3),
}


@pytest.mark.parametrize(("content", "line"), LONG_ROWS.values(), ids=LONG_ROWS)
def test_a_row_that_is_too_long_is_refused_and_leaves_nothing(app, model_for, tmp_path, content, line):
    data = tmp_path / "long.csv"
    data.write_bytes(content)
    model = model_for(["a", "b"])
    before = sorted(tmp_path.iterdir())
    done = app.run("score", data, "--model", model, "--out", tmp_path / "out.csv")
    check_refusal(done, [f"{data}, line {line}: {TOO_LONG}", TOO_LONG_HINT], 2)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("content", "line"), LONG_ROWS.values(), ids=LONG_ROWS)
def test_aetk_refuses_it_in_the_same_words(model_for, tmp_path, content, line):
    data = tmp_path / "long.csv"
    data.write_bytes(content)
    refused = by_aetk(model_for(["a", "b"]), data, tmp_path / "out.csv")
    assert refused == ([f"{data}, line {line}: {TOO_LONG}", TOO_LONG_HINT], 2)


def test_the_longest_row_is_read(app, model_for, tmp_path):
    content = "a,note,b\n1,{},2\n"
    room = 2**24 - len("1,,2\n")
    (tmp_path / "longest.csv").write_text(content.format("é" * (room // 2) + "x" * (room % 2)), encoding="utf-8")
    out = tmp_path / "out.csv"
    done = app.run("score", tmp_path / "longest.csv", "--model", model_for(["a", "b"]), "--out", out)
    assert done.returncode == 0, done.stderr
    assert len(out.read_text().splitlines()) == 2


@pytest.mark.parametrize("repeated", [False, True])
def test_the_names_of_a_million_columns_are_not_held_against_one_another(app, model_for, tmp_path, repeated):
    """That would be a million times a million comparisons, which take most of an hour on any machine."""
    names = [f"c{i}" for i in range(1_000_000)]
    last = "c999998" if repeated else "b"
    data = tmp_path / "wide.csv"
    data.write_text(f"{','.join(names)},a,{last}\n" + f"{'0,' * len(names)}1,2\n" * 3)
    done = app.run("score", data, "--model", model_for(["a", "b"]), "--out", tmp_path / "out.csv", timeout=PATIENCE)
    if repeated:
        check_refusal(done, [f"{data}: two columns are called '{last}'.", "Rename or remove one of them."], 2)
    else:
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("out", ["awkward.csv", "named.onnx"])
def test_what_is_read_is_never_overwritten(app, model_for, tmp_path, out):
    (tmp_path / "awkward.csv").write_text("a,b\n1,2\n")
    model = model_for(["a", "b"])
    content = (tmp_path / out).read_bytes()
    done = app.run("score", tmp_path / "awkward.csv", "--model", model, "--out", tmp_path / out)
    check_refusal(done, *by_aetk(model, tmp_path / "awkward.csv", tmp_path / out))
    assert (tmp_path / out).read_bytes() == content


def test_a_folder_in_the_place_of_the_output_is_refused(app, model_for, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    out = tmp_path / "out.csv"
    out.mkdir()
    model = model_for(["a", "b"])
    done = app.run("score", tmp_path / "t.csv", "--model", model, "--out", out)
    check_refusal(done, *by_aetk(model, tmp_path / "t.csv", out))
    assert "a folder" in done.stderr
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("key", ["similarity", "is_valid", "contribution:a", "absent"])
def test_a_column_that_cannot_be_carried_is_refused(app, model_for, tmp_path, key):
    (tmp_path / "t.csv").write_text("a,b,similarity\n1,2,3\n")
    model = model_for(["a", "b"])
    done = app.run("score", tmp_path / "t.csv", "--model", model, "--out", tmp_path / "out.csv", "--id", key)
    check_refusal(done, *by_aetk(model, tmp_path / "t.csv", tmp_path / "out.csv", id_column=key))


def test_no_name_commands_the_terminal(app, model_for, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a\x1b[2J\x7f,\u009b31m,caf\xe9\n1,2,3\n", encoding="utf-8")
    done = app.run("score", data, "--model", model_for(["wanted"]), "--out", tmp_path / "out.csv")
    assert done.returncode == 2
    hint = "It has: a\\u001b[2J\\u007f, \\u009b31m, caf\xe9"
    assert done.stderr == f"detector: {data} has no column 'wanted'.\n  {hint}\n"


def test_no_file_and_no_table_are_refused(app, model_for, tmp_path):
    model = model_for(["a", "b"])
    done = app.run("score", tmp_path / "absent.csv", "--model", model)
    check_refusal(done, *by_aetk(model, tmp_path / "absent.csv", tmp_path / "out.csv"))
    folder = app.run("score", tmp_path, "--model", model)
    assert folder.returncode == 2
    assert folder.stderr == f"detector: {tmp_path} is a folder; expected a CSV file.\n"


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["score"], ["selftest", "--no-such-option"]])
def test_wrong_usage_is_exit_2_without_a_trace(app, arguments):
    done = app.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert "    at " not in done.stderr


def test_the_default_output_is_named_after_the_table_in_the_working_folder(app, model_for, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/t.csv").write_text("a,b\n1,2\n")
    done = app.run("score", tmp_path / "in/t.csv", "--model", model_for(["a", "b"]), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "t.scores.csv").read_text().startswith("row,similarity,is_anomaly,is_valid\n1,")
