"""Computes the features of many times at once, exactly as `contract.reading` computes those of one."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aetk.contract.reading import LATEST, TIME, UNITS, seconds_of, time_part

_DAY = 86400
_MONDAY = 4 * _DAY
"""1970-01-05 was a Monday."""
_FEW = 8
"""Times that are read sooner one by one."""


def time_parts(seconds: NDArray[np.float64], part: str) -> NDArray[np.float64]:
    """One of `reading.PARTS` of times in seconds from 1970-01-01 00:00; NaN for NaN."""
    found = np.full(seconds.shape, np.nan)
    known = ~np.isnan(seconds)
    days = np.floor(seconds[known] / _DAY)
    if part.startswith("weekday"):
        found[known] = _weekdays(part)[((days + 3) % 7).astype(np.intp)]
        return found
    within = seconds[known] - days * _DAY
    whole = within.astype(np.intp)
    if (whole == within).all():
        found[known] = _hours(part)[whole]
        return found
    distinct, places = np.unique(within, return_inverse=True)
    found[known] = np.array([time_part(second, part) for second in distinct.tolist()])[places]
    return found


@lru_cache
def _weekdays(part: str) -> NDArray[np.float64]:
    return np.array([time_part(float(_MONDAY + day * _DAY), part) for day in range(7)])


@lru_cache
def _hours(part: str) -> NDArray[np.float64]:
    return np.array([time_part(float(second), part) for second in range(_DAY)])


def counted(counts: NDArray[np.float64], time_format: str) -> NDArray[np.float64]:
    """Counted times in seconds; NaN for NaN; ValueError for one that is too far from 1970."""
    seconds = counts / UNITS[time_format]
    if (np.abs(seconds) > LATEST).any():
        raise ValueError(time_format)
    return seconds


def texts_in_seconds(cells: list[str], time_format: str) -> NDArray[np.float64]:
    """Times as text in seconds; ValueError if one is not a time of this format.

    Cells of equal length are usually written in the same way; if their digits and separators are at the same places
    as those of the first, their numbers are taken from these places at once.
    """
    found = np.empty(len(cells))
    lengths = np.fromiter(map(len, cells), np.intp, len(cells))
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        same = [cells[i] for i in places]
        seconds = _alike(same, int(length), time_format) if len(same) > _FEW else None
        found[places] = [seconds_of(cell, time_format) for cell in same] if seconds is None else seconds
    return found


def _alike(cells: list[str], length: int, time_format: str) -> NDArray[np.float64] | None:
    """The seconds of cells that are written as the first one; None if they are not, or need a closer look."""
    joined = "".join(cells)
    if not joined.isascii():
        return None
    data = np.frombuffer(joined.encode(), np.uint8).reshape(len(cells), length)
    first, is_digit = data[0], (data[0] >= ord("0")) & (data[0] <= ord("9"))
    values = data - np.uint8(ord("0"))
    if not (values[:, is_digit] <= 9).all() or not (data[:, ~is_digit] == first[~is_digit]).all():
        return None
    seconds_of(cells[0], time_format)  # the first one shows that all have the form of a time
    form = TIME.fullmatch(cells[0])
    assert form is not None  # else the call before would have failed
    spans = [form.span(group) for group in (1, 3, 4, 5, 6, 7)]
    numbers = [_number(values[:, start:end]) if start >= 0 else np.zeros(len(cells), np.int64) for start, end in spans]
    digits = dict(zip(time_format, numbers[:3], strict=True))
    sizes = dict(zip(time_format, (end - start for start, end in spans[:3]), strict=True))
    year = digits["y"] if sizes["y"] == 4 else digits["y"] + np.where(digits["y"] >= 69, 1900, 2000)
    hour, minute, second = numbers[3:]
    month, day = digits["m"], digits["d"]
    if (hour > 23).any() or (minute > 59).any() or (second > 60).any() or (month < 1).any() or (month > 12).any():
        return None
    starts = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    first_day = starts.astype("datetime64[D]").astype(np.int64)
    next_month = (starts + 1).astype("datetime64[D]").astype(np.int64)
    if (day < 1).any() or (day > next_month - first_day).any():
        return None
    days = first_day + day - 1
    return (days * _DAY + hour * 3600 + minute * 60 + second).astype(np.float64)


def _number(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    found = np.zeros(len(digits), np.int64)
    for column in digits.T:
        found = found * 10 + column
    return found
