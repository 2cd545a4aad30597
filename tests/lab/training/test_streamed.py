"""One process that streams rows: from a Parquet file, a folder or a CSV file, by an option or for want of memory."""

import errno
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import aetk
from aetk.base import files
from aetk.base.errors import BadInput
from aetk.cli.main import run
from aetk.edge.tables import read as tables
from aetk.edge.tables import write
from aetk.lab.runs import read_record, read_run
from aetk.lab.training import choose_plan, fitting, streamed_plan, survey, working_rows
from aetk.lab.training.checkpoint import read_checkpoint

from .fitting import bar_maker, one_thread
from .torchrun import QUICK, alone_under_torchrun, write_parts

__all__ = ["alone_under_torchrun"]
CARDS = ("train", "cards", "--label", "Class", "--stream", *QUICK)
ROWS, GAPS = 3000, 200
SMALL = ("--label", "y", "--missing", "median", "--device", "cpu", "--set", "steps=20")
FILES = ("model.safetensors", "calibration.safetensors", "history.json")


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def table():
    """4 features with gaps, a text column `kind`, and a label `y`."""
    random = np.random.default_rng(5)
    rows = random.normal(size=(ROWS, 2)) @ random.normal(size=(2, 4)) + random.normal(size=(ROWS, 4)) / 10
    frame = pd.DataFrame(rows, columns=list("abcd")).assign(y=(np.arange(ROWS) % 50 == 7).astype(int))
    frame.loc[random.choice(ROWS, GAPS, replace=False), "b"] = np.nan
    return frame.assign(kind=["a line\nand another" if i % 3 else "" for i in range(ROWS)])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with one table as `rows.csv`, `rows.parquet` and the folder `parts`."""
    monkeypatch.chdir(tmp_path)
    frame = table()
    frame.to_csv("rows.csv", index=False)
    frame.to_parquet("rows.parquet", row_group_size=400)
    write_parts(frame, tmp_path / "parts", 3)
    return tmp_path


def train(data, out, *words):
    return run(["train", str(data), *SMALL, "--drop", "kind", *words, "--out", out])


def content(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def has_room_for(monkeypatch, copies):
    """Let there be room for so many copies of the table's numbers and their places."""
    monkeypatch.setattr(tables, "free_memory", lambda: int(copies * ROWS * 6 * 8))


@pytest.mark.parametrize("data", ["rows.csv", "rows.parquet", "parts"])
def test_rows_that_do_not_fit_are_streamed_and_that_is_said_first(here, monkeypatch, data):
    assert train(data, "asked", "--stream") == 0
    has_room_for(monkeypatch, choose_plan.COPIES * 0.9)
    assert train(data, "chosen") == 0
    assert content(here / "chosen") == content(here / "asked")
    first, *others = read_record(here / "chosen")["warnings"]
    assert re.fullmatch(
        r"To train on this table in memory takes about [\d.]+ GiB and [\d.]+ GiB are free, so its rows are streamed\.",
        first,
    )
    assert others == read_record(here / "asked")["warnings"]


@pytest.mark.parametrize("data", ["rows.csv", "rows.parquet", "parts"])
def test_rows_that_fit_are_held_in_memory_unless_they_are_to_be_streamed(here, monkeypatch, data):
    assert train(data, "memory", "--no-stream") == 0
    has_room_for(monkeypatch, choose_plan.COPIES * 1.3)
    assert train(data, "chosen") == 0
    assert content(here / "chosen") == content(here / "memory")
    assert train(data, "streamed", "--stream") == 0
    assert content(here / "streamed") != content(here / "memory")
    assert "streamed" not in " ".join(read_record(here / "streamed")["warnings"])


def test_rows_that_are_not_to_be_streamed_need_no_more_room_than_reading_them_takes(here, monkeypatch, capsys):
    has_room_for(monkeypatch, tables.JOINING * 1.3)
    assert train("rows.parquet", "memory", "--no-stream") == 0
    has_room_for(monkeypatch, tables.JOINING * 0.9)
    assert train("rows.parquet", "R", "--no-stream") == 3
    assert "rows.parquet does not fit into memory" in capsys.readouterr().err
    assert not (here / "R").exists()


def test_validation_rows_that_do_not_fit_are_an_error_and_no_reason_to_stream(here, monkeypatch, capsys):
    pd.concat([table()] * 40).to_csv("val.csv", index=False)
    has_room_for(monkeypatch, 30)
    assert train("rows.csv", "R", "--val", "val.csv") == 3
    assert "val.csv does not fit into memory" in capsys.readouterr().err


