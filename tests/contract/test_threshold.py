import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from aetk.base.errors import BadInput
from aetk.contract.threshold import (
    Method,
    calibrate,
    check_rate,
    check_value,
    conformal_rank,
    expected_alarms,
    is_anomaly,
    just_below,
    macro_f1,
    parse_method,
    rows_needed,
)

SIMILARITIES = st.floats(-1, 1, width=32)
BEST_F1 = Method("best-f1")


def similarities(size, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, size).astype(np.float32)


def neighbours(values, threshold):
    """The largest value below a threshold and the smallest one at or above it."""
    values = np.asarray(values, np.float64)
    return values[values < threshold].max(initial=-np.inf), values[values >= threshold].min(initial=np.inf)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("best-f1", BEST_F1),
        ("conformal", Method("conformal")),
        ("conformal:0.001", Method("conformal", 0.001)),
        ("fixed:0.5", Method("fixed", 0.5)),
        ("fixed:1", Method("fixed", 1.0)),
    ],
)
def test_a_method_is_read_and_written(text, method):
    assert parse_method(text) == method
    assert str(method) == text


@pytest.mark.parametrize(
    "text",
    ["", "fixed", "fixed:", "fixed:x", "fixed:nan", "fixed:2", "fixed:-1", "fixed:inf", "conformal:", "conformal:0",
     "conformal:1", "conformal:nan", "best-f1:0.5", "best", "0.95"],
)  # fmt: skip
def test_what_is_no_method_is_refused(text):
    with pytest.raises(BadInput):
        parse_method(text)


@pytest.mark.parametrize("value", [-1.0, -1.0000001, 1.0000001, 2.0, 1e300, -1e300, np.inf, -np.inf, np.nan])
def test_a_threshold_outside_its_range_is_refused(value):
    with pytest.raises(BadInput, match="expected -1 < threshold <= 1"):
        check_value(value)


@given(st.floats(-1, 1, exclude_min=True))
def test_a_threshold_is_rounded_to_float32_and_stays_in_range(value):
    assume(np.float32(value) != -1)
    rounded = check_value(value)
    assert rounded == np.float32(rounded) == np.float32(value)
    assert -1 < rounded <= 1


def test_a_value_that_float32_rounds_to_minus_one_is_refused():
    with pytest.raises(BadInput):
        check_value(-1 + 1e-12)


def test_the_rule_fails_closed():
    similarity = np.array([0.4, 0.5, 0.6, np.nan, -1], np.float32)
    assert is_anomaly(similarity, 0.5).tolist() == [True, False, False, True, True]


def test_the_rule_compares_in_float32():
    assert not is_anomaly(np.array([0.1], np.float32), 0.1).any()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_macro_f1_agrees_with_scikit_learn(rows):
    truth, flagged = np.array(rows).T
    counts = (flagged & truth).sum(), (flagged & ~truth).sum(), int(truth.sum()), int((~truth).sum())
    expected = np.mean(f1_score(truth, flagged, labels=[False, True], average=None, zero_division=0))
    assert macro_f1(*counts) == pytest.approx(expected)


def best_by_brute_force(similarity, labels):
    values = np.unique(similarity.astype(np.float64))
    cuts = (values[:-1] + values[1:]) / 2
    return max(f1_score(labels, similarity < cut, average="macro", zero_division=0) for cut in cuts)


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("digits", [1, 7])
def test_best_f1_finds_the_best_cut_of_all(seed, digits):
    random = np.random.default_rng(seed)
    labels = random.random(60) < 0.3
    labels[:2] = True, False
    similarity = np.clip(random.normal(0.6 - 0.4 * labels, 0.3), -1, 1).round(digits).astype(np.float32)
    chosen = calibrate(BEST_F1, similarity, labels, "rows")
    reached = f1_score(labels, is_anomaly(similarity, chosen.value), average="macro")
    assert reached == pytest.approx(best_by_brute_force(similarity, labels))
    assert chosen.rows == 60


def test_of_equally_good_cuts_best_f1_takes_the_widest_gap():
    similarity = np.array([0.1, 0.2, 0.7, 0.75], np.float32)
    labels = np.array([True, False, True, False])
    scores = [f1_score(labels, similarity < cut, average="macro") for cut in (0.15, 0.45, 0.72)]
    assert scores[0] == pytest.approx(scores[2])
    assert calibrate(BEST_F1, similarity, labels, "rows").value == pytest.approx(0.15)


@given(st.lists(st.tuples(SIMILARITIES, st.booleans()), min_size=2, max_size=30))
def test_best_f1_lies_midway_between_neighbours_and_never_on_one(rows):
    similarity = np.array([value for value, _ in rows], np.float32)
    labels = np.array([label for _, label in rows])
    assume(labels.any() and not labels.all())
    try:
        value = calibrate(BEST_F1, similarity, labels, "rows").value
    except BadInput:
        gaps = np.diff(np.unique(similarity).astype(np.float64))
        assert (gaps < 1e-6).all()
        return
    assert value not in similarity
    below, above = neighbours(similarity, value)
    assert value == np.float32((below + above) / 2)
    assert -1 < value <= 1


