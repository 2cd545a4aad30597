"""The training loop of every recipe, which is deterministic and can continue after an interruption."""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import l1_loss
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from aetk.base.errors import CheckFailed, Interrupted
from aetk.edge.tables.chunk import listed
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.threads import threads_for
from aetk.lab.recipe import Recipe
from aetk.lab.training.adam import Adam
from aetk.lab.training.batches import Batches
from aetk.lab.training.checkpoint import Checkpoint, Progress, clone, write_checkpoint
from aetk.lab.training.distributed.group import ALONE, Group
from aetk.lab.training.gaussian_noise import GaussianNoise
from aetk.lab.training.options import Options
from aetk.lab.training.report import Evaluation
from aetk.lab.training.signals import SIGNALS, StopRequest
from aetk.lab.training.swap_noise import SwapNoise

_SAVE_EVERY = 10.0
"""Seconds between checkpoints, so that a killed fit loses little."""
_APART = 2**40
"""The distance between the noise seeds of two ranks: more than the number of steps in a fit."""
_LOOK_EVERY = 50
"""The number of steps between two checks of the losses on a device; each check waits for the device."""
_UNSEEN_BYTES = 2**26
"""The device memory for rows of steps that were not checked yet; large batches are therefore checked more often."""


@dataclass(frozen=True)
class Job:
    """The task of a fit.

    Attributes:
        networks: the networks, on the device; they are changed in place and end with the best weights.
        batches: the scaled rows, on the device.
        feature_names: the name of the feature of each column of the rows, for messages.
        score: the selection score of the networks in evaluation mode; higher is better. Only the first process uses it.
        recipe: the recipe to train by.
        steps: the number of optimizer steps in all.
        seed: the seed of the swap noise.
        checkpoint: the file to save to.
        options: the options of the run, for the checkpoint.
        bar: a tqdm class or a replacement; called as `bar(total=..., initial=...)`.
        amp: whether the networks compute in bfloat16 as far as autocast does; the weights stay float32.
        look_every: the number of steps between two checks that the losses are finite; None for every step on the CPU,
            where a check costs nothing, and for a suitable number on other devices.
        group: the processes that fit together; their jobs differ only in the batches.
        stop: records SIGINT and SIGTERM; None to let the fit make its own.
    """

    networks: Autoencoders
    batches: Batches
    feature_names: tuple[str, ...]
    score: Callable[[Autoencoders], float]
    recipe: Recipe
    steps: int
    seed: int
    checkpoint: Path
    options: Options
    bar: Callable[..., Any]
    amp: bool = False
    look_every: int | None = None
    group: Group = ALONE
    stop: StopRequest | None = None


def reconstruction_error(reconstructions: Tensor, rows: Tensor) -> Tensor:
    """The mean absolute error, scalar, between reconstructions, [batch, networks, n], and rows, [batch, n]."""
    return l1_loss(reconstructions, rows[:, None].expand_as(reconstructions))


def fit(job: Job, resume: Checkpoint | None = None) -> Progress:
    """Train until all steps are done or patience ends; the networks end with the weights of the best score.

    Raises:
        CheckFailed: a loss is not finite; the last good checkpoint stays.
        Interrupted: SIGINT or SIGTERM came; the step was finished and saved.
    """
    loop = _Loop(job, resume)
    noting = StopRequest() if job.stop is None else contextlib.nullcontext(job.stop)
    with noting as stop, _repeatable(job), loop.open_bar() as bar:
        loop.run(stop, bar)
    return loop.progress


@dataclass(frozen=True)
class _Unseen:
    """A finished step whose loss was not checked yet.

    Attributes:
        step: the step, counted from 0.
        loss: the loss, scalar on the device; NaN if a statistic of BatchNorm is not finite.
        rows, reconstruction: [batch, n] and [batch, networks, n], for finding the columns at fault.
    """

    step: int
    loss: Tensor
    rows: Tensor
    reconstruction: Tensor


