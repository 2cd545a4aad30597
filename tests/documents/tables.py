"""Writes docs/tables.md: what aetk makes of thirty tables as their owners keep them. Run it beside ../shared/cases."""

import shlex
from pathlib import Path

from aetk.lab.look.commands import Base
from aetk.lab.look.examine import examine
from aetk.lab.look.report import Wishes

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared/cases/tables"
PAGE = ROOT / "docs/tables.md"
_HEAD = """# Tables as people have them

`aetk look TABLE` says what a table is and how it would be read; `aetk train` does the same before it trains. What was
decided is written into the run and the model's card, and scoring follows it ([how](table-formats.md)). The table below
is made by `python tests/documents/tables.py`: thirty small tables, each with one obstacle, trained as their owner typed
it, or after the one command in the first message.

| obstacle | what was decided, or asked | options to add |
| --- | --- | --- |
"""


def page():
    """The page as text."""
    return _HEAD + "".join(map(_row, sorted(path for path in CASES.iterdir() if path.is_dir())))


def _row(folder):
    lines = (folder / "run.sh").read_text().strip().splitlines()
    words = shlex.split(lines[-1].split(" train ", 1)[1])
    wishes = {"drop": ()}
    for key, value in zip(words[1::2], words[2::2], strict=True):
        name = key.removeprefix("--")
        if name == "drop":
            wishes["drop"] += (value,)
        elif name in ("label", "missing"):
            wishes[name] = value
    found = examine(folder / words[0], Wishes(**wishes), base=Base(("",)))
    said = [decision.question.replace(f"{folder}/", "") for decision in found.decisions]
    said = (
        said or list(found.notes) or ["blanks or a delimiter too many are left out" if found.is_lenient else "nothing"]
    )
    options = " ".join(shlex.join(option.words) for option in found.options)
    cells = [lines[1].removeprefix("# "), "; ".join(said), f"`{options}`" if options else ""]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
