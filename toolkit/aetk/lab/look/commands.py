"""Makes commands that are ready to copy from what a person typed and what has to be decided."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from aetk.lab.look.report import Decision, Option, Wishes

_MANY = 3


@dataclass(frozen=True)
class Base:
    """The call that was made: the words of a command, or the keywords of `aetk.train` for rows in memory."""

    words: tuple[str, ...]
    is_python: bool = False

    @classmethod
    def of(cls, data: Any, wishes: Wishes) -> "Base":
        """The call that trains on this table with these wishes."""
        words = list[str]()
        for item in fields(wishes):
            value = getattr(wishes, item.name)
            option = f"--{item.name.replace('_', '-')}"
            if value is True:
                words.append(option)
            elif isinstance(value, tuple):
                words += [word for one in value for word in (option, one)]
            elif value not in (None, False, "reject"):
                words += [option, str(value)]
        if isinstance(data, (str, os.PathLike)):
            return cls(("aetk", "train", str(data), *words))
        return cls(tuple(words), is_python=True)

    def with_options(self, words: Sequence[str]) -> str:
        """The call with more options."""
        if self.is_python:
            return _python((*self.words, *words))
        return shlex.join([*self.words, *words])


def _python(words: Sequence[str]) -> str:
    given = dict[str, Any]()
    many = {item.name for item in fields(Wishes) if isinstance(item.default, tuple)}
    left = list(words)
    while left:
        key = left.pop(0).removeprefix("--").replace("-", "_")
        if key == "no_header":
            given[key] = True
        elif key in many:
            given.setdefault(key, []).append(left.pop(0))
        else:
            value = left.pop(0)
            given[key] = int(value) if key.startswith("skip_") else value
    return f"aetk.train({', '.join(['data', *(f'{key}={value!r}' for key, value in given.items())])})"


def commands(
    base: Base, decisions: Sequence[Decision], wishes: Wishes
) -> tuple[str, tuple[str, ...], tuple[Option, ...]]:
    """The likeliest command, others that could be meant, and the options of the first with their reasons."""
    firsts = [decision.ways[0] for decision in decisions]
    ready = base.with_options(_words(firsts))
    others = list[str]()
    for place, decision in enumerate(decisions[:1]):
        for way in decision.ways[1:]:
            others.append(base.with_options(_words([way if i == place else first for i, first in enumerate(firsts)])))
    rest = [
        firsts[0] if i == 0 and len(decisions) > 1 else decision.ways[min(1, len(decision.ways) - 1)]
        for i, decision in enumerate(decisions)
    ]
    if len(decisions) > 1:
        others.append(base.with_options(_words(rest)))
    others = [command for command in dict.fromkeys(others) if command != ready]
    return ready, tuple(others[:_MANY]), tuple(firsts)


def _words(options: Sequence[Option]) -> list[str]:
    """The words of options, without the same pair twice."""
    found, seen = list[str](), set[tuple[str, ...]]()
    for option in options:
        words = list(option.words)
        while words:
            key = words.pop(0)
            pair = (key,) if key == "--no-header" else (key, words.pop(0))
            if pair not in seen:
                seen.add(pair)
                found += pair
    return found


def question_text(decisions: Sequence[Decision]) -> str:
    """All questions in one text."""
    return "\n".join(decision.question for decision in decisions)


def answer_text(ready: str, others: Sequence[str], options: Sequence[Option]) -> str:
    """The commands to choose from, ready to copy."""
    lines = ["Train with:", f"    {ready}"]
    if others:
        lines += [
            "or, if that is not what is meant, with one of:" if len(others) > 1 else "or, if that is not what is meant:"
        ]
        lines += [f"    {command}" for command in others]
    return "\n  ".join(lines)
