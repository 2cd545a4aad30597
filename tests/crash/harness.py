"""Kills `aetk train`, `export`, `threshold` and `score` with SIGKILL at random moments, and checks what is left.

    python -m tests.crash --kills 50

A kill counts as inside the window only if a temporary file lay on the disk after the death, so between the first
temporary file's opening and the last rename. While fewer than 60% of all kills fell in there, the next one is aimed at
it: at a moment drawn from the windows that the unkilled command had, counted from the event before it, and nearer to
that event than to the next, since no two runs take the same time. Of the others, half are drawn evenly from the
command's whole time, and half from what follows its last rename.
"""

import json
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from .child import Moment, run_command
from .scenarios import Scenario, faults_of_next_run, prepare, state_of

_EACH_EVENT = ("train, fresh", "threshold --set", "score into CSV")


@dataclass(frozen=True)
class Kill:
    """One death and what came of it.

    Attributes:
        events: temporary files opened (`o`) and renamed (`r`) before it; the last one perhaps not carried out.
        state: `old` or `new`, or what is wrong with the files on disk.
        faults: of the next run.
    """

    command: str
    seconds: float
    events: str
    in_window: bool
    state: str
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return self.state in ("old", "new") and not self.faults


def kill_once(scenario: Scenario, moment: Moment, work: Path, resume: bool) -> Kill | None:
    """Kill a command at a moment; None where it had ended before."""
    log = work.with_name("log")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(scenario.base, work)
    ended = run_command(scenario.arguments, work, log, moment=moment, save_every=scenario.save_every)
    if ended.code is not None:
        return None
    in_window = any(work.rglob("*.tmp"))
    state = state_of(scenario, work)
    faults = faults_of_next_run(scenario, work, state, log, resume) if state in ("old", "new") else []
    return Kill(scenario.name, ended.seconds, ended.kinds, in_window, state, tuple(faults))


def kill_at_random(
    scenario: Scenario, count: int, chance: random.Random, work: Path, earlier: Sequence[Kill]
) -> list[Kill]:
    """Kill a command `count` times; a child that ended before its moment is not a kill and is tried again.

    So is a sound one that was to die while it writes, and died before or after, as on a busy machine.
    """
    kills: list[Kill] = []
    while len(kills) < count:
        inside = sum(kill.in_window for kill in [*earlier, *kills])
        aimed = inside < 0.6 * (len(earlier) + len(kills) + 1)
        moment = _in_window(scenario, chance) if aimed else _anywhere(scenario, chance)
        kill = kill_once(scenario, moment, work, resume=scenario.trains and len(kills) % 2 == 0)
        if kill is not None and (kill.in_window or not aimed or not kill.sound):
            kills.append(kill)
    return kills


def _in_window(scenario: Scenario, chance: random.Random) -> Moment:
    spans = scenario.ended.windows()
    number, _, seconds = chance.choices(spans, weights=[seconds for _, _, seconds in spans])[0]
    return Moment(number, seconds * chance.random() ** 2)


def _anywhere(scenario: Scenario, chance: random.Random) -> Moment:
    ended = scenario.ended
    if chance.random() < 0.5:
        return Moment(0, chance.uniform(0, ended.seconds))
    rest = ended.seconds - ended.times[-1]  # most of which the system takes to end the process
    return Moment(len(ended.kinds), rest * chance.random() ** 4)


def kill_at_each_event(scenario: Scenario, work: Path) -> list[Kill]:
    """Kill a command just before each opening and each renaming of a temporary file."""
    kills = []
    for number in range(1, len(scenario.ended.kinds) + 1):
        kill = kill_once(scenario, Moment(number, 0.0, hold=True), work, resume=scenario.trains and number % 2 == 0)
        assert kill is not None, "a child that is held cannot end by itself"
        kills.append(kill)
    return kills


def kill_all(scenarios: list[Scenario], kills: int, chance: random.Random, work: Path) -> list[Kill]:
    """Kill each command its share of `kills` times at random moments."""
    found: list[Kill] = []
    for scenario, count in zip(scenarios, _counts(scenarios, kills), strict=True):
        found += kill_at_random(scenario, count, chance, work, found)
    return found


def _counts(scenarios: list[Scenario], kills: int) -> list[int]:
    total = sum(scenario.share for scenario in scenarios)
    ends = [round(kills * sum(s.share for s in scenarios[: i + 1]) / total) for i in range(len(scenarios))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def table(kills: list[Kill]) -> str:
    """A line a command, and one for all of them."""
    groups = {
        name: [kill for kill in kills if kill.command == name] for name in dict.fromkeys(k.command for k in kills)
    }
    lines = [f"{'command':40}{'kills':>8}{'in window':>11}{'old':>6}{'new':>6}{'neither':>9}{'next run ok':>13}"]
    for name, group in {**groups, "all": kills}.items():
        old, new = (sum(kill.state == state for kill in group) for state in ("old", "new"))
        lines.append(
            f"{name:40}{len(group):8}{sum(k.in_window for k in group):11}{old:6}{new:6}{len(group) - old - new:9}"
            f"{sum(kill.sound for kill in group):13}"
        )
    for kill in kills:
        if not kill.sound:
            lines.append(f"{kill.command}, killed after {kill.seconds:.3f} s and {kill.events or 'no events'}:")
            lines += [f"  {fault}" for fault in (kill.faults or (kill.state,))]
    return "\n".join(lines)


@click.command()
@click.option("--kills", default=50, show_default=True, help="At random moments, over all commands.")
@click.option("--each-event", is_flag=True, help="Also before each opening and renaming of train, threshold, score.")
@click.option("--quick", is_flag=True, help="Draw a training's picture and convert a graph once only.")
@click.option("--seed", default=41, show_default=True, help="Of the random moments.")
@click.option("--json", "as_json", is_flag=True, help="Print every kill as JSON.")
def main(kills: int, each_event: bool, quick: bool, seed: int, as_json: bool) -> None:
    """Kill commands at random moments and check what is left; exits with 1 where something is wrong."""
    started = time.perf_counter()
    chance = random.Random(seed)
    event_kills: list[Kill] = []
    with tempfile.TemporaryDirectory(prefix="aetk-crash-") as folder:
        scenarios = prepare(Path(folder) / "states", quick)
        work = Path(folder) / "work"
        random_kills = kill_all(scenarios, kills, chance, work)
        if each_event:
            chosen = [scenario for scenario in scenarios if scenario.name in _EACH_EVENT]
            event_kills = [kill for scenario in chosen for kill in kill_at_each_event(scenario, work)]
    if as_json:
        click.echo(json.dumps({"random": [*map(asdict, random_kills)], "each_event": [*map(asdict, event_kills)]}))
    else:
        click.echo(table(random_kills))
        if event_kills:
            click.echo(f"\nat each event\n{table(event_kills)}")
        click.echo(f"\n{time.perf_counter() - started:.0f} s, seed {seed}")
    enough = 2 * sum(kill.in_window for kill in random_kills) >= len(random_kills)
    if not enough or not all(kill.sound for kill in [*random_kills, *event_kills]):
        raise SystemExit(1)
