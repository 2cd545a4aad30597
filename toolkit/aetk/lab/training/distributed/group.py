"""The processes that train together, as the training loop sees them; here, the one that trains alone."""

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
    """One process alone, for which agreeing costs nothing; see `ranks.TorchrunGroup` for several.

    Attributes:
        rank: of this process, from 0.
        world: how many processes there are.
        launcher: what starts them, as words of a command line.
    """

    rank = 0
    world = 1
    launcher: tuple[str, ...] = ("aetk",)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that scores, writes and speaks for all."""
        return self.rank == 0

    def device(self, chosen: "torch.device") -> "torch.device":
        """The device of this process, where `chosen` is the kind."""
        return chosen

    def parallel(self, networks: "nn.Module") -> "nn.Module":
        """What to call in place of the networks in a training step, with the same parameters and buffers."""
        return networks

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sum of each value over all processes."""
        return list(values)

    def max(self, values: "Tensor") -> "Tensor":
        """The largest of each value, [n], over all processes."""
        return values

    def compute_on_first(self, compute: Callable[[], float]) -> float:
        """What the first process computes."""
        return compute()

    def broadcast(self, data: Any) -> Any:
        """What the first process gives, plain JSON; what the others give does not count."""
        return data

    def broadcast_tensors(self, tensors: Tensors) -> Tensors:
        """The same for tensors on the CPU, by name."""
        return tensors

    def gather_to_first(self, tensors: Tensors) -> Iterator[Tensors]:
        """To the first process what each of the others gives, one after the other in the order of ranks.

        All have to go through it, the others in vain.
        """
        return iter(())

    def fail_together(self) -> AbstractContextManager[None]:
        """Within the block, an expected failure of one process is raised in all of them at its end.

        The block asks nothing of the other processes, or they would wait for one that has failed.
        """
        return contextlib.nullcontext()

    def detect_loss(self, describe: Callable[[], str]) -> AbstractContextManager[None]:
        """Within the block, Unavailable with this message where another process cannot be reached any more."""
        return contextlib.nullcontext()


ALONE = Group()
