import shutil

from aetk.contract import spec


def test_the_newest_model_is_embedded_where_none_is_named(aetk, model, tmp_path):
    (tmp_path / "exports").mkdir()
    shutil.copy(model, tmp_path / "exports/tumour.onnx")
    result = aetk("embed", "python")
    assert result.code == 0, result.err
    assert (tmp_path / "tumour-python/model/detector.onnx").read_bytes() == model.read_bytes()
    assert result.out.splitlines()[-2:] == [
        "wrote: tumour-python/",
        "next:  cd tumour-python && pip install numpy onnxruntime && python detector.py selftest",
    ]


def test_the_report_as_json_names_host_folder_and_sizes(aetk, model):
    report = aetk("embed", "python", model, "--out", "app", "--json").document
    assert (report["host"], report["out"]) == ("python", "app")
    assert report["bytes"] > model.stat().st_size
    assert report["files"] == 7


def test_a_folder_that_holds_something_is_refused(aetk, refused, model, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app/mine").touch()
    assert "app exists already" in refused("embed", "python", model, "--out", "app")


def test_a_host_that_does_not_exist_is_refused(refused, model):
    assert "Known: python, node, web, cpp." in refused("embed", "perl", model)


def test_without_a_model_the_way_to_one_is_shown(refused):
    assert "aetk export --onnx" in refused("embed", "python")


def test_a_file_that_is_no_model_is_refused(refused, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no")
    message = refused("embed", "python", "x.onnx")
    assert "x.onnx" in message
    assert spec.CARD_KEY not in message
