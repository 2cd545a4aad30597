"""Rows of Parquet files: divided, sampled at random, streamed in a bounded buffer, whatever the number of processes."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from aetk.contract import spec
from aetk.edge.tables import parquet
from aetk.lab.data.hash_split import CALIBRATION, FIT, SELECTION, HashSample, HashSplit
from aetk.lab.data.moments import Moments
from aetk.lab.data.shards import BLOCK_ROWS, Columns, Stream, deal, find_shards, is_fit, read
from aetk.lab.training.streamed_batches import Streamed
from lab.training.torchrun import write_parts

COLUMNS = Columns(("number", "value"), "label")
LOTS = HashSplit(41, calibrates=True, selects=True)
ROWS = 3001


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Rows that know their number, every 50th of them an anomaly, in 4 files of 13 row groups."""
    numbers = np.arange(ROWS)
    frame = pd.DataFrame({"label": numbers % 50 == 0, "value": -1.0 * numbers, "number": numbers})
    folder = write_parts(frame.astype({"label": int}), tmp_path_factory.mktemp("data") / "rows", 4, row_group=250)
    return find_shards(folder, COLUMNS)


def numbers_of(shards):
    return [number for shard in shards for piece in read(shard, COLUMNS) for number in piece.values[:, 0]]


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_row_is_dealt_to_one_process_in_shares_that_differ_by_a_block_at_most(shards, world):
    hands = [deal(shards, rank, world) for rank in range(world)]
    assert [number for hand in hands for number in numbers_of(hand)] == list(range(ROWS))
    sizes = [sum(shard.rows for shard in hand) for hand in hands]
    assert max(sizes) - min(sizes) <= 2 * BLOCK_ROWS


def test_a_row_knows_its_place_however_it_is_dealt(shards):
    last = deal(shards, 2, 3)[-1]
    assert last.path.name == "part-3.parquet"
    assert last.where(last.rows - 1).endswith("part-3.parquet, row 750")


def test_the_lots_of_a_row_depend_on_its_number_and_the_seed_alone():
    numbers = np.arange(100_000)
    parts = LOTS.parts(numbers)
    assert np.array_equal(LOTS.parts(numbers[::-1])[::-1], parts)
    assert not np.array_equal(HashSplit(42, calibrates=True, selects=True).parts(numbers), parts)
    shares = [float((parts == part).mean()) for part in (CALIBRATION, SELECTION, FIT)]
    assert shares == pytest.approx([0.25, 0.075, 0.675], abs=0.005)
    assert abs(np.corrcoef(parts == FIT, LOTS.order(numbers).astype(float))[0, 1]) < 0.02


def test_a_sample_is_the_same_whoever_saw_the_rows_and_in_whatever_order():
    numbers = np.arange(10_000)
    rows, keys = numbers[:, None].astype(float), LOTS.order(numbers)
    whole, one, other = (HashSample(300, 1) for _ in range(3))
    whole.show(keys, rows)
    for part in np.array_split(np.random.default_rng(0).permutation(10_000), 40):
        (one if part[0] % 2 else other).show(keys[part], rows[part])
    one.merge(other.state())
    assert np.array_equal(one.rows, whole.rows)
    assert (len(one.rows), one.shown) == (300, 10_000)


def test_moments_of_pieces_are_those_of_the_whole_even_far_from_zero():
    rows = np.random.default_rng(0).normal(size=(1000, 3)) * [1, 1e-3, 1e9] + [0, 1e6, 1e12]
    found = Moments.of(rows[:0])
    for part in np.array_split(rows, 17):
        found += Moments.of(part)
    assert np.allclose(found.mean, rows.mean(0), rtol=1e-12)
    assert np.allclose(found.deviation, rows.std(0), rtol=1e-6)
    assert np.array_equal((found.low, found.high), (rows.min(0), rows.max(0)))


def test_moments_with_the_gaps_filled_are_those_of_the_filled_rows():
    rows = np.random.default_rng(0).normal(size=(500, 3)) + 5
    rows[::7, 1], rows[3, 2] = np.nan, np.inf
    fill = np.array([0.0, -4.0, 99.0])
    filled = np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, fill)
    found = Moments.of(rows).filled(len(rows), fill)
    assert np.allclose(found.mean, filled.mean(0))
    assert np.allclose(found.deviation, filled.std(0))
    assert np.array_equal((found.low, found.high), (filled.min(0), filled.max(0)))


def streamed(shards, rank=0, world=1, buffer_values=800, batch_rows=32):
    mine = deal(shards, rank, world)
    own = [sum(int(is_fit(piece, LOTS).sum()) for piece in read(shard, COLUMNS)) for shard in mine]
    found = Stream(mine, COLUMNS, LOTS, np.array(own), Moments.of(np.empty((0, 2))))
    prepare = lambda rows: torch.from_numpy(rows.astype(np.float32))  # noqa: E731
    return sum(own), Streamed(
        found, prepare, torch.device("cpu"), batch_rows=batch_rows, per_epoch=1, order=(41, rank),
        buffer_values=buffer_values,
    )  # fmt: skip


def rows_of(batches, count):
    return torch.cat(list(itertools.islice(batches, -(-count // 32))))[:count, 0].long().tolist()


@pytest.mark.parametrize("buffer_values", [800, 2**24], ids=["in windows", "kept whole"])
def test_each_process_sees_each_of_its_rows_once_an_epoch_in_an_order_of_its_own(shards, buffer_values):
    seen = []
    for rank in range(2):
        total, batches = streamed(shards, rank, 2, buffer_values)
        first, second = np.array(rows_of(batches.stream(0), 2 * total)).reshape(2, total)
        assert sorted(first) == sorted(second) == sorted(set(first))
        assert list(first) != list(second)
        seen += list(first)
    ordinary = np.arange(ROWS)[np.arange(ROWS) % 50 != 0]
    assert sorted(seen) == list(ordinary[LOTS.parts(ordinary) == FIT])


def test_a_stream_that_begins_at_a_step_goes_on_as_the_whole_one_does(shards):
    _, batches = streamed(shards)
    whole = list(itertools.islice(batches.stream(0), 200))
    for step in (1, 13, 64, 150):
        _, again = streamed(shards)
        rest = list(itertools.islice(again.stream(step), 30))
        assert all(torch.equal(one, other) for one, other in zip(rest, whole[step:], strict=False))


def test_no_more_rows_are_held_than_the_buffer_takes(shards):
    total, batches = streamed(shards, buffer_values=800)
    windows = list(batches._windows(0, 0))
    assert max(map(len, windows)) == 400
    assert sum(map(len, windows)) == total
    assert len(windows) == -(-total // 400)


def test_row_groups_before_the_step_are_not_decoded(shards, monkeypatch):
    total, batches = streamed(shards)
    read_groups = []
    whole = parquet.read_row_group
    monkeypatch.setattr(parquet, "read_row_group", lambda *a: read_groups.append(a) or whole(*a))
    next(batches.stream(total // 32 - 1))
    assert 0 < len(read_groups) < len(shards) / 2
