"""`aetk look`, `aetk convert`, and what `aetk train` says of a table before it trains."""

import shlex

import numpy as np
import pandas as pd
import pytest

from .conftest import QUICK


@pytest.fixture
def german(tmp_path, frame):
    """The table with semicolons, decimal commas and a category."""
    table = frame.assign(site=["north", "south"] * 100).drop(columns="malignant")
    table.to_csv(tmp_path / "g.csv", index=False, sep=";", decimal=",")
    return table


def test_look_says_what_a_table_is_and_ends_with_a_command_that_works(aetk, german):
    result = aetk("look", "g.csv")
    assert result.code == 0, result.err
    assert "columns are separated by semicolons" in result.out
    assert "numbers have a decimal comma" in result.out
    command = result.out.split("train with:\n")[1].splitlines()[0].strip()
    assert shlex.split(command) == ["aetk", "train", "g.csv"]
    assert aetk(*shlex.split(command)[1:], *QUICK).code == 0


def test_look_in_json_names_columns_label_and_command(aetk, tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    document = aetk("look", "t.csv", "--label", "malignant", "--json").document
    assert [column["use"] for column in document["columns"]] == ["feature"] * 4 + ["label"]
    assert document["command"] == "aetk train t.csv --label malignant"


def test_train_says_what_it_decided_all_at_once_on_standard_error(aetk, german):
    result = aetk("train", "g.csv", *QUICK, "--json")
    assert result.code == 0, result.err
    assert result.err.splitlines()[0] == "g.csv:"
    assert "categories: 'site' (2 levels)" in result.err
    assert result.document["features"][-1] == "site"


def test_the_commands_in_a_message_repeat_what_was_typed(refused, frame, tmp_path):
    frame.assign(malignant=frame.malignant.map({0: 2, 1: 4})).to_csv(tmp_path / "t.csv", index=False)
    message = refused("train", "t.csv", "--label", "malignant", "--epochs", "2", "--drop", "texture")
    assert "    aetk train t.csv --label malignant --drop texture --epochs 2 --anomaly " in message
    assert message.count("aetk train") == 2


def test_convert_writes_the_plain_dialect(aetk, german, tmp_path):
    result = aetk("convert", "g.csv", "plain.csv")
    assert result.code == 0, result.err
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "plain.csv"), german, check_dtype=False)


def test_what_was_converted_gives_the_same_rows(aetk, german, tmp_path):
    from aetk.lab.data.dataset import load_dataset

    aetk("convert", "g.csv", "plain.csv")
    assert np.array_equal(load_dataset(tmp_path / "g.csv").rows, load_dataset(tmp_path / "plain.csv").rows)


def test_a_table_that_is_not_in_the_default_format_is_not_streamed_and_the_way_on_is_said(refused, german):
    message = refused("train", "g.csv", "--stream")
    assert "aetk convert g.csv NEW.csv" in message


def test_convert_refuses_another_ending(refused, german):
    assert "does not end in .csv" in refused("convert", "g.csv", "plain.txt")
