"""What a part of the torture found."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["faults", "inputs", "load"]


@dataclass(frozen=True)
class Outcome:
    """One line of the table in docs/SECURITY.md.

    Attributes:
        kind: faults injected, bad inputs tried, or load held.
        what: was done, such as `kill -9 at a random moment of train, export, threshold and score`.
        tried: how often.
        found: the figures worth knowing, such as `612 inside the write window; 431 left the old files, 569 the new`.
        wrong: what should not have come, a line each: data lost, a traceback, a crash, a hang, a wrong decision.
        details: rows of a list that a reader may want, such as each input with its message.
    """

    kind: Kind
    what: str
    tried: int
    found: str
    wrong: tuple[str, ...] = ()
    details: tuple[dict[str, Any], ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
