import errno
import os
import platform
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aetk.base import files
from aetk.base.errors import BadInput, from_os_error
from aetk.base.files import atomic_file, remove, write_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def leftover(path, pid):
    """What a killed writer with this process id would have left behind."""
    name = files._temporary(path).name
    found = path.with_name(re.sub(rf"{os.getpid()}(?=-\d+\.tmp$)", str(pid), name))
    assert found.name != name
    found.write_bytes(b"half of it")
    return found


@pytest.fixture
def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def crash(*args, **kwargs):
    raise RuntimeError("crashed before the rename")


def test_a_file_appears_whole_and_nothing_else_does(tmp_path):
    path = tmp_path / "deep" / "er" / "card.json"
    with atomic_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["card.json"]


def test_a_failure_while_writing_leaves_the_old_content(tmp_path):
    path = tmp_path / "card.json"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"new" * (1 // 0))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["card.json"]


def test_a_crash_before_the_rename_leaves_the_old_contents_and_no_leftovers(tmp_path, monkeypatch):
    model, card = tmp_path / "m.onnx", tmp_path / "m.card.json"
    model.write_bytes(b"old model")
    card.write_bytes(b"old card")
    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(RuntimeError):
        write_atomically([(model, b"new model"), (card, b"new card")])
    with pytest.raises(RuntimeError), atomic_file(model) as file:
        file.write(b"new model")
    assert (model.read_bytes(), card.read_bytes()) == (b"old model", b"old card")
    assert names(tmp_path) == ["m.card.json", "m.onnx"]


def test_files_are_all_staged_and_synced_before_the_first_is_renamed_and_renamed_in_the_order_given(
    tmp_path, monkeypatch
):
    events = []
    replace, fsync = os.replace, os.fsync

    def watched_replace(source, target):
        events.append(target.name)
        replace(source, target)

    def watched_fsync(descriptor):
        events.append("folder synced" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file synced")
        fsync(descriptor)

    monkeypatch.setattr(os, "replace", watched_replace)
    monkeypatch.setattr(os, "fsync", watched_fsync)
    write_atomically([(tmp_path / "z", b"1"), (tmp_path / "a", b"2")])
    assert [event for event in events if event != "folder synced"] == ["file synced", "file synced", "z", "a"]
    assert "folder synced" in events[events.index("z") : events.index("a")]


def test_a_crash_between_two_renames_leaves_each_file_whole(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"old")
    second.write_bytes(b"old")
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: crash() if target == second else replace(source, target))
    with pytest.raises(RuntimeError):
        write_atomically([(first, b"new"), (second, b"new")])
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"old")
    assert names(tmp_path) == ["first", "second"]


def test_a_symbolic_link_keeps_pointing_where_it_points(tmp_path):
    target, link = tmp_path / "store" / "real.onnx", tmp_path / "link.onnx"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically([(link, b"new")])
    with atomic_file(link) as file:
        file.write(b"newer")
    assert link.is_symlink()
    assert target.read_bytes() == b"newer"


