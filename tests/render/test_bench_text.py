"""A benchmark's screen is readable, and marks what is not to be trusted."""

import pytest
from edge.bench.making import ENVIRONMENT, measured, report, timings
from edge.bench.test_comparison import baseline

from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.comparison import compare
from aetk.edge.bench.roofline import Bound
from aetk.edge.bench.row import Measured, NotProbed, Skipped
from aetk.edge.bench.setting import Setting
from aetk.render import bench_text

ROWS = [
    measured(microseconds=20, samples=2000),
    measured(microseconds=21, spinning=False),
    measured(batch=65536, microseconds=40_000, samples=10),
    measured(batch=65536, microseconds=20_000, mode="scorer"),
    measured("cuda", 64, 100),
    measured("cuda", 64, 40, "bound"),
]


@pytest.fixture(scope="module")
def screen():
    sparse = [Arrivals(Setting("cpu", 1), 100, timings(90, 90), 3, 4.5, {"CPUExecutionProvider": 35}, "assignment")]
    skipped = [Skipped("qnn", "There is none.")]
    bounds = [Bound("cpu", 300e9, 40_000, 7.5e6)]
    return bench_text.bench(report(ROWS, sparse, skipped, bounds, ["throttled: 3 times"]))


def line(screen, *words):
    (found,) = (line for line in screen.splitlines() if line.split()[: len(words)] == list(words))
    return found


def test_a_row_shows_its_percentiles_its_processor_time_and_where_its_nodes_ran(screen):
    shown = line(screen, "cpu", "1", "auto", "10", "ms")
    for words in ("2 ms", "20 µs", "50,001", "20 ms", "64 MiB", "35 CPU"):
        assert words in shown


def test_the_default_columns_fit_a_wide_terminal(screen):
    table = screen.split("\n\n")[0].splitlines()
    assert "p99.9" in table[0]
    assert max(map(len, table)) <= 125


def test_what_no_row_has_takes_no_column():
    assert "p99" not in bench_text.bench(report([measured()])).splitlines()[0]


def test_threads_that_do_not_spin_the_scorer_and_runs_without_copies_are_told_apart(screen):
    assert line(screen, "cpu", "1", "auto*")
    assert line(screen, "cpu", "Scorer", "65536")
    assert line(screen, "cuda,", "no", "copies", "64")
    assert "*: threads sleep while they wait" in screen
    assert "TF32 is off" in screen


def test_sparse_arrivals_have_a_table_of_their_own(screen):
    shown = line(screen, "100", "ms", "cpu", "auto")
    assert "90 µs" in shown
    assert "4.5 x" in shown
    assert shown.endswith("3")


def test_what_was_left_out_and_what_spoilt_it_is_said(screen):
    assert "qnn: not measured: There is none." in screen
    assert "note: throttled: 3 times" in screen
    assert "blank percentiles: too few samples" in screen
    assert (
        "matrix-product bound on cpu: 300 GFLOP/s / 40.0 kFLOP a row = 7.50 million rows/s; the best row reaches 44%"
        in screen
    )


def test_the_conclusion_ends_with_the_snippet(screen):
    assert "best for 1 row: cpu" in screen
    assert screen.splitlines()[-1].startswith("    ")


CPU = [measured(batch=batch, microseconds=value) for batch, value in {1: 20, 64: 60, 1024: 600, 4096: 2500}.items()]


def conclusion(rows, skipped=()):
    """The lines between the table with its notes and the snippet."""
    return bench_text.bench(report(rows, skipped=skipped)).split("\n\n")[2].splitlines()


@pytest.mark.parametrize(
    ("mode", "microseconds", "words"),
    [
        ("run", 110, "cuda, with the copies, beats the CPU from 1,024 rows on: there 110 µs against 600 µs"),
        (
            "bound",
            40,
            "cuda, with rows and answers on the device, beats the CPU from 64 rows on: there 40 µs against 60 µs",
        ),
        (
            "run",
            3000,
            "cuda, with the copies, does not beat the CPU at the largest batch, 4,096 rows: 3 ms against 2.5 ms",
        ),
    ],
)
def test_it_is_said_from_which_batch_size_on_cuda_beats_the_cpu(mode, microseconds, words):
    cuda = [measured("cuda", row.setting.batch, microseconds, mode) for row in CPU]
    assert conclusion(CPU + cuda)[0] == words


def test_cuda_that_could_not_be_measured_is_said_with_the_reason():
    assert conclusion(CPU, [Skipped("cuda", "There is no such device.")])[0] == (
        "from which batch size cuda would beat the CPU here is not known: There is no such device."
    )


def test_the_best_options_are_said_with_what_was_tried_besides():
    sleeping = measured(microseconds=20, spinning=False)
    single = measured(microseconds=15, threads=1)
    assert conclusion([measured(microseconds=20), sleeping, single]) == [
        "best for 1 row: cpu with 1 thread, p50 15 µs "
        "(tried besides: cpu with auto threads; cpu with auto threads, not spinning)"
    ]
    assert conclusion([measured(batch=64, microseconds=1_500_000)]) == [
        "best for 64 rows: cpu with auto threads, p50 1.5 s (nothing else was tried)"
    ]


def test_a_choice_that_rests_on_an_unstable_row_says_so():
    row = measured()
    shaky = Measured(row.setting, row.cold, timings(100, 100, 150), row.placement, row.evidence)
    assert "but unstable: measure again on a quiet machine" in conclusion([shaky])[0]


def test_too_few_samples_to_choose_by_are_said():
    assert conclusion([measured(samples=1)]) == ["too few samples to choose session options by; give more --seconds"]


def test_the_scorer_is_held_against_the_best_single_run():
    scorer = measured(batch=16384, microseconds=16384, mode="scorer")
    words = "aetk's Scorer answers 16,384 rows at 1.00 million rows/s"
    plain = measured(batch=16384, microseconds=32768)
    assert conclusion([scorer, plain])[-1] == f"{words}, 2 times the best single session.run"
    assert conclusion([scorer]) == [words]


def test_an_unstable_row_is_marked_and_a_stable_one_is_not():
    row = measured()
    shaky = Measured(row.setting, NotProbed("no time"), timings(100, 130, 100), row.placement, row.evidence)
    shown = bench_text.bench(report([shaky, measured(batch=64)]))
    assert line(shown, "cpu", "1").endswith("30% !")
    assert line(shown, "cpu", "64").endswith(" 0%")
    assert "! unstable" in shown
    assert "no cold start in 1 row: no time" in shown
    assert "unstable" not in bench_text.bench(report([measured()]))


@pytest.mark.parametrize(
    ("now", "samples", "limit", "words"),
    [
        (150, 20, 1.2, "FAILED: 1 row slower than 1.2 times, spread included"),
        (100, 20, 1.2, "passed"),
        (100, 2, 1.2, "FAILED: no row has samples enough"),
        (150, 20, None, "1.50  1.50 to 1.50  slower"),
    ],
)
def test_a_comparison_ends_with_its_verdict(now, samples, limit, words):
    key = (Setting("cpu", 1), None)
    then = baseline({key: timings(100, 100)}, sha="b" * 64)
    found = compare(then, {key: timings(now, now, samples=samples)}, "", ENVIRONMENT, limit)
    shown = bench_text.comparison(found)
    assert words in shown.splitlines()[-1]
    assert "WARNING: ANOTHER MODEL" in shown
