"""Where a model with another threshold goes: its own file, another one, or nowhere."""

import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from aetk.base.errors import BadInput
from aetk.contract import history
from aetk.contract.threshold import Method
from aetk.edge.model import card_path, load
from aetk.edge.signing import signature_path, signed
from aetk.edge.threshold import calibrate_threshold, set_threshold, undo_threshold
from aetk.edge.verification import verify


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(history, "now", lambda: "2026-03-04T05:06:07Z")


@pytest.fixture
def keys(tmp_path):
    """A private and a public key."""
    key, private, public = Ed25519PrivateKey.generate(), tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def signed_model(model_copy, keys):
    ((path, content),) = signed(model_copy, model_copy.read_bytes(), keys[0])
    path.write_bytes(content)
    return model_copy


def everything(folder):
    """Every file below a folder, its bytes and its time."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def refused(tmp_path, match, call, *arguments, **options):
    """A call that must be refused and leave every file and folder as it is; returns the hint."""
    before, folders = everything(tmp_path), sorted(path for path in tmp_path.rglob("*") if path.is_dir())
    with pytest.raises(BadInput, match=match) as found:
        call(*arguments, **options)
    assert everything(tmp_path) == before
    assert sorted(path for path in tmp_path.rglob("*") if path.is_dir()) == folders
    return found.value.hint


@pytest.mark.parametrize("name", ["other.onnx", "new folder/breast-cancer.onnx"])
def test_another_file_gets_what_the_model_would_and_the_model_stays(model_copy, tmp_path, name):
    before, out = everything(tmp_path), tmp_path / name
    report = set_threshold(model_copy, 0.8, out=out)
    assert report.out == out
    after = everything(tmp_path)
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == {out, card_path(out)}
    set_threshold(model_copy, 0.8)
    assert out.read_bytes() == model_copy.read_bytes()
    assert card_path(out).read_bytes() == card_path(model_copy).read_bytes()


def test_a_file_that_is_there_is_replaced(model_copy, tmp_path):
    out = tmp_path / "other.onnx"
    set_threshold(model_copy, 0.8, out=out)
    set_threshold(model_copy, 0.7, out=str(out))
    assert load(out).graph.threshold == load(out).card.threshold.value
    assert [entry.threshold for entry in load(out).card.history] == [load(model_copy).card.threshold]


def test_undone_into_another_file_the_model_stays(model_copy, model, tmp_path):
    set_threshold(model_copy, 0.8)
    before, out = model_copy.read_bytes(), tmp_path / "earlier.onnx"
    assert undo_threshold(model_copy, out=out).out == out
    assert (out.read_bytes(), model_copy.read_bytes()) == (model.read_bytes(), before)


def test_a_hard_link_to_the_model_is_another_file(model_copy, tmp_path):
    before, out = model_copy.read_bytes(), tmp_path / "linked.onnx"
    out.hardlink_to(model_copy)
    set_threshold(model_copy, 0.8, out=out)
    assert (model_copy.read_bytes(), load(out).card.threshold.method) == (before, "fixed:0.8")


@pytest.mark.parametrize("make", ["the same path", "a link"])
def test_the_models_own_file_under_another_name_is_no_other_file(model_copy, tmp_path, make):
    out = model_copy
    if make == "a link":
        out = tmp_path / "link.onnx"
        out.symlink_to(model_copy)
    set_threshold(model_copy, 0.8, out=out)
    assert load(model_copy).card.threshold.method == "fixed:0.8"
    assert load(model_copy).card_copy == "current"
    assert not card_path(tmp_path / "link.onnx").exists()


def test_what_cannot_be_written_is_refused_before_the_work(model_copy, tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    refused(tmp_path, "does not end in", set_threshold, model_copy, 0.8, out=tmp_path / "new/model.bin")
    refused(tmp_path, "is a folder", set_threshold, model_copy, 0.8, out=tmp_path / "folder.onnx")
    refused(tmp_path, "not a similarity", set_threshold, model_copy, 2.0, out=tmp_path / "new/model.onnx")
    refused(tmp_path, "No such file", calibrate_threshold, model_copy, Method("best-f1"), tmp_path / "no.csv", "label",
            out=tmp_path / "new/model.onnx")  # fmt: skip


def test_a_file_that_would_take_the_models_copy_of_its_card_is_refused(model_copy, tmp_path):
    other = model_copy.rename(model_copy.with_suffix(".model"))
    refused(tmp_path, "would share", set_threshold, other, 0.8, out=other.with_suffix(".onnx"))


def test_another_file_is_no_way_round_a_signature(signed_model, keys, tmp_path):
    out = tmp_path / "other.onnx"
    assert "--sign-key" in refused(tmp_path, "is signed", set_threshold, signed_model, 0.8, out=out)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link.onnx"
    link.symlink_to(signed_model)
    refused(tmp_path, "is signed", set_threshold, link, 0.8, out=out)
    before = signed_model.read_bytes(), signature_path(signed_model).read_bytes()
    set_threshold(signed_model, 0.8, out=out, sign_key=keys[0])
    assert verify(load(out, keys[1])).passed
    assert (signed_model.read_bytes(), signature_path(signed_model).read_bytes()) == before


def test_an_unsigned_model_does_not_take_the_place_of_a_signed_one(signed_model, tmp_path):
    other = shutil.copy(signed_model, tmp_path / "unsigned.onnx")
    refused(tmp_path, "would not fit the new file", set_threshold, other, 0.8, out=signed_model)


def test_undoing_needs_the_key_as_setting_does(signed_model, keys, tmp_path):
    exported = everything(tmp_path)
    set_threshold(signed_model, 0.8, sign_key=keys[0])
    assert "--sign-key" in refused(tmp_path, "is signed", undo_threshold, signed_model)
    undo_threshold(signed_model, sign_key=str(keys[0]))
    found = everything(tmp_path)
    assert {path: content for path, (content, _) in found.items()} == {p: c for p, (c, _) in exported.items()}
    assert load(signed_model, keys[1]).card.history == ()


def test_a_dry_run_says_what_would_be_and_writes_nothing(signed_model, keys, tmp_path):
    set_threshold(signed_model, 0.8, sign_key=keys[0])
    before = everything(tmp_path)
    told = [
        set_threshold(signed_model, 0.7, dry_run=True),
        set_threshold(signed_model, 0.7, dry_run=True, out=tmp_path / "new/other.onnx", sign_key=keys[0]),
        undo_threshold(signed_model, dry_run=True),
    ]
    assert everything(tmp_path) == before
    assert not (tmp_path / "new").exists()
    assert [report.out for report in told] == [None] * 3
    assert told[0] == told[1]
    done = undo_threshold(signed_model, sign_key=keys[0])
    assert (told[2].before, told[2].after) == (done.before, done.after)
    with pytest.raises(BadInput, match="not a similarity"):
        set_threshold(signed_model, 2.0, dry_run=True)
    with pytest.raises(BadInput, match="is not a private"):
        set_threshold(signed_model, 0.5, dry_run=True, sign_key=keys[1])


def test_a_dry_run_waits_for_nobody(model_copy):
    from aetk.base.locks import locked

    with locked(model_copy.parent, 0):
        assert set_threshold(model_copy, 0.7, dry_run=True).out is None
