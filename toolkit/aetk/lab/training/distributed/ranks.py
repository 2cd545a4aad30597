"""The group of several processes that train together, started by torchrun.

Nothing is pickled: they exchange numbers, JSON and safetensors. A process that fails reports this to the others at the
end of a block, `fail_together`; one that dies is noticed by its closed connection or by a timeout.
"""

import atexit
import contextlib
import gc
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn  # before a group exists, since default arguments in it keep the group of import time
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from aetk.base.errors import AetkError, BadInput, Unavailable, expected, first_line, from_plain, to_plain
from aetk.lab.training.distributed.batchnorm import synchronised
from aetk.lab.training.distributed.group import Group, Lost, Tensors

_STEP_TIMEOUT = timedelta(seconds=60)
"""The time without an answer, within a step, after which a process is lost; a closed connection is noticed at once."""
_LONG_TIMEOUT = timedelta(days=1)
"""The same between steps, when one process may read, calibrate or write for a long time while the others wait."""


class TorchrunGroup(Group):
    """The processes that torchrun started; see `Group`."""

    def __init__(self) -> None:
        if dist.is_initialized():
            raise BadInput("torch.distributed is in use already.", "Let aetk set it up, or leave torchrun out.")
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        try:
            self._store, self.rank, self.world = next(rendezvous("env://", timeout=_STEP_TIMEOUT))
            dist.init_process_group(
                backend, store=self._store, rank=self.rank, world_size=self.world, timeout=_STEP_TIMEOUT
            )
            self._patient: dist.ProcessGroup | None = dist.new_group(backend="gloo", timeout=_LONG_TIMEOUT)
        except (RuntimeError, ValueError) as error:
            raise Unavailable(
                f"The processes that torchrun started do not find each other: {first_line(error)}.",
                "Start all of them again, with the same --nnodes and the address of the same host.",
            ) from None
        self.launcher = _launcher()
        atexit.register(gc.collect)  # the frames of a failed fit keep the group beyond `leave`

    def leave(self) -> None:
        """Leave the group; all processes must call this together.

        gloo's threads end with the last reference to their group. A thread that still has a Python tensor when the
        interpreter ends would abort the process.
        """
        self._patient = None
        dist.destroy_process_group()
        gc.collect()

    def claim_report(self) -> bool:
        """Whether this is the first process to call this; it prints the error that all processes end with."""
        try:
            return bool(self._store.add("reported", 1) == 1)
        except RuntimeError:  # the store ended with torchrun: two reports are better than none
            return True

    def device(self, chosen: torch.device) -> torch.device:
        """Choose the GPU of this process; raise BadInput if several processes cannot train on this kind of device."""
        if chosen.type == "mps":
            raise BadInput("PyTorch does not train on mps in several processes.", "Use --device cpu.")
        if chosen.type != "cuda":
            return chosen
        own, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if own >= there:
            raise BadInput(f"There are more processes on this machine than GPUs, {there}.", "Use --nproc-per-node gpu.")
        torch.cuda.set_device(own)
        return torch.device("cuda", own)

    def parallel(self, networks: nn.Module) -> nn.Module:
        """Wrap the networks in `DistributedDataParallel`, which averages gradients; BatchNorm is over all processes."""
        if self.world == 1:
            return networks
        device = next(networks.parameters()).device
        model = DistributedDataParallel(synchronised(networks), [device] if device.type == "cuda" else None)
        _fix_bucket_order(model, networks)
        return model

    def sum(self, values: Sequence[float]) -> list[float]:
        """See `Group.sum`; it is called in each step, so it has the short timeout."""
        summed = torch.tensor(values, dtype=torch.float64)
        with self.detect_loss(_lost):
            dist.all_reduce(summed)
        found: list[float] = summed.tolist()
        return found

    def max(self, values: Tensor) -> Tensor:
        """See `Group.max`."""
        found = values.detach().cpu().nan_to_num(torch.inf)
        with self.detect_loss(_lost):
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return found

    def compute_on_first(self, compute: Callable[[], float]) -> float:
        """See `Group.compute_on_first`."""
        value = torch.tensor([compute() if self.is_first else 0.0], dtype=torch.float64)
        with self.detect_loss(_lost):
            dist.broadcast(value, 0, group=self._patient)
        return float(value)

    def broadcast(self, data: Any) -> Any:
        """See `Group.broadcast`."""
        return json.loads(self._share(json.dumps(data).encode() if self.is_first else b""))

    def broadcast_tensors(self, tensors: Tensors) -> Tensors:
        """See `Group.broadcast_tensors`."""
        return load(self._share(_packed(tensors) if self.is_first else b""))

    def _share(self, content: bytes) -> bytes:
        size = torch.tensor([len(content)])
        with self.detect_loss(_lost):
            dist.broadcast(size, 0, group=self._patient)
            sent = _as_tensor(content) if self.is_first else torch.empty(int(size), dtype=torch.uint8)
            dist.broadcast(sent, 0, group=self._patient)
        return sent.numpy().tobytes()

    def gather_to_first(self, tensors: Tensors) -> Iterator[Tensors]:
        """See `Group.gather_to_first`; the first process has the tensors of only one other in memory at a time."""
        sent = _as_tensor(b"" if self.is_first else _packed(tensors))
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
        with self.detect_loss(_lost):
            dist.all_gather(sizes, torch.tensor([len(sent)]), group=self._patient)
            if not self.is_first:
                dist.send(sent, 0, group=self._patient)
        for rank in range(1, self.world if self.is_first else 0):
            received = torch.empty(int(sizes[rank]), dtype=torch.uint8)
            with self.detect_loss(_lost):
                dist.recv(received, rank, group=self._patient)
            yield load(received.numpy().tobytes())

    @contextlib.contextmanager
    def fail_together(self) -> Iterator[None]:
        """See `Group.fail_together`; if several processes fail, the failure of the lowest rank is raised."""
        failure: AetkError | None = None
        try:
            yield
        except Exception as error:
            failure = expected(error)
            if failure is None:
                raise
        text = "" if failure is None else json.dumps(to_plain(failure))
        found = [other for other in self._gather(text) if other]
        if found:
            raise from_plain(json.loads(found[0])) from None

    def _gather(self, text: str) -> list[str]:
        """The text of every process, in the order of ranks."""
        content = text.encode()
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
        with self.detect_loss(_lost):
            dist.all_gather(sizes, torch.tensor([len(content)]), group=self._patient)
            longest = int(max(sizes))
            if not longest:
                return [""] * self.world
            texts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.world)]
            dist.all_gather(texts, _as_tensor(content.ljust(longest, b"\0")), group=self._patient)
        return [found.numpy().tobytes().rstrip(b"\0").decode() for found in texts]

    @contextlib.contextmanager
    def detect_loss(self, describe: Callable[[], str]) -> Iterator[None]:
        """See `Group.detect_loss`."""
        try:
            yield
        except Lost as error:
            raise Lost(describe(), error.hint) from None
        except RuntimeError as error:
            if not isinstance(error, dist.DistError) and "gloo" not in str(error):
                raise
            raise Lost(describe(), "Start all of them again.") from None


def _fix_bucket_order(model: nn.Module, networks: nn.Module) -> None:
    """Do a step that changes nothing, after which the order of the gradients in their buckets is final.

    Sums over three or more processes depend on this order in the last bit, and a resumed fit would start with another.
    """
    weight = next(networks.parameters())
    model.eval()
    model(weight.new_zeros(2, weight.shape[1])).sum().backward()
    networks.zero_grad()


def _lost() -> str:
    return "Another process that torchrun started has ended, or cannot be reached any more."


def _launcher() -> tuple[str, ...]:
    """The command that started these processes, as far as the environment shows it."""
    nodes = int(os.environ.get("GROUP_WORLD_SIZE", "1"))
    here = os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"])
    several = ("--nnodes", str(nodes)) if nodes > 1 else ()
    return ("torchrun", *several, "--nproc-per-node", here, "-m", "aetk")


def _packed(tensors: Tensors) -> bytes:
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)
