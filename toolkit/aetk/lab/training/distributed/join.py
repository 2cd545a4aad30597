"""Joins the processes that torchrun started."""

import contextlib
from collections.abc import Iterator

from aetk.base.errors import AetkError
from aetk.base.torchrun import is_started_by_torchrun
from aetk.lab.training.distributed.group import ALONE, Group, Lost


@contextlib.contextmanager
def joined() -> Iterator[Group]:
    """Join the group of the processes that torchrun started; without torchrun, the group is `ALONE`.

    An `AetkError` that leaves the block in all processes is marked as reported in all but the first one to leave.

    Raises:
        Unavailable: the processes cannot connect.
    """
    if not is_started_by_torchrun():
        yield ALONE
        return
    from aetk.lab.training.distributed.ranks import TorchrunGroup  # not every build of PyTorch has its imports

    group = TorchrunGroup()
    try:
        yield group
    except AetkError as error:
        error.is_reported = not group.claim_report()
        if not isinstance(error, Lost):  # leaving needs all processes
            group.leave()
        raise
    group.leave()
