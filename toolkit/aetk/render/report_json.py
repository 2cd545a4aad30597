"""Encodes reports as JSON."""

import json
import math
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetk.contract.card import Card

_NO_TEXT = re.compile("[\ud800-\udfff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


def to_json(report: Any) -> str:
    """Encode a report as one JSON document; numbers that are NaN or infinite become null."""
    return encode(to_data(report))


def encode(data: Any) -> str:
    """Encode plain data as JSON that is valid UTF-8: bytes of a file's name that are not text are escaped."""
    return _escaped(_NO_TEXT, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False))


def in_ascii(document: str) -> str:
    """Escape all characters of a JSON document that are not ASCII; they only occur in texts, where JSON has escapes."""
    return _escaped(_BEYOND_ASCII, document)


def _escaped(characters: re.Pattern[str], document: str) -> str:
    return characters.sub(lambda found: json.dumps(found[0])[1:-1], document)


def to_data(value: Any) -> Any:
    """Convert dataclasses to dictionaries, and paths to text; add `passed` if there is one, leave out arrays."""
    if isinstance(value, Card):
        return json.loads(value.to_json())
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        data = {name: to_data(part) for name, part in parts.items() if not isinstance(part, np.ndarray)}
        return data | {"passed": value.passed} if hasattr(value, "passed") else data
    if isinstance(value, dict):
        return {str(key): to_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_data(item) for item in value]
    if isinstance(value, np.generic):
        return to_data(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