def test_a_killed_writers_leftover_is_swept(tmp_path):
    path = tmp_path / "m.onnx"
    killed = """
import os, sys
from pathlib import Path
from aetk.base.files import atomic_file
with atomic_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", killed, path], check=False)
    assert len(names(tmp_path)) == 1
    assert not path.exists()
    write_atomically([(path, b"whole")])
    assert names(tmp_path) == ["m.onnx"]


def test_the_leftover_of_a_living_writer_is_kept(tmp_path):
    path = tmp_path / "m.onnx"
    living = leftover(path, os.getppid())
    write_atomically([(path, b"whole")])
    assert living.read_bytes() == b"half of it"


def test_only_leftovers_of_the_same_file_are_swept(tmp_path, dead_pid):
    other = leftover(tmp_path / "other.onnx", dead_pid)
    swept = leftover(tmp_path / "m.onnx", dead_pid)
    bystander = swept.with_name(f"{swept.name}.keep")
    bystander.write_bytes(b"mine")
    write_atomically([(tmp_path / "m.onnx", b"whole")])
    assert not swept.exists()
    assert other.exists()
    assert bystander.exists()


def test_a_name_with_an_impossible_process_id_does_not_stop_a_writer(tmp_path):
    path = tmp_path / "m.onnx"
    leftover(path, 10**20)
    write_atomically([(path, b"whole")])
    assert path.read_bytes() == b"whole"


def test_the_leftover_of_another_machines_writer_is_kept(tmp_path, dead_pid, monkeypatch):
    path = tmp_path / "m.onnx"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(platform, "node", lambda: "another-machine")
        theirs = leftover(path, dead_pid)
    write_atomically([(path, b"whole")])
    assert theirs.exists()


def test_a_folder_is_refused_by_name_and_stays(tmp_path):
    (tmp_path / "m.onnx").mkdir()
    with pytest.raises(BadInput, match=r"m\.onnx is a folder"):
        write_atomically([(tmp_path / "m.onnx", b"whole")])
    assert names(tmp_path) == ["m.onnx"]


def test_removing_a_file_sweeps_its_leftovers_and_one_that_is_not_there_is_no_error(tmp_path, dead_pid):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"whole")
    leftover(path, dead_pid)
    remove(path)
    assert names(tmp_path) == []
    remove(path)


def test_a_full_disk_changes_nothing_and_is_the_environments_fault(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically([(path, b"new")])
    error = from_os_error(caught.value)
    assert error.exit_code == 3
    assert error.message == f"Cannot write {path}: No space left on device."
    assert "nothing was changed" in error.hint
    with pytest.raises(OSError, match="No space left") as caught, atomic_file(path) as file:
        file.write(b"new")
    assert str(path) in from_os_error(caught.value).message
    assert names(tmp_path) == ["m.onnx"]
    assert path.read_bytes() == b"old"


LONGEST = "ä" * 125 + ".onnx"
"""A name of 255 bytes, the most that file systems take."""


def test_a_name_as_long_as_the_file_system_takes_is_written_and_its_leftovers_are_swept(tmp_path, dead_pid):
    path = tmp_path / LONGEST
    leftover(path, dead_pid)
    write_atomically([(path, b"whole")])
    assert names(tmp_path) == [LONGEST]
    leftover(path, dead_pid)
    with atomic_file(path) as file:
        file.write(b"newer")
    assert names(tmp_path) == [LONGEST]
    assert path.read_bytes() == b"newer"


def write_one(path):
    write_atomically([(path, b"new")])


def write_second(path):
    write_atomically([(path.with_name("first"), b"new"), (path, b"new")])


def write_stepwise(path):
    with atomic_file(path) as file:
        file.write(b"new")


WRITERS = [write_one, write_second, write_stepwise]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["open", "replace"])
def test_an_error_names_the_file_and_never_a_temporary_one(tmp_path, monkeypatch, write, call, number):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    original = getattr(os, call)

    def failing(first, *rest):
        if not str(first).endswith(".tmp"):
            return original(first, *rest)
        raise OSError(number, os.strerror(number), str(first))

    monkeypatch.setattr(files.os, call, failing)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        write(path)
    monkeypatch.undo()
    told = str(from_os_error(caught.value))
    assert str(tmp_path / ("first" if write is write_second else "m.onnx")) in told
    assert ".tmp" not in told
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["m.onnx"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="a superuser may write anywhere")
@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_that_may_not_be_written_is_told_by_the_files_name(tmp_path, write):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError) as caught:
        write(folder / "m.onnx")
    assert str(folder) in str(from_os_error(caught.value))
    assert "aetk" not in str(from_os_error(caught.value))


def test_a_folder_that_may_be_written_but_not_listed_will_do(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(files.os, "listdir", denied)
    write_atomically([(tmp_path / "m.onnx", b"whole")])
    monkeypatch.undo()
    assert names(tmp_path) == ["m.onnx"]


@pytest.fixture
def log(tmp_path):
    """A file with an old line, open as the log that a shell redirects output to, and its descriptor."""
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    descriptor = os.open(path, os.O_WRONLY)
    os.lseek(descriptor, 0, os.SEEK_END)
    yield path, descriptor
    os.close(descriptor)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/thread-self/fd/{}", "{tmp}/link"])
def test_an_open_file_is_written_where_it_stands_and_keeps_its_old_and_its_later_lines(log, tmp_path, name):
    path, descriptor = log
    (tmp_path / "link").symlink_to(f"/dev/fd/{descriptor}")
    inode = path.stat().st_ino
    with atomic_file(Path(name.format(descriptor, tmp=tmp_path))) as file:
        file.write(b"scores\n")
    os.write(descriptor, b"later\n")
    assert path.read_bytes() == b"old\nscores\nlater\n"
    assert path.stat().st_ino == inode
    assert names(tmp_path) == ["link", "log"]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr", "-"])
def test_standard_output_and_error_keep_the_lines_before_and_after(tmp_path, name, number):
    code = """
