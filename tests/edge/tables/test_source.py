import os
import threading
from pathlib import Path

import pytest

from aetk.base.errors import BadInput
from aetk.base.streams import Stop, Stopped
from aetk.contract.dialect import ROW_BYTES
from aetk.edge.tables import source
from aetk.edge.tables.read import read_chunks
from aetk.edge.tables.source import open_source


@pytest.fixture
def pipe():
    """A pipe: the path to read it from, a function that writes to it, and one that ends it."""
    reading, writing = os.pipe()
    open_ends = {reading, writing}

    def end():
        os.close(writing)
        open_ends.remove(writing)

    yield Path(f"/dev/fd/{reading}"), lambda content: os.write(writing, content), end
    for descriptor in open_ends:
        os.close(descriptor)


def values(chunks):
    return next(chunks).values.tolist()


def test_a_block_of_a_pipe_is_the_whole_lines_that_have_arrived(pipe):
    path, write, end = pipe
    stream = open_source(path)
    write(b"a\nb\nhalf of ")
    assert stream.block() == b"a\nb\n"
    write(b"a line\n")
    assert stream.block() == b"half of a line\n"
    write(b"the last")
    end()
    assert stream.block() == b"the last"
    assert stream.block() == b""
    assert stream.share is None
    stream.close()


def test_a_block_of_a_fast_pipe_is_large(pipe, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 3000)
    path, write, _ = pipe
    write(b"a line\n" * 8000)
    stream = open_source(path)
    assert len(stream.block()) >= 3000
    stream.close()


def test_a_line_without_an_end_is_held_no_further_than_it_may_be_long(pipe):
    path, write, _ = pipe
    stream = open_source(path)

    def write_all():
        for _ in range(ROW_BYTES // 2**16 + 100):
            write(bytes(2**16))
        write(b"\n")

    thread = threading.Thread(target=write_all)
    thread.start()
    assert ROW_BYTES < len(stream.block()) < ROW_BYTES + 2**21
    assert stream.block().endswith(b"\n")
    thread.join()
    stream.close()


@pytest.mark.parametrize(
    ("table_format", "rows"), [("csv", [b"a\n1\n", b"2\n"]), ("jsonl", [b'{"a":1}\n', b'{"a":2}\n'])]
)
def test_a_row_that_is_there_waits_for_no_other(pipe, table_format, rows):
    path, write, end = pipe
    write(rows[0])
    chunks = read_chunks(path, ["a"], table_format=table_format)
    assert values(chunks) == [[1.0]]
    write(rows[1])
    assert values(chunks) == [[2.0]]
    end()
    assert list(chunks) == []


def test_a_row_with_quoted_line_ends_is_one_and_those_before_it_do_not_wait_for_it(pipe):
    path, write, end = pipe
    write(b'a,note\n1,x\n2,"two\nli')
    chunks = read_chunks(path, ["a"], ["note"])
    assert values(chunks) == [[1.0]]
    write(b'nes"\n3,x\n')
    chunk = next(chunks)
    assert (chunk.values.tolist(), chunk.texts, chunk.places.tolist()) == ([[2.0]], (("two\nlines",),), [3])
    chunk = next(chunks)
    assert (chunk.values.tolist(), chunk.places.tolist()) == ([[3.0]], [5])
    end()
    assert list(chunks) == []


@pytest.mark.parametrize(
    ("table_format", "content"),
    [("csv", b"a\n1\n2\nx\n4\n"), ("jsonl", b'{"a":1}\n{"a":2}\n\n{"a":"x"}\n{"a":4}\n')],
)
def test_rows_before_a_fault_come_before_it_though_they_arrived_together(pipe, table_format, content):
    path, write, _ = pipe
    write(content)
    chunks = read_chunks(path, ["a"], table_format=table_format)
    assert values(chunks) == [[1.0], [2.0]]
    with pytest.raises(BadInput, match=r"line 4, column 'a': found '\"?x\"?', expected a number"):
        next(chunks)


def test_a_fault_in_the_first_row_comes_alone(pipe):
    path, write, _ = pipe
    write(b"a\nx\n")
    with pytest.raises(BadInput, match="line 2"):
        next(read_chunks(path, ["a"]))


def test_a_wait_for_a_row_can_be_ended(pipe):
    path, write, _ = pipe
    write(b"a\n1\n")
    with Stop() as stop:
        chunks = read_chunks(path, ["a"], stop=stop)
        assert values(chunks) == [[1.0]]
        stop.set()
        with pytest.raises(Stopped):
            next(chunks)
