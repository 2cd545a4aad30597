"""Names, types and constants of the model contract; what the gate needs of them stands there."""

from aetk.base.typed_json import Document
from aetk.contract import gate

INPUT = "features"
SIMILARITY = "similarity"
IS_ANOMALY = "is_anomaly"
IS_VALID = "is_valid"
CONTRIBUTION = "contribution"
OUTPUTS = (SIMILARITY, IS_ANOMALY, IS_VALID)

THRESHOLD = gate.THRESHOLD
"""Name of the scalar float32 initializer that holds the decision threshold."""

GUARD_PRODUCTS = ("scale.weight", "copies.weight", "penalty")
"""Names of the initializers of matrix products that reconstruct nothing, but scale rows, copy or mark them."""

CARD_KEY = gate.CARD
"""Key of the card in the ONNX file's metadata."""

CARD = Document("card", "Export the model again.")
"""What messages about the card's JSON say."""

FINITE_LIMIT = 3.4e38
"""A value whose magnitude is larger counts as infinite."""

TOLERANCE = 1e-5
"""How far a runtime's similarity may lie from PyTorch's. Rows closer than this to the threshold are near ties."""

COSINE_EPSILON = 1e-6
"""Smallest norm that the cosine divides by."""

UNJUDGED = -1.0
"""The similarity of a row that could not be judged."""

MAX_FEATURES = gate.MOST_FEATURES
"""The most columns that a model is trained on."""

IR_VERSION = 8
OPSET = 17
OLDEST_RUNTIMES = {17: "1.17", 18: "1.17", 19: "1.17", 20: "1.17", 21: "1.18", 22: "1.21", 23: "1.23"}
"""By opset, the first version of ONNX Runtime, from 1.17 on, that loads such a file and decides its golden rows."""


def requires(opset: int) -> str:
    """What a file of an opset needs, in words."""
    return f"ONNX Runtime {OLDEST_RUNTIMES[opset]} or newer"
