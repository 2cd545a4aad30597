"""What a look finds in tables of every kind, and what it asks a person to decide."""

import bz2
import gzip
import json
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput
from aetk.lab.data.dataset import load_dataset
from aetk.lab.look.examine import examine, look
from aetk.lab.look.report import Wishes

RANDOM = np.random.default_rng(7)
ROWS = 60


@pytest.fixture
def frame():
    return pd.DataFrame({"a": RANDOM.normal(size=ROWS).round(3), "b": RANDOM.normal(size=ROWS).round(3)})


def kinds(found):
    return {column.name: (column.kind, column.use) for column in found.columns}


def lines(path, text):
    path.write_text(text)
    return look(path)


def test_a_plain_table_is_plain_and_nothing_is_said_about_it(frame, tmp_path):
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = look(tmp_path / "t.csv")
    assert found.is_plain
    assert (found.notes, found.decisions, found.warnings) == ((), (), ())
    assert found.command == f"aetk train {tmp_path / 't.csv'}"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_a_delimiter_is_found(frame, tmp_path, delimiter):
    frame.to_csv(tmp_path / "t.txt", index=False, sep=delimiter)
    found = look(tmp_path / "t.txt")
    assert found.table.delimiter == delimiter
    assert found.features == ("a", "b")


@pytest.mark.parametrize(
    ("ending", "pack"),
    [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)],
    ids=["gzip", "bzip2", "xz"],
)
def test_a_compressed_table_is_read_like_the_table(frame, tmp_path, ending, pack):
    path = tmp_path / f"t.csv.{ending}"
    path.write_bytes(pack(frame.to_csv(index=False).encode()))
    assert np.array_equal(load_dataset(path).rows, frame)


def test_a_zip_archive_of_one_file_is_a_table_and_of_two_is_none(frame, tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", frame.to_csv(index=False))
    assert np.array_equal(load_dataset(tmp_path / "t.zip").rows, frame)
    with zipfile.ZipFile(tmp_path / "t.zip", "a") as archive:
        archive.writestr("u.csv", "a\n1\n")
    with pytest.raises(BadInput, match="archive of 2 files"):
        look(tmp_path / "t.zip")


def test_a_damaged_archive_is_refused(tmp_path, frame):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(frame.to_csv(index=False).encode())[:-40])
    with pytest.raises(BadInput, match="cannot be unpacked"):
        look(tmp_path / "t.csv.gz")


def test_the_same_rows_come_out_of_every_container(frame, tmp_path):
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_feather(tmp_path / "t.feather")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "r.json", orient="records")
    frame.to_json(tmp_path / "c.json")
    np.save(tmp_path / "t.npy", frame.to_numpy())
    np.savez(tmp_path / "t.npz", X=frame.to_numpy())
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(tmp_path / "t.mat", {"X": frame.to_numpy()})
    arff = "@relation t\n@attribute a numeric\n@attribute b numeric\n@data\n" + frame.to_csv(index=False, header=False)
    (tmp_path / "t.arff").write_text(arff)
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_array_equal(load_dataset(path).rows, frame, err_msg=path.name)


def test_keys_of_partitioned_folders_are_columns(tmp_path, frame):
    for day in (1, 2):
        for machine in ("north", "south"):
            folder = tmp_path / f"t/day={day}/machine={machine}"
            folder.mkdir(parents=True)
            frame.to_parquet(folder / "p.parquet")
    read = load_dataset(tmp_path / "t")
    assert read.features == ("a", "b", "day", "machine")
    assert read.encodings[3].levels == ("north", "south")
    assert read.rows[:, 2:].mean(0).tolist() == [1.5, 0.5]


def test_a_labelled_archive_of_arrays_asks_for_its_label(tmp_path, frame):
    np.savez(tmp_path / "t.npz", X=frame.to_numpy(), y=np.arange(ROWS) % 5 == 0)
    found = look(tmp_path / "t.npz")
    assert found.command.endswith("t.npz --label y")
    assert load_dataset(tmp_path / "t.npz", label="y").labels.sum() == ROWS // 5


def test_a_spreadsheet_is_read_by_its_sheet(tmp_path, frame):
    pytest.importorskip("python_calamine")
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(list(frame))
    for row in frame.to_numpy().tolist():
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert np.array_equal(load_dataset(tmp_path / "t.xlsx").rows, frame)


