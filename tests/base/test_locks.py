import errno
import gc
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from patience import PATIENCE

from aetk.base import locks
from aetk.base.errors import BadInput
from aetk.base.locks import locked

pytestmark = pytest.mark.skipif(locks.fcntl is None, reason="no locks without fcntl")

HOLDER = """
import sys
from pathlib import Path
from aetk.base.locks import locked
with locked(Path(sys.argv[1]), 0):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_folder_that_another_process_holds_is_refused_at_once(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(locks, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: pytest.fail("waits")))
    with (
        pytest.raises(BadInput, match=r"is being written by another aetk\.\nDo this") as caught,
        locked(tmp_path, 0, "Do this."),
    ):
        pass
    assert str(tmp_path) in caught.value.message
    assert caught.value.exit_code == 2


def test_a_killed_holder_holds_nothing_and_leaves_no_file(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(tmp_path, 0):
        assert list(tmp_path.iterdir()) == []


def test_a_waiter_goes_on_as_soon_as_the_holder_ends(tmp_path, holder, monkeypatch):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            holder.kill()
            holder.wait()

    monkeypatch.setattr(locks, "time", SimpleNamespace(monotonic=time.monotonic, sleep=wait))
    with locked(tmp_path, PATIENCE):
        assert waits == [locks._BETWEEN_TRIES] * 3


def test_a_waiter_gives_up_when_its_time_is_over(tmp_path, holder, monkeypatch):
    slept = []
    monkeypatch.setattr(locks, "time", SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append))
    with pytest.raises(BadInput), locked(tmp_path, 30):
        pass
    assert 30 <= sum(slept) < 30 + 2 * locks._BETWEEN_TRIES


def test_a_thread_of_the_same_process_is_another_holder(tmp_path):
    with locked(tmp_path, 0), pytest.raises(BadInput), locked(tmp_path, 0):
        pass


def test_a_folder_is_free_again_after_the_block_and_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path, 0):
        raise ZeroDivisionError
    with locked(tmp_path, 0):
        pass
    with locked(tmp_path, 0):
        pass


def test_two_folders_do_not_hinder_each_other(tmp_path, holder):
    (tmp_path / "other").mkdir()
    with locked(tmp_path / "other", 0):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF])
def test_where_the_file_system_cannot_lock_the_block_runs_all_the_same(tmp_path, monkeypatch, number):
    def cannot(_descriptor, _operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", cannot)
    ran = []
    with locked(tmp_path, 0):
        ran.append(True)
    assert ran


def test_where_the_system_has_no_flock_the_block_runs_all_the_same(tmp_path, monkeypatch, holder):
    monkeypatch.setattr(locks, "fcntl", None)
    with locked(tmp_path, 0):
        pass


def test_a_folder_that_is_not_there_is_left_to_the_block(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "absent", 0):
        raise ZeroDivisionError


def test_no_file_handle_stays_open(tmp_path):
    def handles():
        gc.collect()  # what other tests left behind is not to be closed in between
        return len(os.listdir("/proc/self/fd"))

    before = handles()
    for _ in range(5):
        with locked(tmp_path, 0), pytest.raises(BadInput), locked(tmp_path, 0):
            pass
    assert handles() == before