def test_the_same_rows_as_csv_parquet_or_a_folder_train_to_the_same_weights(here):
    for number, data in enumerate(("rows.csv", "rows.parquet", "parts")):
        assert train(data, f"R{number}", "--stream") == 0
    assert content(here / "R0") == content(here / "R1") == content(here / "R2")
    prints = {read_record(here / f"R{number}")["training_data"]["fingerprint"] for number in range(3)}
    assert len(prints) == 1


def test_several_row_groups_of_the_working_file_train_to_the_same_weights(here, monkeypatch):
    monkeypatch.setattr(write, "_GROUP_BYTES", 2**14)
    assert train("rows.csv", "R0", "--stream") == 0
    assert train("rows.parquet", "R1", "--stream") == 0
    assert content(here / "R0") == content(here / "R1")


@pytest.mark.parametrize("data", ["rows.csv", "rows.parquet"])
def test_an_interrupted_run_streams_on_to_the_same_bits_whatever_memory_there_is(here, monkeypatch, capsys, data):
    assert train(data, "whole", "--stream") == 0
    with monkeypatch.context() as little:
        has_room_for(little, 3)
        little.setattr(fitting, "progress_bar", lambda _: bar_maker(9))
        assert train(data, "R") == 130
        assert f"Go on with: aetk train {data} --resume --out R" in capsys.readouterr().err
        assert not list(here.glob(".aetk-*"))
    assert read_checkpoint(here / "R/checkpoint.safetensors").options.stream
    assert run(["train", data, "--resume", "--no-stream", "--out", "R"]) == 2
    assert "started with stream True, not False" in capsys.readouterr().err
    (here / data).rename(here / f"moved-{data}")
    assert run(["train", f"moved-{data}", "--resume", "--out", "R"]) == 0
    assert content(here / "R") == content(here / "whole")


def test_an_interrupted_run_in_memory_stays_in_memory(here, monkeypatch, capsys):
    with monkeypatch.context() as stopping:
        stopping.setattr(fitting, "progress_bar", lambda _: bar_maker(9))
        assert train("rows.csv", "R") == 130
    assert run(["train", "--resume", "--stream", "--out", "R"]) == 2
    assert "started with stream False, not True" in capsys.readouterr().err
    has_room_for(monkeypatch, 3)
    assert run(["train", "--resume", "--out", "R"]) == 0
    assert train("rows.csv", "whole", "--no-stream") == 0
    assert content(here / "R") == content(here / "whole")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.assign(c=["12"] * (ROWS - 9) + ["many"] * 9), "column 'c'"),
        (lambda frame: frame[:0], "rows.csv has a header and no rows"),
        (lambda frame: frame[:8], "found 7 ordinary rows, expected 10 or more"),
        (lambda frame: frame.drop(columns="y"), "no column 'y'"),
        (lambda frame: frame[["y", "kind"]], "no feature columns left"),
    ],
)  # fmt: skip
def test_a_fault_of_a_csv_file_is_told_as_if_it_were_in_memory(here, capsys, change, words):
    change(table()).to_csv("rows.csv", index=False)
    before = sorted(here.rglob("*"))
    said = []
    for way in ("--no-stream", "--stream"):
        assert train("rows.csv", "R", way) == 2
        said.append(capsys.readouterr().err)
    assert words in said[0]
    assert said[1].replace("--stream", "--no-stream") == said[0]
    assert sorted(here.rglob("*")) == before


def test_values_that_are_missing_are_told_as_if_they_were_in_memory(here, capsys):
    said = []
    for way in ("--no-stream", "--stream"):
        assert train("rows.csv", "R", way, "--missing", "reject") == 2
        said.append(capsys.readouterr().err)
    assert said[1].replace("--stream", "--no-stream") == said[0]
    place = re.search(
        r"200 missing or infinite values in 200 rows, the first in rows.csv, line (\d+), column 'b'", said[0]
    )
    lines = (here / "rows.csv").read_text().splitlines()
    assert lines[int(place[1]) - 1].split(",")[1] == ""


def test_a_wrong_label_is_told_with_what_its_column_holds(here, capsys):
    frame = table()
    frame.loc[2000, "y"] = 2
    frame.to_csv("rows.csv", index=False)
    said = []
    for way in ("--no-stream", "--stream"):
        assert train("rows.csv", "R", way) == 2
        said.append(capsys.readouterr().err.splitlines())
    memory, streamed = said
    assert "The label column 'y' holds 0 (2,939 rows), 1 (60 rows), 2 (1 row)." in streamed[0]
    assert memory[0] == streamed[0]