def test_kinds_of_columns_are_found(frame, tmp_path):
    table = frame.assign(
        n=range(1, ROWS + 1),
        when=pd.date_range("2026-01-01", periods=ROWS, freq="h").astype(str),
        epoch=1.7e9 + np.arange(ROWS) * 60,
        colour=["red", "green", "blue"] * 20,
        on=["yes", "no"] * 30,
        uid=[f"u{i:x}{i * 7919:x}" for i in range(ROWS)],
        same="x",
        nothing="",
        share=[f"{i * 7 % ROWS}%" for i in range(ROWS)],
        hexed=[f"0x{i * 31:x}" for i in range(ROWS)],
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    assert kinds(look(tmp_path / "t.csv")) == {
        "a": ("number", "feature"),
        "b": ("number", "feature"),
        "n": ("row number", "left out"),
        "when": ("time", "left out"),
        "epoch": ("time", "left out"),
        "colour": ("category", "feature"),
        "on": ("true/false", "feature"),
        "uid": ("identifier", "left out"),
        "same": ("constant", "left out"),
        "nothing": ("empty", "left out"),
        "share": ("number", "feature"),
        "hexed": ("number", "feature"),
    }


def test_a_data_frame_goes_the_same_way(frame):
    table = frame.assign(
        colour=pd.Categorical(["red", "green", "blue"] * 20),
        when=pd.date_range("2026-01-05", periods=ROWS, freq="h"),
        flag=[True, False] * 30,
        maybe=pd.array([1, None] * 30, "Int64"),
    )
    read = load_dataset(table, missing="median", wishes=Wishes(time=("when",)))
    assert read.features[:3] == ("a", "b", "colour")
    assert read.features[3:7] == tuple(
        f"when {part}" for part in ("hour sine", "hour cosine", "weekday sine", "weekday cosine")
    )
    assert read.features[7:] == ("flag", "maybe")
    assert read.encodings[2].levels == ("red", "green", "blue")
    assert read.rows[0, 3:7].tolist() == [0, 1, 0, 1]


def test_a_number_with_one_bad_cell_is_an_error_with_its_place(frame, tmp_path):
    cells = frame.a.astype(str).tolist()
    cells[10] = "x7"
    frame.assign(a=cells).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BadInput, match="line 12, column 'a': found 'x7', expected a number") as caught:
        load_dataset(tmp_path / "t.csv")
    assert "--missing-value a=x7" in caught.value.hint


def test_levels_are_ordered_by_frequency_and_rare_ones_count_together(tmp_path, frame):
    levels = [f"k{i}" for i in range(80)]
    cells = ["common"] * 4000 + levels
    table = pd.DataFrame({"x": RANDOM.normal(size=len(cells)), "c": cells})
    table.to_csv(tmp_path / "t.csv", index=False)
    read = load_dataset(tmp_path / "t.csv")
    assert read.encodings[1].levels[0] == "common"
    assert len(read.encodings[1].levels) == 63
    assert read.rows[-1, 1] == 63
    assert any("'c' has 81 levels" in text for text in read.warnings)


def test_text_between_category_and_identifier_is_a_question(frame, tmp_path):
    cells = [f"n{i // 3 * 2 if i % 3 else i}" for i in range(ROWS)]
    frame.assign(c=cells).to_csv(tmp_path / "t.csv", index=False)
    found = look(tmp_path / "t.csv")
    assert [way.words for way in found.decisions[0].ways] == [("--drop", "c"), ("--category", "c")]


@pytest.mark.parametrize(
    ("values", "anomalies"),
    [
        (["0", "1"], 20), (["False", "True"], 20), (["no", "yes"], 20), (["normal", "neptune"], 20),
        (["BENIGN", "DDoS"], 20),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_misread_are_taken(frame, tmp_path, values, anomalies):
    labels = [values[i % 3 == 0] for i in range(ROWS)]
    frame.assign(y=labels).to_csv(tmp_path / "t.csv", index=False)
    assert load_dataset(tmp_path / "t.csv", label="y").labels.sum() == anomalies


@pytest.mark.parametrize("values", [["2", "4"], ["-1", "1"], ["a", "b"]])
def test_other_labels_are_listed_with_the_commands_that_could_be_meant(frame, tmp_path, values):
    labels = [values[i % 3 == 0] for i in range(ROWS)]
    frame.assign(y=labels).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BadInput, match=r"holds .*40 rows.*20 rows") as caught:
        load_dataset(tmp_path / "t.csv", label="y")
    assert f"--anomaly {values[1]}" in caught.value.hint
    assert f"--anomaly {values[0]}" in caught.value.hint
    read = load_dataset(tmp_path / "t.csv", label="y", wishes=Wishes(anomaly=(values[0],)))
    assert read.labels.sum() == 40


def test_a_label_that_is_not_named_is_asked_for_and_never_trained_on_in_silence(frame, tmp_path):
    frame.assign(attack=["normal", "normal", "scan"] * 20).to_csv(tmp_path / "t.csv", index=False)
    found = look(tmp_path / "t.csv")
    assert found.command.endswith("--label attack")
    assert "attack" not in found.features


def test_labels_in_a_file_of_their_own(frame, tmp_path):
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "y.csv").write_text("1\n" + "0\n" * (ROWS - 1))
    wishes = Wishes(labels=str(tmp_path / "y.csv"))
    assert load_dataset(tmp_path / "t.csv", wishes=wishes).labels.tolist() == [True] + [False] * (ROWS - 1)
    (tmp_path / "y.csv").write_text("0\n" * 3)
    with pytest.raises(BadInput, match="holds 3 labels, and the table 60 rows"):
        load_dataset(tmp_path / "t.csv", wishes=wishes)


