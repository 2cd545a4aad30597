"""The hosts that can check a signature refuse a model without the right one, in the same words."""

import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from patience import PATIENCE

from aetk.edge.signing import signature_path, signed

from .conftest import App


@pytest.fixture(scope="module", params=["python", "node"])
def checking(request, build):
    """The apps that can check signatures; C++ and the page cannot, as docs/SECURITY.md says."""
    folder, done = build(request.param)
    assert done.returncode == 0, done.stdout + done.stderr
    if request.param == "python":
        subprocess.run([folder / "app/.venv/bin/pip", "install", "--quiet", "cryptography"], check=True)
    return App(request.param, folder / "app")


@pytest.fixture
def signed_model(models, tmp_path):
    """A signed copy of the default model, beside its public key."""
    key = Ed25519PrivateKey.generate()
    (tmp_path / "private.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    model = shutil.copy(models["default"], tmp_path / "signed.onnx")
    ((path, content),) = signed(model, model.read_bytes(), tmp_path / "private.pem")
    path.write_bytes(content)
    return model


def test_a_model_that_is_signed_by_the_trusted_key_passes(checking, signed_model, tmp_path):
    done = checking.run("selftest", "--model", signed_model, "--trusted-key", tmp_path / "public.pem")
    assert done.returncode == 0, done.stderr


def test_any_other_model_is_refused(checking, signed_model, tmp_path):
    def refused(key="public.pem"):
        done = checking.run("selftest", "--model", signed_model, "--trusted-key", tmp_path / key, timeout=PATIENCE)
        assert done.stdout == ""
        return done.returncode, done.stderr.splitlines()[0].removeprefix("detector: ")

    assert refused("private.pem") == (2, f"{tmp_path / 'private.pem'} is not a public Ed25519 key in PEM.")
    assert refused("signed.onnx") == (2, f"{tmp_path / 'signed.onnx'} is not a public Ed25519 key in PEM.")
    signature = signature_path(signed_model)
    signature.write_bytes(signature.read_bytes()[::-1])
    wrong = f"{signature} is not a signature of signed.onnx by {tmp_path / 'public.pem'}."
    assert refused() == (1, wrong)
    signature.write_bytes(b"")
    assert refused() == (1, wrong)
    signature.unlink()
    assert refused() == (1, f"{signed_model} is not signed: there is no {signature}.")
    os.mkfifo(signature)
    assert refused() == (1, f"{signature} is not a regular file; expected a signature.")
    assert refused(signature.name) == (2, f"{signature} is not a regular file; expected a key in PEM.")
