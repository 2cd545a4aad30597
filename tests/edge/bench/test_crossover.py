"""From which batch size a provider beats the CPU follows from stable rows, with its uncertainty, or is not known."""

import pytest

from aetk.edge.bench.crossover import Doubtful, find_crossovers, find_fastest
from aetk.edge.bench.setting import Setting

from .making import measured, shaky

CPU = {1: 20, 64: 60, 1024: 600, 4096: 2500}


def rows(provider, medians, mode="run", **options):
    return [measured(provider, batch, value, mode, **options) for batch, value in medians.items()]


def one(*measured_rows):
    (found,) = find_crossovers([*measured_rows])
    return found


def verdicts(crossover):
    return {point.batch: point.verdict for point in crossover.points}


def test_it_lies_between_the_last_batch_that_is_slower_and_the_first_from_which_all_are_faster():
    found = one(*rows("cpu", CPU), *rows("cuda", {1: 10, 64: 80, 1024: 110, 4096: 200}))
    assert verdicts(found) == {1: "faster", 64: "slower", 1024: "faster", 4096: "faster"}
    assert (found.slower_up_to, found.faster_from) == (64, 1024)
    assert found.at(1024).median == pytest.approx(110e-6, rel=1e-4)
    assert found.at(1024).cpu_median == pytest.approx(600e-6, rel=1e-4)
    assert found.at(1024).high < 1 < found.at(64).low


def test_a_provider_that_never_wins_has_none():
    found = one(*rows("cpu", CPU), *rows("cuda", dict.fromkeys(CPU, 3000)))
    assert (found.slower_up_to, found.faster_from) == (4096, None)


def test_batches_at_which_the_windows_overlap_widen_it():
    cuda = rows("cuda", {1: 100, 64: 200, 4096: 200})
    cuda.insert(2, shaky(measured("cuda", 1024), 580, 580, 620, 620, 620))
    found = one(*rows("cpu", CPU), *cuda)
    assert verdicts(found)[1024] == "alike"
    assert (found.slower_up_to, found.faster_from) == (64, 4096)


def test_an_unstable_or_a_brief_row_says_nothing():
    """72 against 75 ms at drifts of 47 and 99%, as it was once taken for a win."""
    ours, theirs = measured("cuda", 4096), measured(batch=4096)
    found = one(*rows("cpu", {1: 20}), *rows("cuda", {1: 90}), shaky(ours, 72, 72, 106), shaky(theirs, 75, 75, 149))
    assert verdicts(found) == {1: "slower", 4096: "unknown"}
    assert (found.slower_up_to, found.faster_from) == (1, None)
    assert found.at(4096).doubtful == (
        Doubtful(Setting("cpu", 4096), "unstable"), Doubtful(Setting("cuda", 4096), "unstable"),
    )  # fmt: skip
    assert (found.at(4096).low, found.at(4096).high) == (None, None)
    brief = measured("cuda", 4096, 10, samples=1)
    found = one(*rows("cpu", CPU), *rows("cuda", {1: 90}), brief)
    assert found.at(4096).doubtful == (Doubtful(brief.setting, "too few samples"),)
    assert found.faster_from is None


def test_the_cpus_best_options_are_the_ones_to_beat():
    single = measured(batch=1024, microseconds=50, threads=1)
    found = one(*rows("cpu", CPU), single, *rows("cuda", {1024: 110}))
    assert (found.faster_from, found.at(1024).cpu) == (None, single.setting)


def test_options_of_the_cpu_that_are_doubtful_and_may_be_faster_leave_it_unknown():
    single = shaky(measured(batch=1024, threads=1), 100, 100, 150)
    found = one(*rows("cpu", CPU), single, *rows("cuda", {1024: 300}))
    assert verdicts(found) == {1024: "unknown"}
    assert found.at(1024).doubtful == (Doubtful(single.setting, "unstable"),)


def test_doubtful_options_of_which_even_the_fastest_run_is_slower_are_out_of_the_question():
    known, hopeless = measured(microseconds=20), shaky(measured(threads=1), 100, 100, 150)
    assert find_fastest([known, hopeless]) == (known, ())
    assert find_fastest([hopeless]) == (None, (Doubtful(hopeless.setting, "unstable"),))


def test_every_mode_has_its_own():
    found = find_crossovers([
        *rows("cpu", CPU), *rows("cuda", dict.fromkeys(CPU, 100)), *rows("cuda", dict.fromkeys(CPU, 40), "graph"),
        measured(batch=4096, mode="scorer"),
    ])  # fmt: skip
    assert [(one.provider, one.mode, one.slower_up_to, one.faster_from) for one in found] == [
        ("cuda", "run", 64, 1024), ("cuda", "graph", 1, 64),
    ]  # fmt: skip


def test_a_cpu_whose_threads_were_chosen_is_unlike_a_provider_as_it_comes():
    cuda = rows("cuda", {1: 90})
    assert one(*rows("cpu", {1: 20}, threads=1), *rows("cpu", {1: 20}, threads=2), *cuda).cpu_threads == (1, 2)
    assert one(*rows("cpu", {1: 20}, threads=1), *rows("cpu", {1: 20}), *cuda).cpu_threads == ()


def test_without_a_batch_that_both_ran_there_is_nothing_to_compare():
    assert find_crossovers([*rows("cpu", {1: 20}), *rows("cuda", {64: 90})]) == ()
    assert find_crossovers(rows("cuda", CPU)) == ()
