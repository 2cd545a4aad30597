"""Reads data sets of OpenML (openml.org) through scikit-learn, which fetches, checks and caches them."""

import socket
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from http.client import HTTPException
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

import numpy as np

from aetk.base.errors import AetkError, BadInput, CheckFailed, Unavailable
from aetk.contract.dialect import parse_cell

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "openml:"
_TIMEOUT = 60.0
_UNREACHED = (URLError, TimeoutError, ConnectionError, HTTPException)
_UNREADABLE = (EOFError, zlib.error, BadGzipFile, JSONDecodeError, UnicodeDecodeError, KeyError)


@dataclass(frozen=True)
class OpenMLTable:
    """An OpenML data set, without the columns that OpenML marks as identifiers or as columns to ignore.

    Attributes:
        name: a word for file names and messages: `openml-1597`.
        frame: the columns, targets included; a column whose categories are all numbers is numeric.
        targets: the columns that OpenML names as the ones to predict.
        notes: scikit-learn's warnings about the data set.
    """

    name: str
    frame: "pd.DataFrame"
    targets: tuple[str, ...]
    notes: tuple[str, ...]


def is_openml(data: Any) -> bool:
    """Whether data is a name of the form `openml:ID`."""
    return isinstance(data, (str, Path)) and str(data).startswith(PREFIX)


def read_openml(text: str) -> OpenMLTable:
    """Read the data set that `openml:ID` names, from scikit-learn's cache if it is there.

    Raises:
        BadInput: the ID is not a number or OpenML does not know it, or the data set is not a table.
        CheckFailed: the data does not match its checksum.
        Unavailable: there is no network, or OpenML's answer is broken.
    """
    number = text.removeprefix(PREFIX)
    if not (number.isascii() and number.isdecimal() and int(number) > 0):
        raise BadInput(
            f"'{text}' does not name an OpenML data set: '{number}' is not an ID.",
            f"An ID is a number, as in {PREFIX}1597.",
        )
    import pandas as pd

    bunch, notes = _fetch(int(number))
    frame = pd.DataFrame({name: _as_numbers(bunch.frame[name]) for name in bunch.frame.columns})
    return OpenMLTable(f"openml-{int(number)}", frame, tuple(map(str, bunch.target_names)), notes)


def _fetch(number: int) -> tuple[Any, tuple[str, ...]]:
    """Fetch a data set, and return it with scikit-learn's warnings, except those about retries."""
    from sklearn.datasets import fetch_openml

    def fetch(parser: str) -> Any:
        return fetch_openml(data_id=number, as_frame=True, parser=parser)

    with warnings.catch_warnings(record=True) as caught, _timeout(_TIMEOUT):
        warnings.simplefilter("always")
        try:
            try:
                bunch = fetch("auto")
            except TypeError:  # with pandas 3.1, unquoted numbers as categories (scikit-learn's pull request 34902)
                bunch = fetch("liac-arff")  # slower, but part of scikit-learn
        except (*_UNREACHED, *_UNREADABLE, ValueError) as error:
            raise _explain(error, number) from None
    said = [str(warning.message) for warning in caught if warning.category is UserWarning]
    return bunch, tuple(text for text in said if not text.startswith("A network error"))


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for connections, which could otherwise wait forever: scikit-learn sets none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(before or seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _explain(error: Exception, number: int) -> AetkError:
    from sklearn.datasets._openml import OpenMLError

    page = f"https://www.openml.org/d/{number}"
    otherwise = f"download the table from {page} and name the CSV file."
    if isinstance(error, OpenMLError):
        return BadInput(f"OpenML has no data set {number}.", "Find one at https://www.openml.org/search?type=data")
    if isinstance(error, _UNREACHED):
        return Unavailable(
            f"Cannot fetch data set {number} from www.openml.org, tried several times: {_reason(error)}.",
            f"Try again with a network, or {otherwise}",
        )
    if isinstance(error, _UNREADABLE):
        return Unavailable(
            f"What came from www.openml.org for data set {number} is damaged or is not a data set: {error}.",
            f"Try again later, or {otherwise}",
        )
    if "md5 checksum" in str(error):
        return CheckFailed(
            f"Data set {number} as it came from www.openml.org does not have the MD5 checksum that OpenML states.",
            f"Try again: that fetches it once more. Or {otherwise}",
        )
    return BadInput(
        f"OpenML's data set {number} cannot be read as a table: {error}", otherwise[0].upper() + otherwise[1:]
    )


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code} {error.reason} at {error.url}"
    inner = error.reason if isinstance(error, URLError) else error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _as_numbers(column: "pd.Series") -> "pd.Series":
    """Convert a column of categories to numbers if each category is a number; leave other columns as they are."""
    import pandas as pd

    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    try:
        values = [parse_cell(str(category)) for category in column.cat.categories]
    except ValueError:
        return column
    return pd.Series(np.array([*values, np.nan])[column.cat.codes], column.index)
