"""The benchmarks' README shows the kept results, and every script has its question, its result and its section."""

import importlib

import pytest

pytest.importorskip("torch")
harness = importlib.import_module("harness")
report = importlib.import_module("report")

PROGRAMS = sorted(p.stem for p in harness.ROOT.glob("*.py") if "__main__" in p.read_text() and p.stem != "report")


def test_the_readme_is_what_the_results_say():
    assert report.README.read_text() == report.document(), "run: python benchmarks/report.py"


def test_the_projects_readme_has_the_tables_that_the_results_give():
    assert all(f"<!-- {name}.py -->" in report.FRONT.read_text() for name in report.IN_FRONT)
    assert report.FRONT.read_text() == report.front(), "run: python benchmarks/report.py"


def test_every_script_has_a_row():
    assert sorted(report.SCRIPTS) == PROGRAMS


def test_every_result_belongs_to_a_script():
    assert sorted(p.stem for p in harness.ROOT.glob("results/*.json")) == PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_result_is_of_its_scripts_schema(name):
    script = importlib.import_module(name)
    environment, result = harness.read(name, script.RESULT)
    assert {"system", "processor", "usable_cpus", "python", "numpy", "onnxruntime"} <= environment.keys()
    assert all(table.rows for table in script.tables(result))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_asks_a_question_and_says_how_it_answers(name):
    question, *rest = importlib.import_module(name).__doc__.split("\n\n")
    assert question.endswith("?")
    assert rest


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_result_names_no_path_of_the_machine(name):
    text = (harness.ROOT / "results" / f"{name}.json").read_text()
    assert not any(part in text for part in ("/home/", "/work/", "/tmp/", "/root/"))