def test_a_row_in_the_midst_that_is_too_short_is_told_and_nothing_is_left(here, monkeypatch, capsys):
    monkeypatch.setattr(write, "_GROUP_BYTES", 2**14)  # some rows are written by then
    with (here / "rows.csv").open("a") as file:
        file.write("1,2\n")
    assert train("rows.csv", "deep/er/R", "--stream") == 2
    (fault, _) = capsys.readouterr().err.splitlines()
    assert "found 2 cells, expected 6 as in the header" in fault
    assert not (here / "deep").exists()
    assert not list(here.glob(".aetk-*"))


def test_a_full_disk_ends_with_3_and_leaves_nothing(here, monkeypatch, capsys):
    def write_nothing(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(working_rows.ParquetSink, "write", write_nothing)
    assert train("rows.csv", "new/R", "--stream") == 3
    assert "Cannot write new/streamed-rows.parquet: No space left on device." in capsys.readouterr().err
    assert not (here / "new").exists()


def test_the_working_file_is_hidden_and_stands_beside_the_run(here, monkeypatch):
    seen = []
    as_it_is = survey.take_survey

    def look(shards, *others):
        seen.extend(shard.path for shard in shards)
        return as_it_is(shards, *others)

    monkeypatch.setattr("aetk.lab.training.streamed_plan.take_survey", look)
    assert train("rows.csv", "some/R", "--stream") == 0
    (path,) = set(seen)
    assert (path.parent, path.name[:6]) == (here / "some", ".aetk-")
    assert not path.exists()
    assert [path.name for path in (here / "some").iterdir()] == ["R"]


def test_the_working_file_stands_within_a_run_folder_that_is_a_disk_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "R").mkdir()
    assert working_rows._home(tmp_path / "R") == working_rows._home(tmp_path / "new") == tmp_path
    monkeypatch.setattr(type(tmp_path), "is_mount", lambda _: True)
    assert working_rows._home(tmp_path / "R") == tmp_path / "R"


def test_the_next_run_deletes_what_a_killed_one_left(here, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with monkeypatch.context() as other:
        other.setattr(os, "getpid", lambda: dead.pid)
        left = files._temporary(here / "streamed-rows.parquet")
    left.write_bytes(b"rows")
    assert train("rows.csv", "R", "--stream") == 0
    assert not left.exists()


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (working_rows, "read_chunks", "Stopped while the table was read; nothing was trained yet."),
        (survey, "read", "Stopped while the rows were looked at; nothing was trained yet."),
        (streamed_plan, "find_device", "Stopped before the first step; nothing was trained yet."),
    ],
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_the_fit_ends_it(here, monkeypatch, capsys, module, name, words, number, code):
    as_it_is = getattr(module, name)

    def meet(*arguments):
        signal.raise_signal(number)
        return as_it_is(*arguments)

    monkeypatch.setattr(module, name, meet)
    assert train("rows.csv", "R", "--stream") == code
    assert words in capsys.readouterr().err
    assert not list(here.glob(".aetk-*"))


def test_what_is_in_memory_already_is_not_streamed(here):
    with pytest.raises(BadInput, match="found rows in memory") as error:
        aetk.train(table().drop(columns="kind").fillna(0), label="y", stream=True)
    assert "leave --stream out" in error.value.hint
    with pytest.raises(BadInput, match="found 'openml:31'"):
        aetk.train("openml:31", stream=True)
    with pytest.raises(BadInput, match="found the built-in table"):
        aetk.train(stream=True)


def test_rows_in_memory_are_refused_under_torchrun(alone_under_torchrun, here, capsys):
    assert run(["train", "--out", "R"]) == 2
    assert "found the built-in table" in (said := capsys.readouterr().err)
    assert "leave torchrun out" in said


def test_a_recipe_that_needs_all_rows_in_memory_says_so(here, monkeypatch, capsys):
    assert train("rows.parquet", "R", "--set", "trim=0.1", "--stream") == 2
    assert "trim is 0.1, for which all rows have to be in memory" in (said := capsys.readouterr().err)
    assert "leave --stream out" in said
    has_room_for(monkeypatch, 3)
    assert train("rows.parquet", "R", "--set", "trim=0.1") == 3
    assert "rows.parquet does not fit into memory" in (said := capsys.readouterr().err)
    assert "streamed rows need --set trim=0" in said


def test_too_few_rows_to_stream_are_told_with_the_way_out(here, capsys):
    table()[:12].to_parquet("few.parquet")
    assert train("few.parquet", "R", "--stream", "--threshold", "fixed:0.9", "--seed", "3") == 2
    assert "so few rows fit into memory" in capsys.readouterr().err


