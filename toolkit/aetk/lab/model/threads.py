"""How many threads PyTorch computes with."""

import contextlib
from collections.abc import Iterator

import torch

_WORTH_THREADS = 5e7
"""Work from which a second thread is worth its waiting."""


@contextlib.contextmanager
def threads_for(work: float) -> Iterator[None]:
    """Within the block, PyTorch computes on one thread where the `work`, rows times parameters, is small.

    A second thread gains it little, and on a busy machine waiting for it costs tenfold.
    """
    threads = torch.get_num_threads()
    if work < _WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
