"""`aetk train openml:ID`, with a stand-in for openml.org on this machine."""

import json
import signal
import socket
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import _openml

from aetk.lab.data.openml import read_openml
from aetk.lab.runs import read_record
from aetk.lab.training import fitting

from .conftest import QUICK
from .openml_site import API, Column, Site, card_fraud, numbers

ROWS = 60
KINDS = ("copper", "tin", "zinc") * (ROWS // 3)


@pytest.fixture
def site(monkeypatch, tmp_path_factory):
    """openml.org as scikit-learn sees it; a connection to anywhere but this machine fails the test."""
    connect = socket.socket.connect

    def connect_here(self, address):
        assert address[0] == "127.0.0.1", f"a test went to the network: {address}"
        return connect(self, address)

    site = Site()
    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(_openml, "urlopen", site.open)
    monkeypatch.setattr(_openml, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path_factory.mktemp("scikit-learn")))
    yield site
    site.close()


def made_up(*columns):
    """Two numeric columns, and others."""
    values = np.random.default_rng(7).normal(size=(2, ROWS)).round(4)
    return [numbers("a", values[0]), numbers("b", values[1]), *columns]


def record_of(result, tmp_path):
    assert result.code == 0, result.err
    return read_record(tmp_path / result.document["run"])


def test_card_fraud_trains_on_ordinary_rows_alone_and_the_folder_and_the_record_name_the_source(aetk, site, tmp_path):
    site.publish(1597, card_fraud(rows=120, anomalies=12))
    result = aetk("train", "openml:1597", *QUICK, "--json")
    record = record_of(result, tmp_path)
    data = record["training_data"]
    assert result.document["run"] == "runs/openml-1597-1"
    assert data["source"] == "openml-1597"
    assert [feature["name"] for feature in record["features"]] == [*(f"V{i}" for i in range(1, 29)), "Amount"]
    assert data["fit_rows"] + data["selection_rows"] + data["calibration_rows"] == 120
    assert record["metrics"]["anomalies"] == 12
    assert max(record["features"][0]["quantiles"]) < 10, "an anomaly was trained on"
    assert any("'Class'" in note and "12 of 120 rows" in note for note in result.document["warnings"])


def test_the_card_of_the_exported_model_names_the_source(aetk, site, tmp_path):
    site.publish(1597, card_fraud())
    assert aetk("train", "openml:1597", *QUICK, "--out", "fraud").code == 0
    assert aetk("export", "fraud", "--onnx", "--out", "fraud.onnx").code == 0
    assert json.loads((tmp_path / "fraud.card.json").read_text())["training_data"]["source"] == "openml-1597"


def test_the_target_can_be_named_as_with_a_file(aetk, site, tmp_path):
    site.publish(1597, card_fraud())
    one = record_of(aetk("train", "openml:1597", "--label", "Class", "--drop", "Amount", *QUICK, "--json"), tmp_path)
    assert one["metrics"]["anomalies"] == 12
    assert len(one["features"]) == 28
    assert one["warnings"] == []


def test_a_dropped_target_is_no_label(aetk, site, tmp_path):
    site.publish(1597, card_fraud())
    record = record_of(aetk("train", "openml:1597", "--drop", "Class", *QUICK, "--json"), tmp_path)
    assert record["metrics"] is None
    assert len(record["features"]) == 29


def test_a_data_set_is_fetched_once_and_then_read_from_scikit_learns_cache(aetk, site):
    path = site.publish(1597, card_fraud())
    for _ in range(2):
        assert aetk("train", "openml:1597", *QUICK).code == 0
    assert site.asked.count(path) == 1


def test_a_data_set_validates_another(aetk, site, tmp_path):
    site.publish(1, card_fraud(anomalies=0)[:-1])
    site.publish(2, card_fraud(rows=80, anomalies=8))
    record = record_of(aetk("train", "openml:1", "--val", "openml:2", *QUICK, "--json"), tmp_path)
    assert record["training_data"]["calibration_rows"] == 80
    assert record["metrics"]["anomalies"] == 8


def test_an_interrupted_run_is_gone_on_with_under_the_same_name(aetk, site, tmp_path, monkeypatch):
    site.publish(1597, card_fraud())

    def bar(initial, **_):
        steps = iter(range(initial, 1000))

        def update():
            if next(steps) == 5:
                signal.raise_signal(signal.SIGINT)

        return nullcontext(SimpleNamespace(update=update, set_postfix=lambda **_: None))

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "progress_bar", lambda _: bar)
        stopped = aetk("train", "openml:1597", "--epochs", 20, "--device", "cpu", "--out", "R")
    assert stopped.code == 130
    assert "Go on with: aetk train openml:1597 --resume --out R" in stopped.err
    record = record_of(aetk("train", "openml:1597", "--resume", "--out", "R", "--json"), tmp_path)
    assert record["training_data"]["source"] == "openml-1597"
    assert record["metrics"]["anomalies"] == 12


def test_what_openml_itself_answered_once_is_read(aetk, site, tmp_path):
    """Iris as scikit-learn recorded it: three kinds of flower are not a label."""
    site.publish_recording(61)
    record = record_of(aetk("train", "openml:61", "--drop", "class", *QUICK, "--json"), tmp_path)
    assert [f["name"] for f in record["features"]] == ["sepallength", "sepalwidth", "petallength", "petalwidth"]
    assert record["training_data"]["source"] == "openml-61"


