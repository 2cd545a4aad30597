"""A threshold that is calibrated in two passes is the one that is calibrated in memory, to the last bit."""

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetk.base.errors import BadInput, CheckFailed
from aetk.cluster import threshold as cluster_threshold
from aetk.cluster.threshold import _keys, _search, _similarities, calibrate_on_engine
from aetk.contract.threshold import Method, conformal_rank, is_anomaly, just_below
from aetk.edge.model import card_path, load
from aetk.edge.threshold import calibrate_threshold, undo_threshold

similarities = st.lists(
    st.one_of(st.floats(-1, 1, width=32), st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, float(np.float32(0.1))])),
    min_size=2,
    max_size=200,
)


@given(similarities)
def test_keys_are_in_the_order_of_the_similarities_and_lead_back(values):
    numbers = np.array(values, np.float32)
    keys = _keys(numbers)
    assert (np.argsort(keys, kind="stable") == np.argsort(numbers, kind="stable")).all()
    assert (_similarities(keys) == numbers).all()


@given(similarities, st.floats(0.001, 0.999), st.booleans())
def test_the_search_finds_what_sorting_all_of_them_does(values, rate, clustered):
    numbers = np.array(values, np.float32)
    if clustered:  # neighbours to the last bit, across the edge of a bin, leave no room between them
        start = (int(_keys(numbers[:1])[0]) >> 16 << 16) - len(numbers) // 2
        numbers = _similarities(np.arange(start, start + len(numbers), dtype=np.uint32))
    rank = max(1, int(rate * len(numbers)))
    keys = _keys(numbers)
    bins = dict(zip(*(part.tolist() for part in np.unique(keys >> 16, return_counts=True)), strict=True))

    def among(wanted):
        chosen = keys[np.isin(keys >> 16, list(wanted))]
        return dict(zip(*(part.tolist() for part in np.unique(chosen, return_counts=True)), strict=True))

    value, flagged = _search(bins, rank, among)
    assert value == just_below(np.sort(numbers)[rank - 1], np.unique(numbers))
    assert flagged == is_anomaly(numbers, value).sum()


@pytest.mark.parametrize(("rate", "label"), [(0.01, None), (0.3, None), (0.0005, None), (0.02, "label")])
def test_it_is_the_one_that_is_calibrated_in_memory(model_copy, parts, here, tmp_path, rate, label):
    other = tmp_path / "other"
    other.mkdir()
    for path in (model_copy, card_path(model_copy)):
        shutil.copy(path, other)
    method = Method("conformal", rate)
    expected = calibrate_threshold(other / model_copy.name, method, parts, label)
    report = calibrate_on_engine(model_copy, method, str(parts), here, label)
    assert report.after == expected.after
    assert report.invalid == expected.invalid > 0
    assert load(model_copy).card.threshold == expected.after


def test_it_is_undone_written_elsewhere_and_tried_as_the_one_in_memory(model_copy, parts, here, tmp_path):
    before, out, method = model_copy.read_bytes(), tmp_path / "out/other.onnx", Method("conformal", 0.3)
    tried = calibrate_on_engine(model_copy, method, str(parts), here, dry_run=True)
    assert (tried.out, model_copy.read_bytes()) == (None, before)
    calibrate_on_engine(model_copy, method, str(parts), here, out=out)
    assert (load(out).card.threshold, model_copy.read_bytes()) == (tried.after, before)
    (entry,) = load(out).card.history
    assert entry.threshold == load(model_copy).card.threshold
    undo_threshold(out)
    assert out.read_bytes() == before


def test_too_few_rows_cost_one_pass_and_nothing_else(model_copy, parts, here):
    before = model_copy.read_bytes()
    with pytest.raises(BadInput, match="ask for a rate of"):
        calibrate_on_engine(model_copy, Method("conformal", 1e-6), str(parts), here)
    assert len(here.tasks) == 4
    assert model_copy.read_bytes() == before


def test_a_label_that_is_neither_0_nor_1_is_refused(model_copy, parts, here):
    with pytest.raises(BadInput, match="label column 'mean_radius': found"):
        calibrate_on_engine(model_copy, Method("conformal", 0.1), str(parts), here, "mean_radius")


def test_data_that_changes_between_the_passes_changes_no_model(model_copy, parts, here, tmp_path):
    folder = shutil.copytree(parts, tmp_path / "moving")
    before, run = model_copy.read_bytes(), here.run

    def changing(work, tasks):
        if work.bins is not None:
            pq.write_table(pq.read_table(folder / "a.parquet")[:100], folder / "a.parquet")
        return run(work, tasks)

    here.run = changing
    with pytest.raises(CheckFailed, match="second pass"):
        calibrate_on_engine(model_copy, Method("conformal", 0.3), str(folder), here)
    assert model_copy.read_bytes() == before


def test_the_bound_holds_on_fresh_rows():
    """At most rank / (n + 1) of new rows are flagged, on average over calibrations."""
    random, rate, n = np.random.default_rng(3), 0.05, 199
    flagged = []
    for _ in range(400):
        numbers = random.normal(0.9, 0.02, n).astype(np.float32)
        keys = _keys(numbers)
        bins = dict(zip(*(part.tolist() for part in np.unique(keys >> 16, return_counts=True)), strict=True))

        def among(wanted, keys=keys):
            chosen = keys[np.isin(keys >> 16, list(wanted))]
            return dict(zip(*(part.tolist() for part in np.unique(chosen, return_counts=True)), strict=True))

        value, _ = _search(bins, conformal_rank(n, rate)[0], among)
        flagged.append(is_anomaly(random.normal(0.9, 0.02, 1000).astype(np.float32), value).mean())
    assert np.mean(flagged) <= rate + 3 * np.std(flagged) / 20


def test_a_pass_that_loses_a_row_is_noticed(model_copy, parts, here, monkeypatch):
    real = cluster_threshold._sum
    passes = []

    def forgetful(results):
        counts, invalid = real(results)
        passes.append(counts)
        if len(passes) == 2:
            counts[next(iter(counts))] -= 1
        return counts, invalid

    monkeypatch.setattr(cluster_threshold, "_sum", forgetful)
    with pytest.raises(CheckFailed, match="second pass"):
        calibrate_on_engine(model_copy, Method("conformal", 0.1), str(parts), here)