import sys
from pathlib import Path
from aetk.base.files import atomic_file
print("before")
print("before", file=sys.stderr)
with atomic_file(Path(sys.argv[1])) as file:
    file.write(b"scores\\n")
print("after")
print("after", file=sys.stderr)
"""
    (tmp_path / "log").write_text("old\n")
    with (tmp_path / "log").open("a") as log:
        streams = {"stdout": log if number == 1 else subprocess.DEVNULL, "stderr": log if number == 2 else None}
        subprocess.run([sys.executable, "-c", code, name], check=True, **streams)
    is_there = number == (2 if name == "/dev/stderr" else 1)
    assert (tmp_path / "log").read_text() == "old\nbefore\n" + "scores\n" * is_there + "after\n"
    assert names(tmp_path) == ["log"]


def test_an_open_file_of_another_process_is_appended_to(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    with log.open("ab") as file:
        other = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
    try:
        with atomic_file(Path(f"/proc/{other.pid}/fd/1")) as file:
            file.write(b"scores\n")
        other.communicate(b"later\n")
    finally:
        other.kill()
    assert log.read_bytes() == b"old\nscores\nlater\n"
    assert names(tmp_path) == ["log"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/null")], ids=["a pipe", "a device"])
def test_files_that_belong_together_are_no_streams(tmp_path, make):
    make(tmp_path / "m.onnx")
    with pytest.raises(BadInput, match=r"m\.onnx is not a regular file; expected a file name"):
        write_atomically([(tmp_path / "m.card.json", b"new"), (tmp_path / "m.onnx", b"new")])
    assert names(tmp_path) == ["m.onnx"]


def test_no_file_is_put_in_the_place_of_an_open_one(log, tmp_path):
    path, descriptor = log
    with pytest.raises(BadInput, match="not a regular file"):
        write_atomically([(Path(f"/dev/fd/{descriptor}"), b"new")])
    with pytest.raises(BadInput, match="- is not a regular file"):
        write_atomically([(Path("-"), b"new")])
    assert path.read_bytes() == b"old\n"
    assert names(tmp_path) == ["log"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_atomically([(tmp_path / "a", b"")])
        with atomic_file(tmp_path / "b") as file:
            file.write(b"")
    finally:
        os.umask(before)
    for name in ("a", "b"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


def test_a_working_file_is_hidden_and_gone_after_its_block_with_the_folders_made_for_it(tmp_path):
    target = tmp_path / "new/er/rows"
    with files.working_file(target, lambda file: file.write(b"rows")) as path:
        assert (path.parent, path.name[0], path.read_bytes()) == (target.parent, ".", b"rows")
    assert list(tmp_path.iterdir()) == []
    with files.working_file(target, lambda file: file.write(b"rows")):
        (tmp_path / "new/run").mkdir()
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "new", tmp_path / "new/run"]


def test_a_working_file_is_gone_after_an_error_in_its_block_or_while_it_is_filled(tmp_path):
    with pytest.raises(KeyboardInterrupt), files.working_file(tmp_path / "rows", lambda file: file.write(b"rows")):
        raise KeyboardInterrupt

    def fill(file):
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full") as error, files.working_file(tmp_path / "rows", fill):
        pass
    assert error.value.filename == str(tmp_path / "rows")
    assert list(tmp_path.iterdir()) == []
