"""What every row goes through before a network sees it: imputation and scaling."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aetk.contract import spec
from aetk.lab.data.preprocessing import fit_scaling, medians
from aetk.lab.data.split import impute
from aetk.lab.training.distributed.group import Group
from aetk.lab.training.plan import Plan


@dataclass(frozen=True)
class Preprocessing:
    """Imputation, where there is any, and scaling.

    Attributes:
        center, inverse_scale: float32 [n].
        fill: float64 [n], the medians.
        imputes: whether `fill` takes the place of missing and infinite values.
    """

    center: Tensor
    inverse_scale: Tensor
    fill: Tensor
    imputes: bool

    def __call__(self, rows: NDArray[np.float64]) -> Tensor:
        """Rows, float64 [rows, n], as the networks take them, float32 on the CPU."""
        if self.imputes:
            rows = np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, self.fill.numpy())
        return (torch.from_numpy(rows.astype(np.float32)) - self.center) * self.inverse_scale


def fit_preprocessing(plan: Plan, group: Group) -> Preprocessing:
    """What the rows to fit on ask for; the first process finds out."""
    imputes = plan.request["missing"] == "median"
    found = dict[str, Tensor]()
    with group.fail_together():
        if group.is_first:
            found = _measure(plan, imputes)
    return Preprocessing(**group.broadcast_tensors(found), imputes=imputes)


def _measure(plan: Plan, imputes: bool) -> dict[str, Tensor]:
    fill = medians(plan.parts.fit)
    parts = impute(plan.parts, fill) if imputes else plan.parts
    moments = None if plan.stream is None else plan.stream.moments
    if moments is not None and imputes:
        moments = moments.filled(plan.fit_rows, fill)
    center, inverse_scale = fit_scaling(parts.fit, plan.recipe, moments)
    return {"center": center, "inverse_scale": inverse_scale, "fill": torch.from_numpy(fill)}
