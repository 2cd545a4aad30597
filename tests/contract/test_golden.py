import base64
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.contract.golden import Disagreement, Golden, compare, contradictions, rows_at, rows_near, worst
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


@given(st.integers(1, 6), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_cards_form_keeps_every_bit(rows, n, random):
    bits = np.array([random.getrandbits(32) for _ in range(rows * n)], np.uint32)
    inputs = bits.view(np.float32).reshape(rows, n)
    similarity = np.array([random.uniform(-1, 1) for _ in range(rows)], np.float32)
    valid = np.array([random.random() < 0.5 for _ in range(rows)])
    golden = Golden(inputs, similarity, similarity.astype(np.float64), valid, (("torch", rows),))
    text = json.dumps(golden.to_dict(0.5, TOLERANCE), allow_nan=False)
    back = Golden.from_dict(json.loads(text), n)
    assert back.inputs.shape == inputs.shape
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


def test_selecting_takes_the_same_rows_of_every_part_and_counts_them_for_whoever_made_them(golden):
    three = golden.append(golden_of(np.array([0.5, 1.0]), "there")).append(golden_of(np.array([1.5]), "elsewhere"))
    three = replace(three, is_valid=np.arange(16) % 3 > 0)
    rows = np.isin(np.arange(16), [0, 5, 14, 15])
    found = three.select(rows)
    assert found.made_by == (("here", 2), ("there", 1), ("elsewhere", 1))
    for part in ("inputs", "similarity", "similarity64", "is_valid"):
        np.testing.assert_array_equal(getattr(found, part), getattr(three, part)[rows], err_msg=part)


def test_a_row_as_far_from_the_threshold_as_the_tolerance_is_still_a_near_tie(golden):
    away = np.arange(13) - 6
    near = replace(golden, similarity64=0.5 + away * 2.0**-12)
    assert near.near_ties(0.5, 2.0**-10).tolist() == (np.abs(away) <= 4).tolist()
    assert near.near_ties(0.5 + 1e-12, 2.0**-10).tolist() == (np.abs(away) <= 4).tolist(), "compared with the float32"


@pytest.mark.parametrize("part", ["is_anomaly", "is_valid"])
def test_golden_decisions_other_than_0_and_1_are_refused(golden, part):
    data = golden.to_dict(0.4, TOLERANCE)
    data[part][3] = 2
    with pytest.raises(BadInput, match="not 0, 1 or null"):
        Golden.from_dict(data, 2)


@pytest.mark.parametrize("part", ["inputs", "similarity", "similarity64"])
def test_golden_numbers_that_cannot_be_read_are_named(golden, part):
    with pytest.raises(BadInput, match=rf"golden\.{part} is not base64"):
        Golden.from_dict({**golden.to_dict(0.4, TOLERANCE), part: "!!!!"}, 2)


@given(st.floats(-0.9, 0.9))
def test_rows_of_a_wanted_similarity_are_found_by_bisection(target):
    above, below = np.array([[2, 0.1]], np.float32), np.array([[-2, 0.3]], np.float32)
    rows = rows_at(cosine, above, below, np.array([target, target / 2]))
    assert rows.dtype == np.float32
    assert cosine(rows) == pytest.approx([target, target / 2], abs=1e-6)


def test_of_all_rows_that_bisection_tries_the_closest_is_taken():
    tried = []

    def rounded(rows):
        tried.append(rows[0, 0])
        return rows[:, 0].round(2).astype(np.float64)

    above, below, target = np.array([[1, 0]], np.float32), np.array([[-1, 0]], np.float32), 0.123
    (found,) = rows_at(rounded, above, below, np.array([target]))
    assert abs(found[0].round(2) - target) == np.abs(np.round(tried, 2) - target).min()
    assert found[0] in tried


def test_rows_near_a_threshold_are_made_of_the_nearest_valid_rows_of_ordinary_size(golden):
    """Their angle lies between those of the golden rows next to the threshold, whatever other rows hold."""
    inputs = np.concatenate([golden.inputs[::-1], np.array([[4e19, 9e19], [np.nan, 1]], np.float32)])
    others = Golden(
        inputs,
        np.append(golden.similarity[::-1], np.float32([0.4, 0.4])),
        np.append(golden.similarity64[::-1], [0.4001, 0.3999]),
        np.arange(15) < 14,
        (("here", 15),),
    )
    near = rows_near(others, cosine, 0.4, TOLERANCE)
    assert len(near) == 4
    angles = np.arctan2(near[:, 1], near[:, 0])
    assert ((angles > 1.0) & (angles < 1.25)).all()


def test_there_are_no_near_rows_without_a_valid_golden_row(golden):
    assert rows_near(replace(golden, is_valid=np.zeros(13, bool)), cosine, 0.4, TOLERANCE).shape == (0, 2)


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
    assert (report.rows, report.largest_difference, report.worst_row) == (13, 0.0, 0)


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


@pytest.mark.parametrize(("off", "broken"), [(9.5, 0), (10.5, 1), (-9.5, 0), (-10.5, 1)])
def test_a_sum_of_contributions_may_be_off_by_ten_tolerances(golden, off, broken):
    share = (1 - golden.similarity64)[:, None] * np.array([[0.25, 0.75]])
    share[5, 1] += off * TOLERANCE
    outputs = {**outputs_of(golden, 0.4), spec.CONTRIBUTION: share}
    outputs[spec.SIMILARITY] = golden.similarity64
    assert contradictions(outputs, 0.4, TOLERANCE).sum() == broken


def test_contributions_excuse_no_other_contradiction_and_those_of_an_invalid_row_are_zero(golden):
    outputs = outputs_of(golden, 0.4)
    outputs[spec.CONTRIBUTION] = (1 - golden.similarity)[:, None] * np.array([[0.25, 0.75]], np.float32)
    outputs[spec.IS_ANOMALY][2] ^= True
    outputs[spec.IS_VALID][11:] = False
    outputs[spec.SIMILARITY][11:] = spec.UNJUDGED
    outputs[spec.IS_ANOMALY][11:] = True
    outputs[spec.CONTRIBUTION][11] = 0
    assert np.flatnonzero(contradictions(outputs, 0.4, TOLERANCE)).tolist() == [2, 12]


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
