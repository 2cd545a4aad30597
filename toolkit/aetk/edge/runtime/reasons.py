"""Finds out why ONNX Runtime refused: its own message, without what only its developers need."""

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from aetk.base.errors import message_lines
from aetk.edge.runtime.ort import loud

LEFT_TO_THE_CPU = "fallback to CPU EP has been explicitly disabled"
"""ONNX Runtime's message if it would leave nodes to the CPU and may not; it does not say why."""

_LONGEST = 300
_STATUS = re.compile(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : |\[ERROR\] (?:\[OpenVINO\] )?")
_PLACE = re.compile(r"\S+\.(?:cc|cpp|cuh?|hp?p?|mm):\d+:? ")
_WHERE_ONLY = re.compile(r"Exception from \S+:\d+:")
_QUALIFIERS = re.compile(r" (?:const|noexcept|mutable)(?= )")
_LOGGED = re.compile(r"\[[EF]:onnxruntime:[^\]]*\] (.*)")
_COLOURS = re.compile(r"\x1b\[[\d;]*m")
_LOCK = threading.Lock()


def reason(error: BaseException) -> str:
    """The message of ONNX Runtime's error, one line of at most 300 characters, without its prefix.

    The prefix is any sequence of a status (`[ONNXRuntimeError] : 1 : FAIL :`), a place in the source (`file.cc:12`) and
    the signature of a C++ function.
    """
    return next((stripped for line in message_lines(error) if (stripped := _strip(line))), type(error).__name__)


def _strip(line: str) -> str:
    before = ""
    while line != before:
        before = line
        line = _STATUS.sub("", line, count=1) if _STATUS.match(line) else line
        if _WHERE_ONLY.fullmatch(line):
            return ""
        place = _PLACE.match(line)
        if place:
            line = _without_signature(line[place.end() :])
    return line.partition(" ; GPU=")[0].strip()[:_LONGEST]


def _without_signature(text: str) -> str:
    """What follows a C++ function's signature, `void a::b(const C&) const [with D = E]`, or `a::b` alone (Windows)."""
    head, opening, _ = text.partition("(")
    if opening and "::" in head and not head.endswith(" "):
        end = _closing(text, len(head))
        while text[end : end + 1] == "(":  # operator()(...)
            end = _closing(text, end)
        qualifier = _QUALIFIERS.match(text, end)
        end = qualifier.end() if qualifier else end
        if text.startswith(" [with ", end):
            end = _closing(text, end + 1)
        return text[end:].strip()
    word, _, rest = text.partition(" ")
    return rest if "::" in word else text


def _closing(text: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`; the end of the text if there is none."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([") - (text[place] in ")]")
        if depth == 0:
            return place + 1
    return len(text)


@contextlib.contextmanager
def logged(module: Any) -> Iterator[list[str]]:
    """Collect the errors that ONNX Runtime (`module`) logs within the block: only they say why a provider fails.

    Its log goes to the process's standard error, which is sent to a file until the end of the block; other lines in the
    file are then passed on. The list is filled at the end of the block; it stays empty if standard error is closed.
    """
    found: list[str] = []
    with _LOCK, loud(module), contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:
            yield found
            return
        stack.callback(os.close, kept)
        file = stack.enter_context(tempfile.TemporaryFile())
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(file.fileno(), 2)
        try:
            yield found
        finally:
            os.dup2(kept, 2)
            file.seek(0)
            lines = _COLOURS.sub("", file.read().decode(errors="replace")).splitlines()
            found += [said for line in lines if (match := _LOGGED.search(line)) and (said := _strip(match[1]))]
            others = [line for line in lines if line.strip() and ":onnxruntime:" not in line]
            os.write(2, "".join(f"{line}\n" for line in others).encode())