def test_a_target_without_numbers_has_to_be_named(refused, site):
    site.publish_recording(61)
    message = refused("train", "openml:61")
    assert "openml-61: the target 'class' holds no numbers but 'Iris-setosa'" in message
    assert "--drop class" in message


def test_a_target_of_other_numbers_is_a_feature_and_said_to_be_one(aetk, site):
    site.publish(5, made_up(numbers("price", [7 * i % ROWS for i in range(ROWS)], flag="is_target")))
    result = aetk("train", "openml:5", *QUICK, "--json")
    assert result.document["features"] == ["a", "b", "price"]
    assert any("'price'" in note and "as a feature" in note for note in result.document["warnings"])


@pytest.mark.parametrize("cells", [["1"] * ROWS, ["1", "2"] * (ROWS // 2)])
def test_a_target_of_other_categories_is_no_label(aetk, site, cells):
    site.publish(5, made_up(Column("kind", cells, ("0", "1", "2"), "is_target")))
    assert aetk("train", "openml:5", *QUICK, "--json").document["features"] == ["a", "b", "kind"]


def test_categories_that_hold_numbers_become_numbers_and_missing_ones_stay_missing(site):
    site.publish(5, made_up(Column("size", ["10", "?", "'2.5'"] * (ROWS // 3), ("10", "'2.5'"))))
    size = read_openml("openml:5").frame["size"]
    assert size.dtype == np.float64
    assert np.array_equal(size[:3], [10, np.nan, 2.5], equal_nan=True)


def test_a_column_of_categories_becomes_a_category(aetk, site):
    site.publish(5, made_up(Column("kind", list(KINDS), KINDS[:3])))
    result = aetk("train", "openml:5", *QUICK, "--json")
    assert "kind" in result.document["features"]
    assert "categories: 'kind' (3 levels)" in result.err


def test_a_column_that_is_not_there_is_named_with_those_that_are(refused, site):
    site.publish(1597, card_fraud())
    assert "openml-1597 has no column 'Time'" in refused("train", "openml:1597", "--drop", "Time")


def test_an_identifier_is_left_out_as_openml_says(site):
    site.publish(5, made_up(numbers("row", range(ROWS), flag="is_row_identifier")))
    assert list(read_openml("openml:5").frame.columns) == ["a", "b"]


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_label_is_one_however_its_categories_are_quoted(aetk, site, quote):
    kinds = tuple(f"{quote}{label}{quote}" for label in (0, 1))
    site.publish(5, made_up(Column("bad", [*kinds[:1] * (ROWS - 9), *kinds[1:] * 9], kinds, "is_target")))
    assert aetk("train", "openml:5", *QUICK, "--json").document["metrics"]["anomalies"] == 9


def test_what_openml_says_against_a_data_set_is_passed_on(aetk, site):
    site.publish(5, made_up(), status="deactivated")
    warnings = aetk("train", "openml:5", *QUICK, "--json").document["warnings"]
    assert any("is inactive" in warning for warning in warnings)


@pytest.mark.parametrize("name", ["openml:abc", "openml:", "openml:0", "openml:-5", "openml:1.5", "openml:²"])
def test_an_id_that_is_no_number_is_refused(refused, site, name):
    assert f"'{name}' does not name an OpenML data set" in refused("train", name)
    assert not site.asked


@pytest.mark.parametrize("option", ["data", "--val"])
def test_an_id_that_openml_does_not_know_is_refused(refused, site, table, option):
    words = ("openml:777",) if option == "data" else (table, "--val", "openml:777")
    assert "OpenML has no data set 777" in refused("train", *words)


def test_without_a_network_it_is_said_what_to_do(refused, site):
    site.close()
    message = refused("train", "openml:1597", code=3)
    assert "Cannot fetch data set 1597 from www.openml.org" in message
    assert "Connection refused" in message
    assert "https://www.openml.org/d/1597" in message


@pytest.mark.parametrize("status", [404, 503])
@pytest.mark.parametrize("path", [f"{API}/5", "/data/v1/download/5/made-up.arff"])
def test_an_error_of_the_site_is_named(refused, site, status, path):
    site.publish(5, made_up())
    site.answers[path] = (status, b"")
    assert f"HTTP {status}" in refused("train", "openml:5", code=3)


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"{}", b"\xff\xfe"])
def test_an_answer_of_something_else_is_refused(refused, site, body):
    site.answers[f"{API}/5"] = (200, body)
    assert "for data set 5 is damaged or is not a data set" in refused("train", "openml:5", code=3)


def test_rows_against_their_checksum_are_refused(refused, site):
    path = site.publish(5, made_up())
    site.answers[path] = (200, site.answers[path][1] + b"0.1,0.2\n")
    assert "does not have the MD5 checksum" in refused("train", "openml:5", code=1)


def test_a_data_set_that_is_no_dense_table_is_refused(refused, site):
    site.publish(5, made_up(), format="Sparse_ARFF")
    message = refused("train", "openml:5")
    assert "OpenML's data set 5 cannot be read as a table" in message
    assert "https://www.openml.org/d/5" in message


def test_the_timeout_of_other_connections_is_as_it_was(site):
    site.publish(5, made_up())
    read_openml("openml:5")
    assert socket.getdefaulttimeout() is None
