"""`aetk score` between a pipe and a pipe, as a shell starts it."""

import json
import os
import select
import signal
import subprocess
import sys

import pandas as pd
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")

PATIENCE = 120
"""Seconds that a busy machine may take; nothing is measured by it."""


@pytest.fixture
def start(tmp_path):
    """Starts a command with three pipes; what is still running at the end is killed."""
    started = []

    def call(*arguments, **options):
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        command = [sys.executable, "-m", "aetk", *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=tmp_path, bufsize=0, **streams))
        return started[-1]

    yield call
    for process in started:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


@pytest.fixture
def done(start):
    """Runs a command to its end: its exit code, and what it wrote to the two streams as text."""

    def call(*arguments, input=b"", **options):
        process = start(*arguments, **options)
        out, err = process.communicate(input, timeout=PATIENCE)
        assert b"Traceback" not in (err or b"")
        assert b"Exception ignored" not in (err or b"")
        return process.returncode, (out or b"").decode(), (err or b"").decode()

    return call


def line_of(process):
    """The next line that a command writes, which has to come while it is still waiting for more."""
    line = b""
    while not line.endswith(b"\n"):
        assert select.select([process.stdout], [], [], PATIENCE)[0], "no answer"
        got = process.stdout.read(1)
        assert got, process.stderr.read().decode()
        line += got
    return line


@pytest.fixture
def lines(whole_table):
    return whole_table.read_bytes().splitlines(keepends=True)


@pytest.fixture
def objects(whole_table):
    rows = pd.read_csv(whole_table).to_dict("records")
    return [json.dumps(row).encode() + b"\n" for row in rows]


@pytest.fixture
def expected(aetk, model, whole_table, tmp_path):
    """The scores of that table, by both formats."""
    for name in ("expected.csv", "expected.jsonl"):
        assert aetk("score", model, whole_table, "--out", name).code == 0
    return {name: (tmp_path / f"expected.{name}").read_bytes().splitlines(keepends=True) for name in ("csv", "jsonl")}


def same(answers, expected):
    """Whether rows scored as they arrived agree with those scored together, but for the last digits of similarity."""
    found, known = (list(map(cells, lines)) for lines in (answers, expected))
    for one, other in zip(found, known, strict=True):
        assert one.pop("similarity") == pytest.approx(other.pop("similarity"), abs=1e-5)
        assert one == other
    return True


def cells(line):
    """A scored row of either format by column name; the header of CSV is a row of none."""
    if line.startswith(b"{"):
        return json.loads(line)
    row, similarity, *flags = line.decode().strip().split(",")
    return {"similarity": 0.0 if row == "row" else float(similarity), "row": row, "flags": flags}


def test_json_lines_that_arrive_one_at_a_time_are_answered_one_at_a_time(start, model, objects, expected):
    process = start("score", model, "-", "--out", "-", "--format", "jsonl")
    answers = []
    for line in objects[:3]:
        process.stdin.write(line)
        answers.append(line_of(process))
    assert same(answers, expected["jsonl"][:3])
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, b"")
    assert b"3 rows on cpu" in err
    assert b"wrote: standard output" in err


def test_csv_rows_that_arrive_one_at_a_time_are_answered_one_at_a_time(start, model, lines, expected):
    process = start("score", model, "-", "--out", "-")
    process.stdin.write(lines[0] + lines[1] + lines[2][:20])
    assert [line_of(process), line_of(process)[:2]] == [expected["csv"][0], b"1,"]
    process.stdin.write(lines[2][20:])
    assert line_of(process).startswith(b"2,")
    assert process.communicate(timeout=PATIENCE)[0] == b""
    assert process.returncode == 0


@pytest.mark.parametrize("table_format", ["csv", "jsonl"])
def test_a_table_through_pipes_gives_what_it_gives_through_files(
    done, model, lines, objects, expected, tmp_path, table_format
):
    content = b"".join(lines if table_format == "csv" else objects)
    code, out, err = done("score", model, "-", "--format", table_format, input=content)
    assert code == 0
    assert same(out.encode().splitlines(), expected[table_format])
    assert "569 rows on cpu" in err
    assert not (tmp_path / "-").exists()


def test_formats_may_differ_where_one_ending_says_so(done, model, whole_table, objects, expected, tmp_path):
    code, out, _ = done("score", model, whole_table, "--out", "-", "--format", "jsonl")
    assert (code, out) == (0, b"".join(expected["jsonl"]).decode())
    code, out, _ = done("score", model, "-", "--out", "s.csv", "--format", "jsonl", input=b"".join(objects))
    assert code == 0
    assert "wrote: s.csv" in out
    assert same((tmp_path / "s.csv").read_bytes().splitlines(), expected["csv"])


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_where_the_scores_go_to_standard_output_the_report_goes_to_standard_error(
    done, model, whole_table, expected, name
):
    code, out, err = done("score", model, whole_table, "--out", name, "--json")
    assert (code, out) == (0, b"".join(expected["csv"]).decode())
    assert json.loads(err)["rows"] == 569
    assert json.loads(err)["out"] == name


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_log_keeps_its_old_and_its_later_lines(done, model, whole_table, expected, tmp_path, name, mode):
    with (tmp_path / "log").open(mode) as log:
        log.write("old\n")
        log.flush()
        code, _, err = done("score", model, whole_table, "--out", name, stdout=log)
        log.seek(0, os.SEEK_END)
        log.write("later\n")
    assert code == 0
    assert "flagged" in err
    assert (tmp_path / "log").read_bytes() == b"old\n" + b"".join(expected["csv"]) + b"later\n"


