"""Small fits for the tests: a job of a few steps, and a bar that sends a signal after a chosen one."""

import contextlib
import signal
from dataclasses import replace

import torch

from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.presets import RECIPES
from aetk.lab.training.batches import Shuffled
from aetk.lab.training.loop import Job, reconstruction_error
from aetk.lab.training.options import Options

COLUMNS = ("a", "b", "c", "d")


class Bar:
    """Stands in for tqdm; raises `number` as a real signal after step `at`."""

    def __init__(self, at=None, number=signal.SIGINT, initial=0):
        self.at, self.number, self.step = at, number, initial

    def update(self):
        self.step += 1
        if self.step == self.at:
            signal.raise_signal(self.number)

    def set_postfix(self, **_):
        pass


def bar_maker(at=None, number=signal.SIGINT):
    """What `Job.bar` takes."""

    def make(initial=0, **_):
        return contextlib.nullcontext(Bar(at, number, initial))

    return make


def table(rows=100, seed=3):
    """float32 [rows, 4], correlated."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 2, generator=random) @ torch.randn(2, 4, generator=random)


SHAPES = ((8, 16, 8), (12,))


def make_job(
    folder,
    *,
    recipe="default",
    rows=None,
    score=None,
    steps=20,
    at=None,
    number=signal.SIGINT,
    shapes=SHAPES,
    **changes,
):
    """A job with the recipe's habits on a small table; `changes` are fields of the recipe."""
    rows = table() if rows is None else rows

    @torch.no_grad()
    def error(networks):
        return -float(reconstruction_error(networks(rows), rows))

    chosen = replace(RECIPES[recipe], **({"batch_rows": 32} | changes))
    with torch.random.fork_rng():
        torch.manual_seed(41)
        networks = Autoencoders(4, shapes)
    return Job(
        networks=networks,
        batches=Shuffled(rows, chosen, seed=41),
        feature_names=COLUMNS,
        score=score or error,
        recipe=chosen,
        steps=steps,
        seed=41,
        checkpoint=folder / "checkpoint.safetensors",
        options=Options(fingerprint="of the table"),
        bar=bar_maker(at, number),
    )


def bits(network):
    """The weights and statistics of a network as bytes."""
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


@contextlib.contextmanager
def one_thread():
    """On a busy machine two threads that wait for each other make a step of this size a hundred times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
