"""Hand-made hostile model files, cards, signatures and keys."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.edge.signing import signature_path, signed

from ..contract.nesting import nest
from .case import MODEL, Case

VERIFY = ("verify", MODEL)
SCORE = ("score", MODEL, "table.csv")


def _content(content: bytes) -> Callable[[Path], None]:
    return lambda folder: _replace(folder, content)


def _replace(folder: Path, content: bytes) -> None:
    (folder / MODEL).write_bytes(content)


def _graph(change: Callable[[ModelProto], object]) -> Callable[[Path], None]:
    """A model changed by a forger, who makes its digests right again."""

    def build(folder: Path) -> None:
        proto = onnx.load(folder / MODEL)
        card = json.loads(next(entry.value for entry in proto.metadata_props if entry.key == spec.CARD_KEY))
        del proto.metadata_props[:]
        change(proto)
        data = proto.SerializeToString(deterministic=True)
        card["model_sha256"] = onnxfile.digest(data)
        _replace(folder, onnxfile.with_card(data, cards.seal(card)))

    return build


def _card(
    change: Callable[[dict[str, Any]], object], seal: Callable[[Any], str] = cards.seal
) -> Callable[[Path], None]:
    """A card changed, and sealed again unless said otherwise."""

    def build(folder: Path) -> None:
        data = (folder / MODEL).read_bytes()
        card = json.loads(onnxfile.read(data).metadata[spec.CARD_KEY])
        change(card)
        _replace(folder, onnxfile.with_card(data, seal(card)))

    return build


def _text(text: str) -> Callable[[Path], None]:
    """Any text in place of the card."""
    return lambda folder: _replace(folder, onnxfile.with_card((folder / MODEL).read_bytes(), text))


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: _replace(folder, change((folder / MODEL).read_bytes()))


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else in place of the model."""

    def build(folder: Path) -> None:
        (folder / MODEL).unlink()
        make(folder / MODEL)

    return build


def _quantised(folder: Path) -> None:
    quantize_dynamic(folder / MODEL, folder / MODEL)


def _outside(proto: ModelProto) -> None:
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")


def _doubling(proto: ModelProto) -> None:
    name = spec.INPUT
    for number in range(40):
        node = helper.make_node("Concat", [name, name], [f"twice{number}"], axis=1)
        proto.graph.node.insert(number, node)
        name = f"twice{number}"


def _sparse(proto: ModelProto) -> None:
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [2**60]))


def _branch(proto: ModelProto) -> None:
    inner = helper.make_graph([helper.make_node("Abs", [spec.INPUT], ["x"])], "b", [], [])
    proto.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner))


def _initializer(name: str, values: Any) -> Callable[[ModelProto], None]:
    def change(proto: ModelProto) -> None:
        tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
        tensor.CopyFrom(numpy_helper.from_array(np.asarray(values(numpy_helper.to_array(tensor).copy())), name))

    return change


def _swapped(values: Any) -> Any:
    values[:, [0, 1]] = values[:, [1, 0]]
    return values


def _lying_size(proto: ModelProto) -> None:
    proto.graph.initializer[0].dims[0] = 2**40


def _turned(proto: ModelProto) -> None:
    node = next(node for node in proto.graph.node if spec.THRESHOLD in node.input)
    node.input.reverse()


def _always_ordinary(proto: ModelProto) -> None:
    node = next(node for node in proto.graph.node if node.output[0] == spec.IS_ANOMALY)
    node.op_type = "Abs"


def _signature(
    make: Callable[[Path, Ed25519PrivateKey], bytes], trusted: bytes | None = None
) -> Callable[[Path], None]:
    """A signature beside the model and a trusted key, `trusted.pem`."""

    def build(folder: Path) -> None:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "trusted.pem").write_bytes(public if trusted is None else trusted)
        signature = make(folder, key)
        if signature:
            signature_path(folder / MODEL).write_bytes(signature)

    return build


def _signed_and_forged(folder: Path, key: Ed25519PrivateKey) -> bytes:
    signature = key.sign((folder / MODEL).read_bytes())
    _card(lambda card: card.update(name="forged"))(folder)
    return signature


def _signed_by_another(folder: Path, _key: Ed25519PrivateKey) -> bytes:
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "another.pem").write_bytes(private)
    ((_, signature),) = signed(folder / MODEL, (folder / MODEL).read_bytes(), folder / "another.pem")
    return signature


