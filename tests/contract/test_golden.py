import base64
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetk.contract import spec
from aetk.contract.golden import Disagreement, Golden, compare, rows_at, rows_near, worst
from aetk.contract.threshold import is_anomaly

TOLERANCE = spec.TOLERANCE


def cosine(rows):
    """The similarity of a row and (1, 0), in float64."""
    rows = rows.astype(np.float64)
    return rows[:, 0] / np.maximum(np.linalg.norm(rows, axis=1), 1e-12)


def golden_of(angles, made_by="here"):
    inputs = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    precise = cosine(inputs)
    return Golden(inputs, precise.astype(np.float32), precise, np.ones(len(inputs), bool), ((made_by, len(inputs)),))


def outputs_of(golden, threshold):
    return {
        spec.SIMILARITY: golden.similarity.copy(),
        spec.IS_ANOMALY: is_anomaly(golden.similarity, threshold),
        spec.IS_VALID: golden.is_valid.copy(),
    }


@pytest.fixture
def golden():
    return golden_of(np.linspace(0, 3, 13))


def test_the_exports_golden_rows_span_the_range_and_every_special_case(card):
    inputs, similarity = card.golden.inputs, card.golden.similarity
    assert similarity[card.golden.is_valid].max() > 0.95
    assert similarity[card.golden.is_valid].min() < 0.5
    flags = is_anomaly(similarity, card.threshold.value)[card.golden.is_valid]
    assert 0 < flags.sum() < len(flags)
    assert (inputs == 0).all(axis=1).any()
    for special in (np.isnan(inputs), np.isposinf(inputs), np.isneginf(inputs), np.abs(inputs) > spec.FINITE_LIMIT):
        rows = special.any(axis=1)
        assert rows.any()
        assert not card.golden.is_valid[rows].any()
        assert (similarity[rows] == spec.UNJUDGED).all()
    huge = (np.abs(inputs) >= 1e20) & (np.abs(inputs) <= spec.FINITE_LIMIT)
    assert huge.any()


def test_no_golden_row_is_a_training_row(card, breast_cancer):
    people = {row.tobytes() for row in breast_cancer.data.astype(np.float32)}
    assert len(people) == 569
    assert not any(row.tobytes() in people for row in card.golden.inputs)


def test_no_golden_row_is_a_near_tie(card):
    assert not card.golden.near_ties(card.threshold.value, TOLERANCE).any()


def test_golden_rows_lie_a_little_above_and_below_the_threshold(card):
    distance = card.golden.similarity64[card.golden.is_valid] - card.threshold.value
    close = distance[np.abs(distance) < 200 * TOLERANCE]
    assert close.min() < 0 < close.max()