def test_scores_on_standard_error_leave_the_report_on_standard_output(done, model, whole_table, expected):
    code, out, err = done("score", model, whole_table, "--out", "/dev/stderr")
    assert (code, err) == (0, b"".join(expected["csv"]).decode())
    assert "569 rows on cpu" in out


@pytest.mark.parametrize("options", [(), ("--format", "jsonl"), ("--out", "s.csv")])
def test_empty_standard_input_is_called_that(done, model, tmp_path, options):
    before = sorted(tmp_path.iterdir())
    code, out, err = done("score", model, "-", *options)
    assert (code, out) == (2, "")
    assert err.startswith("aetk: standard input is empty; expected ")
    assert sorted(tmp_path.iterdir()) == before


def test_a_header_without_rows_is_called_that(done, model, lines):
    assert done("score", model, "-", input=lines[0])[2].startswith("aetk: standard input has a header and no rows.")


def test_a_fault_is_placed_and_what_came_before_it_is_answered(done, model, lines, expected):
    code, out, err = done("score", model, "-", input=b"".join([*lines[:3], b"oops" + lines[3], *lines[4:]]))
    assert code == 2
    assert [line[:2] for line in out.splitlines()] == ["ro", "1,", "2,"]
    assert err.startswith("aetk: standard input, line 4, column 'mean_radius': found 'oops")


def test_a_reader_that_goes_away_ends_the_command_quietly_though_the_sensor_is_silent(start, model, lines):
    process = start("score", model, "-", "--out", "-")
    process.stdin.write(b"".join(lines[:2]))
    line_of(process)
    line_of(process)
    process.stdout.close()
    process.stdin.write(lines[2])  # and no more: the end of standard input does not come
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == b""


@pytest.mark.parametrize("arguments", [("inspect", "M"), ("inspect", "M", "--json"), ("verify", "M"), ("--help",)])
def test_a_report_that_nobody_reads_is_no_error(start, model, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*(model if word == "M" else word for word in arguments), stdout=writing)
    os.close(writing)
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == b""


@pytest.mark.parametrize(("number", "expected_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("out", ["-", "s.csv"])
def test_a_signal_ends_the_wait_for_a_silent_sensor(start, model, lines, tmp_path, number, expected_code, out):
    before = sorted(tmp_path.iterdir())
    process = start("score", model, "-", "--out", out)
    process.stdin.write(b"".join(lines[:2]))
    if out == "-":
        line_of(process)
        line_of(process)
    else:
        while not list(tmp_path.glob(".aetk-*.tmp")):
            assert process.poll() is None
    process.send_signal(number)
    assert process.wait(PATIENCE) == expected_code  # standard input is still open
    assert b"Traceback" not in process.stderr.read()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("number", "expected_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_a_reader_that_has_stopped_reading(
    start, model, lines, tmp_path, number, expected_code
):
    (tmp_path / "long.csv").write_bytes(lines[0] + b"".join(lines[1:]) * 20)
    process = start("score", model, "long.csv", "--out", "-")
    line_of(process)  # the pipe is full soon
    process.send_signal(number)
    assert process.wait(PATIENCE) == expected_code
    assert b"Traceback" not in process.stderr.read()


def test_a_file_may_be_called_like_the_stream(aetk, model, whole_table, tmp_path, expected):
    assert aetk("score", model, whole_table, "--out", "./-").code == 0
    assert (tmp_path / "-").read_bytes() == b"".join(expected["csv"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "-"),
        ("train", "-"),
        ("train", "--out", "-"),
        ("export", "--onnx", "--out", "-"),
        ("bench", "--out", "-"),
        ("embed", "python", "--out", "-"),
        ("threshold", "-"),
        ("score", "-", "t.csv"),
        ("evaluate", "m.onnx", "t.csv", "--label", "y", "--plot", "-"),
        ("score", "m.onnx", "-", "--engine", "ray"),
        ("score", "m.onnx", "t.csv", "--engine", "ray", "--format", "csv"),
    ],
)
def test_no_other_command_takes_a_stream_for_a_file(refused, arguments):
    message = refused(*arguments)
    assert "'-' is a stream" in message or "are for one table" in message


def test_what_is_written_with_a_card_is_no_stream(refused, model_copy, tmp_path):
    model_copy.rename(tmp_path / "real.onnx")
    (tmp_path / "m.onnx").symlink_to("/dev/null")
    assert "not a regular file" in refused("threshold", "m.onnx", "--set", "0.5")
