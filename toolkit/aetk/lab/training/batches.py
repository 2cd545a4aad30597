"""The batches of a fit: the interface that the training loop uses, and batches of rows in memory."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from aetk.lab.recipe import Recipe
from aetk.lab.training.device import to_device


class Batches(Protocol):
    """A source of batches that never ends and can start at any step.

    Attributes:
        batch_rows: the maximum number of rows in a batch of this process.
        per_epoch: the number of steps in which all processes together see as many rows as the table has to fit on.
    """

    batch_rows: int
    per_epoch: int

    def stream(self, step: int) -> Iterator[Tensor]:
        """Yield batches of scaled rows, float32 [batch, n] on the device, beginning with this step, counted from 0."""

    def state(self, step: int) -> dict[str, Tensor]:
        """The tensors that a checkpoint after this number of steps keeps, for `restore`."""

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the tensors of `state`, before `stream` is called."""


def steps_per_epoch(rows: int, recipe: Recipe) -> int:
    """The number of batches in an epoch; a single last row is added to the batch before, since BatchNorm needs two."""
    full, rest = divmod(rows, recipe.batch_rows)
    return max(1, full + (1 if rest > 1 else 0))


class Shuffled:
    """Batches of rows in memory, in a new order each epoch; every row is used once per epoch.

    Args:
        rows: float32 [rows, n], scaled, on the device.
        recipe: the recipe, which gives the size of a batch.
        seed: the seed of the shuffling.
    """

    def __init__(self, rows: Tensor, recipe: Recipe, seed: int) -> None:
        self._rows = rows
        self.batch_rows = min(recipe.batch_rows, len(rows))
        self.per_epoch = steps_per_epoch(len(rows), recipe)
        self._shuffle = torch.Generator().manual_seed(seed)
        self._epoch_start = self._shuffle.get_state()

    def stream(self, step: int) -> Iterator[Tensor]:
        """See `Batches.stream`; the restored state of the generator must belong to the epoch of `step`."""
        rows, done = self._rows, step % self.per_epoch
        while True:
            self._epoch_start = self._shuffle.get_state()
            order = to_device(torch.randperm(len(rows), generator=self._shuffle), rows.device)
            for index in itertools.islice(self._cut(order), done, None):
                yield rows[index]
            done = 0

    def _cut(self, order: Tensor) -> Iterator[Tensor]:
        for index in range(self.per_epoch):
            start, is_last = index * self.batch_rows, index == self.per_epoch - 1
            yield order[start : len(order) if is_last else start + self.batch_rows]

    def state(self, step: int) -> dict[str, Tensor]:
        """The generator's state at the start of the present epoch, or of the next one between two epochs."""
        between_epochs = step % self.per_epoch == 0
        return {"shuffle": self._shuffle.get_state() if between_epochs else self._epoch_start}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Batches.restore`."""
        self._epoch_start = tensors["shuffle"]
        self._shuffle.set_state(self._epoch_start)
