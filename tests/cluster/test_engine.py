"""What an engine is told, and what it tells of those that fail."""

import json
import socket

import pytest

from aetk.base.errors import AetkError, BadInput, CheckFailed, Unavailable
from aetk.cluster.engine import attempt, outcome
from aetk.cluster.engines import find_engine
from aetk.cluster.ray import _check_address


def raising(error):
    def work(_):
        raise error

    return work


@pytest.mark.parametrize("error", [BadInput("found", "do"), CheckFailed("found"), Unavailable("found", "do")])
def test_an_error_arrives_as_it_was_raised(error):
    with pytest.raises(AetkError) as there:
        outcome(attempt(raising(error), "{}"))
    assert type(there.value) is type(error)
    assert (there.value.message, there.value.hint) == (error.message, error.hint)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(28, "No space left on device", "x"), Unavailable),
        (MemoryError(), Unavailable),
        (OSError(13, "no"), BadInput),
    ],
)
def test_what_the_system_refuses_is_said_as_everywhere(error, kind):
    with pytest.raises(kind):
        outcome(attempt(raising(error), "{}"))


def test_a_fault_of_ours_is_not_dressed_up():
    with pytest.raises(ZeroDivisionError):
        attempt(raising(ZeroDivisionError()), "{}")


def test_a_result_arrives_as_it_is():
    task = {"name": "é", "rows": [1, 2.5, None]}
    assert outcome(attempt(lambda given: given, json.dumps(task))) == task


def test_an_engine_nobody_knows_is_refused():
    with pytest.raises(BadInput, match="Known: ray, spark"):
        find_engine("dask")


def test_an_address_where_nobody_listens_is_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        _check_address(f"127.0.0.1:{port}")
    with pytest.raises(Unavailable, match=f"No Ray cluster answers at 127.0.0.1:{port}"):
        _check_address(f"127.0.0.1:{port}")
    for other in ("", "auto", "local", "ray://head:10001"):
        _check_address(other)
