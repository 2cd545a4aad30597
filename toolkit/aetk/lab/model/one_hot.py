"""Expands the categories of rows into copies within the exported graph, and sums values of copies by category."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from aetk.lab.model.expansion import NEAREST, Expansion


class OneHot(nn.Module):
    """Does in PyTorch what `Expansion.expand` does, with operators on which all runtimes agree.

    Each copy compares the index with its own level: |index - level| <= 1/4. The other copy is 1 minus the sum of the
    copies for the levels, of which at most one is 1.

    Args:
        expansion: the columns of the rows, with at least one category.
        by_product: whether to select and place columns by matrix products, which is faster for narrow rows, or by
            slices, so that no matrix has as many rows and columns as expanded rows have columns.
    """

    level: Tensor
    member: Tensor
    pick: Tensor
    ones: Tensor
    numbers: Tensor
    place: Tensor

    def __init__(self, expansion: Expansion, *, by_product: bool) -> None:
        super().__init__()
        n, counts = len(expansion.levels), len(expansion.numbers)
        owners = torch.from_numpy(expansion.owners)
        self.by_product, self._counts = by_product, counts
        self._numbers, self._categories = _runs(expansion.numbers), _runs(expansion.categories)
        # [m, n]: 1 where an expanded column comes from a column
        owned = F.one_hot(owners, n).float()
        hot, other = owned[counts : -len(expansion.categories)], owned[-len(expansion.categories) :]
        member = hot @ other.T  # [levels, categories]: 1 where a level belongs to a category
        levels = len(hot)
        is_number = (torch.arange(len(owned)) < counts).float()
        is_other = (torch.arange(len(owned)) >= counts + levels).float()
        tensors = {
            "level": -torch.from_numpy(expansion.indices).float(),
            "pick": hot if by_product else member,
            "ones": is_other if by_product else torch.ones(len(other)),
            "numbers": owned * is_number[:, None] if by_product else None,
            "place": F.pad(torch.cat([torch.eye(levels), -member], 1), (counts, 0)) if by_product else -member.T,
            "member": owned.T if by_product else torch.cat([member, torch.eye(len(other))]).T,
        }
        for name, tensor in tensors.items():
            kept = None if tensor is None else tensor.contiguous()
            self.register_buffer(name, kept, persistent=False)  # all follow from the number of levels

    def forward(self, clean: Tensor) -> Tensor:
        """Expand rows, float32 [batch, n] without NaN and infinity, to [batch, m]."""
        index = clean if self.by_product else _taken(clean, self._categories)
        hot = (F.linear(index, self.pick, self.level).abs() <= NEAREST).to(clean.dtype)
        if self.by_product:
            return torch.addmm(F.linear(clean, self.numbers, self.ones), hot, self.place)
        parts = [clean[:, start:stop] for start, stop in self._numbers]
        return torch.cat([*parts, hot, F.linear(hot, self.place, self.ones)], 1)

    def summed(self, values: Tensor) -> Tensor:
        """Sum the values of each category's copies: float32 [batch, m] to [batch, n]."""
        if self.by_product:
            return F.linear(values, self.member)
        sums = F.linear(values[:, self._counts :], self.member)
        runs = [*((run, values) for run in self._numbers), *((run, sums) for run in self._categories)]
        parts, done = [], {id(values): 0, id(sums): 0}
        for (start, stop), source in sorted(runs, key=lambda item: item[0]):
            begin = done[id(source)]
            done[id(source)] += stop - start
            parts.append(source[:, begin : done[id(source)]])
        return torch.cat(parts, 1)


def _taken(rows: Tensor, runs: list[tuple[int, int]]) -> Tensor:
    parts = [rows[:, start:stop] for start, stop in runs]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _runs(positions: list[int]) -> list[tuple[int, int]]:
    """Start and end of each run of consecutive positions."""
    found: list[tuple[int, int]] = []
    for position in positions:
        if found and found[-1][1] == position:
            found[-1] = found[-1][0], position + 1
        else:
            found.append((position, position + 1))
    return found
