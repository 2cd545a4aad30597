"""Finds what the values of a label column mean, and which column looks like the label."""

import re
from collections.abc import Mapping, Sequence

from aetk.base.errors import BadInput
from aetk.contract.reading import Labels
from aetk.edge.tables.chunk import listed, show_name
from aetk.lab.look.report import Decision, LabelCandidate, Option

_ORDINARY = frozenset(
    [
        "normal",
        "benign",
        "ordinary",
        "healthy",
        "nominal",
        "legitimate",
        "legit",
        "inlier",
        "regular",
        "ok",
        "good",
        "background",
        "non-fraud",
        "nonfraud",
    ]
) | {"no attack", "no failure", "no fault", "no anomaly", "not fraud", "normal."}
_ANOMALY = frozenset(
    [
        "anomaly",
        "anomalous",
        "attack",
        "abnormal",
        "outlier",
        "fraud",
        "malicious",
        "malware",
        "fraudulent",
        "intrusion",
        "faulty",
    ]
)
_NAME = re.compile(
    r"(?i)^(?:is[_ ]?)?(?:labels?|class|target|anomaly|anomalous|outlier|fraud|attack|att_?flag|y|ground_?truth|"
    r"pass/fail|normal/attack)$|[_ ](?:label|class|anomaly|fraud|attack)$|^(?:label|class|anomaly|fraud|is)[_ ](?!id)"
)
_MOST_VALUES, _MOST_SHOWN = 64, 12


def canonical(cell: str) -> str:
    """A value of a label as it is compared: numbers by value, in their shortest text."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    return f"{value:g}" if abs(value) < 1e15 and cell.isascii() and "_" not in cell else cell


def grouped(counts: Mapping[str, int]) -> dict[str, int]:
    """Values with the number of their rows, numbers by value, the most frequent first."""
    found = dict[str, int]()
    for cell, rows in counts.items():
        found[canonical(cell)] = found.get(canonical(cell), 0) + rows
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def looks_like_label(name: str, counts: Mapping[str, int]) -> str:
    """Why a column looks like the label; empty if it does not."""
    values = {value.lower() for value in counts}
    if (
        1 < len(values) <= _MOST_VALUES
        and values & _ORDINARY - {"ok", "good", "regular", "background"}
        and not values & {"0", "1"}
    ):
        word = next(value for value in counts if value.lower() in _ORDINARY)
        if (
            len(values) > 2
            or values & _ANOMALY
            or _NAME.search(name)
            or word.lower() in ("normal", "benign", "normal.")
        ):
            return f"it holds '{word}' beside other words"
    is_question = name.lower().startswith(("is_", "is "))  # any two answers, as is_weekend has them
    if _NAME.search(name) and 1 <= len(values) <= (2 if is_question else 20):
        return "its name, and its few values"
    return ""


def meaning(column: str, counts: Mapping[str, int]) -> LabelCandidate:
    """What the values of a label mean where they cannot be misread; else a candidate that says neither."""
    values = grouped(counts)
    lower = {value.lower() for value in values}
    plain = tuple(values.items())[:_MOST_VALUES]
    if lower <= {"0", "1"}:
        return LabelCandidate(column, plain, anomaly=("1",))
    for false, true in (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y")):
        if lower <= {false, true} and (true in lower or false in lower):
            if true in lower:
                return LabelCandidate(column, plain, anomaly=_spelled(counts, {true}))
            return LabelCandidate(column, plain, ordinary=_spelled(counts, {false}))
    if lower & _ORDINARY:
        return LabelCandidate(column, plain, ordinary=_spelled(counts, _ORDINARY))
    if lower & _ANOMALY and len(values) == 2:
        return LabelCandidate(column, plain, anomaly=_spelled(counts, _ANOMALY))
    return LabelCandidate(column, plain)


def _spelled(counts: Mapping[str, int], words: "set[str] | frozenset[str]") -> tuple[str, ...]:
    return tuple(cell for cell in counts if cell.lower() in words)


def chosen(
    column: str, counts: Mapping[str, int], anomaly: Sequence[str], ordinary: Sequence[str], *, is_whole: bool
) -> LabelCandidate:
    """What the values mean by `--anomaly` and `--ordinary`.

    Raises:
        BadInput: a value is not in the column, is said to be both, or none of the two says what a value means.
    """
    values = grouped(counts)
    for word, said in (("--anomaly", anomaly), ("--ordinary", ordinary)):
        for value in said:
            if canonical(value) not in values and is_whole:
                raise BadInput(
                    f"{word} {value}: the label column '{show_name(column)}' has no such value.",
                    f"It holds {holds(values)}",
                )
    both = {*map(canonical, anomaly)} & {*map(canonical, ordinary)}
    if both:
        raise BadInput(f"'{both.pop()}' is given as --anomaly and as --ordinary.", "Leave one of them out.")
    if anomaly and ordinary:
        neither = [value for value in values if value not in {*map(canonical, (*anomaly, *ordinary))}]
        if neither:
            raise BadInput(
                f"The label column '{show_name(column)}' also holds '{neither[0]}', which is in neither --anomaly nor "
                "--ordinary.",
                "Give only one of the two options: all other values then mean the other.",
            )
    plain = tuple(values.items())[:_MOST_VALUES]
    if anomaly:
        return LabelCandidate(column, plain, anomaly=tuple(anomaly))
    return LabelCandidate(column, plain, ordinary=tuple(ordinary))


def as_labels(candidate: LabelCandidate) -> Labels | None:
    """The labels for a table's format; None if 0 and 1 mean what they mean by default."""
    values = {value for value, _ in candidate.values}
    if candidate.anomaly == ("1",) and values <= {"0", "1"}:
        return None
    return Labels(candidate.column, candidate.anomaly, () if candidate.anomaly else candidate.ordinary)


def undecided(candidate: LabelCandidate, is_given: bool) -> Decision:
    """The question what the values of a label mean, with the ways to answer it, the likeliest first."""
    values = dict(candidate.values)
    question = f"The label column '{show_name(candidate.column)}' holds {holds(values)}"
    question += " Which of them mean an anomaly?"
    if "-1" in values:
        question += " -1 is taken for neither: to some tools it means the anomaly, to others the ordinary row."
    label = () if is_given else ("--label", candidate.column)
    rare, frequent = list(values)[-1], "0" if "0" in values else next(iter(values))
    if len(values) == 1:
        first = Option((*label, "--ordinary", frequent), f"if {frequent} means an ordinary row")
        return Decision(question, (first, Option((*label, "--anomaly", frequent), f"if {frequent} means an anomaly")))
    if len(values) == 2:
        return Decision(
            question,
            (
                Option((*label, "--anomaly", rare), f"if {rare} means an anomaly"),
                Option((*label, "--anomaly", frequent), f"if {frequent} means an anomaly"),
            ),
        )
    return Decision(
        question,
        (
            Option((*label, "--ordinary", frequent), f"if {frequent} means an ordinary row and all others anomalies"),
            Option((*label, "--anomaly", rare), f"if {rare} means an anomaly and all others ordinary rows"),
        ),
    )


def holds(values: Mapping[str, int]) -> str:
    """Values with their counts, for a message."""
    return listed([f"{_word(value)} ({rows:,} row{'s' * (rows != 1)})" for value, rows in values.items()], ".")


def _word(value: str) -> str:
    return value if canonical(value) == value and value.lstrip("-").replace(".", "", 1).isdigit() else f"'{value[:40]}'"
