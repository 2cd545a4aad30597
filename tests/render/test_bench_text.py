"""A benchmark's screen is readable, and marks what is not to be trusted."""

from dataclasses import replace

import pytest
from edge.bench.making import ENVIRONMENT, measured, report, shaky, timings
from edge.bench.test_comparison import baseline

from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.comparison import compare
from aetk.edge.bench.disturbances import NotAlone, Overheated, QuotaReached, Slowed
from aetk.edge.bench.grid import BATCHES
from aetk.edge.bench.roofline import Bound
from aetk.edge.bench.row import NotProbed, Skipped, TooLong
from aetk.edge.bench.setting import Setting
from aetk.render import bench_text

ROWS = [
    measured(microseconds=20, samples=2000),
    measured(microseconds=21, spinning=False),
    measured(batch=65536, microseconds=40_000, samples=10),
    measured(batch=65536, microseconds=20_000, mode="scorer"),
    measured("cuda", 64, 100),
    measured("cuda", 64, 40, "bound"),
    measured("cuda", 64, 30, "graph"),
]


def show(**options):
    sparse = [Arrivals(Setting("cpu", 1), 100, timings(90, 90), 3, 4.5, {"CPUExecutionProvider": 35}, "assignment")]
    return bench_text.bench(
        report(ROWS, sparse, [Skipped("qnn", "There is none.")], bounds=[Bound("cpu", 300e9, 40_000, 7.5e6)]), **options
    )


@pytest.fixture(scope="module")
def screen():
    return show(everything=True)


def line(screen, *words):
    (found,) = (line for line in screen.splitlines() if line.split()[: len(words)] == list(words))
    return found


def test_a_row_shows_its_percentiles_its_processor_time_and_where_its_nodes_ran(screen):
    shown = line(screen, "cpu", "1", "auto", "10", "ms")
    for words in ("2 ms", "20 µs", "50,001", "20 ms", "64 MiB", "35 CPU"):
        assert words in shown


def test_all_columns_fit_a_wide_terminal(screen):
    table = screen.split("\n\n")[0].splitlines()
    assert "p99.9" in table[0]
    assert max(map(len, table)) <= 125


def many(*providers, name=str):
    """Every batch size on so many providers, two options each, of which the second is the faster."""
    return [
        replace(row, setting=replace(row.setting, provider=name(provider)))
        for provider in providers
        for batch in BATCHES
        for row in (measured(provider, batch, 99_999_000), measured(provider, batch, 4.7, "bound", samples=2000))
    ]


