"""What the benchmark scripts share: where the data lies, and how a result is kept."""

import json
from pathlib import Path
from typing import Any

from aetk.edge.bench import environment
from aetk.render.data import to_data

ROOT = Path(__file__).resolve().parent
DATA = ROOT.parent.parent / "shared" / "data"
SEEDS = (41, 1, 2, 3, 4, 5)


def keep(name: str, result: Any) -> Path:
    """Write `results/NAME.json`: the figures with the machine and the versions behind them."""
    path = ROOT / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    document = {"schema_version": 1, "environment": environment(), "result": to_data(result)}
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    print(f"wrote: {path.relative_to(ROOT.parent)}")
    return path