class _Loop:
    """The state of one fit."""

    def __init__(self, job: Job, resume: Checkpoint | None) -> None:
        self.job = job
        self.progress = Progress() if resume is None else resume.progress
        self.best = clone(job.networks.state_dict())
        self.per_epoch = job.batches.per_epoch
        self.optimizer = Adam(job.networks.parameters(), lr=job.recipe.learning_rate, fused=True)
        self.scheduler = self._make_scheduler()
        if resume is not None:
            self._restore(resume)
        self.saved_step = self.progress.step
        self.last: _Unseen | None = None
        self.unseen: list[_Unseen] = []
        self.look_every = job.look_every or _look_every(job)
        self.noise = SwapNoise(job.recipe.swap_noises, _device(job))
        self.gaussian_noise = GaussianNoise(job.recipe.gaussian_noise, _device(job))
        self.statistics = [buffer for buffer in job.networks.buffers() if buffer.is_floating_point()]
        self.model = job.group.parallel(job.networks)

    def _make_scheduler(self) -> OneCycleLR | ReduceLROnPlateau:
        recipe = self.job.recipe
        if recipe.schedule == "one-cycle":
            return OneCycleLR(self.optimizer, recipe.learning_rate, total_steps=self.job.steps + 1)
        return ReduceLROnPlateau(self.optimizer, mode="max", factor=0.5, patience=10, threshold_mode="abs", min_lr=1e-8)

    def _restore(self, saved: Checkpoint) -> None:
        device = _device(self.job)
        self.job.networks.load_state_dict(saved.part("networks"))
        self.best = {name: tensor.to(device) for name, tensor in saved.part("best").items()}
        self.job.batches.restore(saved.tensors)
        self._replay_schedule()
        for index, parameter in enumerate(self.job.networks.parameters()):
            state = saved.part(f"optimizer.{index}")
            if state:
                self.optimizer.state[parameter] = {name: tensor.to(device) for name, tensor in state.items()}

    def _replay_schedule(self) -> None:
        """Bring the schedule to the saved step; it depends only on steps and scores, so it is repeated, not saved."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "scheduler stepped before the optimizer"
            if isinstance(self.scheduler, OneCycleLR):
                for _ in range(self.progress.step):
                    self.scheduler.step()
            else:
                for line in self.progress.history:
                    self.scheduler.step(line.score)

    def save(self) -> None:
        """Write the checkpoint; raise CheckFailed instead if the networks are not finite."""
        self._check_networks()
        tensors = {f"networks.{name}": t for name, t in self.job.networks.state_dict().items()}
        tensors |= {f"best.{name}": t for name, t in self.best.items()}
        for index, parameter in enumerate(self.job.networks.parameters()):
            state = self.optimizer.state.get(parameter, {})
            tensors |= {f"optimizer.{index}.{name}": t for name, t in state.items()}
        tensors |= self.job.batches.state(self.progress.step)
        with self.job.group.fail_together():
            if self.job.group.is_first:
                write_checkpoint(self.job.checkpoint, Checkpoint(self.job.options, self.progress, tensors))
        self.saved_step = self.progress.step

    @contextlib.contextmanager
    def open_bar(self) -> Iterator[Any]:
        """Open the progress bar, which counts steps."""
        with self.job.bar(total=self.job.steps, initial=self.progress.step, unit="step") as bar:
            yield bar

    def run(self, stop: StopRequest, bar: Any) -> None:
        """Train to the end, then load the best weights."""
        with self.job.group.detect_loss(self._describe_loss):
            self._run(stop, bar)
        self.job.networks.load_state_dict(self.best)
        self.job.networks.eval()

    def _run(self, stop: StopRequest, bar: Any) -> None:
        progress = self.progress
        before, started = progress.seconds, time.perf_counter()
        saved = started
        if progress.step == 0:
            self.save()  # after this, --resume knows the options and the data
        batches = self.job.batches.stream(progress.step)
        while not self._is_over():
            self._step(next(batches))
            bar.update()
            if self._is_due():
                self._evaluate(bar)
            elif progress.step % self.look_every:
                continue
            self._look()
            now = time.perf_counter()
            progress.seconds = before + now - started
            received, saves = self._agree(stop.received, now - saved > _SAVE_EVERY)
            if received is not None and not self._is_over():
                self.save()
                found = f"Stopped after step {progress.step} of {self.job.steps}; everything so far is saved."
                raise Interrupted(found, received)
            if saves:
                self.save()
                saved = now

    def _agree(self, received: int | None, saves: bool) -> tuple[int | None, bool]:
        """The signal that any process has received, or None, and whether the first process wants to save."""
        mine = [float(received == number) for number in SIGNALS]
        *got, wanted = self.job.group.sum([*mine, float(saves and self.job.group.is_first)])
        return next((number for number, count in zip(SIGNALS, got, strict=True) if count), None), wanted > 0

    def _describe_loss(self) -> str:
        return (
            f"Lost another process of this fit in step {self.progress.step + 1} of {self.job.steps}; "
            f"step {self.saved_step} is the last that is saved."
        )

    def _step(self, rows: Tensor) -> None:
        """Do one optimizer step without waiting for the device; `_look` waits once for many steps."""
        self.model.train()
        seed = self._noise_seed()
        versions = self.gaussian_noise(rows, self.noise(rows, seed), seed)
        with self._autocast():
            reconstruction = self.model(versions).float()
        loss = reconstruction_error(reconstruction, rows)
        watched = loss.detach()
        if self.statistics:
            # they can overflow while the loss is finite, which only scoring would notice; x - x is 0, or NaN for inf
            flat = torch.cat(self.statistics)
            watched = watched + (flat - flat).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if isinstance(self.scheduler, OneCycleLR):
            self.scheduler.step()
        self.last = _Unseen(self.progress.step, watched, rows, reconstruction.detach())
        self.unseen.append(self.last)
        self.progress.step += 1

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if not self.job.amp:
            return contextlib.nullcontext()
        return torch.autocast(_device(self.job).type, torch.bfloat16)

    def _look(self) -> None:
        """Add up the losses since the last check; raise CheckFailed for the first one that is not finite anywhere."""
        if not self.unseen:
            return
        group, progress = self.job.group, self.progress
        losses: list[float] = torch.stack([each.loss for each in self.unseen]).tolist()  # waits for the device
        for each, loss in zip(self.unseen, group.sum([loss / group.world for loss in losses]), strict=True):
            if not math.isfinite(loss):
                raise self._not_finite(each)
            progress.loss_sum += loss * len(each.rows)
            progress.loss_rows += len(each.rows)
        self.unseen.clear()

    def _check_networks(self) -> None:
        """Raise CheckFailed if a loss or a weight is not finite, before the networks are saved or kept as the best."""
        self._look()
        sound = torch.stack([parameter.isfinite().all() for parameter in self.job.networks.parameters()])
        if not bool(sound.all()):
            raise self._not_finite(self.last)

    def _noise_seed(self) -> int:
        """The seed of a step's noise, which depends only on job, step and rank: a resumed fit repeats the noise."""
        return self.job.seed * 1_000_003 + self.progress.step + self.job.group.rank * _APART

    def _is_due(self) -> bool:
        every = self.job.recipe.evaluate_every or self.per_epoch
        return self.progress.step % every == 0 or self.progress.step == self.job.steps

    def _evaluate(self, bar: Any) -> None:
        """Score the networks, and keep their weights if they are the best so far."""
        self._check_networks()
        progress, networks = self.progress, self.job.networks
        networks.eval()
        score = self.job.group.compute_on_first(lambda: self.job.score(networks))
        if not math.isfinite(score):
            raise self._not_finite(self.last)
        rate = float(self.optimizer.param_groups[0]["lr"])
        loss = progress.loss_sum / progress.loss_rows
        epoch = -(-progress.step // self.per_epoch)
        progress.history.append(Evaluation(progress.step, epoch, loss, score, rate))
        progress.loss_sum, progress.loss_rows = 0.0, 0
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(score)
        if progress.best_score is None or score > progress.best_score:
            progress.best_score, progress.best_step = score, progress.step
            self.best = clone(networks.state_dict())
        bar.set_postfix(loss=f"{loss:.4f}", score=f"{score:.4f}", refresh=False)

    def _is_over(self) -> bool:
        """Whether all steps are done, or the best score is older than the recipe's patience."""
        progress, patience = self.progress, self.job.recipe.patience
        if progress.step >= self.job.steps:
            return True
        if patience is None or progress.best_score is None:
            return False
        return progress.step - progress.best_step >= patience * (self.job.recipe.evaluate_every or self.per_epoch)

    def _not_finite(self, found: _Unseen | None) -> CheckFailed:
        """The error for a step, which names epoch, batch and the columns at fault; None stands for before any step."""
        names, nothing = self.job.feature_names, torch.zeros(1)
        found = found or _Unseen(0, nothing, torch.zeros(1, len(names)), torch.zeros(1, 1, len(names)))
        step, rows, reconstruction = found.step, found.rows, found.reconstruction
        at_fault = ~(reconstruction - rows[:, None]).abs().mean(0).isfinite().all(0)
        at_fault = self.job.group.max(at_fault.float()) > 0
        largest = self.job.group.max(rows.abs().amax(0))
        if at_fault.all() or not at_fault.any():  # the network is not finite: the largest inputs are the likely cause
            at_fault = largest >= largest.max() / 1000
        culprits = [*dict.fromkeys(names[i] for i in torch.nonzero(at_fault).flatten().tolist())]
        hint = "Check those columns for extreme values"
        if self.job.recipe.scaling == "none":
            hint += ", or train with --set scaling=standard"
        return CheckFailed(
            f"The loss is not finite in epoch {step // self.per_epoch + 1}, batch {step % self.per_epoch + 1}; "
            f"columns at fault: {listed(culprits, '.')}",
            f"{hint}.",
        )


def _look_every(job: Job) -> int:
    """The number of steps between two checks that suits the device; 1 on the CPU, where a check causes no wait."""
    if _device(job).type == "cpu":
        return 1
    bytes_each = 4 * job.batches.batch_rows * len(job.feature_names) * (1 + len(job.networks))
    return min(_LOOK_EVERY, max(1, _UNSEEN_BYTES // bytes_each))


def _device(job: Job) -> torch.device:
    return next(job.networks.parameters()).device


@contextlib.contextmanager
def _repeatable(job: Job) -> Iterator[None]:
    """Make the weights repeatable: the same seed gives the same bits on the same machine."""
    # use_deterministic_algorithms does the same, but imports the compiler, which takes as long as `import torch`
    deterministic = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("error")
    parameters = sum(parameter.numel() for parameter in job.networks.parameters())
    try:
        with threads_for(job.batches.batch_rows * parameters):
            yield
    finally:
        torch.set_deterministic_debug_mode(deterministic)
