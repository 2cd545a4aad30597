"""One target of the fuzzer, in a process of its own: `python -m tests.fuzz.target NAME FOLDERS... OPTIONS...`.

Any exception but a refusal is a finding.
"""

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["aetk.contract", "json"]):
    from aetk.base.errors import AetkError
    from aetk.contract import card as cards
    from aetk.contract import gate


def _gate(data: bytes) -> None:
    """A model file, and the card in it."""
    try:
        gate.card(gate.read(data))
    except gate.Refused:
        return


def _card(data: bytes) -> None:
    """A card's text; what is accepted can be written, and read again as the same."""
    text = data.decode("utf-8", "replace")
    try:
        card = cards.parse(text)
    except AetkError:
        return
    written = card.to_json()
    assert cards.parse(written).to_json() == written


TARGETS: dict[str, Callable[[bytes], None]] = {"gate": _gate, "card": _card}

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