@pytest.mark.parametrize("x", [0.5, np.nextafter(np.float32(0.5), np.float32(1))], ids=["even", "odd"])
def test_best_f1_takes_no_cut_where_no_float32_lies_between_two_similarities(x):
    """The middle of adjacent floats rounds to the one whose last bit is 0, be it the upper or the lower."""
    x = np.float32(x)
    above = np.nextafter(x, np.float32(1))
    with pytest.raises(BadInput, match="practically the same"):
        calibrate(BEST_F1, np.array([x, above]), np.array([True, False]), "rows")
    rows, labels = np.array([0.1, x, above], np.float32), np.array([True, True, False])
    assert calibrate(BEST_F1, rows, labels, "rows").value == np.float32((np.float64(rows[0]) + x) / 2)


def test_a_threshold_that_best_f1_chose_is_a_float32_value():
    values = similarities(50)
    value = calibrate(BEST_F1, values, values < 0.3, "rows").value
    assert value == np.float32(value)


@pytest.mark.parametrize(
    ("labels", "counts"), [(None, "no labels"), (np.ones(5, bool), "0 and 5"), (np.zeros(5, bool), "5 and 0")]
)
def test_best_f1_without_both_labels_is_refused(labels, counts):
    with pytest.raises(BadInput, match=f"labelled 0 .* there are {counts}"):
        calibrate(BEST_F1, similarities(5), labels, "rows")


def test_best_f1_cannot_choose_where_all_similarities_are_one():
    with pytest.raises(BadInput, match="practically the same"):
        calibrate(BEST_F1, np.full(4, 0.5, np.float32), np.array([True, False, True, False]), "rows")


@pytest.mark.parametrize(("rate", "rows"), [(0.05, 19), (0.05, 50), (0.1, 30), (0.01, 250), (None, 20)])
def test_conformal_keeps_its_false_alarm_rate_on_average(rate, rows):
    random = np.random.default_rng(7)
    method = Method("conformal", rate)
    samples = random.beta(8, 2, (500, rows)).astype(np.float32)
    rates = stats.beta(8, 2).cdf([calibrate(method, sample, None, "rows").value for sample in samples])
    allowed = rate if rate is not None else 1 / (rows + 1)
    assert np.mean(rates) <= allowed + 4 * np.std(rates) / len(rates) ** 0.5


@pytest.mark.parametrize("rate", [0.001, 0.004, 0.01, 0.05, 0.3])
def test_conformal_flags_fewer_calibration_rows_than_the_rate_allows(rate):
    values = similarities(1000)
    chosen = calibrate(Method("conformal", rate), values, None, "rows")
    assert is_anomaly(values, chosen.value).sum() == np.floor(rate * 1001) - 1
    assert (chosen.target, chosen.rows) == (rate, 1000)


@given(st.lists(st.floats(-0.875, 1, width=32), min_size=19, max_size=60), st.floats(0.05, 0.999))
def test_conformal_stays_in_range_and_never_lies_on_a_similarity(values, rate):
    ordinary = np.array(values, np.float32)
    chosen = calibrate(Method("conformal", rate), ordinary, None, "rows")
    assert -1 < chosen.value <= 1
    assert chosen.value not in ordinary
    assert is_anomaly(ordinary, chosen.value).sum() < rate * (len(ordinary) + 1) + 1e-6


def test_conformal_lies_midway_between_its_order_statistic_and_the_next_below():
    values = similarities(200)
    value = calibrate(Method("conformal", 0.1), values, None, "rows").value
    ordered = np.sort(values).astype(np.float64)
    assert value == np.float32((ordered[18] + ordered[19]) / 2)


def test_conformal_never_lies_on_a_similarity_where_neighbours_are_adjacent_floats():
    ordinary = [np.float32(0.99)]
    while len(ordinary) < 100:
        ordinary.append(np.nextafter(ordinary[-1], np.float32(2)))
    value = calibrate(Method("conformal", 0.2), np.array(ordinary), None, "rows").value
    assert value not in ordinary
    assert is_anomaly(np.array(ordinary), value).sum() <= 20


@pytest.mark.parametrize(
    ("ordinary", "value"),
    [
        ([0.5, 0.7, 0.9], 0.4),
        ([0.5, 0.9], 0.3),
        ([0.5, 0.5 + 1e-4], 0.4995),
        ([0.5], 0.4995),
        ([-0.9, 0.5], np.nextafter(np.float32(-1), np.float32(0))),
    ],
    ids=["half the gap above", "of two", "but no less than", "of one", "no further than the range"],
)
def test_below_the_smallest_similarity_a_threshold_lies_half_a_gap_away(ordinary, value):
    ordinary = np.array(ordinary, np.float32)
    assert just_below(ordinary[0], ordinary) == pytest.approx(value, abs=1e-7)
    assert just_below(ordinary[0], ordinary) > -1


def test_a_threshold_lies_below_the_next_lower_pair_that_has_a_float32_between():
    one = np.float32(0.5)
    two = np.nextafter(one, np.float32(1))
    three = np.nextafter(two, np.float32(1))
    ordinary = np.array([0.1, 0.3, one, two, three], np.float32)
    for similarity in (one, two, three):
        assert just_below(similarity, ordinary) == np.float32((np.float64(ordinary[1]) + one) / 2)


