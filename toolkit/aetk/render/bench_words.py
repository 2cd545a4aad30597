"""Writes the conclusions of a benchmark as sentences, or what is missing to conclude something."""

from collections.abc import Iterable, Sequence

from aetk.edge.bench.advice import Choice, Conclusion, ScorerThroughput, Undecided
from aetk.edge.bench.crossover import Crossover, Doubtful, Point
from aetk.edge.bench.disturbances import Disturbance, NotAlone, Overheated, QuotaReached, Slowed
from aetk.edge.bench.row import Skipped, TooLong
from aetk.edge.bench.setting import Setting
from aetk.render.format import count, seconds

MODES = {"run": "", "pinned": " pinned", "bound": " bound", "graph": " graph", "scorer": " Scorer"}
_HOW = {
    "run": "",
    "pinned": ", rows in pinned memory,",
    "bound": ", rows and answers on the device,",
    "graph": ", as a CUDA graph on the device,",
}
_REMEDIES = {"too few samples": "give more --seconds", "unstable": "measure again on a quiet machine"}


def disturbance(found: Disturbance) -> str:
    """A sentence about something that may have disturbed the measurement."""
    match found:
        case QuotaReached():
            times = f"{count(found.times, 'time')}, for {found.seconds:.2f} s"
            return f"throttled: the control group's quota held this process back {times}"
        case Overheated():
            return f"throttled: the processors slowed down for heat {count(found.times, 'time')}"
        case Slowed():
            rates = f"from {found.first / 1e9:,.0f} to {found.last / 1e9:,.0f} GFLOP/s"
            return (
                f"slower: the fixed matrix product on {found.provider} fell {rates}; throttled, or shared with others"
            )
        case NotAlone():
            return f"not alone: other processes took {found.share:.0%} of the processors during the run"


def conclusion(found: Conclusion) -> list[str]:
    """One line for each conclusion, and for each question that stays open."""
    if found.withheld:
        return ["no conclusion: other processes took the processors; measure again on a quiet machine"]
    several = {crossover.provider for crossover in found.crossovers if crossover.mode != "run"}
    lines = [_crossover(crossover, crossover.provider in several) for crossover in found.crossovers]
    lines += [_choice(choice) for choice in found.choices]
    lines += [_undecided(undecided) for undecided in found.undecided]
    return lines if found.scorer is None else [*lines, _scorer(found.scorer)]


def _crossover(found: Crossover, has_modes: bool) -> str:
    how = ", copies included," if found.mode == "run" and has_modes else _HOW[found.mode]
    words = _where(found, f"{found.provider}{how}")
    if not found.cpu_threads or all(point.verdict == "unknown" for point in found.points):
        return words
    threads = f"{_enumerate(found.cpu_threads)} thread" + "s" * (found.cpu_threads != (1,))
    return f"{words} (unlike settings: the CPU with {threads}, {found.provider} as it comes)"


def _where(found: Crossover, subject: str) -> str:
    first, last, below = found.points[0], found.points[-1], found.slower_up_to
    if found.faster_from == first.batch:
        return f"{subject} beats the CPU at every batch size measured, {_range(found)}: {_times(first, last)}"
    if found.faster_from is not None and below is not None:
        between = f"between {below:,} and {count(found.faster_from, 'row')}"
        return f"{subject} beats the CPU from {between} on: {_times(found.at(below), found.at(found.faster_from))}"
    if found.faster_from is not None:
        words = f"{subject} beats the CPU from {count(found.faster_from, 'row')} on, or from fewer"
        doubts = _reasons([point for point in found.points if point.batch < found.faster_from])
        return f"{words}: {_times(found.at(found.faster_from))}; {doubts}"
    if all(point.verdict == "slower" for point in found.points):
        return f"{subject} does not beat the CPU at any batch size measured, {_range(found)}: {_times(first, last)}"
    if last.verdict == "slower":
        wins = [point.batch for point in found.points if point.verdict == "faster"]
        but = f"; it does at {_sizes(wins)}" if wins else ""
        size = count(last.batch, "row")
        return f"{subject} does not beat the CPU at {size}, the largest batch that both ran: {_times(last)}{but}"
    words = f"from which batch size {subject.rstrip(',')} beats the CPU is not known"
    doubts = _reasons([point for point in found.points if below is None or point.batch > below])
    if below is None:
        return f"{words}: {doubts}"
    return f"{words}: {doubts}; {_times(found.at(below))}, it is slower"


