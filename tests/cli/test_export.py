"""`aetk export`."""

import pytest

from aetk.edge.verification import verify


def test_there_has_to_be_a_finished_run(refused):
    assert "no finished run under runs/" in refused("export", "--onnx")


def test_a_folder_without_a_run_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty holds no finished run" in refused("export", "empty", "--onnx")


def test_a_run_that_does_not_exist_is_refused(refused):
    assert "No such run folder: absent" in refused("export", "absent", "--onnx")


def test_a_file_is_no_run(refused, table):
    assert "cells.csv" in refused("export", table, "--onnx")


def test_an_unfinished_run_is_refused_with_the_way_to_go_on(refused, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/checkpoint.safetensors").touch()
    assert "--resume --out run" in refused("export", "run", "--onnx")


@pytest.mark.parametrize("opset", [16, 24, 99])
def test_an_opset_out_of_range_is_refused(refused, breast_cancer_run, opset):
    assert f"--opset is {opset}; expected 17 to 23" in refused(
        "export", breast_cancer_run.run, "--onnx", "--opset", opset
    )


@pytest.mark.parametrize("out", ["model", "model.csv", "model.onnx.bak"])
def test_the_file_has_to_end_in_onnx(refused, breast_cancer_run, out):
    assert f"{out} does not end in .onnx" in refused("export", breast_cancer_run.run, "--onnx", "--out", out)


def test_a_folder_in_the_place_of_the_file_is_refused_by_its_own_name(refused, breast_cancer_run, tmp_path):
    (tmp_path / "model.onnx").mkdir()
    message = refused("export", breast_cancer_run.run, "--onnx", "--out", "model.onnx")
    assert "model.onnx" in message
    assert ".tmp" not in message


def test_missing_folders_are_made_and_the_model_verifies(aetk, breast_cancer_run, tmp_path):
    result = aetk("export", breast_cancer_run.run, "--onnx", "--out", "a/b c/model.onnx")
    assert result.code == 0, result.err
    assert "aetk bench 'a/b c/model.onnx'" in result.out
    report = verify(tmp_path / "a/b c/model.onnx")
    assert report.passed
    assert report.card_copy == "current"


def test_without_a_name_the_newest_finished_run_is_exported_to_exports(aetk, breast_cancer_run, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/newest").symlink_to(breast_cancer_run.run)
    document = aetk("export", "--onnx", "--json").document
    assert document["run"] == "runs/newest"
    assert document["parity"]["passed"] is True
    assert (tmp_path / document["model"]).parent == tmp_path / "exports"
    assert (tmp_path / document["card"]).is_file()


def test_the_format_need_not_be_named(aetk, breast_cancer_run, tmp_path):
    named = aetk("export", breast_cancer_run.run, "--onnx", "--out", "named/model.onnx")
    unnamed = aetk("export", breast_cancer_run.run, "--out", "unnamed/model.onnx")
    assert (named.code, unnamed.code) == (0, 0), unnamed.err
    assert unnamed.out == named.out.replace("named/", "unnamed/")
    assert sorted(path.name for path in (tmp_path / "unnamed").iterdir()) == ["model.card.json", "model.onnx"]
    for path in (tmp_path / "named").iterdir():
        assert (tmp_path / "unnamed" / path.name).read_bytes() == path.read_bytes()


def test_a_run_whose_weights_were_changed_is_not_exported(aetk, refused, table):
    assert aetk("train", table, "--epochs", 1, "--device", "cpu", "--out", "run").code == 0
    path = table.parent / "run/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert "changed after training" in refused("export", "run", "--onnx", code=1)
