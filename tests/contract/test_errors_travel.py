"""An error that a worker raises reaches the driver whole."""

import pickle

import pytest

from aetk.base.errors import BadInput, CheckFailed, Interrupted, MissingExtra, Unavailable
from aetk.edge.tables.chunk import NotANumber


@pytest.mark.parametrize(
    "error",
    [
        BadInput("found", "do"),
        CheckFailed("found"),
        Unavailable("found", "do"),
        MissingExtra("Parquet", "arrow"),
        Interrupted("Stopped.", 15, "Go on."),
        NotANumber("t.csv, line 3", "x", "one"),
    ],
)
def test_it_keeps_type_message_hint_and_exit_code(error):
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert (there.message, there.hint, there.exit_code) == (error.message, error.hint, error.exit_code)
    assert str(there) == str(error)
