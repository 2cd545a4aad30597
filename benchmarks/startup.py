"""How long does it take until the edge side is imported, against PyTorch?

Fresh processes, interleaved, medians: what an app pays at its start.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from aetk.render.text import seconds, table
from harness import keep

ROUNDS = 15
BIN = Path(sys.executable).parent
COMMANDS = {
    "import torch": [sys.executable, "-c", "import torch"],
    "import aetk.edge": [sys.executable, "-c", "import aetk.edge"],
    "aetk --help": [str(BIN / "aetk"), "--help"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "python alone": [sys.executable, "-c", ""],
}


@dataclass(frozen=True)
class Start:
    """Seconds of every fresh process."""

    command: str
    samples: list[float]


def main() -> None:
    """Time each command in turn, several rounds."""
    starts = [Start(name, []) for name in COMMANDS]
    for turn in range(ROUNDS + 1):
        for start in starts:
            began = time.perf_counter()
            subprocess.run(COMMANDS[start.command], check=True, capture_output=True)
            if turn:  # the first round warms the file cache
                start.samples.append(time.perf_counter() - began)
    torch = median(starts[0].samples)
    rows = [[s.command, seconds(median(s.samples)), f"{median(s.samples) / torch:.3f}"] for s in starts]
    print(table(("command", "median", "of import torch"), rows))
    keep("startup", starts)


if __name__ == "__main__":
    main()
