import errno
import os
import shutil
import tempfile

import pytest

from aetk.base.errors import BadInput, CheckFailed, Unavailable
from aetk.edge import embed as module
from aetk.edge.embed import HOSTS, embed
from aetk.edge.model import card_path, load


@pytest.mark.parametrize("host", HOSTS)
def test_an_app_holds_the_model_its_card_and_a_readme(host, model, tmp_path):
    report = embed(host, model, tmp_path / "app")
    folder = tmp_path / "app" / HOSTS[host].model
    assert sorted(path.name for path in folder.iterdir()) == ["detector.card.json", "detector.onnx"]
    embedded = load(folder / "detector.onnx")
    assert embedded.data == model.read_bytes()
    assert embedded.card_copy == "current"
    assert "# A detector" in (tmp_path / "app/README.md").read_text(encoding="utf-8")
    found = [path for path in (tmp_path / "app").rglob("*") if path.is_file()]
    assert (report.files, report.bytes) == (len(found), sum(path.stat().st_size for path in found))
    assert not any(path.is_symlink() for path in (tmp_path / "app").rglob("*"))
    assert not {"node_modules", "build", "dist", "__pycache__"} & {p.name for p in (tmp_path / "app").rglob("*")}


def test_a_stale_copy_beside_the_model_is_not_embedded(model_copy, tmp_path):
    card_path(model_copy).write_text("{}")
    embed("python", model_copy, tmp_path / "app")
    assert load(tmp_path / "app/model/detector.onnx").card_copy == "current"


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(model, tmp_path):
    (tmp_path / "empty").mkdir()
    embed("python", model, tmp_path / "empty")
    assert (tmp_path / "empty/detector.py").is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        embed("python", model, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_nothing_is_left_of_an_app_that_could_not_be_written(model, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write_model", fail)
    with pytest.raises(Unavailable, match="No space"):
        embed("python", model, tmp_path / "app")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_model_is_not_embedded(model_copy, tmp_path):
    data = bytearray(model_copy.read_bytes())
    data[len(data) // 3] ^= 1
    model_copy.write_bytes(data)
    with pytest.raises((BadInput, CheckFailed)):
        embed("python", model_copy, tmp_path / "app")
    assert not (tmp_path / "app").exists()


def test_an_unknown_host_is_refused_with_those_that_exist(model, tmp_path):
    with pytest.raises(BadInput, match="'fortran'") as caught:
        embed("fortran", model, tmp_path / "app")
    assert caught.value.hint == "Known: python, node, web, cpp, c."


def test_an_installation_without_the_apps_says_so(model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PLACES", (tmp_path,))
    with pytest.raises(Unavailable, match="did not come"):
        embed("python", model, tmp_path / "app")


@pytest.mark.parametrize("call", ["copy2", "mkdtemp", "replace"])
def test_an_error_names_the_folder_that_was_to_be_and_leaves_nothing(model, tmp_path, monkeypatch, call):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / ".aetk-hidden"))

    monkeypatch.setattr({"copy2": shutil, "mkdtemp": tempfile, "replace": os}[call], call, full)
    with pytest.raises(Unavailable) as caught:
        embed("python", model, tmp_path / "app")
    monkeypatch.undo()
    assert caught.value.message == f"Cannot write {tmp_path / 'app'}: No space left on device."
    assert list(tmp_path.iterdir()) == []


def test_an_app_may_have_a_name_as_long_as_the_file_system_takes(model, tmp_path):
    out = tmp_path / ("x" * 255)
    embed("web", model, out)
    assert (out / "src" / "core" / "table.ts").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
