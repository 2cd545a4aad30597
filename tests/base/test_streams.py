import ctypes
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from aetk.base.errors import BadInput, Unavailable
from aetk.base.streams import (
    STANDARD,
    Stop,
    Stopped,
    is_stream,
    native_prints_on_stderr,
    open_input,
    open_output,
)


@pytest.fixture
def pipe():
    """The two ends of a pipe as paths."""
    reading, writing = os.pipe()
    yield Path(f"/dev/fd/{reading}"), Path(f"/dev/fd/{writing}")
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_a_stream_is_what_has_no_file_of_its_own_name(tmp_path, pipe):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to("pipe")
    (tmp_path / "link to a link to output").symlink_to("link to output")
    (tmp_path / "link to output").symlink_to("/dev/stdout")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    here = ["pipe", "link to a pipe", "link to a link to output", "link to output", "socket"]
    others = ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/2", f"/proc/{os.getppid()}/fd/1", "/dev/null"]
    streams = [STANDARD, *pipe, *map(Path, others), *(tmp_path / name for name in here)]
    assert [path for path in streams if not is_stream(path)] == []


def test_files_links_to_them_folders_and_what_is_not_there_are_no_streams(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "1").write_bytes(b"")
    names = ["file", "link", "round", "nowhere", "gone", "1", "gone/1", "file/1"]
    assert [name for name in names if is_stream(tmp_path / name)] == []
    assert not any(map(is_stream, [tmp_path, Path("/proc/self/fd"), tmp_path / ("x" * 300)]))


@pytest.mark.parametrize("to_write", [False, True])
def test_a_wait_ends_when_it_is_told_to(to_write):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while to_write:
        try:
            os.write(writing, bytes(4096))
        except BlockingIOError:
            break
    ended = []

    def wait(stop):
        with pytest.raises(Stopped):
            stop.wait(writing if to_write else reading, to_write=to_write)
        ended.append(True)

    with Stop() as stop:
        threads = [threading.Thread(target=wait, args=(stop,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        stop.set()
        for thread in threads:
            thread.join()
        wait(stop)
    assert ended == [True] * 4
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_all_is_written_to_a_pipe_however_much_it_is(pipe):
    reading, writing = pipe
    content = os.urandom(2**20)
    found = []

    def read():
        descriptor = open_input(reading)
        while sum(map(len, found)) < len(content):
            found.append(os.read(descriptor, 2**16))
        os.close(descriptor)

    reader = threading.Thread(target=read)
    reader.start()
    with Stop() as stop, open_output(writing, stop) as stream:
        assert stream.write(content) == len(content)
    reader.join()
    assert b"".join(found) == content


def test_a_reader_that_is_gone_is_a_broken_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    with Stop() as stop, open_output(Path(f"/dev/fd/{writing}"), stop) as stream, pytest.raises(BrokenPipeError):
        stream.write(b"scores")
    os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_stream_without_room_is_the_environments_fault_and_no_promise_is_made():
    with open_output(Path("/dev/full"), None) as stream, pytest.raises(Unavailable) as caught:
        stream.write(b"scores")
    assert caught.value.message == "Cannot write /dev/full: No space left on device."
    assert caught.value.hint == "Free some space, or send the output elsewhere."


@pytest.mark.parametrize(("name", "call"), [("__stdin__", open_input), ("__stdout__", lambda p: open_output(p, None))])
def test_what_is_closed_is_named(monkeypatch, name, call):
    monkeypatch.setattr(sys, name, None)
    with pytest.raises(BadInput, match=r"Standard (input|output) is closed"):
        call(STANDARD)


def test_a_descriptor_that_is_not_open_is_named():
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        open_output(Path(f"/dev/fd/{writing}"), None)
    assert caught.value.filename == f"/dev/fd/{writing}"


def test_what_native_code_prints_on_standard_output_goes_to_standard_error(capfd):
    os.write(1, b"ours,")
    with native_prints_on_stderr():
        ctypes.CDLL(None).puts(b"theirs")
        os.write(1, b"also theirs")
    os.write(1, b"ours again")
    assert capfd.readouterr() == ("ours,ours again", "theirs\nalso theirs")
