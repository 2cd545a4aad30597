"""Every host with a command line reads standard input, and writes to what is not a file as it is."""

import os
import subprocess
import threading

import pytest

from .conftest import ENVIRONMENT

PATIENCE = 120


@pytest.fixture
def table(creditcard):
    return creditcard / "test.csv"


@pytest.fixture
def expected(app, models, table, tmp_path):
    """The scores of that table, as the host writes them into a file."""
    out = tmp_path / "expected.csv"
    assert app.run("score", table, "--model", models["default"], "--out", out).returncode == 0
    return out.read_bytes()


@pytest.fixture
def score(app, models):
    """Runs `score` in bytes, with streams of its own."""

    def call(*arguments, **options):
        command = app.command("score", *arguments, "--model", models["default"])
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if "input" in options:
            del streams["stdin"]
        return subprocess.run(command, env=ENVIRONMENT, timeout=PATIENCE, check=False, **(streams | options))

    return call


@pytest.mark.parametrize("options", [[], ["--out", "-"]])
def test_dashes_are_standard_input_and_output_and_the_report_goes_to_standard_error(
    score, table, expected, tmp_path, options
):
    done = score("-", *options, input=table.read_bytes(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, expected)
    assert done.stderr.startswith(b"1922 rows: ")
    assert done.stderr.endswith(b"wrote: standard output\n")
    assert [path.name for path in tmp_path.iterdir()] == ["expected.csv"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_a_log_keeps_its_old_and_its_later_lines(score, table, expected, tmp_path, name):
    (tmp_path / "link").symlink_to("/dev/stdout")
    with (tmp_path / "log").open("w") as log:
        log.write("old\n")
        log.flush()
        assert score(table, "--out", name, stdout=log, cwd=tmp_path).returncode == 0
        log.seek(0, os.SEEK_END)
        log.write("later\n")
    assert (tmp_path / "log").read_bytes() == b"old\n" + expected + b"later\n"
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_is_written_to(score, table, expected, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    assert score(table, "--out", tmp_path / "pipe").returncode == 0
    reader.join()
    assert read == [expected]
    assert (tmp_path / "pipe").is_fifo()


def test_empty_standard_input_is_called_that(score, table):
    done = score("-", input=b"")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"detector: standard input is empty; expected a header line with column names.\n")
    with table.open("rb") as file:
        done = score("-", input=file.readline())
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"detector: standard input has a header and no rows.\n")


def test_a_closed_standard_input_is_called_that(app, models):
    command = app.command("score", "-", "--model", models["default"])
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    done = subprocess.run(closed, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("detector: Standard input is closed.\n  Name a file, or send a table through a pipe.\n")


def test_a_reader_that_goes_away_ends_it_quietly(score, table):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = score(table, "--out", "-", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_device_without_room_is_named(score, table):
    done = score(table, "--out", "/dev/full")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"detector: Cannot use /dev/full: No space left on device.\n")


def test_a_name_as_long_as_the_file_system_takes_and_one_like_the_stream_will_do(score, table, expected, tmp_path):
    for name in ("x" * 251 + ".csv", "./-"):
        assert score(table, "--out", name, cwd=tmp_path).returncode == 0
        assert (tmp_path / name).read_bytes() == expected
    assert len(list(tmp_path.iterdir())) == 3


def test_a_link_keeps_pointing_where_it_points(score, table, expected, tmp_path):
    (tmp_path / "target.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to("target.csv")
    assert score(table, "--out", tmp_path / "link.csv").returncode == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "target.csv").read_bytes() == expected
