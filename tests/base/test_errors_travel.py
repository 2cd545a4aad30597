"""An error that a worker raises reaches the driver whole."""

import errno
import json
import pickle

import pytest

from aetk.base.errors import (
    BadInput,
    CheckFailed,
    Interrupted,
    MissingExtra,
    Unavailable,
    expected,
    from_plain,
    to_plain,
)
from aetk.edge.tables.chunk import NotANumber

ERRORS = [
    BadInput("found", "do"),
    CheckFailed("found"),
    Unavailable("found", "do"),
    MissingExtra("Parquet", "arrow"),
    Interrupted("Stopped.", 15, "Go on."),
    NotANumber("t.csv, line 3", "x", "one"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_it_keeps_type_message_hint_and_exit_code(error):
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert (there.message, there.hint, there.exit_code) == (error.message, error.hint, error.exit_code)
    assert str(there) == str(error)


@pytest.mark.parametrize("error", ERRORS)
def test_as_plain_json_it_keeps_all_but_a_subclass(error):
    there = from_plain(json.loads(json.dumps(to_plain(error))))
    assert isinstance(error, type(there))
    assert (there.message, there.hint, there.exit_code) == (error.message, error.hint, error.exit_code)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ERRORS[0], 2, "found"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 3, "Cannot write x"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 3, "Out of memory"),
        (MemoryError(), 3, "Out of memory"),
        (RuntimeError("CUDA out of memory."), 3, "Out of memory"),
    ],
)
def test_what_a_person_can_meet_is_expected(error, code, words):
    found = expected(error)
    assert (found.exit_code, words in found.message) == (code, True)


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("size mismatch"), KeyboardInterrupt()])
def test_a_fault_of_the_program_is_not_expected(error):
    assert expected(error) is None
