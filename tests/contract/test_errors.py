import errno
import os

import numpy as np
import pytest

from aetk.contract.errors import (
    AetkError,
    BadInput,
    CheckFailed,
    Interrupted,
    MissingExtra,
    Unavailable,
    from_memory_error,
    from_os_error,
)


@pytest.mark.parametrize(("kind", "code"), [(BadInput, 2), (CheckFailed, 1), (Unavailable, 3)])
def test_every_kind_of_failure_has_its_exit_code(kind, code):
    error = kind("what was found", "what to do")
    assert isinstance(error, AetkError)
    assert error.exit_code == code


def test_a_message_is_followed_by_its_hint_on_a_line_of_its_own():
    assert str(BadInput("found this", "do that")) == "found this\ndo that"
    assert str(BadInput("found this")) == "found this"


def test_a_missing_extra_names_the_command_that_installs_it():
    error = MissingExtra("Parquet", "arrow")
    assert error.exit_code == 3
    assert "pip install 'aetk[arrow]'" in str(error)


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_an_interruption_exits_with_the_signal(number, code):
    assert Interrupted("stopped", number).exit_code == code


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_or_failing_disk_is_the_environments_fault(number):
    error = from_os_error(OSError(number, os.strerror(number), "model.onnx"))
    assert error.exit_code == 3
    assert "model.onnx" in error.message
    assert os.strerror(number) in error.message


def test_a_file_that_is_not_there_is_named():
    error = from_os_error(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "gone.csv"))
    assert error.exit_code == 2
    assert error.message == "No such file or folder: gone.csv."


def test_a_file_without_permission_is_named_with_the_reason():
    error = from_os_error(PermissionError(errno.EACCES, "Permission denied", "locked.csv"))
    assert error.exit_code == 2
    assert error.message == "Cannot use locked.csv: Permission denied."


def test_an_os_error_without_a_name_still_says_its_reason():
    assert "something odd" in from_os_error(OSError("something odd")).message


def test_out_of_memory_says_how_much_was_asked_for():
    with pytest.raises(MemoryError) as caught:
        np.empty((1 << 40, 1 << 18), np.float64)
    error = from_memory_error(caught.value)
    assert error.exit_code == 3
    assert "EiB" in error.message
    assert from_memory_error(MemoryError()).message == "Out of memory."
