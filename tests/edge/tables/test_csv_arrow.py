"""CSV has one meaning: what pyarrow reads and writes is what the csv module would have."""

import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aetk.base.errors import BadInput
from aetk.edge.tables import csv_arrow, source
from aetk.edge.tables.read import read_chunks, read_table
from aetk.edge.tables.write import CsvSink

BY_FUNCTION = settings(
    max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
PLAIN = ["0", "1", "-2.5", "1e-3", "12.75", "00.10", ".5", "5.", "0.1000000000000000055511151231257827"]
MISSING = ["", "NA", "na", "NaN", "nAn", "null", "NULL"]
INFINITE = ["inf", "-inf", "+INF", "Infinity", "-INFINITY", "1e400", "-1e400", "1e39", "1e99999999999999999999"]
ODD = ["1" * 400, "+3", "+.5", "1e-400", "-0", "0e999999999", "1.7976931348623159e308", "5e-324", "1E+05", "1e+5"]
WORDS = ["1_000", "nan(1)", "infinit", "0x10", "1f", "1d5", "1e", "e5", "1.2.3", "1,5", "N/A", "None", "#N/A", "True"]
SIGNS = ["-nan", "+nan", ".", "-", "+-1", "--1", "-NA"]
BLANKS = [" 1", "1 ", "\t1", "1\t", "1\u00a0", "\x0b1", "1\x0c", "1\x00", "\x00", "\ufeff1", "١", "1\r", "\r1"]
QUOTED = ['"1"', '" 1"', '"1 "', '"NA"', '"-nan"', '"1,2"', '"1"2', '"1\n"', '"', '1"', '""', '"a""b"']
BROKEN = [*WORDS, *SIGNS, *BLANKS, *QUOTED, "x" * 50]
FORMULAS = [
    "=1+1",
    "+cmd",
    "-x",
    "-5",
    "+.5e3",
    "-1\n",
    "-1.2.3",
    "@SUM(A1)",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "\r",
    "-inf",
    "'=1",
]
NOTES = ["x", "", "NA", "two words", " edge", "edge ", "ünï", "\ufeff", "\x00", "tab\there"]
NOTES += ['"quoted"', '"a,b"', '"two\nlines"', '""', '" "', '","', '"a ""b"', '"', 'a"b', '"a"b', '"\r"', '","",","']


@pytest.fixture
def both(tmp_path, monkeypatch):
    """A function that reads a file with pyarrow and without, in blocks of a few bytes, and returns both outcomes."""

    def outcome(path, numeric, text):
        values, texts, places = [], [], []
        try:
            for chunk in read_chunks(path, numeric, text):
                assert chunk.values.dtype == np.float64
                values.append(chunk.values)
                columns = (column if isinstance(column, tuple) else column.to_pylist() for column in chunk.texts)
                texts += zip(*columns, strict=True)
                places += chunk.places.tolist()
        except BadInput as error:
            return type(error), str(error)
        found = np.concatenate(values) if values else np.empty((0, len(numeric)))
        return np.where(np.isnan(found), np.nan, found).tobytes(), texts, places

    def read(content, numeric, text=(), block_bytes=16):
        path = tmp_path / "table.csv"
        path.write_bytes(content)
        with monkeypatch.context() as patch:
            patch.setattr(source, "BLOCK_BYTES", block_bytes)
            quick = outcome(path, numeric, text)
            patch.setattr(csv_arrow, "block_parser", lambda *_: None)
            return quick, outcome(path, numeric, text)

    return read


@pytest.fixture
def parsed(monkeypatch):
    """Counts the blocks that pyarrow was shown, and those that it read."""
    counts = {"shown": 0, "read": 0}
    made = csv_arrow.block_parser

    def block_parser(*arguments):
        parse = made(*arguments)

        def counting(block):
            found = parse(block)
            counts["shown"] += 1
            counts["read"] += found is not None
            return found

        return counting

    monkeypatch.setattr(csv_arrow, "block_parser", block_parser)
    return counts


@pytest.mark.parametrize("block_bytes", [1, 20, 300])
@pytest.mark.parametrize("padding", [0, 50])
def test_an_awkward_table_is_read_alike(both, awkward, block_bytes, padding):
    header = awkward["header"]
    columns = len(next(csv.reader(io.StringIO(header, newline="")), [""]))
    plain = (",".join("0" * columns) + "\n") * padding if header.strip() and "\0" not in header else ""
    quick, careful = both((header + plain + awkward["body"]).encode("latin-1"), awkward["columns"], (), block_bytes)
    assert quick == careful


@pytest.mark.parametrize("cell", [*PLAIN, *MISSING, *INFINITE, *ODD, *BROKEN])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_cell_is_read_alike_wherever_it_stands(both, cell, end):
    rows = ["1,2"] * 10
    for row in (f"{cell},2", f"2,{cell}"):
        for position in (0, 5, 10):
            body = (end or "\n").join([*rows[:position], row, *rows[position:]])
            for block_bytes in (1, 15, 1000):
                quick, careful = both(f"a,b{end or chr(10)}{body}{end}".encode(), ["a", "b"], (), block_bytes)
                assert quick == careful


cells = st.one_of(st.sampled_from(PLAIN), st.floats().map(repr), st.sampled_from(MISSING + INFINITE + ODD))
any_cells = st.one_of(cells, cells, st.sampled_from(BROKEN), st.text("0123456789.eE+-_ nainfNAI", max_size=8))
rows = st.tuples(cells, st.sampled_from(NOTES), cells).map(",".join)
any_rows = st.one_of(
    rows,
    rows,
    st.tuples(any_cells, st.sampled_from(NOTES), any_cells).map(",".join),
    st.sampled_from(["", " ", "1", "1,x", "1,x,2,", ",,", "\r", "1,x,2\r", '1,"']),
)


@BY_FUNCTION
@given(
    st.lists(any_rows, max_size=30),
    st.sampled_from(["\n", "\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([1, 16, 64, 10_000]),
    st.sampled_from([(), ("note",), ("a", "note")]),
)
@example(["1,x,2"] * 3 + ["\ufeff1,x,2"], "\n", True, 1, ())
def test_any_table_is_read_alike(both, body, newline, ends, block_bytes, text):
    content = newline.join(["a,note,b", *body]) + newline * ends
    quick, careful = both(content.encode(), ["b", "a"], text, block_bytes)
    assert quick == careful


@BY_FUNCTION
@given(st.binary(max_size=120), st.sampled_from([1, 8, 64]))
def test_arbitrary_bytes_are_read_alike(both, content, block_bytes):
    quick, careful = both(b"a,b\n1,2\n3,4\n" + content, ["a", "b"], ("a",), block_bytes)
    assert quick == careful


def test_a_real_table_is_read_alike_and_by_pyarrow_alone(both, parsed, creditcard):
    names = [f"V{i}" for i in range(1, 31)]
    quick, careful = both((creditcard / "train.csv").read_bytes(), names, ("ID",), 2**16)
    assert quick == careful
    assert parsed["read"] == parsed["shown"] > 10


@pytest.mark.parametrize(
    "row",
    [
        "1,two words,3",
        "1,ünï,3",
        "NA,x,",
        '1,"quoted, text",3',
        '"1","x","NA"',
        "-1e5,x,1e400",
        "inf,tab\there,+Infinity",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_is_common_in_tables_is_left_to_pyarrow(parsed, tmp_path, monkeypatch, row, newline):
    monkeypatch.setattr(source, "BLOCK_BYTES", 64)
    path = tmp_path / "table.csv"
    path.write_bytes(newline.join(["a,note,b", *[row] * 90, ""]).encode())
    assert len(read_table(path, ["a", "b"]).values) == 90
    assert parsed["read"] == parsed["shown"] > 5


def test_after_an_unusual_block_pyarrow_goes_on_and_lines_are_counted_through(parsed, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 64)
    path = tmp_path / "table.csv"
    plain = "1,x,3\n" * 50
    path.write_text(f'a,note,b\n{plain}\n2,"two\n\nlines",3\n{plain}\n\n{plain}9,x,oops\n')
    with pytest.raises(BadInput, match=r"line 158, column 'b': found 'oops'"):
        read_table(path, ["a", "b"])
    assert 2 <= parsed["shown"] - parsed["read"] <= 4
    assert parsed["read"] > 10


@pytest.mark.parametrize("row", ['x"y, 1,z"', '"x"y, 1,"z"', 'x","y", 1,"z'])
@pytest.mark.parametrize("block_bytes", [1, 40, 400])
def test_a_quote_within_a_cell_hides_no_blank_of_the_next(both, row, block_bytes):
    quick, careful = both(f"note,a,more\n{'x,1,z' + chr(10)}{(row + chr(10)) * 9}".encode(), ["a"], (), block_bytes)
    assert quick == careful


def test_a_row_may_go_on_over_the_border_of_a_block(both):
    body = "".join(f'{i},"{"line" * (i % 7)}\n{"and" * (i % 5)}\n",{i}\n' for i in range(100))
    for block_bytes in range(1, 60, 7):
        quick, careful = both(f"a,note,b\n{body}".encode(), ["a", "b"], ("note",), block_bytes)
        assert quick == careful
        assert len(quick[1]) == 100


@pytest.mark.parametrize("length", [2**24, 2**24 + 1])
@pytest.mark.parametrize("row", ["2,{}\n", '2,"{}\n"\n', '2,"\n{}"'])
def test_the_longest_row_is_the_same_for_both(both, length, row):
    quick, careful = both(b"a,note\n1,x\n" + row.format("x" * (length - len(row) + 2)).encode(), ["a"], ("note",))
    assert quick == careful
    assert (quick[0] is BadInput) == (length > 2**24)
    if length > 2**24:
        assert "line 3: the row is longer than 16 MiB." in quick[1]


def test_a_small_file_is_read_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_arrow, "block_parser", None)
    path = tmp_path / "table.csv"
    path.write_text("a\n1\n")
    assert read_table(path, ["a"]).values.tolist() == [[1]]


@pytest.fixture
def written(monkeypatch):
    """A function that writes columns with pyarrow and without, and returns both outcomes."""

    def write(columns):
        outcomes = []
        for quick in (True, False):
            with monkeypatch.context() as patch:
                if not quick:
                    patch.setattr(csv_arrow, "lines", lambda columns: None)
                file = io.BytesIO()
                sink = CsvSink(file)
                for start in (0, 5000):
                    sink.write({name: values[start : start + 5000] for name, values in columns.items()})
                sink.close()
            outcomes.append(file.getvalue())
        return outcomes

    return write


def test_scores_are_written_alike(written):
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 10_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    near_one = (1 - np.exp(random.uniform(-17, 0, 10_000))).astype(np.float32)
    special = np.float32([0, -0.0, 1, -1, 1e-4, 0.00011, 0.99999994, np.nan, np.inf, -np.inf, 1e-45, 0.5] * 833)
    columns = {"row": np.arange(10_000), "flag": random.random(10_000) < 0.5, "bits": bits, "near": near_one}
    quick, careful = written({**columns, "special": np.resize(special, 10_000)})
    assert quick == careful


def test_similarities_all_over_their_range_are_written_alike():
    spread = np.arange(np.float32(0.00011).view(np.int32), np.float32(1).view(np.int32), 313, np.int32)
    values = spread.view(np.float32)
    assert csv_arrow.lines({"x": values}).decode().split() == values.astype(str).tolist()


@pytest.mark.parametrize(
    "odd",
    ["", "plain", "a,b", 'a "quoted" one', "two\nlines", "carriage\rreturn", "ünï", " blank ", "\ttab", "#", *FORMULAS],
)
def test_texts_are_written_alike(written, odd):
    for texts in ([odd] * 10_000, ["x", odd] * 5000):
        quick, careful = written({"id": tuple(texts), "x": np.ones(10_000, np.float32)})
        assert quick == careful


@BY_FUNCTION
@given(st.lists(st.text(st.one_of(st.sampled_from("=+-@\t＝＋－＠'1.eE"), st.characters(codec="utf-8"))), min_size=1))
def test_any_text_is_written_alike_and_never_as_a_formula(texts):
    columns = {"id": tuple(texts), "flag": np.zeros(len(texts), np.bool_)}
    file = io.BytesIO()
    CsvSink(file).write(columns)
    quick = csv_arrow.lines(columns)
    assert quick is None or b"id,flag\n" + quick == file.getvalue()
    for text, (cell, _) in zip(
        texts, list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))[1:], strict=True
    ):
        assert cell in (text, f"'{text}")
        assert not cell.startswith(tuple("=@\t\r\n＝＋－＠"))
        assert not cell.startswith(("+", "-")) or np.isfinite(float(cell)) or "e" in cell.lower()


def test_pyarrow_writes_what_needs_no_quotes_and_nothing_else():
    assert csv_arrow.lines({"id": ["a", "b"], "x": np.float32([0.5, -1])}) == b"a,0.5\nb,-1.0\n"
    for odd in ',"\n\r':
        assert csv_arrow.lines({"id": ["a", odd]}) is None


def test_a_spelling_of_missing_is_known_in_every_mixture_of_cases():
    from aetk.contract.dialect import missing_spellings, parse_cell

    found = missing_spellings()
    assert len(found) == len(set(found)) == 1 + 2**2 + 2**3 + 2**4
    assert all(np.isnan(parse_cell(cell)) for cell in found)
    assert set(found) >= {"".join(letters) for letters in itertools.product("nN", "uU", "lL", "lL")}
