"""BatchNorm over the batches of all processes together, on any device; PyTorch's own needs CUDA."""

import copy
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import batch_norm


class _Normalize(torch.autograd.Function):
    """(x - mean) / √(variance + ε), with the mean and the variance of the rows of all processes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
        """Normalise rows, [batch, width]; also return the mean and the biased variance, [width] each."""
        own = torch.stack([rows.mean(0), rows.var(0, correction=0)])
        every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(every, own)
        means, variances = torch.stack(every).unbind(1)
        mean = means.mean(0)
        # not the mean of squares minus the square of the mean, which loses all digits for raw values
        variance = variances.mean(0) + (means - mean).square().mean(0)
        inverse = (variance + epsilon).rsqrt()
        normal = (rows - mean) * inverse
        ctx.save_for_backward(normal, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return normal, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Compute the gradient of Ioffe and Szegedy (2015), with both means over all processes."""
        normal, inverse = ctx.saved_tensors
        gradient = gradients[0]
        means = torch.stack([gradient.mean(0), (gradient * normal).mean(0)])
        dist.all_reduce(means)
        means /= dist.get_world_size()
        return (gradient - means[0] - normal * means[1]) * inverse, None


class SyncedBatchNorm(nn.Module):
    """Does what `nn.BatchNorm1d` does with the concatenated batches of all processes, which must be of equal size.

    It uses the parameters and running statistics of the layer that it replaces. PyTorch's SyncBatchNorm refuses CPU
    tensors.

    Args:
        layer: the layer whose tensors are used, and whose running statistics are updated.
    """

    def __init__(self, layer: nn.BatchNorm1d) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        # not registered: DistributedDataParallel would send them in each step, though they are equal in all processes
        self.running_mean, self.running_var = _tensor(layer.running_mean), _tensor(layer.running_var)
        self.num_batches_tracked = _tensor(layer.num_batches_tracked)
        assert layer.momentum is not None  # the cumulative average is not used here
        self.epsilon, self.momentum = layer.eps, layer.momentum

    def forward(self, rows: Tensor) -> Tensor:
        """Normalise this process's rows, float32 [batch, width]; in evaluation mode, by the running statistics."""
        if not self.training:
            return batch_norm(
                rows, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.epsilon
            )
        normal, mean, variance = _Normalize.apply(rows, self.epsilon)
        count = len(rows) * dist.get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            self.num_batches_tracked += 1
        scaled: Tensor = normal * self.weight + self.bias
        return scaled


def _tensor(found: Tensor | None) -> Tensor:
    assert found is not None  # layers without running statistics are not used here
    return found


def synchronised(networks: nn.Module) -> nn.Module:
    """Copy the networks, sharing parameters and buffers, with a BatchNorm over all processes."""
    shared = {id(tensor): tensor for tensor in (*networks.parameters(), *networks.buffers())}
    twin = copy.deepcopy(networks, shared)  # deepcopy takes the tensors in its memo as already copied
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm1d):
                setattr(parent, name, SyncedBatchNorm(child))
    return twin
