"""Adam, without the imports that only `torch.compile` needs."""

import inspect

import torch


class Adam(torch.optim.Adam):
    """`torch.optim.Adam` for a model that is not compiled, with bit-identical results.

    PyTorch wraps these methods for its compiler, and the wrappers import `torch._dynamo`, which takes longer than
    `import torch` itself. Without the wrappers, a step still runs without gradients.
    """

    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Adam.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
