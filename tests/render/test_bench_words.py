"""A benchmark's conclusions are sentences that say how far they are known, or what is missing."""

import pytest
from edge.bench.making import measured, shaky

from aetk.edge.bench.advice import conclude
from aetk.render.bench_words import conclusion

CPU = [measured(batch=batch, microseconds=value) for batch, value in {1: 20, 64: 60, 1024: 600, 4096: 2500}.items()]


def cuda(microseconds, mode="run"):
    return [measured("cuda", row.setting.batch, value, mode) for row, value in zip(CPU, microseconds, strict=True)]


def first(rows):
    return conclusion(conclude("m.onnx", rows))[0]


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [
        (
            (110, 110, 110, 110),
            "cuda beats the CPU from between 64 and 1,024 rows on: "
            "at 64 rows 110 µs against 60 µs, at 1,024 rows 110 µs against 600 µs",
        ),
        (
            (10, 10, 10, 10),
            "cuda beats the CPU at every batch size measured, 1 to 4,096 rows: "
            "at 1 row 10 µs against 20 µs, at 4,096 rows 10 µs against 2.5 ms",
        ),
        (
            (3000, 3000, 3000, 3000),
            "cuda does not beat the CPU at any batch size measured, 1 to 4,096 rows: "
            "at 1 row 3 ms against 20 µs, at 4,096 rows 3 ms against 2.5 ms",
        ),
        (
            (10, 10, 3000, 3000),
            "cuda does not beat the CPU at 4,096 rows, the largest batch that both ran: "
            "at 4,096 rows 3 ms against 2.5 ms; it does at 1 and 64 rows",
        ),
    ],
)
def test_it_is_said_between_which_batch_sizes_a_provider_begins_to_win(microseconds, words):
    assert first(CPU + cuda(microseconds)) == words


def test_what_is_not_known_below_the_first_win_is_said():
    rows = cuda((110, 110, 110, 110))
    rows[0], rows[1] = shaky(rows[0], 100, 150), measured("cuda", 64, samples=1)
    assert first(CPU + rows) == (
        "cuda beats the CPU from 1,024 rows on, or from fewer: at 1,024 rows 110 µs against 600 µs; "
        "unstable: cuda at 1 row (measure again on a quiet machine); "
        "too few samples: cuda at 64 rows (give more --seconds)"
    )


def test_a_crossover_that_is_not_known_says_why_and_what_to_do():
    rows = cuda((110, 110, 110, 110))
    rows[2], rows[3] = measured("cuda", 1024, samples=1), measured("cuda", 4096, samples=2)
    assert first(CPU + rows) == (
        "from which batch size cuda beats the CPU is not known: too few samples: cuda at 1,024 and 4,096 rows "
        "(give more --seconds); at 64 rows 110 µs against 60 µs, it is slower"
    )
    alike = cuda((20, 60, 600, 2500))
    assert first(CPU + alike) == (
        "from which batch size cuda beats the CPU is not known: the two are alike at 1, 64, 1,024 and 4,096 rows"
    )


def test_the_modes_of_a_device_are_told_apart():
    rows = [*CPU, *cuda([100] * 4), *cuda([90] * 4, "pinned"), *cuda([40] * 4, "bound"), *cuda([30] * 4, "graph")]
    assert [line.split(" beats ")[0] for line in conclusion(conclude("m.onnx", rows))[:4]] == [
        "cuda, copies included,", "cuda, rows in pinned memory,", "cuda, rows and answers on the device,",
        "cuda, as a CUDA graph on the device,",
    ]  # fmt: skip


def test_unlike_settings_are_named():
    single = [measured(batch=row.setting.batch, microseconds=3000, threads=1) for row in CPU]
    words = "(unlike settings: the CPU with {}, cuda as it comes)"
    assert first(single + cuda([100] * 4)).endswith(words.format("1 thread"))
    double = [measured(batch=row.setting.batch, microseconds=3000, threads=2) for row in CPU]
    assert first(single + double + cuda([100] * 4)).endswith(words.format("1 and 2 threads"))
    assert "unlike" not in first(single + CPU + cuda([100] * 4))


def test_the_best_options_are_said_with_what_was_tried_besides():
    sleeping = measured(microseconds=20, spinning=False)
    single = measured(microseconds=15, threads=1)
    assert conclusion(conclude("m.onnx", [measured(microseconds=20), sleeping, single])) == [
        "best for 1 row: cpu with 1 thread, p50 15 µs "
        "(also tried: cpu with auto threads; cpu with auto threads, not spinning)"
    ]
    assert conclusion(conclude("m.onnx", [measured(batch=64, microseconds=1_500_000)])) == [
        "best for 64 rows: cpu with auto threads, p50 1.5 s (nothing else was tried)"
    ]


def test_options_that_cannot_be_chosen_are_said_with_the_rows_that_are_missing():
    assert first([shaky(measured(), 100, 100, 150)]) == (
        "no options can be chosen for 1 row: unstable: cpu with auto threads at 1 row "
        "(measure again on a quiet machine)"
    )
    assert "too few samples: cpu with auto threads" in first([measured(samples=1)])


def test_the_scorer_is_held_against_the_best_single_run():
    scorer = measured(batch=16384, microseconds=16384, mode="scorer")
    words = "aetk's Scorer answers 16,384 rows at 1.00 million rows/s"
    plain = measured(batch=16384, microseconds=32768)
    assert conclusion(conclude("m.onnx", [scorer, plain]))[-1] == f"{words}, 2 times the best single session.run"
    assert conclusion(conclude("m.onnx", [scorer])) == [words]
