"""What one core does of each stage: the figures that the estimate of docs/scale.md is built from."""

import io
import statistics
import time

from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.tables import parquet
from aetk.edge.tables.write import ParquetSink

from .conftest import MODEL


def seconds(work, *arguments):
    """The median of three runs, and what the last of them gave."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        found = work(*arguments)
        times.append(time.perf_counter() - started)
    return statistics.median(times), found


def test_each_stage_of_one_worker(data, figures):
    path = min(data.glob("*.parquet"))
    scorer = BatchScorer(MODEL)
    names = list(scorer.feature_names)
    decoding, batches = seconds(lambda: list(parquet.batches(path, names, [])))
    rows = sum(batch.num_rows for batch in batches)
    scoring, scored = seconds(lambda: list(scorer.map(batches)))

    def encode():
        file = io.BytesIO()
        sink = ParquetSink(file)
        for batch in scored:
            answers = batch.schema.names[len(names) :]
            sink.write({name: batch.column(name) for name in answers})
        sink.close()
        return file.getbuffer().nbytes

    encoding, size = seconds(encode)
    assert size > rows
    figures["one_core"] = {
        "rows": rows,
        "bytes_per_row": path.stat().st_size / rows,
        "decode_rows_per_second": rows / decoding,
        "score_rows_per_second": rows / scoring,
        "encode_rows_per_second": rows / encoding,
    }