def _flip(data: bytes, name: bytes) -> bytes:
    place = data.rindex(name) + len(name) + 60
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _garbled(data: bytes) -> bytes:
    return _flip(data, b"networks.0.0.weight")


def _renamed(data: bytes) -> bytes:
    """A card in which one name occurs twice, of which readers would take one or the other."""
    text = onnxfile.read(data).metadata[spec.CARD_KEY]
    twice = text.replace('"requires":', '"name": "another",\n "requires":', 1)
    digest = json.loads(text)["card_sha256"]
    return onnxfile.with_card(data, twice.replace(digest, gate.card_digest(twice, digest), 1))


TRUSTING = ("verify", MODEL, "--trusted-key", "trusted.pem")
_ESCAPES = "\x1b]0;owned\x07\x1b[2Jharmless"

CASES = (
    Case("an empty file", VERIFY, _content(b""), 2, "an empty file"),
    Case("text", SCORE, _content(b"no model at all\n" * 9), 2, "Not a readable ONNX file"),
    Case("a picture", VERIFY, _content(b"\x89PNG\r\n\x1a\n" + bytes(100)), 2, "Not a"),
    Case("an archive", VERIFY, _content(b"PK\x03\x04" + bytes(100)), 2, "Not a"),
    Case("a pickle", VERIFY, _content(b"\x80\x04cos\nsystem\n(S'true'\ntR."), 2, "Not a"),
    Case(
        "its card in its place",
        VERIFY,
        lambda folder: _replace(folder, (folder / "model.card.json").read_bytes()),
        2,
        "Not a model but the card of one",
    ),
    Case("a table in its place", SCORE, _content(b"V1,V2\n1,2\n"), 2, "Not a model but a table (CSV)"),
    Case("a quantised model", VERIFY, _quantised, 2, "its producer is onnx.quantize"),
    Case("no file", VERIFY, _instead(lambda path: None), 2, "No such model: model.onnx"),
    Case("a folder", VERIFY, _instead(Path.mkdir), 2, "is a folder"),
    Case("a pipe that nobody writes to", VERIFY, _instead(os.mkfifo), 2, "not a regular file"),
    Case("a device without end", ("verify", "/dev/zero"), lambda folder: None, 2, "not a regular file"),
    Case("a link to nothing", VERIFY, _instead(lambda path: path.symlink_to("gone")), 2, "No such model"),
    Case("a link to itself", VERIFY, _instead(lambda path: path.symlink_to(MODEL)), 2, "Cannot use model.onnx"),
    Case(
        "256 MiB and a byte of nothing",
        VERIFY,
        _instead(lambda path: os.truncate(path.open("x").name, gate.LARGEST_FILE + 1)),
        2,
        "larger than 256 MiB",
    ),
    Case("a file cut in half", VERIFY, _bytes(lambda data: data[: len(data) // 2]), 2, "are left"),
    Case("a number without end", VERIFY, _content(b"\xff" * 1000), 2, "longer than 10 bytes"),
    Case("a length of 2^63", VERIFY, _content(b"\x3a" + b"\xff" * 8 + b"\x7f"), 2, "are left"),
    Case("a group, which protobuf gave up", VERIFY, _bytes(lambda data: data + b"\x0b\x0c"), 2, "unknown wire type 3"),
    Case("a second graph behind the first", VERIFY, _bytes(lambda data: data + b"\x3a\x00"), 2, "more than 1"),
    Case("3,000 nested functions", VERIFY, _graph(nest), 2, "it defines functions"),
    Case("tensors in /etc/passwd", SCORE, _graph(_outside), 2, "it keeps tensors in other files"),
    Case("a sparse tensor of 2^60 numbers", VERIFY, _graph(_sparse), 2, "it holds sparse tensors"),
    Case("a graph in a node", VERIFY, _graph(_branch), 2, "uses the operator 'If'"),
    Case(
        "an operator of somebody's own",
        VERIFY,
        _graph(lambda proto: proto.graph.node.add(op_type="Run", domain="evil")),
        2,
        "the domain 'evil'",
    ),
    Case("a width that doubles 40 times", SCORE, _graph(_doubling), 2, "more than 64 times the 767 numbers"),
    Case("a tensor that claims 2^40 rows", VERIFY, _graph(_lying_size), 2, "bytes"),
    Case(
        "tomorrow's versions",
        VERIFY,
        _graph(lambda proto: setattr(proto, "ir_version", 14)),
        2,
        "its IR version is 14 and its opset 17, expected 8 to 11",
    ),
    Case(
        "a threshold that is not a number",
        VERIFY,
        _graph(_initializer(spec.THRESHOLD, lambda _: np.float32("nan"))),
        2,
        "its threshold is nan",
    ),
    Case("a decision turned round", VERIFY, _graph(_turned), 2, "'is_anomaly' is not Not(GreaterOrEqual"),
    Case("a decision by another operator", VERIFY, _graph(_always_ordinary), 2, "'is_anomaly' is not Not(Greater"),
    Case("one bit of a weight", SCORE, _bytes(lambda data: _flip(data, b"networks.0.0.weight")), 1, "model's SHA-256"),
    Case(
        "a threshold moved in the file",
        ("threshold", MODEL),
        _bytes(lambda data: onnxfile.with_threshold(data, 0.1)),
        1,
        "model's SHA-256",
    ),
    Case(
        "two columns swapped, and the digests made right",
        VERIFY,
        _graph(_initializer("scale.weight", _swapped)),
        1,
        "",
    ),
    Case(
        "a threshold moved, and the digests made right",
        VERIFY,
        _graph(_initializer(spec.THRESHOLD, lambda _: np.float32(-0.9))),
        1,
        "the graph's threshold is -0.899999976",
    ),
    Case("weights that are not numbers", VERIFY, _graph(_initializer("penalty", lambda v: v * np.nan)), 1, ""),
    Case("no card", VERIFY, _bytes(lambda data: onnxfile.with_card(data, None)), 2, "carries no aetk card"),
    Case("a card that is not JSON", VERIFY, _text("{"), 2, "The card is not JSON"),
    Case("a card of 100,000 brackets", VERIFY, _text("[" * 100_000), 2, "The card is not JSON"),
    Case("a card that is a list", VERIFY, _text("[]"), 2, "expected a JSON object"),
    Case("a card with a name twice", VERIFY, _bytes(lambda data: _renamed(data)), 2, "two members of the same name"),
    Case("a card of tomorrow", VERIFY, _card(lambda card: card.update(contract=3)), 2, "contract version 3"),
    Case(
        "a card whose words were changed",
        ("inspect", MODEL),
        _card(lambda card: card.update(name="better"), json.dumps),
        1,
        "the card's SHA-256",
    ),
    Case(
        "a tolerance that lets all pass",
        VERIFY,
        _card(lambda card: card["similarity"].update(tolerance=2.0)),
        2,
        "The card's tolerance is 2",
    ),
    Case(
        "a card with a threshold of text",
        VERIFY,
        _card(lambda card: card["threshold"].update(value="0.5")),
        2,
        "The card's threshold.value is '0.5'; expected a finite number",
    ),
    Case(
        "a feature less than the graph takes",
        VERIFY,
        _card(lambda card: card["features"].pop()),
        2,
        "golden inputs hold",
    ),
    Case(
        "golden rows that are not base64",
        VERIFY,
        _card(lambda card: card["golden"].update(inputs="!!!!")),
        2,
        "golden.inputs is not base64",
    ),
    Case(
        "terminal commands in a card's name",
        ("inspect", MODEL),
        _card(lambda card: card.update(name=_ESCAPES)),
        0,
        "",
    ),
    Case("an app around a changed model", ("embed", "python", MODEL), _bytes(_garbled), 1, "model's SHA-256"),
    Case("a benchmark of a changed model", ("bench", MODEL), _bytes(_garbled), 1, "model's SHA-256"),
    Case("a trusted key and no signature", TRUSTING, _signature(lambda *_: b""), 1, "is not signed"),
    Case("a signature of zeros", TRUSTING, _signature(lambda *_: bytes(64)), 1, "is not a signature of"),
    Case("a signature of a megabyte", TRUSTING, _signature(lambda *_: bytes(2**20)), 1, "is not a signature of"),
    Case("a signature by another key", TRUSTING, _signature(_signed_by_another), 1, "is not a signature of"),
    Case("a card forged after signing", TRUSTING, _signature(_signed_and_forged), 1, "is not a signature of"),
    Case("a key that is not one", TRUSTING, _signature(lambda *_: bytes(64), b"junk"), 2, "not a public Ed25519 key"),
    Case(
        "a new threshold for a signed model",
        ("threshold", MODEL, "--set", "0.5"),
        _signature(lambda *_: bytes(64)),
        2,
        "is signed, and model.onnx.sig would not fit",
    ),
)
