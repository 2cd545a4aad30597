"""The constant arrays of the C file."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.edge.embed_c.pieces import number

_TYPES = {"float32": "float", "int16": "int16_t", "int8": "int8_t", "uint16": "uint16_t"}
_WIDTH = 116


class Tables:
    """Names constant arrays, each content once, and writes those that were asked for."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, bytes], str] = {}
        self._arrays: dict[str, NDArray[Any]] = {}

    def name(self, values: NDArray[Any], wish: str) -> str:
        """The C name of an array with these values, which are written in C order."""
        key = (values.dtype.name, values.tobytes())
        if key not in self._names:
            plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in wish).lower()
            taken = [f"c_{plain}", *(f"c_{plain}_{count}" for count in range(2, len(self._arrays) + 3))]
            self._names[key] = next(name for name in taken if name not in self._arrays)
            self._arrays[self._names[key]] = values
        return self._names[key]

    @property
    def bytes(self) -> int:
        """The size of all arrays in the program."""
        return sum(values.nbytes for values in self._arrays.values())

    def text(self) -> str:
        """Their definitions."""
        return "\n".join(definition(name, values) for name, values in self._arrays.items())


def definition(name: str, values: NDArray[Any]) -> str:
    """An array as C text."""
    flat = values.reshape(-1)
    texts = map(number, flat.tolist()) if values.dtype.kind == "f" else map(str, flat.tolist())
    return f"static const {_TYPES[values.dtype.name]} {name}[{flat.size}] = {{\n{listed(texts)}\n}};\n"


def listed(texts: Iterable[str]) -> str:
    """Values separated by commas, in lines."""
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join([*lines, line])


def as_index(values: Iterable[int]) -> NDArray[np.uint16]:
    """Indices as the type that holds every column of a model."""
    return np.array(list(values), np.uint16)
