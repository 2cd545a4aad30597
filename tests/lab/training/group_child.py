"""Run by torchrun: what two processes agree on, and a BatchNorm over both, written to the folder that is named.

Beside it the names of the threads that are left when they have parted.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from aetk.base.errors import AetkError, BadInput
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.training.distributed.join import joined

SHAPES, STEPS, ROWS, FEATURES = ((8, 16), (12,)), 3, 40, 5


TYPES = {"float32": torch.float32, "float64": torch.float64}


def networks(kind):
    """The same ones in every process and in the test."""
    torch.manual_seed(3)
    return Autoencoders(FEATURES, SHAPES).to(TYPES[kind])


def batch(step, kind):
    """[ROWS, FEATURES], for both processes together; in float64 with a column far from zero."""
    random = torch.Generator().manual_seed(step)
    far = 3000 if kind == "float64" else 4
    return (torch.randn(ROWS, FEATURES, generator=random) * 3 + torch.tensor([0.0, 1, 2, 3, far])).to(TYPES[kind])


def train(group, kind):
    """Forward and backward, some times; what came of it, by name."""
    found = {}
    own = networks(kind)
    model = group.parallel(own)
    model.train()
    for step in range(STEPS):
        rows = batch(step, kind).chunk(2)[group.rank].requires_grad_()
        output = model(rows)
        own.zero_grad()
        output.square().mean().backward()
        found |= {f"output.{step}": output.detach(), f"input.{step}": rows.grad}
        found |= {f"gradient.{step}.{name}": p.grad.clone() for name, p in own.named_parameters()}
    return found | {f"state.{name}": tensor for name, tensor in own.state_dict().items()}


def main():
    """Train some steps, exchange this and that, and fail in one process."""
    with joined() as group:
        found = {f"{kind}.{name}": t for kind in TYPES for name, t in train(group, kind).items()}
        found["total"] = torch.tensor(group.sum([group.rank + 1, 10]))
        found["largest"] = group.max(torch.tensor([float(group.rank), -float(group.rank)]))
        found["first"] = torch.tensor(group.compute_on_first(lambda: 7.0 + group.rank))
        found["shared"] = torch.tensor(group.broadcast({"rank": group.rank})["rank"])
        collected = group.gather_to_first({"rank": torch.tensor(group.rank), "none": torch.zeros(0, 2)})
        found["collected"] = torch.tensor([int(part["rank"]) for part in collected], dtype=torch.int64)
        try:
            with group.fail_together():
                if group.rank == 1:
                    raise BadInput("found by the second", "a hint")
        except AetkError as error:
            assert (str(error), type(error)) == ("found by the second\na hint", BadInput)  # noqa: PT017
            found["caught"] = torch.tensor(True)
        save_file(found, Path(sys.argv[1]) / f"{group.rank}.safetensors")
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    (Path(sys.argv[1]) / f"{group.rank}.threads").write_text("".join(names))


if __name__ == "__main__":
    main()