def _range(found: Crossover) -> str:
    first, last = found.points[0].batch, found.points[-1].batch
    return count(first, "row") if first == last else f"{first:,} to {count(last, 'row')}"


def _times(*points: Point) -> str:
    said = [
        f"at {count(point.batch, 'row')} {seconds(point.median)} against {seconds(point.cpu_median)}"
        for point in dict.fromkeys(points)
    ]
    return ", ".join(said)


def _reasons(points: Sequence[Point]) -> str:
    alike = [point.batch for point in points if point.verdict == "alike"]
    said = [f"the two are alike at {_sizes(alike)}"] if alike else []
    said += doubts(doubtful for point in points for doubtful in point.doubtful)
    wins = [point.batch for point in points if point.verdict == "faster"]
    return "; ".join([*said, *([f"it is faster at {_sizes(wins)}"] if wins else [])])


def doubts(found: Iterable[Doubtful]) -> list[str]:
    """The rows that are too uncertain, grouped by the reason, and what to do about it."""
    groups: dict[str, dict[str, list[int]]] = {}
    for doubtful in dict.fromkeys(found):
        setting = doubtful.setting
        name = options(setting) + ("" if setting.mode == "run" else MODES[setting.mode])
        groups.setdefault(doubtful.doubt, {}).setdefault(name, []).append(setting.batch)
    return [
        f"{doubt}: {', '.join(f'{name} at {_sizes(sizes)}' for name, sizes in names.items())} ({_REMEDIES[doubt]})"
        for doubt, names in groups.items()
    ]


def _choice(found: Choice) -> str:
    others = "; ".join(options(setting) for setting in found.others)
    tried = f" (also tried: {others})" if others else " (nothing else was tried)"
    return f"best for {count(found.setting.batch, 'row')}: {options(found.setting)}, p50 {seconds(found.median)}{tried}"


def _undecided(found: Undecided) -> str:
    return f"no options can be chosen for {count(found.batch, 'row')}: {'; '.join(doubts(found.doubtful))}"


def _scorer(found: ScorerThroughput) -> str:
    against = "" if found.ratio is None else f", {found.ratio:.2g} times the best single session.run"
    rows = count(found.batch, "row")
    return f"aetk's Scorer answers {rows} at {found.rows_per_second / 1e6:.2f} million rows/s{against}"


def options(setting: Setting) -> str:
    """Provider, threads and spinning in a few words."""
    if setting.provider != "cpu":
        return setting.provider
    if setting.threads == 1:
        return "cpu with 1 thread"
    number = "auto" if setting.threads is None else f"{setting.threads}"
    return f"cpu with {number} threads" + ("" if setting.spinning else ", not spinning")


def left_out(skipped: Sequence[Skipped], too_long: Sequence[TooLong], once: Sequence[Setting]) -> list[str]:
    """What was not measured, or only once, and why."""
    lines = [f"{skip.provider}: not measured: {skip.reason}" for skip in skipped if skip.setting is None]
    failed: dict[tuple[str, str], list[int]] = {}
    for skip in skipped:
        if skip.setting is not None:
            failed.setdefault((_name(skip.setting), skip.reason), []).append(skip.setting.batch)
    lines += [f"{name} at {_sizes(sizes)}: not measured: {why}" for (name, why), sizes in failed.items()]
    missing: dict[str, list[TooLong]] = {}
    for row in too_long:
        missing.setdefault(_name(row.setting), []).append(row)
    for name, rows in missing.items():
        first = rows[0]
        known = "" if first.expected_seconds is None else f"a run takes some {seconds(first.expected_seconds)}, and "
        why = f"{known}{seconds(first.left_seconds)} were left" if first.left_seconds else f"{known}no time was left"
        sizes = _sizes([row.setting.batch for row in rows])
        lines.append(f"{name} at {sizes}: left out: {why}; give more --seconds")
    brief: dict[str, list[int]] = {}
    for setting in once:
        brief.setdefault(_name(setting), []).append(setting.batch)
    lines += [
        f"{name} at {_sizes(sizes)}: measured once, for want of time; give more --seconds"
        for name, sizes in brief.items()
    ]
    return lines


def _name(setting: Setting) -> str:
    return options(setting) + MODES[setting.mode]


def _sizes(batches: Sequence[int]) -> str:
    return _enumerate(batches) + (" row" if list(batches) == [1] else " rows")


def _enumerate(numbers: Sequence[int]) -> str:
    *others, last = (f"{number:,}" for number in numbers)
    return f"{', '.join(others)} and {last}" if others else last
