"""The reference training loop, written as notebooks write it; `training.py` measures it.

A Dataset that gives one row at a time, a DataLoader, Adam, L1, a validation after each epoch, ReduceLROnPlateau, and
the best epoch's weights. It is plain, not slowed down: nothing is in it that a notebook would not have.
"""

import copy
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, l1_loss
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from aetk.lab.model.autoencoders import autoencoder
from aetk.lab.presets import RECIPES

RECIPE = RECIPES["reference"]
THRESHOLD = 0.95


class Rows(Dataset):
    """One row at a time, as a tensor."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(self.rows[index])


class Batches(Dataset):
    """The same rows, a whole batch at a time: what is learned is the same, without the time to collect rows."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self.rows = torch.from_numpy(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: list[int]) -> Tensor:
        return self.rows[indices]


def loader(rows: NDArray[np.float32], workers: int, seed: int) -> DataLoader:
    """The notebook's loader."""
    shuffle = torch.Generator().manual_seed(seed)
    return DataLoader(Rows(rows), RECIPE.batch_rows, shuffle=True, num_workers=workers, generator=shuffle)


def quick_loader(rows: NDArray[np.float32], seed: int) -> DataLoader:
    """A loader that gives the very same batches in the very same order, quickly."""
    data, shuffle = Batches(rows), torch.Generator().manual_seed(seed)
    order = BatchSampler(RandomSampler(data, generator=shuffle), RECIPE.batch_rows, drop_last=False)
    return DataLoader(data, batch_size=None, sampler=order, generator=shuffle)


@dataclass(frozen=True)
class Epoch:
    """One epoch.

    Attributes:
        seconds: it took, validation included.
        loss: mean over its rows.
        macro_f1: on the validation rows at the fixed threshold.
        rate: the learning rate that it ran at.
    """

    seconds: float
    loss: float
    macro_f1: float
    rate: float


def macro_f1(similarity: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """As the notebook computes it, with scikit-learn."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, similarity < THRESHOLD, average="macro"))


def similarities(network: nn.Sequential, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Plain cosine of rows and reconstructions, float32 [rows]."""
    network.eval()
    with torch.no_grad():
        x = torch.from_numpy(rows)
        return cosine_similarity(x, network(x), dim=1, eps=1e-6).numpy()


def fit(
    batches: Iterable[Tensor], validation: NDArray[np.float32], labels: NDArray[np.bool_], epochs: int, seed: int
) -> tuple[nn.Sequential, list[Epoch]]:
    """Train for some epochs; the network comes back with the best epoch's weights."""
    torch.manual_seed(seed)
    network = autoencoder(validation.shape[1], *RECIPE.networks)
    optimizer = torch.optim.Adam(network.parameters(), lr=RECIPE.learning_rate)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=10, threshold_mode="abs", min_lr=1e-8
    )
    history: list[Epoch] = []
    best_score, best = -1.0, copy.deepcopy(network.state_dict())
    for _ in range(epochs):
        started = time.perf_counter()
        network.train()
        total, count = 0.0, 0
        for batch in batches:
            optimizer.zero_grad()
            loss = l1_loss(network(batch), batch)
            loss.backward()
            optimizer.step()
            total, count = total + loss.item() * len(batch), count + len(batch)
        score = macro_f1(similarities(network, validation), labels)
        rate = optimizer.param_groups[0]["lr"]
        scheduler.step(score)
        if score > best_score:
            best_score, best = score, copy.deepcopy(network.state_dict())
        history.append(Epoch(time.perf_counter() - started, total / count, score, rate))
    network.load_state_dict(best)
    return network, history