def test_data_of_one_process_that_streams_is_known_by_its_content(here, monkeypatch, capsys):
    monkeypatch.setattr(fitting, "progress_bar", lambda _: bar_maker(9))
    assert train("rows.csv", "R", "--stream") == 130
    frame = table()
    frame.loc[7, "a"] += 0.5
    frame.to_csv("rows.csv", index=False)
    assert run(["train", "--resume", "--out", "R"]) == 2
    assert "data is not what the interrupted run was trained on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--set", "trim=0.1"), "trim is 0.1"),
        (("--drop", "V77"), "no column 'V77'"),
        (("--threshold", "conformal:1e-6"), "needs at least 999999 ordinary calibration rows"),
    ],
)
def test_options_that_cannot_be_met_are_refused_before_the_fit(cards, monkeypatch, capsys, tmp_path, words, expected):
    monkeypatch.chdir(cards)
    assert run([*CARDS, *words, "--out", str(tmp_path / "R")]) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["small", "reference"])
def test_the_other_recipes_train_on_streamed_rows_and_validation_rows(cards, creditcard, monkeypatch, tmp_path, recipe):
    monkeypatch.chdir(cards)
    pd.read_csv(creditcard / "val.csv").drop(columns="ID").to_parquet(tmp_path / "val.parquet")
    options = ["--recipe", recipe, "--epochs", "12", "--device", "cpu", "--val", str(tmp_path / "val.parquet")]
    assert run(["train", "cards", "--label", "Class", "--stream", *options, "--out", str(tmp_path / "R")]) == 0
    record = json.loads((tmp_path / "R/run.json").read_text())
    assert record["training_data"]["calibration_rows"] == 1875
    assert record["metrics"]["auroc"] > 0.8


def test_gaps_are_filled_with_the_median_and_scaled_as_in_memory(cards, monkeypatch, tmp_path):
    monkeypatch.chdir(cards)
    frame = pd.concat(map(pd.read_parquet, sorted((cards / "cards").glob("*.parquet"))), ignore_index=True)
    frame.loc[::3, "V2"] = np.nan
    frame.to_parquet(tmp_path / "gaps.parquet", row_group_size=700)
    gaps = ["train", str(tmp_path / "gaps.parquet"), "--label", "Class", *QUICK, "--missing", "median"]
    assert run([*gaps, "--stream", "--out", str(tmp_path / "streamed")]) == 0
    assert run([*gaps, "--out", str(tmp_path / "memory")]) == 0
    one, other = (read_run(tmp_path / name).detector for name in ("streamed", "memory"))
    assert torch.allclose(one.inverse_scale, other.inverse_scale, rtol=0.3)
    assert one.fill[1] == pytest.approx(float(frame["V2"].median()), abs=0.1)


def test_rows_beyond_what_memory_is_meant_to_hold_are_drawn_by_lot_and_that_is_said(cards, monkeypatch, tmp_path):
    monkeypatch.chdir(cards)
    monkeypatch.setattr(survey, "KEPT_ROWS", {"sample": 1000, "selection": 100, "calibration": 300, "anomalies": 1000})
    assert run([*CARDS, "--out", str(tmp_path / "R")]) == 0
    record = json.loads((tmp_path / "R/run.json").read_text())
    counts = record["training_data"]
    assert (counts["selection_rows"], counts["calibration_rows"]) == (100, 300 + 95)
    assert counts["fit_rows"] > 3500
    said = " ".join(record["warnings"])
    assert re.search(r"Of [\d,]+ rows to calibrate, 300 random ones are kept in memory and used\.", said)
    assert re.search(r"Of \d+ rows to choose the weights, 100 random ones", said)


def test_streamed_rows_give_the_notes_of_rows_in_memory(cards, monkeypatch, tmp_path):
    frame = pd.concat(map(pd.read_parquet, sorted((cards / "cards").glob("*.parquet"))), ignore_index=True)
    frame = frame.assign(again=frame.V4, site=7.0, Class=1 - frame.Class)
    write_parts(frame, tmp_path / "doubtful", 3)
    frame.to_parquet(tmp_path / "doubtful.parquet")
    quick = (
        "--device",
        "cpu",
        "--recipe",
        "small",
        "--set",
        "steps=20",
        "--threshold",
        "fixed:0.9",
        "--label",
        "Class",
    )
    assert run(["train", str(tmp_path / "doubtful"), *quick, "--stream", "--out", str(tmp_path / "streamed")]) == 0
    assert run(["train", str(tmp_path / "doubtful.parquet"), *quick, "--out", str(tmp_path / "memory")]) == 0
    one, other = (json.loads((tmp_path / name / "run.json").read_text())["warnings"] for name in ("streamed", "memory"))
    assert one[:3] == other[:3]
    assert [words.split(" ")[0] for words in one[:3]] == ["Labels:", "Column", "Column"]
    assert "4,000 of 5,875" not in one[0]