@pytest.mark.parametrize(
    ("rows", "batches"),
    [
        (many("cpu"), [1, 16, 256, 1024, 16384, 65536]),
        (many("cpu", "cuda", name=lambda name: "openvino:gpu" if name == "cuda" else name), [1, 1024, 65536] * 2),
        (many("cpu", "cuda", "openvino"), [1, 65536] * 3),
        (many("cpu")[:5], [1, 1, 16, 16, 64]),
    ],
    ids=["one provider", "two", "three", "few rows"],
)
def test_by_default_some_six_rows_fit_eighty_columns(rows, batches):
    table = bench_text.bench(report(rows)).split("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 80
    cells = [[cell for cell in row.split() if cell.isdigit()] for row in table[2:]]
    assert [int(found[0]) for found in cells] == batches
    assert len(rows) < 6 or all(" bound " in row for row in table[2:])  # each is the fastest of its batch


def test_the_rows_that_are_not_shown_are_counted():
    assert "10 more with --all, in the JSON and in the picture" in bench_text.bench(report(many("cpu")))
    assert "more with --all" not in show(everything=True)


def test_what_no_row_has_takes_no_column():
    assert "p99" not in bench_text.bench(report([measured()])).splitlines()[0]
    assert "on GPU" not in bench_text.bench(report([measured()]), everything=True)


def test_memory_on_the_device_has_a_column_where_it_is_known():
    row = replace(measured("cuda"), cold=Probe(0.5, 0.1, 2**30, 700 * 2**20))
    table = bench_text.bench(report([row]), everything=True).splitlines()
    assert "on GPU" in table[0]
    assert "700 MiB" in table[2]


def test_the_gpu_its_driver_and_the_versions_of_cuda_are_named():
    machine = {**ENVIRONMENT, "gpus": ["NVIDIA A100, 40960 MiB"], "gpu_driver": "550.54", "cuda": "12.8"}
    shown = bench_text.bench(report([measured("cuda")], environment=machine))
    assert "GPU: NVIDIA A100, 40960 MiB; driver 550.54; CUDA 12.8\n" in shown
    assert "GPU:" not in bench_text.bench(report([measured()]))


def test_threads_that_do_not_spin_the_scorer_and_the_modes_of_a_device_are_told_apart(screen):
    assert line(screen, "cpu", "1", "auto*")
    assert line(screen, "cpu", "Scorer", "65536")
    assert line(screen, "cuda", "bound", "64")
    assert line(screen, "cuda", "graph", "64")
    assert "*: threads sleep while they wait" in screen
    assert "TF32 is off" in screen


def test_sparse_arrivals_have_a_table_of_their_own(screen):
    for shown in (line(screen, "100", "ms", "cpu", "auto"), line(show(), "100", "ms", "cpu", "auto")):
        assert "90 µs" in shown
        assert "4.5 x" in shown
        assert shown.endswith("3")
    assert max(map(len, show().split("\n\n")[1].splitlines())) <= 80


def test_what_does_not_work_and_the_bound_are_said(screen):
    assert "qnn: not measured: There is none." in screen
    assert "qnn: not measured: There is none." in show()
    assert "blank percentiles: too few samples" in screen
    assert (
        "matrix-product bound on cpu: 300 GFLOP/s / 40.0 kFLOP a row = 7.50 million rows/s; the best row reaches 44%"
        in screen
    )


def test_the_conclusion_ends_with_the_snippet(screen):
    assert "best for 1 row: cpu" in screen
    assert screen.splitlines()[-1].startswith("    ")


def test_an_unstable_row_and_one_of_few_samples_are_marked_and_a_stable_one_is_not():
    row = replace(shaky(measured(), 100, 130, 100), cold=NotProbed("no time"))
    brief, once = measured(batch=16, samples=1), replace(measured(batch=256, samples=1), measured_once=True)
    shown = bench_text.bench(report([row, brief, measured(batch=64), once]), everything=True)
    assert line(shown, "cpu", "1").endswith("30% !")
    assert line(shown, "cpu", "16").endswith(" few")
    assert line(shown, "cpu", "64").endswith(" 0%")
    assert line(shown, "cpu", "256").endswith(" once")
    assert "! unstable: by more than 10%; few: too few samples to tell" in shown
    assert "no cold start in 1 row: no time" in shown
    assert "unstable" not in bench_text.bench(report([measured()]))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (QuotaReached(3, 0.3), "throttled: the control group's quota held this process back 3 times, for 0.30 s"),
        (Overheated(1), "throttled: the processors slowed down for heat 1 time"),
        (Slowed("cuda", 1e13, 7e12), "slower: the fixed matrix product on cuda fell from 10,000 to 7,000 GFLOP/s"),
        (NotAlone(0.84), "not alone: other processes took 84% of the processors during the run"),
    ],
)
def test_what_may_have_disturbed_it_is_a_note(found, words):
    assert f"note: {words}" in bench_text.bench(report(ROWS, disturbances=[found]))


def test_no_advice_stands_under_a_note_that_others_took_the_machine():
    shown = bench_text.bench(report(ROWS, disturbances=[NotAlone(0.84)]))
    assert shown.endswith("\n\nno conclusion: other processes took the processors; measure again on a quiet machine")
    assert "InferenceSession" not in shown


def test_rows_that_were_left_out_are_grouped_with_the_reason():
    skipped = [Skipped("cuda", "no memory", Setting("cuda", batch, "pinned")) for batch in (1, 64, 1024)]
    missing = [TooLong(Setting("openvino", 4096), 20.0, 2.5), TooLong(Setting("openvino", 16384), 82.0, 2.4)]
    late = [TooLong(Setting("cpu", 64, threads=1), None, 0.0)]
    once = replace(measured("openvino", 1024, samples=1), measured_once=True)
    shown = bench_text.bench(report([measured(), once], skipped=skipped, too_long=[*missing, *late])).splitlines()
    for words in (
        "cuda pinned at 1, 64 and 1,024 rows: not measured: no memory",
        "openvino at 4,096 and 16,384 rows: left out: a run takes some 20 s, and 2.5 s were left; give more --seconds",
        "cpu with 1 thread at 64 rows: left out: no time was left; give more --seconds",
        "openvino at 1,024 rows: measured once, for want of time; give more --seconds",
    ):
        assert words in shown


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
