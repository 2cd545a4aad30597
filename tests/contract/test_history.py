"""The thresholds that a model had before."""

import datetime

from aetk.contract.history import KEPT, Replaced, extended, now
from aetk.contract.threshold import Threshold


def entry(number):
    return Replaced(str(number), Threshold(0.5, "fixed:0.5", None, 0, "no rows", None), {}, number)


def numbers(history):
    return [replaced.golden_rows for replaced in history]


def test_a_history_keeps_the_exported_threshold_and_the_newest():
    history = ()
    for number in range(KEPT + 5):
        history = extended(history, entry(number))
        assert len(history) == min(number + 1, KEPT)
        assert numbers(history)[0] == 0
        assert numbers(history)[1:] == list(range(max(1, number - KEPT + 2), number + 1))


def test_the_present_time_is_utc_to_the_second():
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    read = datetime.datetime.strptime(now(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)
    assert before <= read <= datetime.datetime.now(datetime.UTC)
