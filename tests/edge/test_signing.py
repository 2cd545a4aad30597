"""Signed models: whoever changes a byte of model or card, or holds another key, is found out."""

import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from aetk.base.errors import BadInput, CheckFailed, MissingExtra
from aetk.edge import signing
from aetk.edge.model import load
from aetk.edge.signing import check_signature, signature_path, signed
from aetk.edge.threshold import set_threshold
from aetk.edge.verification import verify


def write_private(path, key, encryption=None):
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    return path


def write_public(path, key):
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def keys(tmp_path):
    key = Ed25519PrivateKey.generate()
    return write_private(tmp_path / "private.pem", key), write_public(tmp_path / "public.pem", key)


@pytest.fixture
def signed_model(model_copy, keys):
    ((path, content),) = signed(model_copy, model_copy.read_bytes(), keys[0])
    path.write_bytes(content)
    return model_copy


def test_a_signed_model_is_let_in_by_its_key(signed_model, keys):
    assert load(signed_model, keys[1]).trusted_key == keys[1]
    assert verify(load(signed_model, keys[1])).passed


def test_every_changed_byte_of_model_card_or_signature_is_found_out(signed_model, keys):
    for path in (signed_model, signature_path(signed_model)):
        data = path.read_bytes()
        for place in (0, len(data) // 2, len(data) - 5, len(data) - 1):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            with pytest.raises(CheckFailed, match="is not a signature of"):
                load(signed_model, keys[1])
        for content in (data + b"\0", data[:-1], b""):
            path.write_bytes(content)
            with pytest.raises(CheckFailed, match="is not a signature of"):
                load(signed_model, keys[1])
        path.write_bytes(data)


def test_a_forger_who_makes_all_digests_right_again_is_found_out(signed_model, keys, resign):
    resign(signed_model, edit_card=lambda card: card.update(name="forged"))
    assert load(signed_model).card.name == "forged"
    with pytest.raises(CheckFailed, match="is not a signature of"):
        load(signed_model, keys[1])


def test_another_key_is_not_trusted(signed_model, tmp_path):
    other = write_public(tmp_path / "other.pem", Ed25519PrivateKey.generate())
    with pytest.raises(CheckFailed, match=r"is not a signature of breast-cancer\.onnx by .*other\.pem"):
        load(signed_model, other)


def test_an_unsigned_model_is_not_trusted(model_copy, keys):
    with pytest.raises(CheckFailed, match=r"is not signed: there is no .*breast-cancer\.onnx\.sig"):
        load(model_copy, keys[1])


def test_openssl_agrees(signed_model, keys):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys[1], "-rawin", "-in", signed_model]
    done = subprocess.run([*command, "-sigfile", signature_path(signed_model)], capture_output=True, text=True)
    assert done.stdout == "Signature Verified Successfully\n", done.stderr


def test_what_is_no_such_key_is_refused_in_words(signed_model, keys, tmp_path):
    data, private, public = signed_model.read_bytes(), *keys
    other = ec.generate_private_key(ec.SECP256R1())
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    locked = write_private(tmp_path / "locked.pem", Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret"))
    for key in (public, junk, signed_model, write_private(tmp_path / "ec.pem", other)):
        with pytest.raises(BadInput, match="is not a private Ed25519 key in PEM"):
            signed(signed_model, data, key)
    with pytest.raises(BadInput, match="locked by a passphrase"):
        signed(signed_model, data, locked)
    for key in (private, junk, signed_model, write_public(tmp_path / "ec-public.pem", other)):
        with pytest.raises(BadInput, match="is not a public Ed25519 key in PEM"):
            check_signature(signed_model, data, key)
    with pytest.raises(BadInput, match="not a regular file"):
        check_signature(signed_model, data, tmp_path)


def test_a_new_threshold_needs_the_key_again_and_changes_nothing_without_it(signed_model, keys):
    before = signed_model.read_bytes()
    with pytest.raises(BadInput, match=r"is signed, and breast-cancer\.onnx\.sig would not fit") as refused:
        set_threshold(signed_model, 0.5)
    assert "--sign-key" in refused.value.hint
    assert signed_model.read_bytes() == before
    set_threshold(signed_model, 0.5, sign_key=keys[0])
    assert load(signed_model, keys[1]).graph.threshold == 0.5


def test_without_cryptography_the_extra_is_named(signed_model, keys, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(signing, "import_module", absent)
    with pytest.raises(MissingExtra, match=r"aetk\[sign\]"):
        load(signed_model, keys[1])
    with pytest.raises(MissingExtra, match=r"aetk\[sign\]"):
        signed(signed_model, b"", keys[0])


def test_a_pipe_in_the_place_of_a_signature_is_no_reason_to_wait(signed_model, keys):
    path = signature_path(signed_model)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(CheckFailed, match="is not a regular file; expected a signature"):
        load(signed_model, keys[1])
