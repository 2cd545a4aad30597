"""docs/SECURITY.md says what the code says, and its tables are those of the kept run, in which nothing was wrong."""

from torture.report import DOCS, documents, kept_outcomes

from aetk.contract import gate

TEXT = " ".join((DOCS / "SECURITY.md").read_text().split())


def test_the_tables_are_those_of_the_kept_run():
    for name, text in documents().items():
        assert (DOCS / name).read_text() == text, "run: make torture"


def test_nothing_was_wrong_in_the_kept_runs():
    outcomes = kept_outcomes()
    assert [fault for outcome in outcomes for fault in outcome.wrong] == []
    tried = {outcome.what: outcome.tried for outcome in outcomes}
    assert sum(count for what, count in tried.items() if "kill -9" in what) >= 1000
    assert sum(count for what, count in tried.items() if "hand-made" in what) >= 60


def test_what_is_said_of_the_gate_is_so():
    assert f"{len(gate._OPERATORS)} operators with their attributes" in TEXT
    versions = (
        f"versions {gate.IR_VERSIONS[0]} to {gate.IR_VERSIONS[-1]} and opsets {gate.OPSETS[0]} to {gate.OPSETS[-1]}"
    )
    assert versions in TEXT
    assert f"up to {gate.LARGEST_FILE >> 20} MiB" in TEXT
