"""The names of `aetk` itself are all that a program needs, and all that the documents name."""

import pkgutil
import re
from pathlib import Path

import pandas as pd
import pytest

import aetk

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("exports/hosts/*/README.md"),
]


@pytest.mark.parametrize("name", aetk.__all__)
def test_a_public_name_can_be_used_and_says_what_it_does(name):
    found = getattr(aetk, name)
    assert callable(found)
    assert found.__doc__


def test_a_name_that_is_not_public_is_not_there():
    with pytest.raises(AttributeError, match="module 'aetk' has no attribute 'scores'"):
        aetk.scores  # noqa: B018 - the access is what is tested


def test_no_document_names_a_deeper_path():
    inner = "|".join(module.name for module in pkgutil.iter_modules(aetk.__path__))
    found = {
        path.name: re.findall(rf"\baetk\.(?:{inner})\b[\w.]*", path.read_text(encoding="utf-8")) for path in DOCUMENTS
    }
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_a_table_is_scored_and_measured_by_names_of_files_as_text(model, tmp_path):
    names = aetk.Scorer(model).feature_names
    table = pd.DataFrame(0.0, index=range(3), columns=names).assign(label=[0, 1, 0])
    table.to_csv(tmp_path / "table.csv", index=False)
    report = aetk.score(str(model), str(tmp_path / "table.csv"), out=str(tmp_path / "scores.csv"))
    assert (report.rows, report.out) == (3, tmp_path / "scores.csv")
    assert len(aetk.evaluate(str(model), str(tmp_path / "table.csv"), "label").labels) == 3
    assert aetk.inspect(str(model)).card.feature_names == names
