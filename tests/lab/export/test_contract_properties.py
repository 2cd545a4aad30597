"""The contract's rules over random weights, thresholds and rows, on a few exported graphs."""

import json

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.edge.runtime.session import open_session
from aetk.lab.export.graph import to_onnx
from lab.small import small_detector

KINDS = {
    "plain": {"n": 3, "kappa": 0.0},
    "anchored": {"n": 3, "kappa": 3.0, "shapes": ((4,), (2,))},
    "with a memory": {"n": 4, "memory": 3},
    "imputing": {"n": 2, "imputes": True},
    "compact": {"n": 5, "compact": True, "memory": 2},
}
few = settings(max_examples=25)
cells = st.one_of(
    st.floats(width=32),
    st.floats(-1e3, 1e3, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 0.0, 1e-45]),
)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def exported(kind):
    """The bytes of an export that explains."""
    return to_onnx(small_detector(**KINDS[kind]))


@pytest.fixture(scope="module")
def card(model):
    """The text of a card of 30 features."""
    return onnxfile.read(model.read_bytes()).metadata[spec.CARD_KEY]


def rows_of(exported, data, most=6):
    shape = (data.draw(st.integers(1, most)), gate.read(exported).n_features)
    return data.draw(arrays.arrays(np.float32, shape, elements=cells))


def varied(exported, seed, scale):
    """The export with other weights of its networks, so that it answers otherwise."""
    proto, random = onnx.load_from_string(exported), np.random.default_rng(seed)
    for tensor in proto.graph.initializer:
        if tensor.name.startswith(("outlet_bias", "networks")):
            values = numpy_helper.to_array(tensor)
            changed = (values + random.uniform(-scale, scale, values.shape)).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
    return proto.SerializeToString()


def holds(answers, threshold):
    """The rule, validity, and contributions that sum to 1 - similarity."""
    similarity, anomaly, valid = (answers[name] for name in spec.OUTPUTS)
    assert np.isfinite(similarity).all()
    assert (np.abs(similarity) <= 1).all()
    assert (anomaly == ~(similarity >= np.float32(threshold))).all()
    assert (similarity[~valid] == spec.UNJUDGED).all()
    share = answers[spec.CONTRIBUTION]
    assert (share[~valid] == 0).all()
    assert share[valid].sum(1) == pytest.approx(1 - similarity[valid], abs=10 * spec.TOLERANCE)


@few
@given(st.data())
def test_every_row_is_judged_by_the_rule_whatever_it_holds(exported, data):
    answers = open_session(exported, threads=1).run(rows_of(exported, data))
    holds(answers, gate.read(exported).threshold)


@few
@given(st.data())
def test_a_row_is_valid_exactly_where_every_cell_can_be_used_or_replaced(kind, exported, data):
    rows = rows_of(exported, data)
    usable = (np.abs(rows) <= np.float32(spec.FINITE_LIMIT)).all(1)
    valid = open_session(exported, threads=1).run(rows)[spec.IS_VALID]
    assert (valid == (usable | KINDS[kind].get("imputes", False))).all()


@few
@given(st.data(), st.integers(0, 2**32 - 1), st.sampled_from([0.01, 1.0, 30.0]))
def test_other_weights_pass_the_gate_and_keep_the_rule(exported, data, seed, scale):
    other = varied(exported, seed, scale)
    threshold = gate.read(other).threshold
    holds(open_session(other, threads=1).run(rows_of(other, data)), threshold)


@few
@given(st.floats(-0.984375, 1.0, width=32), st.data())
def test_any_threshold_can_be_set_and_decides(exported, threshold, data):
    other = onnxfile.with_threshold(exported, threshold)
    assert gate.read(other).threshold == threshold
    holds(open_session(other, threads=1).run(rows_of(other, data)), threshold)


@few
@given(st.data())
def test_a_row_is_judged_by_itself_whatever_stands_beside_it(exported, data):
    rows, session = rows_of(exported, data, most=40), open_session(exported, threads=1)
    together = session.run(rows)
    for position in range(len(rows)):
        alone = session.run(rows[position : position + 1])
        assert alone[spec.IS_VALID][0] == together[spec.IS_VALID][position]
        for name in (spec.SIMILARITY, spec.CONTRIBUTION):
            assert alone[name][0] == pytest.approx(together[name][position], abs=spec.TOLERANCE)


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=30, max_size=30, unique=True))
def test_names_of_any_text_survive_the_card(card, names):
    data = json.loads(card)
    for feature, name in zip(data["features"], names, strict=True):
        feature["name"] = name
    read = cards.parse(cards.seal(data))
    assert list(read.feature_names) == names
    assert cards.parse(read.to_json()).feature_names == read.feature_names
