import errno
import os

import numpy as np
import pytest

from aetk.base.errors import (
    AetkError,
    BadInput,
    CheckFailed,
    Interrupted,
    MissingExtra,
    Unavailable,
    first_line,
    from_os_error,
    out_of_memory,
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
    error = out_of_memory(caught.value)
    assert error.exit_code == 3
    assert "EiB" in error.message
    assert out_of_memory(MemoryError()).message == "Out of memory."


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
                "to allocate 4398046511104 bytes. Error code 12 (Cannot allocate memory)"
            ),
            "Out of memory. The failed allocation asked for 4,398,046,511,104 bytes.",
        ),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1024 bytes."), "1,024 bytes"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), "Out of memory."),
        (MemoryError("malloc of size 480064 failed"), "Out of memory. The failed allocation asked for 480,064 bytes."),
        (
            Exception(
                "[ONNXRuntimeError] : 1 : FAIL : Failed to allocate memory for requested buffer of size 600000000"
            ),
            "asked for 600,000,000 bytes",
        ),
        (Exception("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"), "Out of memory."),
        (Exception("PosixThread pthread_create failed, error code: 12 error msg: Cannot allocate"), "Out of memory."),
        (ImportError("libc10.so: failed to map segment from shared object"), "Out of memory."),
        (RuntimeError("can't start new thread"), "Out of memory."),
        (BaseException("PyObject pointer is null"), "Out of memory."),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Out of memory."),
    ],
)
def test_every_librarys_way_to_say_that_memory_is_out_is_understood(error, message):
    found = out_of_memory(error)
    assert (found.exit_code, message in found.message) == (3, True)


def test_an_error_that_another_one_hid_counts_too():
    error = SystemError("error return without exception set")
    error.__context__ = MemoryError()
    assert out_of_memory(error).message == "Out of memory."


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyError("memory"), OSError(errno.EACCES, "Permission denied")])
def test_any_other_error_is_not_about_memory(error):
    assert out_of_memory(error) is None


def test_a_limit_on_file_sizes_is_the_environments_fault():
    error = from_os_error(OSError(errno.EFBIG, os.strerror(errno.EFBIG), "scores.csv"))
    assert (error.exit_code, error.message) == (3, "Cannot write scores.csv: File too large.")


@pytest.mark.parametrize(
    ("message", "longest", "line"),
    [
        ("one\ntwo", None, "one"),
        ("\n \n  one  \ntwo", None, "one"),
        ("a long one", 6, "a long"),
        ("", None, "ValueError"),
        (" \n", 300, "ValueError"),
    ],
)
def test_the_first_line_that_says_something_stands_for_an_error(message, longest, line):
    assert first_line(ValueError(message), longest) == line
