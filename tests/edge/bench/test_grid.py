"""Which rows are measured."""

import pytest

from aetk.base.errors import BadInput
from aetk.edge.bench.grid import BATCHES, PROVIDERS, compared_batches, plan
from aetk.edge.bench.setting import Setting


def cpu(*arguments, **options):
    return Setting("cpu", *arguments, **options)


def test_by_default_the_alternatives_are_measured_where_options_are_chosen_and_big_batches_by_the_scorer_too():
    found = plan(("cpu",), BATCHES, None, None, False)
    assert [s.batch for s in found] == sorted(s.batch for s in found)
    assert [s for s in found if s.mode == "run" and s.threads is None and s.spinning] == [cpu(b) for b in BATCHES]
    assert [s for s in found if s.threads == 1 or not s.spinning] == [
        cpu(1, spinning=False), cpu(1, threads=1), cpu(1024, spinning=False), cpu(1024, threads=1),
    ]  # fmt: skip
    assert [s for s in found if s.mode == "scorer"] == [cpu(16384, "scorer"), cpu(65536, "scorer")]
    assert len(found) == len(BATCHES) + 6


def test_threads_and_spinning_that_are_named_are_crossed_with_every_batch():
    found = plan(("cpu",), (1, 64), (1, 2), (True, False), False)
    assert found == [
        cpu(1, threads=1), cpu(1, threads=2), cpu(1, threads=2, spinning=False),
        cpu(64, threads=1), cpu(64, threads=2), cpu(64, threads=2, spinning=False),
    ]  # fmt: skip


def test_a_single_thread_has_nothing_to_spin_for():
    assert plan(("cpu",), (1,), (1,), (False,), False) == [cpu(1, threads=1)]


def test_cuda_is_measured_with_the_copies_from_pinned_memory_without_the_copies_and_as_a_graph():
    found = plan(PROVIDERS, (1, 64), (1,), None, False)
    assert [s for s in found if s.provider == "cuda"] == [
        Setting("cuda", batch, mode) for mode in ("run", "pinned", "bound", "graph") for batch in (1, 64)
    ]


def test_sparse_arrivals_bring_single_rows_with_spinning_and_without():
    found = plan(("cpu", "cuda"), (64,), (2,), (True,), True)
    assert {s for s in found if s.batch == 1} == {
        cpu(1, threads=2), cpu(1, threads=2, spinning=False), Setting("cuda", 1),
    }  # fmt: skip


def test_nothing_is_measured_twice():
    found = plan(("cpu", "cpu"), (1, 1, 1), None, None, True)
    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize("grid", [((), None), ((0,), None), ((1,), (0,))])
def test_an_impossible_grid_is_refused(grid):
    with pytest.raises(BadInput, match="positive"):
        plan(("cpu",), *grid, None, False)


@pytest.mark.parametrize(
    ("batches", "compared"), [((1, 64), (1, 64)), ((7,), (7,)), ((1, 900, 4096), (1, 900)), ((2048, 4096), (2048,))]
)
def test_options_are_compared_at_the_smallest_batch_and_near_1024_rows(batches, compared):
    assert compared_batches(batches) == compared
