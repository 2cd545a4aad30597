"""`aetk score` on the breast-cancer table."""

import os
import resource
import signal
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE

from aetk.contract import spec
from aetk.edge.scoring import table_file
from aetk.edge.scoring.scorer import Scorer


@pytest.fixture
def rows(whole_table):
    return pd.read_csv(whole_table)


def test_every_row_is_scored_as_the_scorer_does(aetk, model, whole_table, rows, tmp_path):
    result = aetk("score", model, whole_table)
    assert result.code == 0, result.err
    written = pd.read_csv(tmp_path / "whole.scores.csv")
    expected = Scorer(model).score(rows)
    assert list(written.columns) == ["row", "similarity", "is_anomaly", "is_valid"]
    assert written.row.tolist() == list(range(1, len(rows) + 1))
    assert np.array_equal(written.similarity.to_numpy(np.float32), expected.similarity)
    assert np.array_equal(written.is_anomaly == 1, expected.is_anomaly)


def test_another_threshold_decides_without_changing_the_model(aetk, model, whole_table, tmp_path):
    before = model.read_bytes()
    document = aetk("score", model, whole_table, "--threshold", 1, "--out", "s.csv", "--json").document
    assert document["threshold"] == 1
    scores = pd.read_csv(tmp_path / "s.csv")
    assert document["anomalies"] == int((scores.similarity < 1).sum())
    assert model.read_bytes() == before


@pytest.mark.parametrize("threshold", ["-1", "1.5", "nan"])
def test_a_threshold_out_of_range_is_refused(refused, model, whole_table, threshold):
    assert "expected -1 < threshold <= 1" in refused("score", model, whole_table, "--threshold", threshold)


def test_a_missing_feature_is_named(refused, model, rows, tmp_path):
    rows.drop(columns="mean_texture").to_csv(tmp_path / "t.csv", index=False)
    assert "t.csv has no column 'mean_texture'" in refused("score", model, "t.csv")


def test_text_in_a_late_row_is_placed_and_leaves_no_output(refused, model, rows, tmp_path):
    late = pd.concat([rows] * 10)
    late["mean_area"] = late.mean_area.astype(str)
    late.iloc[5000, late.columns.get_loc("mean_area")] = "n/a"
    late.to_csv(tmp_path / "t.csv", index=False)
    assert "t.csv, line 5002, column 'mean_area': found 'n/a'" in refused("score", model, "t.csv")


@pytest.mark.parametrize("content", ["", "mean_radius,mean_texture\n"])
def test_a_table_without_rows_is_refused(refused, model, tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    assert "t.csv" in refused("score", model, "t.csv")


def test_the_table_itself_is_never_overwritten(refused, model, whole_table):
    assert "would be overwritten" in refused("score", model, whole_table, "--out", whole_table)


def test_the_model_is_never_overwritten(refused, model_copy, whole_table):
    assert model_copy.name in refused("score", model_copy, whole_table, "--out", model_copy)


def test_what_is_no_regular_file_is_written_to_and_never_replaced(aetk, model, whole_table, tmp_path):
    """A named pipe stands for /dev/null, which a renamed file would replace for the whole machine."""
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    assert aetk("score", model, whole_table, "--out", "pipe").code == 0
    reader.join()
    assert (tmp_path / "pipe").is_fifo()
    assert aetk("score", model, whole_table, "--out", "t.csv").code == 0
    assert read == [(tmp_path / "t.csv").read_bytes()]


def test_a_full_disk_ends_with_3_and_leaves_nothing(refused, model, rows, tmp_path):
    """A file that may not grow stands for a disk that cannot hold it."""
    pd.concat([rows] * 100).to_csv(tmp_path / "t.csv", index=False)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**12, limit[1]))
        for name in ("s.csv", "s.parquet"):
            assert "File too large" in refused("score", model, "t.csv", "--out", name, code=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)