@pytest.mark.parametrize(
    ("rows", "rate", "rank"),
    [(999, 0.001, 1), (1998, 0.001, 1), (1999, 0.001, 2), (2, 0.5, 1), (2, 0.9, 2), (2, 1 - 1e-12, 2)],
)
def test_a_conformal_rank_is_the_rate_of_one_row_more_than_there_are_rounded_down(rows, rate, rank):
    assert conformal_rank(rows, rate) == (rank, rate)


@pytest.mark.parametrize("rows", [2, 3, 99])
def test_without_a_rate_conformal_takes_the_smallest_that_the_rows_support(rows):
    chosen = calibrate(Method("conformal"), similarities(rows), None, "rows")
    assert chosen.target == pytest.approx(1 / (rows + 1))
    assert not is_anomaly(similarities(rows), chosen.value).any()


@pytest.mark.parametrize("rows", [0, 1])
def test_without_a_rate_conformal_needs_two_rows(rows):
    with pytest.raises(BadInput, match=f"A conformal threshold needs at least 2 .* there are {rows}"):
        calibrate(Method("conformal"), similarities(rows), None, "rows")


@pytest.mark.parametrize("rows", [2, 8, 9, 10, 37, 99, 100, 998, 1234])
def test_too_few_rows_are_told_the_smallest_rate_that_they_support(rows):
    with pytest.raises(BadInput, match="false-alarm rate of 1e-05 needs") as refused:
        conformal_rank(rows, 1e-5)
    (rate,) = re.findall(r"a rate of (\S+) or more", refused.value.hint)
    assert rows_needed(float(rate)) <= rows
    assert float(rate) == pytest.approx(1 / (rows + 1), rel=0.01)


def test_conformal_looks_at_ordinary_rows_only():
    ordinary, anomalies = similarities(100), np.full(50, -0.999, np.float32)
    alone = calibrate(Method("conformal", 0.05), ordinary, None, "rows")
    labels = np.arange(150) >= 100
    together = calibrate(Method("conformal", 0.05), np.concatenate([ordinary, anomalies]), labels, "rows")
    assert together == alone


@pytest.mark.parametrize(("rate", "needed"), [(0.5, 2), (0.1, 9), (0.05, 19), (0.01, 99), (0.001, 999), (0.3, 3)])
def test_too_few_rows_are_refused_with_the_number_needed(rate, needed):
    with pytest.raises(BadInput, match=f"at least {needed} ordinary .* there are {needed - 1}"):
        calibrate(Method("conformal", rate), similarities(needed - 1), None, "rows")
    assert calibrate(Method("conformal", rate), similarities(needed), None, "rows").rows == needed
    assert rows_needed(rate) <= needed


@pytest.mark.parametrize("rate", [1 - 1e-12, 1 - 1e-10, 0.9])
def test_a_rate_close_to_one_takes_the_largest_similarity(rate):
    chosen = calibrate(parse_method(f"conformal:{rate!r}"), similarities(2), None, "rows")
    assert is_anomaly(similarities(2), chosen.value).sum() == 1


def test_the_smallest_rate_of_all_is_one_in_a_billion():
    assert check_rate(1e-9, "--threshold conformal") == 1e-9


@pytest.mark.parametrize("rate", [1e-10, 1e-300, 5e-324])
def test_a_rate_that_no_table_could_support_is_refused(rate):
    with pytest.raises(BadInput, match=r"--threshold conformal is .* a false-alarm rate of at least 1e-9"):
        parse_method(f"conformal:{rate!r}")


@pytest.mark.parametrize(("flagged", "rows"), [(0, 1), (0, 999), (3, 999), (50, 100), (100, 100)])
def test_expected_alarms_are_jeffreys_mean_with_the_exact_interval(flagged, rows):
    alarms = expected_alarms(flagged, rows)
    exact = stats.binomtest(flagged, rows).proportion_ci(0.95, method="exact")
    assert alarms.expected == pytest.approx(1000 * stats.beta(flagged + 0.5, rows - flagged + 0.5).mean())
    assert (alarms.low, alarms.high) == pytest.approx((1000 * exact.low, 1000 * exact.high))
    assert (alarms.confidence, alarms.rows) == (0.95, rows)


def test_without_ordinary_rows_no_alarms_are_promised():
    assert expected_alarms(0, 0) is None
    chosen = calibrate(Method("fixed", 0.5), similarities(3), np.ones(3, bool), "rows")
    assert (chosen.value, chosen.alarms) == (0.5, None)


def test_a_fixed_threshold_still_says_what_alarms_to_expect():
    values = np.array([0.1, 0.2, 0.6, 0.7], np.float32)
    chosen = calibrate(Method("fixed", 0.5), values, np.array([True, False, False, False]), "four rows")
    assert (chosen.rows, chosen.basis, chosen.method, chosen.target) == (0, "four rows", "fixed:0.5", None)
    assert chosen.alarms == expected_alarms(1, 3)
