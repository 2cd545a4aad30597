"""What all families share: mutated bytes and JSON, and the verdict on one file."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFUSED, SAME, ACCEPTED, RAN = "refused", "same", "accepted", "ran"
"""Refused by an `AetkError`; the same in meaning; accepted; accepted, and seen by the runtime."""


class Wrong(Exception):
    """A wrong decision: something was accepted that should not have been, or judged against the rule."""


@dataclass(frozen=True)
class Family:
    """One kind of file.

    Attributes:
        name: in the plural.
        count: of files in a full run.
        structured: the share of them that is mutated with knowledge of the format.
        prepare: takes an empty folder and returns `attempt`, which makes one file there from a source of randomness,
            tries it, and returns one of the verdicts; `AetkError` counts as refused, `Wrong` and all else as wrong.
    """

    name: str
    count: int
    structured: float
    prepare: "Callable[[Path], Callable[[random.Random, bool], str]]"


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, cut out, doubled, moved or put in."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
        start = chance.randrange(len(found) + 1)
        length = min(chance.choice((1, 1, 2, 4, 8, 100, 5000)), len(found) - start)
        kind = chance.randrange(5)
        if kind == 0 and length:
            found[start] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del found[start : start + length]
        elif kind == 2:
            found[start:start] = found[start : start + length]
        elif kind == 3:
            found[start : start + length] = chance.randbytes(length)
        else:
            found[start:start] = chance.choice(
                (b"\0", b"\xff" * 9, b"\x80" * 11, b'"', b"\n", b"[" * 3000, b"\xef\xbb\xbf")
            )
    return bytes(found)


_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308, 5e-324, "", "x", "0.5", "\ud800",
    "\0", "a" * 5000, [], [[]], {}, {"x": 1}, [None], [0] * 200,
)  # fmt: skip


def mutate_json(value: Any, chance: random.Random) -> Any:
    """A copy of a JSON value in which one part is removed, doubled, swapped, renamed or of another kind."""
    value = json.loads(json.dumps(value))
    parts = list(_parts(value))
    for _ in range(chance.choice((1, 1, 2))):
        holder, key = chance.choice(parts)
        kind = chance.randrange(6)
        try:
            if kind == 0:
                del holder[key]
            elif kind == 1 and isinstance(holder, list):
                holder.insert(key, holder[key])
            elif kind == 2:
                other, there = chance.choice(parts)
                holder[key], other[there] = other[there], holder[key]
            elif kind == 3 and isinstance(holder, dict):
                holder[chance.choice(("x", key + "_", key.upper()))] = holder.pop(key)
            elif kind == 4 and type(holder[key]) in (int, float):
                holder[key] = holder[key] * chance.choice((-1, 2, 1e-9, 1e9)) + chance.choice((0, 1e-3, 1))
            else:
                holder[key] = chance.choice(_ODD)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the part away
    return value


def _parts(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(part, dict | list) and part:
            found += _parts(part)
    return found
