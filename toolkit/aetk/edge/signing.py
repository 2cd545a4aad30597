"""Signs model files and checks signatures: Ed25519, detached, in `NAME.onnx.sig` next to `NAME.onnx`.

The signature covers the file's bytes, so the model and its card. Any tool that supports Ed25519 can check it:

    openssl pkeyutl -verify -pubin -inkey PUBLIC.pem -rawin -in NAME.onnx -sigfile NAME.onnx.sig
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput, CheckFailed, MissingExtra

_LARGEST_KEY = 2**14
_SIGNATURE_BYTES = 64
_MAKE_PRIVATE = "Make one with: openssl genpkey -algorithm ed25519 -out private.pem"
_MAKE_PUBLIC = (
    "Ask whoever signs the model for the public key; they make it with: "
    "openssl pkey -in private.pem -pubout -out public.pem"
)


def signature_path(model: Path) -> Path:
    """The path of a signature: `NAME.onnx.sig` next to `NAME.onnx`."""
    return model.with_name(f"{model.name}.sig")


def signed(model: Path, data: bytes, key: Path | None) -> list[tuple[Path, bytes]]:
    """Make the signature file of a model, to be written after the model.

    Args:
        model: the path that the model will have.
        data: the model's bytes.
        key: a private Ed25519 key in PEM; None for an unsigned model, which gives an empty list.

    Raises:
        BadInput: no such key, or an unsigned model would replace a signed one, whose signature would not fit it.
        MissingExtra: cryptography is not installed.
    """
    path = signature_path(model)
    if key is not None:
        return [(path, _private(key).sign(data))]
    if path.exists():
        raise BadInput(
            f"{model} is signed, and {path.name} would not fit the new file.",
            f"Sign it again with --sign-key, or remove {path} first.",
        )
    return []


def check_signature(model: Path, data: bytes, key: Path) -> None:
    """Check a model's signature.

    Args:
        model: the model's path.
        data: the model's bytes.
        key: a public Ed25519 key in PEM.

    Raises:
        BadInput: no such key.
        CheckFailed: there is no signature, or it is not a signature of this file by the key's owner.
        MissingExtra: cryptography is not installed.
    """
    public, path = _public(key), signature_path(model)
    if path.exists() and not path.is_file():
        raise CheckFailed(
            f"{path} is not a regular file; expected a signature.", "Take both files from where they were made."
        )
    try:
        with path.open("rb") as file:
            signature = file.read(_SIGNATURE_BYTES + 1)
    except FileNotFoundError:
        raise CheckFailed(
            f"{model} is not signed: there is no {path}.",
            f"Put {path.name}, from where the model was exported, beside it, or leave --trusted-key out.",
        ) from None
    try:
        public.verify(signature, data)
    except _cryptography("exceptions").InvalidSignature:
        raise CheckFailed(
            f"{path} is not a signature of {model.name} by {key}.",
            "Do not use it; take both files from where they were exported.",
        ) from None


def _cryptography(module: str) -> Any:
    try:
        return import_module(f"cryptography.{module}")
    except ImportError:
        raise MissingExtra("Signing a model, or checking a signature,", "sign") from None


def _private(path: Path) -> Any:
    serialization = _cryptography("hazmat.primitives.serialization")
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except TypeError:
        raise BadInput(f"{path} is locked by a passphrase.", "Unlock it with: openssl pkey -in KEY -out KEY2") from None
    except (ValueError, _cryptography("exceptions").UnsupportedAlgorithm):
        key = None
    if not isinstance(key, _ed25519().Ed25519PrivateKey):
        raise BadInput(f"{path} is not a private Ed25519 key in PEM.", _MAKE_PRIVATE)
    return key


def _public(path: Path) -> Any:
    serialization = _cryptography("hazmat.primitives.serialization")
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, _cryptography("exceptions").UnsupportedAlgorithm):
        key = None
    if not isinstance(key, _ed25519().Ed25519PublicKey):
        raise BadInput(f"{path} is not a public Ed25519 key in PEM.", _MAKE_PUBLIC)
    return key


def _ed25519() -> Any:
    return _cryptography("hazmat.primitives.asymmetric.ed25519")


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise BadInput(f"{path} is not a regular file; expected a key in PEM.", "Name the key's file.")
    with path.open("rb") as file:
        return file.read(_LARGEST_KEY)
