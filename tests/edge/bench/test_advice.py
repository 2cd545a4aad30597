"""What a benchmark concludes follows from its medians, and its snippet runs."""

import subprocess
import sys

import pytest

from aetk.edge.bench.advice import Conclusion, Undecided, conclude
from aetk.edge.bench.crossover import Doubtful
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet

from .making import measured, shaky


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


def test_an_unstable_row_that_may_be_the_fastest_leaves_the_choice_open():
    known, doubtful = measured(microseconds=120, threads=1), shaky(measured(), 100, 100, 150)
    found = conclude("m.onnx", [known, doubtful])
    assert (found.choices, found.snippet) == ((), "")
    assert found.undecided == (Undecided(1, (Doubtful(doubtful.setting, "unstable"),)),)


def test_an_unstable_row_that_is_slower_in_every_run_does_not():
    known, doubtful = measured(microseconds=50, threads=1), shaky(measured(), 100, 100, 150)
    (choice,) = conclude("m.onnx", [known, doubtful]).choices
    assert (choice.setting, choice.others) == (known.setting, ())


def test_nothing_is_concluded_where_it_is_forbidden():
    rows = [measured(), measured("cuda"), measured(batch=16384, mode="scorer")]
    assert conclude("m.onnx", rows, withheld=True) == Conclusion(True, (), (), (), None, "")
    assert conclude("m.onnx", rows).snippet


def test_too_few_samples_make_no_choice():
    found = conclude("m.onnx", [measured(samples=1)])
    assert (found.choices, found.snippet) == ((), "")
    assert found.undecided == (Undecided(1, (Doubtful(Setting("cpu", 1), "too few samples"),)),)


def test_the_scorer_is_held_against_the_best_single_run():
    scorer = measured(batch=16384, microseconds=16384, mode="scorer")
    found = conclude("m.onnx", [scorer, measured(batch=16384, microseconds=32768)]).scorer
    assert found.batch == 16384
    assert (found.rows_per_second, found.ratio) == pytest.approx((1e6, 2), rel=1e-4)
    assert conclude("m.onnx", [scorer]).scorer.ratio is None
    assert conclude("m.onnx", [measured()]).scorer is None


def test_a_scorer_or_a_single_run_that_is_unstable_is_not_held_against_the_other():
    scorer, plain = measured(batch=16384, microseconds=16384, mode="scorer"), measured(batch=16384, microseconds=32768)
    assert conclude("m.onnx", [shaky(scorer, 16000, 16000, 20000), plain]).scorer is None
    doubtful = shaky(measured(batch=65536), 40_000, 40_000, 65_536)  # 1.6 million rows/s at its best
    assert conclude("m.onnx", [scorer, plain, doubtful]).scorer.ratio is None


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