@given(st.integers(1, 6), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_cards_form_keeps_every_bit(rows, n, random):
    bits = np.array([random.getrandbits(32) for _ in range(rows * n)], np.uint32)
    inputs = bits.view(np.float32).reshape(rows, n)
    similarity = np.array([random.uniform(-1, 1) for _ in range(rows)], np.float32)
    valid = np.array([random.random() < 0.5 for _ in range(rows)])
    golden = Golden(inputs, similarity, similarity.astype(np.float64), valid, (("torch", rows),))
    text = json.dumps(golden.to_dict(0.5, TOLERANCE), allow_nan=False)
    back = Golden.from_dict(json.loads(text), n)
    assert back.inputs.tobytes() == inputs.tobytes()
    assert back.similarity.tobytes() == similarity.tobytes()
    assert (back.is_valid == valid).all()
    assert back.made_by == golden.made_by


def test_the_cards_form_is_little_endian_base64(golden):
    raw = base64.b64decode(golden.to_dict(0.5, TOLERANCE)["inputs"])
    assert struct.unpack("<2f", raw[:8]) == tuple(golden.inputs[0].tolist())


def test_a_near_tie_has_no_decision_in_the_card(golden):
    tied = float(golden.similarity[4])
    decisions = golden.to_dict(tied, TOLERANCE)["is_anomaly"]
    assert decisions[4] is None
    assert decisions[:4] + decisions[5:] == [0] * 4 + [1] * 8


def test_selecting_and_appending_keep_who_made_which_rows(golden):
    both = golden.append(golden_of(np.array([0.5, 1.0]), "there"))
    assert both.made_by == (("here", 13), ("there", 2))
    assert both.original().inputs.tobytes() == golden.inputs.tobytes()
    assert both.select(np.arange(15) >= 12).made_by == (("here", 1), ("there", 2))
    assert both.select(np.arange(15) < 2).made_by == (("here", 2),)


@given(st.floats(-0.9, 0.9))
def test_rows_of_a_wanted_similarity_are_found_by_bisection(target):
    above, below = np.array([[2, 0.1]], np.float32), np.array([[-2, 0.3]], np.float32)
    rows = rows_at(cosine, above, below, np.array([target, target / 2]))
    assert rows.dtype == np.float32
    assert cosine(rows) == pytest.approx([target, target / 2], abs=1e-6)


def test_rows_near_a_threshold_fail_a_file_whose_threshold_was_moved(golden):
    near = rows_near(golden, cosine, 0.4, TOLERANCE)
    distance = (cosine(near) - 0.4) / TOLERANCE
    assert sorted(distance.round().tolist()) == [-100, -10, 10, 100]
    full = golden.append(replace(golden, inputs=near, similarity=cosine(near).astype(np.float32),
        similarity64=cosine(near), is_valid=np.ones(4, bool), made_by=(("here", 4),)))  # fmt: skip
    assert compare(full, outputs_of(full, 0.4), 0.4).passed
    for moved in (0.4 + 20 * TOLERANCE, 0.4 - 20 * TOLERANCE):
        assert compare(full, outputs_of(full, moved), 0.4).flipped_decisions > 0


def test_there_are_no_near_rows_where_all_golden_rows_lie_on_one_side(golden):
    low = golden.select(golden.similarity < 0.5)
    assert rows_near(low, cosine, 0.6, TOLERANCE).shape == (0, 2)
    high = golden.select(golden.similarity > 0.5)
    assert rows_near(high, cosine, 0.4, TOLERANCE).shape == (0, 2)


def test_the_same_answers_pass(golden):
    report = compare(golden, outputs_of(golden, 0.4), 0.4)
    assert report.passed
    assert (report.rows, report.largest_difference) == (13, 0.0)


def test_a_difference_beyond_the_tolerance_fails_and_names_its_row(golden):
    outputs = outputs_of(golden, 0.4)
    outputs[spec.SIMILARITY][7] += 0.9 * TOLERANCE
    assert compare(golden, outputs, 0.4).passed
    outputs[spec.SIMILARITY][7] += 0.9 * TOLERANCE
    report = compare(golden, outputs, 0.4)
    assert not report.passed
    assert report.worst_row == 7
    assert report.largest_difference == pytest.approx(1.8 * TOLERANCE, rel=0.02)


def test_a_nan_never_passes(golden):
    outputs = outputs_of(golden, 0.4)
    outputs[spec.SIMILARITY][3] = np.nan
    report = compare(golden, outputs, 0.4)
    assert not report.passed
    assert (report.largest_difference, report.worst_row) == (np.inf, 3)


@pytest.mark.parametrize(
    ("name", "count"), [(spec.IS_ANOMALY, "flipped_decisions"), (spec.IS_VALID, "flipped_validity")]
)
def test_one_flipped_answer_fails(golden, name, count):
    outputs = outputs_of(golden, 0.4)
    outputs[name][2] ^= True
    report = compare(golden, outputs, 0.4)
    assert not report.passed
    assert getattr(report, count) == 1
    assert report.broken_rule == 1


def test_a_near_tie_may_be_decided_either_way_but_must_keep_the_files_own_rule(golden):
    threshold = float(golden.similarity[4])
    outputs = outputs_of(golden, threshold)
    outputs[spec.SIMILARITY][4] = np.nextafter(outputs[spec.SIMILARITY][4], np.float32(-1))
    outputs[spec.IS_ANOMALY] = is_anomaly(outputs[spec.SIMILARITY], threshold)
    report = compare(golden, outputs, threshold)
    assert report.passed
    assert (report.near_ties, report.flipped_decisions) == (1, 0)
    outputs[spec.IS_ANOMALY][4] ^= True
    assert compare(golden, outputs, threshold).broken_rule == 1


def test_an_invalid_row_that_is_not_exactly_minus_one_breaks_the_rule(golden):
    golden = replace(golden, is_valid=np.arange(13) != 12, similarity=np.append(golden.similarity[:-1], np.float32(-1)))
    outputs = outputs_of(golden, 0.4)
    assert compare(golden, outputs, 0.4).passed
    outputs[spec.SIMILARITY][12] = -0.999999
    assert compare(golden, outputs, 0.4).broken_rule == 1


def test_contributions_must_sum_to_one_minus_similarity(golden):
    outputs = outputs_of(golden, 0.4)
    share = (1 - golden.similarity)[:, None] * np.array([[0.25, 0.75]], np.float32)
    assert compare(golden, {**outputs, spec.CONTRIBUTION: share}, 0.4).passed
    share[5, 0] += 0.01
    assert compare(golden, {**outputs, spec.CONTRIBUTION: share}, 0.4).broken_rule == 1
    share[5, 0] = np.nan
    assert compare(golden, {**outputs, spec.CONTRIBUTION: share}, 0.4).broken_rule == 1


def test_the_worst_of_several_replays_has_the_largest_of_every_figure(golden):
    good = outputs_of(golden, 0.4)
    flipped = {**good, spec.IS_ANOMALY: ~good[spec.IS_ANOMALY]}
    invalid = {**good, spec.IS_VALID: np.zeros(len(golden), bool)}
    off = {**good, spec.SIMILARITY: good[spec.SIMILARITY] + np.float32(0.01) * (np.arange(len(golden)) == 3)}
    reports = [compare(golden, outputs, 0.4) for outputs in (good, flipped, invalid, off)]
    found = worst(reports)
    assert found.flipped_decisions == reports[1].flipped_decisions > 0
    assert found.flipped_validity == len(golden)
    assert found.broken_rule == max(report.broken_rule for report in reports) > 0
    assert (found.largest_difference, found.worst_row) == (reports[3].largest_difference, 3)
    assert (found.rows, found.near_ties) == (reports[0].rows, reports[0].near_ties)
    assert not found.passed
    assert worst(reports[:1]) == reports[0]


def test_a_disagreement_adds_up_over_runs_and_names_the_row_that_is_furthest_off(golden):
    expected = outputs_of(golden, 0.4)
    none = np.zeros(len(golden), bool)
    names = [f"row {i}" for i in range(len(golden))]
    found = Disagreement(0.4, TOLERANCE)
    found.add({name: values[:0] for name, values in expected.items()}, dict.fromkeys(expected, none[:0]), none[:0], [])
    found.add(expected, expected, none, names)
    assert (found.flipped_decisions, found.largest_difference, found.where) == (0, 0.0, None)
    for row, off in ((2, 0.25), (0, 0.5), (7, 0.125)):
        outputs = {name: values.copy() for name, values in expected.items()}
        outputs[spec.SIMILARITY][row] -= np.float32(off)
        outputs[spec.IS_VALID][row] ^= True
        outputs[spec.IS_ANOMALY][[3, 4]] ^= True
        found.add(outputs, expected, np.arange(len(golden)) == 4, names)
    assert (found.flipped_decisions, found.flipped_validity) == (3, 3)
    assert (found.largest_difference, found.where) == (pytest.approx(0.5), "row 0")
    assert found.broken_rule >= 9


def test_contributions_disagree_only_where_they_are_expected(golden):
    share = (1 - golden.similarity)[:, None] * np.array([[0.25, 0.75]], np.float32)
    expected = {**outputs_of(golden, 0.4), spec.CONTRIBUTION: share}
    swapped = {**expected, spec.CONTRIBUTION: share[:, ::-1]}
    none = np.zeros(len(golden), bool)
    found = Disagreement(0.4, TOLERANCE)
    found.add(swapped, expected, none, range(len(golden)))
    assert found.broken_rule == 0
    assert found.where == 12
    assert found.largest_difference == pytest.approx(0.5 * (1 - np.cos(3)), rel=1e-5)
    assert compare(golden, swapped, 0.4).largest_difference == 0


def jumping(rows):
    """A cosine as above, lowered by 0.2 for each index of a category in column 2."""
    return cosine(rows) - 0.2 * rows[:, 2].astype(np.float64)


def with_index(golden, index):
    return np.column_stack([golden.inputs, np.full(len(golden), index)]).astype(np.float32)


@pytest.mark.parametrize(("above", "below"), [(0.0, 1.0), (1.0, 0.0), (0.0, 3.0)])
def test_categories_are_not_walked_through_but_come_from_one_of_the_rows(golden, above, below):
    rows = np.array([[1, 0, above], [-1, 0.1, below]], np.float32)
    found = rows_at(jumping, rows[:1], rows[1:], np.array([-0.1, 0.0, 0.1]), categories=[2])
    assert len(set(found[:, 2])) == 1
    assert found[0, 2] in (above, below)
    np.testing.assert_allclose(jumping(found), [-0.1, 0.0, 0.1], atol=1e-6)


def test_rows_near_a_threshold_have_whole_indices_and_are_near_it(golden):
    inputs = np.concatenate([with_index(golden, index) for index in (0, 1, 2)])
    precise = jumping(inputs)
    mixed = Golden(inputs, precise.astype(np.float32), precise, np.ones(len(inputs), bool), (("here", len(inputs)),))
    near = rows_near(mixed, jumping, 0.3, TOLERANCE, categories=[2])
    assert len(near) == 4
    assert set(near[:, 2]) <= {0.0, 1.0, 2.0}
    np.testing.assert_allclose(np.abs(jumping(near) - 0.3) / TOLERANCE, [100, 10, 10, 100], atol=1)


def test_there_are_no_near_rows_where_the_similarity_jumps_over_the_threshold(golden):
    inputs = np.array([[1, 0, 0], [1, 0, 1]], np.float32)
    precise = jumping(inputs)
    two = Golden(inputs, precise.astype(np.float32), precise, np.ones(2, bool), (("here", 2),))
    assert len(rows_near(two, jumping, 0.9, TOLERANCE, categories=[2])) == 0
