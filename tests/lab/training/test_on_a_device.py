"""Training on a device that works behind the caller's back, as far as it can be proven on the CPU.

The habits of a device (`Job.look_every`) are put upon a fit on the CPU; every way in which the loop could read a value
from a device, and so wait for it, is counted.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from aetk.base.errors import CheckFailed, Interrupted
from aetk.lab.training import loop as fitting
from aetk.lab.training.checkpoint import read_checkpoint
from aetk.lab.training.loop import fit

from .fitting import bits, make_job, one_thread, table

WITHIN = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.equal.default}
"""What PyTorch itself calls where the host has to know a value of a device."""
BY_NAME = {"item", "tolist", "numpy", "cpu", "to", "__bool__", "__int__", "__float__", "__index__", "__array__"}
FROM_HOST = {torch.tensor, torch.as_tensor, torch.from_numpy}


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


class _Within(TorchDispatchMode):
    def __init__(self, seen):
        super().__init__()
        self._seen = seen

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        by_mask = function is torch.ops.aten.index.Tensor and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if function in WITHIN or by_mask:  # a mask has to be counted before there is a result
            self._seen.append(str(function))
        return function(*args, **(kwargs or {}))


class _ByName(TorchFunctionMode):
    def __init__(self, seen):
        super().__init__()
        self._seen = seen

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in BY_NAME or function in FROM_HOST:
            self._seen.append(function.__name__)
        return function(*args, **(kwargs or {}))


def reads_by_step(job, monkeypatch):
    """For each step of a fit, what it read from the device until the next step began."""
    steps = []
    step = fitting._Loop._step

    def counted(self, rows):
        steps.append([])
        with _Within(steps[-1]), _ByName(steps[-1]):
            step(self, rows)

    look = fitting._Loop._look

    def looking(self):
        if not self.unseen:
            return
        with _ByName(steps[-1]):
            look(self)

    monkeypatch.setattr(fitting._Loop, "_step", counted)
    monkeypatch.setattr(fitting._Loop, "_look", looking)
    fit(job)
    return steps


@pytest.mark.parametrize("recipe", ["default", "reference"])
@pytest.mark.parametrize("amp", [False, True], ids=["float32", "amp"])
def test_no_step_reads_from_the_device_between_two_looks(tmp_path, monkeypatch, recipe, amp):
    job = make_job(tmp_path, recipe=recipe, steps=41, evaluate_every=1000, patience=None)
    steps = reads_by_step(replace(job, look_every=10, amp=amp), monkeypatch)
    looked = [number for number, reads in enumerate(steps, 1) if reads]
    assert looked == [10, 20, 30, 40, 41]
    assert all(steps[number - 1] == ["tolist"] for number in looked)


def test_the_counting_sees_every_way_to_read():
    """Or the test above would prove nothing."""
    one = torch.ones(1)
    ways = [one.item, one.tolist, one.numpy, one.cpu, one.nonzero, lambda: bool(one), lambda: float(one)]
    ways += [lambda: one[one > 0], lambda: one.to("cpu"), lambda: torch.equal(one, one), lambda: torch.tensor([1.0])]
    for way in ways:
        seen = []
        with _Within(seen), _ByName(seen):
            way()
        assert seen


@pytest.mark.parametrize("recipe", ["default", "reference"])
def test_looking_seldom_changes_neither_weights_nor_history(tmp_path, recipe):
    options = {"recipe": recipe, "steps": 30, "evaluate_every": 7}
    often, seldom = make_job(tmp_path, **options), make_job(tmp_path, **options)
    first, second = fit(often), fit(replace(seldom, look_every=4))
    assert bits(often.networks) == bits(seldom.networks)
    assert first.history == second.history


def spoiling(job, monkeypatch, at):
    """Let one cell of the batch of step `at`, counted from 0, be infinite, in its third column."""
    steps = []
    step = fitting._Loop._step

    def spoilt(self, rows):
        if len(steps) == at:
            rows = rows.clone()
            rows[1, 2] = math.inf
        steps.append(len(rows))
        step(self, rows)

    monkeypatch.setattr(fitting._Loop, "_step", spoilt)
    return steps


@pytest.mark.parametrize("look_every", [1, 6, 50])
@pytest.mark.parametrize("at", [0, 1, 5, 6, 7, 10, 11, 12, 22, 23])
def test_a_bad_step_reaches_neither_a_checkpoint_nor_the_best_weights_and_is_named(
    tmp_path, monkeypatch, look_every, at
):
    """Four steps an epoch, an evaluation every sixth, a checkpoint at each look."""
    monkeypatch.setattr(fitting, "_SAVE_EVERY", 0.0)
    job = make_job(tmp_path, steps=24, evaluate_every=6, patience=None, swap_noise=(0.0,))
    done = spoiling(job, monkeypatch, at)
    with pytest.raises(CheckFailed, match=rf"epoch {at // 4 + 1}, batch {at % 4 + 1}; columns at fault: c\."):
        fit(replace(job, look_every=look_every))
    assert len(done) <= at + look_every
    saved = read_checkpoint(job.checkpoint)
    assert saved.progress.step <= at
    assert all(line.step <= at for line in saved.progress.history)
    floats = [tensor for tensor in saved.tensors.values() if tensor.is_floating_point()]
    assert floats
    assert all(bool(tensor.isfinite().all()) for tensor in floats)


@pytest.mark.parametrize("look_every", [1, 9])
def test_statistics_that_overflow_while_the_loss_is_finite_are_seen_at_the_next_look(tmp_path, monkeypatch, look_every):
    monkeypatch.setattr(fitting, "_SAVE_EVERY", 0.0)
    job = make_job(tmp_path, steps=24, evaluate_every=12, patience=None)
    step, done = fitting._Loop._step, []

    def spoilt(self, rows):
        if len(done) == 3:
            self.statistics[-1].fill_(math.inf)
        done.append(None)
        step(self, rows)

    monkeypatch.setattr(fitting._Loop, "_step", spoilt)
    with pytest.raises(CheckFailed, match="epoch 1, batch 4"):
        fit(replace(job, look_every=look_every))
    assert read_checkpoint(job.checkpoint).progress.step <= 3


def test_weights_that_the_last_step_spoilt_are_not_called_the_best(tmp_path, monkeypatch):
    """Its loss was finite, and a score by labels is so even of a network that is lost."""
    job = make_job(tmp_path, steps=6, evaluate_every=6, patience=None, score=lambda networks: 1.0)
    step = fitting._Loop._step

    def spoilt(self, rows):
        step(self, rows)
        if self.progress.step == 6:
            next(iter(self.job.networks.parameters())).data.fill_(math.nan)

    monkeypatch.setattr(fitting._Loop, "_step", spoilt)
    with pytest.raises(CheckFailed, match="epoch 2, batch 2"):
        fit(replace(job, look_every=50))


def test_a_signal_between_two_looks_saves_at_the_next_and_the_fit_goes_on_bit_for_bit(tmp_path):
    options = {"steps": 24, "evaluate_every": 9, "patience": None}
    whole = make_job(tmp_path, **options)
    expected = fit(replace(whole, look_every=5))
    with pytest.raises(Interrupted, match="Stopped after step 15 of 24"):
        fit(replace(make_job(tmp_path, at=11, **options), look_every=5))
    rest = make_job(tmp_path, **options)
    found = fit(replace(rest, look_every=5), read_checkpoint(rest.checkpoint))
    assert bits(rest.networks) == bits(whole.networks)
    assert found.history == expected.history


def test_on_the_cpu_each_step_is_looked_at_and_on_a_device_as_many_as_its_memory_is_worth(tmp_path, monkeypatch):
    job = make_job(tmp_path)
    assert fitting._look_every(job) == 1
    monkeypatch.setattr(fitting, "_device", lambda job: torch.device("cuda"))
    assert fitting._look_every(job) == 50
    monkeypatch.setattr(fitting, "_UNSEEN_BYTES", 3 * 32 * 4 * 4 * 7)  # rows and two reconstructions, 7 times
    assert fitting._look_every(job) == 7
    monkeypatch.setattr(fitting, "_UNSEEN_BYTES", 1)
    assert fitting._look_every(job) == 1


def test_mixed_precision_computes_in_bfloat16_and_keeps_weights_and_losses_in_float32(tmp_path):
    job = make_job(tmp_path, steps=60, rows=table(200), evaluate_every=20, patience=None)
    kinds = set()
    for network in job.networks:
        network[0].register_forward_hook(
            lambda layer, _, output: kinds.add(output.dtype) if layer.training else kinds.add("scored in float32")
        )
    progress = fit(replace(job, amp=True))
    assert kinds == {torch.bfloat16, "scored in float32"}
    assert all(parameter.dtype == torch.float32 for parameter in job.networks.parameters())
    assert progress.history[-1].loss < progress.history[0].loss