def test_a_table_may_come_through_a_pipe(aetk, model, whole_table, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(whole_table.read_bytes(),))
    writer.start()
    assert aetk("score", model, "pipe", "--out", "s.csv").code == 0
    writer.join()
    assert aetk("score", model, whole_table, "--out", "t.csv").code == 0
    assert (tmp_path / "s.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()


def test_a_folder_in_the_place_of_the_output_is_refused_by_its_own_name(refused, model, whole_table, tmp_path):
    (tmp_path / "folder").mkdir()
    message = refused("score", model, whole_table, "--out", "folder")
    assert "folder" in message
    assert ".tmp" not in message


@pytest.mark.parametrize("name", ["similarity", "is_anomaly", "is_valid"])
def test_an_identifier_named_like_an_output_does_not_vanish(aetk, model, rows, tmp_path, name):
    rows.assign(**{name: np.arange(len(rows)) + 1000}).to_csv(tmp_path / "t.csv", index=False)
    result = aetk("score", model, "t.csv", "--id", name, "--out", "s.csv")
    assert result.code == 2
    assert name in result.err
    assert not (tmp_path / "s.csv").exists()


def test_an_identifier_that_is_not_there_is_named(refused, model, whole_table):
    assert "no column 'patient'" in refused("score", model, whole_table, "--id", "patient")


def test_a_provider_that_is_not_there_ends_with_3(refused, model, whole_table):
    message = refused("score", model, whole_table, "--provider", "qnn", code=3)
    assert "QNNExecutionProvider" in message
    assert "onnxruntime-qnn" in message


def test_an_unknown_provider_is_wrong_usage(refused, model, whole_table):
    assert "'fpga'" in refused("score", model, whole_table, "--provider", "fpga")


@pytest.mark.parametrize("name", ["cuda:first", "cuda:", "cpu:1"])
def test_what_cannot_be_a_device_is_wrong_usage(refused, model, whole_table, name):
    assert name.partition(":")[2] in refused("score", model, whole_table, "--provider", name)


def test_a_device_that_is_not_there_ends_with_3(refused, model, whole_table):
    assert "QNNExecutionProvider" in refused("score", model, whole_table, "--provider", "qnn:npu", code=3)


def test_the_next_command_can_be_pasted(aetk, model, whole_table, tmp_path):
    spaced = tmp_path / "my model.onnx"
    spaced.write_bytes(model.read_bytes())
    assert f"aetk threshold '{spaced}'" in aetk("score", spaced, whole_table).out


def test_a_folder_of_parquet_files_is_one_table(aetk, model, rows, tmp_path):
    (tmp_path / "parts" / "day=2").mkdir(parents=True)
    rows[:300].to_parquet(tmp_path / "parts" / "a.parquet")
    rows[300:].to_parquet(tmp_path / "parts" / "day=2" / "b.parquet")
    result = aetk("score", model, "parts")
    assert f"{len(rows)} rows of 2 files on cpu" in result.out
    written = pd.read_csv(tmp_path / "parts.scores.csv")
    assert written.row.tolist() == list(range(1, len(rows) + 1))
    assert np.abs(written.similarity - Scorer(model).score(rows).similarity).max() <= spec.TOLERANCE


def test_an_empty_folder_is_refused(refused, model, tmp_path):
    (tmp_path / "parts").mkdir()
    assert "parts is a folder without Parquet files" in refused("score", model, "parts")


def test_an_identifier_that_one_file_of_a_folder_lacks_names_that_file(refused, model, rows, tmp_path):
    (tmp_path / "parts").mkdir()
    rows.assign(patient=1).to_parquet(tmp_path / "parts" / "a.parquet")
    rows.to_parquet(tmp_path / "parts" / "b.parquet")
    assert "b.parquet has no column 'patient'" in refused("score", model, "parts", "--id", "patient")


def test_an_output_among_the_files_of_the_folder_is_refused(refused, model, rows, tmp_path):
    (tmp_path / "parts").mkdir()
    rows.to_parquet(tmp_path / "parts" / "a.parquet")
    assert "next time" in refused("score", model, "parts", "--out", "parts/b.parquet")


def test_threads_are_passed_to_the_scorer(aetk, model, whole_table, monkeypatch):
    asked = []

    class Watched(Scorer):
        def __init__(self, *arguments, threads=None, **options):
            asked.append(threads)
            super().__init__(*arguments, threads=threads, **options)

    monkeypatch.setattr(table_file, "Scorer", Watched)
    for arguments in ([], ["--threads", 1]):
        assert aetk("score", model, whole_table, *arguments).code == 0
    assert asked == [None, 1]


def test_no_threads_at_all_are_wrong_usage(refused, model, whole_table):
    assert "--threads" in refused("score", model, whole_table, "--threads", 0)


def test_progress_is_shown_on_a_terminal_and_wiped_and_nowhere_else(aetk, model, whole_table, monkeypatch):
    assert aetk("score", model, whole_table).err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = aetk("score", model, whole_table, "--json")
    assert "100% [####" in shown.err
    assert shown.err.endswith("\r\x1b[K")
    assert shown.document["rows"] == 569


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_scoring_promptly_and_leaves_nothing(model, rows, tmp_path, suffix, number, expected):
    """The first of fifty chunks is being written until the signal comes; no more are written than were under way."""
    table = tmp_path / f"t.{suffix}"
    rows.to_csv(table, index=False) if suffix == "csv" else rows.to_parquet(table)
    before = sorted(tmp_path.iterdir())
    code = f"""
import os, select, signal
from aetk.cli.main import main
from aetk.edge.scoring import table_file as scoring
from aetk.edge.tables.write import CsvSink

come, told = os.pipe()
os.set_blocking(told, False)
signal.set_wakeup_fd(told)
once = scoring.read_chunks

def read_chunks(*arguments, **options):
    for _ in range(50):
        yield from once(*arguments, **options)

def write(self, columns):
    print("writing", flush=True)
    select.select([come], [], [])

scoring.read_chunks, CsvSink.write = read_chunks, write
main(["score", {str(model)!r}, {table.name!r}, "--out", "s.csv"])
"""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    more, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == expected, err
    assert more.count("writing") <= 3
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_in_another_format_is_scored_as_the_options_say(aetk, refused, model, rows, tmp_path):
    rows.to_csv(tmp_path / "other.csv", sep=";", decimal=",", index=False)
    assert "the header is one column" in refused("score", model, "other.csv")
    options = ["--table-format", "delimiter=semicolon", "--table-format", "decimal=comma"]
    document = aetk("score", model, "other.csv", *options, "--json").document
    assert document["rows"] == len(rows)
    assert document["unseen"] == {}
    rows.to_csv(tmp_path / "plain.csv.gz", index=False)
    again = aetk("score", model, "plain.csv.gz", "--default-format", "--json").document
    assert again["out"] == "plain.scores.csv"
    assert again["anomalies"] == document["anomalies"]
    wrong = refused("score", model, "other.csv", "--table-format", "delimiter=colon")
    assert "a format cannot have it" in wrong


def test_cells_of_no_known_level_are_counted_by_column(aetk, model_copy, resign, rows, tmp_path):
    def levels(card):
        card["features"][0].update(levels=["a", "b"], missing="level")
        card.update(contract=2)

    resign(model_copy, edit_card=levels)
    rows.assign(mean_radius=["a", "c", ""] + ["b"] * (len(rows) - 3)).to_csv(tmp_path / "t.csv", index=False)
    result = aetk("score", model_copy, "t.csv")
    assert result.code == 0, result.err
    assert "mean_radius: 1 cell of no known level" in result.out
