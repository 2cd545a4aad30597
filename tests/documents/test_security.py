"""docs/SECURITY.md says what the code says, and its tables are those of the kept run, in which nothing was wrong."""

from torture.outcome import Outcome
from torture.report import DOCS, documents, kept_outcomes

from aetk.contract import gate

TEXT = " ".join((DOCS / "SECURITY.md").read_text().split())


def test_the_tables_are_those_of_the_kept_run():
    for name, text in documents().items():
        assert (DOCS / name).read_text() == text, "run: make torture"


def test_nothing_was_wrong_in_the_kept_runs():
    outcomes = kept_outcomes()
    assert [fault for outcome in outcomes for fault in outcome.wrong] == []
    assert _tried("kill -9", outcomes) >= 1000
    assert _tried("hand-made", outcomes) >= 60
    assert _tried("64 threads", outcomes) >= 1_000_000
    assert _tried("Scorers opened", outcomes) >= 10_000


def test_half_of_the_kept_kills_fell_into_the_write_window():
    (kills,) = (outcome for outcome in kept_outcomes() if "kill -9" in outcome.what)
    assert _first_figure(kills.found) >= kills.tried / 2


def test_half_of_the_mutated_files_were_changed_with_knowledge_of_their_format():
    mutated = [outcome for outcome in kept_outcomes() if outcome.what.startswith("mutated")]
    assert sum(outcome.tried for outcome in mutated) >= 100_000
    assert sum(_first_figure(outcome.found) for outcome in mutated) >= 50_000
    assert "passed the gate and reached the runtime" in mutated[0].found


def _tried(what: str, outcomes: list[Outcome]) -> int:
    return sum(outcome.tried for outcome in outcomes if what in outcome.what)


def _first_figure(found: str) -> int:
    """The figure that `found` begins with, as "599 inside the write window"."""
    return int(found.split(" ")[0].replace(",", ""))


def test_what_is_said_of_the_gate_is_so():
    assert f"{len(gate._OPERATORS)} operators with their attributes" in TEXT
    versions = (
        f"versions {gate.IR_VERSIONS[0]} to {gate.IR_VERSIONS[-1]} and opsets {gate.OPSETS[0]} to {gate.OPSETS[-1]}"
    )
    assert versions in TEXT
    assert f"up to {gate.LARGEST_FILE >> 20} MiB" in TEXT
