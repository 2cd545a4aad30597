"""BatchScorer answers Arrow tables as Scorer answers arrays, and travels to other processes."""

import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from aetk.base.errors import BadInput, CheckFailed
from aetk.edge.scoring import batch_scorer
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.threshold import set_threshold


@pytest.fixture
def table(model, breast_cancer):
    """The built-in table with the model's names, beside an identifier."""
    names = Scorer(model).feature_names
    columns = {name: breast_cancer.data[:, i] for i, name in enumerate(names)}
    return pa.table({"id": [f"row {i}" for i in range(len(breast_cancer.data))], **columns})


def test_it_appends_what_the_scorer_says_and_passes_on_what_came(model, table, breast_cancer):
    expected = Scorer(model).score(breast_cancer.data)
    scored = BatchScorer(model)(table)
    assert scored.column_names == [*table.column_names, "similarity", "is_anomaly", "is_valid"]
    assert scored.schema == BatchScorer(model).schema(table.schema)
    assert scored.select(table.column_names).equals(table)
    np.testing.assert_allclose(scored["similarity"].to_numpy(), expected.similarity, atol=1e-6)
    assert scored["is_anomaly"].to_pylist() == expected.is_anomaly.tolist()
    assert scored["is_valid"].to_pylist() == expected.is_valid.tolist()


def test_a_record_batch_comes_back_as_one_and_its_columns_are_not_copied(model, table):
    (batch,) = table.to_batches()
    scored = BatchScorer(model)(batch)
    assert isinstance(scored, pa.RecordBatch)
    for name in table.column_names:
        assert scored.column(name).buffers()[-1].address == batch.column(name).buffers()[-1].address


def test_more_rows_than_are_scored_at_once_keep_their_order(model, table, monkeypatch):
    whole = BatchScorer(model)(table)
    monkeypatch.setattr(batch_scorer, "_ROWS_AT_ONCE", 100)
    chunked = pa.concat_tables([table[:7], table[7:7], table[7:]])
    scored = BatchScorer(model)(chunked)
    np.testing.assert_allclose(scored["similarity"].to_numpy(), whole["similarity"].to_numpy(), atol=1e-6)
    assert scored["is_anomaly"].to_pylist() == whole["is_anomaly"].to_pylist()


def test_a_batch_without_rows_gets_its_columns(model, table):
    for empty in (table[:0], table[:0].combine_chunks(), pa.RecordBatch.from_pylist([], table.schema)):
        scored = BatchScorer(model)(empty)
        assert scored.num_rows == 0
        assert scored.schema == BatchScorer(model).schema(table.schema)


def test_null_is_missing_and_numbers_may_be_of_any_type(model, table):
    first = table.column_names[1]
    values = table[first].to_pylist()
    values[0] = None
    as_decimals = pa.array([None if v is None else Decimal(f"{v:.4f}") for v in values], pa.decimal128(20, 4))
    plain = BatchScorer(model)(table.set_column(1, first, [values]))
    decimal = BatchScorer(model)(table.set_column(1, first, as_decimals))
    assert plain["is_valid"].to_pylist() == [False] + [True] * (len(values) - 1)
    assert decimal["is_anomaly"].to_pylist() == plain["is_anomaly"].to_pylist()
    assert decimal["is_valid"].to_pylist() == plain["is_valid"].to_pylist()


def test_contributions_come_on_request_and_sum_to_the_distance(explaining_model, model, table):
    assert BatchScorer(explaining_model)(table).num_columns == table.num_columns + 3
    scored = BatchScorer(explaining_model, contribution=True)(table)
    names = [f"contribution:{name}" for name in table.column_names[1:]]
    assert scored.column_names[-len(names) :] == names
    total = np.sum([scored[name].to_numpy() for name in names], axis=0)
    np.testing.assert_allclose(total, 1 - scored["similarity"].to_numpy(), atol=1e-5)
    with pytest.raises(BadInput, match="has no contributions"):
        BatchScorer(model, contribution=True)


def test_the_options_of_the_scorer_are_its_own(model, table, tmp_path):
    assert all(BatchScorer(model, threshold=1.0)(table)["is_anomaly"].to_pylist())
    with pytest.raises(BadInput, match="not a similarity"):
        BatchScorer(model, threshold=2)
    with pytest.raises(BadInput, match="No such"):
        BatchScorer(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns([table.column_names[3]]), "The table has no column"),
        (lambda table: table.append_column("similarity", table["id"]), "has a column 'similarity' already"),
        (lambda table: table.append_column(table.column_names[3], table["id"]), "two columns are called"),
        (
            lambda table: table.set_column(3, table.column_names[3], table["id"]),
            "found the type string, expected numbers",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_name(model, table, change, message):
    with pytest.raises(BadInput, match=message):
        BatchScorer(model)(change(table))


def test_it_pickles_small_and_opens_its_session_once_in_a_process(model, table):
    scorer = BatchScorer(model)
    assert len(pickle.dumps(scorer)) < 10_000
    batch_scorer._open.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        scored = list(threads.map(lambda _: pickle.loads(pickle.dumps(scorer))(table), range(16)))
    assert batch_scorer._open.cache_info().misses == 1
    assert all(each.equals(scored[0]) for each in scored)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_answer_alike(model, table, method):
    import multiprocessing

    scorer = BatchScorer(model)
    here = scorer(table)
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as processes:
        for there in processes.map(scorer, [table] * 4):
            assert there.equals(here)


def test_another_file_at_its_path_is_refused(model_copy, table):
    travelling = pickle.dumps(BatchScorer(model_copy))
    set_threshold(model_copy, 0.5)
    with pytest.raises(CheckFailed, match="is not the model that was to be used"):
        pickle.loads(travelling)(table)
    model_copy.unlink()
    with pytest.raises(BadInput, match="has to lie at the same path"):
        pickle.loads(travelling)(table)


def test_map_is_lazy(model, table):
    taken = []

    def batches():
        for batch in table.to_batches(100):
            taken.append(batch.num_rows)
            yield batch

    scored = BatchScorer(model).map(batches())
    assert taken == []
    assert next(scored).num_rows == 100
    assert taken == [100]
    assert sum(batch.num_rows for batch in scored) == table.num_rows - 100


def test_making_one_imports_no_pyarrow(model):
    made = f"from aetk.edge.scoring.batch_scorer import BatchScorer; BatchScorer({str(model)!r})"
    code = f"import sys; {made}; print('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
