"""Writes the tables of README.md from the kept results, below the marker; what stands above it is written by hand.

Three tables also go to the project's README, and those of execution providers to a page in docs, between marks of their
own.
"""

import re
from importlib import import_module
from types import ModuleType

from harness import ROOT, Table, read

SCRIPTS = (
    "quality", "folds", "creditcard", "inference", "guarded", "training", "distributed", "startup", "commands", "files",
    "growth", "parity", "compatibility", "decision",
)  # fmt: skip
README = ROOT / "README.md"
FRONT = ROOT.parent / "README.md"
PROVIDERS = ROOT.parent / "docs" / "providers-tested.md"
IN_FRONT = ("compatibility", "decision", "distributed")
MARKER = "<!-- Below this line: written by report.py from results/*.json. -->\n"


def question(script: ModuleType) -> str:
    """The first line of a script's docstring."""
    assert script.__doc__
    return script.__doc__.split("\n", 1)[0]


def document() -> str:
    """The README as it should be."""
    by_hand = README.read_text().split(MARKER)[0]
    scripts = {name: import_module(name) for name in SCRIPTS}
    index = ["| script | question |", "| --- | --- |", *(f"| `{n}.py` | {question(s)} |" for n, s in scripts.items())]
    return by_hand + MARKER + "\n" + "\n\n".join(["\n".join(index), *map(_section, scripts.values())]) + "\n"


def front() -> str:
    """The project's README as it should be: a script's first table between `<!-- SCRIPT.py -->` and `<!-- end -->`."""
    text = FRONT.read_text()
    for name in IN_FRONT:
        script = import_module(name)
        text = _between_marks(text, f"{name}.py", _bare(script.tables(read(name, script.RESULT)[1])[0]))
    return text


def providers() -> str:
    """The page of execution providers as it should be, each table after its `<!-- compatibility.py: NUMBER -->`."""
    script = import_module("compatibility")
    environment, result = read("compatibility", script.RESULT)
    text = PROVIDERS.read_text()
    for number, table in enumerate(script.tables(result)):
        text = _between_marks(text, f"compatibility.py: {number}", _bare(table))
    return _between_marks(text, "compatibility.py: machine", _machine(environment))


def _bare(table: Table) -> str:
    """A table without its title."""
    return table.markdown().split("\n\n", 1)[1]


def _between_marks(text: str, mark: str, content: str) -> str:
    """A text with other content between `<!-- MARK -->` and `<!-- end -->`, where it has them."""
    return re.sub(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{content}\n{m[2]}", text, flags=re.S)


def _section(script: ModuleType) -> str:
    environment, result = read(script.__name__, script.RESULT)
    parts = [f"## `{script.__name__}.py`: {question(script)}", _machine(environment)]
    parts += [table.markdown() for table in script.tables(result)]
    picture = ROOT / "results" / f"{script.__name__}.png"
    if picture.exists():
        parts.append(f"![{question(script)}](results/{picture.name})")
    return "\n\n".join(parts)


def _machine(environment: dict[str, str]) -> str:
    known = dict(environment)
    machine = f"{known.pop('processor')}, {known.pop('usable_cpus')} CPUs, {known.pop('system').split()[0]}"
    known.pop("onnxruntime_build")
    return f"{machine}; {', '.join(f'{name} {version}' for name, version in known.items())}."


def main() -> None:
    """Write it."""
    README.write_text(document())
    FRONT.write_text(front())
    PROVIDERS.write_text(providers())


if __name__ == "__main__":
    main()