def test_columns_that_give_the_label_away_are_named(frame, tmp_path):
    failed = np.arange(ROWS) % 6 == 0
    table = frame.assign(TWF=(failed & (np.arange(ROWS) % 12 == 0)).astype(int), y=failed.astype(int))
    table.to_csv(tmp_path / "t.csv", index=False)
    (warning,) = look(tmp_path / "t.csv", label="y").warnings
    assert "'TWF' may give the label away" in warning
    assert "--drop TWF" in warning


def test_missing_markers_are_counted_by_column_with_the_ways_on(frame, tmp_path):
    cells = frame.astype(str)
    cells.loc[3:5, "a"] = "?"
    cells.loc[:40, "b"] = "N/A"
    cells["c"] = RANDOM.normal(size=ROWS)
    cells.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BadInput, match="'a' \\(3: '\\?'\\), 'b' \\(41: 'N/A'\\)") as caught:
        load_dataset(tmp_path / "t.csv")
    assert "more than half of the rows: 'b'" in caught.value.message
    assert "--drop b --missing median" in caught.value.hint


def test_a_last_row_that_is_the_sum_of_the_others_is_asked_about(frame, tmp_path):
    whole = pd.concat([frame.abs(), frame.abs().sum().to_frame().T])
    whole.to_csv(tmp_path / "t.csv", index=False)
    assert look(tmp_path / "t.csv").command.endswith("--skip-footer 1")


def test_a_row_that_was_cut_off_is_an_error_and_no_footer(frame, tmp_path):
    (tmp_path / "t.csv").write_text(frame.to_csv(index=False) + "1.5")
    with pytest.raises(BadInput, match=f"line {ROWS + 2}: found 1 cells, expected 2"):
        load_dataset(tmp_path / "t.csv")


def test_whole_numbers_as_names_are_names(tmp_path, frame):
    frame.assign(c=1.5 * frame.a).to_csv(tmp_path / "t.csv", index=False, header=["0", "1", "2"])
    assert look(tmp_path / "t.csv").features == ("0", "1", "2")


def test_names_are_matched_without_blanks_and_a_wrong_one_gets_a_suggestion(frame, tmp_path):
    frame.to_csv(tmp_path / "t.csv", index=False, header=[" alpha", " beta"])
    assert examine(tmp_path / "t.csv", Wishes(drop=("alpha",))).features == ("beta",)
    with pytest.raises(BadInput) as caught:
        examine(tmp_path / "t.csv", Wishes(drop=("alpa",)))
    assert "Did you mean 'alpha'?" in caught.value.hint


def test_a_large_file_is_looked_at_in_parts_and_a_wrong_guess_is_an_error_with_its_line(tmp_path):
    rows = 600_000
    path = tmp_path / "t.csv"
    body = "a,b\n" + "".join(f"{i % 97}.5,{i % 89}\n" for i in range(rows))
    path.write_text(body)
    assert look(path).is_sample
    cut = body.splitlines()
    cut[200_003] = "oops,1"
    path.write_text("\n".join(cut) + "\n")
    with pytest.raises(BadInput, match="line 200004, column 'a': found 'oops'"):
        load_dataset(path)


def test_a_look_in_json_is_plain_data(frame, tmp_path):
    from aetk.render.report_json import to_json

    frame.to_csv(tmp_path / "t.csv", index=False)
    document = json.loads(to_json(look(tmp_path / "t.csv")))
    assert document["rows"] == ROWS
    assert [column["kind"] for column in document["columns"]] == ["number", "number"]


def test_files_that_programs_keep_for_themselves_are_no_part_of_a_folder(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    (tmp_path / "t").mkdir()
    for name in ("1.parquet", "_kept.parquet", ".hidden.parquet"):
        frame.to_parquet(tmp_path / "t" / name)
    assert look(tmp_path / "t").rows == 40
    assert len(load_dataset(tmp_path / "t").rows) == 40
