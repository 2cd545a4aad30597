"""Decides whether rows are kept in memory or streamed: by the option, else by whether they fit."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aetk.base.errors import Interrupted, Unavailable
from aetk.edge.tables.read import JOINING, DoesNotFit
from aetk.lab.data.looked import Looked
from aetk.lab.training.distributed.group import Group
from aetk.lab.training.options import Options, plan_recipe
from aetk.lab.training.plan import Plan, make_plan
from aetk.lab.training.signals import StopRequest

if TYPE_CHECKING:
    from aetk.lab.training.checkpoint import Checkpoint

COPIES = 6.0
"""About how many copies of a file's values training needs if the rows are in memory. Measured on 30 columns, as the
growth of resident memory divided by the size that reading counts: with the default recipe 3.7 on 4 million rows and 4.6
on one million; on half a million, of which the fixed cost is a larger share, 5.6 with default, 5.3 with small and 6.4
with reference.
"""


def choose_plan(
    options: Options,
    looked: Looked,
    folder: Path | None,
    saved: "Checkpoint | None",
    group: Group,
    stop: StopRequest | None,
    held: contextlib.ExitStack,
    on_stage: Callable[[str], None],
    *,
    is_chosen: bool,
) -> Plan:
    """Make a plan for rows in memory or for streamed rows; its options say which.

    Args:
        options, looked, folder, saved: see `plan.make_plan`.
        group, stop, held: see `streamed_plan.make_streamed_plan`; if `stop` is None, a new one is used.
        on_stage: called with the name of each stage.
        is_chosen: whether `options.stream` was requested or comes from an interrupted run; if not, it is False, and
            rows that do not fit into memory are streamed.

    Raises:
        BadInput, CheckFailed, Unavailable, Interrupted: see `make_plan` and `make_streamed_plan`.
    """
    note = ""
    if not options.stream:
        try:
            return make_plan(options, looked, folder, saved, JOINING if is_chosen else COPIES, on_stage)
        except DoesNotFit as error:
            if is_chosen or error.path != Path(str(looked.data)):
                raise
            note = _note(options, error)
    # imported only here, since it imports PyTorch
    from aetk.lab.training.streamed_plan import make_streamed_plan

    with StopRequest() if stop is None else contextlib.nullcontext(stop) as noting:
        options = replace(options, stream=True)
        plan = make_streamed_plan(options, looked, folder, saved, group, noting, held, note)
        if stop is None and noting.received is not None:  # the fit makes its own StopRequest
            raise Interrupted("Stopped before the first step; nothing was trained yet.", noting.received)
        return plan


def _note(options: Options, error: DoesNotFit) -> str:
    """Say why rows are streamed; raise Unavailable if the recipe needs all rows in memory."""
    trim = plan_recipe(options).trim
    if trim:
        raise Unavailable(
            error.message,
            f"The recipe's trim is {trim:g}, for which all rows have to be in memory; streamed rows need --set trim=0.",
        )
    return (
        f"To train on this table in memory takes about {error.needed / 2**30:.1f} GiB and {error.free / 2**30:.1f} GiB "
        f"are free, so its rows are streamed."
    )
