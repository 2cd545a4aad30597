import contextlib
import signal
import threading

import pytest

from aetk.lab.training.signals import StopRequest


@pytest.fixture(autouse=True)
def handlers():
    """The handlers as they were, whatever a test does to them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_ends_nothing(number):
    with StopRequest() as stop:
        assert stop.received is None
        signal.raise_signal(number)
        assert stop.received == number


def test_a_second_ctrl_c_acts_at_once():
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_second_signal_of_the_other_kind_is_noted_too():
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == signal.SIGTERM


def test_the_handlers_of_before_are_back_after_the_block_even_after_an_error(handlers):
    mine = []
    signal.signal(signal.SIGTERM, lambda number, frame: mine.append(number))
    with contextlib.suppress(ZeroDivisionError), StopRequest():
        signal.raise_signal(signal.SIGTERM)
        raise ZeroDivisionError
    assert mine == []
    signal.raise_signal(signal.SIGTERM)
    assert mine == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) == handlers[signal.SIGINT]


def test_a_signal_that_the_caller_ignores_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as under nohup, or behind & in a script
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.received is None


def test_outside_the_main_thread_handlers_are_left_alone(handlers):
    found = []

    def enter():
        with StopRequest() as stop:
            found.append((stop.received, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [(None, handlers[signal.SIGINT])]
