"""What a benchmark concludes follows from its medians, and its snippet runs."""

import subprocess
import sys

import pytest

from aetk.edge.bench.advice import conclude
from aetk.edge.bench.row import Measured
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet

from .making import measured, timings


def rows(provider, medians, mode="run"):
    return [measured(provider, batch, value, mode) for batch, value in medians.items()]


def crossings(conclusion):
    return [(found.provider, found.mode, found.batch) for found in conclusion.crossovers]


CPU = {1: 20, 64: 60, 1024: 600, 4096: 2500}


def test_the_crossover_is_where_cuda_wins_and_goes_on_winning():
    cuda = {1: 10, 64: 80, 1024: 110, 4096: 200}  # a win at one row, lost again at 64
    found = conclude("m.onnx", rows("cpu", CPU) + rows("cuda", cuda))
    assert crossings(found) == [("cuda", "run", 1024)]
    (crossover,) = found.crossovers
    assert crossover.compared_batch == 1024
    assert (crossover.median, crossover.cpu_median) == pytest.approx((110e-6, 600e-6), rel=1e-4)


def test_with_and_without_the_copies_are_two_crossovers():
    found = conclude(
        "m.onnx",
        rows("cpu", CPU) + rows("cuda", dict.fromkeys(CPU, 100)) + rows("cuda", dict.fromkeys(CPU, 40), "bound"),
    )
    assert crossings(found) == [("cuda", "run", 1024), ("cuda", "bound", 64)]


def test_cuda_that_never_wins_is_compared_at_the_largest_batch():
    found = conclude("m.onnx", rows("cpu", CPU) + rows("cuda", dict.fromkeys(CPU, 3000)))
    assert crossings(found) == [("cuda", "run", None)]
    (crossover,) = found.crossovers
    assert crossover.compared_batch == 4096
    assert (crossover.median, crossover.cpu_median) == pytest.approx((3e-3, 2.5e-3), rel=1e-4)


def test_the_cpus_best_options_are_the_ones_to_beat():
    single = measured(batch=1024, microseconds=50, threads=1)
    found = conclude("m.onnx", [*rows("cpu", CPU), single, *rows("cuda", {1024: 110})])
    assert crossings(found) == [("cuda", "run", None)]


def test_options_are_chosen_by_the_median():
    found = conclude("m.onnx", [
        measured(batch=1, microseconds=20), measured(batch=1, microseconds=15, threads=1),
        measured(batch=1024, microseconds=300), measured(batch=1024, microseconds=600, threads=1),
    ])  # fmt: skip
    assert [choice.setting for choice in found.choices] == [Setting("cpu", 1, threads=1), Setting("cpu", 1024)]
    assert found.choices[0].others == (Setting("cpu", 1),)
    assert found.choices[0].median == pytest.approx(15e-6, rel=1e-4)


def test_among_equals_less_processor_time_wins_and_then_fewer_threads():
    spinning, sleeping, single = (
        measured(microseconds=100, cpu=2.0),
        measured(microseconds=103, cpu=1.0, spinning=False),
        measured(microseconds=104, cpu=1.02, threads=1),
    )
    assert conclude("m.onnx", [spinning, sleeping]).choices[0].setting == sleeping.setting
    assert conclude("m.onnx", [spinning, sleeping, single]).choices[0].setting == single.setting


def test_a_choice_that_rests_on_an_unstable_row_says_so():
    row = measured()
    shaky = Measured(row.setting, row.cold, timings(100, 100, 150), row.placement, row.evidence)
    assert conclude("m.onnx", [shaky]).choices[0].unstable
    assert not conclude("m.onnx", [row]).choices[0].unstable


def test_too_few_samples_make_no_choice():
    found = conclude("m.onnx", [measured(samples=1)])
    assert (found.choices, found.snippet) == ((), "")


def test_the_scorer_is_held_against_the_best_single_run():
    scorer = measured(batch=16384, microseconds=16384, mode="scorer")
    found = conclude("m.onnx", [scorer, measured(batch=16384, microseconds=32768)]).scorer
    assert found.batch == 16384
    assert (found.rows_per_second, found.ratio) == pytest.approx((1e6, 2), rel=1e-4)
    assert conclude("m.onnx", [scorer]).scorer.ratio is None
    assert conclude("m.onnx", [measured()]).scorer is None


def test_the_snippet_runs_as_printed_and_opens_the_sessions_that_were_chosen(model, tmp_path):
    path = tmp_path / 'it\'s "a" model.onnx'
    path.write_bytes(model.read_bytes())
    code = snippet(path, [Setting("cpu", 1, threads=1), Setting("cpu", 1024, threads=2, spinning=False)])
    check = """
import numpy as np
for session, rows in ((for_1_row, 1), (for_1024_rows, 1024)):
    options = session.get_session_options()
    print(options.intra_op_num_threads, len(session.run(None, {"features": np.zeros((rows, 30), np.float32)})[0]))
print(for_1024_rows.get_session_options().get_session_config_entry("session.intra_op.allow_spinning"))
"""
    done = subprocess.run([sys.executable, "-c", code + "\n" + check], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1 1\n2 1024\n0\n", "")


def test_settings_that_ask_for_the_same_session_share_it(model):
    code = snippet(model, [Setting("cpu", 1, threads=1), Setting("cpu", 1024, threads=1)])
    assert code.count("InferenceSession") == 1
    found = {}
    exec(code, found)
    assert found["for_1_row"] is found["for_1024_rows"]


@pytest.mark.parametrize("words", ['"use_tf32": "0"', "CUDAExecutionProvider", "session.disable_cpu_ep_fallback"])
def test_a_snippet_for_cuda_falls_back_to_nothing_and_keeps_float32(words):
    code = snippet("m.onnx", [Setting("cuda", 1024)])
    compile(code, "snippet", "exec")
    assert words in code
