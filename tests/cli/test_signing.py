"""`--sign-key` and `--trusted-key`."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from aetk.edge.signing import signature_path


@pytest.fixture
def keys(tmp_path):
    """A private and a public key in the working folder."""
    key = Ed25519PrivateKey.generate()
    (tmp_path / "private.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    return "private.pem", "public.pem"


def test_an_exported_model_is_signed_and_verified(aetk, refused, breast_cancer_run, keys):
    export = ("export", breast_cancer_run.run, "--onnx", "--out", "m.onnx")
    assert aetk(*export, "--sign-key", keys[0]).code == 0
    done = aetk("verify", "m.onnx", "--trusted-key", keys[1])
    assert done.code == 0
    assert "signed by the owner of public.pem" in done.out
    assert "is signed, and m.onnx.sig would not fit" in refused(*export)
    assert aetk("threshold", "m.onnx", "--set", "0.5", "--sign-key", keys[0]).code == 0
    assert aetk("verify", "m.onnx", "--trusted-key", keys[1]).code == 0


def test_a_model_that_is_not_signed_by_the_trusted_key_scores_nothing(refused, model_copy, keys, table):
    assert "is not signed" in refused("score", model_copy, table, "--trusted-key", keys[1], code=1)
    signature_path(model_copy).write_bytes(bytes(64))
    assert "is not a signature of" in refused("score", model_copy, table, "--trusted-key", keys[1], code=1)
    assert "is not a signature of" in refused("verify", model_copy, "--trusted-key", keys[1], code=1)


def test_a_key_that_is_not_there_is_named(refused, model_copy, keys):
    assert "No such file or folder: absent.pem" in refused("verify", model_copy, "--trusted-key", "absent.pem")
    assert "--sign-key goes with" in refused("threshold", model_copy, "--sign-key", keys[0])
