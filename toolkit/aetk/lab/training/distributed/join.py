"""Joins the processes that torchrun started."""

import contextlib
from collections.abc import Iterator

from aetk.base.errors import AetkError
from aetk.base.torchrun import is_started_by_torchrun
from aetk.lab.training.distributed.group import ALONE, Group, Lost


@contextlib.contextmanager
def joined() -> Iterator[Group]:
    """The group of the processes that torchrun started, or that of one alone.

    An `AetkError` with which all of them leave the block is marked as reported in all but the first to leave.

    Raises:
        Unavailable: the processes do not find each other.
    """
    if not is_started_by_torchrun():
        yield ALONE
        return
    from aetk.lab.training.distributed.ranks import TorchrunGroup  # not every build of PyTorch has what it imports

    group = TorchrunGroup()
    try:
        yield group
    except AetkError as error:
        error.is_reported = not group.claim_report()
        if not isinstance(error, Lost):  # parting is done together
            group.leave()
        raise
    group.leave()
