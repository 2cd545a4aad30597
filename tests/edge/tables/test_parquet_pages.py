"""A small Parquet file that unpacks to much is seen through before it is read."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetk.base.errors import Unavailable
from aetk.edge.tables import parquet
from aetk.edge.tables.parquet_pages import pages_at_once
from aetk.edge.tables.read import read_chunks

OF_ONE_PAGE = {
    "use_dictionary": False, "data_page_size": 2**28, "write_batch_size": 2**26, "max_rows_per_page": 2**26,
    "row_group_size": 2**26,
}  # fmt: skip


@pytest.fixture
def bomb(tmp_path):
    """Two columns of 16 MiB of zeros in a page each, which take some kilobytes."""
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table(dict.fromkeys("ab", np.zeros(2**21))), path, compression="zstd", **OF_ONE_PAGE)
    assert path.stat().st_size < 2**14
    return path


def test_the_pages_of_the_columns_asked_for_are_added_up(bomb):
    with bomb.open("rb") as file:
        assert 2**24 <= pages_at_once(file, {"a"}) < 2**24 + 2**10
        assert 2**25 <= pages_at_once(file, {"a", "b"}) < 2**25 + 2**11
        assert pages_at_once(file, {"c"}) == 0


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    "options", [{}, {"use_dictionary": False}, {"row_group_size": 700}, {"write_page_index": True}]
)
def test_small_pages_count_one_by_one_whatever_the_format(tmp_path, version, options):
    path = tmp_path / "t.parquet"
    table = pa.table({"a": np.arange(50_000.0), "s": [f"{i}" for i in range(50_000)], "empty": pa.nulls(50_000)})
    pq.write_table(table, path, data_page_size=2**13, data_page_version=version, **options)
    with path.open("rb") as file:
        assert 2**9 < pages_at_once(file, {"a", "s", "empty"}) < 2**21


def test_pages_that_do_not_fit_are_refused_before_one_is_unpacked(bomb, monkeypatch):
    monkeypatch.setattr(parquet, "free_memory", lambda: 2**26 - 1)
    with pytest.raises(Unavailable, match=r"bomb.parquet does not fit into memory: its pages unpack to 0.1 GiB"):
        read_chunks(bomb, ["a", "b"])
    assert next(read_chunks(bomb, ["a"])).values.shape[1] == 1


@pytest.mark.parametrize("place", range(4, 400, 3))
def test_damage_anywhere_is_a_value_error_and_ends_soon(bomb, place):
    content = bytearray(bomb.read_bytes())
    for content[-place] in (0, 0xFF, 0x8C, 0x19):
        try:
            assert pages_at_once(io.BytesIO(content), {"a", "b"}) >= 0
        except ValueError:
            continue
