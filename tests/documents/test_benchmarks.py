"""The benchmarks' README shows the kept results, and every script has its question, its result and its section."""

import importlib

import pytest

from aetk.edge.runtime.providers import PROVIDERS

pytest.importorskip("torch")
harness = importlib.import_module("harness")
report = importlib.import_module("report")
trials = importlib.import_module("trials")

TRIED = ["default", "small", "reference", "explained"]
PROGRAMS = sorted(p.stem for p in harness.ROOT.glob("*.py") if "__main__" in p.read_text() and p.stem != "report")


def test_the_readme_is_what_the_results_say():
    assert report.README.read_text() == report.document(), "run: python benchmarks/report.py"


def test_the_projects_readme_has_the_tables_that_the_results_give():
    assert all(f"<!-- {name}.py -->" in report.FRONT.read_text() for name in report.IN_FRONT)
    assert report.FRONT.read_text() == report.front(), "run: python benchmarks/report.py"


def test_the_page_of_providers_has_the_tables_that_the_results_give():
    assert report.PROVIDERS.read_text() == report.providers(), "run: python benchmarks/report.py"


def test_the_providers_that_ran_a_model_agree_with_the_cpu_in_every_row():
    """As docs/providers-tested.md says of them."""
    ran = [found for found in kept_trials().providers if trials.runs_a_model(found)]
    assert {"openvino", "webgpu"} <= {found.provider for found in ran}
    for found in ran:
        assert [trial.model for trial in found.trials] == TRIED
        for trial in found.trials:
            assert {trial.verify.exit_code, trial.score.exit_code, trial.bench.exit_code} == {0}
            assert list(trial.placement) == [PROVIDERS[found.provider].name]
            assert (trial.rows, trial.flipped_decisions, trial.flipped_validities) == (20_040, 0, 0)
            assert trial.largest_difference <= trials.TOLERANCE


def test_the_providers_that_ran_no_model_were_refused_with_a_reason():
    refused = [found for found in kept_trials().providers if not trials.runs_a_model(found)]
    assert {"ggml", "qnn"} <= {found.provider for found in refused}
    for answer in (a for found in refused for trial in found.trials for a in (trial.verify, trial.score, trial.bench)):
        assert answer.exit_code == 3
        assert answer.words


def test_the_page_on_webgpu_agrees_with_webassembly_in_every_row():
    pages = kept_trials().pages
    assert [page.model for page in pages] == TRIED
    for page in pages:
        assert (page.wrong, page.rows, page.flipped_decisions, page.flipped_validities) == ("", 20_040, 0, 0)
        assert page.largest_difference <= trials.TOLERANCE


def kept_trials():
    return harness.read("compatibility", importlib.import_module("compatibility").RESULT)[1]


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
