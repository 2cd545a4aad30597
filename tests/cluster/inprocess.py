"""An engine that works in this process."""

import contextlib
import json
import pickle
from dataclasses import dataclass, field

from aetk.cluster.engine import Workers, attempt, outcome


@dataclass
class Here:
    """An engine that works here, one task after the other, and remembers which."""

    name = "here"
    threads = 1
    tasks: list = field(default_factory=list)

    def connected(self, on_gpus=False):
        return contextlib.nullcontext(Workers(1, float(on_gpus)))

    def run(self, work, tasks):
        for task in tasks:
            self.tasks.append(task["name"])
            yield outcome(attempt(pickle.loads(pickle.dumps(work)), json.dumps(task)))
