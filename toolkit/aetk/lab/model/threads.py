"""The number of threads that PyTorch computes with."""

import contextlib
from collections.abc import Iterator

import torch

_WORTH_THREADS = 5e7
"""The least work, rows times parameters, for which a second thread pays."""


@contextlib.contextmanager
def threads_for(work: float) -> Iterator[None]:
    """Within the block, PyTorch computes on one thread if the `work`, rows times parameters, is small.

    A second thread would save little time then, and on a busy machine waiting for it takes ten times as long.
    """
    threads = torch.get_num_threads()
    if work < _WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
