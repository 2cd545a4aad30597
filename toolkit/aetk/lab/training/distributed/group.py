"""The interface between the training loop and the processes that train together, with the group of one process."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from aetk.base.errors import Unavailable

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Tensors = dict[str, "Tensor"]


class Lost(Unavailable):
    """Another process has ended, or cannot be reached."""


class Group:
    """A group of a single process, which needs no communication; see `ranks.TorchrunGroup` for several.

    Attributes:
        rank: the rank of this process, from 0.
        world: the number of processes.
        launcher: the command that starts them, as a list of words.
    """

    rank = 0
    world = 1
    launcher: tuple[str, ...] = ("aetk",)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that scores, writes and reports for all."""
        return self.rank == 0

    def device(self, chosen: "torch.device") -> "torch.device":
        """The device of this process, of the same kind as `chosen`."""
        return chosen

    def parallel(self, networks: "nn.Module") -> "nn.Module":
        """The module to call in place of the networks in a training step, with the same parameters and buffers."""
        return networks

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sum of each value over all processes."""
        return list(values)

    def max(self, values: "Tensor") -> "Tensor":
        """The maximum of each value, [n], over all processes."""
        return values

    def compute_on_first(self, compute: Callable[[], float]) -> float:
        """Call the function in the first process, and return its result in all."""
        return compute()

    def broadcast(self, data: Any) -> Any:
        """Return the first process's data, plain JSON, in all processes; the data of the others is ignored."""
        return data

    def broadcast_tensors(self, tensors: Tensors) -> Tensors:
        """Return the first process's tensors, by name and on the CPU, in all processes."""
        return tensors

    def gather_to_first(self, tensors: Tensors) -> Iterator[Tensors]:
        """In the first process, yield the tensors of each other process in the order of ranks.

        All processes must exhaust the iterator, which is empty in the others.
        """
        return iter(())

    def fail_together(self) -> AbstractContextManager[None]:
        """At the end of the block, raise an expected failure of one process in all of them.

        The block must not communicate, or the other processes would wait for one that has failed.
        """
        return contextlib.nullcontext()

    def detect_loss(self, describe: Callable[[], str]) -> AbstractContextManager[None]:
        """Within the block, raise `Lost` with this message if another process cannot be reached any more."""
        return contextlib.nullcontext()


ALONE = Group()
