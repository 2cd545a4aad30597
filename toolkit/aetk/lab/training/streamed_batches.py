"""Batches of rows that are streamed from shards."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aetk.lab.data.shards import Stream, is_fit, read
from aetk.lab.training.device import to_device

BUFFER_VALUES = 2**24
"""The number of float32 values that a process shuffles at a time: 64 MiB, and twice as much during the shuffle."""


class Streamed:
    """Batches of a process's own rows, see `Batches`, in an order that depends only on seed, step and rank.

    Every epoch reads the shards in another order and cuts their rows into windows that fit the buffer; each window is
    shuffled as a whole. If all rows fit, they are read once and kept. A batch may contain the last rows of one epoch
    and the first of the next. A window is copied to the device as a whole, before the steps that use it.

    Args:
        stream: the source of the rows, with at least one row to fit on.
        prepare: expands and scales rows, float64 [rows, n], to float32 [rows, m].
        device: the device of the batches.
        batch_rows: the number of rows in a batch of this process.
        per_epoch: see `Batches`.
        order: the seeds of the shuffling, including the rank.
        buffer_values: the number of values that are shuffled at a time.
    """

    def __init__(
        self,
        stream: Stream,
        prepare: Callable[[NDArray[np.float64]], Tensor],
        device: torch.device,
        *,
        batch_rows: int,
        per_epoch: int,
        order: Sequence[int],
        buffer_values: int = BUFFER_VALUES,
    ) -> None:
        self._source, self._prepare, self._device, self._order = stream, prepare, device, tuple(order)
        self.batch_rows, self.per_epoch = batch_rows, per_epoch
        self._total = int(stream.own_rows.sum())
        self._width = stream.columns.expansion.width
        self._window = max(buffer_values // self._width, 2)

    def state(self, step: int) -> dict[str, Tensor]:
        """Return nothing, since the order follows from the step."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Do nothing; see `state`."""

    def stream(self, step: int) -> Iterator[Tensor]:
        """See `Batches.stream`; row groups before the step's window are skipped without being decoded."""
        epoch, done = divmod(step * self.batch_rows, self._total)
        rest = torch.empty(0, self._width, device=self._device)
        while True:
            for window in self._windows(epoch, done):
                rest = torch.cat([rest, window])
                start = 0
                while len(rest) - start >= self.batch_rows:
                    yield rest[start : start + self.batch_rows]
                    start += self.batch_rows
                rest = rest[start:].clone()
            epoch, done = epoch + 1, 0

    def _windows(self, epoch: int, done: int) -> Iterator[Tensor]:
        """The shuffled windows of an epoch, float32 [rows, n], without the first `done` rows."""
        number = done // self._window
        done -= number * self._window
        for window in self._unshuffled(epoch, number * self._window):
            order = torch.from_numpy(self._random(epoch, number + 1).permutation(len(window)))
            yield window[to_device(order, self._device)][done:]
            number, done = number + 1, 0

    def _unshuffled(self, epoch: int, skip: int) -> Iterator[Tensor]:
        """The windows of an epoch before shuffling, on the device, without the first `skip` rows."""
        if self._total <= self._window:
            yield self._everything
            return
        shards = self._random(epoch, 0).permutation(len(self._source.shards))
        held, rows = 0, list[Tensor]()
        for part in self._rows(shards, skip):
            while held + len(part) >= self._window:
                taken = self._window - held
                yield to_device(torch.cat([*rows, part[:taken]]), self._device)
                part, rows, held = part[taken:], [], 0
            rows.append(part)
            held += len(part)
        if held:
            yield to_device(torch.cat(rows), self._device)

    @cached_property
    def _everything(self) -> Tensor:
        return to_device(torch.cat(list(self._rows(range(len(self._source.shards)), 0))), self._device)

    def _rows(self, shards: Sequence[int] | NDArray[np.int64], skip: int) -> Iterator[Tensor]:
        """The rows to fit on from these shards, in this order, without the first `skip`."""
        for index in shards:
            if skip >= self._source.own_rows[index]:
                skip -= int(self._source.own_rows[index])
                continue
            for piece in read(self._source.shards[index], self._source.columns):
                rows = piece.values[is_fit(piece, self._source.hash_split)]
                if len(rows) > skip:
                    yield self._prepare(rows[skip:])
                skip = max(skip - len(rows), 0)

    def _random(self, epoch: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([*self._order, epoch, purpose])
