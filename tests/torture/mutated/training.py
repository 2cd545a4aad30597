"""Run folders and checkpoints."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save

from aetk.lab import runs
from aetk.lab.training.checkpoint import read_checkpoint

from .family import ACCEPTED, SAME, Family, Wrong, mutate_bytes, mutate_json

_FILES = (runs.RECORD, runs.RECORD, runs.WEIGHTS, runs.ROWS, runs.HISTORY)


def family(run: Path, stopped: Path) -> tuple[Family, ...]:
    """Of a finished run's folder, and of one that was stopped."""
    return (
        Family("run folders", 8_000, 0.5, lambda folder: _runs(run, folder)),
        Family("checkpoints", 8_000, 0.5, lambda folder: _checkpoints(stopped / runs.CHECKPOINT, folder)),
    )


def _runs(original: Path, folder: Path) -> Callable[[random.Random, bool], str]:
    own = Path(shutil.copytree(original, folder / "run"))
    contents = {name: (own / name).read_bytes() for name in set(_FILES)}

    def attempt(chance: random.Random, structured: bool) -> str:
        for name, content in contents.items():
            (own / name).write_bytes(content)
        name = chance.choice(_FILES)
        record = json.loads(contents[runs.RECORD])
        if structured and name == runs.RECORD:
            changed = json.dumps(mutate_json(record, chance)).encode("utf-8", "surrogatepass")
        else:
            changed = mutate_bytes(contents[name], chance)
            if structured:  # a forger makes the digest right again
                record["sha256"][name] = hashlib.sha256(changed).hexdigest()
                (own / runs.RECORD).write_text(json.dumps(record))
        (own / name).write_bytes(changed)
        runs.read_run(own)
        runs.read_history(own)
        if changed == contents[name]:
            return SAME
        if not structured and name in (runs.WEIGHTS, runs.ROWS, runs.HISTORY):
            raise Wrong(f"a changed {name} was accepted")
        return ACCEPTED

    return attempt


def _checkpoints(original: Path, folder: Path) -> Callable[[random.Random, bool], str]:
    path, content = folder / original.name, original.read_bytes()
    with safe_open(original, framework="pt") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict

    def attempt(chance: random.Random, structured: bool) -> str:
        changed = _structured(chance) if structured else mutate_bytes(content, chance)
        path.write_bytes(changed)
        read_checkpoint(path)
        if changed != content and not _same(path):
            raise Wrong("a changed checkpoint was accepted")
        return SAME

    def _structured(chance: random.Random) -> bytes:
        found, parts = dict(header), dict(tensors)
        name, other = chance.choice(sorted(parts)), chance.choice(sorted(parts))
        kind = chance.randrange(5)
        if kind == 0:
            del parts[name]
        elif kind == 1:
            parts[name], parts[other] = parts[other].clone(), parts[name].clone()
        elif kind == 2:
            parts[name] = parts[name].flatten()[:1].clone()
        else:
            key = chance.choice(("request", "progress"))
            found[key] = json.dumps(mutate_json(json.loads(found[key]), chance))
        return bytes(save(parts, found))

    def _same(changed: Path) -> bool:
        with safe_open(changed, framework="pt") as file:
            names = set(file.keys())
            same = names == set(tensors) and all(file.get_tensor(name).equal(tensors[name]) for name in names)
            return same and all(file.metadata()[key] == header[key] for key in ("request", "progress"))

    return attempt
